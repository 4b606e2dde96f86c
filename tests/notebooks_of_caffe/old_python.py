"""What the notebooks of 2015 take for granted: Python 2's prints and division, and older names of libraries.

`load` puts the first into an IPython shell, `rename` the second into any Python. Nothing of it touches caffe.
"""

import ast
import builtins
import functools
import importlib.util
import re
import sys
import tempfile
import types

PRINT = re.compile(r"(\s*)print(?:\s+(?!=|$)(.*))?$")
LONGEST = 40  # lines of a print statement


def translate(text):
    """Source text with print statements as calls, and dictionaries' iteritems() and kin as items()."""
    lines, out = text.splitlines(keepends=True), []
    while lines:
        line = lines.pop(0)
        found = PRINT.match(line.rstrip("\r\n"))
        call = _call(found[1], found[2] or "", lines) if found else None
        out.append(line if call is None else call)
    text = re.sub(r"\.iter(items|keys|values)\(\)", r".\1()", "".join(out))
    return re.sub(r"(?m)^%[ ]+(?=\w)", "%", text)  # a magic with a blank, as IPython took it


def _call(indent, rest, following):
    """The call for a print statement that begins with `rest`; takes the lines it goes on with from `following`."""
    for count in range(min(LONGEST, len(following)) + 1):
        words = "\n".join([rest, *(line.rstrip("\r\n") for line in following[:count])]).strip()
        end = ', end=" "' if words.endswith(",") else ""
        call = f"print({words.rstrip(',')}{end})"
        try:
            ast.parse(call)
        except SyntaxError:
            continue
        del following[:count]
        return f"{indent}{call}\n"
    return None


class Division(ast.NodeTransformer):
    """Whole numbers divided give whole numbers."""

    def visit_BinOp(self, node):
        self.generic_visit(node)
        if not isinstance(node.op, ast.Div):
            return node
        call = ast.Call(ast.Name("__old_division__", ast.Load()), [node.left, node.right], [])
        return ast.fix_missing_locations(ast.copy_location(call, node))


def old_division(left, right):
    import numpy as np

    whole = all(np.asarray(value).dtype.kind in "iu" for value in (left, right))
    return left // right if whole else left / right


def load(shell):
    """Let an IPython shell run old cells."""
    builtins.__old_division__ = old_division
    shell.input_transformers_cleanup.append(lambda lines: translate("".join(lines)).splitlines(keepends=True))
    shell.ast_transformers.append(Division())
    tempfile.NamedTemporaryFile = _text_for_notebooks(tempfile.NamedTemporaryFile)


def rename():
    """Give libraries their older names as soon as somebody imports them."""
    builtins.xrange = range
    sys.meta_path.insert(0, Renaming)


class Renaming:
    """Finds the libraries of `CHANGES` as the other finders do, and changes them once they are loaded."""

    waiting = set()

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name not in CHANGES or name in cls.waiting:
            return None
        cls.waiting.add(name)
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None:
            return None
        load_it = spec.loader.exec_module

        def exec_module(module):
            load_it(module)
            CHANGES[name](module)

        spec.loader.exec_module = exec_module
        return spec


def _text_for_notebooks(make):
    """A maker of temporary files into which a notebook writes str, as Python 2 let it."""

    @functools.wraps(make)
    def made(mode=None, *args, **options):
        caller = sys._getframe(1).f_globals.get("__name__")
        return make(mode or ("w+" if caller == "__main__" else "w+b"), *args, **options)

    return made


def _numpy(np):
    for name, kind in {"int": int, "float": float, "bool": bool, "object": object}.items():
        if name not in vars(np):
            setattr(np, name, kind)
    from_text, load_text = np.fromstring, np.loadtxt

    def fromstring(data, dtype=float, count=-1, sep=""):
        return from_text(data, dtype, count, sep=sep) if sep else np.frombuffer(data, dtype, count).copy()

    def loadtxt(name, dtype=float, delimiter=None, **options):
        if delimiter != "\n":
            return load_text(name, dtype, delimiter=delimiter, **options)
        with open(name) as file:
            return np.array([line.strip() for line in file if line.strip()], dtype)

    np.fromstring, np.loadtxt = fromstring, loadtxt


def _pandas(pd):
    def sort(self, ascending=True):
        self.__init__(self.sort_values(ascending=ascending))  # in place

    get = pd.Series.__getitem__
    pd.DataFrame.sort = lambda self, *names, **options: self.sort_values(*names, **options)
    pd.Series.sort = sort
    pd.Series.order = pd.Series.sort_values
    pd.Series.__getitem__ = lambda self, key: (
        self.to_numpy()[key] if isinstance(key, tuple) and None in key else get(self, key)
    )
    to_hdf = pd.DataFrame.to_hdf
    pd.DataFrame.to_hdf = lambda self, path, key, **options: to_hdf(self, path, key=key, **options)
    pd.scatter_matrix = pd.plotting.scatter_matrix


def _sklearn(linear_model):
    model_selection = importlib.import_module("sklearn.model_selection")
    sys.modules["sklearn.cross_validation"] = model_selection
    sys.modules["sklearn"].cross_validation = model_selection
    make = linear_model.SGDClassifier

    def classifier(loss="hinge", n_iter=None, class_weight=None, **options):
        if n_iter is not None:
            options.update(max_iter=n_iter, tol=None)
        loss, class_weight = {"log": "log_loss"}.get(loss, loss), {"auto": "balanced"}.get(class_weight, class_weight)
        return make(loss=loss, class_weight=class_weight, **options)

    linear_model.SGDClassifier = classifier


def _scipy(scipy):
    def imresize(image, size):
        from numpy import asarray
        from PIL import Image

        return asarray(Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.BILINEAR))

    scipy.misc = types.ModuleType("scipy.misc")
    scipy.misc.imresize = imresize
    sys.modules["scipy.misc"] = scipy.misc


CHANGES = {"numpy": _numpy, "pandas": _pandas, "sklearn.linear_model": _sklearn, "scipy": _scipy}
