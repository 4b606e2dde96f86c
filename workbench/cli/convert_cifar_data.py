"""`brewbench convert_cifar_data`: make databases of CIFAR-10's binary files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .flags import Parser, backend, require

_EPILOG = """
INPUT_FOLDER holds data_batch_1.bin to data_batch_5.bin and test_batch.bin. The databases are
OUTPUT_FOLDER/cifar10_train_TYPE and OUTPUT_FOLDER/cifar10_test_TYPE, each under its name when it is complete.
"""


def run(words: Sequence[str]) -> None:
    """Convert. Raises UsageError, ValueError, OSError."""
    parser = Parser("convert_cifar_data", _EPILOG)
    parser.add_argument("input", metavar="INPUT_FOLDER", help="the folder of the binary files")
    parser.add_argument("output", metavar="OUTPUT_FOLDER", help="the folder for the databases")
    parser.add_argument("db_type", metavar="TYPE", type=backend, help="lmdb or leveldb")
    parser.add_log()
    args = parser.parse(words)
    require(args.db_type)

    from ...engine.data.cifar import TEST_FILES, TRAIN_FILES, convert_cifar
    from .log import LOG, logging_as

    folder, output = Path(args.input), Path(args.output)
    parts = {"train": TRAIN_FILES, "test": TEST_FILES}
    databases = {part: output / f"cifar10_{part}_{args.db_type}" for part in parts}
    for path in databases.values():
        if path.exists():
            raise FileExistsError(f"{path} is already there")
    for name in (*TRAIN_FILES, *TEST_FILES):
        with open(folder / name, "rb"):
            pass  # all must be there before anything is written

    def tell(done: int, total: int) -> None:
        if total > 1 and done < total:
            LOG.info("Training Batch %d", done + 1)

    with logging_as(args):
        for part, files in parts.items():
            LOG.info("Writing %sing data", part.capitalize())
            count = convert_cifar([folder / name for name in files], databases[part], args.db_type, tell)
            LOG.info("Processed %d files.", count)
