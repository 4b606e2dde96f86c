"""Scripts that give NumPy's names to Python's types, as those for old versions do, keep the fast engine."""

import subprocess
import sys
import threading

import numpy as np
import pytest

from brewbench.engine.numpy_names import numpys_own_names

SHIMS = "np.bool, np.int, np.float, np.complex, np.object, np.str, np.unicode, np.long = "
SHIMS += "bool, int, float, complex, object, str, str, int"
NET = """
layer { name: "data" type: "Data" top: "data" top: "label" transform_param { mirror: true }
  data_param { source: "rows" backend: LMDB batch_size: 2 } }
layer { name: "c" type: "Convolution" bottom: "data" top: "c"
  convolution_param { num_output: 4 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "drop" type: "Dropout" bottom: "c" top: "c" }
layer { name: "ip" type: "InnerProduct" bottom: "c" top: "ip" inner_product_param { num_output: 3 } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }
"""
PROGRAM = f"""
import sys, warnings
import numpy as np
warnings.simplefilter("error")
if sys.argv[1] == "before":
    {SHIMS}
from brewbench import caffe, Document, Net
from brewbench.engine.data.database import write_database
from brewbench.engine.data.datum import to_datum
{SHIMS}
assert "numba" not in sys.modules
images = [to_datum(np.full((3, 8, 8), label, np.uint8), label) for label in range(3)]
write_database("rows", [(b"%08d" % k, image.SerializeToString()) for k, image in enumerate(images)])
net = Net(Document.parse({NET!r}), seed=1)
for _ in range(3):
    net.clear_param_diffs()
    net.forward()
    net.backward()
assert "numba" in sys.modules and np.bool is bool and np.long is int and np.object is object
from brewbench.engine.ops.tile._op import ready
assert ready()
"""


def test_inside_the_names_are_numpys_and_outside_what_was_assigned(monkeypatch):
    own = np.bool
    monkeypatch.setattr(np, "bool", bool)
    monkeypatch.setattr(np, "int", int, raising=False)
    with pytest.raises(ZeroDivisionError), numpys_own_names():
        assert np.bool is own and np.int is int
        raise ZeroDivisionError
    assert np.bool is bool and np.int is int


def test_the_last_of_several_threads_puts_back_what_was_assigned(monkeypatch):
    own = np.bool
    monkeypatch.setattr(np, "bool", bool)
    entered, may_leave = threading.Event(), threading.Event()

    def other():
        with numpys_own_names():
            entered.set()
            may_leave.wait(10)

    thread = threading.Thread(target=other)
    with numpys_own_names():
        thread.start()
        entered.wait(10)
    assert np.bool is own
    may_leave.set()
    thread.join()
    assert np.bool is bool


def test_names_that_nobody_replaced_are_left_alone():
    before = dict(vars(np))
    with numpys_own_names():
        assert vars(np) == before
    assert vars(np) == before


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_fast_engine_stays(tmp_path, when):
    subprocess.run([sys.executable, "-c", PROGRAM, when], cwd=tmp_path, check=True)
