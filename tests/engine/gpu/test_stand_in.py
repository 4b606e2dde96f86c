"""The stand-in against what it stands in for, as far as that can be had without a device."""

import importlib.util
import inspect
from pathlib import Path

import numpy as np
import pytest

METHODS = (
    "reshape ravel swapaxes transpose astype copy fill get item sum mean max min prod clip data nbytes __getitem__ "
    "__setitem__ __iadd__ __imul__ __itruediv__ __matmul__ __le__ __bool__ __float__"
).split()


def test_it_offers_nothing_that_cupy_does_not():
    cupy = pytest.importorskip("cupy", reason="CuPy, which needs no device to be imported, is not installed")
    spec = importlib.util.spec_from_file_location("bare_stand_in", Path(__file__).with_name("stand_in.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    xp, known = module.make_cupy({}, set()), {"machine"}
    for name in vars(xp):
        if not name.startswith("__") and name not in known:
            assert hasattr(cupy, name), name
    for name in vars(xp.cuda.runtime):
        assert hasattr(cupy.cuda.runtime, name), name
    for name in vars(xp.cuda):
        assert hasattr(cupy.cuda, name), name
    for name in METHODS:
        assert hasattr(cupy.ndarray, name), name
    for name in ("copy_from_host_async", "copy_from_device_async", "ptr"):
        assert hasattr(cupy.cuda.MemoryPointer, name), name
    for name in ("begin_capture", "end_capture", "wait_event", "record", "synchronize"):
        assert hasattr(cupy.cuda.Stream, name), name
    assert list(inspect.signature(cupy.cuda.Event.__init__).parameters)[1:3] == ["block", "disable_timing"]
    import cupyx

    assert list(inspect.signature(cupyx.zeros_pinned).parameters)[:2] == ["shape", "dtype"]
    assert issubclass(cupy.cuda.runtime.CUDARuntimeError, RuntimeError)
    assert issubclass(cupy.cuda.memory.OutOfMemoryError, MemoryError)


def test_it_refuses_what_cupy_refuses(host_device):
    xp, host = host_device.xp, np.ones(3, np.float32)
    array = xp.ones(3, np.float32)
    for mixed in (lambda: array + host, lambda: xp.maximum(array, host), lambda: np.asarray(array),
                  lambda: np.exp(array), lambda: array.__setitem__(slice(None), host)):  # fmt: skip
        with pytest.raises(TypeError):
            mixed()
    assert (array + host.dtype.type(2)).get().dtype == np.float32  # scalars may be mixed in


def test_work_is_done_when_somebody_waits_and_captured_work_when_it_is_launched(host_device):
    x = host_device.allocate(3, np.dtype(np.float32))
    x += 1
    assert np.isnan(x.host).all()  # neither the zeros nor the sum yet
    host_device.synchronize()
    np.testing.assert_array_equal(x.host, 1)
    with host_device.capture() as graph:
        x *= 2
        y = x + 1
    np.testing.assert_array_equal(x.get(), [1, 1, 1])
    graph.launch()
    graph.launch()
    np.testing.assert_array_equal(x.get(), [4, 4, 4])
    np.testing.assert_array_equal(y.get(), [5, 5, 5])


@pytest.mark.parametrize("look", [
    lambda xp, x: x.get(), lambda xp, x: float(x[0]), lambda xp, x: x[x > 0], lambda xp, x: xp.nonzero(x),
    lambda xp, x: xp.where(x), lambda xp, x: bool(x[0] > 0), lambda xp, x: x @ x, lambda xp, x: xp.argsort(x),
])  # fmt: skip
def test_what_waits_spoils_a_capture(host_device, look):
    x = host_device.allocate(3, np.dtype(np.float32))
    with pytest.raises(RuntimeError), host_device.capture():
        look(host_device.xp, x)
    assert not host_device.capturing
    look(host_device.xp, x)
