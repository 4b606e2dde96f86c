"""A stand-in for CuPy, cuBLAS and cuDNN on a machine without a GPU, as strict as they are and as late.

Arrays are NumPy's behind a wall: what CuPy refuses (mixing with NumPy arrays, a silent way to the host) is refused
here. Work is done as late as a GPU may do it: a stream's work waits until somebody waits for the stream, so that what
is read or overwritten too early shows as a wrong number. A captured stream's work is done when its graph is launched;
it knows addresses alone, and device memory that nobody has is spoiled as soon as no work is under way. What
synchronises while a stream is captured spoils the capture, as in CUDA. Kernels are those of kernels.cu, built for the
host.
"""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections import deque
from contextlib import contextmanager
from functools import partial, partialmethod
from types import SimpleNamespace

import numpy as np

SPOILED = 200  # arrays that are kept so that their addresses are nobody else's
PINNED: list[tuple[int, int]] = []  # address ranges of pinned host memory


class CUDARuntimeError(RuntimeError):
    """What CUDA reports."""


class OutOfMemoryError(MemoryError):
    """What CuPy raises when a pool cannot grow."""


class Machine:
    """What all parts share: the streams, who captures, and how much memory there is."""

    def __init__(self):
        self.streams: list[Stream] = []
        self.local = threading.local()
        self.room: int | None = None  # bytes that may yet be allocated; None: any number
        self.let_go: list[np.ndarray] = []  # memory that nobody has, but work under way may know by its address
        self.spoiled: deque[np.ndarray] = deque()  # what nobody may know any more, in the order of its end
        self.clock = 0.0
        self.null = Stream(self)

    @property
    def current(self) -> Stream:
        stack = getattr(self.local, "stack", None)
        return stack[-1] if stack else self.null

    def submit(self, work) -> None:
        self.current.submit(work)

    def host_waits(self, why: str) -> None:
        """The host looks at a result: everything before it must be done; impossible while work is captured."""
        stream = self.current
        if stream.captured is not None:
            stream.spoiled = True
            raise CUDARuntimeError(f"cudaErrorStreamCaptureUnsupported: {why}")
        stream.run()

    def take(self, host: np.ndarray) -> Array:
        """Device memory. As in CuPy's pools what is let go of is used again only after the work that is under way."""
        if self.room is not None:
            if host.nbytes > self.room:
                raise OutOfMemoryError(f"Out of memory allocating {host.nbytes} bytes")
            self.room -= host.nbytes
        owner = Owner(host)
        weakref.finalize(owner, self.let_go.append, host).atexit = False
        array = Array(self, np.asarray(owner))
        if self.current.captured is not None:
            self.current.captured_memory.append(array.host)
        return array

    def spoil(self) -> None:
        """Overwrite what nobody has, now that all work is done: a graph that still counts on it shows itself."""
        for _ in range(len(self.let_go)):
            host = self.let_go.pop()
            host.reshape(-1).view(np.uint8)[:] = 0xFF  # NaN, or -1
            self.spoiled.append(host)
        while len(self.spoiled) > SPOILED:
            self.check(self.spoiled.popleft())

    @staticmethod
    def check(*spoiled) -> None:
        """Raises AssertionError when somebody wrote into memory that was spoiled."""
        for host in spoiled:
            assert (host.reshape(-1).view(np.uint8) == 0xFF).all(), f"{host.shape} was written, which nobody has"


class Stream:
    """Work in order, done when somebody waits for it."""

    def __init__(self, machine, non_blocking=False):
        self.machine, self.queue, self.done = machine, deque(), 0
        self.captured: list | None = None
        self.spoiled = False
        machine.streams.append(self)
        self.ptr = len(machine.streams) - 1

    def submit(self, work) -> None:
        if self.captured is not None:
            self.captured.append(work)
        else:
            self.queue.append(work)

    def run(self, until: int | None = None) -> None:
        while self.queue and (until is None or self.done < until):
            work = self.queue.popleft()
            self.done += 1
            work()
        if not any(stream.queue for stream in self.machine.streams):
            self.machine.spoil()

    def synchronize(self) -> None:
        self.run()

    def wait_event(self, event) -> None:
        at = event.at  # as it is now: it may be recorded again before this is done
        if at is not None:
            self.submit(lambda: at[0].run(at[1]))

    def record(self, event):
        event.record(self)
        return event

    def begin_capture(self, mode=None) -> None:
        assert self is not self.machine.null, "cannot capture on the default (legacy) stream"
        self.captured, self.captured_memory, self.spoiled = [], [], False

    def end_capture(self):
        work, self.captured = self.captured, None
        if self.spoiled:
            raise CUDARuntimeError("cudaErrorStreamCaptureInvalidated: operation failed due to a previous error")
        return CapturedGraph(self.machine, work, self.captured_memory)

    def __enter__(self):
        if not hasattr(self.machine.local, "stack"):
            self.machine.local.stack = []
        self.machine.local.stack.append(self)
        return self

    def __exit__(self, *_):
        self.machine.local.stack.pop()


