"""State to and from Postgres, over connections of its own: asynchronous psycopg, many rows in one round trip.

Each commit checks the lease in its own transaction: a holder that lost it writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, LiteralString

import msgspec
from psycopg import AsyncConnection, AsyncCursor
from psycopg.errors import DivisionByZero
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool

from .effects import Writes
from .loading import Rows
from .operations import Operation
from .records import encode_content, encode_record
from .state import Cell, Outcome, State


class LeaseLost(Exception):
    """Another holder owns the session: whoever meets this stops."""


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """The right to change a session until `expires` (seconds since 1970), if `epoch` is still the stored one."""

    session: str
    holder: str
    epoch: int
    expires: float


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a notebook's history."""

    sequence: int
    operation: Operation


Pool = AsyncConnectionPool[AsyncConnection[DictRow]]


def open_pool(conninfo: str, size: int = 8) -> Pool:
    return AsyncConnectionPool(
        conninfo,
        min_size=1,
        max_size=size,
        open=False,
        connection_class=AsyncConnection[DictRow],
        kwargs={"row_factory": dict_row, "autocommit": True},
        name="live",
    )


class Store:
    """Reads and writes sessions. `mask` makes the encrypted connection string fit to be shown."""

    def __init__(self, pool: Pool, mask: Callable[[str], str]) -> None:
        self.pool = pool
        self._mask = mask

    # Leases -----------------------------------------------------------------------------------------------------

    async def acquire(self, session: str, holder: str, seconds: float) -> Lease | str:
        """The lease with a new epoch, or the holder that has it."""
        row = await self.one(_ACQUIRE, {"session": session, "holder": holder, "seconds": seconds})
        if row is not None:
            return Lease(session=session, holder=holder, epoch=row["epoch"], expires=row["expires"].timestamp())
        row = await self.one("SELECT holder FROM session WHERE id = %(session)s", {"session": session})
        return "" if row is None else str(row["holder"])

    async def holder(self, session: str) -> str:
        """Who holds an unexpired lease: '' for nobody."""
        row = await self.one(_HOLDER, {"session": session})
        return "" if row is None else str(row["holder"])

    async def renew(self, leases: Sequence[Lease], seconds: float) -> set[str]:
        """Prolong leases; the sessions whose lease still holds."""
        async with self.pool.connection() as connection, connection.transaction():
            kept = set()
            for lease in leases:
                parameters = {"session": lease.session, "epoch": lease.epoch, "seconds": seconds}
                cursor = await connection.execute(_RENEW, parameters)
                if cursor.rowcount:
                    kept.add(lease.session)
        return kept

    async def release(self, lease: Lease) -> None:
        await self.run(_RELEASE, {"session": lease.session, "epoch": lease.epoch})

    async def save_handle(self, lease: Lease, handle: str) -> None:
        """Remember the live kernel ('' for none)."""
        await self.run(_HANDLE, {"session": lease.session, "epoch": lease.epoch, "handle": handle})

    # Reading ----------------------------------------------------------------------------------------------------

    async def load(self, session: str) -> Rows | None:
        """The rows of a session, read in one snapshot."""
        async with self.pool.connection() as connection, connection.transaction():
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor = connection.cursor()
            parameters = {"session": session}
            found = await (await cursor.execute(_SESSION, parameters)).fetchone()
            if found is None:
                return None
            parameters["notebook"] = found["notebook_id"]
            notebook = await (await cursor.execute(_NOTEBOOK, parameters)).fetchone()
            assert notebook is not None
            cells = await (await cursor.execute(_CELLS, parameters)).fetchall()
            executions = await (await cursor.execute(_EXECUTIONS, parameters)).fetchall()
        secret = notebook["connection_secret"]
        masked = self._mask(secret) if secret else None
        return Rows(
            notebook=notebook, session=found, cells=list(cells), executions=list(executions), connection_string=masked
        )

    async def one(self, query: LiteralString, parameters: dict[str, Any]) -> DictRow | None:
        async with self.pool.connection() as connection:
            return await (await connection.execute(query, parameters)).fetchone()

    async def all(self, query: LiteralString, parameters: dict[str, Any]) -> list[DictRow]:
        async with self.pool.connection() as connection:
            return await (await connection.execute(query, parameters)).fetchall()

    async def run(self, query: LiteralString, parameters: dict[str, Any]) -> None:
        async with self.pool.connection() as connection:
            await connection.execute(query, parameters)

    # Writing ----------------------------------------------------------------------------------------------------

    async def commit(self, lease: Lease, state: State, writes: Writes, changes: Sequence[Recorded]) -> None:
        """Store what changed up to `state`, in one transaction. Raises `LeaseLost`, or what the database says.

        All of it is one round trip: `_ADVANCE` fails where the lease is lost, and the rest of the pipeline with it.
        """
        try:
            async with self.pool.connection() as connection, connection.pipeline():
                cursor = connection.cursor()
                await cursor.execute("BEGIN")
                await cursor.execute(_ADVANCE, _advance(lease, state))
                await self._write(cursor, lease, state, writes, changes)
                await cursor.execute("COMMIT")
        except DivisionByZero:
            raise LeaseLost from None

    async def _write(
        self, cursor: AsyncCursor[DictRow], lease: Lease, state: State, writes: Writes, changes: Sequence[Recorded]
    ) -> None:
        notebook = state.notebook.id
        if writes.cells:
            rows = [_cell_row(notebook, state, cell) for cell in sorted(writes.cells) if _known(state, cell)]
            await cursor.executemany(_PUT_CELL, rows)
        if writes.notebook:
            await cursor.execute(_PUT_NOTEBOOK, _notebook_row(state))
        elif writes.cells:
            await cursor.execute("UPDATE notebook SET updated_at = now() WHERE id = %(id)s", {"id": notebook})
        outcomes = [(cell, state.outcomes[cell]) for cell in sorted(writes.outcomes) if cell in state.outcomes]
        if outcomes:
            await cursor.execute(_PUT_EXECUTIONS, _outcome_columns(state, outcomes))
            outputs = [_output_row(outcome, path) for _, outcome in outcomes for path in outcome.outputs]
            if outputs:
                await cursor.executemany(_PUT_OUTPUT, outputs)
        if changes:
            await cursor.executemany(_PUT_CHANGE, [_change_row(notebook, lease, change) for change in changes])


