"""The transaction of one cell: how it begins on a connection, and how the connection is left, whatever happened."""

from __future__ import annotations

import asyncio

import psycopg
from psycopg.pq import TransactionStatus

from .errors import ServerError
from .pool import Pool
from .records import ConnectionSpec, SqlError
from .wire import Wire

CANCELLING = 5.0
"""Seconds that the server has to end a cancelled statement; then its connection is closed."""
AGAIN = 0.5
"""Seconds after which a cancellation is repeated: one that overtakes its statement is lost."""

SETTINGS = (
    "SET LOCAL DateStyle = ISO; SET LOCAL bytea_output = hex; SET LOCAL extra_float_digits = 1; "
    "SET LOCAL client_encoding = UTF8"
)
"""How values are written, as `arrow` reads them, whatever the role's or the cell's own settings are."""


def opening(spec: ConnectionSpec) -> str:
    """The SELECT takes the transaction's snapshot: after it, no setting makes the transaction writable."""
    mode = "READ ONLY" if spec.read_only else "READ WRITE"
    timeout = round(spec.statement_timeout * 1000)
    return f"BEGIN {mode}; SET LOCAL statement_timeout = {timeout}; SET LOCAL TimeZone = 'UTC'; {SETTINGS}; SELECT 1"


async def begin(pool: Pool) -> Wire:
    """A connection in a fresh transaction. One that died while idle is replaced, once. Raises SqlError."""
    for _ in range(2):
        wire = await pool.take()
        try:
            await wire.script(opening(pool.spec))
            return wire
        except ServerError as error:
            await pool.drop(wire)
            if not error.lost:
                raise SqlError(error.message) from None
        except psycopg.Error:
            await pool.drop(wire)
        except BaseException:
            await pool.drop(wire)
            raise
        await pool.trim(keep=0.0)  # the others died with it
    raise SqlError("The database closes its connections at once. Try again later.")


async def leave(pool: Pool, wire: Wire, *, committed: bool) -> None:
    """The statement has ended on the server before someone else gets the connection, or it is closed."""
    try:
        if not committed:
            async with asyncio.timeout(CANCELLING):
                await _end(wire)
                await wire.script("ROLLBACK")
    except (psycopg.Error, ServerError, TimeoutError, OSError):
        await pool.drop(wire)
    except BaseException:
        await pool.drop(wire)
        raise
    else:
        await pool.give(wire)


async def _end(wire: Wire) -> None:
    while wire.status == TransactionStatus.ACTIVE:
        await wire.cancel(CANCELLING)
        try:
            async with asyncio.timeout(AGAIN):
                await wire.drain()
        except TimeoutError:
            continue
