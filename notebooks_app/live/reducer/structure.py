"""The notebook's structure and settings: cells come, go, move and are configured."""

from __future__ import annotations

from collections.abc import Iterable
from keyword import iskeyword
from typing import Any

import msgspec
from fractional_indexing import generate_key_between
from msgspec import UNSET

from .. import operations as op
from ..events import CellConfigured, CellCreated, CellDeleted, CellMoved, NotebookConfigured
from ..snapshot import snapshot
from ..state import Cell
from .draft import Draft, Refusal
from .plan import abandon, active_job, start_run
from .queue import cancel_waiting

MAX_CELLS = 5000


def create_cell(draft: Draft, operation: op.CreateCell) -> None:
    if operation.cell in draft.state.cells or operation.cell in draft.state.deleted:
        raise Refusal("cell_exists", "A cell with this id exists already: choose another id, or none.")
    if len(draft.state.order) >= MAX_CELLS:
        raise Refusal("too_many_cells", f"A notebook has at most {MAX_CELLS} cells: continue in a new notebook.")
    position = _place_after(draft, operation.after)
    _add(draft, Cell(id=operation.cell, type=operation.cell_type, code=operation.code, position=position))


def restore_cell(draft: Draft, operation: op.RestoreCell) -> None:
    cell = draft.state.deleted.get(operation.cell)
    if cell is None:
        if operation.cell in draft.state.cells:
            return
        raise Refusal("cell_not_found", "There is no such deleted cell in this notebook.")
    taken = {draft.state.cells[other].position for other in draft.state.order}
    if cell.position in taken:
        following = min((place for place in taken if place > cell.position), default=None)
        cell = msgspec.structs.replace(cell, position=generate_key_between(cell.position, following))
    draft.set(deleted=draft.state.deleted.delete(cell.id))
    _add(draft, msgspec.structs.replace(cell, fingerprint=""))
    _run_readers(draft, cell.id, draft.state.cells[cell.id].names.defines, operation.run_id, operation.by)


def _add(draft: Draft, cell: Cell) -> None:
    draft.put_cell(msgspec.structs.replace(cell, fingerprint="-"))
    order = sorted((*draft.state.order, cell.id), key=lambda each: draft.state.cells[each].position)
    draft.set(order=tuple(order))
    draft.analyse(cell)
    draft.touch([cell.id])
    _touch_blamed(draft)
    draft.store_cell(cell.id)
    draft.tell(CellCreated, cell=snapshot(draft.state, cell.id), index=draft.index(cell.id))


def _touch_blamed(draft: Draft) -> None:
    """Cells are blamed by their number on the page, which has just changed for some."""
    draft.touch([cell for cell, derived in draft.state.derived.items() if derived.invalid or derived.blocker])


def delete_cell(draft: Draft, operation: op.DeleteCell) -> None:
    cell = draft.cell(operation.cell)
    names = cell.names.defines if not cell.disabled else frozenset()
    cancel_jobs(draft, cell.id)
    state = draft.state
    draft.set(
        cells=state.cells.delete(cell.id),
        deleted=state.deleted.set(cell.id, cell),
        order=tuple(other for other in state.order if other != cell.id),
        derived=_without(state.derived, cell.id),
        shown=_without(state.shown, cell.id),
        history=_without(state.history, cell.id),
        pending=state.pending - {cell.id},
    )
    draft.connect(cell.id)
    _touch_blamed(draft)
    draft.store_cell(cell.id)
    draft.tell(CellDeleted, cell_id=cell.id)
    _run_readers(draft, cell.id, names, operation.run_id, operation.by)


def _without(mapping: Any, key: str) -> Any:
    return mapping.delete(key) if key in mapping else mapping


def cancel_jobs(draft: Draft, cell: str) -> None:
    job = active_job(draft.state, cell)
    if job is None:
        return
    if job.stage == "waiting":
        cancel_waiting(draft, job)
    else:
        abandon(draft, job)
        draft.touch([cell])


