"""cuDNN's convolutions through its graph interface: plans are built once for each shape, timed, and kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import nan
from typing import Any

from .device import Device

WORKSPACE = 1 << 30  # bytes that a plan may ask for
CANDIDATES = 4  # plans that are timed, the likeliest first
REPEATS = 5  # runs in one timing
SEEN = 4096  # values that are looked at to know what a rectifier does to NaN
IMAGE, WEIGHT, VALUES, FACTOR, OFFSET = range(1, 6)  # what the tensors of every graph are numbered

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Spec:
    """A convolution between an image (N, C, *lengths) and values (N, O, *positions), and the direction of it.

    `kind` is "fprop" (values from image and weight), "dgrad" (image from values and weight) or "wgrad" (weight from
    image and values). Groups follow from the second length of the weight. `after` is what follows "fprop" in the same
    kernel, of "scale" (by a factor for each channel), "bias" and "relu", in this order. With `last` the channels of
    image, weight and values come last in memory.
    """

    kind: str
    image: Shape
    weight: Shape
    values: Shape
    stride: Shape
    pad: Shape
    dilation: Shape
    precision: str
    after: tuple[str, ...] = ()
    last: bool = False


@cache
def import_cudnn() -> Any:
    """The module cudnn, of the package nvidia-cudnn-frontend, or None when it or cuDNN itself is not there."""
    try:
        import cudnn  # pyright: ignore[reportMissingImports]

        cudnn.backend_version()
    except (ImportError, OSError, RuntimeError):
        return None
    return cudnn


def describe(api: Any, spec: Spec, **where: Any) -> Any:
    """The graph of one convolution with its candidate plans, not yet built.

    `where` is the `handle`, or a `device_property` to look at plans for a device that is not here. Raises what cuDNN
    raises when no plan is possible.
    """
    real = api.data_type.FLOAT
    graph = api.pygraph(io_data_type=real, intermediate_data_type=real, compute_data_type=real, **where)

    def tensor(name: str, shape: Shape, uid: int) -> Any:
        return graph.tensor(name=name, dim=list(shape), stride=strides(shape, spec.last), data_type=real, uid=uid)

    step = dict(padding=list(spec.pad), stride=list(spec.stride), dilation=list(spec.dilation))
    if spec.kind == "fprop":
        image, weight = tensor("image", spec.image, IMAGE), tensor("weight", spec.weight, WEIGHT)
        out, shape, uid = graph.conv_fprop(image, weight, **step), spec.values, VALUES
        channels = (1, spec.values[1], *(1,) * len(spec.pad))
        if "scale" in spec.after:
            out = graph.scale(input=out, scale=tensor("factor", channels, FACTOR))
        if "bias" in spec.after:
            out = graph.bias(input=out, bias=tensor("offset", channels, OFFSET))
        if "relu" in spec.after:
            out = graph.relu(input=out)
    elif spec.kind == "dgrad":
        values, weight = tensor("values", spec.values, VALUES), tensor("weight", spec.weight, WEIGHT)
        out, shape, uid = graph.conv_dgrad(values, weight, **step), spec.image, IMAGE
    else:
        image, values = tensor("image", spec.image, IMAGE), tensor("values", spec.values, VALUES)
        out, shape, uid = graph.conv_wgrad(image, values, **step), spec.weight, WEIGHT
    out.set_output(True).set_dim(list(shape)).set_stride(strides(shape, spec.last)).set_data_type(real)
    out.set_uid(uid)
    graph.validate()
    graph.build_operation_graph()
    graph.create_execution_plans([api.heur_mode.A, api.heur_mode.FALLBACK])
    if spec.precision == "ieee":
        note = api.numerical_note
        graph.deselect_numeric_notes([note.TENSOR_CORE, note.DOWN_CONVERT_INPUTS, note.REDUCED_PRECISION_REDUCTION])
    graph.deselect_numeric_notes([api.numerical_note.NONDETERMINISTIC])
    return graph


def strides(shape: Shape, last: bool = False) -> list[int]:
    """Elements from one index to the next along each axis, the last axis counting fastest, or with `last` the second.

    >>> strides((2, 3, 4, 5)), strides((2, 3, 4, 5), last=True)
    ([60, 20, 5, 1], [60, 1, 15, 3])
    """
    axes = range(len(shape))
    found, step = [0] * len(shape), 1
    for axis in [1, *axes[:1:-1], 0] if last else reversed(axes):
        found[axis] = step
        step *= shape[axis]
    return found


class Plan:
    """The fastest way found to do one convolution on one device, and what it takes."""

    milliseconds = 0.0

    def __init__(self, graph: Any, index: int, workspace: int):
        self.graph, self.index, self.workspace = graph, index, workspace


class Cudnn:
    """cuDNN on one device, with the plans made so far."""

    def __init__(self, device: Device):
        self.device, self.api = device, import_cudnn()
        device.enter()
        self.handle = self.api.create_handle()
        self.stream: int | None = None
        self.plans: dict[Spec, Plan | None] = {}

    def plan(self, spec: Spec, arrays: dict[int, Any], workspace: Callable[[int], Any]) -> Plan | None:
        """The plan for a convolution, timed on these arrays when it is first asked for; None where cuDNN has none."""
        if spec not in self.plans:
            self.device.refuse_capture("a convolution met a shape for the first time")
            self.plans[spec] = self._choose(spec, arrays, workspace)
        return self.plans[spec]

    def run(self, plan: Plan, arrays: dict[int, Any], workspace: Callable[[int], Any]) -> None:
        """Do a convolution. `workspace` gives room for that many bytes."""
        self.device.enter()
        with self.device.one_stream:
            self._run(plan, arrays, workspace)

    def _run(self, plan: Plan, arrays: dict[int, Any], workspace: Callable[[int], Any]) -> None:
        stream = self.device.xp.cuda.get_current_stream().ptr
        if stream != self.stream:
            self.api.set_stream(self.handle, stream)
            self.stream = stream
        pointers = {uid: array.data.ptr for uid, array in arrays.items()}
        room = workspace(max(plan.workspace, 1)).data.ptr
        plan.graph.execute_plan_at_index(pointers, room, plan.index, self.handle)

    def keeps_nan(self, spec: Spec, plan: Plan, arrays: dict[int, Any], workspace: Callable[[int], Any]) -> bool:
        """Whether what is no number comes through, as through Caffe's rectifier: else a net that diverges looks dead.

        The frontend asks for it, by an attribute that is deprecated since cuDNN 9; so what a plan does is tried out.
        """
        if "relu" not in spec.after:
            return True
        xp = self.device.xp
        nothing = xp.full(arrays[OFFSET].shape, nan, xp.float32)
        self.run(plan, arrays | {OFFSET: nothing}, workspace)
        return bool(xp.all(xp.isnan(arrays[VALUES].reshape(-1)[:SEEN])))

    def _choose(self, spec: Spec, arrays: dict[int, Any], workspace: Callable[[int], Any]) -> Plan | None:
        unsupported = self.api.cudnnGraphNotSupportedError, RuntimeError
        try:
            graph = describe(self.api, spec, handle=self.handle)
        except unsupported:
            return None
        found: list[Plan] = []
        hiding = 0  # plans that make NaN zero
        enough = 1 if "scale" in spec.after else CANDIDATES  # of those every single one is compiled
        for index in range(graph.get_execution_plan_count()):
            if enough in (len(found), hiding):
                break
            try:
                graph.build_plan_at_index(index)
                plan = Plan(graph, index, graph.get_workspace_size_plan_at_index(index))
                if plan.workspace > WORKSPACE:
                    continue
                if self.keeps_nan(spec, plan, arrays, workspace):
                    plan.milliseconds = self.time(lambda plan=plan: self.run(plan, arrays, workspace))
                    found.append(plan)
                else:
                    hiding += 1
            except (*unsupported, MemoryError):
                continue  # a candidate that cannot be built or captured, or has no room
        return min(found, key=lambda plan: plan.milliseconds) if found else None

    def time(self, work: Callable[[], None]) -> float:
        """Milliseconds of a piece of work. It is captured several times over, so that launching it does not count."""
        work()
        with self.device.capture() as graph:
            for _ in range(REPEATS):
                work()
        start, stop = self.device.event(timed=True), self.device.event(timed=True)
        graph.launch()
        start.record()
        graph.launch()
        stop.record()
        stop.synchronize()
        return self.device.xp.cuda.get_elapsed_time(start, stop) / REPEATS
