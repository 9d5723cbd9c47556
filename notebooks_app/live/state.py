"""The state of one live session: frozen structs over persistent maps. `apply` makes the next; nothing changes one."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from immutables import Map

from kernel.analysis.names import Names
from kernel.graph import Topology
from kernel.protocol import Forgotten, MimeBundle

from .events import ErrorInfo, Freshness, KernelStatus, Person, ProgressState, Status, StreamText
from .messages import CellType
from .text import Update

ABSENT = 0
"""The version of a name that nobody defines: executions count from 1."""
AMBIGUOUS = -1
"""The version of a name that several cells define: equal to no recorded one."""
MISSING = -2
"""The version of a name whose cell has not run, or failed: equal to no recorded one, since it is to be defined."""

DATAFRAMES = "dataframes"
"""The connection of a SQL cell that runs in DuckDB on the notebook's own DataFrames."""


class Notebook(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a notebook. `connection_string` is masked, `connection_secret` is the whole, encrypted.

    The version grows whenever the connection changes.
    """

    id: str
    title: str
    mode: Literal["auto", "lazy"] = "auto"
    delay: float = 1.5
    connection_id: str | None = None
    connection_string: str | None = None
    connection_secret: str = ""
    connection_version: int = 0

    @property
    def connected(self) -> bool:
        return self.connection_id is not None or self.connection_string is not None


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """A cell's text and settings, and what the analysis says of them.

    `connection` is '' (the notebook's), `dataframes`, or a shared connection's id. `fingerprint` is a hash of all
    that decides what a run of it does. While `pending`, `names` are those of an older text.
    """

    id: str
    type: CellType
    code: str
    position: str
    version: int = 0
    disabled: bool = False
    manual: bool = False
    code_hidden: bool = False
    output_name: str = ""
    connection: str = ""
    names: Names = Names()
    fingerprint: str = ""
    pending: bool = False

    @property
    def runnable(self) -> bool:
        return self.type != "markdown" and not self.disabled


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """What an execution showed. Stored whole, as msgpack."""

    output: MimeBundle | None = None
    displays: tuple[MimeBundle, ...] = ()
    error: ErrorInfo | None = None
    streams: tuple[StreamText, ...] = ()
    hints: tuple[str, ...] = ()


OutcomeStatus = Literal["success", "error", "interrupted"]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """The last finished execution of a cell, and what it stood on.

    `reads` has the version of each name that it read (`ABSENT` if there was none), `versions` those that it minted,
    `tables` the tables that it wrote.
    `withdrawn`: its names were removed from the kernel since. `epoch` is the kernel's. Times are seconds since 1970.
    """

    id: str
    execution: int
    run_id: str
    status: OutcomeStatus
    fingerprint: str
    epoch: int
    reads: tuple[tuple[str, int], ...] = ()
    versions: dict[str, int] = {}
    tables: tuple[str, ...] = ()
    withdrawn: bool = False
    started_at: float | None = None
    finished_at: float
    duration: float
    content: Content = Content()
    outputs: dict[str, str] = {}


class Displayed(msgspec.Struct, frozen=True, kw_only=True):
    bundle: MimeBundle
    display_id: str = ""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A queued or running execution, with the text that it was asked to run.

    `waiting` here, `sent` to the kernel, or `running`. An `abandoned` one was cancelled or superseded: its result is
    nobody's. A `doomed` one will be skipped: what it `requires` failed or was abandoned. `runs` are the runs that wait
    for it.
    """

    execution: int
    cell: str
    label: str
    runs: tuple[str, ...]
    kind: Literal["python", "sql"]
    code: str
    output_name: str
    connection: str
    names: Names
    fingerprint: str
    principal: int | None
    stage: Literal["waiting", "sent", "running"] = "waiting"
    abandoned: bool = False
    forget: tuple[Forgotten, ...] = ()  # before it begins; when it is sent, what else there is to forget joins it
    requires: tuple[int, ...] = ()
    doomed: bool = False
    reads: tuple[tuple[str, int], ...] = ()
    before: dict[str, int] = {}
    started_at: float | None = None
    streams: tuple[StreamText, ...] = ()
    displays: tuple[Displayed, ...] = ()
    progress: ProgressState | None = None


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """An accepted run: how many of its jobs are pending, and how the others ended."""

    id: str
    pending: int = 0
    succeeded: int = 0
    failed: int = 0
    blocked: int = 0


class Kernel(msgspec.Struct, frozen=True, kw_only=True):
    """`epoch` counts kernels: it grows when one is lost, so that what it made is `saved` from then on."""

    status: KernelStatus = "none"
    epoch: int = 1
    reason: str | None = None


class Derived(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from texts and versions. `blocker` is the cell to blame, `cause` whom its readers blame."""

    freshness: Freshness = None
    invalid: str | None = None
    blocker: str | None = None
    cause: str | None = None


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What was last said of a cell: a change of it is a `cell_status`."""

    status: Status = "idle"
    freshness: Freshness = None
    reason: str | None = None
    run_id: str | None = None
    queue: int | None = None
    """Of a queued cell: it waits for the queued cells with lower numbers."""


class Deferred(msgspec.Struct, frozen=True, kw_only=True):
    """A run that waits for the analysis of a long text."""

    operation: Any


class State(msgspec.Struct, frozen=True, kw_only=True):
    """All of a live session. Cells are keyed by id; `order` lists them as on the page."""

    session: str
    epoch: int
    sequence: int
    executions: int
    notebook: Notebook
    kernel: Kernel = Kernel()
    cells: Map[str, Cell] = Map()
    deleted: Map[str, Cell] = Map()
    order: tuple[str, ...] = ()
    topology: Topology = Topology()
    outcomes: Map[str, Outcome] = Map()
    derived: Map[str, Derived] = Map()
    shown: Map[str, Shown] = Map()
    history: Map[str, tuple[Update, ...]] = Map()

    # what the kernel holds: name -> version, cell -> names, table -> execution of its last writer
    values: Map[str, int] = Map()
    bound: Map[str, frozenset[str]] = Map()
    tables: Map[str, int] = Map()
    suspects: frozenset[str] = frozenset()  # cells whose names may have gone since the last plan
    forgetting: tuple[Forgotten, ...] = ()  # names that the next job sent removes first

    jobs: Map[int, Job] = Map()
    active: Map[str, int] = Map()  # cell -> its execution that counts
    waiting: tuple[int, ...] = ()  # in the order in which they are to run
    sent: tuple[int, ...] = ()
    runs: Map[str, Run] = Map()
    deferred: tuple[Deferred, ...] = ()
    pending: frozenset[str] = frozenset()  # cells whose text is being analysed
    people: Map[str, Person] = Map()
