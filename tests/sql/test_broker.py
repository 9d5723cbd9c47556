"""What a cell's statements may do and what comes back."""

from __future__ import annotations

import asyncio

import msgspec
import psycopg
import pytest

from kernel.protocol import MAX_FRAME
from tests.sql.support import Session, eventually


async def test_rows_and_their_record(sql: Session) -> None:
    answer = await sql.run("SELECT i, 'row ' || i AS t FROM generate_series(1, 3) i")
    assert answer.rows == [(1, "row 1"), (2, "row 2"), (3, "row 3")]
    assert answer.last.rows_affected is None
    (record,) = await sql.recorded()
    assert (record.user, record.notebook, record.cell, record.connection_name) == (7, "n1", "c1", "Analysis")
    assert (record.rows, record.error) == (3, "")
    assert record.statement.startswith("SELECT i")
    assert record.duration is not None and 0 < record.duration < 5
    assert record.at.tzinfo is not None


async def test_statements_without_rows(sql: Session) -> None:
    answer = await sql.write("CREATE TABLE plain (a int); INSERT INTO plain SELECT generate_series(1, 5)")
    assert (answer.last.rows_affected, answer.last.data, len(answer.replies)) == (5, b"", 1)
    assert (await sql.write("CREATE TABLE plainer (a int)")).last.rows_affected is None
    assert (await sql.write("DELETE FROM plain WHERE a > 3")).last.rows_affected == 2
    assert (await sql.write("INSERT INTO plain VALUES (9) RETURNING a")).value == 9
    assert [record.rows for record in await sql.recorded(4)] == [5, None, 2, 1]


async def test_a_cell_is_one_transaction(sql: Session) -> None:
    await sql.write("CREATE TABLE whole (a int PRIMARY KEY)")
    answer = await sql.write("INSERT INTO whole VALUES (1);\nINSERT INTO whole VALUES (2);\nSELECT 1 / 0")
    assert "division by zero" in answer.error
    assert (await sql.run("SELECT count(*) FROM whole")).value == 0
    assert (await sql.write("INSERT INTO whole VALUES (1); SELECT count(*) FROM whole")).value == 1
    assert (await sql.run("SELECT count(*) FROM whole")).value == 1


async def test_what_fails_at_the_commit_is_an_error(sql: Session) -> None:
    await sql.write("CREATE TABLE late (a int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
    answer = await sql.write("INSERT INTO late VALUES (1), (1)")
    assert "duplicate key" in answer.error
    assert answer.last.rows_affected is None
    assert (await sql.run("SELECT count(*) FROM late")).value == 0


async def test_errors_say_where(sql: Session) -> None:
    answer = await sql.run("SELECT 1;\n\n-- here\nSELECT a,\n  nothing\nFROM generate_series(1, 2) a")
    assert 'column "nothing" does not exist, line 5' in answer.error
    (record,) = await sql.recorded()
    assert "nothing" in record.error
    assert "syntax error" in (await sql.run("SELEC 1")).error
    assert "no statement" in (await sql.run(" -- nothing\n;")).error


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO kept VALUES (1)",
        "CREATE TABLE other (a int)",
        "DROP TABLE kept",
        "WITH x AS (DELETE FROM kept RETURNING a) SELECT * FROM x",
        "SELECT nextval('counter')",
        "DO $$ BEGIN INSERT INTO kept VALUES (1); END $$",
        "SET transaction_read_only = off; INSERT INTO kept VALUES (1)",
        "SELECT set_config('transaction_read_only', 'off', true); INSERT INTO kept VALUES (1)",
        "RESET ALL; INSERT INTO kept VALUES (1)",
        "SET default_transaction_read_only = off; INSERT INTO kept VALUES (1)",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE; INSERT INTO kept VALUES (1)",
        "SET TRANSACTION READ WRITE; INSERT INTO kept VALUES (1)",
        "DISCARD ALL; INSERT INTO kept VALUES (1)",
        "COMMIT; INSERT INTO kept VALUES (1)",
        "ROLLBACK AND CHAIN; INSERT INTO kept VALUES (1)",
        "/* x /* y */ */ -- z\nEnD; INSERT INTO kept VALUES (1)",
        "SET standard_conforming_strings = off; SELECT '\\'; COMMIT; INSERT INTO kept VALUES (1); --'",
        "DO $$ BEGIN COMMIT; INSERT INTO kept VALUES (1); END $$",
        "CALL leave()",
        "SELECT 1\\; INSERT INTO kept VALUES (1)",
        "SELECT 1) TO STDOUT; INSERT INTO kept VALUES (1); --",
        "COPY kept FROM STDIN",
        "COPY (SELECT 1) TO PROGRAM 'touch /tmp/cascade-was-here'",
    ],
)
async def test_read_only_means_it(sql: Session, admin: psycopg.Connection[object], statement: str) -> None:
    admin.execute("CREATE TABLE IF NOT EXISTS kept (a int); ALTER TABLE kept OWNER TO analyst")
    admin.execute("CREATE SEQUENCE IF NOT EXISTS counter; GRANT ALL ON SEQUENCE counter TO analyst")
    admin.execute(
        "CREATE OR REPLACE PROCEDURE leave() LANGUAGE plpgsql AS $$ BEGIN COMMIT; INSERT INTO kept VALUES (1); END $$"
    )
    answer = await sql.run(statement)
    assert answer.error
    if "read-only transaction" in answer.error:
        assert "The connection Analysis is read-only" in answer.error
    assert admin.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    assert (await sql.run("SELECT current_setting('transaction_read_only')")).value == "on"


