"""The statements of one cell on one connection, within a transaction that has begun."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
from psycopg.pq import ExecStatus, TransactionStatus

from .arrow import CSV, Batches
from .binding import bind
from .pieces import Piece, Pieces
from .records import Bound, ConnectionSpec, Field, SqlError
from .script import Statement
from .transaction import SETTINGS
from .wire import Wire

MAX_RESULT = 1024 * 1024 * 1024
"""Bytes of one result, as Arrow has it."""
MAY_TAKE = 20_000
"""Values that are converted between two turns of the event loop; more go to a thread."""
GRACE = 1.0
"""Seconds beyond its timeout after which a statement is ended from here, if the server has not done it."""
CANCELLED = "The statement was cancelled."


@dataclass(slots=True)
class Outcome:
    """What is known so far: rows delivered, or rows affected by a statement that returns none.

    `statement` is the one that runs, `since` (the loop's clock) when it began; `revoked`: no other one shall begin.
    """

    statement: Statement | None = None
    since: float = 0.0
    rows: int | None = None
    affected: int | None = None
    notice: str = ""
    error: str = ""
    revoked: bool = False


async def execute(
    wire: Wire, statements: Sequence[Statement], parameters: Sequence[Any], spec: ConnectionSpec, outcome: Outcome
) -> AsyncGenerator[Piece, None]:
    """The last statement's rows in pieces (see `Pieces`); nothing for a statement without rows.

    Raises ServerError, psycopg.Error, SqlError.
    """
    for statement in statements:
        bound = bind(_values(statement, parameters))
        if outcome.revoked:
            raise SqlError(CANCELLED)
        if wire.status != TransactionStatus.INTRANS:
            raise SqlError("The transaction of this cell ended before its last statement.")
        outcome.statement, outcome.since = statement, asyncio.get_running_loop().time()
        outcome.rows = outcome.affected = None
        if statement is not statements[-1]:
            await _within(spec, outcome, _silently(wire, statement, bound, outcome))
            continue
        if len(statements) > 1:
            await wire.script(SETTINGS)
        pieces = _result(wire, statement, bound, spec, outcome)
        async with aclosing(pieces):
            while (piece := await _within(spec, outcome, anext(pieces, None))) is not None:
                yield piece


async def _within(spec: ConnectionSpec, outcome: Outcome, step: Any) -> Any:
    """The server ends what takes too long, but a cell can change its settings: so we look at the clock as well."""
    limit = outcome.since + spec.statement_timeout + GRACE if spec.statement_timeout else None
    try:
        async with asyncio.timeout_at(limit):
            return await step
    except TimeoutError:
        raise SqlError(
            f"The statement was ended after {spec.statement_timeout:g} s, the statement timeout of {spec.name}."
        ) from None


def _values(statement: Statement, parameters: Sequence[Any]) -> list[Any]:
    for number in statement.parameters:
        if not 0 < number <= len(parameters):
            raise SqlError(f"${number} (line {statement.line}) has no value: write {{expression}} instead.")
    return [parameters[number - 1] for number in statement.parameters]


async def _silently(wire: Wire, statement: Statement, bound: Bound, outcome: Outcome) -> None:
    """A statement whose rows, if any, nobody sees. The server parses it alone, and so refuses several at once."""
    await wire.prepare(statement.text, bound.types)
    await _affecting(wire, bound, outcome)


async def _affecting(wire: Wire, bound: Bound, outcome: Outcome) -> None:
    async with aclosing(wire.execute_prepared(bound)) as results:
        async for result in results:
            if result.status == ExecStatus.COMMAND_OK:
                outcome.affected = result.command_tuples


async def _result(
    wire: Wire, statement: Statement, bound: Bound, spec: ConnectionSpec, outcome: Outcome
) -> AsyncGenerator[Piece, None]:
    """A query is asked for one row more than its connection allows; what else has rows is heard to its end."""
    fields = await wire.prepare(statement.text, bound.types)
    if not fields:
        await _affecting(wire, bound, outcome)
        return
    rows = _Rows(fields, spec, outcome)
    query = f"SELECT * FROM (\n{statement.text}\n) AS result LIMIT {spec.row_limit + 1}"
    copied = wire.encrypted and statement.is_query and not bound.types
    if statement.is_query and not copied:
        await wire.prepare(query, bound.types)
    if not wire.encrypted:
        batches = _streamed(wire, bound, rows)
    elif copied:
        batches = _copied(wire, query, rows)
    else:
        batches = _received(wire, bound, rows)
    async with aclosing(batches):
        async for pieces in batches:
            for piece in pieces:
                yield piece
    for piece in rows.pieces.finish():
        yield piece


class _Rows:
    """Counts the rows of a result, and cuts it."""

    def __init__(self, fields: Sequence[Field], spec: ConnectionSpec, outcome: Outcome) -> None:
        self.batches = Batches(fields)
        self.pieces = Pieces(self.batches.schema)
        self._columns = len(fields)
        self._spec = spec
        self._outcome = outcome
        self._size = 0
        outcome.rows = 0

    def admit(self, count: int) -> int:
        """How many of the next `count` rows are wanted."""
        before = self._outcome.rows or 0
        if count and self._size >= MAX_RESULT:
            self._cut(before, f"as {MAX_RESULT / 1e6:,.0f} MB are the most that a result may have")
            return 0
        kept = min(count, self._spec.row_limit - before)
        self._outcome.rows = before + kept
        if kept < count:
            self._cut(self._spec.row_limit, f"the limit of {self._spec.name}")
        return kept

    async def add(self, count: int, make: Callable[[], pa.RecordBatch]) -> list[Piece]:
        """The pieces that are ready, with this batch of `count` rows, which is made in a thread if it is large."""

        def work() -> list[Piece]:
            batch = make()
            self._size += batch.get_total_buffer_size()
            return self.pieces.add(batch)

        return await asyncio.to_thread(work) if count * self._columns > MAY_TAKE else work()

    def _cut(self, rows: int, why: str) -> None:
        if not self._outcome.notice:
            self._outcome.notice = (
                f"Only the first {rows:,} rows were fetched, {why}: narrow the statement down, or aggregate in it."
            )


async def _streamed(wire: Wire, bound: Bound, rows: _Rows) -> AsyncGenerator[list[Piece], None]:
    """Rows as they come from the server."""
    async with aclosing(wire.stream(bound, rows.batches.formats)) as blocks:
        async for data, places in blocks:
            if kept := rows.admit(len(places)):
                yield await rows.add(kept, partial(rows.batches.rows, data, places[:kept]))


async def _received(wire: Wire, bound: Bound, rows: _Rows) -> AsyncGenerator[list[Piece], None]:
    """Rows as results of some thousand each: with encryption, for statements that COPY cannot run."""
    async with aclosing(wire.execute_prepared(bound)) as results:
        async for result in results:
            if kept := rows.admit(result.ntuples):
                yield await rows.add(kept, partial(rows.batches.result, result, kept))


async def _copied(wire: Wire, query: str, rows: _Rows) -> AsyncGenerator[list[Piece], None]:
    """Rows as the output of COPY, which Arrow reads without a Python object for each value: with encryption."""
    async with aclosing(wire.copy(f"COPY ({query}) TO STDOUT {CSV}")) as blocks:
        async for data, count in blocks:
            if kept := rows.admit(count):
                yield await rows.add(kept, partial(rows.batches.csv, data, kept))
