"""How much memory nets take: no gradients where nobody learns, working memory for the largest layer alone."""

import tracemalloc

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench.engine import TEST, TRAIN, Net, get_solver
from brewbench.proto.messages import NetParameter, SolverParameter

HEAD = """
layer { name: "x" type: "Input" top: "x" top: "label" input_param { shape { dim: 4 dim: 8 dim: 24 dim: 24 }
  shape { dim: 4 } } }
"""
CONV = """
layer { name: "c%d" type: "Convolution" bottom: "%s" top: "c%d" convolution_param { num_output: 8 kernel_size: 3 pad: 1
  weight_filler { type: "xavier" } %s } }
"""
LOSS = """
layer { name: "ip" type: "InnerProduct" bottom: "c%d" top: "ip"
  inner_product_param { num_output: 5 weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""


def chain(count, engine=""):
    """A net of so many convolutions of equal size."""
    layers = [CONV % (i, f"c{i - 1}" if i else "x", i, engine) for i in range(count)]
    return text_format.Parse(HEAD + "".join(layers) + LOSS % (count - 1), NetParameter())


def blobs_of(net):
    return [*net.blobs.values(), *(blob for blobs in net.params.values() for blob in blobs)]


def gradients(net):
    """Bytes that the diffs of a net take, those of its parameters too."""
    return sum(blob.diff_memory.allocated for blob in blobs_of(net))


def all_bytes(net):
    return sum(blob.data_memory.allocated + blob.diff_memory.allocated for blob in blobs_of(net))


def test_a_net_that_is_made_and_shown_takes_no_memory():
    net = Net(chain(3), TRAIN)
    assert all_bytes(net) == 0


@pytest.mark.parametrize("phase", [TEST, TRAIN])
def test_a_forward_pass_allocates_no_gradients(phase):
    net = Net(chain(3), phase, seed=1)
    net.forward()
    assert all_bytes(net) > 0
    assert gradients(net) == 0
    net.backward()
    assert gradients(net) > 0


def test_the_test_nets_of_a_solver_have_no_gradients_and_no_weights_of_their_own():
    param = text_format.Parse(
        'base_lr: 0.01 lr_policy: "fixed" max_iter: 2 test_iter: 2 test_interval: 1 snapshot_after_train: false',
        SolverParameter(),
    )
    solver = get_solver(param, chain(3), seed=1)
    solver.solve()
    (tested,) = solver.test_nets
    assert gradients(tested) == 0
    assert gradients(solver.net) > 0
    for name, blobs in tested.params.items():
        for mine, theirs in zip(blobs, solver.net.params[name], strict=True):
            assert mine.data_memory is theirs.data_memory


def working_memory(net):
    """Bytes that a pass takes at its most, beside the blobs."""
    net.forward()
    net.backward()  # what is made once is made
    net.context.scratch.clear()
    for blob in net.blobs.values():
        blob.diff  # noqa: B018  is there, as in the first pass
    tracemalloc.start()
    net.forward()
    net.backward()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("engine", ["", "engine: CAFFE"])
def test_working_memory_is_that_of_the_largest_convolution(engine):
    few, many = (working_memory(Net(chain(count, engine), TRAIN, seed=1)) for count in (2, 8))
    columns = 8 * 9 * 24 * 24 * 4  # bytes of the columns of one image
    assert few > columns  # what is measured is there
    assert many < 1.2 * few


def test_the_buffers_of_a_net_are_shared_by_its_convolutions():
    net = Net(chain(8, "engine: CAFFE"), TRAIN, seed=1)
    net.forward()
    net.backward()
    held = sum(array.nbytes for array in net.context.scratch.values() if isinstance(array, np.ndarray))
    single = Net(chain(1, "engine: CAFFE"), TRAIN, seed=1)
    single.forward()
    single.backward()
    assert held <= 1.3 * sum(array.nbytes for array in single.context.scratch.values())
