"""One connection, spoken to by libpq's own functions: asynchronous, one statement at a time, rows as bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import numpy.typing as npt
from psycopg import AsyncConnection
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from .errors import ServerError
from .messages import Places, execution
from .records import Bound, Field
from .stream import RowStream

CHUNK_ROWS = 4096
CHUNK_BYTES = 4 * 1024 * 1024
BREATH = 256 * 1024
"""Bytes of rows after which other tasks get a turn."""
_FAILED = (ExecStatus.FATAL_ERROR, ExecStatus.BAD_RESPONSE)


class Wire:
    """Raises `ServerError` for what the server refuses, `psycopg.OperationalError` when the connection is lost."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._pg = connection.pgconn
        self._stream: RowStream | None = None
        self._receiving: asyncio.Future[None] | None = None
        self.since = 0.0  # when it became idle

    @property
    def usable(self) -> bool:
        return not self._connection.closed and self.status != TransactionStatus.UNKNOWN

    @property
    def status(self) -> TransactionStatus:
        if self._stream is not None:
            return TransactionStatus.UNKNOWN if self._stream.broken else TransactionStatus.ACTIVE
        return TransactionStatus(self._pg.transaction_status)

    @property
    def encrypted(self) -> bool:
        return bool(self._pg.ssl_in_use)

    async def close(self) -> None:
        await self._received()
        self._leave_stream()
        await self._connection.close()

    async def cancel(self, timeout: float) -> None:
        await self._connection.cancel_safe(timeout=timeout)

    async def script(self, sql: str) -> list[PGresult]:
        """Our own statements, several at once. All results, in order."""
        self._pg.send_query(sql.encode())
        return await self._rest()

    async def prepare(self, sql: str, types: Sequence[int]) -> tuple[Field, ...]:
        """Parse one statement (the server refuses several) and learn its columns."""
        self._pg.send_prepare(b"", sql.encode(), types)
        await self._rest()
        self._pg.send_describe_prepared(b"")
        (result,) = await self._rest()
        return tuple(
            Field((result.fname(index) or b"").decode(), result.ftype(index), result.fmod(index))
            for index in range(result.nfields)
        )

    async def execute_prepared(self, bound: Bound) -> AsyncGenerator[PGresult, None]:
        """Run what was prepared last: results of some thousand rows each, and one without rows at the end."""
        self._pg.send_query_prepared(b"", bound.values, bound.formats)
        async for result in self._chunks():
            yield result

    async def stream(
        self, bound: Bound, formats: Sequence[int]
    ) -> AsyncGenerator[tuple[npt.NDArray[Any], Places], None]:
        """Run what was prepared last: bytes, and where in them rows begin (see `columns`), good until the next.

        `formats` has 1 for each column wanted in binary. Not for an encrypted connection.
        """
        stream = self._stream = RowStream(self._pg.socket, len(formats))
        await self._say(stream, execution(bound, formats))
        while not stream.ended:
            await self._ready()
            stream.receive()
            if stream.flowing:
                self._receiving = asyncio.ensure_future(asyncio.to_thread(stream.receive, patiently=True))
                await asyncio.shield(self._receiving)
            data, places = stream.take()
            if len(places):
                yield data, places
        self._leave_stream()
        if stream.failure is not None:
            raise ServerError(stream.failure)

    async def _say(self, stream: RowStream, message: bytes) -> None:
        rest = memoryview(message)
        while rest:
            if sent := stream.send(rest):
                rest = rest[sent:]
            else:
                await self._ready(write=True)

    async def _received(self) -> None:
        """The thread that reads may still be at it."""
        if self._receiving is not None:
            await asyncio.gather(asyncio.shield(self._receiving), return_exceptions=True)

    async def _drain_stream(self, stream: RowStream) -> None:
        await self._received()
        stream.discard()
        while not stream.ended:
            await self._ready()
            stream.receive()
            stream.discard()
        self._leave_stream()

    def _leave_stream(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._stream = self._receiving = None

    async def copy(self, sql: str) -> AsyncGenerator[tuple[bytes, int], None]:
        """The output of COPY ... TO STDOUT: whole rows, some megabytes at a time, and their number."""
        self._pg.send_query_params(sql.encode(), None)
        await self._flush()
        begin = await self._result()
        if begin is None or begin.status != ExecStatus.COPY_OUT:
            await self._rest([begin] if begin else [])
            return
        rows, count, turn = bytearray(), 0, 0
        while (size := (line := self._pg.get_copy_data(1))[0]) >= 0:
            if size == 0:
                await self._incoming()
                continue
            rows += line[1]
            count += 1
            if len(rows) >= CHUNK_BYTES:
                yield bytes(rows), count
                rows, count, turn = bytearray(), 0, 0
            elif len(rows) - turn > BREATH:
                turn = len(rows)
                await asyncio.sleep(0)
        if count:
            yield bytes(rows), count
        await self._rest()

    async def drain(self) -> None:
        """Whatever is still to come of the present statement, thrown away."""
        if self._stream is not None:
            await self._drain_stream(self._stream)
        while self._pg.transaction_status == TransactionStatus.ACTIVE:
            result = await self._result()
            if result is None:
                return
            if result.status == ExecStatus.COPY_OUT:
                await self._drain_copy()
            elif result.status == ExecStatus.COPY_IN:
                self._pg.put_copy_end(b"not available")

    async def _drain_copy(self) -> None:
        while (size := self._pg.get_copy_data(1)[0]) >= 0:
            if size == 0:
                await self._incoming()

    async def _chunks(self) -> AsyncGenerator[PGresult, None]:
        self._pg.set_chunked_rows_mode(CHUNK_ROWS)
        await self._flush()
        while (result := await self._result()) is not None:
            if result.status in _FAILED:
                await self.drain()
                raise ServerError(result)
            yield result
            await asyncio.sleep(0)

    async def _rest(self, results: list[PGresult] | None = None) -> list[PGresult]:
        """All results still to come. Raises for the first that failed, once all have come."""
        results = results or []
        await self._flush()
        while (result := await self._result()) is not None:
            results.append(result)
        for result in results:
            if result.status in _FAILED:
                raise ServerError(result)
        return results

    async def _result(self) -> PGresult | None:
        while self._pg.is_busy():
            await self._incoming()
        return self._pg.get_result()

    async def _flush(self) -> None:
        while self._pg.flush():
            await self._ready(write=True)
            self._pg.consume_input()

    async def _incoming(self) -> None:
        await self._ready()
        self._pg.consume_input()

    async def _ready(self, *, write: bool = False) -> None:
        """Until the socket can be read (or, with `write`, written)."""
        loop, descriptor = asyncio.get_running_loop(), self._pg.socket
        ready: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            if not ready.done():
                ready.set_result(None)

        loop.add_reader(descriptor, wake)
        if write:
            loop.add_writer(descriptor, wake)
        try:
            await ready
        finally:
            loop.remove_reader(descriptor)
            if write:
                loop.remove_writer(descriptor)
