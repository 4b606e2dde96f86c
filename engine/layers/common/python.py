"""Python. A layer whose four methods a user wrote, and the class that such layers derive from."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ...blob import Blob
from ...errors import DefinitionError
from ...layer import Layer, at_least, layer
from ...trust import UserCode, locate, search_folders


class ParamBlobs(list[Blob]):
    """The parameter blobs of a user's layer."""

    def __init__(self, make: Callable[[tuple[int, ...]], Blob]):
        super().__init__()
        self._make = make

    def add_blob(self, *shape: int) -> None:
        """Make the next parameter blob, filled with zeros."""
        self.append(self._make(shape))


class UserLayer:
    """What the class that a Python layer names derives from; in pycaffe's words, `caffe.Layer`.

    Before `setup` is called, the layer finds in itself `param_str` (the text of `python_param`), `phase` (TRAIN
    or TEST) and `blobs`, whose `add_blob(*shape)` makes a parameter. `bottom` and `top` are sequences of blobs.
    All other names are the user's. Its constructor takes the LayerParameter.
    """

    type = "Python"
    param_str: str
    phase: int
    blobs: ParamBlobs

    def __init__(self, param: Any):
        pass

    @property
    def param_str_(self) -> str:
        """`param_str`, by its first name in pycaffe."""
        return self.param_str

    def setup(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Read `param_str` and make the parameters; once."""

    def reshape(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Give the tops their shapes; before every forward pass."""
        raise NotImplementedError(f"{type(self).__name__} has no method reshape(self, bottom, top)")

    def forward(self, bottom: Sequence[Blob], top: Sequence[Blob]) -> None:
        """Fill the tops' data."""
        raise NotImplementedError(f"{type(self).__name__} has no method forward(self, bottom, top)")

    def backward(self, top: Sequence[Blob], propagate_down: Sequence[bool], bottom: Sequence[Blob]) -> None:
        """Fill the diffs of the bottoms that are to have one, and add to the diffs of the parameters."""
        raise NotImplementedError(f"{type(self).__name__} has no method backward(self, top, propagate_down, bottom)")


@layer("Python", param="python_param")
class Python(Layer):
    r"""Whatever the class `layer` of the module `module` does.

    $$ y = \mathtt{forward}(x) $$

    The module is looked for in the working directory, in the folder of the net's file, and on Python's path. Its
    class derives from UserLayer. What the user's code raises comes through as it is, with a note that names the
    layer. A loss is a top with a `loss_weight`. Processes that train together each have a layer of their own,
    whatever `share_in_parallel` says.

    A dry look runs none of it: the shapes of the tops are those that are stated, or those that a living net has, or
    unknown. A net that is built imports the module if the net's `trust` allows it.

    Bottom: any number.
    Top: any number.
    Reference: Jia et al., "Caffe: Convolutional Architecture for Fast Feature Embedding", ACM MM 2014.
    """

    bottoms = tops = at_least(0)
    in_place = True
    reshapes_itself = runs_user_code = True

    def setup(self, bottom, top):
        self.code = self._locate()
        if self.context.dry:
            self._look(bottom, top)
            return
        self.context.trust.need(self.code)
        cls = self._user_class(self._import())
        with self._named("the constructor"):
            self.user = cls(self.param)
        self.user.param_str = self.settings.param_str
        self.user.phase = self.phase
        self.user.blobs = self.blobs = ParamBlobs(self.make_blob)
        with self._named("setup"):
            self.user.setup(bottom, top)

    def reshape(self, bottom, top):
        if not self.context.dry:
            with self._named("reshape"):
                self.user.reshape(bottom, top)

    def forward(self, bottom, top):
        with self._named("forward"):
            self.user.forward(bottom, top)

    def backward(self, top, propagate_down, bottom):
        with self._named("backward"):
            self.user.backward(top, propagate_down, bottom)

    def _look(self, bottom, top):
        """Take over what is known of the shapes, without running anything."""
        module = sys.modules.get(self.settings.module)
        if module is not None and not hasattr(module, "__getattr__"):
            self._user_class(module)
        seen = self.context.seen(self, tuple(blob.shape for blob in bottom)) if self.context.seen else None
        shapes, params = seen or ((), ())
        known: dict[str, Sequence[int]] = dict(zip(self.param.top, shapes, strict=False))
        known |= {name: self.context.shapes[name] for name in self.param.top if name in self.context.shapes}
        self.opaque = seen is None
        self.blobs = [self.make_blob(shape) for shape in params]
        for index, (name, blob) in enumerate(zip(self.param.top, top, strict=True)):
            try:
                if name in known:
                    blob.reshape(*known[name])
            except ValueError as error:
                message = f"{name!r} cannot have the shape that is stated: {error}."
                raise DefinitionError(message, f"top.{index}") from None
        self.unknown_tops = tuple(index for index, name in enumerate(self.param.top) if name not in known)
        if self.unknown_tops:
            self.warn("the shapes of its tops are known when it runs; a look runs no code that a net names.", "module")

    def _user_class(self, module: Any) -> type[UserLayer]:
        name = self.settings.layer
        cls = getattr(module, name, None)
        place = f"module {module.__name__!r} ({getattr(module, '__file__', 'built in')})"
        if cls is None:
            layers = [key for key, value in vars(module).items() if isinstance(value, type)]
            near = get_close_matches(name, layers, 1, 0.6)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            raise DefinitionError(f"{place} has no class {name!r}{hint}", "layer")
        if not (isinstance(cls, type) and issubclass(cls, UserLayer)):
            raise DefinitionError(f"{name!r} of {place} does not derive from Brewbench's caffe.Layer.", "layer")
        return cls

    def _locate(self) -> UserCode:
        """The module, found without importing it. Raises DefinitionError where it is not named, or not there."""
        for field in ("module", "layer"):
            if not getattr(self.settings, field):
                raise DefinitionError(f"{field} must name a Python {'class' if field == 'layer' else field}.", field)
        name, root = self.settings.module, self.context.root
        code = locate(name, root)
        if code is None:
            looked = " and ".join(dict.fromkeys(map(str, search_folders(root))))
            raise DefinitionError(f"there is no module {name!r}; looked in {looked} and on Python's path.", "module")
        return code

    def _import(self) -> Any:
        assert self.code is not None
        folders = self.context.trust.on_path(search_folders(self.context.root), self.code)
        with _first_on_path(folders), self._named("the import"):
            return importlib.import_module(self.settings.module)

    @contextmanager
    def _named(self, what: str) -> Iterator[None]:
        """Note on an error of the user's code where it comes from."""
        try:
            yield
        except DefinitionError:
            raise
        except Exception as error:
            if isinstance(error, ModuleNotFoundError) and error.name == "caffe":
                error.add_note("brewbench.caffe.install() lets `import caffe` find Brewbench's")
            error.add_note(f"in {what} of layer {self.name!r} ({self.settings.module}.{self.settings.layer})")
            raise


@contextmanager
def _first_on_path(folders: list[Path]) -> Iterator[None]:
    """Look for modules in some folders first."""
    before = sys.path[:]
    sys.path[:0] = map(str, folders)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:] = before
