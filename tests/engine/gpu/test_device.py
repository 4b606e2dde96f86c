"""Finding a GPU, and saying what is missing where there is none."""

import sys

import pytest
from google.protobuf import text_format

from brewbench.engine import Net, backend
from brewbench.engine.gpu import device as module
from brewbench.engine.gpu.plans import row_major
from brewbench.proto.messages import NetParameter

NET = text_format.Parse('layer { name: "x" type: "Input" top: "x" }', NetParameter())


class NoDevice:
    """CuPy on a machine without a driver."""

    class cuda:
        class runtime:
            class CUDARuntimeError(RuntimeError):
                pass

            @classmethod
            def getDeviceCount(cls):
                raise cls.CUDARuntimeError("cudaErrorInsufficientDriver: CUDA driver version is insufficient")


def test_without_cupy_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(RuntimeError, match=r"needs CuPy .* pip install 'brewbench\[gpu\]'"):
        module.Device()


def test_without_a_driver_the_error_says_so(monkeypatch):
    monkeypatch.setattr(module, "import_cupy", lambda: NoDevice)
    with pytest.raises(RuntimeError, match="no NVIDIA GPU to compute on .*InsufficientDriver"):
        module.Device()


def test_a_failed_choice_changes_nothing(monkeypatch):
    monkeypatch.setattr(module, "device", lambda number=0: module.Device(number))
    monkeypatch.setattr(module, "import_cupy", lambda: NoDevice)
    with pytest.raises(RuntimeError, match="no NVIDIA GPU"):
        backend.choose("gpu")
    assert Net(NET).context.backend == "cpu"
    with pytest.raises(RuntimeError, match="no NVIDIA GPU"):
        Net(NET, backend="gpu")


def test_the_backend_that_was_chosen_counts_for_nets_to_come(gpu, monkeypatch):
    monkeypatch.setattr(backend, "_chosen", backend.CPU)
    backend.choose(backend.Backend("gpu", precision="ieee"))
    net = Net(NET)
    assert net.context.place is gpu and (net.context.backend, net.context.precision) == ("gpu", "ieee")
    assert Net(NET, backend="cpu").context.backend == "cpu"


@pytest.mark.parametrize("given, message", [(("tpu",), "cpu or gpu; got 'tpu'"), (("gpu", 0, "half"), "tf32 or ieee")])
def test_a_backend_is_one_of_those_there_are(given, message):
    with pytest.raises(ValueError, match=message):
        backend.Backend(*given)


def test_strides_of_rows():
    assert row_major((2, 3, 4, 5)) == [60, 20, 5, 1]
