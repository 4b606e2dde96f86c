"""The golden cases where wrong accesses to memory show: each result bit for bit what it is without.

    python tests/memory.py                    # all cases, with 1, 2 and 4 threads: some ten minutes
    python tests/memory.py LRN Pooling lenet  # those whose names have one of these words
    python tests/memory.py --list

*checked*: glibc's checking allocator (libc_malloc_debug.so.0) looks at the bounds of every block when it is freed, and
ends the process where one was overrun. What is allocated and what is freed is filled with a pattern, so that a value
read from memory that was never written, or that belongs to nobody any more, changes the result.

*guarded*: every array of NumPy's ends where a page begins that may not be touched (`guard_pages.py`).

Exits with 1 where results differ or a process dies, with 2 where there is no such allocator.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import runpy
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent
LIBRARY = "libc_malloc_debug.so.0"
WAYS = ("checked", "guarded")
CHECKED = {"LD_PRELOAD": LIBRARY, "MALLOC_CHECK_": "3", "GLIBC_TUNABLES": "glibc.malloc.perturb=165"}
THREADS = (1, 2, 4)
PASSES = 4  # of a net: from the third on they are replayed
READERS = "readers"  # the case of images read and resized beside a net that trains


def allocator_is_here() -> bool:
    """Whether the checking allocator can be loaded into a Python."""
    if not sys.platform.startswith("linux"):
        return False
    asked = subprocess.run([sys.executable, "-c", ""], env={**os.environ, **CHECKED}, capture_output=True, text=True)
    return asked.returncode == 0 and LIBRARY not in asked.stderr


def bits_of(arrays: Iterable[Any]) -> str:
    """A digest of arrays, bit for bit."""
    import numpy as np

    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


# The cases, each a function that gives arrays


def layer_cases() -> Iterator[tuple[str, Callable[[], Iterator[Any]]]]:
    """Every golden layer, forward twice and backward."""
    layers = runpy.run_path(str(TESTS / "engine" / "layers" / "test_layers.py"))

    def run(case: Any) -> Iterator[Any]:
        bench = layers["Bench"](case)
        for _ in range(2):
            yield from bench.forward()
        if case.names["backward"]:
            bench.backward(case.arrays("top_diff"))
            yield from (blob.diff for blob in (*bench.bottom, *bench.layer.blobs))

    for case in layers["ALL"]:
        yield f"layer {case!r}", lambda case=case: run(case)


def net_cases() -> Iterator[tuple[str, Callable[[], Iterator[Any]]]]:
    """Every golden net, forward and backward as often as it takes to be replayed."""
    import numpy as np

    recipe = runpy.run_path(str(TESTS / "engine" / "conftest.py"))

    def run(path: Path) -> Iterator[Any]:
        from google.protobuf import text_format

        from brewbench.engine import TEST, TRAIN, Net
        from brewbench.proto.messages import NetParameter

        golden = np.load(path)
        seed = int(golden["seed"])
        phase = TRAIN if str(golden["phase"]) == "TRAIN" else TEST
        net = Net(text_format.Parse(str(golden["prototxt"]), NetParameter()), phase, seed=1)
        recipe["fill_parameters"](net, seed)
        for name, values in recipe["make_inputs"](json.loads(str(golden["inputs"])), seed):
            net.blobs[name].data = values
        if not json.loads(str(golden["loss_weights"])):
            last = list(net.blobs.values())[-1]
            last.diff = np.random.RandomState(seed + 2).randn(*last.shape)
        for _ in range(PASSES):
            net.clear_param_diffs()
            yield np.float64(net.forward())
            net.backward()
            yield from (blob.data.copy() for blob in net.blobs.values())
            yield from (blob.diff.copy() for blobs in net.params.values() for blob in blobs)

    for path in sorted((TESTS / "golden" / "nets").glob("*.npz")):
        yield f"net {path.stem}", lambda path=path: run(path)


def run_cases() -> Iterator[tuple[str, Callable[[], Iterator[Any]]]]:
    """Every golden training run, five iterations."""
    import numpy as np

    recipe = runpy.run_path(str(TESTS / "engine" / "conftest.py"))

    def run(path: Path) -> Iterator[Any]:
        from google.protobuf import text_format

        from brewbench.engine import get_solver
        from brewbench.proto.messages import NetParameter, SolverParameter

        golden = np.load(path)
        net = text_format.Parse(str(golden["prototxt"]), NetParameter())
        solver = get_solver(text_format.Parse(str(golden["solver_prototxt"]), SolverParameter()), net)
        recipe["fill_parameters"](solver.net, int(golden["seed"]))
        for name, values in recipe["make_inputs"](json.loads(str(golden["inputs"])), int(golden["seed"])):
            solver.net.blobs[name].data = values
        solver.step(5)
        yield from (blob.data for blobs in solver.net.params.values() for blob in blobs)
        solver.close()

    for path in sorted((TESTS / "golden" / "trajectories").glob("*.npz")):
        yield f"run {path.stem}", lambda path=path: run(path)


TRAINING = """
layer { name: "data" type: "ImageData" top: "data" top: "label" include { phase: TRAIN }
  image_data_param { source: "images_all.txt" batch_size: 4 new_height: 48 new_width: 40 shuffle: true } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv"
  convolution_param { num_output: 32 kernel_size: 5 stride: 2 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "norm" type: "LRN" bottom: "conv" top: "norm" lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 } }
