"""What travels between processes: a client's request on its way to the owner of the session."""

from __future__ import annotations

from typing import Literal

import msgspec

from .operations import By

Form = Literal["html", "json"]


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """The socket that asks: which process it hangs on, and who sits there, with the role as of this request."""

    process: str
    socket: str
    session: str
    notebook: str
    form: Form
    by: By
    role: str


class Request(msgspec.Struct, frozen=True, kw_only=True, tag="request"):
    """`text` is the frame as it came: decoded, and allowed to `origin.role`, before."""

    origin: Origin
    text: str


class Departure(msgspec.Struct, frozen=True, kw_only=True, tag="departure"):
    """A socket closed."""

    origin: Origin


Forwarded = Request | Departure

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Forwarded)


def encode(forwarded: Forwarded) -> bytes:
    return _encoder.encode(forwarded)


def decode(data: bytes) -> Forwarded:
    forwarded: Forwarded = _decoder.decode(data)
    return forwarded
