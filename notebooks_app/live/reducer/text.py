"""Editing: the text of a cell, and what its analysis says later if the text is long."""

from __future__ import annotations

import msgspec
from msgspec import UNSET

from .. import operations as op
from ..events import CellUpdated, TextChange
from ..messages import TOO_LONG, too_long
from ..state import Cell
from ..text import BadChanges, ChangeSet, Update, difference, parse, rebase, utf16_length
from .draft import Draft, Refusal
from .execution import resume

HISTORY = 300
"""Change sets kept per cell, for clients that made theirs on an older text."""


def update_text(draft: Draft, operation: op.UpdateText) -> None:
    cell = draft.cell(operation.cell)
    if operation.code is not None:
        _replace(draft, cell, operation.code, operation)
    elif operation.changes is not None and operation.version is not None:
        _change(draft, cell, operation.changes, operation.version, operation)
    else:
        raise Refusal("invalid_message", "cell_update: give either `code`, or `version` and `changes`.")
    draft.version = draft.state.cells[cell.id].version


def _replace(draft: Draft, cell: Cell, code: str, operation: op.UpdateText) -> None:
    if too_long(code):
        raise Refusal("code_too_long", TOO_LONG)
    change = Update(changes=difference(cell.code, code), client_id="")
    _take(draft, cell, code, [change])
    author = operation.by.name
    draft.tell(CellUpdated, cell_id=cell.id, version=cell.version + 1, author=author, code=code, changes=UNSET)


def _change(draft: Draft, cell: Cell, changes: list[list[object]], version: int, operation: op.UpdateText) -> None:
    client = operation.client_id or operation.by.client
    over = _since(draft, cell, version)
    length = over[0].changes.length if over else utf16_length(cell.code)
    updates = rebase(_parsed(changes, length, client), over)
    code = cell.code
    for update in updates:
        code = update.changes.apply(code)
    if too_long(code):
        raise Refusal("code_too_long", TOO_LONG)
    if not updates:
        return
    _take(draft, cell, code, updates)
    draft.tell(
        CellUpdated,
        cell_id=cell.id,
        version=cell.version + len(updates),
        author=operation.by.name,
        changes=[TextChange(client_id=client, changes=update.changes.to_json()) for update in updates],
        code=UNSET,
    )


def _parsed(changes: list[list[object]], length: int, client: str) -> list[Update]:
    updates = []
    try:
        for item in changes:
            change: ChangeSet = parse(item, length)
            updates.append(Update(changes=change, client_id=client))
            length = change.new_length
    except BadChanges as error:
        raise Refusal("invalid_changes", f"cell_update: {error}") from None
    return updates


def _since(draft: Draft, cell: Cell, version: int) -> list[Update]:
    """The updates after `version`; refused when they are no longer known."""
    behind = cell.version - version
    history = draft.state.history.get(cell.id, ())
    if behind < 0 or behind > len(history):
        raise Refusal("version_unknown", "The changes were made on a text that is no longer known. Resync and retry.")
    return list(history[len(history) - behind :])


def _take(draft: Draft, cell: Cell, code: str, updates: list[Update]) -> None:
    history = (*draft.state.history.get(cell.id, ()), *updates)[-HISTORY:]
    draft.set(history=draft.state.history.set(cell.id, history))
    draft.analyse(msgspec.structs.replace(cell, code=code, version=cell.version + len(updates)))
    draft.store_cell(cell.id)


def analysed(draft: Draft, operation: op.Analysed) -> None:
    """The analysis of a long text arrived; one of an older text is dropped."""
    cell = draft.state.cells.get(operation.cell)
    if cell is not None and cell.pending and cell.fingerprint == operation.fingerprint:
        draft.know(cell, operation.names)
    elif cell is None or not cell.pending:
        draft.set(pending=draft.state.pending - {operation.cell})
    resume(draft)
