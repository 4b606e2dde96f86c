"""The names that scripts import from caffe, in a process of its own where they are imported."""

import importlib
import inspect
import os
import subprocess
import sys
import time
from statistics import median
from types import ModuleType

import numpy as np
import pytest
from google.protobuf import text_format

from brewbench import caffe
from brewbench.engine.backend import gpu_missing

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


# What pycaffe 1.0 offers: names, and the arguments of what is called.
MODULES = {
    "": "AdaDeltaSolver AdaGradSolver AdamSolver Classifier Detector Layer NCCL NesterovSolver Net NetSpec "
    "RMSPropSolver SGDSolver TEST TRAIN Timer __version__ get_solver has_nccl init_log io layer_type_list layers log "
    "params set_device set_mode_cpu set_mode_gpu set_multiprocess set_phase_test set_phase_train set_random_seed "
    "set_solver_count set_solver_rank "
    "solver_count solver_rank to_proto",
    "_caffe": "Blob BlobVec Layer LayerParameter Net SGDSolver Solver SolverParameter Timer get_solver",
    "pycaffe": "AdaDeltaSolver AdaGradSolver AdamSolver NCCL NesterovSolver Net RMSPropSolver SGDSolver Timer "
    "OrderedDict zip_longest np io _Net_blobs _Net_blob_loss_weights _Net_layer_dict _Net_params _Net_inputs "
    "_Net_outputs _Net_forward _Net_backward _Net_forward_all _Net_forward_backward_all _Net_set_input_arrays "
    "_Net_batch _Net_get_id_name",
    "net_spec": "Function Layers NetSpec Parameters Top layers params to_proto",
    "coord_map": "AxisMismatchException PASS_THROUGH_LAYERS UndefinedMapException",
    "draw": "BLOB_STYLE LAYER_STYLE_DEFAULT NEURON_LAYER_STYLE",
    "io": "Transformer caffe_pb2 np zoom",
    "classifier": "Classifier",
    "detector": "Detector",
}
CALLS = """
io.blobproto_to_array blob return_diff
io.array_to_blobproto arr diff
io.arraylist_to_blobprotovector_str arraylist
io.blobprotovector_str_to_arraylist str
io.array_to_datum arr label
io.datum_to_array datum
io.load_image filename color
io.resize_image im new_dims interp_order
io.oversample images crop_dims
io.Transformer inputs
io.Transformer.preprocess self in_ data
io.Transformer.deprocess self in_ data
io.Transformer.set_transpose self in_ order
io.Transformer.set_channel_swap self in_ order
io.Transformer.set_raw_scale self in_ scale
io.Transformer.set_mean self in_ mean
io.Transformer.set_input_scale self in_ scale
classifier.Classifier model_file pretrained_file image_dims mean input_scale raw_scale channel_swap gpu
classifier.Classifier.predict self inputs oversample
detector.Detector model_file pretrained_file mean input_scale raw_scale channel_swap context_pad gpu
detector.Detector.detect_windows self images_windows
detector.Detector.detect_selective_search self image_fnames
detector.Detector.crop self im window
detector.Detector.configure_crop self context_pad
draw.get_pooling_types_dict
draw.get_edge_label layer
draw.get_layer_lr_mult layer
draw.get_layer_label layer rankdir display_lrm
draw.choose_color_by_layertype layertype
draw.get_pydot_graph caffe_net rankdir label_edges phase display_lrm
draw.draw_net caffe_net rankdir ext phase display_lrm
draw.draw_net_to_file caffe_net filename rankdir phase display_lrm
coord_map.conv_params fn
coord_map.crop_params fn
coord_map.coord_map fn
coord_map.compose base_map next_map
coord_map.inverse coord_map
coord_map.coord_map_from_to top_from top_to
coord_map.crop top_from top_to
net_spec.param_name_dict
net_spec.assign_proto proto name val
net_spec.to_proto tops
pycaffe.Net.forward self blobs start end inputs
pycaffe.Net.backward self diffs start end tops
pycaffe.Net.forward_all self blobs inputs
pycaffe.Net.forward_backward_all self blobs diffs given
pycaffe.Net.set_input_arrays self data labels
_caffe.SGDSolver solver_file
_caffe.Solver.add_callback self on_start on_gradients_ready
_caffe.Solver.restore self state data_restart
"""
MEMBERS = {
    "Net": "_backward _batch _blob_loss_weights _blob_names _blobs _bottom_ids _forward _inputs _layer_names _outputs "
    "_set_input_arrays _top_ids after_backward after_forward backward before_backward before_forward "
    "blob_loss_weights blobs bottom_names clear_param_diffs copy_from forward forward_all forward_backward_all inputs "
    "layer_dict layers load_hdf5 outputs params reshape save save_hdf5 set_input_arrays share_with top_names",
    "Blob": "channels count data diff height num reshape shape width",
    "Layer": "param_str_ reshape setup type",
    "Solver": "add_callback apply_update iter lr param restore share_weights snapshot solve step",
    "Timer": "ms start stop",
    "NCCL": "new_uid",
    "BlobVec": "add_blob",
}


