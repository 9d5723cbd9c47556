"""Ends before the end: timeouts, cancelling, lost connections; and how many connections there are."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import msgspec
import psycopg
import pytest

from tests.sql.support import Answer, Session, eventually

Admin = psycopg.Connection[Any]


def active(admin: Admin, text: str = "%pg_sleep%") -> int:
    """How many of the notebooks' statements the server is working on."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'analyst' AND state = 'active' AND query LIKE %s"
    row = admin.execute(query, [text]).fetchone()
    assert row is not None
    return int(row[0])


def connections(admin: Admin) -> int:
    row = admin.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = 'analyst'").fetchone()
    assert row is not None
    return int(row[0])


async def sleeping(sql: Session, admin: Admin, statement: str = "SELECT pg_sleep(60)", **changes: Any) -> Any:
    """A running statement: its token and the task that waits for it."""
    token = sql.grant(**changes)
    task = asyncio.create_task(sql.answer(token, statement))
    await eventually(lambda: active(admin))
    return token, task


async def test_timeout(sql: Session, admin: Admin) -> None:
    answer = await sql.run("SELECT pg_sleep(30)", statement_timeout=0.3)
    assert "timeout" in answer.error and "0.3 s" in answer.error
    assert active(admin) == 0
    (record,) = await sql.recorded()
    assert record.duration is not None and 0.2 < record.duration < 5
    assert "timeout" in record.error


async def test_timeout_cannot_be_lifted(sql: Session, admin: Admin) -> None:
    answer = await sql.run("SET statement_timeout = 0; SELECT pg_sleep(30)", statement_timeout=0.3)
    assert "0.3 s" in answer.error
    await eventually(lambda: not active(admin))
    assert (await sql.run("SELECT 1", statement_timeout=0.3)).value == 1


async def test_timeout_of_many_short_statements(sql: Session) -> None:
    """The limit is for each statement, as Postgres counts it."""
    answer = await sql.run("SELECT pg_sleep(0.3);" * 4 + "SELECT 1", statement_timeout=0.8)
    assert answer.value == 1


async def test_no_timeout(sql: Session) -> None:
    assert (await sql.run("SELECT current_setting('statement_timeout')", statement_timeout=0)).value == "0"


async def test_cancelling_ends_it_on_the_server(sql: Session, admin: Admin) -> None:
    _, task = await sleeping(sql, admin, pool_size=1)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass
    await eventually(lambda: not active(admin))
    assert (await sql.run("SELECT 1", pool_size=1)).value == 1
    assert connections(admin) == 1, "the connection is used again"
    first, _ = await sql.recorded(2)
    assert "cancelled" in first.error and first.duration is not None


async def test_revoking_ends_it_on_the_server(sql: Session, admin: Admin) -> None:
    token, task = await sleeping(sql, admin, "SELECT 1; SELECT pg_sleep(60); SELECT pg_sleep(60)", pool_size=1)
    sql.broker.revoke(token)
    async with asyncio.timeout(5):
        answer: Answer = await task
    assert "cancelled" in answer.error
    assert active(admin) == 0
    assert (await sql.run("SELECT 1", pool_size=1)).value == 1


async def test_cancelling_twice_still_cancels(sql: Session, admin: Admin) -> None:
    _, task = await sleeping(sql, admin, "SELECT pg_sleep(20)", pool_size=1)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await eventually(lambda: not active(admin))
    assert (await sql.run("SELECT 1", pool_size=1)).value == 1


async def test_cancelling_amid_the_rows(sql: Session, admin: Admin) -> None:
    big = "SELECT i, repeat('x', 1000) AS t FROM generate_series(1, 900000) i"
    for statement, parameters in ((big, ()), (big + " WHERE $1", (True,))):
        token = sql.grant(pool_size=1)
        replies = sql.broker.run(token, 1, statement, parameters)
        async for _ in replies:
            break
        await replies.aclose()
        await eventually(lambda: not active(admin, "%repeat%"))
        assert (await sql.run("SELECT 1", pool_size=1)).value == 1


