"""`brewbench convert_imageset`: make a database of image files and their labels."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence

from .flags import Parser, add_backend, require

_EPILOG = """
A line of LISTFILE is a name and a whole number, the label: 'cats/0001.jpg 3'. The key of its row is
'00000012_cats/0001.jpg', the number being its place in the list, mixed or not. An image that cannot be read is told
and left out. The database appears under its name when it is complete.
"""


def run(words: Sequence[str]) -> None:
    """Convert. Raises UsageError, ValueError, OSError."""
    parser = Parser("convert_imageset", _EPILOG)
    parser.add_argument("root", metavar="ROOTFOLDER/", help="what is put before every name of the list")
    parser.add_argument("list", metavar="LISTFILE", help="names of images, each with its label")
    parser.add_argument("db", metavar="DB_NAME", help="the folder to make")
    parser.switch("gray", help="make grey images of all")
    parser.switch("shuffle", help="mix the list")
    parser.flag("seed", type=int, metavar="N", help="mix it the same way each time")
    add_backend(parser)
    size = {"type": int, "default": 0, "metavar": "N"}
    parser.flag("resize_width", **size, help="width of all images; with -resize_height alone they are left as they are")
    parser.flag("resize_height", **size, help="height of all images")
    parser.switch("check_size", help="refuse images that differ in size")
    parser.switch("encoded", help="keep images compressed, in the format that the name's ending says")
    parser.flag("encode_type", default="", metavar="TYPE", help="keep images compressed, in this format: png, jpg ...")
    parser.add_log()
    args = parser.parse(words)
    require(args.backend)

    from .log import logging_as

    with logging_as(args):
        _convert(args)


def _convert(args: Namespace) -> None:
    from ...engine.data.imageset import convert_imageset
    from .log import LOG
    from .progress import Steps, progress_bar

    if args.shuffle:
        LOG.info("Shuffling data")
    if args.encode_type and not args.encoded:
        LOG.info("encode_type specified, assuming encoded=true.")
    resize = (args.resize_height, args.resize_width)
    if (resize[0] > 0) != (resize[1] > 0):
        LOG.warning("Images are resized only where both -resize_height and -resize_width are given.")
    with progress_bar(0, unit=" images") as bar:

        def begin(total: int) -> None:
            LOG.info("A total of %d images.", total)
            LOG.info("Opened %s %s", args.backend, args.db)

        convert_imageset(
            args.root,
            args.list,
            args.db,
            backend=args.backend,
            resize=resize if min(resize) > 0 else None,
            gray=args.gray,
            shuffle=args.shuffle,
            check_size=args.check_size,
            encoded=args.encoded,
            encode_type=args.encode_type,
            seed=args.seed,
            progress=Steps(bar, begin, lambda done: LOG.info("Processed %d files.", done)),
            warn=LOG.error,
        )
