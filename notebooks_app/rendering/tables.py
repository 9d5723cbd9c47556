"""A page of a DataFrame as an HTML table with a pager."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any
from urllib.parse import urlencode

import msgspec

from kernel.protocol import Column, Rows, Table

PAGE = 50


def table_html(data: Mapping[str, Any] | Table, cell_id: str) -> str:
    """The first page, as it came with the output."""
    table = data if isinstance(data, Table) else msgspec.convert(data, Table)
    return _whole(table, _address(cell_id), {})


def rows_html(cell_id: str, rows: Rows, query: Mapping[str, str]) -> str:
    """The answer to a request for another page: the table anew, or why there is none."""
    if rows.table is None:
        return f'<p class="table-note" role="status">{escape(rows.error)}</p>'
    return _whole(rows.table, _address(cell_id), query)


def _address(cell_id: str) -> str:
    return f"/cells/{cell_id}/rows/"


def _whole(table: Table, address: str, query: Mapping[str, str]) -> str:
    head = "".join(_heading(column, place, table, address, query) for place, column in enumerate(table.columns))
    return (
        '<div class="table-output"><div class="table-scroll" tabindex="0" role="region" aria-label="Table">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{_rows(table)}</tbody></table></div>"
        f"{_foot(table, address, query)}</div>"
    )


def _heading(column: Column, place: int, table: Table, address: str, query: Mapping[str, str]) -> str:
    kind = "index" if place < table.index_columns else column.kind
    name = escape(column.name)
    title = escape(column.dtype)
    sortable = bool(address and table.id) and table.total > 1
    if not sortable:
        return f'<th scope="col" class="{escape(kind)}" title="{title}">{name}</th>'
    sorted_here = query.get("sort") == str(place)
    descending = sorted_here and query.get("descending") != "1"
    mark = "" if not sorted_here else " ▾" if query.get("descending") == "1" else " ▴"
    link = _link(address, table, 0, {"sort": str(place), "descending": "1" if descending else ""})
    return (
        f'<th scope="col" class="{escape(kind)}" title="{title}"><button type="button" class="plain" {link}>'
        f"{name}{mark}</button></th>"
    )


def _rows(table: Table) -> str:
    """The tags are made once for each column: a page has hundreds of cells, and the event loop waits."""
    kinds = ["index" if place < table.index_columns else column.kind for place, column in enumerate(table.columns)]
    shapes = [_shape(kind) for kind in kinds]
    return "".join(
        "<tr>"
        + "".join(
            missing if value is None else opening + escape(value) + closing
            for value, (opening, closing, missing) in zip(row, shapes, strict=False)
        )
        + "</tr>"
        for row in table.rows
    )


def _shape(kind: str) -> tuple[str, str, str]:
    """What opens a cell of a column, what closes it, and a missing value."""
    name = escape(kind)
    missing = f'<td class="{name} missing">null</td>'
    if kind == "index":
        return f'<th scope="row" class="{name}">', "</th>", missing
    return f'<td class="{name}">', "</td>", missing


def _foot(table: Table, address: str, query: Mapping[str, str]) -> str:
    columns = len(table.columns) - table.index_columns + table.hidden_columns
    shown = f"{table.total:,} row{'' if table.total == 1 else 's'} × {columns:,} column{'' if columns == 1 else 's'}"
    if table.hidden_columns:
        shown += f" (the last {table.hidden_columns:,} columns are not shown)"
    pager = ""
    if table.total > len(table.rows) and address and table.id:
        last = table.offset + len(table.rows)
        sort = {key: query.get(key, "") for key in ("sort", "descending")}
        earlier = _link(address, table, max(0, table.offset - PAGE), sort)
        later = _link(address, table, last, sort)
        pager = (
            f'<span class="pager"><span>{table.offset + 1:,} to {last:,}</span>'
            f'<button type="button" class="quiet" {earlier} {"disabled" if table.offset == 0 else ""} '
            'aria-label="Previous rows">‹</button>'
            f'<button type="button" class="quiet" {later} {"disabled" if last >= table.total else ""} '
            'aria-label="Next rows">›</button></span>'
        )
    elif table.total > len(table.rows):
        shown += f"; the first {len(table.rows):,} are shown"
    return f'<div class="table-foot"><span>{shown}</span>{pager}</div>'


def _link(address: str, table: Table, offset: int, sort: Mapping[str, str]) -> str:
    query = {"table": table.id, "offset": offset, "limit": PAGE}
    query |= {key: value for key, value in sort.items() if value}
    return f'hx-get="{escape(address + "?" + urlencode(query))}" hx-target="closest .table-output" hx-swap="outerHTML"'
