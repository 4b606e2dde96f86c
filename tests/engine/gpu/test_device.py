"""Finding a GPU, and saying what is missing where there is none."""

import gc
import sys
import threading
import weakref

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine import Net, backend, get_solver
from brewbench.engine.blob import Blob
from brewbench.engine.gpu import device as module
from brewbench.engine.gpu.device import NotCapturable
from brewbench.engine.gpu.plans import strides
from brewbench.engine.gpu.room import explained
from brewbench.engine.memory import HOST, WRITE
from brewbench.proto.messages import NetParameter, SolverParameter

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
    assert strides((2, 3, 4, 5)) == [60, 20, 5, 1]
    assert strides((2, 3, 4, 5), last=True) == [60, 1, 15, 3]


TEXT = """
name: "wide"
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 100 dim: 200 } } }
layer { name: "ip" type: "InnerProduct" bottom: "x" top: "ip" inner_product_param { num_output: 500 } }
layer { name: "out" type: "Softmax" bottom: "ip" top: "out" loss_weight: 1 }
"""


def test_a_full_device_says_which_blob_found_no_room_and_the_solver_goes_on_later(host_device):
    solver = get_solver(
        text_format.Parse('base_lr: 0.1 lr_policy: "fixed"', SolverParameter()),
        text_format.Parse(TEXT, NetParameter()),
        backend="gpu",
    )
    solver.net.clear_param_diffs()
    host_device.machine.room = 100_000
    with pytest.raises(MemoryError, match=r"the data of blob 'ip', 100 500 \(50000\), of 0.2 MB.*net 'wide' hold"):
        solver.iterate()
    host_device.machine.room = 400_000
    with pytest.raises(MemoryError, match="the values of all parameters, of 0.4 MB"):
        solver.iterate()
    host_device.machine.room = 1 << 30
    assert solver.iterate() and solver.iter == 1


def test_a_net_run_by_itself_says_so_too_and_a_solver_does_not_say_it_twice(host_device):
    net = Net(text_format.Parse(TEXT, NetParameter()), 0, backend="gpu")
    host_device.machine.room = 100_000
    with pytest.raises(MemoryError, match=r"^the GPU has no room for the data of blob 'ip'.*net 'wide' hold") as failed:
        net.forward()
    assert explained(net, failed.value) is failed.value
    host_device.machine.room = 1 << 30
    net.forward()
    host_device.machine.room = 100_000
    with pytest.raises(MemoryError, match="no room for the gradients of all parameters|for the diff of blob"):
        net.backward()


def test_every_layer_runs_on_the_nets_own_device_whatever_thread_runs_it(host_device, monkeypatch):
    param = text_format.Parse('base_lr: 0.1 lr_policy: "fixed"', SolverParameter())
    solver = get_solver(param, text_format.Parse(TEXT, NetParameter()), backend="gpu")
    net, at = solver.net, threading.local()
    runtime = host_device.xp.cuda.runtime
    monkeypatch.setattr(runtime, "getDevice", lambda: getattr(at, "number", 0))
    monkeypatch.setattr(runtime, "setDevice", lambda number: setattr(at, "number", number))
    monkeypatch.setattr(host_device, "number", 1)
    seen = []
    for one in net.layers:
        for name in ("forward", "backward"):
            work = getattr(one, name)
            monkeypatch.setattr(one, name, lambda *args, work=work: (seen.append(runtime.getDevice()), work(*args)))

    def run():
        solver.begin_iteration()
        for index in range(len(net.layers)):
            at.number = 0  # as after somebody's own work on the first device
            net.forward_layer(index)
        for index in reversed(range(len(net.layers))):
            at.number = 0
            net.backward_layer(index)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert len(seen) > len(net.layers) and set(seen) == {1}


def test_without_room_for_working_memory_the_error_says_so(host_device):
    net = Net(text_format.Parse(TEXT, NetParameter()), backend="gpu")
    error = explained(net, host_device.xp.cuda.memory.OutOfMemoryError("Out of memory allocating 5 bytes"))
    assert "no room for working memory (Out of memory allocating 5 bytes)" in str(error)


