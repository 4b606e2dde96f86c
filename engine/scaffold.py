"""What a solver names beside its numbers: nets in their states, files of weights, a place for snapshots."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from ..proto.messages import NetState
from .context import Context
from .errors import DefinitionError
from .graph import PHASES
from .source import Definition, Source
from .weights import check_hdf5

if TYPE_CHECKING:
    from .net import Net

TRAIN, TEST = PHASES.index("TRAIN"), PHASES.index("TEST")

NetUse = tuple[Source, Any]  # a net, and the NetState in which a solver uses it


def find_file(solver: Source, name: str, field: str, what: str = "net") -> Path:
    """A file that a field of the solver names. Raises DefinitionError where there is none."""
    return Context(root=solver.root).find(name, field, what)


def weight_files(solver: Source) -> list[str]:
    """The names of the files of weights to begin with."""
    return [name.strip() for names in solver.param.weights for name in names.split(",")]


def training_net(solver: Source, given: Definition | None = None) -> NetUse:
    """The training net; `given` takes the place of the one that is named. Raises DefinitionError, OSError."""
    param = solver.param
    if given is None:
        known = ("net", "net_param", "train_net", "train_net_param")
        fields = [name for name in known if param.HasField(name)]
        if len(fields) != 1:
            found = "none" if not fields else " and ".join(fields)
            message = f"give the training net in one of net, net_param, train_net, train_net_param; got {found}."
            raise DefinitionError(message, fields[1] if fields else "net")
        (net,) = _named(solver, fields[0])
    else:
        net = given if isinstance(given, Source) else Source(given, "net")
    return net, _state(net, TRAIN, param.train_state)


def test_nets(solver: Source, given: Definition | None = None) -> list[NetUse]:
    """The test nets, in order; `given` takes the place of those that are named. Raises DefinitionError, OSError."""
    param = solver.param
    named = [] if given is not None else _named(solver, "test_net_param") + _named(solver, "test_net")
    if given is not None:
        generic = [given if isinstance(given, Source) else Source(given, "net")]
    else:
        generic = _named(solver, "net_param") + _named(solver, "net")
    tests = len(param.test_iter)
    if tests < len(named) or (not generic and tests != len(named)):
        message = f"give test_iter once per test net ({len(named)}); got {tests}."
        raise DefinitionError(message, "test_iter")
    if tests and param.test_interval <= 0:
        message = f"test_interval must be above 0 where there are test nets; got {param.test_interval}."
        raise DefinitionError(message, "test_interval")
    nets = named + generic * (tests - len(named))
    if param.test_state and len(param.test_state) != len(nets):
        message = f"give test_state never, or once per test net ({len(nets)}); got {len(param.test_state)}."
        raise DefinitionError(message, "test_state")
    states = list(param.test_state) or [NetState()] * len(nets)
    return [(net, _state(net, TEST, own)) for net, own in zip(nets, states, strict=True)]


def _named(solver: Source, field: str) -> list[Source]:
    """The nets that one field of the solver gives."""
    value = getattr(solver.param, field)
    repeated = field.startswith("test_")
    if not repeated and not solver.param.HasField(field):
        return []
    values = list(value) if repeated else [value]
    if field.endswith("_param"):
        return [Source(one, "net") for one in values]
    return [Source(find_file(solver, one, field), "net") for one in values]


def _state(net: Source, phase: int, own: Any) -> Any:
    """The state that the net's definition gives, and above that the solver's `own`, phase and all."""
    state = NetState(phase=phase)  # pyright: ignore[reportArgumentType]
    state.MergeFrom(net.param.state)
    state.MergeFrom(own)
    return state


def snapshot_prefix(solver: Source) -> str:
    """snapshot_prefix; the solver's own name where it is empty or a folder."""
    stem = solver.path.stem if solver.path else "solver"
    prefix = solver.param.snapshot_prefix
    if not prefix:
        return str(solver.path.with_suffix("")) if solver.path else stem
    return str(Path(prefix) / stem) if Path(prefix).is_dir() else prefix


def check_snapshot_format(param: Any, net: Net) -> None:
    """Raise DefinitionError where snapshots are to be of a kind that cannot hold the parameters of a net."""
    if param.snapshot_format != type(param).SnapshotFormat.Value("HDF5"):
        return
    try:
        check_hdf5(net, param.snapshot_diff)
    except ValueError as error:
        message = f"snapshots of this net can be BINARYPROTO alone: {error}."
        raise DefinitionError(message, "snapshot_format") from error


def check_snapshot_prefix(solver: Source) -> None:
    """Raise DefinitionError where the snapshots on the way could not be written, before the training begins."""
    if not solver.param.snapshot:
        return
    prefix = snapshot_prefix(solver)
    folder = Path(f"{prefix}_iter_0").absolute().parent
    while not folder.exists():  # what is missing is made for the first snapshot
        folder = folder.parent
    try:
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        field = "snapshot_prefix" if solver.param.HasField("snapshot_prefix") else "snapshot"
        message = f"snapshots cannot be written to {prefix!r}: {error.strerror}: {str(folder)!r}."
        raise DefinitionError(message, field) from error


def check_scaffold(solver: Source) -> None:
    """Raise DefinitionError for the first thing here that is wrong or missing, without building a net."""
    try:
        check_snapshot_prefix(solver)
        training_net(solver)
        test_nets(solver)
        for name in weight_files(solver):
            find_file(solver, name, "weights", "file of weights")
    except DefinitionError as error:
        if error.line is None:
            error.at(file=solver.file, line=solver.line(None, error.field))
        raise
