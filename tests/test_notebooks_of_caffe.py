"""The command that runs Caffe's notebooks: its translations, and a small checkout with a notebook of our own."""

import ast
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parent / "notebooks_of_caffe"


def load(name):
    spec = importlib.util.spec_from_file_location(f"notebooks_of_caffe_{name}", FOLDER / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


old_python = load("old_python")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("print 'a', 1", "print('a', 1)"),
        ("    print x % (y,\n        z)\nw = 1", "    print(x % (y,\n        z))\nw = 1"),
        ("print 'a',", "print('a', end=\" \")"),
        ("print", "print()"),
        ("print('a', 1)", "print('a', 1)"),
        ("printed = 1", "printed = 1"),
        ("for n, b in net.blobs.iteritems(): pass", "for n, b in net.blobs.items(): pass"),
        ("% matplotlib inline\nx % y", "%matplotlib inline\nx % y"),
        ("!ls print 'a'", "!ls print 'a'"),
    ],
)
def test_python_2_becomes_python_3(old, new):
    assert old_python.translate(old).rstrip("\n") == new


def test_whole_numbers_divided_give_whole_numbers():
    def value(text):
        tree = old_python.Division().visit(ast.parse(text, mode="eval"))
        return eval(compile(tree, "", "eval"), {"__old_division__": old_python.old_division, "np": np})

    assert (value("250 / 10"), type(value("250 / 10"))) == (25, int)
    assert value("7 / 2") == 3 and value("7 / 2.0") == 3.5 and value("(1 + 6 / 4) / 2") == 1
    assert value("np.array([3, 5]) / 2").tolist() == [1, 2] and value("np.array([3.0]) / 2").tolist() == [1.5]


CELLS = [
    "import sys\nsys.path.insert(0, '../python')\nimport caffe\nprint caffe.__name__, 7 / 2",
    "!../build/tools/caffe -version\n!python ../python/tool.py",
    "import numpy as np\nprint np.fromstring(open('../data/mnist/t10k-labels-idx1-ubyte', 'rb').read(8), np.uint8)[2]",
    "caffe.set_mode_gpu()\nnet = caffe.Net('net.prototxt', caffe.TEST)\nprint [n for n, b in net.blobs.iteritems()]",
]
NET = 'layer { name: "d" type: "DummyData" top: "top" dummy_data_param { shape { dim: 1 } } }'


@pytest.fixture
def checkout(tmp_path):
    """A checkout whose caffe was never built, with a script in Python 2."""
    for name in ("examples", "python/caffe"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "python" / "caffe" / "__init__.py").write_text("from ._caffe import Net\n")
    (tmp_path / "python" / "tool.py").write_text("import caffe\nprint 'tool', caffe.__name__\n")
    (tmp_path / "examples" / "net.prototxt").write_text(NET)
    return tmp_path


def run(checkout, cells, *words):
    empty = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    cells = [{**empty, "id": f"c{number}", "source": cell} for number, cell in enumerate(cells)]
    kernel = {"kernelspec": {"display_name": "Python 2", "language": "python", "name": "python2"}}
    notebook = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (checkout / "examples" / "00-classification.ipynb").write_text(json.dumps(notebook))
    command = [sys.executable, str(FOLDER), str(checkout), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_a_notebook_of_old_runs_unedited(checkout, tmp_path):
    done = run(checkout, CELLS, "--keep", str(tmp_path / "kept"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "00-classification: 4 of 4 cells ran" in done.stdout
    notebook = json.loads((tmp_path / "kept" / "examples" / "00-classification.ipynb").read_text())
    told = ["".join("".join(out.get("text", "")) for out in cell["outputs"]) for cell in notebook["cells"]]
    assert told[0] == "brewbench.workbench.caffe 3\n"
    assert "brewbench version" in told[1] and "tool brewbench.workbench.caffe" in told[1]
    assert told[2] == "8\n" and "['top']\n" in told[3]
    assert not (checkout / "build").exists()  # the checkout itself stays as it is


def test_cells_that_fail_are_told(checkout):
    done = run(checkout, ["x = 1", "1 / 0", "!../build/tools/caffe train -solver no.prototxt"])
    assert done.returncode == 1
    assert "1 of 3 cells ran" in done.stdout
    assert "cell 2: ZeroDivisionError" in done.stdout and "cell 3: brewbench train: no.prototxt" in done.stdout
