"""`brewbench device_query`: what there is to compute on."""

from __future__ import annotations

import os
import platform
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from . import say
from .flags import Parser, UsageError, gpu_count, gpu_numbers, gpu_properties

# Caffe's words for what CUDA tells of a device, in Caffe's order.
_TOLD = {
    "Major revision number": "major",
    "Minor revision number": "minor",
    "Name": "name",
    "Total global memory": "totalGlobalMem",
    "Total shared memory per block": "sharedMemPerBlock",
    "Total registers per block": "regsPerBlock",
    "Warp size": "warpSize",
    "Maximum memory pitch": "memPitch",
    "Maximum threads per block": "maxThreadsPerBlock",
    "Maximum dimension of block": "maxThreadsDim",
    "Maximum dimension of grid": "maxGridSize",
    "Clock rate": "clockRate",
    "Total constant memory": "totalConstMem",
    "Texture alignment": "textureAlignment",
    "Concurrent copy and execution": "deviceOverlap",
    "Number of multiprocessors": "multiProcessorCount",
    "Kernel execution timeout": "kernelExecTimeoutEnabled",
}


def run(words: Sequence[str]) -> None:
    """Print what computes. Raises UsageError for a GPU that is not there or cannot be used."""
    parser = Parser("device_query")
    parser.flag("gpu", metavar="ID", help="GPUs to tell of, with commas between them, or all; the CPU if not given")
    parser.add_log()
    parser.add_caffes_other_flags()
    args = parser.parse(words)
    if args.gpu is not None:
        _query(args)
        return

    import numpy  # noqa: F401 - so that its libraries are loaded
    from threadpoolctl import threadpool_info

    from ...engine.needs import present, spelled
    from ...engine.threads import reason, threads

    say(f"Processor:    {platform.machine()}, {os.cpu_count()} logical cores")
    say(f"Threads:      {threads()}: {reason()}")
    memory = present()
    say(f"Memory:       {'unknown' if memory is None else spelled(memory)} for this process")
    for library in threadpool_info():
        say(f"Library:      {library['internal_api']} {library['version']}, {library['num_threads']} threads")
    try:
        found = [gpu_properties(number)["name"].decode() for number in range(gpu_count())]
    except RuntimeError as error:
        say(f"GPU:          none: {error}")
    else:
        for number, name in enumerate(found):
            say(f"GPU {number}:        {name}")


def _query(args: Namespace) -> None:
    from .log import LOG, logging_as

    with logging_as(args):
        LOG.info("Querying GPUs %s", args.gpu)
        try:
            for number in range(gpu_count()) if args.gpu == "all" else gpu_numbers(args.gpu):
                LOG.info("Device id:                     %d", number)
                properties = gpu_properties(number)
                for words, name in _TOLD.items():
                    if name in properties:  # CUDA 13 does not tell all of them any more
                        LOG.info("%-30s %s", f"{words}:", _spell(name, properties[name]))
        except RuntimeError as error:
            raise UsageError(f"-gpu {args.gpu}: {error}") from error


def _spell(name: str, value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode()
    if name in ("deviceOverlap", "kernelExecTimeoutEnabled"):
        return "Yes" if value else "No"
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
