"""Large results: many rows of mixed types, odd answers of the server, and what is lent to a kernel."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from kernel.memory import NAME, Lent
from kernel.protocol import SqlReply
from tests.sql.support import Session, eventually

MIXED = """
SELECT i::bigint AS id, CASE WHEN i % 10 <> 0 THEN 9007199254740992 + i END AS n, (i % 100)::smallint AS small,
       (i / 100.0)::numeric(12, 2) AS price, i / 8.0::float8 AS x, CASE WHEN i % 3 <> 0 THEN 'name ' || i END AS name,
       md5(i::text)::uuid AS key, timestamp '2024-01-01' + i * interval '1 second' AS at,
       date '2024-01-01' + i % 1000 AS day, CASE WHEN i % 7 <> 0 THEN i % 2 = 0 END AS flag
FROM generate_series(1, {count}) i
"""


def lent_memory() -> list[str]:
    """What this process still has of memory that it lent."""
    links = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            links.append(os.readlink(link))
        except FileNotFoundError:
            pass
    return [link for link in links if NAME in link]


async def test_a_large_result_is_right_in_every_column(sql: Session) -> None:
    count = 100_000
    answer = await sql.run(MIXED.format(count=count))
    assert answer.lent, "it travels in memory"
    columns = {name: answer.table.column(name).to_pylist() for name in answer.table.column_names}
    numbers = range(1, count + 1)
    assert columns["id"] == list(numbers)
    assert columns["n"] == [2**53 + i if i % 10 else None for i in numbers]
    assert columns["small"] == [i % 100 for i in numbers]
    assert columns["price"] == [str(Decimal(i) / 100 + Decimal("0.00")) for i in numbers]
    assert columns["x"] == [i / 8 for i in numbers]
    assert columns["name"] == [f"name {i}" if i % 3 else None for i in numbers]
    assert columns["at"] == [dt.datetime(2024, 1, 1) + dt.timedelta(seconds=i) for i in numbers]
    assert columns["day"] == [dt.date(2024, 1, 1) + dt.timedelta(days=i % 1000) for i in numbers]
    assert columns["flag"] == [i % 2 == 0 if i % 7 else None for i in numbers]
    assert columns["key"][:2] == ["c4ca4238-a0b9-2382-0dcc-509a6f75849b", "c81e728d-9d4c-2f63-6f06-7f89cc14862c"]
    del answer
    assert lent_memory() == []


async def test_a_small_result_travels_in_its_reply(sql: Session) -> None:
    answer = await sql.run(MIXED.format(count=100))
    assert not answer.lent
    assert answer.table.num_rows == 100


async def test_where_nothing_can_be_lent_results_travel_in_replies(
    sql: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kernel.sql.pieces.can_lend", lambda: False)
    answer = await sql.run(MIXED.format(count=150_000))
    assert not answer.lent and len(answer.replies) > 2
    assert answer.table.column("id").to_pylist() == list(range(1, 150_001))


async def test_values_that_look_like_rows_are_values(sql: Session) -> None:
    """Each holds whole messages of one column, one behind the other, as the server itself writes them."""
    row = b"D" + (14).to_bytes(4, "big") + (1).to_bytes(2, "big") + (4).to_bytes(4, "big") + b"evil"
    answer = await sql.run(
        "SELECT decode($1, 'hex') || i::text::bytea AS v FROM generate_series(1, 20000) i", row.hex() * 5
    )
    assert answer.table.column("v").to_pylist() == [row * 5 + str(i).encode() for i in range(1, 20_001)]


async def test_a_row_larger_than_what_is_read_at_once(sql: Session) -> None:
    answer = await sql.run("SELECT i, repeat('x', i * 3000000) AS v FROM generate_series(0, 4) i")
    assert [len(value) for value in answer.table.column("v").to_pylist()] == [i * 3_000_000 for i in range(5)]


async def test_a_row_that_is_too_large_is_refused(sql: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kernel.sql.stream.LARGEST", 5_000_000)
    answer = await sql.run("SELECT repeat('x', 9000000) AS v FROM generate_series(1, 5)", pool_size=1)
    assert answer.error == "A row has 9 MB: one row may have 5 MB."
    assert (await sql.run("SELECT 1", pool_size=1)).value == 1


async def test_what_exceeds_the_size_of_a_result_is_cut_and_said(sql: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kernel.sql.execution.MAX_RESULT", 10_000_000)
    answer = await sql.run(MIXED.format(count=200_000))
    rows = answer.table.num_rows
    assert 0 < rows < 200_000
    assert answer.last.notice == (
        f"Only the first {rows:,} rows were fetched, as 10 MB are the most that a result may have: "
        "narrow the statement down, or aggregate in it."
    )
    (record,) = await sql.recorded()
    assert record.rows == rows


async def test_an_error_after_many_rows(sql: Session) -> None:
    answer = await sql.run("SELECT 1 / (i - 90000) FROM generate_series(1, 100000) i", pool_size=1)
    assert answer.error == "division by zero"
    assert lent_memory() == []
    assert (await sql.run("SELECT 1", pool_size=1)).value == 1


async def test_notices_between_rows_are_no_rows(sql: Session) -> None:
    answer = await sql.write(
        "CREATE FUNCTION pg_temp.loud(i int) RETURNS int LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE NOTICE 'D %', i; RETURN i; END $$; SELECT pg_temp.loud(i) AS v FROM generate_series(1, 5000) i"
    )
    assert answer.table.column("v").to_pylist() == list(range(1, 5001))


async def test_statements_that_change_and_return_many_rows(sql: Session) -> None:
    answer = await sql.write(
        "CREATE TEMP TABLE t (i int, s text); INSERT INTO t SELECT i, 'x' || i FROM generate_series(1, 50000) i "
        "RETURNING i, s"
    )
    assert answer.rows[-1] == (50_000, "x50000")
    assert answer.table.num_rows == 50_000


async def test_bound_values_of_many_megabytes(sql: Session) -> None:
    answer = await sql.run("SELECT length($1) AS a, $2 AS b", "x" * 20_000_000, None)
    assert answer.rows == [(20_000_000, None)]


async def test_a_connection_that_dies_amid_the_rows(sql: Session, admin: psycopg.Connection[Any]) -> None:
    token = sql.grant(pool_size=1)
    replies = sql.broker.run(token, 1, "SELECT i, repeat('x', 1000) AS t FROM generate_series(1, 900000) i", ())
    assert isinstance(await anext(replies), Lent)
    admin.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'analyst'")
    last = [reply async for reply in replies][-1]
    assert isinstance(last, SqlReply) and "lost" in last.error
    assert (await sql.run("SELECT 1", pool_size=1)).value == 1


async def test_whoever_stops_listening_leaves_nothing(sql: Session, admin: psycopg.Connection[Any]) -> None:
    """Also while a thread reads: the connection is in order again, and no memory is left."""
    for pause in (0.0, 0.03, 0.1):
        task = asyncio.create_task(sql.answer(sql.grant(pool_size=1), MIXED.format(count=900_000)))
        await eventually(lambda: busy(admin))
        await asyncio.sleep(pause)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (await sql.run("SELECT 1", pool_size=1)).value == 1
    await eventually(lambda: not busy(admin))
    await eventually(lambda: lent_memory() == [])


def busy(admin: psycopg.Connection[Any]) -> bool:
    query = "SELECT FROM pg_stat_activity WHERE usename = 'analyst' AND state = 'active'"
    return admin.execute(query).fetchone() is not None


async def test_no_statement_can_write_over_what_was_lent(sql: Session) -> None:
    answer = await sql.run(MIXED.format(count=20_000))
    descriptor = answer.lent[0].memory.fileno()
    for attempt in (lambda: os.pwrite(descriptor, b"x", 0), lambda: os.ftruncate(descriptor, 2**30)):
        with pytest.raises(PermissionError):
            attempt()
    kept = os.dup(descriptor)
    answer.lent[0].memory.end()
    assert os.fstat(kept).st_size == 0, "the pages are given back, whoever still has a descriptor"
    os.close(kept)


async def test_the_schema_of_every_piece_is_the_same(sql: Session) -> None:
    answer = await sql.run(MIXED.format(count=150_000))
    assert len(answer.lent) > 1
    assert isinstance(answer.table, pa.Table) and answer.table.num_rows == 150_000