def _run_readers(draft: Draft, cell: str, names: Iterable[str], run_id: str, by: op.By) -> None:
    """In auto mode, run the readers of names that went or came."""
    if draft.state.notebook.mode != "auto":
        return
    readers = {reader for name in names for reader in draft.state.topology.readers(name)} - {cell}
    targets = [reader for reader in readers if not draft.state.cells[reader].manual]
    if targets:
        start_run(draft, run_id, sorted(targets), by.user)


def move_cell(draft: Draft, operation: op.MoveCell) -> None:
    cell = draft.cell(operation.cell)
    if operation.after == cell.id:
        return
    rest = tuple(other for other in draft.state.order if other != cell.id)
    position = _place_after(draft, operation.after, rest)
    draft.put_cell(msgspec.structs.replace(cell, position=position))
    draft.set(order=tuple(sorted(draft.state.order, key=lambda each: draft.state.cells[each].position)))
    _touch_blamed(draft)
    draft.store_cell(cell.id)
    draft.tell(CellMoved, cell_id=cell.id, index=draft.index(cell.id), position=position)


def _place_after(draft: Draft, after: str | None, order: tuple[str, ...] | None = None) -> str:
    """A key between a cell and the one that follows it."""
    order = draft.state.order if order is None else order
    cells = draft.state.cells
    if after is None:
        return str(generate_key_between(None, cells[order[0]].position if order else None))
    place = order.index(draft.cell(after).id)
    following = cells[order[place + 1]].position if place + 1 < len(order) else None
    return str(generate_key_between(cells[after].position, following))


def configure_cell(draft: Draft, operation: op.ConfigureCell) -> None:
    cell = draft.cell(operation.cell)
    changed = _changes(cell, operation)
    if not changed:
        return
    configured = msgspec.structs.replace(cell, **changed)
    if not configured.runnable and cell.runnable:
        cancel_jobs(draft, cell.id)
    draft.analyse(configured)
    draft.connect(cell.id)
    draft.touch([cell.id])
    draft.store_cell(cell.id)
    told = {("cell_type" if name == "type" else name): value for name, value in changed.items()}
    if "connection" in told:
        told["connection_id"] = told.pop("connection") or None
    draft.tell(CellConfigured, cell_id=cell.id, **told)
    if "disabled" in changed:
        names = draft.state.cells[cell.id].names.defines
        _run_readers(draft, cell.id, names, operation.run_id, operation.by)


def _changes(cell: Cell, operation: op.ConfigureCell) -> dict[str, Any]:
    asked = {
        "type": operation.cell_type,
        "disabled": operation.disabled,
        "manual": operation.manual,
        "code_hidden": operation.code_hidden,
        "output_name": operation.output_name,
        "connection": operation.connection,
    }
    name = operation.output_name
    if name is not UNSET and name and (not name.isidentifier() or iskeyword(name) or name.startswith("_")):
        raise Refusal(
            "invalid_name", f"`{name}` cannot name a result: use letters, digits and _, beginning with a letter."
        )
    return {key: value for key, value in asked.items() if value is not UNSET and value != getattr(cell, key)}


def configure_notebook(draft: Draft, operation: op.ConfigureNotebook) -> None:
    asked = {"title": operation.title, "mode": operation.mode, "delay": operation.delay}
    if operation.title is not UNSET:
        asked["title"] = " ".join(operation.title.split())
        if not asked["title"]:
            raise Refusal("invalid_title", "A notebook needs a title.")
    notebook = draft.state.notebook
    changed = {key: value for key, value in asked.items() if value is not UNSET and value != getattr(notebook, key)}
    if not changed:
        return
    draft.set(notebook=msgspec.structs.replace(notebook, **changed))
    draft.store_notebook()
    wire = {"title": "title", "mode": "execution_mode", "delay": "auto_run_delay"}
    draft.tell(NotebookConfigured, **{wire[key]: value for key, value in changed.items()})
