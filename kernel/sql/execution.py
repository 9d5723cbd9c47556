"""The statements of one cell on one connection, within a transaction that has begun."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from psycopg.pq import ExecStatus, TransactionStatus

from .arrow import CSV, ArrowWriter
from .binding import bind
from .records import ConnectionSpec, SqlError
from .script import Statement
from .transaction import SETTINGS
from .wire import Bound, Field, Wire

MAX_PIECE = 8 * 1024 * 1024
"""Bytes in one reply."""
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
) -> AsyncGenerator[bytes, None]:
    """The last statement's rows as an Arrow stream, in pieces; nothing for a statement without rows.

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
) -> AsyncGenerator[bytes, None]:
    """A query is asked for one row more than its connection allows; what else has rows is heard to its end."""
    fields = await wire.prepare(statement.text, bound.types)
    if not fields:
        await _affecting(wire, bound, outcome)
        return
    rows = _Rows(fields, spec, outcome)
    query = f"SELECT * FROM (\n{statement.text}\n) AS result LIMIT {spec.row_limit + 1}"
    if not statement.is_query:
        blocks = _received(wire, bound, rows)
    elif bound.types:
        await wire.prepare(query, bound.types)
        blocks = _received(wire, bound, rows)
    else:
        blocks = _copied(wire, query, rows)
    async with aclosing(blocks):
        async for block in blocks:
            for piece in _pieces(block):
                yield piece
    for piece in _pieces(rows.writer.finish()):
        yield piece


class _Rows:
    """Counts the rows of a result, and cuts it."""

    def __init__(self, fields: Sequence[Field], spec: ConnectionSpec, outcome: Outcome) -> None:
        self.writer = ArrowWriter(fields)
        self._columns = len(fields)
        self._spec = spec
        self._outcome = outcome
        outcome.rows = 0

    def admit(self, count: int) -> int:
        """How many of the next `count` rows are wanted."""
        before = self._outcome.rows or 0
        kept = min(count, self._spec.row_limit - before)
        self._outcome.rows = before + kept
        if kept < count:
            self._outcome.notice = (
                f"Only the first {self._spec.row_limit:,} rows were fetched, the limit of {self._spec.name}: "
                "narrow the statement down, or aggregate in it."
            )
        return kept

    def large(self, count: int) -> bool:
        return count * self._columns > MAY_TAKE


async def _received(wire: Wire, bound: Bound, rows: _Rows) -> AsyncGenerator[bytes, None]:
    """Rows as results of some thousand each: for statements with parameters, which COPY knows none of."""
    async with aclosing(wire.execute_prepared(bound)) as results:
        async for result in results:
            if not (kept := rows.admit(result.ntuples)):
                continue
            if rows.large(kept):
                yield await asyncio.to_thread(rows.writer.write_result, result, kept)
            else:
                yield rows.writer.write_result(result, kept)


async def _copied(wire: Wire, query: str, rows: _Rows) -> AsyncGenerator[bytes, None]:
    """Rows as the output of COPY, which Arrow reads without a Python object for each value."""
    async with aclosing(wire.copy(f"COPY ({query}) TO STDOUT {CSV}")) as blocks:
        async for data, count in blocks:
            if not (kept := rows.admit(count)):
                continue
            if rows.large(kept):
                yield await asyncio.to_thread(rows.writer.write_csv, data, kept)
            else:
                yield rows.writer.write_csv(data, kept)


def _pieces(data: bytes) -> list[bytes]:
    return [data[start : start + MAX_PIECE] for start in range(0, len(data), MAX_PIECE)]
