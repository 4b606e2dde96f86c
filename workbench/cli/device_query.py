"""`brewbench device_query`: what there is to compute on."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence

from .flags import Parser, UsageError


def run(words: Sequence[str]) -> None:
    """Print what computes. Raises UsageError where a GPU is asked for: there is no engine for one."""
    parser = Parser("device_query")
    parser.flag("gpu", metavar="ID", help="a GPU to ask; not possible yet")
    args = parser.parse(words)
    if args.gpu is not None:
        raise UsageError(f"-gpu {args.gpu}: this version computes on the CPU only; leave -gpu out")

    import numpy  # noqa: F401 - so that its libraries are loaded
    from threadpoolctl import threadpool_info

    print(f"Processor:    {platform.machine()}, {os.cpu_count()} logical cores")
    for library in threadpool_info():
        print(f"Library:      {library['internal_api']} {library['version']}, {library['num_threads']} threads")
    print("GPU:          none that this version could use")
