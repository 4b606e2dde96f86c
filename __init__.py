"""Caffe as a bench you can stand at.

The folders are one package each, and import in one direction only:

    proto/      the language: the schema, lossless text documents, legacy upgrade, field help
    engine/     the arithmetic: blobs, layers, ops, nets, solvers, data sources, file formats
    workbench/  what a user does, without a screen: live nets, sessions, pycaffe, the command line
    widgets/    what a user sees: editor, forms, text, stepper, curves, array views, and the bench

The public names are imported when they are first used.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, spec_from_loader
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PUBLIC = {
    "Document": "proto",
    "Net": "engine",
    "TEST": "engine",
    "TRAIN": "engine",
    "check": "engine",
    "get_solver": "engine",
    "SGDSolver": "engine.solvers.sgd",
    "NesterovSolver": "engine.solvers.nesterov",
    "AdaGradSolver": "engine.solvers.adagrad",
    "RMSPropSolver": "engine.solvers.rmsprop",
    "AdaDeltaSolver": "engine.solvers.adadelta",
    "AdamSolver": "engine.solvers.adam",
    "convert_mnist": "engine.data.mnist",
    "Explainer": "widgets.explainer",
    "NetSpec": "workbench.caffe.net_spec",
    "layers": "workbench.caffe.net_spec",
    "params": "workbench.caffe.net_spec",
    "compare": "workbench.compare",
    "compare_weights": "workbench.compare",
    "open": "widgets.bench",
    "from_onnx": "workbench.onnx",
    "open_weights": "workbench.weights",
    "to_onnx": "workbench.onnx",
}

__all__ = [
    "TEST",
    "TRAIN",
    "AdaDeltaSolver",
    "AdaGradSolver",
    "AdamSolver",
    "Document",
    "Explainer",
    "NesterovSolver",
    "Net",
    "NetSpec",
    "RMSPropSolver",
    "SGDSolver",
    "__version__",
    "caffe",
    "check",
    "classify",
    "compare",
    "compare_weights",
    "convert_mnist",
    "explain",
    "from_onnx",
    "get_solver",
    "layers",
    "models",
    "open",
    "open_weights",
    "params",
    "to_onnx",
]

if TYPE_CHECKING:
    from .engine import TEST, TRAIN, Net, check, get_solver
    from .engine.data.mnist import convert_mnist
    from .engine.solvers.adadelta import AdaDeltaSolver
    from .engine.solvers.adagrad import AdaGradSolver
    from .engine.solvers.adam import AdamSolver
    from .engine.solvers.nesterov import NesterovSolver
    from .engine.solvers.rmsprop import RMSPropSolver
    from .engine.solvers.sgd import SGDSolver
    from .proto import Document
    from .widgets.bench import open
    from .widgets.explainer import Explainer
    from .workbench import caffe, classify, explain, models
    from .workbench.caffe.net_spec import NetSpec, layers, params
    from .workbench.compare import compare, compare_weights
    from .workbench.onnx import from_onnx, to_onnx
    from .workbench.weights import open_weights


class Alias:
    """Lets a package, and the modules in it, be imported and run by ``python -m`` under a second name.

    For `sys.meta_path`. A module that the package lacks is looked for in the folders of the second name on
    `sys.path`, which join the package's `__path__`: so a user's own modules beside it are found, after the package's.
    """

    def __init__(self, alias: str, package: str):
        self.alias, self.package = alias, package

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if not f"{name}.".startswith(f"{self.alias}."):
            return None
        real = find_spec(self._real(name))
        if real is None or not self._owns(real):
            self._take_along_users_folders()
            return None
        return spec_from_loader(name, self, is_package=real.submodule_search_locations is not None)  # pyright: ignore

    def create_module(self, spec: ModuleSpec) -> None:
        """Let the import system make a module, which `exec_module` puts the real one in place of."""

    def exec_module(self, module: ModuleType) -> None:
        name = module.__name__
        sys.modules[name] = import_module(self._real(name))
        if name == self.alias:
            self._take_along_users_folders()

    def get_code(self, name: str) -> CodeType:
        """What ``python -m`` runs: the real module, under its own name, so that its relative imports hold."""
        code = f"from runpy import run_module\nrun_module({self._real(name)!r}, run_name='__main__', alter_sys=True)"
        return compile(code, f"<{name}>", "exec")

    def _real(self, name: str) -> str:
        return self.package + name.removeprefix(self.alias)

    def _owns(self, spec: ModuleSpec) -> bool:
        if self.package not in sys.modules:
            return True
        home = os.path.dirname(sys.modules[self.package].__file__ or "")
        return f"{spec.origin}".startswith(os.path.join(home, ""))

    def _take_along_users_folders(self) -> None:
        folders = sys.modules[self.package].__path__
        for entry in () if "." in self.alias else sys.path:
            folder = os.path.join(os.path.abspath(entry), self.alias)
            if os.path.isdir(folder) and folder not in folders:
                folders.append(folder)


_PACKAGES = ("caffe", "classify", "explain", "models")  # of the workbench, which have a name here, too

for _name in _PACKAGES:
    sys.meta_path.insert(0, Alias(f"{__name__}.{_name}", f"{__name__}.workbench.{_name}"))


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return import_module(f".{name}", __name__)
    if name in _PUBLIC:
        return getattr(import_module(f".{_PUBLIC[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
