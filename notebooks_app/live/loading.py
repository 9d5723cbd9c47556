"""The state of a session from its stored rows: for the coordinator that opens it, and for the page that shows it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from immutables import Map

from kernel.analysis import analyse
from kernel.analysis.names import Names

from .records import decode_content, decode_record
from .reducer.derive import TABLE, settle
from .reducer.draft import SMALL, Draft
from .state import Cell, Kernel, Notebook, Outcome, State

Row = Mapping[str, Any]


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """The rows of one notebook and session, as dictionaries by column, and the masked connection string."""

    notebook: Row
    session: Row
    cells: list[Row]
    executions: list[Row]
    connection_string: str | None = None


def build(rows: Rows, *, epoch: int, kernel_epoch: int, names: Mapping[str, Names] | None = None) -> State:
    """The state as it was left. `kernel_epoch` is that of the present or next kernel.

    `names` are analyses of long texts by cell id; where one is missing, the text is analysed here.
    """
    known = names or {}
    state = State(
        session=str(rows.session["id"]),
        epoch=epoch,
        sequence=rows.session["sequence"],
        executions=rows.session["executions"],
        notebook=_notebook(rows),
        kernel=Kernel(epoch=kernel_epoch, reason=rows.session["kernel_reason"] or None),
    )
    draft = Draft(state)
    living = [row for row in rows.cells if row["deleted_at"] is None]
    gone = {str(row["id"]): _cell(row) for row in rows.cells if row["deleted_at"] is not None}
    outcomes = {str(row["cell_id"]): _outcome(row) for row in rows.executions}
    draft.set(
        order=tuple(str(row["id"]) for row in sorted(living, key=lambda row: (row["position"], str(row["id"])))),
        deleted=Map(gone),
        outcomes=Map(outcomes),
        tables=_tables(outcomes.values()),
    )
    for row in living:
        _add(draft, _cell(row), known)
    _take_values(draft, kernel_epoch)
    draft.set(suspects=frozenset())
    settle(draft)
    return msgspec.structs.replace(draft.state, sequence=state.sequence)


def _add(draft: Draft, cell: Cell, known: Mapping[str, Names]) -> None:
    if len(cell.code) > SMALL // 4:
        names = known.get(cell.id) or _long_names(draft, cell)
        cell = draft.analyse(cell)
        draft.know(cell, names)
    else:
        draft.analyse(cell)
    draft.actions.clear()


def _long_names(draft: Draft, cell: Cell) -> Names:
    dataframes = cell.type == "sql" and draft.connection(cell) == "dataframes"
    return analyse(cell.type, cell.code, output_name=cell.output_name, dataframes=dataframes)


def _take_values(draft: Draft, kernel_epoch: int) -> None:
    """What the kernel holds if it is still the one that made the outcomes; otherwise nothing."""
    values: dict[str, int] = {}
    bound: dict[str, frozenset[str]] = {}
    for cell, outcome in draft.state.outcomes.items():
        if outcome.epoch == kernel_epoch and not outcome.withdrawn:
            values.update(outcome.versions)
            bound[cell] = frozenset(outcome.versions)
    draft.set(values=Map(values), bound=Map(bound))


def _tables(outcomes: Iterable[Outcome]) -> Map[str, int]:
    """The last known writer of each table."""
    found: dict[str, int] = {}
    for outcome in outcomes:
        seen = [(table, outcome.execution) for table in outcome.tables]
        seen += [(name[len(TABLE) :], version) for name, version in outcome.reads if name.startswith(TABLE)]
        for table, version in seen:
            found[table] = max(version, found.get(table, 0))
    return Map({table: version for table, version in found.items() if version})


def _notebook(rows: Rows) -> Notebook:
    row = rows.notebook
    return Notebook(
        id=str(row["id"]),
        title=row["title"],
        mode=row["execution_mode"],
        delay=row["auto_run_delay"],
        connection_id=None if row["connection_id"] is None else str(row["connection_id"]),
        connection_string=rows.connection_string,
        connection_secret=row["connection_secret"],
        connection_version=row["connection_version"],
    )


def _cell(row: Row) -> Cell:
    return Cell(
        id=str(row["id"]),
        type=row["cell_type"],
        code=row["code"],
        position=row["position"],
        version=row["version"],
        disabled=row["disabled"],
        manual=row["manual"],
        code_hidden=row["code_hidden"],
        output_name=row["output_name"],
        connection=row["connection"],
    )


def _outcome(row: Row) -> Outcome:
    record = decode_record(bytes(row["record"]))
    started = row["started_at"]
    return Outcome(
        id=str(row["id"]),
        execution=row["number"],
        run_id=row["run"],
        status=row["status"],
        fingerprint=record.fingerprint,
        epoch=record.epoch,
        reads=record.reads,
        versions=record.versions,
        tables=record.tables,
        withdrawn=record.withdrawn,
        started_at=started.timestamp() if started else None,
        finished_at=row["finished_at"].timestamp(),
        duration=row["duration"],
        content=decode_content(bytes(row["content"])),
        outputs=row["outputs"],
    )
