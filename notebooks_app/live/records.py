"""Outcomes as they are stored: what an execution stood on (`record`), and what it showed (`content`), as msgpack."""

from __future__ import annotations

import msgspec

from .state import Content, Outcome


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What freshness is derived from: see `Outcome`."""

    fingerprint: str
    epoch: int
    reads: tuple[tuple[str, int], ...] = ()
    versions: dict[str, int] = {}
    tables: tuple[str, ...] = ()
    withdrawn: bool = False


_encoder = msgspec.msgpack.Encoder()
_records = msgspec.msgpack.Decoder(Record)
_contents = msgspec.msgpack.Decoder(Content)


def encode_record(outcome: Outcome) -> bytes:
    return _encoder.encode(
        Record(
            fingerprint=outcome.fingerprint,
            epoch=outcome.epoch,
            reads=outcome.reads,
            versions=outcome.versions,
            tables=outcome.tables,
            withdrawn=outcome.withdrawn,
        )
    )


def encode_content(content: Content) -> bytes:
    return _encoder.encode(content)


def decode_record(data: bytes) -> Record:
    return _records.decode(data)


def decode_content(data: bytes) -> Content:
    return _contents.decode(data)