class CapturedGraph:
    def __init__(self, machine, work, memory):
        self.machine, self.work, self.memory = machine, work, memory

    def launch(self, stream=None) -> None:
        (stream or self.machine.current).submit(lambda: [one() for one in self.work])


class Event:
    def __init__(self, machine, block=False, disable_timing=False):
        self.machine, self.at = machine, None

    def record(self, stream=None) -> None:
        stream = stream or self.machine.current
        assert stream.captured is None, "the engine records no events in a captured step"
        self.at = (stream, stream.done + len(stream.queue))

    def happen(self) -> None:
        if self.at is not None:
            self.at[0].run(self.at[1])

    def synchronize(self) -> None:
        self.happen()

    @property
    def done(self) -> bool:
        return self.at is None or self.at[0].done >= self.at[1]


def known_by_address(machine, value):
    """The arrays in a value as a captured graph knows them: it keeps none of them alive."""
    if isinstance(value, Array) and machine.current.captured is not None:
        host = value.host
        if not host.size:
            return value
        low, high = np.lib.array_utils.byte_bounds(host)
        memory = (ctypes.c_uint8 * (high - low)).from_address(low)
        return Array(machine, np.ndarray(host.shape, host.dtype, memory, host.ctypes.data - low, host.strides))
    if isinstance(value, (tuple, list)):
        return type(value)(known_by_address(machine, one) for one in value)
    return value


def dummy(value):
    """Something of the same shape and type whose values do not matter."""
    if isinstance(value, Array):
        return np.broadcast_to(value.host.dtype.type(1), value.shape)
    if isinstance(value, (tuple, list)):
        return type(value)(dummy(one) for one in value)
    return value


def real(value):
    if isinstance(value, Array):
        return value.host
    if isinstance(value, (tuple, list)):
        return type(value)(real(one) for one in value)
    return value


def refuse_numpy(values) -> None:
    for value in values:
        if isinstance(value, np.ndarray) and value.ndim:
            raise TypeError(f"Unsupported type {np.ndarray}")
        if isinstance(value, (tuple, list)):
            refuse_numpy(value)


def machine_of(values):
    for value in values:
        if isinstance(value, Array):
            return value.machine
        if isinstance(value, (tuple, list)) and (found := machine_of(value)):
            return found
    return None


def compute(function, args, kwargs):
    """Do what a NumPy function does, later; the result is there at once."""
    refuse_numpy([*args, *kwargs.values()])
    machine = machine_of([*args, *kwargs.values()])
    assert machine is not None
    out = kwargs.get("out")
    if out is not None:
        assert isinstance(out, Array), "out must be a device array"
        with np.errstate(all="ignore"):  # shapes must fit now, not later
            function(*dummy(args), **{k: dummy(v) for k, v in kwargs.items() if k not in ("out", "where")})
        result = out
    else:
        with np.errstate(all="ignore"):
            shape_of = np.asarray(function(*dummy(args), **{k: dummy(v) for k, v in kwargs.items()}))
        result = machine.take(np.full(shape_of.shape, junk(shape_of.dtype), shape_of.dtype))

    args, target = known_by_address(machine, args), known_by_address(machine, result)
    kwargs = {k: known_by_address(machine, v) for k, v in kwargs.items()}

    def work():
        with np.errstate(all="ignore"):
            if out is not None:
                function(*real(args), **{k: real(v) for k, v in kwargs.items()})
            else:
                target.host[...] = function(*real(args), **{k: real(v) for k, v in kwargs.items()})

    machine.submit(work)
    return result


def junk(dtype):
    """What lies in memory before somebody writes it."""
    return np.nan if dtype.kind == "f" else True if dtype.kind == "b" else 77


