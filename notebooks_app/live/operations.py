"""What may happen to a live session. Ids, times and permissions are decided before and travel in the operation."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from kernel.analysis.names import Names
from kernel.protocol import Event

from .messages import CellType


class By(msgspec.Struct, frozen=True, kw_only=True):
    """Who: `user` is the account's id (None: the portal itself), `client` one of their sockets."""

    user: int | None = None
    name: str = ""
    client: str = ""


class Operation(msgspec.Struct, frozen=True, kw_only=True, tag_field="operation", omit_defaults=True):
    """`at` is in seconds since 1970."""

    by: By = By()
    at: float = 0.0


class UpdateText(Operation, frozen=True, kw_only=True, tag="update_text"):
    """Either `code`, or `changes` (parsed JSON of CodeMirror change sets) made at `version`."""

    cell: str
    code: str | None = None
    version: int | None = None
    changes: list[list[Any]] | None = None
    client_id: str = ""


class Analysed(Operation, frozen=True, kw_only=True, tag="analysed"):
    """The analysis of a long text. One for an older fingerprint is dropped."""

    cell: str
    fingerprint: str
    names: Names


class CreateCell(Operation, frozen=True, kw_only=True, tag="create_cell"):
    cell: str
    cell_type: CellType
    after: str | None
    code: str = ""


class DeleteCell(Operation, frozen=True, kw_only=True, tag="delete_cell"):
    cell: str
    run_id: str


class RestoreCell(Operation, frozen=True, kw_only=True, tag="restore_cell"):
    cell: str
    run_id: str


class MoveCell(Operation, frozen=True, kw_only=True, tag="move_cell"):
    cell: str
    after: str | None


class ConfigureCell(Operation, frozen=True, kw_only=True, tag="configure_cell"):
    cell: str
    run_id: str
    cell_type: CellType | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    manual: bool | UnsetType = UNSET
    code_hidden: bool | UnsetType = UNSET
    output_name: str | UnsetType = UNSET
    connection: str | UnsetType = UNSET


class ConfigureNotebook(Operation, frozen=True, kw_only=True, tag="configure_notebook"):
    title: str | UnsetType = UNSET
    mode: Literal["auto", "lazy"] | UnsetType = UNSET
    delay: float | UnsetType = UNSET


class RunCells(Operation, frozen=True, kw_only=True, tag="run"):
    """`scope`: the cell, those above it, it and those below, all, or all that are stale or never ran."""

    run_id: str
    scope: Literal["cell", "above", "below", "all", "stale"]
    cell: str | None = None


class InterruptAll(Operation, frozen=True, kw_only=True, tag="interrupt"):
    pass


class RestartKernel(Operation, frozen=True, kw_only=True, tag="restart_kernel"):
    """`id` names the outcome of what was running; with a `run_id` all cells run in the new kernel."""

    id: str
    run_id: str | None = None


class StopKernel(Operation, frozen=True, kw_only=True, tag="stop_kernel"):
    """End the kernel; the next run starts another. `reason` is shown, `id` as above."""

    id: str
    reason: str


class KernelSaid(Operation, frozen=True, kw_only=True, tag="kernel_said"):
    """An event of the kernel of `epoch`; `id` and `outputs` name what is stored if it ends an execution."""

    epoch: int
    event: Event
    id: str = ""
    outputs: dict[str, str] = {}


class KernelFound(Operation, frozen=True, kw_only=True, tag="kernel_found"):
    """The kernel of `epoch` outlived its coordinator and is listened to again."""

    epoch: int


class KernelLost(Operation, frozen=True, kw_only=True, tag="kernel_lost"):
    """The kernel of `epoch` ended, or could not be started. `id` names the outcome of what it was running."""

    epoch: int
    reason: str
    id: str = ""


class Unyielding(Operation, frozen=True, kw_only=True, tag="unyielding"):
    """An execution was interrupted a while ago, and still runs."""

    epoch: int
    execution: int


class ConnectionChanged(Operation, frozen=True, kw_only=True, tag="connection_changed"):
    """The notebook has another connection, which works. `connection_string` is masked, `secret` the encrypted whole."""

    connection_string: str | None = None
    connection_id: str | None = None
    secret: str = ""


class ConnectionFailed(Operation, frozen=True, kw_only=True, tag="connection_failed"):
    """A connection was tried and does not work: the present one stays. `error` holds no secret."""

    error: str


class MoveTo(Operation, frozen=True, kw_only=True, tag="presence"):
    """Where a person is now."""

    cell: str | None = None
    anchor: int | None = None
    head: int | None = None


class Leave(Operation, frozen=True, kw_only=True, tag="leave"):
    """Sockets of these clients closed."""

    clients: tuple[str, ...]


RECORDED = (
    UpdateText,
    CreateCell,
    DeleteCell,
    RestoreCell,
    MoveCell,
    ConfigureCell,
    ConfigureNotebook,
    RunCells,
    RestartKernel,
    ConnectionChanged,
)
"""Each of these is one row in the notebook's history."""
