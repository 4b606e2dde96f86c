"""Who listens is told of each kernel that is made, for which layer; of none that lies on disk."""

import os
import subprocess
import sys
import threading

import numba
import pytest

from brewbench.engine import Net
from brewbench.engine.making import Making, making, on_making, telling
from brewbench.proto import Document

NET = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 8 dim: 6 } } }
layer { name: "ip" type: "InnerProduct" bottom: "data" top: "ip" inner_product_param { num_output: 5 } }
layer { name: "tanh" type: "TanH" bottom: "ip" top: "tanh" }
"""
# Prints the number of kernels that a forward pass made, for which layers, and how often the log was told.
PROGRAM = f"""
import logging
from brewbench import Net
from brewbench.engine.making import on_making
from brewbench.proto import Document
told, lines = [], []
handler = logging.Handler()
handler.emit = lambda record: lines.append(record.getMessage())
logging.getLogger("brewbench").addHandler(handler)
logging.getLogger("brewbench").setLevel(logging.INFO)
on_making(told.append)
net = Net(Document.parse({NET!r}), 0)
net.forward()
made = [one for one in told if one is not None]
assert len(told) == 2 * len(made) and all(one is None for one in told[1::2])
print(len(made), ",".join(sorted({{net.layer_names[one.index] + ":" + one.direction for one in made}})), len(lines))
"""


def run(folder):
    environment = os.environ | {"BREWBENCH_CACHE": str(folder / "tiles"), "NUMBA_CACHE_DIR": str(folder / "drivers")}
    environment["OMP_NUM_THREADS"] = "1"
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split(" ")


def test_the_first_process_tells_of_every_kernel_and_the_second_of_none(tmp_path):
    count, layers, lines = run(tmp_path)
    assert int(count) >= 2 and layers == "ip:forward,tanh:forward" and int(lines) == 1
    assert run(tmp_path) == ["0", "", "0\n"]


@pytest.fixture
def net():
    return Net(Document.parse(NET), 0)


def test_a_kernel_is_told_of_with_its_layer_until_it_is_made(net):
    told = []
    end = on_making(told.append)
    net.forward_layer(1)
    del told[:]
    with making():
        assert told == [Making(net, 1, "forward")]
    assert told == [Making(net, 1, "forward"), None]
    end()
    with making():
        pass
    assert len(told) == 2


def test_a_kernel_that_cannot_be_made_is_over_too(net):
    told = []
    end = on_making(told.append)
    net.backward_layer(2)
    del told[:]
    with pytest.raises(ValueError), making():
        raise ValueError
    end()
    assert [one and one.direction for one in told] == ["backward", None]


def test_what_numba_compiles_is_told_of_only_where_it_compiles(net):
    def double(x):
        return 2 * x

    told = []
    end = on_making(told.append)
    net.forward_layer(1)
    del told[:]
    with telling():
        other = threading.Thread(target=lambda: numba.njit("int64(int64)")(double))
        other.start()
        other.join()
    assert told == [], "another thread's kernels are told of by itself"
    with telling():
        assert numba.njit("int64(int64)")(double)(2) == 4
    assert told == [Making(net, 1, "forward"), None]
    end()
