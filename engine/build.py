"""The one builder of nets: it wires the layers, infers shapes and decides what is back-propagated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from google.protobuf.message import Message

from ..proto.messages import LayerParameter, NetState, ParamSpec
from .blob import Blob
from .context import Context
from .errors import DefinitionError, Diagnostic, MissingFile
from .graph import Entry, included, insert_splits
from .identity import doubtful_names, numbers_of
from .layer import Layer, count_of, layer_class
from .layers.data._stand_in import stand_in_by_name, stand_in_for
from .needs import needs, spelled
from .source import Source
from .trouble import definition_error

AUTOMATIC = "(automatic)"  # the name of a top that a loss layer makes for itself

OnError = Callable[[DefinitionError], None]


@dataclass
class Node:
    """A layer in its place: the ids of its blobs, and what flows back through it.

    A blob whose shape could not be inferred is None; a node whose bottoms are not all known has no set-up layer.
    """

    entry: Entry
    layer: Layer | None = None
    bottom_ids: list[int] = field(default_factory=list)
    top_ids: list[int] = field(default_factory=list)
    bottoms: list[Blob] = field(default_factory=list)
    tops: list[Blob] = field(default_factory=list)
    loss_weights: list[float] = field(default_factory=list)
    propagate_down: list[bool] = field(default_factory=list)
    need_backward: bool = False

    @cached_property
    def adds_loss(self) -> bool:
        """Whether any top counts into the loss of the net."""
        return any(self.loss_weights)

    @property
    def name(self) -> str:
        return self.entry.param.name


@dataclass
class Learnable:
    """A parameter blob with its owner, its multipliers, and the name under which others share it."""

    blob: Blob
    layer: str
    index: int
    name: str
    lr_mult: float
    decay_mult: float
    has_lr_mult: bool
    has_decay_mult: bool


class Builder:
    """Builds the layers of a net in the order of the text. Source: Caffe's Net::Init.

    `on_error` is told each DefinitionError, complete with layer, field and line. If it returns, the tops of the
    layer at fault, and all that is downstream of them, stay unknown. `warnings` holds what is allowed but likely a
    mistake, complete with its place too.
    """

    def __init__(self, source: Source, state: Any, context: Context, on_error: OnError):
        self.source, self.context, self.on_error = source, context, on_error
        self.nodes: list[Node] = []
        self.blobs: list[Blob | None] = []
        self.blob_names: list[str] = []
        self.inputs: list[int] = []
        self.outputs: list[int] = []
        self.learnable: list[Learnable] = []
        self.shared: dict[tuple[int, int], Learnable] = {}  # owners, by the layer's place and the blob's index
        self.excluded: list[Entry] = []
        self.warnings: list[Diagnostic] = []
        self._id_of: dict[str, int] = {}
        self._available: dict[str, int] = {}
        self._blob_needs_backward: list[bool] = []
        self._by_param_name: dict[str, Learnable] = {}
        for entry in insert_splits(self._filter(state)):
            self._add(entry)
        self._prune()
        if source.param.force_backward:
            self._force_backward()
        for node, message in doubtful_names(self.nodes):
            self._warn(Diagnostic(message, "warning", field="name"), node.entry)
        self.shortage = self._shortage()
        self.outputs = [self._available[name] for name in sorted(self._available)]

    def _shortage(self) -> Diagnostic | None:
        """A warning, kept with the others, where the net needs more memory than there is."""
        need = needs(self.nodes, self.learnable, self.context.training)
        message = need.shortage()
        if message is None:
            return None
        share, node = need.largest
        message = f"{message} This layer's share, {spelled(share)}, is the largest."
        self._warn(Diagnostic(message, "warning"), node.entry)
        return self.warnings[-1]

    def _filter(self, state: Any) -> list[Entry]:
        kept = []
        for origin, param in zip(self.source.origins, self.source.param.layer, strict=True):
            entry = Entry(param, origin, tuple(param.bottom))
            try:
                (kept if included(param, state) else self.excluded).append(entry)
            except DefinitionError as error:
                self._report(error, entry)
                self.excluded.append(entry)
        numbers = numbers_of([entry.param for entry in kept])
        return [replace(entry, number=number) for entry, number in zip(kept, numbers, strict=True)]

    def _report(self, error: DefinitionError, entry: Entry, cls: type[Layer] | None = None) -> None:
        """Complete the error's place and hand it on."""
        error.diagnostic = self._placed(error.diagnostic, entry, cls)
        self.on_error(error)

    def _warn(self, warning: Diagnostic, entry: Entry, cls: type[Layer] | None = None) -> None:
        """Complete a warning's place and keep it."""
        self.warnings.append(self._placed(warning, entry, cls))

    def _placed(self, found: Diagnostic, entry: Entry, cls: type[Layer] | None) -> Diagnostic:
        full = _absolute_field(found.field, entry.param, cls) if found.field else None
        return replace(
            found.at(
                layer=entry.param.name,
                type=entry.param.type,
                layer_index=entry.origin,
                file=self.source.file,
                line=self.source.line(entry.origin, full),
            ),
            field=full,
        )

    def _add(self, entry: Entry) -> None:
        node = Node(entry)
        self.nodes.append(node)
        cls: type[Layer] | None = None
        try:
            made = stand_in_by_name(entry.param, self.context)
            cls = type(made) if made is not None else layer_class(entry.param.type)
            node.layer = made if made is not None else layer_class(entry.param.type)(entry.param, self.context)
            node.layer.number = entry.number
        except Exception as error:  # of a type that an installed package offers, anything
            self._report(definition_error(error), entry, cls)
        self._append_bottoms(node)
        self._append_tops(node)
        if node.layer is not None and len(node.bottoms) == len(node.bottom_ids) == len(entry.param.bottom):
            try:
                self._set_up(node, node.layer)
                return
            except Exception as error:
                if node.layer.type == "Python" and not isinstance(error, DefinitionError) and not self.context.dry:
                    raise  # what a user's own layer raises comes through as it is
                self._report(definition_error(error, node.layer), entry, cls)
            finally:
                for warning in node.layer.warnings:
                    self._warn(warning, entry, cls)
        node.layer = None
        for blob_id in node.top_ids:
            if blob_id not in node.bottom_ids:
                self.blobs[blob_id] = None

    def _append_bottoms(self, node: Node) -> None:
        param = node.entry.param
        overrides = param.propagate_down
        if overrides and len(overrides) != len(param.bottom):
            message = f"give propagate_down never, or once per bottom ({len(param.bottom)}); got {len(overrides)}."
            self._report(DefinitionError(message, "propagate_down"), node.entry)
            overrides = []
        for j, name in enumerate(param.bottom):
            if name not in self._available:
                written = node.entry.bottoms[j]
                made = "no layer above makes a blob of that name"
                if name in self._id_of:
                    made = "it was already consumed"
                error = DefinitionError(f"unknown bottom blob {written!r} (bottom {j}): {made}.", f"bottom.{j}")
                self._report(error, node.entry)
                continue
            blob_id = self._available.pop(name)
            node.bottom_ids.append(blob_id)
            blob = self.blobs[blob_id]
            if blob is not None:
                node.bottoms.append(blob)
            node.propagate_down.append(overrides[j] if overrides else self._blob_needs_backward[blob_id])

    def _append_tops(self, node: Node) -> None:
        param = node.entry.param
        for j, name in enumerate(param.top):
            if j < len(param.bottom) and name == param.bottom[j]:
                if name not in self._id_of:  # the bottom is unknown, and reported
                    self._id_of[name] = self._new_blob(name)
                blob_id = self._id_of[name]
                if node.layer is not None and not node.layer.in_place:
                    message = f"{param.type} cannot work in place; give top {name!r} a name of its own."
                    self._report(DefinitionError(message, f"top.{j}"), node.entry)
            elif name in self._id_of:
                message = f"top blob {name!r} is produced by more than one layer."
                self._report(DefinitionError(message, f"top.{j}"), node.entry)
                blob_id = self._new_blob(name)
            else:
                blob_id = self._new_blob(name)
                self._id_of[name] = blob_id
            node.top_ids.append(blob_id)
            self._available[name] = blob_id
            if param.type == "Input":
                self.inputs.append(blob_id)
        if node.layer is not None and node.layer.auto_tops:
            while len(node.top_ids) < count_of(node.layer.tops).least:
                node.top_ids.append(self._new_blob(AUTOMATIC))

    def _new_blob(self, name: str) -> int:
        self.blobs.append(Blob((), self.context.dtype, self.context.place))
        self.blob_names.append(name)
        self._blob_needs_backward.append(False)
        return len(self.blobs) - 1

    def _set_up(self, node: Node, layer: Layer) -> None:
        param = node.entry.param
        node.tops = [blob for blob_id in node.top_ids if (blob := self.blobs[blob_id]) is not None]
        count_of(layer.bottoms).check(len(node.bottoms), "bottom")
        count_of(layer.tops).check(len(node.tops), "top")
        if layer.equal_counts and len(node.bottoms) != len(node.tops):
            raise DefinitionError(
                f"takes as many tops as bottoms; got {len(node.tops)} and {len(node.bottoms)}.", "top"
            )
        try:
            layer.setup(node.bottoms, node.tops)
        except MissingFile as error:
            layer = node.layer = stand_in_for(layer, error)
            layer.setup(node.bottoms, node.tops)
        layer.reshape(node.bottoms, node.tops)
        if not layer.opaque:
            self._take_given_values(layer)
        self._set_loss_weights(node, layer)
        if len(param.param) > len(layer.blobs) and not layer.opaque:
            raise DefinitionError(
                f"has {len(layer.blobs)} parameter blobs; param is given {len(param.param)} times.", "param"
            )
        layer.param_propagate_down = [_spec(param, k).lr_mult != 0 for k in range(len(layer.blobs))]
        for index, blob in enumerate(layer.blobs):
            self._append_param(node, index, blob, _spec(layer.param, index))  # BatchNorm sets specs of its own
        reached = any(self._blob_needs_backward[blob_id] for blob_id in node.bottom_ids)  # whatever propagate_down says
        node.need_backward = reached or any(layer.param_propagate_down)
        for blob_id in node.top_ids:
            self._blob_needs_backward[blob_id] |= node.need_backward
        for j in layer.unknown_tops:
            if node.top_ids[j] not in node.bottom_ids:  # in place, the bottom's shape is taken to stay
                self.blobs[node.top_ids[j]] = None

    def _take_given_values(self, layer: Layer) -> None:
        """Values of parameter blobs that the definition itself carries (`blobs`)."""
        if not layer.param.blobs:
            return
        from .files import blob_from_proto

        if len(layer.param.blobs) != len(layer.blobs):
            message = f"has {len(layer.blobs)} parameter blobs; the definition carries {len(layer.param.blobs)}."
            raise DefinitionError(message, "blobs")
        for blob, proto in zip(layer.blobs, layer.param.blobs, strict=True):
            values, _ = blob_from_proto(proto)
            if values.size != blob.count:
                message = f"a parameter blob of shape {blob.shape} cannot take values of shape {values.shape}."
                raise DefinitionError(message, "blobs")
            if not self.context.dry:
                blob.data = values.reshape(blob.shape)

    def _set_loss_weights(self, node: Node, layer: Layer) -> None:
        weights = list(node.entry.param.loss_weight)
        if not weights and layer.is_loss:
            weights = [1.0] + [0.0] * (len(node.tops) - 1)
        if weights and len(weights) != len(node.tops):
            message = f"give loss_weight never, or once per top ({len(node.tops)}); got {len(weights)}."
            raise DefinitionError(message, "loss_weight")
        node.loss_weights = weights or [0.0] * len(node.tops)
        for top, weight in zip(node.tops, node.loss_weights, strict=True):
            if weight:
                top.diff_memory.fill_with(_constant(weight))

    def _append_param(self, node: Node, index: int, blob: Blob, spec: Any) -> None:
        owner = self._by_param_name.get(spec.name) if spec.name else None
        if owner is None:
            mine = Learnable(
                blob,
                node.name,
                index,
                spec.name,
                spec.lr_mult,
                spec.decay_mult,
                spec.HasField("lr_mult"),
                spec.HasField("decay_mult"),
            )
            self.learnable.append(mine)
            if spec.name:
                self._by_param_name[spec.name] = mine
            return
        permissive = spec.share_mode == ParamSpec.DimCheckMode.Value("PERMISSIVE")
        same = blob.count == owner.blob.count if permissive else blob.shape == owner.blob.shape
        if not same:
            raise DefinitionError(
                f"parameter {spec.name!r} is shared with layer {owner.layer!r}, whose shape {owner.blob.shape} does "
                f"not fit this one's {blob.shape}"
                + ("." if permissive else "; share_mode PERMISSIVE asks for equal counts only."),
                f"param.{index}.name",
            )
        for what in ("lr_mult", "decay_mult"):
            if not spec.HasField(what):
                continue
            if getattr(owner, f"has_{what}") and getattr(owner, what) != getattr(spec, what):
                raise DefinitionError(
                    f"shared parameter {spec.name!r} has {what} {getattr(spec, what):g} here and "
                    f"{getattr(owner, what):g} in layer {owner.layer!r}.",
                    f"param.{index}.{what}",
                )
            setattr(owner, what, getattr(spec, what))
            setattr(owner, f"has_{what}", True)
        blob.share_data(owner.blob)
        blob.share_diff(owner.blob)
        self.shared[len(self.nodes) - 1, index] = owner

    def _prune(self) -> None:
        """Leave out of the backward pass what no loss lies above, and what propagate_down cuts off."""
        under_loss: set[str] = set()
        skipped: set[str] = set()
        for node in reversed(self.nodes):
            tops = [self.blob_names[i] for i in node.top_ids]
            contributes = any(node.loss_weights) or any(name in under_loss for name in tops)
            all_skipped = all(name in skipped for name in tops)
            if (all_skipped and node.need_backward) or not contributes:
                # A layer whose tops are all skipped need not run backward, nor pass anything down.
                node.propagate_down = [False] * len(node.propagate_down)
                node.need_backward = False
            for flows, blob_id in zip(node.propagate_down, node.bottom_ids, strict=True):
                name = self.blob_names[blob_id]
                if contributes:
                    under_loss.add(name)
                if not flows:
                    skipped.add(name)

    def _force_backward(self) -> None:
        for node in self.nodes:
            if node.layer is None:
                continue
            node.need_backward = True
            node.propagate_down = [
                flows or j not in node.layer.no_gradient or j in node.layer.forced
                for j, flows in enumerate(node.propagate_down)
            ]
            node.layer.param_propagate_down = [True] * len(node.layer.blobs)


def make_state(source: Source, phase: int, level: int, stages: Sequence[str]) -> Any:
    """The NetState of a net: its own, with phase and level overridden and stages appended, as pycaffe does."""
    state = NetState()
    state.CopyFrom(source.param.state)
    state.phase, state.level = phase, level
    state.stage.extend(stages)
    return state


def _spec(param: Any, index: int) -> Any:
    return param.param[index] if index < len(param.param) else ParamSpec()


def _constant(value: float) -> Callable[[Any], None]:
    def fill(out: Any) -> None:
        out[:] = value

    return fill


def _absolute_field(name: str, param: Any, cls: type[Layer] | None) -> str:
    """A field named as a layer names it, as a dotted path below the LayerParameter."""
    first = name.partition(".")[0]
    if cls is not None and cls.param_field:
        own: Message = getattr(param, cls.param_field)
        if first in own.DESCRIPTOR.fields_by_name:
            return f"{cls.param_field}.{name}"
    return name if first in LayerParameter.DESCRIPTOR.fields_by_name else ""
