"""How a result travels: a small one within replies, a large one in memory that is lent to the kernel."""

from __future__ import annotations

import io
from typing import IO

import pyarrow as pa

from kernel.memory import Memory, can_lend

from .records import SqlError

SMALL = 256 * 1024
"""Bytes of a result that travel in a reply."""
PIECE = 8 * 1024 * 1024
"""Bytes at which a piece goes to the kernel, which works on it while the next one is made."""

SHARE = 16
"""Each piece has at least this fraction of what went before: a result of 1 GiB has some fifty descriptors."""

Piece = bytes | Memory


class Pieces:
    """Collects record batches. A result is either one Arrow stream in pieces of bytes, or several streams in memory."""

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._waiting: list[pa.RecordBatch] = []
        self._size = 0
        self._before = 0
        self._lends = can_lend()
        self._lent = False
        self._sink = io.BytesIO()
        self._writer = pa.ipc.new_stream(self._sink, schema)

    def add(self, batch: pa.RecordBatch) -> list[Piece]:
        """What is to be sent now. Raises SqlError."""
        self._waiting.append(batch)
        self._size += batch.get_total_buffer_size()
        return self._take() if self._size >= max(PIECE, self._before // SHARE) else []

    def finish(self) -> list[Piece]:
        """What is left to send, the schema of an empty result at least."""
        if self._lends and (self._lent or self._size > SMALL):
            return self._take()
        pieces = self._take(lend=False)
        self._writer.close()
        return [*pieces, *self._cut()]

    def _take(self, lend: bool = True) -> list[Piece]:
        batches, self._waiting = self._waiting, []
        self._before, self._size = self._before + self._size, 0
        if lend and self._lends:
            self._lent = True
            return [_memory(self._schema, batches)] if batches else []
        for batch in batches:
            self._writer.write_batch(batch)
        return self._cut()

    def _cut(self) -> list[Piece]:
        data = self._sink.getvalue()
        self._sink.seek(0)
        self._sink.truncate()
        return [data[start : start + PIECE] for start in range(0, len(data), PIECE)]


def _memory(schema: pa.Schema, batches: list[pa.RecordBatch]) -> Memory:
    def fill(file: IO[bytes]) -> None:
        with pa.ipc.new_stream(file, schema) as writer:
            for batch in batches:
                writer.write_batch(batch)

    try:
        return Memory(fill)
    except OSError as error:
        raise SqlError(f"The result could not be kept: {error.strerror}. Narrow it down, or try later.") from None
