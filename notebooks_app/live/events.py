"""The wire: what a client is told. Each class is one `type`; its fields are camelCase in JSON.

Broadcast events carry a `sequence`, one up each time within a session; answers to one client carry none.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from kernel.protocol import MimeBundle

from .messages import CellType, RequestId

Status = Literal["idle", "queued", "running", "success", "error", "interrupted", "disabled", "invalid", "blocked"]
Freshness = Literal["fresh", "stale", "saved"] | None
KernelStatus = Literal["none", "starting", "idle", "busy", "dead"]


class ErrorInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An exception as clients see it."""

    name: str
    message: str
    traceback: str


class StreamText(msgspec.Struct, frozen=True, kw_only=True):
    stream: Literal["stdout", "stderr"]
    text: str


class ProgressState(msgspec.Struct, frozen=True, kw_only=True):
    done: float
    total: float | None
    label: str


class CellSnapshot(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One cell as everyone sees it: in `hello`, in `cell_created`, and for the page's templates.

    `outputs` maps the path of a part of the output (`value/text/html`, `0/image/png`: index of the display) to the
    id under which `/outputs/<id>/` serves it. `duration` is in seconds, `started_at` in seconds since 1970; a queued
    cell waits for those with a lower `queue`.
    """

    id: str
    type: CellType
    code: str
    version: int
    position: str
    status: Status
    freshness: Freshness
    reason: str | None
    output_name: str
    disabled: bool
    manual: bool
    code_hidden: bool
    connection_id: str | None
    duration: float | None = None
    run_id: str | None = None
    execution: int | None = None
    started_at: float | None = None
    output: MimeBundle | None = None
    displays: tuple[MimeBundle, ...] = ()
    error: ErrorInfo | None = None
    streams: tuple[StreamText, ...] = ()
    hints: tuple[str, ...] = ()
    outputs: dict[str, str] = {}
    progress: ProgressState | None = None
    queue: int | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="type"):
    """Something that everyone who has the notebook open is told."""

    sequence: int


class Answer(msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="type"):
    """Something that one client is told."""


# Answers ----------------------------------------------------------------------------------------------------------


class Hello(Answer, frozen=True, kw_only=True, tag="hello"):
    """The whole notebook. `sequence` is that of the last event that it includes."""

    epoch: int
    sequence: int
    client_id: str
    role: str
    kernel: KernelStatus
    kernel_reason: str
    title: str
    execution_mode: Literal["auto", "lazy"]
    auto_run_delay: float
    connection_string: str | None
    connection_id: str | None
    cells: list[CellSnapshot]
    request_id: RequestId | UnsetType = UNSET


class Ack(Answer, frozen=True, kw_only=True, tag="ack"):
    request_id: RequestId | None
    cell_id: str | UnsetType = UNSET
    version: int | UnsetType = UNSET
    run_id: str | UnsetType = UNSET


class Error(Answer, frozen=True, kw_only=True, tag="error"):
    """`code` is a word for programs, `message` a sentence for people."""

    code: str
    message: str
    request_id: RequestId | None = None
    cell_id: str | UnsetType = UNSET


# Events -----------------------------------------------------------------------------------------------------------


class TextChange(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    client_id: str
    changes: list[Any]


class CellUpdated(Event, frozen=True, kw_only=True, tag="cell_updated"):
    """`version` is the one after the `changes`, or the new `code`."""

    cell_id: str
    version: int
    author: str
    changes: list[TextChange] | UnsetType = UNSET
    code: str | UnsetType = UNSET


class CellCreated(Event, frozen=True, kw_only=True, tag="cell_created"):
    cell: CellSnapshot
    index: int


class CellDeleted(Event, frozen=True, kw_only=True, tag="cell_deleted"):
    cell_id: str


class CellMoved(Event, frozen=True, kw_only=True, tag="cell_moved"):
    cell_id: str
    index: int
    position: str


class CellConfigured(Event, frozen=True, kw_only=True, tag="cell_configured"):
    cell_id: str
    cell_type: CellType | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    manual: bool | UnsetType = UNSET
    code_hidden: bool | UnsetType = UNSET
    output_name: str | UnsetType = UNSET
    connection_id: str | UnsetType | None = UNSET


class NotebookConfigured(Event, frozen=True, kw_only=True, tag="notebook_configured"):
    title: str | UnsetType = UNSET
    execution_mode: Literal["auto", "lazy"] | UnsetType = UNSET
    auto_run_delay: float | UnsetType = UNSET


class CellStatus(Event, frozen=True, kw_only=True, tag="cell_status"):
    cell_id: str
    status: Status
    freshness: Freshness
    reason: str | None
    run_id: str | None


class CellStream(Event, frozen=True, kw_only=True, tag="cell_stream"):
    cell_id: str
    stream: Literal["stdout", "stderr"]
    text: str
    run_id: str | None = None


class CellProgress(Event, frozen=True, kw_only=True, tag="cell_progress"):
    cell_id: str
    done: float
    total: float | None
    label: str


class CellOutput(Event, frozen=True, kw_only=True, tag="cell_output"):
    """The end of one execution. `outputs`: as in `CellSnapshot`."""

    cell_id: str
    run_id: str | None
    output: MimeBundle | None
    displays: tuple[MimeBundle, ...] = ()
    error: ErrorInfo | None = None
    duration: float | None = None
    hints: tuple[str, ...] = ()
    outputs: dict[str, str] = {}


class DbConnectionUpdated(Event, frozen=True, kw_only=True, tag="db_connection_updated"):
    status: Literal["success", "error"]
    connection_string: str | None
    connection_id: str | None
    error: str | None


class KernelChanged(Event, frozen=True, kw_only=True, tag="kernel_status"):
    status: KernelStatus
    reason: str | None


class RunFinished(Event, frozen=True, kw_only=True, tag="run_finished"):
    run_id: str
    succeeded: int
    failed: int
    blocked: int


class Person(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    client_id: str
    user: str
    cell_id: str | None
    anchor: int | None
    head: int | None


class PresenceChanged(Event, frozen=True, kw_only=True, tag="presence"):
    clients: tuple[Person, ...]


BroadcastEvent = (
    CellUpdated
    | CellCreated
    | CellDeleted
    | CellMoved
    | CellConfigured
    | NotebookConfigured
    | CellStatus
    | CellStream
    | CellProgress
    | CellOutput
    | DbConnectionUpdated
    | KernelChanged
    | RunFinished
    | PresenceChanged
)
