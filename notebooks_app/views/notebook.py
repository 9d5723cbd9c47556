"""The page of one notebook, rendered from what is stored: no kernel is needed to read it."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.db import connection as database
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from kernel.protocol import Rows
from notebooks_app.access import Role, get_notebook, usable_connections
from notebooks_app.live.databases import masked
from notebooks_app.live.loading import Rows as StoredRows
from notebooks_app.live.loading import build
from notebooks_app.live.snapshot import snapshots
from notebooks_app.live.state import State
from notebooks_app.models import Cell, Notebook, Session
from notebooks_app.rendering import fragments


@require_GET
def page(request: HttpRequest, notebook_id: UUID) -> HttpResponse:
    notebook = get_notebook(request.user, notebook_id, Role.VIEWER)
    session = Session.objects.get(notebook=notebook, kind="shared")
    state = stored_state(notebook, session)
    context: dict[str, Any] = {
        "notebook": notebook,
        "cells": snapshots(state),
        "epoch": session.epoch,
        "sequence": state.sequence,
        "role": notebook.role.value,
        "kernel": "idle" if session.running else "none",
        "kernel_reason": "" if session.running else session.kernel_reason,
        "connections": usable_connections(request.user),
        "connection_string": state.notebook.connection_string,
        "connection_id": state.notebook.connection_id,
        "connection_name": notebook.connection.name if notebook.connection is not None else "",
    }
    return render(request, "notebook/page.html", context)


def stored_state(notebook: Notebook, session: Session) -> State:
    """The state as stored. Outputs are `saved` unless the kernel that made them lives."""
    with database.cursor() as cursor:
        rows = StoredRows(
            notebook=_rows(cursor, "SELECT * FROM notebook WHERE id = %s", notebook.pk)[0],
            session=_rows(cursor, "SELECT * FROM session WHERE id = %s", session.pk)[0],
            cells=_rows(cursor, "SELECT * FROM cell WHERE notebook_id = %s", notebook.pk),
            executions=_rows(cursor, _EXECUTIONS, session.pk),
            connection_string=masked(notebook.connection_secret) if notebook.connection_secret else None,
        )
    stored = int(rows.session["kernel_epoch"])
    return build(rows, epoch=session.epoch, kernel_epoch=stored if session.running else stored + 1)


_EXECUTIONS = """
SELECT e.*, coalesce(
    (SELECT jsonb_object_agg(o.path, o.id) FROM output o WHERE o.execution_id = e.id), '{}'
) AS outputs FROM execution e WHERE e.session_id = %s
"""


def _rows(cursor: Any, query: str, key: UUID) -> list[dict[str, Any]]:
    cursor.execute(query, [key])
    names = [column.name for column in cursor.description]
    found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    for row in found:
        if isinstance(row.get("outputs"), str):
            row["outputs"] = json.loads(row["outputs"])  # Django leaves jsonb of plain SQL as text
    return found


@require_GET
def rows(request: HttpRequest, cell_id: UUID) -> HttpResponse:
    """What `table_pages.py` does not answer comes here: it is refused, or no kernel can be asked."""
    cell = Cell.objects.filter(pk=cell_id).values("notebook_id").first()
    if cell is None:
        raise Http404("There is no such cell.")
    get_notebook(request.user, cell["notebook_id"], Role.VIEWER)
    return HttpResponse(fragments.rows_html(str(cell_id), Rows(number=0, request="", error=_NO_KERNEL), {}))


_NO_KERNEL = "No kernel can be asked for this table now: try again, or run the cell again to page through it."
