"""Executes statements for kernels: it holds the passwords, they hold tickets that die with one execution."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import psycopg

from kernel.protocol import SqlReply

from .connect import Identity, connect, identity
from .errors import ServerError, describe, recordable, unopened
from .execution import Outcome, execute
from .pool import Pool
from .records import ConnectionSpec, SqlError, StatementRecord, Ticket
from .script import Statement, split
from .url import parse
from .wire import Wire

__all__ = ["Broker", "ConnectionSpec", "Identity", "SqlError", "StatementRecord", "Ticket", "identity"]

logger = logging.getLogger(__name__)

CANCELLING = 5.0
"""Seconds that the server has to end a cancelled statement; then its connection is closed."""
SWEEP = 15.0
"""Seconds between looks at idle connections."""

Record = Callable[[StatementRecord], Awaitable[None]]


class Broker:
    """`record` is told of every statement; `forbidden` is the portal's own database."""

    def __init__(self, record: Record, forbidden: Identity | None = None) -> None:
        self._record = record
        self._forbidden = forbidden
        self._tickets: dict[str, Ticket] = {}
        self._running: dict[str, Wire] = {}
        self._pools: dict[str, Pool] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._sweeper: asyncio.Task[None] | None = None

    def grant(self, ticket: Ticket) -> None:
        self._tickets[ticket.token] = ticket

    def revoke(self, token: str) -> None:
        """From now on nothing runs with this ticket; what runs is cancelled on the server."""
        self._tickets.pop(token, None)
        wire = self._running.get(token)
        if wire is not None:
            self._spawn(_cancel(wire))

    async def test(self, url: str) -> None:
        """Open and close a connection. Raises SqlError (or BadUrl) with a sentence and no secret."""
        target = parse(url)
        try:
            wire = await connect(target, self._forbidden)
        except SqlError as error:
            raise SqlError(unopened("", str(error).rstrip("."))) from None
        await wire.close()

    async def run(self, token: str, request: int, statement: str, parameters: Sequence[Any]) -> AsyncIterator[SqlReply]:
        """The replies to one request. What goes wrong is a reply too; being cancelled cancels the statement.

        All statements of a cell are one transaction; the reply is about the last one.
        """
        ticket = self._tickets.get(token)
        if ticket is None:
            yield SqlReply(request=request, error="This cell may not run SQL now: run it again.")
            return
        at, started = datetime.now(UTC), monotonic()
        outcome = Outcome()
        began = False
        try:
            statements = _checked(split(statement), ticket.connection)
            async with contextlib.aclosing(self._on_connection(ticket, statements, parameters, outcome)) as pieces:
                async for data in pieces:
                    began = True
                    if data:
                        yield SqlReply(request=request, data=data, last=False)
            began = True
        except SqlError as error:
            outcome.error = str(error)
        except BaseException:
            outcome.error = outcome.error or "The statement was cancelled."
            raise
        finally:
            duration = monotonic() - started if began or outcome.began else None
            self._spawn(self._record(_recorded(ticket, statement, at, duration, outcome)))
        yield SqlReply(request=request, rows_affected=outcome.affected, notice=outcome.notice, error=outcome.error)

    async def close(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for pool in self._pools.values():
            await pool.trim(keep=0.0)

    # Within

    async def _on_connection(
        self, ticket: Ticket, statements: list[Statement], parameters: Sequence[Any], outcome: Outcome
    ) -> AsyncGenerator[bytes, None]:
        pool = self._pool(ticket.connection)
        wire = await self._begun(pool, ticket.connection)
        self._running[ticket.token] = wire
        clean = False
        try:
            async with contextlib.aclosing(execute(wire, statements, parameters, ticket.connection, outcome)) as pieces:
                async for data in pieces:
                    yield data
            await wire.script("COMMIT")
            clean = True
        except ServerError as error:
            outcome.error = describe(error, outcome.statement) if outcome.statement else error.message
            raise SqlError(_explained(error, outcome.error, ticket.connection)) from None
        except psycopg.Error:
            raise SqlError("The connection to the database was lost while the statement ran. Run it again.") from None
        finally:
            self._running.pop(ticket.token, None)
            await self._given_back(pool, wire, clean)

    async def _begun(self, pool: Pool, spec: ConnectionSpec) -> Wire:
        """A connection in a fresh transaction; one that died while idle is replaced once."""
        for attempt in (1, 2):
            wire = await pool.take()
            try:
                await wire.script(_begin(spec))
                return wire
            except ServerError as error:
                await pool.drop(wire)
                raise SqlError(error.message) from None
            except psycopg.Error:
                await pool.drop(wire)
                if attempt == 2:
                    raise SqlError("The database closes its connections at once. Try again later.") from None
            except BaseException:
                await pool.drop(wire)
                raise
        raise AssertionError

    async def _given_back(self, pool: Pool, wire: Wire, clean: bool) -> None:
        """Whatever happened: the statement has ended on the server before someone else gets the connection."""
        try:
            if not clean:
                async with asyncio.timeout(CANCELLING):
                    if wire.status.name == "ACTIVE":
                        await wire.cancel(CANCELLING)
                    await wire.drain()
                    await wire.script("ROLLBACK")
        except (psycopg.Error, ServerError, TimeoutError, OSError):
            await pool.drop(wire)
        except BaseException:
            await pool.drop(wire)
            raise
        else:
            await pool.give(wire)

    def _pool(self, spec: ConnectionSpec) -> Pool:
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep())
        if spec.key not in self._pools:
            self._pools[spec.key] = Pool(spec, self._forbidden)
        return self._pools[spec.key]

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            for key, pool in list(self._pools.items()):
                if await pool.trim() and self._pools.get(key) is pool and not pool.taken:
                    del self._pools[key]

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("The broker's book-keeping failed: %s", error)


