"""How many JPEG rows of 256 x 256 a second a Data layer decodes, crops and mirrors: run as a script."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from brewbench.engine.data.database import write_lmdb
from brewbench.engine.data.images import encode_image, resize
from brewbench.engine.net import Net
from brewbench.proto import Document
from brewbench.proto.messages import Datum

ROWS, BATCH = 256, 64
NET = """layer {{ name: "data" type: "Data" top: "data" top: "label"
  transform_param {{ crop_size: 227 mirror: true mean_value: 104 mean_value: 117 mean_value: 123 }}
  data_param {{ source: "{}" batch_size: {} backend: LMDB }} }}"""


def write_rows(path: Path) -> None:
    """A database of smooth images with some noise, of about 39 KB each."""
    draw = np.random.default_rng(0)
    rows = []
    for index in range(ROWS):
        image = resize(draw.integers(0, 256, (3, 40, 40), np.uint8), 256, 256)  # (C, H, W)
        image = (image.astype(int) + draw.integers(-8, 8, image.shape)).clip(0, 255).astype(np.uint8)
        datum = Datum(encoded=True, label=index % 10, data=encode_image(image, "jpg"))
        rows.append((b"%08d" % index, datum.SerializeToString()))
    write_lmdb(path, rows)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--batches", type=int, default=30)
    batches = options.parse_args().batches
    with TemporaryDirectory() as folder:
        path = Path(folder) / "rows_lmdb"
        write_rows(path)
        net = Net(Document.parse(NET.format(path, BATCH), "net"), 0, seed=1)
        for _ in range(5):  # those that were ready
            net.forward()
        start = perf_counter()
        for _ in range(batches):
            net.forward()
        seconds = perf_counter() - start
        net.close()
    print(f"{batches * BATCH / seconds:,.0f} images/s")


if __name__ == "__main__":
    main()
