"""One operation under way: the next state being put together, and what is to be stored, told and done."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import Any

import msgspec

from kernel.analysis import analyse
from kernel.analysis.names import Names

from ..effects import Action, Analyse, Applied, Writes
from ..events import BroadcastEvent
from ..fingerprint import fingerprint
from ..state import DATAFRAMES, Cell, Job, Run, State

SMALL = 8192
"""Longer sources are analysed elsewhere: the portal has one event loop."""


class Refusal(Exception):
    """The operation is rejected: nothing changes. `code` is a word, the text a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Draft:
    """A state to be replaced piece by piece; discarded as a whole if the operation is refused."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.events: list[BroadcastEvent] = []
        self.actions: list[Action] = []
        self.version: int | None = None
        self.run_id: str | None = None
        self.seen: dict[str, None] = {}  # cells derived anew, whose status may have to be told
        self.spread: dict[str, object] = {}  # cells that became stale because another did
        self.finished: list[Run] = []  # to be told last
        self.dirty: dict[str, None] = {}  # cells to derive anew, in the order in which they were touched
        self._cells: set[str] = set()
        self._outcomes: set[str] = set()
        self._notebook = False
        self._session = False

    # Changing -------------------------------------------------------------------------------------------------

    def set(self, **fields: Any) -> None:
        self.state = msgspec.structs.replace(self.state, **fields)

    def tell(self, kind: type[BroadcastEvent], **fields: Any) -> None:
        self.set(sequence=self.state.sequence + 1)
        self.events.append(kind(sequence=self.state.sequence, **fields))

    def act(self, action: Action) -> None:
        self.actions.append(action)

    def touch(self, cells: Iterable[str]) -> None:
        self.dirty.update(dict.fromkeys(cells))

    def store_cell(self, cell: str) -> None:
        self._cells.add(cell)

    def store_outcome(self, cell: str) -> None:
        self._outcomes.add(cell)

    def store_notebook(self) -> None:
        self._notebook = True

    def store_session(self) -> None:
        self._session = True

    def put_cell(self, cell: Cell) -> None:
        self.set(cells=self.state.cells.set(cell.id, cell))

    def put_job(self, job: Job) -> None:
        self.set(jobs=self.state.jobs.set(job.execution, job))

    # Asking ---------------------------------------------------------------------------------------------------

    def cell(self, cell: str) -> Cell:
        found = self.state.cells.get(cell)
        if found is None:
            raise Refusal("cell_not_found", "There is no such cell in this notebook: it may have been deleted.")
        return found

    def index(self, cell: str) -> int:
        position = self.state.cells[cell].position
        return bisect_left(self.state.order, position, key=lambda other: self.state.cells[other].position)

    def label(self, cell: str) -> str:
        """How the page calls a cell: by its place, counted from 1."""
        if cell not in self.state.cells:
            return "a deleted cell"
        return f"cell {self.index(cell) + 1}"

    def connection(self, cell: Cell) -> str:
        """Where a SQL cell runs: a shared connection's id, `own`, or `dataframes`."""
        notebook = self.state.notebook
        if cell.connection:
            return cell.connection
        if notebook.connection_id is not None:
            return notebook.connection_id
        return "own" if notebook.connection_string is not None else DATAFRAMES

    # Analysis -------------------------------------------------------------------------------------------------

    def analyse(self, cell: Cell) -> Cell:
        """The cell with its names and fingerprint brought up to its text and settings; the topology follows."""
        connection = self.connection(cell) if cell.type == "sql" else ""
        version = self.state.notebook.connection_version if connection == "own" else 0
        mark = fingerprint(cell, connection, version)
        if mark == cell.fingerprint and cell.id in self.state.cells:
            self.put_cell(cell)
            return cell
        dataframes = connection == DATAFRAMES
        if cell.type == "markdown":
            return self.know(msgspec.structs.replace(cell, fingerprint=mark), Names())
        if len(cell.code) <= SMALL // 4 or len(cell.code.encode()) <= SMALL:
            names = analyse(cell.type, cell.code, output_name=cell.output_name, dataframes=dataframes)
            return self.know(msgspec.structs.replace(cell, fingerprint=mark), names)
        cell = msgspec.structs.replace(cell, fingerprint=mark, pending=True)
        self.put_cell(cell)
        self.set(pending=self.state.pending | {cell.id})
        self.touch([cell.id])
        self.act(Analyse(cell.id, mark, cell.type, cell.code, cell.output_name, dataframes))
        return cell

    def know(self, cell: Cell, names: Names) -> Cell:
        """Take over the analysis of a cell's present text."""
        cell = msgspec.structs.replace(cell, names=names, pending=False)
        self.put_cell(cell)
        if cell.id in self.state.pending:
            self.set(pending=self.state.pending - {cell.id})
        self.connect(cell.id)
        return cell

    def connect(self, cell: str) -> None:
        """Bring the topology up to a cell that was changed, disabled, enabled, added or deleted."""
        present = self.state.cells.get(cell)
        names = None if present is None else _interface(present, self.connection(present))
        topology, delta = self.state.topology.update_with_delta({cell: names})
        readers = {reader for name in delta.names for reader in topology.readers(name)}
        touched = {cell} | delta.edges | delta.validity | readers
        self.set(topology=topology, suspects=self.state.suspects | delta.validity | {cell})
        self.touch(sorted(touched))

    # The end --------------------------------------------------------------------------------------------------

    def finish(self) -> Applied:
        writes = Writes(
            cells=frozenset(self._cells),
            outcomes=frozenset(self._outcomes),
            notebook=self._notebook,
            session=self._session,
        )
        return Applied(
            state=self.state,
            writes=writes,
            events=tuple(self.events),
            actions=tuple(self.actions),
            version=self.version,
            run_id=self.run_id,
        )


def _interface(cell: Cell, connection: str) -> Names:
    """What the graph may know of a cell: nothing of a disabled one, and tables by the connection they are on."""
    if cell.disabled:
        return Names()
    names = cell.names
    if not names.reads_tables and not names.writes_tables:
        return names
    return msgspec.structs.replace(
        names,
        reads_tables=frozenset(f"{connection}/{table}" for table in names.reads_tables),
        writes_tables=frozenset(f"{connection}/{table}" for table in names.writes_tables),
    )
