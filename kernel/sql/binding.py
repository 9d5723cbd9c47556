"""Python values -> bound parameters, typed as a literal in the statement would be.

So `{200} * 200` is an integer and no overflow of smallint, and a text takes the type that its place asks for. That
serves dates, decimals and UUIDs too: they arrive as texts, since MessagePack has no types for them.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from .records import Bound, SqlError

_UNKNOWN, _BOOL, _BYTEA, _INT8, _INT4, _FLOAT8, _NUMERIC = 0, 16, 17, 20, 23, 701, 1700
_DATE, _TIME, _TIMESTAMP, _TIMESTAMPTZ, _UUID = 1082, 1083, 1114, 1184, 2950
_ARRAYS = {
    _BOOL: 1000,
    _BYTEA: 1001,
    _INT4: 1007,
    _INT8: 1016,
    _FLOAT8: 1022,
    _NUMERIC: 1231,
    _DATE: 1182,
    _TIME: 1183,
    _TIMESTAMP: 1115,
    _TIMESTAMPTZ: 1185,
    _UUID: 2951,
    _UNKNOWN: _UNKNOWN,
}
"""oid of an element -> oid of its array."""
_NUMBERS = (_INT4, _INT8, _FLOAT8, _NUMERIC)
_EXACT = 2**53
"""Up to here every integer is a float."""


def bind(values: Sequence[Any]) -> Bound:
    """All values as text, with their types. Raises SqlError for a value that no database knows."""
    bound = [_bound(value) for value in values]
    return Bound(
        values=[text for text, _ in bound],
        types=[oid for _, oid in bound],
        formats=[0] * len(bound),
    )


def _bound(value: Any) -> tuple[bytes | None, int]:
    if value is None:
        return None, _UNKNOWN
    if isinstance(value, list | tuple):
        return _encoded(_array(value)), _ARRAYS[_common(value)]
    return _encoded(_text(value)), _oid(value)


def _encoded(text: str) -> bytes:
    if "\0" in text:
        raise SqlError("A value cannot be bound: Postgres has no texts with a zero character.")
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise SqlError("A value cannot be bound: a text has half of a surrogate pair, which is no character.") from None


def _text(value: Any) -> str:
    """As Postgres reads it."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    return repr(value) if isinstance(value, float) else str(value)


def _oid(value: Any) -> int:
    if isinstance(value, bool):
        return _BOOL
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, datetime.datetime):
        return _TIMESTAMP if value.tzinfo is None else _TIMESTAMPTZ
    for kind, oid in _OIDS.items():
        if isinstance(value, kind):
            return oid
    raise SqlError(f"A value cannot be bound: it is a {type(value).__name__}.")


_OIDS: dict[type, int] = {
    str: _UNKNOWN,
    float: _FLOAT8,
    bytes: _BYTEA,
    Decimal: _NUMERIC,
    datetime.date: _DATE,
    datetime.time: _TIME,
    UUID: _UUID,
}


def _integer(value: int) -> int:
    if -(2**31) <= value < 2**31:
        return _INT4
    return _INT8 if -(2**63) <= value < 2**63 else _NUMERIC


def _array(values: Sequence[Any]) -> str:
    """An array literal; every text in quotes, so that none is taken for NULL or for syntax."""
    return "{" + ",".join(_element(value) for value in values) + "}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, list | tuple):
        return _array(value)
    text = _text(value)
    return text if isinstance(value, int) else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _leaves(values: Sequence[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list | tuple):
            yield from _leaves(value)
        elif value is not None:
            yield value


def _common(values: Sequence[Any]) -> int:
    """The type of all elements. Numbers of several types have the one that holds them all exactly."""
    leaves = list(_leaves(values))
    oids = {_oid(value) for value in leaves}
    if len(oids) <= 1:
        return oids.pop() if oids else _UNKNOWN
    if not oids.issubset(_NUMBERS):
        names = ", ".join(sorted({type(value).__name__ for value in leaves}))
        raise SqlError(f"A list cannot be bound: its elements are of different types ({names}).")
    if oids == {_INT4, _INT8}:
        return _INT8
    if _FLOAT8 in oids and all(isinstance(value, float) or abs(value) <= _EXACT for value in leaves):
        return _NUMERIC if any(isinstance(value, Decimal) for value in leaves) else _FLOAT8
    return _NUMERIC
