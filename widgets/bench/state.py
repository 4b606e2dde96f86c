"""What the parts of a bench have in common: the live net, and what of it is looked at."""

from __future__ import annotations

import threading
from typing import Any

from ...engine import TEST, TRAIN, Report
from ...proto import Document
from ...workbench import LiveNet, Session, Walkthrough

PHASES = {"TRAIN": TRAIN, "TEST": TEST}


class State:
    """The live net and its session, the phase looked at, the text shown, and the layers selected.

    `deploying` is true while what is looked at is the deploy net, which is made of the TEST net.
    `active` is the document whose text is shown, edited and undone; `selected` holds places in the net's text. `lock`
    is held while either changes.
    """

    def __init__(self, live: LiveNet):
        self.live = live
        self.session: Any = Session(live) if live.solver_document is not None else Walkthrough(live)
        self.phase = live.phase
        self.deploying = False
        self.active: Document = live.document
        self.selected: list[int] = []
        self.lock = threading.RLock()

    @property
    def report(self) -> Report:
        """What a check found of the net in the phase that is looked at."""
        return self.live.report(self.phase)

    @property
    def shows_net(self) -> bool:
        """Whether the text that is shown is the net's, not the solver's."""
        return self.active is self.live.document

    @property
    def layer_field(self) -> str:
        """The field of the net that holds its layers: `layers` in a net of the old form."""
        message: Any = self.live.document.message
        return "layers" if message.layers else "layer"

    def close(self) -> None:
        """Stop the session, and follow the texts no longer."""
        self.session.close()
        self.live.close()
