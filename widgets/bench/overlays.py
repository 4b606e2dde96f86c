"""The overlays of a bench: the drawing, and a column of the table, coloured by one figure of each layer."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from math import isfinite
from typing import Any

import numpy as np

from ...engine import Blob, Net
from ...workbench import Session
from ...workbench.costs import costs
from ...workbench.events import Courier
from ...workbench.overlays import OVERLAYS, Probe, Values, cost_values, live_values
from ...workbench.timing import measured, twin
from ..editor import NetEditor
from ..pane import describe
from ..table import LayerTable
from .state import State

PERIOD = 0.5  # seconds between two pictures of a run, at the least
UNMEASURED = "Not measured for this net: Measure runs a few passes of a copy of it."
UNTRAINED = {
    "gradient": "There are no gradients yet: run an iteration.",
    "update": "There is no update yet: run an iteration.",
    "dead": "Nothing ran yet: run an iteration, or a layer.",
}


class Overlays:
    """Shows the overlay that is chosen, and keeps it in step with text and training.

    Work is done on a thread of its own, but for a run: a probe on the solver's thread measures twice a second at the
    most, and not before a page has drawn what it measured last. None chosen, nothing is measured.
    """

    def __init__(self, state: State, editor: NetEditor, table: LayerTable):
        self.state, self._editor, self._table = state, editor, table
        self._name = ""
        self._times: tuple[Any, dict[str, Values]] | None = None  # the net's text that was measured, and what came
        self._first: Net | None = None  # the net at its start, while changes since then are shown
        self._probe: Probe | None = None
        self._measured: Values = {}  # by the probe, the last time
        self._courier = Courier(0, "overlays")
        editor.on_overlay = self._asked
        editor.offer_overlays({"name": o.name, "title": o.title, "help": o.help} for o in OVERLAYS.values())

    def choose(self, name: str) -> None:
        """Show an overlay by name, "" for none. Raises KeyError for one that there is not."""
        if name:
            _ = OVERLAYS[name]
        self._name = name
        if not name:
            self._show(None)
        self._courier.post(self._begin)
        if name and OVERLAYS[name].source == "time" and not self._known_times():
            self._courier.post(self._measure)

    def refresh(self) -> None:
        """Show the overlay of the text as it is now, or of the net as it rests now."""
        if self._name:
            self._courier.post_latest("look", self._look)

    def rebuilt(self) -> None:
        """Another net took the place of the one before."""
        if self._name:
            self._courier.post(self._begin)

    def close(self) -> None:
        """Show nothing any more, and end the thread."""
        self._name = ""
        with suppress(Exception):
            self._end()
        self._courier.close()

    def _asked(self, ask: str, name: str) -> None:
        """A page asks for something."""
        if ask == "choose":
            self.choose(name)
        elif ask == "measure":
            self._courier.post(self._measure)
        elif ask == "drawn" and self._probe is not None:
            self._probe.asked = True

    # On the thread of the overlays

    def _begin(self) -> None:
        """Follow the training, where the overlay does."""
        self._end()
        name, live = self._name, self.state.live
        if name and OVERLAYS[name].source == "net" and live.net is not None:
            try:
                self._first = twin(live) if name == "change" else None
            except Exception as error:
                self._show({}, describe(error))
                return
            if isinstance(self.state.session, Session):
                tell = partial(self._on_values, name)
                self._probe = Probe(name, self._at_first, tell, lambda error: tell({}, describe(error)), PERIOD)
                with live.turns:
                    live.listeners.append(self._probe)
        self._look()

    def _end(self) -> None:
        probe, self._probe = self._probe, None
        first, self._first = self._first, None
        self._measured = {}
        live = self.state.live
        if probe is not None:
            with live.turns:
                live.listeners[:] = [one for one in live.listeners if one is not probe]
        if first is not None:
            first.close()

    def _look(self) -> None:
        """Show the overlay as things stand."""
        name, live = self._name, self.state.live
        if not name:
            return
        source = OVERLAYS[name].source
        if source == "costs":
            self._show(cost_values(name, costs(self.state.report, live.document.message)))
        elif source == "time":
            times = self._known_times()
            self._show(times.get(name, {}), "" if times else UNMEASURED)
        elif live.net is None:
            self._show({}, "There is no net yet.")
        else:
            self._look_into(name, live.net)

    def _look_into(self, name: str, net: Net) -> None:
        if name in UNTRAINED and not self._ran():
            self._show({}, UNTRAINED[name])
            return
        try:
            with self.state.live.turns:
                values = live_values(name, net, self._gradient, self._update, self._at_first)
        except Exception as error:
            self._show({}, describe(error))
        else:
            values = values or self._measured  # gradients are gone once the update is made
            self._show(values, "" if values else UNTRAINED.get(name, ""))

    def _measure(self) -> None:
        name = self._name
        if not name or OVERLAYS[name].source != "time":
            return
        self._show({}, "Measuring…")
        try:
            live = self.state.live
            built = live.built
            forward, backward = measured(live)
            self._times = built and built[0].message, {"forward": forward, "backward": backward}
        except Exception as error:
            self._show({}, describe(error))
        else:
            self._look()

    def _known_times(self) -> dict[str, Values]:
        """What was measured of the net as it is now."""
        built = self.state.live.built
        if built is None or self._times is None or self._times[0] != built[0].message:
            return {}
        return self._times[1]

    # The net

    def _ran(self) -> bool:
        session = self.state.session
        return session.iteration > 0 or session.cursor is not None

    def _at_first(self) -> Net:
        if self._first is None:
            raise RuntimeError("The weights at the start are not known.")
        return self._first

    def _gradient(self, blob: Blob) -> np.ndarray | None:
        session = self.state.session
        if isinstance(session, Session):
            return session.gradient(blob)
        back = session.cursor is not None and session.cursor.direction == "backward"
        return blob.look("diff") if back else None

    def _update(self, blob: Blob) -> np.ndarray | None:
        session = self.state.session
        return session.last_update(blob) if isinstance(session, Session) else None

    # Showing

    def _on_values(self, name: str, values: Values, note: str = "") -> None:
        """The probe measured an overlay, on the solver's thread."""

        def show() -> None:
            if name == self._name:
                self._measured = values
                self._show(values, note)

        self._courier.post_latest("values", show)

    def _show(self, values: Values | None, note: str = "") -> None:
        if values is None or not self._name:
            self._editor.show_overlay(None)
            self._table.show_overlay(None)
            return
        one = OVERLAYS[self._name]
        spelled = {str(index): value if isfinite(value) else str(value).replace("inf", "Infinity").replace("nan", "NaN")
                   for index, value in values.items()}  # fmt: skip
        overlay = {
            "name": one.name, "title": one.title, "unit": one.unit, "gather": one.gather, "values": spelled,
            "note": note, "measured": one.source == "time", "live": self._probe is not None,
        }  # fmt: skip
        self._editor.show_overlay(overlay)
        self._table.show_overlay(overlay if one.source != "costs" else None)  # which have columns of their own
