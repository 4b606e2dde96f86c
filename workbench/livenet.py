"""LiveNet. A net that follows the text it is written in, and takes its weights along."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any

from ..engine import (
    TEST,
    TRAIN,
    DefinitionError,
    Diagnostic,
    LayerReport,
    Listener,
    Net,
    Report,
    Solver,
    check,
    check_solver,
    get_solver,
    rng,
)
from ..engine.backend import Backend, backend_of
from ..engine.making import Making, on_making
from ..engine.source import Source
from ..engine.stand_in import StandIns
from ..engine.trust import Trust, Trusted, UserCode, asking
from ..engine.turns import Turns
from ..proto import Document, ParseError
from .events import Channel
from .findings import of_solver, states_in
from .lint import linted
from .missing import lack_of, missing_data
from .plan import Plan, WeightMemory, carry, continue_inputs, plan
from .seen import seen_in

NET_FIELDS = ("type", "solver_type", "train_state", "test_state", "test_iter", "solver_mode", "device_id")
"""The fields of a solver that its nets or its rule depend on: after an edit of one, both are built again."""


@dataclass(frozen=True)
class Status:
    """How a living net stands to its text.

    "unbuilt": there is no net yet. "alive": the net is that of the text. "waiting": it will be, after `apply`, and
    after `trust_code` or `use_stand_in` where the message says so. "broken": the text has an error, and the net is that
    of the last sound text. "failed": the text is sound, but building it failed; the net is the one before.
    """

    state: str
    message: str = ""

    def __str__(self) -> str:
        return f"{self.state}: {self.message}" if self.message else self.state


class LiveNet:
    """Follows a document: after each edit it is checked, and the net, once built, is built again with its weights.

    `solver_document` makes it a net in training: then `solver` is there, too, and `net` is its training net; a field
    such as base_lr changes in place. Without one, `net` is in `phase`, with `level` and `stages`. `seed` fixes
    fillers and random layers; `weights` names a `.caffemodel` to begin with. `backend` says where to compute, as for
    Net. While `hold` is true, edits wait for `apply`: `preview` shows what it would do.

    Opening, checking and editing run no code that the text names. A net with Python layers is built where `trust`
    allows their modules (True, or folders; see `Trust`), or after `trust_code`; `untrusted` is what it would run.
    Until then `shapes` may state the shapes of their tops, by the name of the blob.

    A net whose data is not there, that of the layers in `missing`, is built with stand-in data alone: by `stand_in`, as
    for Net, or after `use_stand_in`.

    `built` holds the texts that `net` was built from, the net's and the solver's, as they were then; None before.

    `changed(report)` is published after every check, `rebuilt(plan)` after the net gave way to another, both on the
    thread where that happened. `scheduler(work)` decides when an edit lands; a session puts it between two
    iterations. `listeners` hear whatever solver there is.
    """

    def __init__(
        self,
        document: Document,
        phase: int = TRAIN,
        solver_document: Document | None = None,
        *,
        seed: int | None = None,
        weights: str | PathLike | None = None,
        level: int = 0,
        stages: Sequence[str] = (),
        hold: bool = False,
        backend: Backend | str | None = None,
        trust: Trusted = False,
        shapes: Mapping[str, Sequence[int]] | None = None,
        stand_in: Any = None,
    ):
        self.backend = backend_of(backend)
        _ = self.backend.place  # raises where it cannot be had
        self.document, self.solver_document = document, solver_document
        self.phase = TRAIN if solver_document is not None else phase
        self.seed, self.weights, self.level, self.stages = seed, weights, level, tuple(stages)
        self.hold = hold
        self.trust = Trust(trust, document.path)
        self.shapes = dict(shapes or {})
        self.stand_in = StandIns.of(stand_in)
        self._drawn_seed = rng.fresh_seed()
        self.net: Net | None = None
        self.solver: Solver | None = None
        self.listeners: list[Listener] = []
        self.turns = Turns()  # of whatever solver there is
        self.changed = Channel("changed")
        self.rebuilt = Channel("rebuilt")
        self.scheduler: Callable[[Callable[[], object]], object] = lambda work: work()
        self._memory = WeightMemory()
        self._passed: list[str] = []  # the texts since the one that `net` was built from, that one included
        self._typed: dict[str, Diagnostic] = {}  # what does not even parse, by the kind of document
        self._failure: Diagnostic | None = None
        self._text = _frozen(document)
        self._solver_text = _frozen(solver_document) if solver_document else None
        self.built: tuple[Document, Document | None] | None = None  # the texts that `net` was built from
        self._reports: dict[int, Report] = {}
        self._solver_found: tuple[Diagnostic, ...] = ()
        self._check_solver()
        self._check_net()
        self._unsubscribe = [document.subscribe(self._follow)]
        if solver_document is not None:
            self._unsubscribe.append(solver_document.subscribe(self._follow_solver))

    def __repr__(self) -> str:
        return f"<LiveNet of {self.document.path or 'a text'}, {self.status.state}>"

    # What is known of the text

    def report(self, phase: int | None = None) -> Report:
        """What `engine.check` found in the text as it is now, for TRAIN or TEST (by default, the net's own phase)."""
        return self._reports[self.phase if phase is None else phase]

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """All that is wrong with the net, in either phase, in order of line."""
        found = [self._typed["net"]] if "net" in self._typed else []
        found += [self._failure] if self._failure and not of_solver(self._failure) else []
        for phase in (TRAIN, TEST):
            found += [one for one in self._reports[phase].diagnostics if one not in found]
        return tuple(sorted(found, key=lambda one: (one.line is None, one.line)))

    @property
    def solver_diagnostics(self) -> tuple[Diagnostic, ...]:
        """All that is wrong with the solver, by itself or for this net."""
        failure = self._failure
        return (*self._solver_found, failure) if failure and of_solver(failure) else self._solver_found

    @property
    def sound(self) -> bool:
        """Whether a net, and the solver where there is one, can be built from the texts."""
        errors = any(one.severity == "error" for one in self.solver_diagnostics)
        return all(one.ok for one in self._reports_needed()) and not errors

    @property
    def untrusted(self) -> tuple[UserCode, ...]:
        """The modules that building the net would import, and may not."""
        named = dict.fromkeys(code for report in self._reports_needed() for code in report.code)
        return tuple(code for code in named if not self.trust.allows(code))

    @property
    def missing(self) -> tuple[LayerReport, ...]:
        """The data layers of the nets to build that have nothing to read, and no stand-in data."""
        return missing_data(self._reports_needed())

    @property
    def ready(self) -> bool:
        """Whether a net can be built now: the texts are sound, the data is there, and the code is trusted."""
        return self.sound and not self.untrusted and not self.missing

    def _reports_needed(self) -> list[Report]:
        """Those of the nets that would be built."""
        tested = self._solver_text is not None and self._solver_text.message.test_iter
        return [self.report(), self.report(TEST)] if tested else [self.report()]

    @property
    def pending(self) -> str | None:
        """What `apply` has to do: "build" the net again, "change" the solver's numbers, or nothing."""
        if self.built is None or self._failure or not self.ready:
            return None
        net, solver = self.built
        if net.message != self._text.message:
            return "build"
        if solver is None or self._solver_text is None or solver.message == self._solver_text.message:
            return None
        old, new = solver.message, self._solver_text.message
        return "build" if any(_value(old, name) != _value(new, name) for name in NET_FIELDS) else "change"

    @property
    def status(self) -> Status:
        """How the net stands to the text."""
        if self._failure:
            return Status("failed", str(self._failure))
        errors = [one for one in (*self.diagnostics, *self.solver_diagnostics) if one.severity == "error"]
        if errors:
            stays = "the net of the last sound text stays" if self.net else "there is no net yet"
            return Status("broken", f"{errors[0]} ({stays})")
        if self.untrusted:
            return Status("waiting" if self.net else "unbuilt", asking(self.untrusted))
        if self.missing:
            hint = "stand-in data (stand_in=True, or `use_stand_in`) lets the net run without"
            return Status("waiting" if self.net else "unbuilt", f"{self.lack}; {hint}")
        if self.net is None:
            return Status("unbuilt")
        return Status("waiting", "the edit lands between two iterations") if self.pending else Status("alive")

    def preview(self) -> Plan:
        """What `apply` would do to the weights, as far as the text is sound; nothing without a net."""
        if self.net is None:
            return Plan()
        return plan(self.net, self.report(), self._memory.recall(self._text.text))

    def trust_code(self) -> None:
        """Agree to what `untrusted` names: the net may run it from now on, and an edit that waited for it lands."""
        self.trust.agree(self.untrusted)
        self._failure = None
        self._announce()

    @property
    def lack(self) -> str:
        """What the first layer in `missing` lacks, as "there is no database 'train_lmdb'"; empty without one."""
        found = [lack_of(layer, report) for report in self._reports_needed() for layer in missing_data([report])]
        return found[0] if found else ""

    def use_stand_in(self, stand_in: Any = True) -> None:
        """Let data layers have stand-in data from now on, as `stand_in` of Net says; an edit that waited for it lands.

        None takes it back from nets yet to be built. Raises ValueError for what says nothing.
        """
        self.stand_in = StandIns.of(stand_in)
        self._failure = None
        self._check_net()
        self._announce()

    # Editing

    def try_text(self, text: str, solver: bool = False) -> bool:
        """Make what a user typed the text of the net (or of the solver), as one step of typing.

        Where it is no prototxt, the document stays as it is, `diagnostics` (or `solver_diagnostics`) says why, with
        the line, and the answer is False.
        """
        document = self.solver_document if solver else self.document
        if document is None:
            raise ValueError("there is no solver document")
        had = self._typed.pop(document.kind, None)
        version = document.version
        try:
            document.replace(text, merge=True)
        except ParseError as error:
            self._typed[document.kind] = Diagnostic(error.message, file=error.path, line=error.line)
        if solver and (had or document.kind in self._typed):
            self._check_solver()
        if document.version == version:
            self.changed.publish(self.report())
        return document.kind not in self._typed

    def unparsed(self, solver: bool = False) -> Diagnostic | None:
        """Why what was typed last as the text of the net (or of the solver) is no prototxt; None where it is."""
        return self._typed.get("solver" if solver else "net")

    def _follow(self, change: object) -> None:
        """An edit of the net was committed."""
        self._passed.append(self._text.text)
        self._typed.pop("net", None)
        self._failure = None
        self._text = _frozen(self.document)
        self._check_net()
        if self.built and self.built[0].message == self._text.message:  # a comment, say: only the lines moved
            self.built = self._text, self.built[1]
            for net in self._nets():
                net.source.document = self._text
        self._announce()

    def _follow_solver(self, change: object) -> None:
        """An edit of the solver was committed."""
        self._typed.pop("solver", None)
        self._failure = None
        self._solver_text = _frozen(self.solver_document) if self.solver_document else None
        self._check_solver()
        if self._states() != self._checked_states:
            self._check_net()
        self._announce()

    def _announce(self) -> None:
        self.changed.publish(self.report())
        if self.pending and not self.hold:
            self.scheduler(self.apply)

    def _check_net(self) -> None:
        text, states = self._text, self._states()
        reports: dict[int, Report] = {}
        alike = states[0] == states[1] and _same_in_both_phases(text.message)
        for phase, (level, stages) in zip((TRAIN, TEST), states, strict=True):
            if alike and reports:
                reports[phase] = replace(reports[TRAIN], phase=phase)
                continue
            seen = seen_in(self._nets(), phase)
            reports[phase] = _checked(text, phase, level, stages, shapes=self.shapes, seen=seen, stand_in=self.stand_in)
        if text is self._text:  # no edit came meanwhile
            self._reports, self._checked_states = reports, states

    def _check_solver(self) -> None:
        found = check_solver(self._solver_text) if self._solver_text is not None else []
        typed = [self._typed["solver"]] if "solver" in self._typed else []
        self._solver_found = (*typed, *found)

    def _states(self) -> tuple[tuple[int, tuple[str, ...]], ...]:
        """Level and stages of the training net and of the first test net."""
        if self._solver_text is None:
            return ((self.level, self.stages),) * 2
        return states_in(self._solver_text.message, self._text.message.state)

    # Building

    def build(self) -> Net:
        """Build the net (and the solver) of the text as it is now, with its first weights; returns the net.

        Raises DefinitionError for the first error in the text, OSError, ValueError (for unfit `weights`).
        """
        self._start(self._text, self._solver_text)
        assert self.net is not None
        return self.net

    def restart(self) -> None:
        """Build the living net again as it was at the start: its first weights, rows and random numbers.

        What was written into the tops of Input layers stays. Raises what `build` raises.
        """
        if self.built is not None:
            self._start(*self.built)

    def _start(self, text: Document, solver_text: Document | None) -> None:
        source = Source(solver_text, "solver") if solver_text is not None else None
        net, solver = self._make(text, source, self._first_seed(solver_text))
        if self.weights is not None:
            try:
                net.copy_from(self.weights)
            except BaseException:
                (solver or net).close()
                raise
        if self.net is not None:
            continue_inputs(self.net, net)
        self._take(net, solver, text, solver_text)
        self.rebuilt.publish(plan(None, net))

    def apply(self) -> Plan | None:
        """Bring the living net up to the text, between two iterations; returns what it did to the weights.

        None where there was nothing to do to them. Where building fails, the net stays, and `status` says why.
        """
        pending, text, solver_text = self.pending, self._text, self._solver_text
        if pending == "build":
            return self._rebuild(text, solver_text)
        if pending == "change" and self.solver and self.built and solver_text is not None:
            try:
                self.solver.change(Source(solver_text, "solver").param)
            except DefinitionError as error:
                self._fail(error.at(file=solver_text.path, line=solver_text.line((error.field,))))
            else:
                self.built = self.built[0], solver_text
        return None

    def _rebuild(self, text: Document, solver_text: Document | None) -> Plan | None:
        assert self.net is not None
        try:
            source = Source(solver_text, "solver") if solver_text is not None else None
            if source is not None:
                source.param.ClearField("weights")  # those of now are carried over
            net, solver = self._make(text, source, self.net.context.seed)
        except Exception as error:
            self._fail(error)
            return None
        old = self.net, self.solver
        done, lost = carry(old, (net, solver), self._memory.recall(text.text))
        self._memory.keep([one for one in self._passed if one != text.text], lost)
        self._take(net, solver, text, solver_text)
        self.rebuilt.publish(done)
        return done

    def _fail(self, error: Exception) -> None:
        """The net stays as it is, and says why."""
        self._failure = _diagnostic_of(error)
        self.changed.publish(self.report())

    def move_to(self, backend: Backend | str) -> None:
        """Compute there from now on: the living net is built again, and all that it and its solver hold goes along.

        Weights, gradients, history and the positions of the data stay bit for bit what they were. Raises RuntimeError
        for a GPU that is not there, or what building raises; the net then stays where it is.
        """
        wanted, before = backend_of(backend), self.backend
        _ = wanted.place
        if wanted == before:
            return
        self.backend = wanted
        if self.built is None or self.net is None:
            return
        text, solver_text = self.built
        source = Source(solver_text, "solver") if solver_text is not None else None
        if source is not None:
            source.param.ClearField("weights")
        try:
            net, solver = self._make(text, source, self.net.context.seed)
            try:
                done, _ = carry((self.net, self.solver), (net, solver))
            except BaseException:
                (solver or net).close()
                raise
        except BaseException:
            self.backend = before
            raise
        net.context.passes = self.net.context.passes
        self._take(net, solver, text, solver_text)
        self.rebuilt.publish(done)

    def _make(self, text: Document, solver_source: Source | None, seed: int) -> tuple[Net, Solver | None]:
        given: Any = {"seed": seed, "backend": self.backend, "trust": self.trust, "stand_in": self.stand_in}
        if solver_source is None:
            return Net(text, self.phase, level=self.level, stages=self.stages, **given), None
        solver = get_solver(solver_source, text, **given)
        solver.listeners, solver.turns = self.listeners, self.turns
        return solver.net, solver

    def _take(self, net: Net, solver: Solver | None, text: Document, solver_text: Document | None) -> None:
        old = self.solver or self.net
        self.net, self.solver, self.built = net, solver, (text, solver_text)
        self._passed = [] if text is self._text else self._passed
        if old is not None:
            old.close()
        if any(report.code for report in self._reports.values()):
            self._check_net()  # which can tell the shapes of Python layers now
            self.changed.publish(self.report())

    def _first_seed(self, solver_text: Document | None) -> int:
        """The seed given, else the solver's, else one that is drawn once."""
        if self.seed is not None:
            return self.seed
        given = solver_text.message.random_seed if solver_text is not None else -1
        return given if given >= 0 else self._drawn_seed

    def _nets(self) -> list[Net]:
        """All nets that were built from the text."""
        if self.net is None:
            return []
        return [self.net, *self.solver.test_nets] if self.solver else [self.net]

    def on_making(self, tell: Callable[[Making | None], object]) -> Callable[[], None]:
        """Call `tell(making)` whenever a kernel is being made for one of the nets, `tell(None)` when it is.

        On the thread that needs the kernel; what is returned ends it.
        """
        def hear(making: Making | None) -> None:
            if making is None or any(making.net is net for net in self._nets()):
                tell(making)

        return on_making(hear)

    def close(self) -> None:
        """Stop following, and give back the threads and files of the net."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        if self.net is not None:
            (self.solver or self.net).close()


def _frozen(document: Document) -> Document:
    """The document as it is now, which later edits do not reach: for reading only, on any thread."""
    return copy(document)


def _same_in_both_phases(net: Any) -> bool:
    """Whether a check finds the same in TRAIN and TEST: no layer is in one alone, none is the user's own code."""
    return not net.layers and not any(
        layer.include or layer.exclude or layer.HasField("phase") or layer.type == "Python" for layer in net.layer
    )


def _checked(text: Document, phase: int, level: int, stages: Sequence[str], **known: Any) -> Report:
    """What `check` and `lint` find; what they do not foresee (a layer of a package that fails) is a finding, too."""
    try:
        return linted(check(text, phase, level=level, stages=stages, **known), text)
    except Exception as error:
        return Report(text.message.name, phase, diagnostics=(_diagnostic_of(error),))


def _diagnostic_of(error: Exception) -> Diagnostic:
    if isinstance(error, DefinitionError):
        return error.diagnostic
    return Diagnostic(f"{type(error).__name__}: {error}")


def _value(message: Any, name: str) -> Any:
    value = getattr(message, name)
    return list(value) if hasattr(value, "append") else value