async def test_one_use_leaves_nothing_for_the_next(sql: Session) -> None:
    limits = {"pool_size": 1}
    await sql.write("CREATE SCHEMA elsewhere", **limits)
    pid = (await sql.write("SELECT pg_backend_pid()", **limits)).value
    answer = await sql.write(
        "SET search_path = elsewhere; SET statement_timeout = 0; CREATE TEMP TABLE mine (a int); "
        "PREPARE p AS SELECT 1; SELECT pg_advisory_lock(5); LISTEN news; SET ROLE analyst",
        **limits,
    )
    assert not answer.error
    answer = await sql.write(
        "SELECT pg_backend_pid(), current_setting('search_path'), to_regclass('mine')::text, "
        "(SELECT count(*) FROM pg_prepared_statements WHERE name <> ''), "
        "(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'), current_setting('statement_timeout')",
        **limits,
    )
    assert answer.rows == [(pid, '"$user", public', None, 0, 0, "1min")]


@pytest.mark.parametrize("bound", [(), (True,)])
async def test_the_row_cap_says_so(sql: Session, bound: tuple[bool, ...]) -> None:
    where = "WHERE $1" if bound else ""
    answer = await sql.run(f"SELECT i FROM generate_series(1, 20000) i {where}", *bound, row_limit=5000)
    assert answer.table.num_rows == 5000
    assert "5,000 rows" in answer.last.notice and "Analysis" in answer.last.notice
    answer = await sql.run(f"SELECT i FROM generate_series(1, 5000) i {where}", *bound, row_limit=5000)
    assert (answer.table.num_rows, answer.last.notice) == (5000, "")
    assert [record.rows for record in await sql.recorded(2)] == [5000, 5000]


async def test_the_row_cap_is_cheap_and_keeps_what_was_written(sql: Session) -> None:
    await sql.write("CREATE TABLE log (a int)")
    async with asyncio.timeout(20):
        answer = await sql.write("INSERT INTO log VALUES (1); SELECT generate_series(1, 2000000000)", row_limit=10)
        assert answer.table.num_rows == 10
    assert (await sql.run("SELECT count(*) FROM log")).value == 1
    answer = await sql.write("INSERT INTO log SELECT generate_series(1, 50) RETURNING a", row_limit=10)
    assert answer.table.num_rows == 10 and answer.last.notice
    assert (await sql.run("SELECT count(*) FROM log")).value == 51


async def test_order_holds_below_the_cap(sql: Session) -> None:
    answer = await sql.run("SELECT i FROM generate_series(1, 9999) i ORDER BY -i", row_limit=5)
    assert [value for (value,) in answer.rows] == [9999, 9998, 9997, 9996, 9995]


@pytest.mark.parametrize(
    "statement",
    [
        "WITH x AS (SELECT 1 AS a) SELECT * FROM x -- the end",
        "(SELECT 1 AS a) UNION ALL (SELECT 1) LIMIT 1",
        "VALUES (1)",
        "SELECT count(*)::int FROM (TABLE pg_database) d WHERE datname = 'analysis';;",
        "SHOW server_version_num",
        "EXPLAIN SELECT 1",
        "SELECT 1 AS a FROM pg_database FOR KEY SHARE LIMIT 1",
    ],
)
async def test_forms_of_queries(sql: Session, statement: str) -> None:
    answer = await sql.run(statement)
    if "FOR KEY" not in statement:
        assert answer.table.num_rows == 1
        assert answer.value in (1, "180004") or answer.value


async def test_large_results_come_in_pieces(sql: Session) -> None:
    answer = await sql.run("SELECT i, repeat('x', 100) AS t FROM generate_series(1, 300000) i")
    assert answer.table.num_rows == 300_000
    assert len(answer.replies) > 3
    assert max(len(msgspec.msgpack.encode(reply)) for reply in answer.replies) < MAX_FRAME / 4
    answer = await sql.run("SELECT repeat('ä', 20000000) AS t")
    assert len(answer.value) == 20_000_000
    assert max(len(reply.data) for reply in answer.replies) < MAX_FRAME / 4


async def test_others_get_their_turn_meanwhile(sql: Session) -> None:
    longest, last = 0.0, asyncio.get_running_loop().time()

    async def watch() -> None:
        nonlocal longest, last
        while True:
            await asyncio.sleep(0)
            now = asyncio.get_running_loop().time()
            longest, last = max(longest, now - last), now

    watching = asyncio.create_task(watch())
    await sql.run("SELECT i, i::text AS t, now() AS n, i * 1.5 AS d FROM generate_series(1, 300000) i")
    watching.cancel()
    assert longest < 0.5


async def test_statements_that_were_refused_are_recorded_too(sql: Session) -> None:
    await sql.run("COMMIT")
    await sql.run("ALTER ROLE analyst PASSWORD 'new one'")
    await sql.run(f"SELECT '{sql.url.split(':')[2].split('@')[0]}'")
    first, second, third = await sql.recorded(3)
    assert first.duration is None and "COMMIT" in first.error
    assert "new one" not in second.statement
    assert third.statement == "SELECT '***'"


async def test_without_a_ticket_nothing_runs(sql: Session) -> None:
    answer = await sql.answer("never granted", "SELECT 1")
    assert answer.error
    token = sql.grant()
    sql.broker.revoke(token)
    assert (await sql.answer(token, "SELECT 1")).error
    assert sql.records == []


async def test_a_record_that_fails_disturbs_nobody(sql: Session) -> None:
    async def fail(record: object) -> None:
        raise RuntimeError("no")

    sql.broker._record = fail
    assert (await sql.run("SELECT 1")).value == 1
    assert (await sql.run("SELECT 2")).value == 2
    await eventually(lambda: not sql.broker._tasks)