class Array:
    """An array on the device."""

    __array_ufunc__ = None
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, machine, host):
        self.machine, self.host = machine, host

    def __array__(self, *_, **__):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    def __repr__(self):
        return f"<device array {self.shape} {self.dtype}>"

    shape = property(lambda self: self.host.shape)
    dtype = property(lambda self: self.host.dtype)
    size = property(lambda self: self.host.size)
    ndim = property(lambda self: self.host.ndim)
    nbytes = property(lambda self: self.host.nbytes)
    strides = property(lambda self: self.host.strides)
    flags = property(lambda self: self.host.flags)
    T = property(lambda self: Array(self.machine, self.host.T))

    @property
    def data(self):
        return Pointer(self)

    def __len__(self):
        return len(self.host)

    # To the host, which waits

    def get(self, out=None):
        self.machine.host_waits("a copy to the host")
        if out is None:
            return self.host.copy()
        out[...] = self.host
        return out

    def item(self):
        return self.get().item()

    def __float__(self):
        return float(self.get())

    def __int__(self):
        return int(self.get())

    def __bool__(self):
        return bool(self.get())

    def __iter__(self):
        return (self[k] for k in range(len(self)))

    # Views and copies

    def reshape(self, *shape):
        shape = shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape
        try:
            return Array(self.machine, np.reshape(self.host, shape, copy=False))
        except ValueError:
            return compute(lambda x: np.ascontiguousarray(x).reshape(shape), (self,), {})

    def ravel(self):
        return self.reshape(-1)

    def swapaxes(self, a, b):
        return Array(self.machine, self.host.swapaxes(a, b))

    def transpose(self, *axes):
        return Array(self.machine, self.host.transpose(*axes))

    def astype(self, dtype, copy=True):
        return self if not copy and self.dtype == dtype else compute(lambda x: x.astype(dtype), (self,), {})

    def copy(self):
        return compute(np.copy, (self,), {})

    def fill(self, value):
        self[...] = value

    def __getitem__(self, key):
        parts = key if isinstance(key, tuple) else (key,)
        refuse_numpy(parts)
        arrays = [part for part in parts if isinstance(part, Array)]
        if any(one.dtype == bool for one in arrays):
            self.machine.host_waits("a mask as an index")
        if arrays:
            return compute(lambda x, *parts: x[parts], (self, *parts), {})
        return Array(self.machine, np.asarray(self.host[key]))

    def __setitem__(self, key, value):
        parts = key if isinstance(key, tuple) else (key,)
        refuse_numpy([*parts, value])
        if any(isinstance(part, Array) and part.dtype == bool for part in parts):
            self.machine.host_waits("a mask as an index")

        mine, at, given = (known_by_address(self.machine, one) for one in (self, parts, value))

        def work():
            with np.errstate(all="ignore"):
                mine.host[real(at)] = real(given)

        np.broadcast_to(dummy(value), np.shape(dummy(self)[dummy(parts)]) if not _masked(parts) else ())
        self.machine.submit(work)

    # Arithmetic

    def _reduce(self, name, axis=None, keepdims=False, out=None, dtype=None):
        function = getattr(np, name)
        more = {} if dtype is None else {"dtype": dtype}
        if out is None:
            return compute(lambda x: function(x, axis=axis, keepdims=keepdims, **more), (self,), {})
        return compute(lambda x, out=None: function(x, axis=axis, keepdims=keepdims, out=out, **more), (self,),
                       {"out": out})  # fmt: skip

    def sum(self, axis=None, dtype=None, out=None, keepdims=False):
        return self._reduce("sum", axis, keepdims, out, dtype)

    def mean(self, axis=None, dtype=None, out=None, keepdims=False):
        return self._reduce("mean", axis, keepdims, out, dtype)

    def max(self, axis=None, out=None, keepdims=False):
        return self._reduce("max", axis, keepdims, out)

    def min(self, axis=None, out=None, keepdims=False):
        return self._reduce("min", axis, keepdims, out)

    def prod(self, axis=None, dtype=None, out=None, keepdims=False):
        return self._reduce("prod", axis, keepdims, out, dtype)

    def clip(self, a_min=None, a_max=None, out=None):
        return compute(lambda x: np.clip(x, a_min, a_max), (self,), {})


def _masked(parts):
    return any(isinstance(part, Array) and part.dtype == bool for part in parts)


def _apply(first, ufunc, *others):
    return compute(ufunc, (first, *others), {})


