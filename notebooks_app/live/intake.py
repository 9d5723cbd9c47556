"""Client messages to operations: here ids are minted and the clock is read."""

from __future__ import annotations

import uuid
from time import time
from typing import Any

from msgspec import UNSET

from . import messages as msg
from . import operations as op
from .operations import By


def operation_of(message: msg.ClientMessage, by: By) -> op.Operation | None:
    """The operation that a message asks for; None for those that the coordinator answers by itself."""
    head: dict[str, Any] = {"by": by, "at": time()}
    match message:
        case msg.CellUpdate():
            return op.UpdateText(
                **head,
                cell=str(message.cell_id),
                code=_or_none(message.code),
                version=_or_none(message.version),
                changes=_or_none(message.changes),
                client_id=message.client_id,
            )
        case msg.RunCell():
            return op.RunCells(**head, run_id=new_id(), scope=message.scope, cell=str(message.cell_id))
        case msg.RunAll():
            return op.RunCells(**head, run_id=new_id(), scope="all")
        case msg.RunStale():
            return op.RunCells(**head, run_id=new_id(), scope="stale")
        case msg.Interrupt():
            return op.InterruptAll(**head)
        case msg.RestartKernel():
            return op.RestartKernel(**head, id=new_id(), run_id=new_id() if message.run_all else None)
        case msg.CreateCell():
            cell = new_id() if message.cell_id is UNSET else str(message.cell_id)
            return op.CreateCell(
                **head, cell=cell, cell_type=message.cell_type, after=_text(message.after_cell_id), code=message.code
            )
        case msg.DeleteCell():
            return op.DeleteCell(**head, cell=str(message.cell_id), run_id=new_id())
        case msg.RestoreCell():
            return op.RestoreCell(**head, cell=str(message.cell_id), run_id=new_id())
        case msg.MoveCell():
            return op.MoveCell(**head, cell=str(message.cell_id), after=_text(message.after_cell_id))
        case msg.ConfigureCell():
            return _configure_cell(message, head)
        case msg.ConfigureNotebook():
            return op.ConfigureNotebook(
                **head, title=message.title, mode=message.execution_mode, delay=message.auto_run_delay
            )
        case msg.Presence():
            return op.MoveTo(**head, cell=_text(message.cell_id), anchor=message.anchor, head=message.head)
    return None


def _configure_cell(message: msg.ConfigureCell, head: dict[str, Any]) -> op.ConfigureCell:
    name, connection = message.output_name, message.connection_id
    return op.ConfigureCell(
        **head,
        cell=str(message.cell_id),
        run_id=new_id(),
        cell_type=message.cell_type,
        disabled=message.disabled,
        manual=message.manual,
        code_hidden=message.code_hidden,
        output_name=name if name is UNSET else (name or ""),
        connection=connection if connection is UNSET else (connection or ""),
    )


def new_id() -> str:
    return str(uuid.uuid4())


def _text(value: uuid.UUID | None) -> str | None:
    return None if value is None else str(value)


def _or_none(value: Any) -> Any:
    return None if value is UNSET else value
