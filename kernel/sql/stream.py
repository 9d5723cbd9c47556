"""The answer to one statement, read from the socket of a connection by ourselves, many thousand rows at a time.

libpq hands out rows one by one, and a Python step for each costs more than the server takes to send them. It is not
told: it finds its connection idle before and after. Only for connections without encryption, which is libpq's own.
"""

from __future__ import annotations

import os
import select
import socket
from time import monotonic
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg

from .messages import ERROR, HEADER, NO_ROWS, READY, ROW, Failure, Places, Rows
from .records import SqlError

BLOCK = 4 * 1024 * 1024
"""Bytes that are read before they are looked at, unless the server pauses."""
PADDING = 16
"""Bytes behind the last one that may be read as part of a value, when the last value is NULL."""
LARGEST = 256 * 1024 * 1024
"""Bytes of a row."""
PAUSE = 20
"""Milliseconds without news after which a thread is given back."""
BUSY = 0.25
"""Seconds that a thread reads at most."""
_LAST_BYTES = b"Z\0\0\0\5"


class RowStream:
    """`receive` and `take` in turn, until `ended`; `failure` is the server's error by then, if there was one.

    Raises psycopg.OperationalError when the connection is lost or says what nobody can understand.
    """

    def __init__(self, descriptor: int, columns: int) -> None:
        self._socket = socket.socket(fileno=os.dup(descriptor))
        self._columns = columns
        self._buffer = bytearray(BLOCK // 64 + PADDING)
        self._filled = 0
        self._taken = 0
        self._skip = 0
        self._needed = 0
        self.ended = False
        self.broken = False
        self.failure: Failure | None = None

    @property
    def flowing(self) -> bool:
        """Whether there is so much that a thread should read on."""
        return not self.ended and self._filled - self._taken >= BLOCK // 64 // 2

    def send(self, message: memoryview) -> int:
        """How much of it was sent: 0 if there is no room."""
        try:
            return self._socket.send(message, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return 0
        except OSError:
            raise self._lost() from None

    def receive(self, *, patiently: bool = False) -> None:
        """Read what has come; `patiently`: until a block is full, in a thread."""
        self._make_room(BLOCK if patiently else 0)
        limit = len(self._buffer) - PADDING
        deadline = monotonic() + BUSY
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        with memoryview(self._buffer) as view:
            while self._filled < limit:
                try:
                    size = self._socket.recv_into(view[self._filled : limit], 0, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    if not patiently or monotonic() > deadline or not poll.poll(PAUSE):
                        return
                    continue
                except OSError:
                    raise self._lost() from None
                if not size:
                    raise self._lost()
                self._filled += size
                if not patiently or self._seems_complete():
                    return

    def take(self) -> tuple[npt.NDArray[Any], Places]:
        """What was received, and where the first values of its whole rows are. Both are good until `receive`.

        Raises SqlError for a row that is too large.
        """
        data = np.frombuffer(self._buffer, np.uint8)
        rows: Rows | None = None
        found = list[Places]()
        while (end := self._next_end()) <= self._filled:
            if self._buffer[self._taken] == ROW:
                rows = rows or Rows(data[: self._filled], self._columns)
                starts, end = rows.run(self._taken)
                if not len(starts):
                    raise self._lost()
                found.append(starts)
            else:
                self._note(end)
            self._taken = end
        if self._needed > LARGEST:
            raise SqlError(f"A row has {self._needed / 1e6:,.0f} MB: one row may have {LARGEST / 1e6:,.0f} MB.")
        return data, np.concatenate([NO_ROWS, *found])

    def discard(self) -> None:
        """Take what was received and throw it away."""
        skipped = min(self._skip, self._filled - self._taken)
        self._skip -= skipped
        self._taken += skipped
        while not self._skip and (end := self._next_end()) <= self._filled:
            self._note(end)
            self._taken = end
        if self._needed > HEADER and self._buffer[self._taken] not in (ERROR, READY):
            self._skip = self._needed - (self._filled - self._taken)
            self._taken = self._filled
        self._needed = 0

    def close(self) -> None:
        self._socket.close()

    def _next_end(self) -> int:
        """Where the next message ends; beyond what was received if it is not complete. None follows the last."""
        have = self._filled - self._taken
        self._needed = 0 if self.ended or not have else HEADER
        if self.ended or have < HEADER:
            return self._filled + 1
        length = int.from_bytes(self._buffer[self._taken + 1 : self._taken + HEADER], "big")
        if length < 4:
            raise self._lost()
        if length + 1 > have:
            self._needed = length + 1
        return self._taken + 1 + length

    def _note(self, end: int) -> None:
        kind = self._buffer[self._taken]
        if kind == ERROR:
            self.failure = Failure(bytes(self._buffer[self._taken + HEADER : end]))
        elif kind == READY:
            self.ended = True

    def _seems_complete(self) -> bool:
        return self._buffer[self._filled - 6 : self._filled - 1] == _LAST_BYTES

    def _make_room(self, least: int) -> None:
        rest = self._buffer[self._taken : self._filled]
        size = max(len(self._buffer) - PADDING, least, self._needed)
        if size > len(self._buffer) - PADDING:
            self._buffer = bytearray(size + PADDING)
        self._buffer[: len(rest)] = rest
        self._taken, self._filled = 0, len(rest)

    def _lost(self) -> psycopg.OperationalError:
        self.broken = True
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        return psycopg.OperationalError("the connection was lost")
