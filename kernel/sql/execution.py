"""The statements of one cell on one connection, within a transaction that the broker began."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg._transformer import Transformer
from psycopg.adapt import PyFormat
from psycopg.pq import ExecStatus

from .arrow import ArrowWriter
from .records import ConnectionSpec, SqlError
from .script import Statement
from .wire import Bound, Wire

MAX_PIECE = 8 * 1024 * 1024
"""Bytes in one reply."""
CANCELLING = 5.0


@dataclass(slots=True)
class Outcome:
    """What is known so far: rows delivered, or rows affected by a statement that returns none."""

    statement: Statement | None = None
    began: bool = False
    rows: int | None = None
    affected: int | None = None
    notice: str = ""
    error: str = ""


async def execute(
    wire: Wire, statements: Sequence[Statement], parameters: Sequence[Any], spec: ConnectionSpec, outcome: Outcome
) -> AsyncGenerator[bytes, None]:
    """The last statement's rows as an Arrow stream in pieces; empty pieces tell that it goes on.

    Raises ServerError, psycopg.Error, SqlError. The statement timeout is enforced here too, since a statement can
    change the server's.
    """
    for statement in statements:
        last = statement is statements[-1]
        outcome.statement = statement
        outcome.began = True
        limit = spec.statement_timeout + 1 if spec.statement_timeout else None
        deadline = asyncio.get_running_loop().time() + limit if limit else None
        pieces = _one(wire, statement, _bind(statement, parameters), spec, outcome, last)
        async with aclosing(pieces):
            while True:
                try:
                    async with asyncio.timeout_at(deadline):
                        piece = await anext(pieces, None)
                except TimeoutError:
                    raise SqlError(
                        f"The statement was ended after {spec.statement_timeout:g} s, the limit of {spec.name}."
                    ) from None
                if piece is None:
                    break
                yield piece


def _bind(statement: Statement, parameters: Sequence[Any]) -> Bound:
    """Python values as Postgres reads them: a text has no type of its own, so that the server infers it."""
    values = []
    for number in statement.parameters:
        if not 0 < number <= len(parameters):
            raise SqlError(f"${number} (line {statement.line}) has no value: write {{expression}} instead.")
        values.append(parameters[number - 1])
    transformer = Transformer()
    try:
        dumped = transformer.dump_sequence(values, [PyFormat.TEXT] * len(values))
    except (psycopg.Error, ValueError, OverflowError) as error:
        raise SqlError(f"A value cannot be bound: {error}") from None
    return Bound(
        values=[None if value is None else bytes(value) for value in dumped],
        types=transformer.types or (),
        formats=transformer.formats or (),
    )


async def _one(
    wire: Wire, statement: Statement, bound: Bound, spec: ConnectionSpec, outcome: Outcome, last: bool
) -> AsyncGenerator[bytes, None]:
    fields = await wire.prepare(statement.text, bound.types)
    writer = ArrowWriter(fields) if fields and last else None
    rows = 0
    async with aclosing(wire.execute_prepared(bound)) as results:
        async for result in results:
            if result.status == ExecStatus.COMMAND_OK:
                outcome.affected = result.command_tuples
                continue
            if writer is None:
                continue
            kept = min(result.ntuples, spec.row_limit - rows)
            rows += kept
            if kept:
                for piece in _pieces(writer.write(result, kept)):
                    yield piece
            if kept < result.ntuples and not outcome.notice:
                outcome.notice = (
                    f"Only the first {spec.row_limit:,} rows were fetched, the limit of {spec.name}: "
                    "narrow the statement down, or aggregate in it."
                )
                if statement.is_query:
                    break
    if outcome.notice and statement.is_query:
        await _stop(wire)
    if writer is not None:
        outcome.rows, outcome.affected = rows, None
        for piece in _pieces(writer.finish()):
            yield piece


async def _stop(wire: Wire) -> None:
    """A query whose rest nobody wants is cancelled: it has changed nothing."""
    await wire.cancel(CANCELLING)
    await wire.drain()
    await wire.script("ROLLBACK")


def _pieces(data: bytes) -> list[bytes]:
    return [data[start : start + MAX_PIECE] for start in range(0, len(data), MAX_PIECE)]
