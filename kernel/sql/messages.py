"""Postgres' own messages, version 3: what asks for the rows of a prepared statement, and what is found in the answer.

See "Message Formats" in PostgreSQL's documentation. Rows are found without a Python step for each: all places that
could begin one are found at once, and a chain of lengths tells which of them do.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from psycopg.pq import DiagnosticField

from .records import Bound

Places = npt.NDArray[np.int64]

ROW, ERROR, READY = ord("D"), ord("E"), ord("Z")
HEADER = 5
"""Bytes of a message's type and length."""
_COUNT = HEADER + 2
"""Bytes of a row before its first value."""
_UNLIMITED = 0  # rows
NO_ROWS = np.empty(0, np.int64)


def execution(bound: Bound, formats: Sequence[int]) -> bytes:
    """Run the unnamed prepared statement: Bind, Execute, Sync. `formats`: 1 for each column wanted in binary."""
    values = b"".join(
        struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value for value in bound.values
    )
    bind = b"\0\0" + _shorts(bound.formats) + struct.pack("!H", len(bound.values)) + values + _shorts(formats)
    return _message(b"B", bind) + _message(b"E", b"\0" + struct.pack("!i", _UNLIMITED)) + _message(b"S", b"")


def _shorts(numbers: Sequence[int]) -> bytes:
    return struct.pack(f"!H{len(numbers)}h", len(numbers), *numbers)


def _message(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("!i", len(content) + 4) + content


class Failure:
    """An error message, as `ServerError` reads results of libpq."""

    def __init__(self, content: bytes) -> None:
        self._fields = {field[0]: field[1:] for field in content.split(b"\0") if field}

    def error_field(self, field: DiagnosticField) -> bytes | None:
        return self._fields.get(field.value)

    @property
    def error_message(self) -> bytes:
        return self._fields.get(DiagnosticField.MESSAGE_PRIMARY.value, b"")


class Rows:
    """The places in `data` that may begin a row of so many columns. `run` tells which do, from a known row on."""

    def __init__(self, data: npt.NDArray[Any], columns: int) -> None:
        places = np.flatnonzero(data[: max(len(data) - _COUNT, 0)] == ROW)
        low, high = columns & 0xFF, columns >> 8
        self._places: Places = places[(data[places + 6] == low) & (data[places + 5] == high)]
        self._ends = self._places + 1 + integers(data, self._places + 1, np.int32)
        self._size = len(data)
        chained = self._ends[:-1] == self._places[1:]
        self._breaks = np.append(np.flatnonzero(~chained), len(self._places) - 1)

    def run(self, position: int) -> tuple[Places, int]:
        """Where the first values are of the whole rows that follow each other from `position` on, and their end."""
        first = int(np.searchsorted(self._places, position))
        if first == len(self._places) or self._places[first] != position:
            return NO_ROWS, position
        last = int(self._breaks[np.searchsorted(self._breaks, first)])
        whole = int(np.searchsorted(self._ends[first : last + 1], self._size, side="right"))
        if not whole:
            return NO_ROWS, position
        return self._places[first : first + whole] + _COUNT, int(self._ends[first + whole - 1])


def integers(data: npt.NDArray[Any], places: Places, kind: Any) -> npt.NDArray[Any]:
    """The big-endian numbers of a type that begin at these places, wherever they lie."""
    swapped = np.dtype(kind).newbyteorder(">")
    count = max(len(data) - swapped.itemsize + 1, 0)
    everywhere: npt.NDArray[Any] = np.ndarray((count,), swapped, buffer=data, strides=(1,))
    return everywhere[places].astype(kind)
