"""A look at a net runs no code that the net names; a net that is built runs only what is trusted."""

import os
import sys
from pathlib import Path

import pytest

from brewbench import caffe
from brewbench.engine import DefinitionError, Net, check, get_solver
from brewbench.engine.trust import Trust, UntrustedCode, UserCode, locate
from brewbench.proto import Document

STRANGER = """
from pathlib import Path
Path("ran").touch()
from brewbench import caffe

class L(caffe.Layer):
    def setup(self, bottom, top):
        Path("set up").touch()
    def reshape(self, bottom, top):
        top[0].reshape(3, 4)
    def forward(self, bottom, top):
        top[0].data[...] = 1
"""
NET = """
layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 2 } } }
layer { name: "p" type: "Python" bottom: "x" top: "y"
  python_param { module: "MODULE" layer: "L" } }
layer { name: "i" type: "InnerProduct" bottom: "y" top: "i" inner_product_param { num_output: 2 } }
layer { name: "z" type: "Power" bottom: "x" top: "z" }
"""


@pytest.fixture(autouse=True)
def modules(tmp_path, monkeypatch):
    """An empty working directory; what a test has imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BREWBENCH_TRUST", raising=False)
    yield
    for name in list(sys.modules):
        if name.partition(".")[0] in ("stranger", "package", "names", "own_layers", "taken_along"):
            del sys.modules[name]


@pytest.fixture
def folder(tmp_path):
    """A folder with a net and the module that it names."""
    made = tmp_path / "downloaded"
    made.mkdir()
    (made / "stranger.py").write_text(STRANGER)
    (made / "net.prototxt").write_text(NET.replace("MODULE", "stranger"))
    return made


def left_alone(tmp_path: Path) -> bool:
    return not (tmp_path / "ran").exists() and not (tmp_path / "set up").exists()


def test_a_check_imports_nothing_and_knows_the_rest(folder, tmp_path):
    check(Document.parse(NET.replace("MODULE", "no_module_x")))  # which imports what a check itself needs
    before = set(sys.modules)
    report = check(folder / "net.prototxt")
    assert left_alone(tmp_path) and "stranger" not in sys.modules
    assert set(sys.modules) == before
    assert report.ok and report.blobs == {"x": (1, 2), "x_x_0_split_0": (1, 2), "x_x_0_split_1": (1, 2),
                                          "y": None, "i": None, "z": (1, 2)}  # fmt: skip
    (warning,) = report.diagnostics
    assert (warning.severity, warning.layer, warning.field) == ("warning", "p", "python_param.module")
    assert warning.line == 4 and "a look runs no code" in warning.message
    assert report.code == (UserCode("stranger", (str(folder / "stranger.py"),)),)


@pytest.mark.parametrize("package", ["package", "names.inner", "names.deeper.inner"])
def test_the_packages_around_a_module_are_not_imported_either(folder, tmp_path, package):
    inner = folder.joinpath(*package.split("."))
    inner.mkdir(parents=True)
    (inner / "__init__.py").write_text(STRANGER)
    (inner / "layers.py").write_text(STRANGER)
    (folder / "net.prototxt").write_text(NET.replace("MODULE", f"{package}.layers"))
    (code,) = check(folder / "net.prototxt").code
    assert code.files == (str(inner / "__init__.py"), str(inner / "layers.py"))
    assert left_alone(tmp_path) and not {"package", "names"} & set(sys.modules)
    net = Net(folder / "net.prototxt")  # a program's own net runs it
    assert net.blobs["y"].shape == (3, 4) and not left_alone(tmp_path)
    assert Path(sys.modules[f"{package}.layers"].__file__ or "") == inner / "layers.py"


def test_a_module_is_found_as_the_import_would_find_it(folder, tmp_path, monkeypatch):
    def files(module):
        found = locate(module, folder)
        return None if found is None else found.files

    assert files("no_such_module_x") is None and files("no_such.module") is None
    assert files("") is None and files(".stranger") is None and files("stranger.") is None
    assert files("stranger.inner") is None and files("os.inner") is None
    assert files("os") == () and files("os.path") == (), "imported already"
    assert files("__hello__") == ("built in '__hello__'",)
    assert files("this") and files("this")[0].endswith("this.py")
    (tmp_path / "stranger.py").touch()
    assert files("stranger") == (str(tmp_path / "stranger.py"),), "the working directory comes first"
    (folder / "portions").mkdir()
    assert files("portions") == (), "a namespace alone runs nothing"
    (folder / "this.py").touch()
    assert files("this") == (str(folder / "this.py"),), "then the net's folder, then Python's path"
    monkeypatch.setitem(sys.modules, "stranger", sys.modules[__name__])
    assert files("stranger") == ()


def test_shapes_can_be_stated(folder, tmp_path):
    report = check(folder / "net.prototxt", shapes={"y": (3, 4), "elsewhere": (1,)})
    assert report.blobs["y"] == (3, 4) and report.blobs["i"] == (3, 2) and not report.diagnostics
    assert left_alone(tmp_path)
    (found,) = check(folder / "net.prototxt", shapes={"y": (-3,)}).diagnostics
    assert found.severity == "error" and found.layer == "p" and "'y' cannot have the shape" in found.message


def test_what_is_not_there_is_told_without_running_anything(folder, tmp_path):
    for name, field in (("no_module_x", "module"), ("stranger.inner", "module"), ("", "module")):
        (folder / "net.prototxt").write_text(NET.replace("MODULE", name))
        (found,) = check(folder / "net.prototxt").diagnostics
        assert found.field == f"python_param.{field}" and found.severity == "error" and found.line in (3, 4)
    assert left_alone(tmp_path)


def test_a_layer_in_place_keeps_the_shape_of_its_bottom(folder, tmp_path):
    text = NET.replace("MODULE", "stranger").replace('bottom: "x" top: "y"', 'bottom: "x" top: "x"')
    (folder / "net.prototxt").write_text(text.replace('"y"', '"x"'))
    assert check(folder / "net.prototxt").blobs["i"] == (1, 2) and left_alone(tmp_path)


def test_a_class_of_an_imported_module_is_looked_at(folder):
    class L(caffe.Layer):
        pass

    module = sys.modules["__main__"]
    text = NET.replace("MODULE", "__main__")
    (found,) = check(Document.parse(text)).diagnostics
    assert found.field == "python_param.layer" and "has no class 'L'" in found.message
    module.L = L
    try:
        assert check(Document.parse(text)).ok
    finally:
        del module.L


def test_an_untrusted_net_is_not_built(folder, tmp_path):
    with pytest.raises(UntrustedCode) as caught:
        Net(folder / "net.prototxt", trust=False)
    told = str(caught.value)
    assert "\n" not in told and str(folder / "stranger.py") in told and "'stranger'" in told
    assert told.startswith(f"{folder / 'net.prototxt'}:4: layer 'p' (Python): ")
    assert "trust=True" in told and "BREWBENCH_TRUST" in told and isinstance(caught.value, DefinitionError)
    (folder / "solver.prototxt").write_text('net: "net.prototxt" base_lr: 1 lr_policy: "fixed"')
    with pytest.raises(UntrustedCode):
        get_solver(folder / "solver.prototxt", trust=False)
    assert left_alone(tmp_path)
    get_solver(folder / "solver.prototxt")
    assert not left_alone(tmp_path)


def test_folders_are_trusted_by_argument_and_by_variable(folder, tmp_path, monkeypatch):
    (code,) = check(folder / "net.prototxt").code
    link = tmp_path / "link"
    link.symlink_to(folder)
    for allowed in (tmp_path, folder, str(folder), link, Path("downloaded"), [tmp_path / "no", folder]):
        assert Trust(allowed).allows(code)
    for refused in (False, None, (), tmp_path / "down", folder / "stranger", [tmp_path / "no"]):
        assert not Trust(refused).allows(code)
    for value, allows in ((f"{tmp_path / 'no'}{os.pathsep}{folder}", True), ("downloaded", True), ("", False),
                          (os.pathsep, False), (str(tmp_path / "down"), False)):  # fmt: skip
        monkeypatch.setenv("BREWBENCH_TRUST", value)
        assert Trust().allows(code) is allows
    monkeypatch.setenv("BREWBENCH_TRUST", str(folder))
    assert Net(folder / "net.prototxt", trust=False).blobs["y"].shape == (3, 4)


def test_a_file_that_leads_out_of_a_trusted_folder_is_not_trusted(folder, tmp_path):
    trusted = tmp_path / "trusted"
    trusted.mkdir()
    (trusted / "stranger.py").symlink_to(folder / "stranger.py")
    code = locate("stranger", trusted)
    assert code and code.files == (str(trusted / "stranger.py"),)
    assert not Trust(trusted).allows(code) and Trust(folder).allows(code)


def test_what_is_agreed_to_is_remembered_for_the_document_and_no_other(folder, tmp_path):
    path = folder / "net.prototxt"
    (code,) = check(path).code
    Trust(False, path).agree([code])
    assert Trust(False, path).allows(code)
    assert not Trust(False).allows(code) and not Trust(False, tmp_path / "other.prototxt").allows(code)
    other = UserCode("other", (str(folder / "other.py"),))
    assert not Trust(False, path).allows(other), "another file is asked for again"


def test_trusted_code_takes_no_module_from_an_untrusted_folder(folder, tmp_path, monkeypatch):
    """A net's folder may hold a file of the name of a module that trusted code imports."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "own_layers.py").write_text("import taken_along\n" + STRANGER.replace("ran", "own ran"))
    monkeypatch.syspath_prepend(mine)
    (mine / "later").mkdir()
    (mine / "later" / "taken_along.py").touch()
    monkeypatch.setattr(sys, "path", [*sys.path, str(mine / "later")])
    (folder / "taken_along.py").write_text("from pathlib import Path\nPath('ran').touch()\n")
    (folder / "net.prototxt").write_text(NET.replace("MODULE", "own_layers"))
    net = Net(folder / "net.prototxt", trust=Trust(mine))
    assert net.blobs["y"].shape == (3, 4)
    assert not (tmp_path / "ran").exists() and (tmp_path / "own ran").exists()


def test_a_parameter_of_unknown_code_is_no_error(folder):
    """`param` is given once; how many parameters the layer has, only a run tells."""
    text = (folder / "net.prototxt").read_text().replace('top: "y"', 'top: "y" param { lr_mult: 1 }', 1)
    (folder / "net.prototxt").write_text(text)
    assert check(folder / "net.prototxt").ok
    with pytest.raises(DefinitionError, match="param is given 1 times"):
        Net(folder / "net.prototxt")