def _operators():
    names = dict(add="add", sub="subtract", mul="multiply", truediv="true_divide", pow="power", floordiv="floor_divide",
                 mod="remainder", **{"and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor"})  # fmt: skip
    for name, function in names.items():
        ufunc = getattr(np, function)

        def forward(self, other, ufunc=ufunc):
            return compute(ufunc, (self, other), {})

        def backward(self, other, ufunc=ufunc):
            return compute(ufunc, (other, self), {})

        def inside(self, other, ufunc=ufunc):
            return compute(ufunc, (self, other), {"out": self})

        for prefix, method in (("", forward), ("r", backward), ("i", inside)):
            setattr(Array, f"__{prefix}{name}__", method)
    compared = dict(lt="less", le="less_equal", gt="greater", ge="greater_equal", eq="equal", ne="not_equal")
    for name, function in compared.items():
        setattr(Array, f"__{name}__", partialmethod(_apply, getattr(np, function)))
    for name, function in dict(neg="negative", abs="absolute", invert="invert").items():
        setattr(Array, f"__{name}__", partialmethod(_apply, getattr(np, function)))

    def product(self, other):
        if self.machine.current.captured is not None:
            self.machine.current.spoiled = True
            raise NotImplementedError("calling cuBLAS API during stream capture is currently unsupported")
        return compute(np.matmul, (self, other), {})

    Array.__matmul__ = product


_operators()


class Pointer:
    def __init__(self, array):
        assert array.flags.c_contiguous, "the engine hands out contiguous memory only"
        self.array, self.ptr = array, array.host.ctypes.data

    def copy_from_host_async(self, address, size, stream=None):
        host = bytes_at(address, size)
        machine, into = self.array.machine, self.array.host.reshape(-1).view(np.uint8)
        assert size <= into.nbytes
        pinned = any(start <= address < start + length for start, length in PINNED)
        if not pinned and (stream or machine.current).captured is not None:
            machine.current.spoiled = True
            raise CUDARuntimeError("cudaErrorStreamCaptureUnsupported: a copy from memory that is not pinned")
        source = host if pinned else host.copy()  # of other memory, the driver takes a copy at once

        def work():
            into[:size] = source

        (stream or machine.current).submit(work)

    def copy_from_device_async(self, source, size, stream=None):
        arrays = (known_by_address(self.array.machine, one).host for one in (self.array, source.array))
        into, values = (host.reshape(-1).view(np.uint8) for host in arrays)

        def work():
            into[:size] = values[:size]

        (stream or self.array.machine.current).submit(work)


def bytes_at(address, size):
    return np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(address))


class Ufunc:
    """A function of CuPy that is a ufunc."""

    def __init__(self, name):
        self.ufunc = getattr(np, name)

    def __call__(self, *args, **kwargs):
        return compute(self.ufunc, args, kwargs)

    def at(self, array, indices, values):
        refuse_numpy([indices, values])
        known = [known_by_address(array.machine, one) for one in (array, indices, values)]
        array.machine.submit(lambda: self.ufunc.at(*map(real, known)))


def _called(function, *args, **kwargs):
    return compute(function, args, kwargs)


def _view(function, array, *args, **kwargs):
    return Array(array.machine, function(array.host, *args, **kwargs))


NOT_IN_CUPY = ("isnat", "matvec", "spacing", "vecdot", "vecmat", "matmul")
UFUNCS = [name for name in dir(np) if isinstance(getattr(np, name), np.ufunc) and name not in NOT_IN_CUPY]
FUNCTIONS = """take take_along_axis concatenate stack repeat tile roll pad where sum mean max min prod any all argmax
    argmin cumsum""".split()
VIEWS = "moveaxis flip transpose swapaxes expand_dims squeeze broadcast_to".split()


class Modules:
    """The kernels, as RawModule hands them out."""

    def __init__(self, machine, libraries, ran):
        self.machine, self.libraries, self.ran = machine, libraries, ran

    def __call__(self, code, options):
        real = next(option for option in options if option.startswith("-DREAL=")).partition("=")[2]
        library = self.libraries[{"float": "float32", "double": "float64"}[real]]
        return SimpleNamespace(get_function=lambda name: self.function(library, name))

    def function(self, library, name):
        entry = getattr(library, name)

        def launch(grid, block, args):
            assert isinstance(args, tuple) and 0 < grid[0] < 2**31 and block[0] <= 1024
            self.ran.add(name)
            given = [as_c(arg) for arg in args]
            self.machine.submit(lambda: entry(*given) and None)

        return launch


