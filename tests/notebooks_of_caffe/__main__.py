"""Run Caffe's own notebooks, as they are, with `import caffe` meaning Brewbench's.

The checkout is copied; what its notebooks download, or have had MATLAB make, is made up where it is missing. Their
prints are Python 2's, and the other libraries they use had other names then: both are dealt with in the kernel
(old_python.py), so that no cell is edited.
"""

import argparse
import ast
import importlib.util
import os
import re
import shutil
import stat
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import inputs  # noqa: E402
import old_python  # noqa: E402

NOTEBOOKS = (
    "00-classification", "01-learning-lenet", "02-fine-tuning", "brewing-logreg", "detection", "net_surgery",
    "pascal-multilabel-with-datalayer", "siamese/mnist_siamese",
)  # fmt: skip
NEEDED = ("matplotlib", "nbclient", "nbformat", "pandas", "sklearn", "skimage", "tables")
COPIED = ("data", "examples", "models", "python", "scripts")
LARGE = 1 << 23  # bytes from which a file is linked
# What -quick changes, so that each training takes a few steps.
SHORTER = {
    "niter = 200\n": "niter = 50\n",
    "niter = 200  #": "niter = 3  #",
    "niter = 250": "niter = 20",
    "solver.step(100)": "solver.step(1)",
    "range(6)": "range(1)",
    "range(100)": "range(5)",
    "solver.test_nets[0], 50)": "solver.test_nets[0], 1)",
    "5823/128": "256/128",
    "test_iters=10": "test_iters=1",
    "%timeit ": "%timeit -n1 -r1 ",
    "%%timeit": "%%timeit -n1 -r1",
}


def copy(checkout, root):
    """A copy of what the notebooks need, with Python 2's scripts translated; large files are links."""
    for folder in COPIED:
        for source in sorted((checkout / folder).rglob("*")):
            target = root / source.relative_to(checkout)
            if source.is_dir():
                target.mkdir(parents=True, exist_ok=True)
            elif source.stat().st_size >= LARGE:
                target.symlink_to(source)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
                target.chmod(target.stat().st_mode | stat.S_IWUSR)
                if source.suffix == ".py":
                    _translate_file(target)


def _translate_file(path):
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    try:
        ast.parse(text)
    except SyntaxError:
        path.write_text(old_python.translate(text), encoding="utf-8", errors="surrogateescape")


def environment(support):
    """The variables for kernels, and in a folder what they name: a caffe that comes first, old Python, and a wget."""
    programs, startup = support / "bin", support / "ipython" / "profile_default" / "startup"
    for folder in (programs, startup):
        folder.mkdir(parents=True)
    (support / "sitecustomize.py").write_text(
        "import old_python\nfrom brewbench.workbench.startup import add_finder\nold_python.rename()\nadd_finder()\n"
    )
    (startup / "00-old-python.py").write_text("import old_python\nold_python.load(get_ipython())\n")
    shutil.copy(HERE / "old_python.py", support)
    if importlib.util.find_spec("selective_search_ijcv_with_python") is None:
        shutil.copy(HERE / "selective_search.py", support / "selective_search_ijcv_with_python.py")
    (programs / "wget").write_text('#!/bin/sh\n# wget -O FILE ...\ncp images/cat.jpg "$2"\n')
    (programs / "wget").chmod(0o755)
    found = [str(support), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(found),
        "PATH": os.pathsep.join([str(programs), os.path.dirname(sys.executable), os.environ["PATH"]]),
        "IPYTHONDIR": str(support / "ipython"),
        "BREWBENCH_GPU": "fallback",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }


def run(path, variables, quick):
    """Run every cell of a notebook; returns the number of cells, and (number, error) of those that failed."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.convert(nbformat.read(path, nbformat.NO_CONVERT), 4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in cells if quick else ():
        for old, new in SHORTER.items():
            cell.source = cell.source.replace(old, new)
    client = NotebookClient(notebook, timeout=None, kernel_name="python3", allow_errors=True)
    client.resources["metadata"] = {"path": str(path.parent)}
    client.execute(env=variables)
    failed = []
    for number, cell in enumerate(cells, 1):
        said = "".join(output.get("text", "") for output in cell.outputs)
        wrong = [f"{out.ename}: {out.evalue}" for out in cell.outputs if out.output_type == "error"]
        wrong += re.findall(r"(?m)^(?:UsageError: |brewbench \w+: ).*$|.*(?:command|such file) .*not found.*", said)
        failed += [(number, one) for one in wrong]
    nbformat.write(notebook, path)
    return len(cells), failed


def main(words=None):
    """Run the notebooks; returns 0 where every cell ran."""
    parser = argparse.ArgumentParser(prog="python tests/notebooks_of_caffe", description=__doc__)
    parser.add_argument("checkout", type=Path, help="a checkout of Caffe, or its folder examples")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"notebooks, if not all: {', '.join(NOTEBOOKS)}")
    parser.add_argument("--quick", action="store_true", help="train for a few steps only")
    parser.add_argument("--keep", type=Path, help="a new folder for the copy, with the notebooks as they were run")
    args = parser.parse_args(words)
    checkout = args.checkout.resolve()
    checkout = checkout.parent if checkout.name == "examples" else checkout
    names = args.names or [name for name in NOTEBOOKS if (checkout / "examples" / f"{name}.ipynb").exists()]
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        print(f"not installed, and used by some of the notebooks: {', '.join(missing)}")
    if not names:
        parser.error(f"{checkout}/examples holds none of them")
    with tempfile.TemporaryDirectory() as folder:
        root = args.keep or Path(folder) / "caffe"
        copy(checkout, root)
        print("made up:", ", ".join(inputs.make_missing(root)) or "nothing")
        _install_tools(root)
        variables = environment(Path(folder) / "support")
        return max(_told(root, name, variables, args.quick) for name in names)


def _install_tools(root):
    from brewbench.workbench.cli import main as brewbench

    if brewbench(["install_tools", str(root)]):
        raise SystemExit("the programs could not be written")


def _told(root, name, variables, quick):
    start = time.perf_counter()
    count, failed = run(root / "examples" / f"{name}.ipynb", variables, quick)
    seconds = time.perf_counter() - start
    print(f"{name}: {count - len({cell for cell, _ in failed})} of {count} cells ran, {seconds:.0f} s", flush=True)
    for number, error in failed:
        print(f"    cell {number}: {error}"[:600])
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
