"""The wire: what a client may say on a notebook's WebSocket. `decode` turns a frame into a typed message.

Fields are camelCase in JSON. What a client is told is in `events.py`.
"""

from __future__ import annotations

import json
import re
import uuid
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

MAX_CODE = 256 * 1024  # bytes of UTF-8

RequestId = str | int
CellType = Literal["python", "sql", "markdown"]
Title = Annotated[str, Meta(max_length=200)]
ShortText = Annotated[str, Meta(max_length=200)]
CellId = uuid.UUID
Version = Annotated[int, Meta(ge=0)]
Position = Annotated[int, Meta(ge=0, le=MAX_CODE)]
Delay = Annotated[float, Meta(ge=0, le=3600)]


class Message(msgspec.Struct, frozen=True, kw_only=True, rename="camel", tag_field="type"):
    """Any request of a client. `least` is the least role that may make it."""

    request_id: RequestId | None = None


class CellUpdate(Message, frozen=True, kw_only=True, tag="cell_update"):
    """New text: either the whole `code`, or `changes` (CodeMirror change sets, in order) made at `version`."""

    cell_id: CellId
    code: str | UnsetType = UNSET
    version: Version | UnsetType = UNSET
    changes: Annotated[list[list[Any]], Meta(max_length=10_000)] | UnsetType = UNSET
    client_id: ShortText = ""


class RunCell(Message, frozen=True, kw_only=True, tag="run_cell"):
    cell_id: CellId
    scope: Literal["cell", "above", "below"] = "cell"


class RunAll(Message, frozen=True, kw_only=True, tag="run_all"):
    pass


class RunStale(Message, frozen=True, kw_only=True, tag="run_stale"):
    pass


class Interrupt(Message, frozen=True, kw_only=True, tag="interrupt"):
    pass


class RestartKernel(Message, frozen=True, kw_only=True, tag="restart_kernel"):
    run_all: bool = False


class CreateCell(Message, frozen=True, kw_only=True, tag="create_cell"):
    """A new cell after `after_cell_id`, or at the top where that is null; it may bring its own id."""

    cell_type: CellType = "python"
    after_cell_id: CellId | None
    code: str = ""
    cell_id: CellId | UnsetType = UNSET


class DeleteCell(Message, frozen=True, kw_only=True, tag="delete_cell"):
    cell_id: CellId


class RestoreCell(Message, frozen=True, kw_only=True, tag="restore_cell"):
    cell_id: CellId


class MoveCell(Message, frozen=True, kw_only=True, tag="move_cell"):
    cell_id: CellId
    after_cell_id: CellId | None


class ConfigureCell(Message, frozen=True, kw_only=True, tag="configure_cell"):
    """`connection_id`: a shared connection, `dataframes` (DuckDB on the notebook's own), or null: the notebook's."""

    cell_id: CellId
    cell_type: CellType | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    manual: bool | UnsetType = UNSET
    code_hidden: bool | UnsetType = UNSET
    output_name: ShortText | UnsetType | None = UNSET
    connection_id: ShortText | UnsetType | None = UNSET


class ConfigureNotebook(Message, frozen=True, kw_only=True, tag="configure_notebook"):
    title: Title | UnsetType = UNSET
    execution_mode: Literal["auto", "lazy"] | UnsetType = UNSET
    auto_run_delay: Delay | UnsetType = UNSET


class UpdateDbConnection(Message, frozen=True, kw_only=True, tag="update_db_connection"):
    """The notebook's own `connection_string`, or a shared `connection_id`; an empty string or null disconnects."""

    connection_string: Annotated[str, Meta(max_length=4000)] | UnsetType | None = UNSET
    connection_id: uuid.UUID | UnsetType | None = UNSET


class Presence(Message, frozen=True, kw_only=True, tag="presence"):
    """Where a person is: positions in UTF-16 units; a null cell is nowhere."""

    cell_id: CellId | None
    anchor: Position | None = None
    head: Position | None = None


class Resync(Message, frozen=True, kw_only=True, tag="resync"):
    epoch: int
    since: int
    client_id: ShortText = ""


ClientMessage = (
    CellUpdate
    | RunCell
    | RunAll
    | RunStale
    | Interrupt
    | RestartKernel
    | CreateCell
    | DeleteCell
    | RestoreCell
    | MoveCell
    | ConfigureCell
    | ConfigureNotebook
    | UpdateDbConnection
    | Presence
    | Resync
)

VIEWER_MAY = (Presence, Resync)
"""The messages that need no more than the role of a viewer; all others need an editor."""