async def _cancel(wire: Wire) -> None:
    with contextlib.suppress(psycopg.Error, OSError):
        await wire.cancel(CANCELLING)


def _checked(statements: list[Statement], spec: ConnectionSpec) -> list[Statement]:
    """Raises SqlError for what cannot run here at all."""
    if not statements:
        raise SqlError("There is no statement in this cell.")
    for statement in statements:
        if statement.controls_transaction:
            raise SqlError(
                f"{statement.words[0]} (line {statement.line}) is not available: "
                "the statements of a cell are one transaction, which commits when all of them succeed."
            )
        if statement.copies:
            raise SqlError(
                f"COPY from or to the client (line {statement.line}) is not available: use SELECT or INSERT."
            )
    return statements


def _begin(spec: ConnectionSpec) -> str:
    """The SELECT takes the transaction's snapshot: after it, no setting makes the transaction writable."""
    mode = "READ ONLY" if spec.read_only else "READ WRITE"
    timeout = round(spec.statement_timeout * 1000)
    return f"BEGIN {mode}; SET LOCAL statement_timeout = {timeout}; SET LOCAL TimeZone = 'UTC'; SELECT 1"


_READ_ONLY, _TIMEOUT = "25006", "57014"


def _explained(error: ServerError, text: str, spec: ConnectionSpec) -> str:
    if error.sqlstate == _READ_ONLY:
        return f"{text}\nThe connection {spec.name} is read-only: an administrator can change that."
    if error.sqlstate == _TIMEOUT and "timeout" in error.message:
        limit = f"{spec.statement_timeout:g} s"
        return f"{text}\nStatements on {spec.name} may take {limit}: an administrator can change that."
    return text


def _recorded(
    ticket: Ticket, statement: str, at: datetime, duration: float | None, outcome: Outcome
) -> StatementRecord:
    password = parse(ticket.connection.url).password
    return StatementRecord(
        user=ticket.user,
        notebook=ticket.notebook,
        cell=ticket.cell,
        connection_name=ticket.connection.name,
        statement=recordable(statement, password),
        at=at,
        duration=duration,
        rows=outcome.affected if outcome.affected is not None else outcome.rows,
        error=outcome.error,
    )
