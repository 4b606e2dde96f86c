"""`brewbench extract_features`: run a net on its data and write some of its blobs into databases."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from queue import Full, Queue
from typing import Any

import numpy as np

from .flags import Parser, UsageError, backend, machine, names, positive, require

_EPILOG = """
The net runs in its phase TEST. Each of the BLOBS, names with commas between them, goes into the database of the same
place in DATABASES: a row for each item of the batch, under the key '0000000012', a Datum with the values in float_data,
of channels, height and width as the item has them, or 1 each. The databases appear under their names when they are
complete.
"""
_REPORT_EVERY = 1000
_BATCHES_WAITING = 4

Row = tuple[bytes, bytes]


def run(words: Sequence[str]) -> None:
    """Extract. Raises UsageError, DefinitionError, ParseError, ValueError, OSError."""
    parser = Parser("extract_features", _EPILOG)
    parser.add_argument("weights", metavar="WEIGHTS", help="a .caffemodel")
    parser.add_argument("model", metavar="NET", help="the prototxt of a net with a data layer")
    parser.add_argument("blobs", metavar="BLOBS", type=names, help="what to extract")
    parser.add_argument("dbs", metavar="DATABASES", type=names, help="the folders to make, one for each blob")
    parser.add_argument("batches", metavar="BATCHES", type=positive, help="number of batches to run")
    parser.add_argument("db_type", metavar="TYPE", type=backend, help="lmdb or leveldb")
    parser.add_argument("mode", metavar="CPU/GPU", nargs="?", choices=("CPU", "GPU"), help="CPU if not given")
    parser.add_argument("device", metavar="DEVICE_ID", nargs="?", default="0", help="number of the GPU; 0 if not given")
    parser.add_log()
    args = parser.parse(words)
    require(args.db_type)
    if len(args.blobs) != len(args.dbs):
        raise UsageError(f"give as many databases as blobs; got {len(args.dbs)} and {len(args.blobs)}")
    for db in args.dbs:
        if args.dbs.count(db) > 1:
            raise UsageError(f"two blobs cannot go into one database, {db}")
        if Path(db).exists():
            raise FileExistsError(f"{db} is already there")
    args.gpu = args.device.removeprefix("DEVICE_ID=") if args.mode == "GPU" else None

    from .log import logging_as

    with machine(args) as gpus, logging_as(args):
        _extract(args, gpus)


def _extract(args: Namespace, gpus: list[int]) -> None:
    from ...engine import TEST, Net
    from .log import LOG
    from .progress import progress_bar

    LOG.error("Using %s", "GPU" if gpus else "CPU")  # a level that Caffe's tool shows, as all below
    if gpus:
        LOG.error("Using Device_id=%d", gpus[0])
    with closing(Net(args.model, TEST)) as net, ThreadPoolExecutor(len(args.dbs), "database") as pool:
        for file in names(args.weights):
            net.copy_from(file)
        for blob in args.blobs:
            if blob not in net.blobs:
                raise UsageError(f"unknown blob {blob!r} in {args.model}; its blobs: {', '.join(net.blobs)}")
        LOG.error("Extracting Features")
        sinks = [_Sink(pool, db, args.db_type) for db in args.dbs]
        try:
            counts = [0] * len(sinks)
            with progress_bar(args.batches, unit=" batches") as bar:
                for _ in range(args.batches):
                    net.forward()
                    for index, (blob, sink) in enumerate(zip(args.blobs, sinks, strict=True)):
                        values = _items(net.blobs[blob])
                        sink.put(values, counts[index])
                        before, counts[index] = counts[index], counts[index] + len(values)
                        for told in range(before // _REPORT_EVERY + 1, counts[index] // _REPORT_EVERY + 1):
                            _tell(told * _REPORT_EVERY, blob)
                    bar.update()
            for blob, sink, count in zip(args.blobs, sinks, counts, strict=True):
                sink.finish()
                if count % _REPORT_EVERY:
                    _tell(count, blob)
        except BaseException:
            for sink in sinks:
                sink.abandon()
            raise
    LOG.error("Successfully extracted the features!")


def _tell(count: int, blob: str) -> None:
    from .log import LOG

    LOG.error("Extracted features of %d query images for feature blob %s", count, blob)


def _items(blob: Any) -> np.ndarray:
    """The values of a blob, a copy, an image for each item of the batch: (N, C, H, W).

    As with Caffe's legacy accessors, axes that a blob lacks are 1; those behind the fourth go into the width.
    """
    values = np.array(blob.data)
    return values.reshape((*(*values.shape, 1, 1, 1, 1)[:3], -1)) if values.size else values


class _Sink:
    """A database that is written in a thread of its own, from rows that are put into it."""

    def __init__(self, pool: ThreadPoolExecutor, path: str, kind: str):
        from ...engine.data.database import write_database

        self._queue: Queue[tuple[np.ndarray, int] | None | bool] = Queue(_BATCHES_WAITING)
        self._writing = pool.submit(write_database, path, self._rows(), kind)

    def put(self, values: np.ndarray, first: int) -> None:
        """Append a row for each of `values`, numbered from `first`. Raises what went wrong in the thread."""
        self._send((values, first))

    def finish(self) -> None:
        """Complete the database. Raises what went wrong in the thread."""
        self._send(None)
        self._writing.result()

    def abandon(self) -> None:
        """Leave nothing behind."""
        while not self._writing.done():
            try:
                self._queue.put(False, timeout=0.1)
                return
            except Full:
                continue

    def _send(self, what: tuple[np.ndarray, int] | None) -> None:
        while True:
            if self._writing.done():
                self._writing.result()
            try:
                self._queue.put(what, timeout=0.1)
                return
            except Full:
                continue

    def _rows(self) -> Iterator[Row]:
        from ...proto.messages import Datum

        while (got := self._queue.get()) is not None:
            if isinstance(got, bool):
                raise InterruptedError("the extraction was given up")
            for number, values in enumerate(got[0], got[1]):
                channels, height, width = values.shape
                datum = Datum(channels=channels, height=height, width=width, float_data=values.ravel().tolist())
                yield b"%010d" % number, datum.SerializeToString()
