"""A GPU as a place: arrays by CuPy, kernels from kernels.cu, matrix products by cuBLAS, steps captured as graphs."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from os import environ
from pathlib import Path
from typing import Any

import numpy as np

from ..memory import Place
from .layout import ChannelsLast
from .room import NoRoom

SOURCE = Path(__file__).with_name("kernels.cu")
BLOCK = 256  # threads in a block
WARP = 32
TIDY = 64  # copies from the host after which those that are done are forgotten
PER_THREAD = "CUPY_CUDA_PER_THREAD_DEFAULT_STREAM"
LARGEST = 2_000_000_000  # elements of one launch: kernels count in 32 bits, and step beyond the end


class NotCapturable(RuntimeError):
    """What a layer does cannot become part of a captured step."""


class Graph:
    """A captured sequence of device work. Holds what must live as long as it may be launched."""

    launch: Callable[[], None]
    kept: Any


class Device(Place):
    """One GPU. All work goes to its legacy default stream, so that threads see each other's in order.

    Inside `capture` the thread's work is recorded instead; what cannot be recorded raises NotCapturable.
    """

    name = "gpu"

    def __init__(self, number: int = 0):
        if environ.get(PER_THREAD, "0") not in ("", "0"):  # then threads do not see each other's work in order
            raise RuntimeError(f"Brewbench computes on the legacy default stream: start Python without {PER_THREAD}")
        self.xp = import_cupy()
        self.number = number
        self._runtime = self.xp.cuda.runtime
        try:
            count = self._runtime.getDeviceCount()
        except self._runtime.CUDARuntimeError as error:
            hint = "the CPU is always there"
            if "InsufficientDriver" in str(error):
                hint = "a driver older than CUDA 13 needs Brewbench's extra gpu-cuda12 in place of gpu; " + hint
            raise RuntimeError(f"there is no NVIDIA GPU to compute on ({error}); {hint}") from error
        if number >= count:
            raise RuntimeError(f"there is no GPU number {number}; this machine has {count}, counted from 0")
        self.enter()
        self._processors = self._runtime.getDeviceProperties(number)["multiProcessorCount"]
        self._functions: dict[tuple[str, str], Any] = {}
        self._modules: dict[str, Any] = {}
        self._blas: dict[str, Any] = {}
        self.cudnn: Any = None  # made by the first convolution
        self._copied: dict[int, tuple[Any, np.ndarray]] = {}  # the event after the last copy from each address
        self._copies = 0
        self._copies_lock = threading.RLock()  # a thing collected as garbage may note something in between
        self._copy_stream: Any = None
        self._capture_stream: Any = None
        self._recorder: int | None = None  # the thread that captures
        self.one_stream = threading.RLock()  # cuBLAS and cuDNN know one stream at a time

    def __repr__(self) -> str:
        return f"<Device {self.number}: {self._runtime.getDeviceProperties(self.number)['name'].decode()}>"

    @property
    def has_cudnn(self) -> bool:
        """Whether cuDNN can be used here."""
        from .plans import import_cudnn

        return import_cudnn() is not None

    def enter(self) -> None:
        """Make this the calling thread's device."""
        if self._runtime.getDevice() != self.number:
            self._runtime.setDevice(self.number)

    # Memory

    def allocate(self, count: int, dtype: np.dtype) -> Any:
        self.refuse_capture("memory was touched for the first time")
        self.enter()
        try:
            return self.xp.zeros(count, dtype)
        except self.xp.cuda.memory.OutOfMemoryError as error:
            free, total = self._runtime.memGetInfo()
            raise NoRoom(count * np.dtype(dtype).itemsize, free, total) from error

    def give_back_room(self) -> None:
        """Let go of the memory that is kept for later, so that others find it."""
        self.synchronize()
        self.xp.get_default_memory_pool().free_all_blocks()

    def keep_until_done(self, *hosts: np.ndarray) -> None:
        """Let pinned memory live until the work so far, which may read or write it, is done."""
        self.enter()
        for host in hosts:
            done = self.event()
            done.record(self.xp.cuda.Stream.null)
            self._note(host, done)

    def to_host(self, array: Any, host: np.ndarray) -> None:
        self.refuse_capture("values were asked for on the host")
        self.enter()
        array.get(out=host)

    def from_host(self, host: np.ndarray, array: Any) -> None:
        self.refuse_capture("values were taken from the host")
        self.enter()
        if host.nbytes:
            array.data.copy_from_host_async(host.ctypes.data, host.nbytes)
            found = self._copied.get(host.ctypes.data)
            copied = found[0] if found is not None else self.event()
            copied.record()
            self._note(host, copied)

    def _note(self, host: np.ndarray, copied: Any) -> None:
        """Remember until when `host` is read, and keep it till then: CuPy gives pinned memory out again at once."""
        with self._copies_lock:
            self._copied[host.ctypes.data] = copied, host
            self._copies += 1
            tidy = self._copies % TIDY == 0
        if tidy:
            self._tidy()

    def _tidy(self) -> None:
        """Forget the copies that are done."""
        with self._copies_lock:
            for address in list(self._copied):
                if self._copied[address][0].done:
                    del self._copied[address]

    def reaches(self, source: Place) -> bool:
        return isinstance(source, ChannelsLast) and source.device is self

    def copy_from(self, source: Place, array: Any, here: Any) -> None:
        assert isinstance(source, ChannelsLast)
        source.plain(array, here)

    def host_array(self, count: int, dtype: np.dtype) -> np.ndarray:
        if not count:
            return np.zeros(count, dtype)
        self.enter()
        self._tidy()
        from cupyx import zeros_pinned  # pyright: ignore[reportMissingImports]

        return zeros_pinned(count, dtype)

    def settle(self, host: np.ndarray) -> None:
        self.refuse_capture("values were written on the host")
        found = self._copied.get(host.ctypes.data)
        if found is not None:
            found[0].synchronize()

    def event(self, timed: bool = False) -> Any:
        """A point in the work of a stream, to wait for, or to take the time of."""
        self.enter()
        return self.xp.cuda.Event(disable_timing=not timed)

    @property
    def copy_stream(self) -> Any:
        """A stream for copies beside the work under way."""
        if self._copy_stream is None:
            self.enter()
            self._copy_stream = self.xp.cuda.Stream(non_blocking=True)
        return self._copy_stream

    def copy_beside(self, host: np.ndarray, array: Any, arrived: Any) -> None:
        """Copy pinned memory to here on `copy_stream`, and record the event that it has arrived."""
        self.enter()
        array.data.copy_from_host_async(host.ctypes.data, host.nbytes, self.copy_stream)
        arrived.record(self.copy_stream)
        self._note(host, arrived)

    def copy_within(self, source: Any, target: Any) -> None:
        """Copy one array of the device into another of the same type that is as long as the shorter one at least."""
        self.enter()
        target.data.copy_from_device_async(source.data, min(source.nbytes, target.nbytes))

    def synchronize(self) -> None:
        """Wait for all work on the device."""
        self.enter()
        self._runtime.streamSynchronize(0)

    # Work

    def launch(self, kernel: str, dtype: Any, count: int, *args: Any) -> None:
        """Run a kernel of kernels.cu over `count` elements. Its `real` is `dtype`.

        An int becomes a C int, a float a `real`, None a null pointer, a pinned host array its address; NumPy
        scalars and device arrays stay what they are.
        """
        self._launch(kernel, dtype, count, count, args)

    def launch_rows(self, kernel: str, dtype: Any, rows: int, *args: Any) -> None:
        """The same for a kernel that has a warp for each row."""
        self._launch(kernel, dtype, rows, rows * WARP, args)

    def _launch(self, kernel: str, dtype: Any, count: int, threads: int, args: tuple[Any, ...]) -> None:
        if not count:
            return
        largest = max(threads, *(getattr(arg, "size", 0) for arg in args))
        if largest > LARGEST:
            raise ValueError(f"{kernel} would go over {largest} elements; a GPU kernel counts to {LARGEST}")
        self.enter()
        name = np.dtype(dtype).name
        function = self._functions.get((kernel, name)) or self._function(kernel, name)
        blocks = min(-(-threads // BLOCK), 32 * self._processors)
        function((blocks,), (BLOCK,), (np.int32(count), *as_arguments(args, dtype)))

    def _function(self, kernel: str, name: str) -> Any:
        if name not in self._modules:
            real = {"float32": "float", "float64": "double"}[name]
            options = ("--std=c++17", f"-DREAL={real}")
            self._modules[name] = self.xp.RawModule(code=SOURCE.read_text(encoding="utf-8"), options=options)
        return self._functions.setdefault((kernel, name), self._modules[name].get_function(kernel))

    def gemm(
        self,
        a: Any,
        b: Any,
        c: Any,
        *,
        precision: str,
        transpose: tuple[bool, bool] = (False, False),
        beta: float = 0.0,
    ) -> None:
        """c = a b + beta c, rows first: matrices, or as many of each. `transpose` says which of a, b to turn."""
        from .cublas import Blas

        self.enter()
        with self.one_stream:
            if precision not in self._blas:
                self._blas[precision] = Blas(self.xp, precision)
            self._blas[precision].gemm(a, b, c, transpose, beta)

    # Capture

    @property
    def capturing(self) -> bool:
        """Whether the calling thread's work is being recorded."""
        return self._recorder == threading.get_ident()

    def refuse_capture(self, what: str) -> None:
        if self.capturing:
            raise NotCapturable(f"{what} in the middle of a step")

    @property
    def capture_stream(self) -> Any:
        """The stream of all captures, so that libraries are never left with one that is gone."""
        if self._capture_stream is None:
            self.enter()
            self._capture_stream = self.xp.cuda.Stream(non_blocking=True)
        return self._capture_stream

    @contextmanager
    def capture(self) -> Iterator[Graph]:
        """Record the work of the block into a graph, without doing it. Raises what the block raises."""
        self.synchronize()
        cuda = self.xp.cuda
        stream, pool, graph = self.capture_stream, cuda.MemoryPool(), Graph()
        with self.one_stream, no_garbage(), stream, cuda.using_allocator(pool.malloc):
            stream.begin_capture()
            self._recorder = threading.get_ident()
            try:
                yield graph
            except BaseException:
                self._recorder = None
                with suppress(RuntimeError):  # the capture may be broken already
                    stream.end_capture()
                raise
            self._recorder = None
            recorded = stream.end_capture()
        graph.kept = (pool, recorded)
        graph.launch = recorded.launch


@contextmanager
def no_garbage() -> Iterator[None]:
    """A context in which no garbage is collected: giving up another graph or its memory may spoil a capture."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def as_arguments(args: tuple[Any, ...], dtype: Any) -> tuple[Any, ...]:
    """The arguments of a kernel as CuPy passes them on."""
    real = np.dtype(dtype).type
    found = []
    for arg in args:
        if arg is None:
            arg = np.uint64(0)
        elif isinstance(arg, np.generic):  # before float: a float64 is one
            pass
        elif isinstance(arg, (bool, int)):
            arg = np.int32(arg)
        elif isinstance(arg, float):
            arg = real(arg)
        elif isinstance(arg, np.ndarray):
            arg = np.uint64(arg.ctypes.data)
        found.append(arg)
    return tuple(found)


@cache
def device(number: int = 0) -> Device:
    """The GPU of that number. Raises RuntimeError that says what is missing."""
    return Device(number)


def import_cupy() -> Any:
    """CuPy. Raises RuntimeError that says how to get it."""
    try:
        import cupy  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise RuntimeError(
            f"computing on a GPU needs CuPy ({error}); install it with Brewbench's extra: pip install 'brewbench[gpu]'"
        ) from error
    return cupy
