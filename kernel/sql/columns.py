"""Columns out of rows as they came from the server (see `Wire.stream`), without a Python step for each value.

A row is, for each column, a length (-1 for NULL) and that many bytes. What the server writes in binary is read here,
exactly; all other types are asked for as text, and `arrow` reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .messages import Places, integers

Data = npt.NDArray[Any]
Read = Callable[[Data, Places, Data], pa.Array]
"""(bytes, where each value begins, whether it is there) -> the column. Raises ValueError."""

_EPOCH_DAYS = 10_957
_EPOCH = _EPOCH_DAYS * 86_400 * 1_000_000
"""From 1970 to 2000, where Postgres counts from, in days and microseconds."""
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
"""The years 1 to 9999, which Python's dates know."""


def split(data: Data, places: Places, columns: int) -> list[tuple[Places, Data]]:
    """For each column, where its values begin and how long they are (-1: NULL)."""
    found = []
    for _ in range(columns):
        lengths = integers(data, places, np.int32)
        starts = places + 4
        found.append((starts, lengths))
        places = starts + _sizes(lengths)
    return found


def _sizes(lengths: Data) -> Data:
    return lengths if lengths.min() >= 0 else np.maximum(lengths, 0)


def texts(data: Data, starts: Places, lengths: Data) -> pa.Array:
    """The values as they are. What lies between them is cut out by Arrow, as values of a longer array."""
    count = len(starts)
    offsets = np.empty(2 * count, np.int32)
    offsets[::2] = starts
    offsets[1::2] = starts + _sizes(lengths)
    everything = pa.Array.from_buffers(pa.binary(), 2 * count - 1, [None, pa.py_buffer(offsets), pa.py_buffer(data)])
    wanted = np.zeros(2 * count - 1, bool)
    wanted[::2] = True
    found = everything.filter(_bools(wanted))
    nulls, validity = _validity(lengths >= 0)
    return pa.Array.from_buffers(found.type, count, [validity, *found.buffers()[1:]], nulls) if nulls else found


def binary(oid: int) -> Read | None:
    """How a type is read from its binary form, if it is."""
    return _READ.get(oid)


def _bools(values: Data, nulls: int = 0, validity: pa.Buffer | None = None) -> pa.Array:
    """By hand: `pyarrow.array` would import pandas, to see whether these values are its own."""
    bits = pa.py_buffer(np.packbits(values, bitorder="little"))
    return pa.Array.from_buffers(pa.bool_(), len(values), [validity, bits], nulls)


def _validity(valid: Data) -> tuple[int, pa.Buffer | None]:
    nulls = len(valid) - int(np.count_nonzero(valid))
    return nulls, pa.py_buffer(np.packbits(valid, bitorder="little")) if nulls else None


def _fixed(kind: pa.DataType, values: Data, valid: Data) -> pa.Array:
    nulls, validity = _validity(valid)
    return pa.Array.from_buffers(kind, len(values), [validity, pa.py_buffer(np.ascontiguousarray(values))], nulls)


def _number(stored: Any, kind: pa.DataType) -> Read:
    """A number of the type `stored`, as Arrow's `kind`."""

    def read(data: Data, starts: Places, valid: Data) -> pa.Array:
        return _fixed(kind, integers(data, starts, stored).astype(kind.to_pandas_dtype()), valid)

    return read


def _bool(data: Data, starts: Places, valid: Data) -> pa.Array:
    return _bools(data[starts] != 0, *_validity(valid))


def _date(data: Data, starts: Places, valid: Data) -> pa.Array:
    days = integers(data, starts, np.int32).astype(np.int64) + _EPOCH_DAYS
    if np.any(valid & ((days < _FIRST_DAY) | (days > _LAST_DAY))):
        raise ValueError("a date before the year 1 or after 9999")
    return _fixed(pa.date32(), days.astype(np.int32), valid)


def _moment(kind: pa.DataType) -> Read:
    def read(data: Data, starts: Places, valid: Data) -> pa.Array:
        since = integers(data, starts, np.int64)
        first, last = _FIRST_DAY * 86_400_000_000 - _EPOCH, (_LAST_DAY + 1) * 86_400_000_000 - _EPOCH
        if np.any(valid & ((since < first) | (since >= last))):
            raise ValueError("a time before the year 1 or after 9999")
        return _fixed(kind, np.where(valid, since, 0) + _EPOCH, valid)

    return read


def _time(data: Data, starts: Places, valid: Data) -> pa.Array:
    since = integers(data, starts, np.int64)
    if np.any(valid & (since >= 86_400_000_000)):
        raise ValueError("24:00")
    return _fixed(pa.time64("us"), since, valid)


_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)
_DASHES = (8, 13, 18, 23)
_LETTERS = np.array([place for place in range(36) if place not in _DASHES])


def _uuid(data: Data, starts: Places, valid: Data) -> pa.Array:
    """As text, like everywhere else."""
    raw = data[np.where(valid, starts, 0)[:, None] + np.arange(16)]
    letters = np.full((len(starts), 36), ord("-"), np.uint8)
    letters[:, _LETTERS] = _DIGITS[np.stack([raw >> 4, raw & 15], axis=-1).reshape(-1, 32)]
    offsets = np.arange(len(starts) + 1, dtype=np.int32) * 36
    nulls, validity = _validity(valid)
    buffers = [validity, pa.py_buffer(offsets), pa.py_buffer(letters)]
    return pa.Array.from_buffers(pa.string(), len(starts), buffers, nulls)


_READ: dict[int, Read] = {
    16: _bool,
    20: _number(np.int64, pa.int64()),
    21: _number(np.int16, pa.int64()),
    23: _number(np.int32, pa.int64()),
    26: _number(np.uint32, pa.int64()),
    701: _number(np.float64, pa.float64()),
    1082: _date,
    1083: _time,
    1114: _moment(pa.timestamp("us")),
    1184: _moment(pa.timestamp("us", tz="UTC")),
    2950: _uuid,
}
BYTES = 17
"""The type whose binary form are its bytes."""


def formats(oids: Sequence[int]) -> list[int]:
    """1 for each type that the server shall write in binary."""
    return [int(oid in _READ or oid == BYTES) for oid in oids]
