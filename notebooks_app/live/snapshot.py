"""One cell of a state as everyone sees it."""

from __future__ import annotations

import msgspec

from .events import CellSnapshot
from .state import Content, Job, Outcome, Shown, State


def snapshot(state: State, cell_id: str) -> CellSnapshot:
    """What `hello`, `cell_created` and the page's templates show of a cell, live parts included."""
    cell = state.cells[cell_id]
    shown = state.shown.get(cell_id) or Shown()
    execution = state.active.get(cell_id)
    job = None if execution is None else state.jobs[execution]
    running = job if job is not None and job.stage == "running" else None
    outcome = None if cell.type == "markdown" else state.outcomes.get(cell_id)
    content = _content(running, outcome)
    return CellSnapshot(
        id=cell.id,
        type=cell.type,
        code=cell.code,
        version=cell.version,
        position=cell.position,
        status=shown.status,
        freshness=shown.freshness,
        reason=shown.reason,
        output_name=cell.output_name,
        disabled=cell.disabled,
        manual=cell.manual,
        code_hidden=cell.code_hidden,
        connection_id=cell.connection or None,
        duration=outcome.duration if outcome else None,
        run_id=shown.run_id,
        execution=outcome.execution if outcome else None,
        started_at=running.started_at if running else None,
        output=content.output,
        displays=content.displays,
        error=content.error,
        streams=content.streams,
        hints=content.hints,
        outputs=outcome.outputs if outcome else {},
        progress=running.progress if running else None,
        queue=shown.queue,
    )


def _content(running: Job | None, outcome: Outcome | None) -> Content:
    """The last outcome; the streams are those of the running execution as soon as it has written something."""
    content = outcome.content if outcome else Content()
    if running is None or not running.streams:
        return content
    return msgspec.structs.replace(content, streams=running.streams)


def snapshots(state: State) -> list[CellSnapshot]:
    """All cells in page order."""
    return [snapshot(state, cell) for cell in state.order]
