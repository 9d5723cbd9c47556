"""Executes statements for kernels: it holds the passwords, they hold tickets that die with one execution."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any, TypeVar

import psycopg

from kernel.memory import Lent
from kernel.protocol import SqlReply

from .connect import Identity, connect, identity
from .errors import ServerError, recordable, unopened
from .execution import CANCELLED, Outcome, execute
from .explaining import LOST, checked, explained
from .pieces import Piece
from .pool import KEEP, Pool
from .records import ConnectionSpec, SqlError, StatementRecord, Ticket
from .script import split
from .transaction import AGAIN, CANCELLING, begin, leave
from .url import BadUrl, parse
from .wire import Wire

__all__ = ["Broker", "ConnectionSpec", "Identity", "Lent", "SqlError", "StatementRecord", "Ticket", "identity"]

logger = logging.getLogger(__name__)

SWEEP = 15.0
"""Seconds between looks at idle connections."""

Record = Callable[[StatementRecord], Awaitable[None]]
T = TypeVar("T")


class _Run:
    """One request under way: `opening` while it waits for its connection, then `wire`."""

    def __init__(self, ticket: Ticket) -> None:
        self.ticket = ticket
        self.outcome = Outcome()
        self.opening: asyncio.Task[Wire] | None = None
        self.wire: Wire | None = None
        self.cancelling = asyncio.Lock()
        """Held while a cancellation is on its way: the wire must not serve anybody else by then."""


class Broker:
    """`record` is told of every statement; `forbidden` is the portal's own database. Belongs to one event loop."""

    def __init__(self, record: Record, forbidden: Identity | None = None) -> None:
        self._record = record
        self._forbidden = forbidden
        self._tickets: dict[str, Ticket] = {}
        self._runs: set[_Run] = set()
        self._pools: dict[str, Pool] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._sweeper: asyncio.Task[None] | None = None
        self._closed = False

    def grant(self, ticket: Ticket) -> None:
        """From now on `run` takes the ticket's token, until `revoke`."""
        if not self._closed:
            self._tickets[ticket.token] = ticket

    def revoke(self, token: str) -> None:
        """From now on nothing runs with this ticket; what runs is cancelled on the server."""
        self._tickets.pop(token, None)
        for run in self._runs:
            if run.ticket.token == token and not run.outcome.revoked:
                run.outcome.revoked = True
                self._spawn(self._stop(run))

    async def test(self, url: str) -> None:
        """Open and close a connection. Raises SqlError (or BadUrl) with a sentence and no secret."""
        target = parse(url)
        try:
            wire = await connect(target, self._forbidden)
        except SqlError as error:
            raise SqlError(unopened("", str(error).rstrip("."))) from None
        await wire.close()

    async def run(
        self, token: str, request: int, statement: str, parameters: Sequence[Any]
    ) -> AsyncGenerator[SqlReply | Lent, None]:
        """The replies to one request. What goes wrong is a reply too; being cancelled cancels the statement.

        All statements of a cell are one transaction; the reply is about the last one.
        """
        ticket = self._tickets.get(token)
        if ticket is None:
            yield SqlReply(request=request, error="This cell may not run SQL now: run it again.")
            return
        run, at, started = _Run(ticket), datetime.now(UTC), monotonic()
        outcome = run.outcome
        self._runs.add(run)
        try:
            async with contextlib.aclosing(self._pieces(run, statement, parameters)) as pieces:
                async for piece in pieces:
                    yield _reply(request, piece)
        except SqlError as error:
            outcome.error = str(error)
        except Exception:
            logger.exception("A statement failed for a reason of our own.")
            outcome.error = "The statement could not be run: an internal error, which the server's log describes."
        except BaseException:
            outcome.error = CANCELLED
            raise
        finally:
            self._runs.discard(run)
            if outcome.error:
                outcome.rows = outcome.affected = None
            self._spawn(self._written(_recorded(run, statement, at, monotonic() - started)))
        yield SqlReply(request=request, rows_affected=outcome.affected, notice=outcome.notice, error=outcome.error)

    async def close(self) -> None:
        """Cancel what runs, write down what is left to record, and close all connections."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for token in {*self._tickets, *(run.ticket.token for run in self._runs)}:
            self.revoke(token)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CANCELLING):
                while self._runs or self._tasks:
                    await asyncio.sleep(0.01)
        for run in self._runs:
            if run.wire is not None:
                await run.wire.close()
        for pool in self._pools.values():
            await pool.trim(keep=0.0)

    # Within

    async def _pieces(self, run: _Run, text: str, parameters: Sequence[Any]) -> AsyncGenerator[Piece, None]:
        """Raises SqlError for everything that is not a mistake of ours."""
        spec = run.ticket.connection
        statements = checked(split(text))
        pool = self._pool(spec)
        run.wire = wire = await self._begun(run, pool)
        committed = False
        try:
            async with contextlib.aclosing(execute(wire, statements, parameters, spec, run.outcome)) as pieces:
                async for piece in pieces:
                    yield piece
            await wire.script("COMMIT")
            committed = True
        except ServerError as error:
            raise SqlError(explained(error, run.outcome, spec)) from None
        except psycopg.Error:
            raise SqlError(LOST) from None
        finally:
            run.wire = None
            await asyncio.shield(self._spawn(_left(run, pool, wire, committed)))

    async def _begun(self, run: _Run, pool: Pool) -> Wire:
        """A connection in a fresh transaction, unless the run is revoked meanwhile."""
        run.opening = opening = self._spawn(begin(pool))
        try:
            return await asyncio.shield(opening)
        except asyncio.CancelledError:
            self._spawn(_abandoned(pool, opening))
            if opening.cancelled() and run.outcome.revoked:
                raise SqlError(CANCELLED) from None
            raise
        finally:
            run.opening = None

    async def _stop(self, run: _Run) -> None:
        """Cancel it on the server, again and again: a cancellation that comes between two statements is lost."""
        while run in self._runs:
            if run.opening is not None:
                run.opening.cancel()
            async with run.cancelling:
                if run.wire is not None:
                    with contextlib.suppress(psycopg.Error, OSError):
                        await run.wire.cancel(CANCELLING)
            await asyncio.sleep(AGAIN)

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
                empty = await pool.trim(KEEP)
                if empty and all(run.ticket.connection.key != key for run in self._runs):
                    del self._pools[key]

    async def _written(self, record: StatementRecord) -> None:
        try:
            await self._record(record)
        except Exception:
            logger.exception("A statement could not be recorded.")

    def _spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _reply(request: int, piece: Piece) -> SqlReply | Lent:
    if isinstance(piece, bytes):
        return SqlReply(request=request, data=piece, last=False)
    return Lent(SqlReply(request=request, shared=piece.size, last=False), piece)


async def _left(run: _Run, pool: Pool, wire: Wire, committed: bool) -> None:
    async with run.cancelling:
        await leave(pool, wire, committed=committed)


async def _abandoned(pool: Pool, opening: asyncio.Task[Wire]) -> None:
    """Nobody waits for this connection any more."""
    opening.cancel()
    await asyncio.wait([opening])
    if not opening.cancelled() and opening.exception() is None:
        await leave(pool, opening.result(), committed=False)


def _recorded(run: _Run, statement: str, at: datetime, duration: float) -> StatementRecord:
    ticket, outcome = run.ticket, run.outcome
    try:
        password = parse(ticket.connection.url).password
    except BadUrl:
        password = ""
    return StatementRecord(
        user=ticket.user,
        notebook=ticket.notebook,
        cell=ticket.cell,
        connection_name=ticket.connection.name,
        statement=recordable(statement, password),
        at=at,
        duration=duration if outcome.statement is not None else None,
        rows=outcome.affected if outcome.affected is not None else outcome.rows,
        error=outcome.error,
    )