layer { name: "pool" type: "Pooling" bottom: "norm" top: "pool" pooling_param { kernel_size: 3 stride: 2 } }
layer { name: "within" type: "LRN" bottom: "pool" top: "within"
  lrn_param { local_size: 3 norm_region: WITHIN_CHANNEL } }
layer { name: "ip" type: "InnerProduct" bottom: "within" top: "ip"
  inner_product_param { num_output: 20 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
SOLVER = 'base_lr: 0.00001 momentum: 0.9 lr_policy: "fixed" random_seed: 3'


def readers_case() -> Iterator[Any]:
    """Two nets with LRN in training, one after the other, while threads read and resize images as fast as they can."""
    from google.protobuf import text_format

    from brewbench.engine import get_solver
    from brewbench.engine.data.images import read_image
    from brewbench.proto.messages import NetParameter, SolverParameter

    stop, read = threading.Event(), []

    def reader(number: int) -> None:
        path = f"images/im{number:02}.png"
        wanted = read_image(path, size=(227, 227)).tobytes()
        while not stop.is_set():
            read.append(read_image(path, size=(227, 227)).tobytes() == wanted)

    threads = [threading.Thread(target=reader, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(2):
            net = text_format.Parse(TRAINING, NetParameter())
            solver = get_solver(text_format.Parse(SOLVER, SolverParameter()), net)
            solver.step(10)
            yield from (blob.data.copy() for blobs in solver.net.params.values() for blob in blobs)
            solver.close()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if not all(read):
        raise ValueError("an image came out different while a net was in training")


def cases() -> Iterator[tuple[str, Callable[[], Iterator[Any]]]]:
    yield READERS, readers_case
    yield from layer_cases()
    yield from net_cases()
    yield from run_cases()


def chosen(words: Sequence[str]) -> list[tuple[str, Callable[[], Iterator[Any]]]]:
    """The cases whose names have one of the words, or all."""
    return [(name, run) for name, run in cases() if not words or any(word in name for word in words)]


# Running them


def work(words: Sequence[str], threads: Iterable[int], guarded: bool) -> None:
    """Run the cases here; a digest of the results of each goes to stdout. Raises RuntimeError without kernels."""
    from brewbench.engine.ops.tile._op import ready
    from brewbench.engine.threads import set_threads

    if not ready():
        raise RuntimeError("the kernels cannot be made here: there is nothing to check")
    os.chdir(TESTS / "golden" / "files")
    if guarded:
        runpy.run_path(str(TESTS / "guard_pages.py"))["guard"]()
    found = chosen(words)
    for count in threads:
        set_threads(count)
        for name, run in found:
            print(json.dumps([f"{name}, {count} threads", bits_of(run())]), flush=True)


def results(words: Sequence[str], threads: Iterable[int], way: str = "") -> dict[str, str]:
    """What the cases gave in a process of their own, in one of WAYS or as usual. Raises RuntimeError where it died."""
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1", **(CHECKED if way == "checked" else {})}
    command = [sys.executable, __file__, "--work", *(["--guarded"] if way == "guarded" else [])]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as errors:
        command += [*words, "--threads", *map(str, threads)]
        status = subprocess.run(command, env=env, stdout=out, stderr=errors).returncode
        out.seek(0)
        errors.seek(0)
        found = dict(json.loads(line) for line in out if line.endswith("\n"))
        if status:
            after = f"after {list(found)[-1]!r}" if found else "before the first case was done"
            raise RuntimeError(f"the process died of {status} {after}: {errors.read().strip()[-500:]}")
    return found


def differences(words: Sequence[str], threads: Iterable[int], way: str, plain: dict[str, str]) -> list[str]:
    """What is not as it should be in one of WAYS, a line each; `plain` is what the cases gave as usual."""
    try:
        found = results(words, threads, way)
    except RuntimeError as error:
        return [f"{way}: {error}"]
    return [f"{way}: {name} differs" for name in plain if plain[name] != found.get(name)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="take the cases whose names have one of them")
    parser.add_argument("--threads", type=int, nargs="+", default=THREADS)
    parser.add_argument("--list", action="store_true", help="say the names of the cases")
    parser.add_argument("--guarded", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(given.words, given.threads, given.guarded)
        return 0
    if given.list:
        print("\n".join(name for name, _ in chosen(given.words)))
        return 0
    if not allocator_is_here():
        print(f"{LIBRARY}, glibc's checking allocator, is not here", file=sys.stderr)
        return 2
    plain = results(given.words, given.threads)
    found = [line for way in WAYS for line in differences(given.words, given.threads, way, plain)]
    print("\n".join([*found, f"{len(plain)} results, {len(found)} differences"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