async def test_revoked_while_it_waits_for_a_connection(sql: Session, admin: Admin) -> None:
    _, task = await sleeping(sql, admin, "SELECT pg_sleep(0.5)", pool_size=1)
    token = sql.grant(pool_size=1)
    waiting = asyncio.create_task(sql.answer(token, "SELECT 1"))
    await asyncio.sleep(0.1)
    sql.broker.revoke(token)
    assert (await waiting).error
    assert not (await task).error


async def test_pool_size_is_respected(sql: Session, admin: Admin) -> None:
    most = 0

    async def look() -> None:
        nonlocal most
        while True:
            most = max(most, active(admin))
            await asyncio.sleep(0.02)

    looking = asyncio.create_task(look())
    answers = await asyncio.gather(*(sql.run("SELECT pg_sleep(0.2), pg_backend_pid()", pool_size=2) for _ in range(6)))
    looking.cancel()
    assert most == 2
    assert len({answer.rows[0][1] for answer in answers}) == 2


async def test_a_connection_that_died_is_replaced(sql: Session, admin: Admin) -> None:
    await asyncio.gather(*(sql.run("SELECT pg_sleep(0.2)", pool_size=3) for _ in range(3)))
    await eventually(lambda: connections(admin) == 3)
    admin.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'analyst'")
    assert connections(admin) == 0
    assert (await sql.run("SELECT 1", pool_size=3)).value == 1
    assert (await sql.run("SELECT 2", pool_size=3)).value == 2


async def test_a_connection_that_dies_meanwhile(sql: Session, admin: Admin) -> None:
    _, task = await sleeping(sql, admin)
    admin.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'analyst'")
    answer = await task
    assert answer.error
    assert "127.0.0.1" not in answer.error
    assert (await sql.run("SELECT 1")).value == 1


async def test_idle_connections_are_closed(sql: Session, admin: Admin) -> None:
    await sql.run("SELECT 1")
    (pool,) = sql.broker._pools.values()
    await eventually(lambda: not pool.taken)
    assert not await pool.trim(keep=60)
    assert connections(admin) == 1
    assert await pool.trim(keep=0)
    await eventually(lambda: connections(admin) == 0)


async def test_they_are_closed_in_time(sql: Session, admin: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kernel.sql.broker.SWEEP", 0.05)
    monkeypatch.setattr("kernel.sql.broker.KEEP", 0.1)
    await sql.run("SELECT 1")
    assert connections(admin) == 1
    await eventually(lambda: not sql.broker._pools and connections(admin) == 0)
    assert (await sql.run("SELECT 1")).value == 1


async def test_whatever_is_cancelled_when_harms_nobody(sql: Session, admin: Admin) -> None:
    """Cancelled and revoked at any moment: the others' results are right, and no place in the pool is lost."""
    dice = random.Random(7)

    async def one(number: int) -> None:
        token = sql.grant(pool_size=3)
        task = asyncio.create_task(sql.answer(token, f"SELECT 1; SELECT {number} AS v, pg_sleep(0.01)"))
        if number % 3:
            await asyncio.sleep(dice.random() * 0.05)
            task.cancel() if number % 3 == 1 else sql.broker.revoke(token)
            await asyncio.gather(task, return_exceptions=True)
            return
        assert (await task).rows[0][0] == number

    await asyncio.gather(*(one(number) for number in range(150)))
    await eventually(lambda: not sql.broker._tasks and not sql.broker._runs)
    (pool,) = sql.broker._pools.values()
    assert pool.taken == 0
    assert pool._places._value == 3
    assert connections(admin) <= 3


async def test_close_ends_everything(sql: Session, admin: Admin) -> None:
    _, task = await sleeping(sql, admin)
    await sql.run("SELECT 1")
    async with asyncio.timeout(10):
        await sql.broker.close()
        assert (await task).error
    await eventually(lambda: connections(admin) == 0)
    assert (await sql.run("SELECT 1")).error
    assert len(sql.records) >= 2


async def test_a_changed_connection_is_another_pool(sql: Session) -> None:
    await sql.run("SELECT 1")
    spec = msgspec.structs.replace(sql.spec(), key="analysis/2")
    await sql.run("SELECT 1", key=spec.key)
    assert len(sql.broker._pools) == 2
