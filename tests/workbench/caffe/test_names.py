"""The names that scripts import from caffe, in a process of its own where they are imported."""

import subprocess
import sys
import time
from statistics import median

import pytest
from google.protobuf import text_format

from brewbench import caffe

SCRIPT = """
from brewbench import caffe as ours
ours.install()
import caffe, caffe.proto.caffe_pb2, caffe.draw
from caffe import layers as L, params as P, NetSpec, to_proto, Classifier, Detector, Layer, TRAIN, TEST
from caffe.coord_map import coord_map_from_to, crop
from caffe.io import Transformer
from caffe.net_spec import layers, Top
from caffe.proto import caffe_pb2
from caffe.pycaffe import Net, SGDSolver, AdamSolver, NCCL, Timer
assert caffe is ours and caffe.proto.caffe_pb2 is caffe_pb2 and Net is caffe.Net and layers is L
from google.protobuf import text_format
net = caffe_pb2.NetParameter()
text_format.Merge('name: "a" layer { type: "Pooling" pooling_param { pool: AVE } }', net)
assert net.layer[0].pooling_param.pool == caffe_pb2.PoolingParameter.AVE == P.Pooling.AVE
assert text_format.Parse(str(net), caffe_pb2.NetParameter()) == net
"""


def test_scripts_find_what_they_import():
    subprocess.run([sys.executable, "-W", "error", "-c", SCRIPT], check=True, timeout=60)


def test_importing_brings_no_heavy_library_along():
    heavy = "{'scipy', 'PIL', 'h5py', 'lmdb', 'graphviz', 'skimage'}"
    script = f"import sys, brewbench.caffe; assert not {heavy} & set(sys.modules), {heavy} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_messages_are_the_projects_own():
    pb2 = caffe.proto.caffe_pb2
    assert pb2.DESCRIPTOR.name == "caffe.proto"
    assert (pb2.TRAIN, pb2.TEST) == (caffe.TRAIN, caffe.TEST) == (0, 1)
    datum = text_format.Parse("channels: 3 label: 7", pb2.Datum())
    assert pb2.Datum.FromString(datum.SerializeToString()).label == 7


def test_a_timer_measures_what_lies_between():
    timer = caffe.Timer()
    assert timer.ms == 0
    found = []
    for _ in range(5):
        timer.start()
        time.sleep(0.01)
        timer.start()  # does not begin again
        timer.stop()
        found.append(timer.ms)
        time.sleep(0.002)
        assert timer.ms == found[-1]
    assert 9.9 < median(found) < 500
    timer.start()
    assert timer.ms < 1000 and timer.ms == timer.ms  # reading stops it


def test_there_is_one_solver_and_no_nccl():
    assert (caffe.has_nccl(), caffe.solver_count(), caffe.solver_rank()) == (False, 1, 0)
    caffe.set_solver_count(1)
    caffe.set_solver_rank(0)
    caffe.set_multiprocess(False)
    with pytest.raises(RuntimeError, match="got a solver count of 2"):
        caffe.set_solver_count(2)
    with pytest.raises(RuntimeError, match="got rank 1"):
        caffe.set_solver_rank(1)
    with pytest.raises(RuntimeError, match="no NCCL"):
        caffe.NCCL(None, "uid")
    with pytest.raises(RuntimeError, match="no NCCL"):
        caffe.NCCL.new_uid()