@pytest.mark.parametrize("module", MODULES)
def test_every_name_of_pycaffe_is_there(module):
    found = importlib.import_module(f"brewbench.caffe.{module}" if module else "brewbench.caffe")
    assert [name for name in MODULES[module].split() if not hasattr(found, name)] == []


@pytest.mark.parametrize("line", CALLS.split("\n")[1:-1])
def test_everything_is_called_as_in_pycaffe(line):
    path, *arguments = line.split()
    module, *names = path.split(".")
    found = importlib.import_module(f"brewbench.caffe.{module}")
    for name in names:
        found = getattr(found, name)
    assert list(inspect.signature(found).parameters) == arguments


@pytest.mark.parametrize("name", MEMBERS)
def test_classes_have_pycaffes_members(name):
    found = getattr(caffe._caffe, name)
    found = found() if name == "Blob" else found
    assert [member for member in MEMBERS[name].split() if not hasattr(found, member)] == []


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


NET = 'input: "x" input_shape { dim: 1 dim: 2 } layer { name: "r" type: "ReLU" bottom: "x" top: "y" }'


@pytest.fixture
def net(tmp_path):
    (tmp_path / "net.prototxt").write_text(NET)
    return caffe.Net(tmp_path / "net.prototxt", caffe.TEST)


def test_pycaffes_functions_are_the_members_of_a_net(net):
    assert caffe.pycaffe._Net_forward(net, x=np.array([[-1.0, 2.0]]))["y"].tolist() == [[0, 2]]
    assert caffe.pycaffe._Net_blobs.fget(net) == net.blobs
    names = caffe.pycaffe._Net_get_id_name(caffe.Net._bottom_ids, "_bottom_names")
    assert names.fget(net) == net.bottom_names == {"input": [], "r": ["x"]}


def test_descriptors_have_the_names_that_protoc_gives_them():
    pb2 = caffe.proto.caffe_pb2
    assert pb2._LAYERPARAMETER is pb2.LayerParameter.DESCRIPTOR
    assert pb2._POOLINGPARAMETER_POOLMETHOD.values_by_name["AVE"].number == pb2.PoolingParameter.AVE
    assert pb2._PHASE.values_by_name["TEST"].number == pb2.TEST


def test_scikit_image_is_where_pycaffe_has_it(monkeypatch):
    io = caffe.io
    monkeypatch.setitem(sys.modules, "skimage", None)
    assert not hasattr(io, "skimage") and not hasattr(io, "resize")
    with pytest.raises(AttributeError, match=r"caffe\.io\.resize is scikit-image's, which cannot be imported"):
        _ = io.resize
    package = ModuleType("skimage")
    package.__path__ = []
    modules = {name: ModuleType(f"skimage.{name}") for name in ("io", "transform")}
    modules["transform"].resize = resize = object()
    monkeypatch.setitem(sys.modules, "skimage", package)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, f"skimage.{name}", module)
    assert io.skimage is package and io.resize is resize


def test_a_layer_finds_its_text_under_the_first_name_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "named_layer_of_old.py").write_text(
        "from brewbench import caffe\n"
        "class Old(caffe.Layer):\n"
        "    def setup(self, bottom, top): self.shape = int(self.param_str_)\n"
        "    def reshape(self, bottom, top): top[0].reshape(self.shape)\n"
        "    def forward(self, bottom, top): pass\n"
    )
    layer = 'python_param { module: "named_layer_of_old" layer: "Old" param_str: "3" }'
    (tmp_path / "net.prototxt").write_text(f'layer {{ name: "p" type: "Python" top: "t" {layer} }}')
    assert caffe.Net("net.prototxt", caffe.TEST).blobs["t"].shape == (3,)
    sys.modules.pop("named_layer_of_old")