def _known(state: State, cell: str) -> bool:
    return cell in state.cells or cell in state.deleted


def _advance(lease: Lease, state: State) -> dict[str, Any]:
    kernel = state.kernel
    return {
        "session": lease.session,
        "epoch": lease.epoch,
        "sequence": state.sequence,
        "kernel_epoch": kernel.epoch,
        "kernel_reason": (kernel.reason or "") if kernel.status in ("none", "dead") else "",
        "executions": state.executions,
    }


def _cell_row(notebook: str, state: State, cell_id: str) -> dict[str, Any]:
    deleted = cell_id not in state.cells
    cell: Cell = state.deleted[cell_id] if deleted else state.cells[cell_id]
    return {
        "id": cell.id,
        "notebook": notebook,
        "cell_type": cell.type,
        "code": cell.code,
        "version": cell.version,
        "position": cell.position,
        "disabled": cell.disabled,
        "manual": cell.manual,
        "code_hidden": cell.code_hidden,
        "output_name": cell.output_name,
        "connection": cell.connection,
        "deleted_at": datetime.now(UTC) if deleted else None,
    }


def _notebook_row(state: State) -> dict[str, Any]:
    notebook = state.notebook
    return {
        "id": notebook.id,
        "title": notebook.title,
        "mode": notebook.mode,
        "delay": notebook.delay,
        "connection": notebook.connection_id,
        "secret": notebook.connection_secret,
        "version": notebook.connection_version,
    }


def _outcome_columns(state: State, outcomes: Sequence[tuple[str, Outcome]]) -> dict[str, Any]:
    """A list for each column: a cascade stores hundreds in one statement."""
    finished = [outcome for _, outcome in outcomes]
    started = [each.started_at for each in finished]
    return {
        "session": state.session,
        "cells": [cell for cell, _ in outcomes],
        "ids": [each.id for each in finished],
        "numbers": [each.execution for each in finished],
        "runs": [each.run_id for each in finished],
        "statuses": [each.status for each in finished],
        "records": [encode_record(each) for each in finished],
        "contents": [encode_content(each.content) for each in finished],
        "started": [None if at is None else datetime.fromtimestamp(at, UTC) for at in started],
        "finished": [datetime.fromtimestamp(each.finished_at, UTC) for each in finished],
        "durations": [each.duration for each in finished],
    }


def _output_row(outcome: Outcome, path: str) -> dict[str, Any]:
    return {
        "id": outcome.outputs[path],
        "execution": outcome.id,
        "mime": path.split("/", 1)[1],
        "path": path,
    }


def _change_row(notebook: str, lease: Lease, change: Recorded) -> dict[str, Any]:
    operation = msgspec.to_builtins(change.operation)
    for private in ("secret", "by", "at"):
        operation.pop(private, None)
    return {
        "notebook": notebook,
        "sequence": change.sequence,
        "epoch": lease.epoch,
        "author": change.operation.by.user,
        "at": datetime.fromtimestamp(change.operation.at, UTC),
        "operation": Jsonb(operation),
    }


