"""A forked child computes: its threads are its own, its locks free, its readers go on where the parent was."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

BEGIN = """
import multiprocessing, os, signal, sys, threading, time, warnings
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
import numpy as np
from brewbench import Document, Net
from brewbench.engine.memory import computing, touching

NET = '''
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 16 dim: 8 dim: 16 dim: 16 } } }
layer { name: "c" type: "Convolution" bottom: "data" top: "c"
  convolution_param { num_output: 32 kernel_size: 3 weight_filler { type: "xavier" } } }
layer { name: "relu" type: "ReLU" bottom: "c" top: "c" }
layer { name: "ip" type: "InnerProduct" bottom: "c" top: "ip"
  inner_product_param { num_output: 10 weight_filler { type: "xavier" } } }
'''
net = Net(Document.parse(NET), seed=1)
net.blobs["data"].data[...] = np.linspace(-1, 1, net.blobs["data"].count).reshape(net.blobs["data"].shape)
for _ in range(2):
    net.forward()
expected = net.blobs["ip"].data.copy()

def right():
    net.blobs["ip"].data[...] = 0
    for _ in range(3):
        net.forward()
    return np.array_equal(net.blobs["ip"].data, expected)

def in_child(work):
    '''The exit status of a child that does some work: 0 where it is true.'''
    child = os.fork()
    if not child:
        signal.alarm(20)  # one that waits for ever is ended
        os._exit(not work())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""


def run(program, folder, threads=2):
    environment = os.environ | {"BREWBENCH_NUM_THREADS": str(threads)}
    command = [sys.executable, "-c", BEGIN + program]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert not done.returncode, done.stderr


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_a_child_a_child_of_it_and_the_parent_compute(tmp_path, threads):
    run(
        """
assert in_child(lambda: right() and in_child(right) == 0 and right()) == 0
assert right()
""",
        tmp_path,
        threads,
    )


def test_a_pool_of_processes_computes(tmp_path):
    run(
        """
def work(scale):
    net.blobs["data"].data[...] *= scale
    net.forward()
    return net.blobs["ip"].data.copy()

with multiprocessing.get_context("fork").Pool(3) as pool:
    found = pool.map_async(work, [1, 1, 1, 1]).get(60)
assert all(np.array_equal(one, expected) for one in found)
assert right()
""",
        tmp_path,
    )


def test_locks_that_other_threads_held_are_free_in_the_child(tmp_path):
    run(
        """
from brewbench.engine import numpy_names
from brewbench.engine.ops.tile import drive, tiles

held, done = threading.Event(), threading.Event()

def hold():
    with computing, touching, drive._lock, tiles._lock, numpy_names._lock:
        held.set()
        done.wait(60)

holder = threading.Thread(target=hold)
holder.start()
held.wait(60)

def fresh():
    other = Net(Document.parse(NET), seed=1)
    other.blobs["data"].data[...] = net.blobs["data"].data
    other.forward()
    return np.array_equal(other.blobs["ip"].data, expected) and right()

assert in_child(fresh) == 0
done.set()
holder.join()
assert right()
""",
        tmp_path,
    )


def test_a_child_ends_as_python_programs_do(tmp_path):
    run(
        """
for _ in range(5):
    child = os.fork()
    if not child:
        signal.alarm(20)
        net.forward()
        sys.exit()
    assert os.waitpid(child, 0)[1] == 0
""",
        tmp_path,
    )


def test_a_lock_that_the_forking_thread_holds_is_held_in_the_child(tmp_path):
    run(
        """
def work():
    computing.__exit__(None, None, None)
    return right()

with computing:
    assert in_child(work) == 0
assert right()
""",
        tmp_path,
    )


def test_a_child_that_is_forked_while_another_thread_computes_computes(tmp_path):
    run(
        """
stopped = False

def compute():
    while not stopped:
        other.forward()

other = Net(Document.parse(NET), seed=2)
computer = threading.Thread(target=compute)
computer.start()
try:
    for _ in range(10):
        time.sleep(0.01)
        assert in_child(right) == 0
finally:
    stopped = True
    computer.join()
""",
        tmp_path,
    )


DATABASE = """
from brewbench.engine.data.database import write_database
from brewbench.engine.data.datum import to_datum
draw = np.random.default_rng(1)
images = [to_datum(draw.integers(0, 256, (3, 6, 6), np.uint8), label) for label in range(7)]
write_database("rows", [(b"%08d" % k, image.SerializeToString()) for k, image in enumerate(images)])
LAYER = '''
layer { name: "d" type: "Data" top: "x" top: "y" data_param { source: "rows" batch_size: 2 backend: LMDB } }
'''
"""
IMAGES = """
from PIL import Image
with open("list", "w") as names:
    for k in range(7):
        Image.new("RGB", (6, 6), (k, 2 * k, 3 * k)).save(f"{k}.png")
        names.write(f"{k}.png {k}\\n")
LAYER = '''layer { name: "d" type: "ImageData" top: "x" top: "y" image_data_param { source: "list" batch_size: 2 } }'''
"""


@pytest.mark.parametrize("made", [DATABASE, IMAGES], ids=["Data", "ImageData"])
def test_a_child_reads_on_from_where_the_parent_was(tmp_path, made):
    run(
        made
        + """
def labels(net, count):
    found = []
    for _ in range(count):
        net.forward()
        found += net.blobs["y"].data.tolist()
    return found

data = Net(Document.parse(LAYER))
assert labels(data, 2) == [0, 1, 2, 3]
assert in_child(lambda: labels(data, 4) == [4, 5, 6, 0, 1, 2, 3, 4]) == 0
assert labels(data, 4) == [4, 5, 6, 0, 1, 2, 3, 4]

def ends():
    labels(data, 1)
    data.close()
    return labels(data, 1) == [0, 1]

assert in_child(ends) == 0 and labels(data, 1) == [5, 6]
""",
        tmp_path,
    )


def test_a_file_of_weights_is_read_by_parent_and_child_side_by_side(tmp_path):
    run(
        """
from brewbench.engine.stored import FileBytes
numbers = np.arange(1 << 20, dtype=np.int32)
numbers.tofile("numbers")
stored = FileBytes("numbers").array(np.int32)
reads = lambda: all(np.array_equal(np.asarray(stored), numbers) for _ in range(50))
child = os.fork()
if not child:
    os._exit(not reads())
assert reads()
assert os.waitpid(child, 0)[1] == 0
""",
        tmp_path,
    )


def test_a_session_says_in_a_child_that_it_runs_in_the_parent(tmp_path):
    run(
        """
from brewbench.workbench import LiveNet, Session
solver = Document.parse('base_lr: 0.1 lr_policy: "fixed" max_iter: 9', "solver")
text = 'layer { name: "d" type: "DummyData" top: "d" dummy_data_param { shape { dim: 2 dim: 3 } } } '
text += 'layer { name: "i" type: "InnerProduct" bottom: "d" top: "i" loss_weight: 1 '
text += "inner_product_param { num_output: 1 } }"
session = Session(LiveNet(Document.parse(text), solver_document=solver, seed=1))
session.step(2)
session.wait()

def refused():
    for method in (session.play, session.pause, session.step, session.rewind, session.wait):
        try:
            method()
        except RuntimeError as error:
            assert "a forked child makes one of its own" in str(error)
        else:
            return False
    session.close()
    with Session(session.live) as own:
        own.step(1)
        return own.wait(10) and own.iteration == 3

assert in_child(refused) == 0
session.step(1)
assert session.wait(10) and session.iteration == 3
session.close()
""",
        tmp_path,
    )
