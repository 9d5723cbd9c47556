"""The pure reducer: `apply(state, operation)` is the only way from one state of a live notebook to the next.

It reads no clock, no database and no setting. Its clauses are split by family: text, structure, execution,
connection, presence; `derive` says what follows from texts and versions, `plan` what a run comprises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from .. import operations as op
from ..effects import Applied, Rejected
from ..events import CellCreated, RunFinished
from ..snapshot import snapshot
from ..state import State
from . import connection, execution, presence, structure, text
from .derive import settle
from .draft import Draft, Refusal

_CLAUSES: dict[type[op.Operation], Callable[[Draft, Any], None]] = {
    op.UpdateText: text.update_text,
    op.Analysed: text.analysed,
    op.CreateCell: structure.create_cell,
    op.DeleteCell: structure.delete_cell,
    op.RestoreCell: structure.restore_cell,
    op.MoveCell: structure.move_cell,
    op.ConfigureCell: structure.configure_cell,
    op.ConfigureNotebook: structure.configure_notebook,
    op.RunCells: execution.run_cells,
    op.InterruptAll: execution.interrupt,
    op.RestartKernel: execution.restart,
    op.StopKernel: execution.stop,
    op.KernelSaid: execution.kernel_said,
    op.KernelFound: execution.kernel_found,
    op.KernelLost: execution.kernel_lost,
    op.Unyielding: execution.unyielding,
    op.ConnectionChanged: connection.connection_changed,
    op.ConnectionFailed: connection.connection_failed,
    op.MoveTo: presence.move_to,
    op.Leave: presence.leave,
}


def apply(state: State, operation: op.Operation) -> Applied | Rejected:
    """The next state with its effects, or why nothing changes."""
    draft = Draft(state)
    try:
        _CLAUSES[type(operation)](draft, operation)
    except Refusal as refusal:
        return Rejected(code=refusal.code, message=str(refusal))
    settle(draft)
    if isinstance(operation, op.CreateCell | op.RestoreCell):
        _complete_created(draft)
    for run in draft.finished:
        draft.tell(RunFinished, run_id=run.id, succeeded=run.succeeded, failed=run.failed, blocked=run.blocked)
    return draft.finish()


def _complete_created(draft: Draft) -> None:
    """A created cell is told as it stands at the end of the operation."""
    for place, event in enumerate(draft.events):
        if isinstance(event, CellCreated) and event.cell.id in draft.state.cells:
            draft.events[place] = msgspec.structs.replace(event, cell=snapshot(draft.state, event.cell.id))