_ACQUIRE: LiteralString = """
UPDATE session SET holder = %(holder)s, epoch = epoch + 1, expires = now() + make_interval(secs => %(seconds)s)
WHERE id = %(session)s AND (holder = '' OR holder = %(holder)s OR expires IS NULL OR expires < now())
RETURNING epoch, expires
"""
_HOLDER: LiteralString = """
SELECT holder FROM session WHERE id = %(session)s AND holder <> '' AND expires > now()
"""
_RENEW: LiteralString = """
UPDATE session SET expires = now() + make_interval(secs => %(seconds)s)
WHERE id = %(session)s AND epoch = %(epoch)s AND holder <> ''
"""
_RELEASE: LiteralString = """
UPDATE session SET holder = '', expires = NULL, kernel_handle = '' WHERE id = %(session)s AND epoch = %(epoch)s
"""
_HANDLE: LiteralString = """
UPDATE session SET kernel_handle = %(handle)s WHERE id = %(session)s AND epoch = %(epoch)s
"""
_ADVANCE: LiteralString = """
WITH advanced AS (
    UPDATE session SET sequence = %(sequence)s, kernel_epoch = %(kernel_epoch)s,
        kernel_reason = %(kernel_reason)s, executions = %(executions)s
    WHERE id = %(session)s AND epoch = %(epoch)s AND holder <> '' RETURNING id
)
SELECT 1 / count(*) FROM advanced
"""
_SESSION: LiteralString = "SELECT * FROM session WHERE id = %(session)s"
_NOTEBOOK: LiteralString = "SELECT * FROM notebook WHERE id = %(notebook)s"
_CELLS: LiteralString = "SELECT * FROM cell WHERE notebook_id = %(notebook)s"
_EXECUTIONS: LiteralString = """
SELECT e.*, coalesce(
    (SELECT jsonb_object_agg(o.path, o.id) FROM output o WHERE o.execution_id = e.id), '{}'
) AS outputs FROM execution e WHERE e.session_id = %(session)s
"""
_PUT_CELL: LiteralString = """
INSERT INTO cell (id, notebook_id, cell_type, code, version, position, disabled, manual, code_hidden, output_name,
                  connection, deleted_at)
VALUES (%(id)s, %(notebook)s, %(cell_type)s, %(code)s, %(version)s, %(position)s, %(disabled)s, %(manual)s,
        %(code_hidden)s, %(output_name)s, %(connection)s, %(deleted_at)s)
ON CONFLICT (id) DO UPDATE SET
    cell_type = excluded.cell_type, code = excluded.code, version = excluded.version, position = excluded.position,
    disabled = excluded.disabled, manual = excluded.manual, code_hidden = excluded.code_hidden,
    output_name = excluded.output_name, connection = excluded.connection, deleted_at = excluded.deleted_at
WHERE cell.notebook_id = excluded.notebook_id
"""
_PUT_NOTEBOOK: LiteralString = """
UPDATE notebook SET title = %(title)s, execution_mode = %(mode)s, auto_run_delay = %(delay)s,
    connection_id = %(connection)s, connection_secret = %(secret)s, connection_version = %(version)s,
    updated_at = now() WHERE id = %(id)s
"""
_PUT_EXECUTIONS: LiteralString = """
WITH new AS (
    SELECT * FROM unnest(
        %(ids)s::uuid[], %(cells)s::uuid[], %(numbers)s::bigint[], %(runs)s::text[], %(statuses)s::text[],
        %(records)b::bytea[], %(contents)b::bytea[], %(started)s::timestamptz[], %(finished)s::timestamptz[],
        %(durations)s::float8[]
    ) AS new (id, cell_id, number, run, status, record, content, started_at, finished_at, duration)
), gone AS (
    DELETE FROM output USING execution e, new
    WHERE output.execution_id = e.id AND e.session_id = %(session)s AND e.cell_id = new.cell_id AND e.id <> new.id
)
INSERT INTO execution (id, session_id, cell_id, number, run, status, record, content, started_at, finished_at, duration)
SELECT id, %(session)s::uuid, cell_id, number, run, status, record, content, started_at, finished_at, duration FROM new
ON CONFLICT (session_id, cell_id) DO UPDATE SET
    id = excluded.id, number = excluded.number, run = excluded.run, status = excluded.status,
    record = excluded.record, content = excluded.content, started_at = excluded.started_at,
    finished_at = excluded.finished_at, duration = excluded.duration
"""
_PUT_OUTPUT: LiteralString = """
INSERT INTO output (id, execution_id, mime, path) VALUES (%(id)s, %(execution)s, %(mime)s, %(path)s)
ON CONFLICT (id) DO NOTHING
"""
_PUT_CHANGE: LiteralString = """
INSERT INTO change (notebook_id, sequence, epoch, author_id, at, operation)
VALUES (%(notebook)s, %(sequence)s, %(epoch)s, %(author)s, %(at)s, %(operation)s)
"""
