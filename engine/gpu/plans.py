"""cuDNN's convolutions through its graph interface: plans are built once for each shape, timed, and kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from .device import Device

WORKSPACE = 1 << 30  # bytes that a plan may ask for
CANDIDATES = 6  # plans that are timed, the likeliest first
REPEATS = 5  # runs in one timing
IMAGE, WEIGHT, VALUES = 1, 2, 3  # what the tensors of every graph are numbered

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Spec:
    """A convolution between an image (N, C, *lengths) and values (N, O, *positions), and the direction of it.

    `kind` is "fprop" (values from image and weight), "dgrad" (image from values and weight) or "wgrad" (weight from
    image and values). Groups follow from the second length of the weight.
    """

    kind: str
    image: Shape
    weight: Shape
    values: Shape
    stride: Shape
    pad: Shape
    dilation: Shape
    precision: str


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
        return graph.tensor(name=name, dim=list(shape), stride=row_major(shape), data_type=real, uid=uid)

    step = dict(padding=list(spec.pad), stride=list(spec.stride), dilation=list(spec.dilation))
    if spec.kind == "fprop":
        image, weight = tensor("image", spec.image, IMAGE), tensor("weight", spec.weight, WEIGHT)
        out, shape, uid = graph.conv_fprop(image, weight, **step), spec.values, VALUES
    elif spec.kind == "dgrad":
        values, weight = tensor("values", spec.values, VALUES), tensor("weight", spec.weight, WEIGHT)
        out, shape, uid = graph.conv_dgrad(values, weight, **step), spec.image, IMAGE
    else:
        image, values = tensor("image", spec.image, IMAGE), tensor("values", spec.values, VALUES)
        out, shape, uid = graph.conv_wgrad(image, values, **step), spec.weight, WEIGHT
    out.set_output(True).set_dim(list(shape)).set_stride(row_major(shape)).set_data_type(real)
    out.set_uid(uid)
    graph.validate()
    graph.build_operation_graph()
    graph.create_execution_plans([api.heur_mode.A, api.heur_mode.FALLBACK])
    if spec.precision == "ieee":
        note = api.numerical_note
        graph.deselect_numeric_notes([note.TENSOR_CORE, note.DOWN_CONVERT_INPUTS, note.REDUCED_PRECISION_REDUCTION])
    graph.deselect_numeric_notes([api.numerical_note.NONDETERMINISTIC])
    return graph


def row_major(shape: Shape) -> list[int]:
    """Elements from one index to the next along each axis."""
    strides = [1]
    for length in reversed(shape[1:]):
        strides.insert(0, strides[0] * length)
    return strides


class Plan:
    """The fastest way found to do one convolution on one device."""

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
        with self.device.library_lock:
            self._run(plan, arrays, workspace)

    def _run(self, plan: Plan, arrays: dict[int, Any], workspace: Callable[[int], Any]) -> None:
        stream = self.device.xp.cuda.get_current_stream().ptr
        if stream != self.stream:
            self.api.set_stream(self.handle, stream)
            self.stream = stream
        pointers = {uid: array.data.ptr for uid, array in arrays.items()}
        room = workspace(max(plan.workspace, 1)).data.ptr
        plan.graph.execute_plan_at_index(pointers, room, plan.index, self.handle)

    def _choose(self, spec: Spec, arrays: dict[int, Any], workspace: Callable[[int], Any]) -> Plan | None:
        unsupported = self.api.cudnnGraphNotSupportedError, RuntimeError
        try:
            graph = describe(self.api, spec, handle=self.handle)
        except unsupported:
            return None
        found: list[tuple[float, int, Plan]] = []
        for index in range(graph.get_execution_plan_count()):
            if len(found) == CANDIDATES:
                break
            try:
                graph.build_plan_at_index(index)
                plan = Plan(graph, index, graph.get_workspace_size_plan_at_index(index))
                if plan.workspace <= WORKSPACE:
                    found.append((self._time(plan, arrays, workspace), index, plan))
            except (*unsupported, MemoryError):
                continue  # a candidate that cannot be built or captured, or has no room
        return min(found)[2] if found else None

    def _time(self, plan: Plan, arrays: dict[int, Any], workspace: Callable[[int], Any]) -> float:
        """Milliseconds of one run. The runs are captured, so that launching from Python does not count."""
        self.run(plan, arrays, workspace)
        with self.device.capture() as graph:
            for _ in range(REPEATS):
                self.run(plan, arrays, workspace)
        start, stop = self.device.event(timed=True), self.device.event(timed=True)
        graph.launch()
        start.record()
        graph.launch()
        stop.record()
        stop.synchronize()
        return self.device.xp.cuda.get_elapsed_time(start, stop) / REPEATS