def test_an_old_driver_is_told_of_the_other_extra(monkeypatch):
    monkeypatch.setattr(module, "import_cupy", lambda: NoDevice)
    with pytest.raises(RuntimeError, match="older than CUDA 13 .* extra gpu-cuda12"):
        module.Device()


def test_a_default_stream_for_each_thread_is_refused(host_device, monkeypatch):
    monkeypatch.setenv("CUPY_CUDA_PER_THREAD_DEFAULT_STREAM", "1")
    with pytest.raises(RuntimeError, match="legacy default stream: start Python without CUPY_CUDA_PER_THREAD"):
        module.Device()
    monkeypatch.setenv("CUPY_CUDA_PER_THREAD_DEFAULT_STREAM", "0")
    module.Device()


def test_a_copy_under_way_is_waited_for_before_its_source_changes(gpu):
    blob = Blob((1000,), np.float32, gpu)
    for value in range(5):
        blob.data_memory.on(HOST, WRITE)[:] = value
        blob.read()
    np.testing.assert_array_equal(blob.data, 4)


def test_pinned_memory_lives_until_it_has_been_read_and_no_longer(gpu):
    host = gpu.host_array(1000, np.dtype(np.float32))
    host[:] = 7
    array = gpu.allocate(1000, np.dtype(np.float32))
    gpu.synchronize()
    gone = weakref.ref(host)
    gpu.from_host(host, array)
    address = host.ctypes.data
    assert gpu._copied[address][1] is host
    del host
    if hasattr(gpu, "machine"):  # where nothing is done before somebody waits
        gpu.host_array(10, np.dtype(np.float32))
        assert gone() is not None
    gpu.synchronize()
    gpu.host_array(10, np.dtype(np.float32))
    assert address not in gpu._copied
    found = np.empty(1000, np.float32)
    gpu.to_host(array, found)
    np.testing.assert_array_equal(found, 7)


def test_copies_that_are_done_are_forgotten(gpu):
    array = gpu.allocate(10, np.dtype(np.float32))
    sources = [np.full(10, k, np.float32) for k in range(500)]
    for k, source in enumerate(sources):
        gpu.from_host(source, array)
        if k % 10 == 0:
            gpu.synchronize()
    assert len(gpu._copied) < 200


def test_captures_share_one_stream(gpu):
    array = gpu.allocate(10, np.dtype(np.float32))
    streams = []
    for _ in range(2):
        with gpu.capture() as graph:
            streams.append(gpu.xp.cuda.get_current_stream().ptr)
            gpu.launch("add", np.float32, 10, array, array)
        graph.launch()
    assert streams[0] == streams[1] != 0


def test_no_garbage_is_collected_while_work_is_recorded(gpu):
    with gpu.capture():
        assert not gc.isenabled()
    with pytest.raises(NotCapturable, match="for the first time"), gpu.capture():
        gpu.allocate(1, np.dtype(np.float32))
    assert gc.isenabled()


def test_two_threads_may_use_the_device(gpu):
    def work(seed, results):
        values = np.random.RandomState(seed).randn(20, 30).astype(np.float32)
        x, y = Blob((20, 30), np.float32, gpu), Blob((20, 20), np.float32, gpu)
        x.data = values
        for _ in range(20):
            gpu.gemm(x.read(), x.read(), y.write(), precision="ieee", transpose=(False, True))
        results[seed] = np.abs(y.data - values @ values.T).max()

    results = {}
    threads = [threading.Thread(target=work, args=(seed, results)) for seed in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 2 and max(results.values()) < 1e-4


def test_a_stopwatch_takes_the_time_of_each_piece_of_work(gpu):
    for place in (HOST, gpu):
        watch = backend.stopwatch(place)
        for _ in range(2):  # it can be used again
            watch.mark()
            for _ in range(3):
                place.allocate(1000, np.dtype(np.float32))
                watch.mark()
            laps = watch.laps()
            assert len(laps) == 3 and all(lap >= 0 for lap in laps)
    assert backend.stopwatch(gpu).laps() == []


def test_memory_without_elements(gpu):
    blob = Blob((0, 3), np.float32, gpu)
    assert blob.data.shape == blob.read().shape == (0, 3)
