"""The notebook's connection: it changes only to one that works."""

from __future__ import annotations

import msgspec

from .. import operations as op
from ..events import DbConnectionUpdated
from .draft import Draft


def connection_changed(draft: Draft, operation: op.ConnectionChanged) -> None:
    notebook = draft.state.notebook
    draft.set(
        notebook=msgspec.structs.replace(
            notebook,
            connection_id=operation.connection_id,
            connection_string=operation.connection_string,
            connection_secret=operation.secret,
            connection_version=notebook.connection_version + 1,
        )
    )
    draft.store_notebook()
    for cell in draft.state.order:
        present = draft.state.cells[cell]
        if present.type == "sql" and not present.connection:
            draft.analyse(present)
            draft.touch([cell])
    _tell(draft, "success", None)


def connection_failed(draft: Draft, operation: op.ConnectionFailed) -> None:
    """Everyone hears of it; the connection that worked stays."""
    _tell(draft, "error", operation.error)


def _tell(draft: Draft, status: str, error: str | None) -> None:
    notebook = draft.state.notebook
    draft.tell(
        DbConnectionUpdated,
        status=status,
        connection_string=notebook.connection_string,
        connection_id=notebook.connection_id,
        error=error,
    )
