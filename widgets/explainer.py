"""The explainer: why a net answers as it does to the image in its input, unit by unit and layer by layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from threading import Event, Lock, Thread
from typing import Any

import numpy as np

from ..proto.printable import printable
from ..workbench import classify, explain
from ..workbench.explain.targets import ancestors, input_of, is_source, last_writer, net_of, output_of
from ..workbench.explain.twin import twin_of
from .heat import Picture, coloured, over, photo, summed
from .pane import Pane, Throttle, describe

OFFERED = 10  # units with the largest values

Run = Callable[[Any, "Choice", dict[str, Any]], Any]


@dataclass(frozen=True)
class Choice:
    """What is to be explained, and how: a unit of a blob, by a method; Grad-CAM at a layer."""

    method: str = "grad_cam"
    blob: str = ""
    unit: int = 0
    layer: str = ""


@dataclass(frozen=True)
class Method:
    """A way to explain: its title, what is shown of it, whether it is long, what computes it."""

    title: str
    shows: str  # "signed", "heat", "colour" or "image"
    slow: bool
    run: Run


METHODS: dict[str, Method] = {
    "grad_cam": Method("Grad-CAM", "heat", False, lambda net, c, _: explain.grad_cam(net, c.layer, c.unit, c.blob)),
    "activation": Method("Activation", "signed", False, lambda net, c, _: activation(net, c.blob, c.unit)),
    "gradient": Method("Gradient", "signed", False, lambda net, c, _: explain.gradient(net, c.unit, c.blob)),
    "gradient_x_input": Method(
        "Gradient x input", "signed", False, lambda net, c, _: explain.gradient_x_input(net, c.unit, c.blob)
    ),
    "guided_backprop": Method(
        "Guided backpropagation", "colour", False, lambda net, c, _: explain.guided_backprop(net, c.unit, c.blob)
    ),
    "deconvolution": Method(
        "Deconvolution", "colour", False, lambda net, c, _: explain.deconvolution(net, strongest(net, c), c.blob)
    ),
    "integrated_gradients": Method(
        "Integrated gradients", "signed", True,
        lambda net, c, how: explain.integrated_gradients(net, c.unit, c.blob, refine=False, **how),
    ),
    "smooth_grad": Method(
        "SmoothGrad", "signed", True, lambda net, c, how: explain.smooth_grad(net, c.unit, c.blob, **how)
    ),
    "occlusion": Method("Occlusion", "signed", True, lambda net, c, how: occluded(net, c, how)),
    "maximise": Method(
        "Maximise", "image", True, lambda net, c, how: explain.maximise(net, c.blob, c.unit, steps=100, **how)
    ),
}  # fmt: skip


class Explainer(Pane, script="explainer"):
    """Shows the image that a net has, and by which parts of it a unit is moved.

    Args:
        thing: a Net, a bench, or whatever else `brewbench.explain` takes; asked for its net at every look.
        names: the names of the output's classes; left out, those of ImageNet where there are 1,000.
        in_sight: False for a pane that is hidden at first: it runs nothing before `bring`.

    The left and right arrow keys walk units, up and down blobs; what is long runs when it is asked for, beside the
    kernel, and can be stopped.
    """

    def __init__(self, thing: Any, names: Sequence[str] | None = None, in_sight: bool = True, **kwargs: Any):
        self._in_sight = in_sight
        self._thing, self._names = thing, names
        self.choice = Choice()
        self._blobs: list[tuple[str, int]] = []
        self._layers: list[str] = []
        self._output = ""
        self._last: list[tuple[dict[str, Any], list[bytes]]] = []
        self._stop, self._one = Event(), Lock()
        self._progress = Throttle(lambda told: self.send({"type": "progress", **told}), 10)
        super().__init__(**kwargs)

    def bring(self, in_sight: bool) -> None:
        """The pane came into sight, or went: it explains only while it is there."""
        if in_sight and not self._in_sight:
            self._in_sight = True
            self.refresh()
        elif not in_sight:
            self._in_sight = False
            self._stop.set()

    def refresh(self) -> None:
        """Look at the net as it is now: its blobs, its image, the units with the largest values."""
        try:
            net = net_of(self._thing)
            self._look_at(net)
        except (TypeError, ValueError) as error:
            self.say("There is no net yet." if isinstance(error, TypeError) else describe(error), "error")
            return
        self.send(self._choices())
        self.explain(slow=False)

    def explain(self, slow: bool = True) -> None:
        """Start what is chosen, instead of whatever runs; with `slow` False only if it takes a pass or two."""
        self._stop.set()
        self._stop = Event()
        Thread(target=self._work, args=(self.choice, self._stop, slow), daemon=True).start()

    def _look_at(self, net: Any) -> None:
        at, top = output_of(net, None)
        blob_id = net.nodes[at].top_ids[top]
        self._output = net.blob_names[blob_id]
        image = input_of(net, ancestors(net, at), None)
        source = net.nodes[image[0]].top_ids[image[1]]
        seen: dict[str, int] = {}
        maps = []
        for one in ancestors(net, at):
            node = net.nodes[one]
            if is_source(node) or node.entry.param.type == "Split":
                continue
            for number, blob in zip(node.top_ids, node.tops, strict=True):
                if number != source and blob.num_axes > 1:
                    seen[net.blob_names[number]] = blob.shape[1]
                    if blob.num_axes == 4 and blob.shape[2] * blob.shape[3] > 1 and last_writer(net, number)[0] <= at:
                        maps.append(net.blob_names[number])
        self._blobs, self._layers = list(seen.items()), list(dict.fromkeys(maps))
        blob = self.choice.blob if self.choice.blob in seen else self._output
        layer = self.choice.layer if self.choice.layer in maps else (maps[-1] if maps else "")
        values = answers(net, blob)
        first = blob != self.choice.blob or self.choice.unit >= len(values)
        unit = int(values.argmax()) if first else self.choice.unit
        self.choice = replace(self.choice, blob=blob, layer=layer, unit=unit)

    def _choices(self) -> dict[str, Any]:
        choice = self.choice
        return {
            "type": "choices",
            "methods": [[name, one.title, one.slow] for name, one in METHODS.items()],
            "blobs": [[name, count] for name, count in self._blobs],
            "layers": self._layers,
            "chosen": {"method": choice.method, "blob": choice.blob, "unit": choice.unit, "layer": choice.layer},
        }

    def _name_of(self, blob: str, unit: int, count: int) -> str:
        if blob != self._output:
            return ""
        if self._names is not None:
            return printable(str(self._names[unit])) if unit < len(self._names) else ""
        tree = classify.ilsvrc12() if count == 1000 else None
        return tree.words[tree.classes[unit]][0] if tree else ""

    def _work(self, choice: Choice, stop: Event, slow: bool) -> None:
        """On a thread of its own: show the units, then the explanation, unless another one was asked for."""
        with self._one:
            if stop.is_set():
                return
            try:
                net = net_of(self._thing)
                self._show_units(net, choice)
                if METHODS[choice.method].slow and not slow:
                    self.say(f"{METHODS[choice.method].title} takes a while: press Explain.")
                    return
                self.say(f"{METHODS[choice.method].title}: computing ...")
                progress = lambda done, total: self._progress(done=done, total=total)  # noqa: E731
                result = METHODS[choice.method].run(net, choice, {"progress": progress, "stop": stop})
                if not stop.is_set() or METHODS[choice.method].shows == "image":
                    self._show(pictures(net, choice, result))
            except explain.Stopped as error:
                self.say(f"{error}.")
            except Exception as error:
                self.say(describe(error), "error")
            finally:
                self._progress(done=1, total=1)

    def _show_units(self, net: Any, choice: Choice) -> None:
        values = answers(net, choice.blob)
        order = np.argsort(-values, kind="stable")[:OFFERED]
        units = [[int(one), self._name_of(choice.blob, int(one), len(values)), f"{values[one]:.4g}"] for one in order]
        name = self._name_of(choice.blob, choice.unit, len(values))
        self.send({"type": "units", "units": units, "name": name, "value": f"{values[choice.unit]:.4g}"})

    def _show(self, shown: Sequence[Picture]) -> None:
        told = [
            {"title": one.title, "kind": one.kind, "low": one.low, "high": one.high, "width": one.width,
             "height": one.height}
            for one in shown
        ]  # fmt: skip
        self._last = [({"type": "result", "pictures": told}, [one.png for one in shown])]
        for content, buffers in self._last:
            self.send(content, buffers)
        self.say("")

    def _greeting(self) -> list[dict[str, Any]]:
        return [self._choices()] if self._blobs else []

    def _page_hello(self, content: dict, buffers: Any) -> None:
        super()._page_hello(content, buffers)
        if not self._in_sight:
            return
        if self._blobs:
            self.explain(slow=False)
        else:
            self.refresh()

    def _page_choose(self, content: dict, _buffers: Any) -> None:
        before = self.choice
        counts = dict(self._blobs)
        method = content["method"] if content["method"] in METHODS else before.method
        blob = content["blob"] if content["blob"] in counts else before.blob
        layer = content["layer"] if content["layer"] in self._layers else before.layer
        unit = int(content["unit"]) % max(counts[blob], 1)
        if blob != before.blob:
            unit = int(answers(net_of(self._thing), blob).argmax())
        self.choice = Choice(method, blob, unit, layer)
        self.send(self._choices())
        self.explain(slow=False)

    def _page_explain(self, _content: dict, _buffers: Any) -> None:
        self.explain()

    def _page_refresh(self, _content: dict, _buffers: Any) -> None:
        self.refresh()

    def _page_stop(self, _content: dict, _buffers: Any) -> None:
        self._stop.set()

    def close(self) -> None:
        """Stop what runs."""
        self._stop.set()
        super().close()


def answers(net: Any, blob: str) -> np.ndarray:
    """What the units of a blob answer to the first image, (C,): of maps the largest value."""
    with twin_of(net, output_of(net, blob)) as twin:
        twin.forward()
        values = np.nan_to_num(twin.output.look()[0].astype(np.float64))
    return values.reshape(len(values), -1).max(1)


def activation(net: Any, blob: str, unit: int) -> np.ndarray:
    """The map (H', W') of a unit of a blob; (1, 1) where it has no positions."""
    with twin_of(net, output_of(net, blob)) as twin:
        twin.forward()
        values = np.array(twin.output.look()[0, unit])
    return values if values.ndim == 2 else values.reshape(1, -1)


def strongest(net: Any, choice: Choice) -> Any:
    """The unit at the position of its largest value."""
    values = activation(net, choice.blob, choice.unit)
    row, column = divmod(int(values.argmax()), values.shape[1])
    return (choice.unit, row, column) if values.size > 1 else choice.unit


def occluded(net: Any, choice: Choice, how: dict[str, Any]) -> np.ndarray:
    """Occlusion by windows of a fifth of the image, laid at every half of their size."""
    with twin_of(net, output_of(net, choice.blob)) as twin:
        height, width = twin.image.shape[-2:]
    size = max(1, height // 5), max(1, width // 5)
    stride = max(1, size[0] // 2), max(1, size[1] // 2)
    return explain.occlusion(net, choice.unit, size, stride, 0, choice.blob, **how)


def pictures(net: Any, choice: Choice, result: np.ndarray) -> list[Picture]:
    """The image, and the explanation of a unit as a picture."""
    with twin_of(net, output_of(net, choice.blob)) as twin:
        image = twin.image.copy()
    method, what = METHODS[choice.method], f"{printable(choice.blob)}, unit {choice.unit}"
    if method.shows == "image":
        return [photo("input", image), photo(f"{method.title}: {what}", result)]
    if method.shows == "colour":
        return [photo("input", image), coloured(f"{method.title}: {what}", result)]
    title = f"{method.title}: {what}" + (f", at {printable(choice.layer)}" if choice.method == "grad_cam" else "")
    heat = result if result.ndim == 2 else summed(result)
    return [photo("input", image), over(title, image, heat, method.shows == "signed")]
