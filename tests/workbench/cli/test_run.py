"""`brewbench run`: a script of somebody else's, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from brewbench.workbench.cli import COMMANDS

BREWBENCH = [sys.executable, "-m", "brewbench.workbench.cli"]


def python(*words, cwd, **options):
    """Status, stdout and stderr of a Python that is started with these words."""
    command = [sys.executable, *map(str, words)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, **options)
    return done.returncode, done.stdout, done.stderr


def run(*words, cwd, **options):
    return python("-m", "brewbench.workbench.cli", "run", *words, cwd=cwd, **options)


@pytest.fixture
def folder(tmp_path):
    """A folder with a script in a folder below, beside a module and a package `caffe` of the user's."""
    (tmp_path / "below" / "caffe").mkdir(parents=True)
    (tmp_path / "below" / "beside.py").write_text("VALUE = 5")
    (tmp_path / "below" / "caffe" / "__init__.py").write_text("raise ImportError('a caffe that was never built')")
    (tmp_path / "below" / "caffe" / "io.py").write_text("raise ImportError('not ours')")
    (tmp_path / "below" / "caffe" / "model_libs.py").write_text(
        "import caffe\nfrom caffe import layers as L\nfrom caffe.proto import caffe_pb2\nNAME = __name__"
    )
    return tmp_path


def test_the_script_is_main_and_has_its_own_arguments(folder):
    (folder / "below" / "script.py").write_text(
        "import sys, beside, caffe, __main__\n"
        "print(caffe.__name__, __name__, __file__, sys.argv, beside.VALUE, vars(__main__) is globals())\n"
        "sys.exit(7)"
    )
    status, out, err = run("below/script.py", "one", "-debug", "--help", cwd=folder)
    path = folder / "below" / "script.py"
    words = ["below/script.py", "one", "-debug", "--help"]
    assert (status, err) == (7, "")
    assert out == f"brewbench.workbench.caffe __main__ {path} {words} 5 True\n"


def test_the_users_own_caffe_folder_is_searched_after_ours(folder):
    (folder / "script.py").write_text(
        "import os, sys\n"
        "sys.path.insert(0, 'below')\n"
        "import caffe\n"
        "from caffe.model_libs import NAME\n"
        "import caffe.model_libs, caffe.io\n"
        "print(NAME, caffe.model_libs.caffe is caffe, os.path.abspath('below/caffe') in caffe.__path__[1:])\n"
        "print(caffe.io.__name__)\n"
        "try: import caffe.nothing\n"
        "except ModuleNotFoundError as error: print(error)\n"
    )
    status, out, err = run("script.py", cwd=folder)
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        "caffe.model_libs True True",
        "brewbench.workbench.caffe.io",
        "No module named 'caffe.nothing'",
    ]


def test_programs_that_a_script_starts_find_caffe(tmp_path):
    (tmp_path / "script.py").write_text(
        "import multiprocessing, subprocess, sys\n"
        "def child():\n"
        "    import caffe\n"
        "    print('spawned', caffe.__name__)\n"
        "if __name__ == '__main__':\n"
        "    code = 'import caffe, caffe.draw; print(caffe.draw.__name__)'\n"
        "    subprocess.run([sys.executable, '-c', code], check=True)\n"
        "    process = multiprocessing.get_context('spawn').Process(target=child)\n"
        "    process.start()\n"
        "    process.join()\n"
    )
    assert run("script.py", cwd=tmp_path) == (
        0,
        "brewbench.workbench.caffe.draw\nspawned brewbench.workbench.caffe\n",
        "",
    )


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("import sys; sys.exit()", 0, ""),
        ("import sys; sys.exit('over')", 1, "over\n"),
        ("raise SystemExit(3)", 3, ""),
        ("raise KeyboardInterrupt", 130, "KeyboardInterrupt\n"),
        ("1/0", 1, "ZeroDivisionError: division by zero\n"),
        ("1 +", 1, "SyntaxError: invalid syntax\n"),
    ],
)
def test_it_ends_as_python_ends(tmp_path, code, status, said):
    (tmp_path / "script.py").write_text(code)
    got, out, err = run("script.py", cwd=tmp_path)
    assert (got, out) == (status, "") and err.endswith(said)
    wanted = python("script.py", cwd=tmp_path)
    assert err == wanted[2]  # no frame of ours in the traceback


def test_programs_come_from_words_from_stdin_from_modules_and_from_folders(tmp_path):
    show = "import sys, caffe; print(sys.argv, sys.path[0] in ('', sys.argv[1]), caffe.__name__)"
    (tmp_path / "module.py").write_text(show)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "__main__.py").write_text(show)
    path = str(tmp_path)
    wanted = "brewbench.workbench.caffe"
    assert run("-c", show, "x", cwd=path) == (0, f"['-c', 'x'] True {wanted}\n", "")
    assert run("-", "x", cwd=path, input=show) == (0, f"['-', 'x'] True {wanted}\n", "")
    assert run("-m", "module", path, cwd=path) == (0, f"['{path}/module.py', '{path}'] True {wanted}\n", "")
    assert run("folder", "folder", cwd=path) == (0, f"['folder', 'folder'] True {wanted}\n", "")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gone.py"], "gone.py: No such file or directory"),
        (["-q", "x.py"], "unknown flag -q; the script comes first, then its own arguments"),
        (["-m"], "-m needs a module"),
        (["-c"], "-c needs a program"),
    ],
)
def test_what_cannot_be_run_is_told(call, words, message):
    assert call("run", *words) == (1, "", f"brewbench run: {message}\n")


@pytest.mark.parametrize("module", ["brewbench.caffe", "brewbench.workbench.caffe"])
def test_pycaffe_is_a_program(tmp_path, module):
    status, out, err = python("-m", module, "help", cwd=tmp_path)
    assert (status, err) == (0, "") and all(name in out for name in COMMANDS)


@pytest.mark.parametrize("words", [["-m", "brewbench.caffe.draw"], ["-m", "caffe.draw"]])
def test_its_module_draw_draws(tmp_path, words):

    (tmp_path / "net.prototxt").write_text('layer { name: "d" type: "DummyData" top: "t" }')
    started = python if words[1].startswith("brewbench") else run
    status, _, err = started(*words, "net.prototxt", "net.raw", cwd=tmp_path)
    assert (status, err) == (0, "")
    assert "DummyData" in Path(tmp_path, "net.raw").read_text()


def test_layers_of_a_net_may_import_caffe(tmp_path):
    (tmp_path / "own.py").write_text(
        "import caffe\n"
        "class Own(caffe.Layer):\n"
        "    def setup(self, bottom, top): pass\n"
        "    def reshape(self, bottom, top): top[0].reshape(1)\n"
        "    def forward(self, bottom, top): top[0].data[...] = 1\n"
        "    def backward(self, top, propagate_down, bottom): pass\n"
    )
    (tmp_path / "net.prototxt").write_text(
        'layer { name: "own" type: "Python" top: "t" python_param { module: "own" layer: "Own" } }'
    )
    status, _, err = python(*BREWBENCH[1:], "time", "-model", "net.prototxt", "-iterations", "1", cwd=tmp_path)
    assert status == 0, err


def test_the_folder_on_the_path_holds_nothing_else():
    from brewbench.workbench.cli.run import ON_PATH

    assert {name for name in os.listdir(ON_PATH) if name != "__pycache__"} == {"__init__.py", "caffe.py"}
