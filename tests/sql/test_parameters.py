"""Bound values: each type as it comes from a kernel, and never a piece of SQL."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest

from kernel.protocol import Event, SqlRequest
from tests.sql.support import Session

ID = UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
NOON = dt.datetime(2024, 7, 1, 12, 0, tzinfo=dt.timezone(dt.timedelta(hours=2)))
BYTES = bytes(range(256))
CASES: list[tuple[Any, str, str]] = [
    (True, "boolean", "$1"),
    (7, "integer", "$1 = 7"),
    (-(2**31), "integer", "$1 = -2147483648"),
    (2**31, "bigint", "$1 = 2147483648"),
    (2**53 + 1, "bigint", "$1 = 9007199254740993"),
    (-(2**63), "bigint", "$1::text = '-9223372036854775808'"),
    (2**70, "numeric", "$1 = 1180591620717411303424"),
    (0.1, "double precision", "$1 = 0.1::float8"),
    (math.inf, "double precision", "$1 = 'Infinity'"),
    (math.nan, "double precision", "$1 = 'NaN'"),
    (BYTES, "bytea", "length($1) = 256"),
    (dt.date(2024, 2, 29), "date", "$1 = date '2024-02-29'"),
    (dt.time(10, 20, 30, 5), "time without time zone", "$1 = time '10:20:30.000005'"),
    (dt.datetime(2024, 1, 1, 10), "timestamp without time zone", "$1 = timestamp '2024-01-01 10:00'"),
    (NOON, "timestamp with time zone", "$1 = timestamptz '2024-07-01 10:00+00'"),
    (Decimal("1.50"), "numeric", "$1 = 1.50"),
    (Decimal("NaN"), "numeric", "$1 = 'NaN'"),
    (ID, "uuid", f"$1 = uuid '{ID}'"),
    ([1, None, 3], "integer[]", "$1 = '{1,NULL,3}'::int[]"),
    ([1, 2**40], "bigint[]", "$1 = '{1,1099511627776}'::bigint[]"),
    ([1, 0.5], "double precision[]", "$1 = '{1,0.5}'::float8[]"),
    ([True, False], "boolean[]", "$1 = '{t,f}'::bool[]"),
    ([BYTES], "bytea[]", "length($1[1]) = 256"),
    ([[1, 2], [3, 4]], "integer[]", "$1[2][1] = 3"),
]


@pytest.mark.parametrize(("value", "kind", "condition"), CASES, ids=[f"{c[0]!r:.20}-{c[1]}" for c in CASES])
async def test_a_value_has_its_type(sql: Session, value: Any, kind: str, condition: str) -> None:
    answer = await sql.run(f"SELECT pg_typeof($1)::text AS kind, {condition} AS same", value)
    assert answer.rows == [(kind, True)]


@pytest.mark.parametrize(
    ("value", "condition"),
    [
        (dt.date(2024, 2, 29), "date '2024-02-29' = $1"),
        (dt.datetime(2024, 1, 1, 10), "timestamp '2024-01-01 10:00' = $1"),
        (NOON, "timestamptz '2024-07-01 10:00+00' = $1"),
        (Decimal("1.10"), "1.10::numeric = $1"),
        (ID, f"uuid '{ID}' = $1"),
        (BYTES, f"'\\x{BYTES.hex()}'::bytea = $1"),
        ([ID, None], f"uuid '{ID}' = ANY($1)"),
        (["a", 'b"\\,{}', None, "NULL", ""], "ARRAY['a', 'b\"\\,{}', NULL, 'NULL', '']::text[] = $1"),
        ([], "cardinality($1::int[]) = 0"),
        ("5", "5 = $1"),
        ("it's", "'it''s' = $1"),
        ("", "'' = $1"),
        (None, "coalesce($1, 5) = 5"),
        (3, "left('abcd', $1) = 'abc'"),
        (200, "$1 * 200 = 40000"),
        (2, "round(1.234, $1) = 1.23"),
    ],
)
async def test_values_fit_where_a_literal_would(sql: Session, value: Any, condition: str) -> None:
    """As a kernel sends them: dates, decimals and the like are texts by then."""
    request = SqlRequest(number=1, request=1, execution=1, ticket="t", statement="", parameters=(value,))
    received = msgspec.msgpack.decode(msgspec.msgpack.encode(request), type=Event)
    assert isinstance(received, SqlRequest)
    answer = await sql.run(f"SELECT {condition}", *received.parameters)
    assert answer.value is True


async def test_an_injection_stays_a_value(sql: Session) -> None:
    await sql.write("CREATE TABLE victims AS SELECT 'x' AS name")
    for attempt in ("'; DROP TABLE victims; --", "x' OR '1'='1", "\\'; DROP TABLE victims; --", "$1", "x\n;DROP"):
        answer = await sql.write("SELECT count(*), $1::text AS v FROM victims WHERE name = $1", attempt)
        assert answer.rows == [(0, attempt)]
        answer = await sql.write("SELECT ($1::text[])[1]", [attempt])
        assert answer.value == attempt
    assert (await sql.run("SELECT count(*) FROM victims")).value == 1


async def test_parameters_of_several_statements(sql: Session) -> None:
    answer = await sql.write(
        "CREATE TEMP TABLE t (a int, b text); INSERT INTO t VALUES ($2, $1); SELECT b, a, $3::text, b FROM t",
        "text", 5, "third",
    )  # fmt: skip
    assert [column.to_pylist() for column in answer.table.columns] == [["text"], [5], ["third"], ["text"]]


async def test_what_cannot_be_bound_is_explained(sql: Session) -> None:
    assert "zero character" in (await sql.run("SELECT $1", "a\0b")).error
    assert (await sql.run("SELECT $1", "a\ud800")).error
    assert "dict" in (await sql.run("SELECT $1", {"a": 1})).error
    assert (await sql.run("SELECT $1", [[1], [1, 2]])).error
    assert "$2" in (await sql.run("SELECT $2", 1)).error
    assert "$0" in (await sql.run("SELECT $0", 1)).error


@pytest.mark.parametrize(("value", "count"), [(None, 3), (2, 1), ("2", 1)], ids=["none", "an integer", "a text"])
async def test_a_filter_may_be_optional(sql: Session, value: Any, count: int) -> None:
    answer = await sql.run("SELECT count(*) FROM generate_series(1, 3) i WHERE ($1 IS NULL OR i = $1)", value)
    assert answer.value == count
    answer = await sql.run("SELECT count(*) FROM generate_series(1, 3) i WHERE $1 is not null AND i <> $1", value)
    assert answer.value == (2 if value else 0)


async def test_texts_alone_are_text(sql: Session) -> None:
    assert (await sql.run("SELECT $1 AS v", "5")).value == "5"
    assert (await sql.run("SELECT $1 AS v", None)).value is None
    assert "{value}::text" in (await sql.run("SELECT json_build_array($1)", "5")).error


async def test_many_values(sql: Session) -> None:
    values = list(range(100_000))
    assert (await sql.run("SELECT sum(v) FROM unnest($1) v", values)).value == sum(values)
    assert (await sql.run(f"SELECT {' + '.join(f'${n + 1}' for n in range(1000))}", *range(1000))).value == 499500