class Malformed(Exception):
    """A frame that is no message: `code` is a word, the text a sentence, `request_id` the sender's, if legible."""

    def __init__(self, code: str, message: str, request_id: RequestId | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.request_id = request_id


class _Envelope(msgspec.Struct):
    type: Any = None
    requestId: Any = None


_decoder = msgspec.json.Decoder(ClientMessage)
_envelope = msgspec.json.Decoder(_Envelope)
_TYPES = frozenset(member.__struct_config__.tag for member in ClientMessage.__args__)
_REQUEST_ID = re.compile(r'"requestId"\s*:\s*("(?:[^"\\]|\\.){0,400}"|-?\d{1,18})')
_MAX_REQUEST_ID = 200


def decode(text: str) -> ClientMessage:
    """The message in a text frame. Raises `Malformed`, whose text tells the sender what to mend."""
    try:
        message: ClientMessage = _decoder.decode(text)
    except RecursionError:
        raise Malformed("invalid_json", "The message is nested too deeply.", _legible_id(text)) from None
    except UnicodeEncodeError:
        raise Malformed("invalid_text", _SURROGATE, _legible_id(text)) from None
    except msgspec.ValidationError as error:
        raise _invalid(text, str(error)) from None
    except msgspec.DecodeError as error:
        raise _not_json(text, str(error)) from None
    _check_request_id(message.request_id)
    _check_text(message, text)
    return message


_SURROGATE = "The text contains half of a surrogate pair, which is no character. Remove it and send again."
_NUL = "The text contains the character U+0000, which cannot be stored. Remove it and send again."


def _not_json(text: str, reason: str) -> Malformed:
    """Tell text that is not JSON from JSON that only holds a lone surrogate."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return Malformed("invalid_json", f"The message is not valid JSON: {reason}.", _legible_id(text))
    return Malformed("invalid_text", _SURROGATE, _legible_id(text))


def _invalid(text: str, reason: str) -> Malformed:
    request_id = _legible_id(text)
    try:
        kind = _envelope.decode(text).type
    except (msgspec.DecodeError, RecursionError):
        return Malformed("invalid_message", "A message is a JSON object with a `type`.", request_id)
    if not isinstance(kind, str):
        return Malformed("unknown_type", "The message has no `type`.", request_id)
    if kind not in _TYPES:
        return Malformed("unknown_type", f"There is no message type {kind[:60]!r}.", request_id)
    return Malformed("invalid_message", f"{kind} cannot be read: {_sentence(reason)}", request_id)


def _sentence(reason: str) -> str:
    """Expected `int`, got `str` - at `$.epoch` -> `epoch`: expected `int`, got `str`."""
    what, _, where = reason.partition(" - at `")
    path = where.removeprefix("$").removeprefix(".").rstrip("`")
    lowered = what[:1].lower() + what[1:]
    return f"`{path}`: {lowered}." if path else f"{lowered}."


def _legible_id(text: str) -> RequestId | None:
    """The request id of a frame that could not be decoded as a whole."""
    try:
        found = _envelope.decode(text).requestId
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        match = _REQUEST_ID.search(text)
        if not match:
            return None
        try:
            found = json.loads(match[1])
            str(found).encode()
        except ValueError:
            return None
    if isinstance(found, bool) or not isinstance(found, str | int) or len(str(found)) > _MAX_REQUEST_ID:
        return None
    return found


def _check_request_id(request_id: RequestId | None) -> None:
    if request_id is not None and len(str(request_id)) > _MAX_REQUEST_ID:
        raise Malformed("invalid_message", f"requestId: at most {_MAX_REQUEST_ID} characters.")


def _check_text(message: ClientMessage, text: str) -> None:
    """Refuse what the database cannot hold, and code that is too long."""
    if ("\\u0000" in text or "\0" in text) and _contains_nul(msgspec.to_builtins(message)):
        raise Malformed("invalid_text", _NUL, message.request_id)
    code = getattr(message, "code", UNSET)
    if isinstance(code, str) and too_long(code):
        raise Malformed("code_too_long", TOO_LONG, message.request_id)


TOO_LONG = f"The code of a cell is at most {MAX_CODE // 1024} KiB. Nothing was changed: split the cell."


def too_long(code: str) -> bool:
    return len(code) > MAX_CODE or (len(code) > MAX_CODE // 4 and len(code.encode()) > MAX_CODE)


def _contains_nul(value: Any) -> bool:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            if "\0" in item:
                return True
        elif isinstance(item, dict):
            pending += [*item, *item.values()]
        elif isinstance(item, list):
            pending += item
    return False
