"""What the reducer asks the coordinator to do, and what it answers."""

from __future__ import annotations

import msgspec

from kernel.analysis import CellType
from kernel.protocol import Command, SqlRequest

from .events import BroadcastEvent
from .state import State


class StartKernel(msgspec.Struct, frozen=True):
    epoch: int


class KillKernel(msgspec.Struct, frozen=True):
    epoch: int


class Send(msgspec.Struct, frozen=True):
    epoch: int
    command: Command


class InterruptKernel(msgspec.Struct, frozen=True):
    """Cancel this execution and signal the kernel."""

    epoch: int
    execution: int


class Query(msgspec.Struct, frozen=True):
    """Run a statement for the execution that asks for it, as its principal and on its cell's connection."""

    epoch: int
    cell: str
    principal: int | None
    connection: str
    request: SqlRequest


class CancelQuery(msgspec.Struct, frozen=True):
    execution: int


class Analyse(msgspec.Struct, frozen=True):
    """Analyse a long text outside of this process."""

    cell: str
    fingerprint: str
    cell_type: CellType
    code: str
    output_name: str
    dataframes: bool


Action = StartKernel | KillKernel | Send | InterruptKernel | Query | CancelQuery | Analyse


class Writes(msgspec.Struct, frozen=True, kw_only=True):
    """What of the state is to be stored: ids of cells and outcomes, and whether the settings or the kernel changed."""

    cells: frozenset[str] = frozenset()
    outcomes: frozenset[str] = frozenset()
    notebook: bool = False
    session: bool = False

    def __bool__(self) -> bool:
        return bool(self.cells or self.outcomes or self.notebook or self.session)

    def __or__(self, other: Writes) -> Writes:
        return Writes(
            cells=self.cells | other.cells,
            outcomes=self.outcomes | other.outcomes,
            notebook=self.notebook or other.notebook,
            session=self.session or other.session,
        )


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """The next state, and the effects in the order in which they are due: persist, broadcast, act."""

    state: State
    writes: Writes = Writes()
    events: tuple[BroadcastEvent, ...] = ()
    actions: tuple[Action, ...] = ()
    version: int | None = None  # of a cell's text, for the acknowledgement
    run_id: str | None = None  # of a run that was accepted


class Rejected(msgspec.Struct, frozen=True, kw_only=True):
    """Nothing changed. `code` is a word, `message` says why and what to do."""

    code: str
    message: str
