"""What the kernel host and a kernel process say to each other.

Commands go to the kernel, events come back, each as one msgpack frame preceded by its length (4 bytes, big-endian).
Every event has a `number`, one up each time, and the kernel keeps it until it is acknowledged, so that a host that
attaches again misses nothing. The types are the contract: what does not decode against them ends the kernel.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

VERSION = 2
MAX_FRAME = 64 * 1024 * 1024  # bytes, in both directions
PIPELINE = 16  # executions at the kernel at once, the running one included

MimeBundle = dict[str, Any]
"""MIME type -> str (text), bytes (images) or plain JSON values (`application/json`, plotly, tables)."""

TABLE = "application/vnd.cascade.table+json"
"""A DataFrame's first page: see `Table`."""
PLOTLY = "application/vnd.plotly.v1+json"

CellKind = Literal["python", "sql"]
StreamName = Literal["stdout", "stderr"]


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column as shown: `kind` decides alignment (`number`, `text`, `bool`, `time`, `other`)."""

    name: str
    dtype: str
    kind: str


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a DataFrame or Series: `rows` holds formatted text, None for missing, the index columns first.

    `id` names the frame in the kernel for further pages (empty: there are none); `total` counts all rows.
    """

    id: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str | None, ...], ...]
    offset: int
    total: int
    index_columns: int = 0
    hidden_columns: int = 0


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """A name to remove before a run: its cell no longer defines it. `label` says which cell that was, and why."""

    name: str
    cell: str
    label: str


# Commands -------------------------------------------------------------------------------------------------------


class Execute(msgspec.Struct, frozen=True, kw_only=True, tag="execute"):
    """Run a cell. `execution` is unique within the session and grows.

    Names in `forget`, and those that the cell's previous execution defined, are removed first. If an execution in
    `requires` did not succeed, or the execution was cancelled, the kernel skips this one and says so.
    `ticket` authorises SQL for this execution alone. `target` is for SQL: `broker`, or `dataframes` for DuckDB on
    the notebook's own DataFrames.
    """

    execution: int
    cell: str
    label: str
    kind: CellKind
    code: str
    ticket: str
    output_name: str = ""
    target: Literal["broker", "dataframes"] = "broker"
    forget: tuple[Forgotten, ...] = ()
    requires: tuple[int, ...] = ()


class Cancel(msgspec.Struct, frozen=True, kw_only=True, tag="cancel"):
    """These executions shall not start; the one that runs is interrupted once the signal SIGINT arrives."""

    executions: tuple[int, ...]


class Forget(msgspec.Struct, frozen=True, kw_only=True, tag="forget"):
    """Remove names although nothing is to run (their cell went, and nobody reads them)."""

    names: tuple[Forgotten, ...]


class Acknowledge(msgspec.Struct, frozen=True, kw_only=True, tag="acknowledge"):
    """All events up to and including `number` are safe."""

    number: int


class Attach(msgspec.Struct, frozen=True, kw_only=True, tag="attach"):
    """A host (again) listens from here: send every event after number `after` that was not acknowledged, again."""

    after: int


class FetchRows(msgspec.Struct, frozen=True, kw_only=True, tag="fetch_rows"):
    """A page of a table that the kernel still holds; `sort` names a column ('' for none)."""

    request: str
    table: str
    offset: int
    limit: int
    sort: int | None = None
    descending: bool = False


class SqlReply(msgspec.Struct, frozen=True, kw_only=True, tag="sql_reply"):
    """The broker's answer to `SqlRequest`: Arrow IPC stream bytes in chunks, `last` on the final one, or an error.

    A large result comes in memory instead: `shared` is how many bytes the descriptor holds that comes with this frame,
    by SCM_RIGHTS at its first byte; they are an Arrow IPC stream of their own. It is lent until the kernel's next
    `SqlRequest` or `Finished`.
    `notice` says in a sentence what was cut (row cap). A statement without rows has `rows_affected` and no data.
    """

    request: int
    data: bytes = b""
    shared: int = 0
    last: bool = True
    rows_affected: int | None = None
    notice: str = ""
    error: str = ""


class Shutdown(msgspec.Struct, frozen=True, kw_only=True, tag="shutdown"):
    """End the process after the present cell."""


Command = Execute | Cancel | Forget | Acknowledge | Attach | FetchRows | SqlReply | Shutdown


# Events ---------------------------------------------------------------------------------------------------------


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a traceback: in a cell (`cell` is its id, `label` how the page calls it) or in a file."""

    cell: str
    label: str
    line: int
    function: str
    source: str


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """An exception: its class `name`, `message`, the `traceback` as text, and the frames of it.

    The traceback starts at the user's own lines: no frame of the kernel's own is in it.
    """

    name: str
    message: str
    traceback: str
    frames: tuple[Frame, ...] = ()


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """The first event of a kernel."""

    number: int
    version: int
    pid: int
    python: str


class Started(msgspec.Struct, frozen=True, kw_only=True, tag="started"):
    """The first event of an execution.

    `changed` are names that cells imported from the user's own files, which changed on disk since: from here on they
    stand for what is in the files now. `outdated` are the cells that did more than import such names: what else they
    defined is as it was.
    """

    number: int
    execution: int
    changed: tuple[str, ...] = ()
    outdated: tuple[str, ...] = ()


class Stream(msgspec.Struct, frozen=True, kw_only=True, tag="stream"):
    """Text as it came. What goes beyond the cap of a cell is dropped, and the last text says so."""

    number: int
    execution: int
    stream: StreamName
    text: str


class Display(msgspec.Struct, frozen=True, kw_only=True, tag="display"):
    """`display(...)`: `display_id` is '' or names a display that a later one with `update` replaces."""

    number: int
    execution: int
    bundle: MimeBundle
    display_id: str = ""
    update: bool = False


class Progress(msgspec.Struct, frozen=True, kw_only=True, tag="progress"):
    """Where a loop is: `total` is None if unknown."""

    number: int
    execution: int
    done: float
    total: float | None
    label: str


class Finished(msgspec.Struct, frozen=True, kw_only=True, tag="finished"):
    """The last event of an execution.

    `defined` are the names that the cell bound; `kept` those of them that an import bound to the same object as
    before. `skipped`: it did not start, because an execution in its `requires` failed (`because`) or it was
    cancelled (`because` is None). `hints` are sentences for the author. `duration` is in seconds.
    """

    number: int
    execution: int
    status: Literal["success", "error", "interrupted", "skipped"]
    output: MimeBundle | None = None
    error: Failure | None = None
    defined: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    duration: float = 0.0
    because: int | None = None


class SqlRequest(msgspec.Struct, frozen=True, kw_only=True, tag="sql_request"):
    """A statement for the broker: placeholders are `$1`, `$2`, ... and `parameters` their values, in that order.

    The kernel waits for the `SqlReply` with the same `request`. Values are plain (None, bool, int, float, str,
    bytes, datetime, date, time, Decimal, UUID, lists of these), encoded by msgspec.
    """

    number: int
    request: int
    execution: int
    ticket: str
    statement: str
    parameters: tuple[Any, ...] = ()


class Rows(msgspec.Struct, frozen=True, kw_only=True, tag="rows"):
    """The answer to `FetchRows`; `error` says why there are none."""

    number: int
    request: str
    table: Table | None = None
    error: str = ""


Event = Ready | Started | Stream | Display | Progress | Finished | SqlRequest | Rows