def as_c(arg):
    """An argument as CuPy passes it on: arrays by address, NumPy scalars as they are; nothing else is safe."""
    if isinstance(arg, Array):
        assert arg.flags.c_contiguous, "kernels count on arrays without gaps"
        return ctypes.c_void_p(arg.host.ctypes.data)
    if isinstance(arg, np.uint64):
        return ctypes.c_void_p(int(arg))
    kinds = {"float32": ctypes.c_float, "float64": ctypes.c_double, "int32": ctypes.c_int32, "uint32": ctypes.c_uint32}
    assert isinstance(arg, np.generic), f"{arg!r} would become 64 bits wide"
    return kinds[arg.dtype.name](arg.item())


def make_cupy(libraries, ran):
    """The module, for one device."""
    machine = Machine()
    xp = SimpleNamespace(__name__="cupy", __version__="0 (stand-in)", machine=machine, ndarray=Array)
    for name in UFUNCS:
        setattr(xp, name, Ufunc(name))
    for name in ("float32", "float64", "int32", "int64", "uint8", "uint32", "uint64", "int8"):
        setattr(xp, name, getattr(np, name))

    made = machine.take

    def filled(value):
        def make(shape, dtype=np.float64):
            array = made(np.full(shape, junk(np.dtype(dtype)), dtype))
            array[...] = value
            return array

        return make

    xp.empty = lambda shape, dtype=np.float64: made(np.full(shape, junk(np.dtype(dtype)), dtype))
    xp.zeros, xp.ones = filled(0), filled(1)
    xp.zeros_like, xp.ones_like = (lambda a: xp.zeros(a.shape, a.dtype)), (lambda a: xp.ones(a.shape, a.dtype))
    xp.full = lambda shape, value, dtype=np.float64: filled(value)(shape, dtype)
    xp.full_like = lambda a, value: filled(value)(a.shape, a.dtype)
    xp.finfo = np.finfo
    xp.empty_like = lambda a: xp.empty(a.shape, a.dtype)

    def arange(*args, dtype=None):
        values = np.arange(*args, dtype=dtype)
        array = made(np.full(values.shape, 77, values.dtype))
        machine.submit(lambda: np.copyto(array.host, values))
        return array

    xp.arange = arange

    def asarray(values):
        if isinstance(values, Array):
            return values
        machine.host_waits("a copy from the host")
        return made(np.array(values))

    xp.asarray = asarray

    def where(condition, *values):
        if not values:
            machine.host_waits("how many there are")
        return compute(np.where, (condition, *values), {})

    xp.where = where

    def copyto(out, values, where=True):
        refuse_numpy([values])
        into, given, there = (known_by_address(machine, one) for one in (out, values, where))
        machine.submit(lambda: np.copyto(into.host, real(given), where=real(there)))

    xp.copyto = copyto
    for name in VIEWS:
        setattr(xp, name, partial(_view, getattr(np, name)))
    for name in FUNCTIONS:
        if not hasattr(xp, name):
            setattr(xp, name, partial(_called, getattr(np, name)))
    xp.clip = lambda a, a_min, a_max, out=None: compute(np.clip, (a, a_min, a_max), {} if out is None else {"out": out})

    def argsort(a, axis=-1, kind=None):
        machine.host_waits("Thrust waits for its stream")
        return compute(lambda x: np.argsort(x, axis=axis, kind=kind), (a,), {})

    def nonzero(a):
        machine.host_waits("how many there are")
        return tuple(made(part) for part in np.nonzero(a.host))

    xp.argsort, xp.nonzero = argsort, nonzero
    xp.RawModule = Modules(machine, libraries, ran)

    @contextmanager
    def using_allocator(allocator):
        yield

    class MemoryPool:
        def malloc(self, size):
            raise NotImplementedError

        def free_all_blocks(self):
            pass

    def properties(number):
        return {
            "name": b"a stand-in", "multiProcessorCount": 3, "major": 9, "minor": 0, "totalGlobalMem": 1 << 34,
            "clockRate": 1_000_000, "memoryClockRate": 2_000_000, "memoryBusWidth": 4096, "l2CacheSize": 50 << 20,
            "sharedMemPerBlock": 49152, "regsPerBlock": 65536, "warpSize": 32, "maxThreadsPerBlock": 1024,
            "maxThreadsDim": (1024, 1024, 64), "maxGridSize": (2**31 - 1, 65535, 65535), "totalConstMem": 65536,
            "textureAlignment": 512, "deviceOverlap": 1, "concurrentKernels": 1, "kernelExecTimeoutEnabled": 0,
            "memPitch": 2**31 - 1, "ECCEnabled": 1,
        }  # fmt: skip

    def elapsed(start, stop):
        stop.happen()
        machine.clock += 1.0
        return machine.clock

    runtime = SimpleNamespace(
        CUDARuntimeError=CUDARuntimeError, getDeviceCount=lambda: 1, getDevice=lambda: 0, setDevice=lambda number: None,
        getDeviceProperties=properties, memGetInfo=lambda: (machine.room or 1 << 33, 1 << 34),
        streamSynchronize=lambda pointer: machine.streams[pointer].run(), runtimeGetVersion=lambda: 13000,
        driverGetVersion=lambda: 13000,
    )  # fmt: skip
    xp.cuda = SimpleNamespace(
        runtime=runtime, memory=SimpleNamespace(OutOfMemoryError=OutOfMemoryError), MemoryPool=MemoryPool,
        using_allocator=using_allocator, get_current_stream=lambda: machine.current, get_elapsed_time=elapsed,
        Stream=lambda non_blocking=False: Stream(machine, non_blocking),
        Event=lambda block=False, disable_timing=False: Event(machine, block, disable_timing),
    )  # fmt: skip
    xp.cuda.Stream.null = machine.null
    xp.get_default_memory_pool = MemoryPool
    return xp


