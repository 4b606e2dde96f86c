"""What a solver has to do with the findings about a net: the states it is checked in, and whose field is at fault."""

from __future__ import annotations

from typing import Any

from ..engine import Diagnostic
from ..proto.messages import SolverParameter


def states_in(solver: Any, state: Any) -> tuple[tuple[int, tuple[str, ...]], ...]:
    """Level and stages that a solver gives its training net and its first test net, whose own state is `state`."""
    own = solver.train_state, solver.test_state[0] if solver.test_state else type(solver.train_state)()
    return tuple((one.level if one.HasField("level") else state.level, tuple(one.stage)) for one in own)


def of_solver(found: Diagnostic) -> bool:
    """Whether a finding is about a field of the solver."""
    return found.layer is None and found.field in SolverParameter.DESCRIPTOR.fields_by_name