FALLBACK = """
import sys, warnings
from brewbench import caffe
from brewbench.engine.backend import gpu_missing
def chosen():
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            caffe.set_mode_gpu()
            caffe.set_device(1)
            caffe.set_mode_gpu()
            net = caffe.Net(sys.argv[1], caffe.TEST)
        except RuntimeError as error:
            return "refused"
        (one,) = told
        assert one.filename == __file__ and "the CPU computes in place of the GPU" in str(one.message), one
        return net.engine.context.backend
"""


@pytest.mark.skipif(not gpu_missing(), reason="there is a GPU")
@pytest.mark.parametrize(
    ("environment", "call", "wanted"),
    [
        ("", "", "refused"),
        ("fallback", "", "cpu"),
        ("required", "", "refused"),
        ("", "caffe.install(gpu='fallback')", "cpu"),
        ("fallback", "caffe.install(gpu='required')", "refused"),
        ("fallback", "caffe.install()", "cpu"),
    ],
)
def test_a_script_that_asks_for_a_gpu_runs_on_the_cpu_if_its_user_says_so(tmp_path, environment, call, wanted):
    (tmp_path / "net.prototxt").write_text(NET)
    (tmp_path / "script.py").write_text(f"{FALLBACK}\n{call}\nprint(chosen())")
    done = subprocess.run(
        [sys.executable, tmp_path / "script.py", tmp_path / "net.prototxt"],
        env={**os.environ, "BREWBENCH_GPU": environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == (f"{wanted}\n", "")


def test_an_unknown_policy_for_a_missing_gpu_is_refused(monkeypatch):
    with pytest.raises(ValueError, match="can be required or fallback; got 'maybe'"):
        caffe.install(gpu="maybe")
    monkeypatch.setenv("BREWBENCH_GPU", "1")
    with pytest.raises(ValueError, match="BREWBENCH_GPU can be required or fallback; got '1'"):
        caffe.set_mode_gpu()


@pytest.mark.parametrize("cls", [caffe.Classifier, caffe.Detector])
def test_a_classifier_chooses_where_to_compute(tmp_path, cls, monkeypatch):
    (tmp_path / "net.prototxt").write_text(
        'input: "x" input_shape { dim: 1 dim: 3 dim: 2 dim: 2 } '
        'layer { name: "i" type: "InnerProduct" bottom: "x" top: "y" inner_product_param { num_output: 2 } }'
    )
    caffe.Net(tmp_path / "net.prototxt", caffe.TEST).save(tmp_path / "w.caffemodel")
    asked = []
    module = sys.modules[caffe.Classifier.__module__]
    monkeypatch.setattr(module, "set_mode_gpu", lambda: asked.append("gpu"))
    monkeypatch.setattr(module, "set_mode_cpu", lambda: asked.append("cpu"))
    for gpu in (True, False, None):
        cls(tmp_path / "net.prototxt", tmp_path / "w.caffemodel", gpu=gpu)
    assert asked == ["gpu", "cpu"]


def test_a_net_makes_images_ready_as_early_pycaffes_did(tmp_path):
    (tmp_path / "net.prototxt").write_text(
        'input: "data" input_shape { dim: 1 dim: 3 dim: 4 dim: 5 } '
        'layer { name: "r" type: "ReLU" bottom: "data" top: "y" }'
    )
    net = caffe.Net(tmp_path / "net.prototxt", caffe.TEST)
    net.set_phase_test()
    net.set_mode_cpu()
    mean = np.arange(60.0).reshape(3, 4, 5)
    np.save(tmp_path / "mean.npy", mean)
    image = np.random.default_rng(0).random((4, 5, 3)).astype(np.float32)
    plain = image.transpose(2, 0, 1)
    np.testing.assert_array_equal(net.preprocess("data", image), plain)
    net.set_channel_swap("data", (2, 1, 0))
    net.set_raw_scale("data", 255)
    net.set_input_scale("data", 0.5)
    for given, mode, wanted in (
        (mean, "elementwise", mean),
        (tmp_path / "mean.npy", "elementwise", mean),
        (str(tmp_path / "mean.npy"), "channel", mean.mean((1, 2), keepdims=True)),
        (np.array([1.0, 2, 3]), "elementwise", np.array([1.0, 2, 3])[:, None, None]),
    ):
        net.set_mean("data", given, mode)
        ready = net.preprocess("data", image)
        np.testing.assert_allclose(ready, (plain[::-1] * 255 - wanted) * 0.5, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(net.deprocess("data", ready), image, atol=1e-5)
    with pytest.raises(ValueError, match="the mode can be elementwise or channel"):
        net.set_mean("data", mean, "rowwise")