def zeros_pinned(count, dtype):
    """cupyx.zeros_pinned: what somebody let go of is given out again at once, whoever may still be reading it."""
    size = count * np.dtype(dtype).itemsize
    room = -(-max(size, 1) // 512) * 512
    if FREE.get(room):
        whole = FREE[room].pop()
        whole[:] = 0
    else:
        whole = np.zeros(room, np.uint8)  # lives for good: an address must not come back as ordinary memory
        PINNED.append((whole.ctypes.data, room))
    owner = Owner(whole)
    weakref.finalize(owner, FREE.setdefault(room, []).append, whole).atexit = False
    return np.asarray(owner)[:size].view(dtype)


class Owner:
    """What all arrays of one piece of pinned memory have in common."""

    def __init__(self, whole):
        self.__array_interface__ = whole.__array_interface__


FREE: dict[int, list[np.ndarray]] = {}


class Cublas:
    """The functions of cuBLAS that the engine calls, over addresses in host memory."""

    def __init__(self, machine):
        self.machine, self.handles = machine, {}

    def cublasCreate_v2(self, handle):
        handle._obj.value = len(self.handles) + 1
        self.handles[handle._obj.value] = SimpleNamespace(stream=0, mode=0, workspace=None)
        return 0

    def cublasSetStream_v2(self, handle, stream):
        own = self.handles[handle.value]
        own.stream, own.workspace = stream or 0, None
        return 0

    def cublasSetWorkspace_v2(self, handle, memory, size):
        self.handles[handle.value].workspace = memory
        return 0

    def cublasSetMathMode(self, handle, mode):
        self.handles[handle.value].mode = mode
        return 0

    def cublasSgemmStridedBatched(self, *args):
        return self.gemm(np.float32, *args)

    def cublasDgemmStridedBatched(self, *args):
        return self.gemm(np.float64, *args)

    def gemm(self, dtype, handle, turn_a, turn_b, m, n, k, alpha, a, lda, step_a, b, ldb, step_b, beta, c, ldc, step_c,
             batch):  # fmt: skip
        own = self.handles[handle.value]
        assert own.workspace, "without a workspace of its own, cuBLAS would allocate in a capture"
        if min(m, n, k, batch) < 0 or lda < (k if turn_a else m) or ldb < (n if turn_b else k) or ldc < m:
            return 7  # CUBLAS_STATUS_INVALID_VALUE
        scale, keep = alpha._obj.value, beta._obj.value

        def work():
            for index in range(batch):  # columns first, as cuBLAS counts
                left = matrix(a, dtype, index * step_a, lda, k if not turn_a else m)
                right = matrix(b, dtype, index * step_b, ldb, n if not turn_b else k)
                out = matrix(c, dtype, index * step_c, ldc, n)[:m]
                left = left[:m] if not turn_a else left[:k].T
                right = right[:k] if not turn_b else right[:n].T
                product = scale * (left @ right)
                out[...] = product if not keep else product + keep * out

        self.machine.streams[own.stream].submit(work)
        return 0


def matrix(address, dtype, offset, leading, columns):
    item = np.dtype(dtype).itemsize
    flat = np.ctypeslib.as_array((ctypes.c_uint8 * (leading * columns * item)).from_address(address + offset * item))
    return flat.view(dtype).reshape(columns, leading).T


class NotSupported(Exception):
    """cudnn.cudnnGraphNotSupportedError."""


class Cudnn:
    """The module `cudnn`, for convolutions: of each four plans, the second rounds factors as TF32 does."""

    cudnnGraphNotSupportedError = NotSupported
    data_type = SimpleNamespace(FLOAT="float")
    heur_mode = SimpleNamespace(A="a", FALLBACK="fallback")
    numerical_note = SimpleNamespace(
        TENSOR_CORE=1, DOWN_CONVERT_INPUTS=2, REDUCED_PRECISION_REDUCTION=3, NONDETERMINISTIC=5
    )

    def __init__(self, machine):
        self.machine, self.stream, self.ran, self.refused = machine, None, [], ()
        self.hides_nan = False  # whether a rectifier makes it zero
        self.laid: set[str] = set()  # "rows" and "channels": what counted fastest in what ran
        self.order = ""  # and in what ran last
        self.pygraph = lambda **where: ConvolutionGraph(self, **where)

    def backend_version(self):
        return 92801

    def create_handle(self):
        return 17

    def set_stream(self, handle, stream):
        assert handle == 17
        self.stream = self.machine.streams[stream]


class Tensor:
    def __init__(self, **what):
        self.__dict__.update(what)

    def set_output(self, given):
        self.output = given
        return self

    def set_dim(self, dim):
        self.dim = dim
        return self

    def set_stride(self, stride):
        self.stride = stride
        return self

    def set_data_type(self, kind):
        return self

    def set_uid(self, uid):
        self.uid = uid
        return self


class ConvolutionGraph:
    PLANS = ("unsupported", "tf32", "plain", "nondeterministic")
    NOTES = {"tf32": {1, 2}, "nondeterministic": {5}}

    def __init__(self, api, io_data_type, intermediate_data_type, compute_data_type, handle):
        self.api, self.barred, self.built, self.names = api, set(), set(), []
        self.tensors, self.after = [], []

    def tensor(self, name, dim, stride, data_type, uid):
        assert uid not in {one.uid for one in self.tensors} and data_type == "float"
        self.tensors.append(Tensor(name=name, dim=dim, stride=stride, uid=uid))
        return self.tensors[-1]

    def convolution(self, kind, first, second, padding, stride, dilation):
        self.kind = kind
        self.pad, self.stride, self.dilation = padding, stride, dilation
        self.out = Tensor()
        return self.out

    def scale(self, input, scale):
        return self.then("scale", input, scale)

    def bias(self, input, bias):
        return self.then("bias", input, bias)

    def relu(self, input):
        assert self.after, "no kernel has a rectifier and no bias"
        return self.then("relu", input)

    def then(self, name, input, operand=None):
        assert input is self.out and self.kind == "fprop" and len(input.__dict__) == 0
        assert operand is None or operand.dim[0] == 1 == np.prod(operand.dim[2:])
        self.after.append((name, operand and operand.uid))
        self.out = Tensor()
        return self.out

    def conv_fprop(self, image, weight, **step):
        return self.convolution("fprop", image, weight, **step)

    def conv_dgrad(self, loss, filter, **step):
        return self.convolution("dgrad", loss, filter, **step)

    def conv_wgrad(self, image, loss, **step):
        return self.convolution("wgrad", image, loss, **step)

    def validate(self):
        assert self.out.output
        self.tensors.append(self.out)
        self.shapes = {one.uid: tuple(one.dim) for one in self.tensors}
        orders = [order for order in ("rows", "channels") if all(one.stride == dense(one.dim, order) for one in
                                                                self.tensors)]  # fmt: skip
        assert orders, "rows first or channels last, all of them"
        self.order = orders[0]

    def build_operation_graph(self):
        asked = {self.kind, self.order, *(name for name, _ in self.after)}
        if asked & set(self.api.refused):
            raise NotSupported("No valid engine configs")

    def create_execution_plans(self, modes):
        self.names = list(self.PLANS)

    def deselect_numeric_notes(self, notes):
        assert self.names, "there are no plans yet"
        self.barred |= {k for k, name in enumerate(self.names) if self.NOTES.get(name, set()) & set(notes)}

    def get_execution_plan_count(self):
        return len(self.names)

    def build_plan_at_index(self, index):
        if index in self.barred or self.names[index] == "unsupported":
            raise NotSupported(self.names[index])
        self.built.add(index)

    def get_workspace_size_plan_at_index(self, index):
        return 1000 * index

    def execute_plan_at_index(self, pointers, workspace, index, handle):
        assert index in self.built and type(workspace) is int and all(type(p) is int for p in pointers.values())
        assert set(pointers) == set(self.shapes)
        assert not any(p % 16 for p in pointers.values()), "cuDNN's kernels load 16 bytes at once"
        arrays = {uid: self.seen(pointers[uid], shape) for uid, shape in self.shapes.items()}
        name = self.names[index]
        self.api.ran.append((self.kind, name, *(step for step, _ in self.after)))
        self.api.order = self.order
        self.api.laid.add(self.order)
        self.api.stream.submit(lambda: self.compute_all(arrays, name))

    def seen(self, pointer, shape):
        """Memory as an array of that shape, whichever axis counts fastest."""
        order = [0, *range(2, len(shape)), 1] if self.order == "channels" else list(range(len(shape)))
        flat = bytes_at(pointer, 4 * int(np.prod(shape))).view(np.float32)
        return flat.reshape([shape[axis] for axis in order]).transpose(np.argsort(order))

    def compute_all(self, arrays, name):
        self.compute(*(arrays[k] for k in (1, 2, 3)), name)
        for step, uid in self.after:
            if step == "scale":
                arrays[3][...] *= arrays[uid]
            elif step == "bias":
                arrays[3][...] += arrays[uid]
            else:
                (np.fmax if self.api.hides_nan else np.maximum)(arrays[3], 0, out=arrays[3])

    def compute(self, image, weight, values, name):
        factor = round_to_tf32 if name == "tf32" else np.float64
        lengths, kernel, out = image.shape[2:], weight.shape[2:], values.shape[2:]
        group = image.shape[1] // weight.shape[1]
        n, outputs = values.shape[:2]
        grouped = (n, group, -1, int(np.prod(out)))
        wide = np.zeros((*image.shape[:2], *(length + 2 * p for length, p in zip(lengths, self.pad, strict=True))))
        inside = (..., *(slice(p, p + length) for p, length in zip(self.pad, lengths, strict=True)))
        if self.kind != "dgrad":
            wide[inside] = factor(image)
        w = factor(weight).reshape(group, outputs // group, weight.shape[1], *kernel)
        v = np.zeros(grouped[:2] + (outputs // group, grouped[3])) if self.kind == "fprop" else (
            factor(values).reshape(n, group, outputs // group, -1))  # fmt: skip
        for tap in np.ndindex(*kernel):
            reached = (..., *(
                slice(t * d, t * d + s * (count - 1) + 1, s)
                for t, d, s, count in zip(tap, self.dilation, self.stride, out, strict=True)
            ))  # fmt: skip
            seen, part = wide[reached].reshape(n, group, weight.shape[1], -1), w[(..., *tap)]
            if self.kind == "fprop":
                v += np.einsum("goc,ngcp->ngop", part, seen)
            elif self.kind == "dgrad":
                wide[reached] += np.einsum("goc,ngop->ngcp", part, v).reshape(wide[reached].shape)
            else:
                slope = np.einsum("ngop,ngcp->goc", v, seen)
                weight[(..., *tap)] = slope.reshape(outputs, weight.shape[1])
        if self.kind == "fprop":
            values[...] = v.reshape(values.shape)
        elif self.kind == "dgrad":
            image[...] = wide[inside]


def dense(dim, order):
    """Strides without gaps, in elements."""
    axes = [0, *range(2, len(dim)), 1] if order == "channels" else list(range(len(dim)))
    strides = [0] * len(dim)
    for k, axis in enumerate(axes):
        strides[axis] = int(np.prod([dim[one] for one in axes[k + 1 :]]))
    return strides


def round_to_tf32(values):
    """The nearest numbers of 10 bits behind the point."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((bits + np.uint32(0x1000)) & np.uint32(0xFFFFE000)).view(np.float32).astype(np.float64)
