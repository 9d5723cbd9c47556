"""Postgres -> DataFrame: every value exactly, NULL as NULL, on each way that rows can take (see `execution`)."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from kernel.sql.wire import Wire
from tests.sql.support import Session

UTC = dt.UTC
ID = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
VALUES: list[tuple[str, list[str], list[Any]]] = [
    ("smallint", ["32767", "'-32768'"], [32767, -32768]),
    ("integer", ["2147483647", "-1"], [2147483647, -1]),
    ("bigint", ["9007199254740993", "'-9223372036854775808'"], [2**53 + 1, -(2**63)]),
    ("oid", ["4294967295"], [2**32 - 1]),
    ("real", ["0.1", "'Infinity'"], [0.1, float("inf")]),
    ("double precision", ["0.1", "1e-300", "'-Infinity'", "-0.0"], [0.1, 1e-300, float("-inf"), -0.0]),
    ("name", ["'abc'"], ["abc"]),
    ("timetz", ["'10:20:30+01'"], ["10:20:30+01"]),
    ("point", ["'(1,2)'"], ["(1,2)"]),
    ("boolean", ["true", "false"], [True, False]),
    ("text", ["''", r"E'a\tb\r\nc\n'", "'ä€😀'", r"'\N'", "'say \"x\"'", r"'\.'", "','", "' '", "'NULL'"],
     ["", "a\tb\r\nc\n", "ä€😀", r"\N", 'say "x"', r"\.", ",", " ", "NULL"]),
    ("varchar(3)", ["'abc'"], ["abc"]),
    ("char(3)", ["'a'"], ["a  "]),
    ("date", ["'2024-02-29'", "'0001-01-01'", "'9999-12-31'"],
     [dt.date(2024, 2, 29), dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
    ("time", ["'23:59:59.999999'", "'00:00'", "'10:20:30.5'"],
     [dt.time(23, 59, 59, 999999), dt.time(0, 0), dt.time(10, 20, 30, 500000)]),
    ("timestamp", ["'2024-01-31 10:20:30.123456'", "'1969-12-31 23:59:59'", "'2024-01-01 00:00:00.5'"],
     [dt.datetime(2024, 1, 31, 10, 20, 30, 123456), dt.datetime(1969, 12, 31, 23, 59, 59),
      dt.datetime(2024, 1, 1, 0, 0, 0, 500000)]),
    ("timestamptz", ["'2024-07-01 12:00:00.5+02'", "'2024-01-01 00:00:00+05:30'"],
     [dt.datetime(2024, 7, 1, 10, 0, 0, 500000, UTC), dt.datetime(2023, 12, 31, 18, 30, tzinfo=UTC)]),
    ("interval", ["'1 year 2 mons 3 days 04:05:06.7'"], ["1 year 2 mons 3 days 04:05:06.7"]),
    ("uuid", [f"'{ID}'"], [ID]),
    ("bytea", [r"'\x00ff'", "''"], [b"\x00\xff", b""]),
    ("json", ["""'{"a": [1, null]}'"""], ['{"a": [1, null]}']),
    ("jsonb", ["""'{"a":1}'"""], ['{"a": 1}']),
    ("inet", ["'10.0.0.1/8'"], ["10.0.0.1/8"]),
    ("int4range", ["'[1,5)'"], ["[1,5)"]),
    ("integer[]", ["'{1,NULL,3}'", "'{}'", "'[5:6]={7,8}'"], [[1, None, 3], [], [7, 8]]),
    ("bigint[]", ["'{9007199254740993}'"], [[2**53 + 1]]),
    ("text[]", ["""ARRAY['a', NULL, 'NULL', 'b,\\"c', '']"""], [["a", None, "NULL", 'b,\\"c', ""]]),
    ("boolean[]", ["'{t,f,NULL}'"], [[True, False, None]]),
    ("double precision[]", ["'{0.1,-Infinity}'"], [[0.1, float("-inf")]]),
    ("numeric[]", ["'{0.10,12345678901234567890.5}'"], [["0.10", "12345678901234567890.5"]]),
    ("date[]", ["'{2024-01-01}'"], [[dt.date(2024, 1, 1)]]),
    ("timestamptz[]", ["'{2024-01-01 00:00+01}'"], [[dt.datetime(2023, 12, 31, 23, tzinfo=UTC)]]),
    ("uuid[]", [f"'{{{ID},NULL}}'"], [[ID, None]]),
    ("bytea[]", [r"""'{"\\x00ff"}'"""], [[b"\x00\xff"]]),
    ("box[]", ["'{(1,1),(0,0)}'"], ["{(1,1),(0,0)}"]),
]  # fmt: skip
"""A type, literals of it, and what becomes of them."""


@pytest.fixture(params=[False, True], ids=["streamed", "by_libpq"])
def encrypted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """With encryption only libpq can read the connection; the server of the tests has none."""
    monkeypatch.setattr(Wire, "encrypted", request.param)
    return bool(request.param)


@pytest.mark.usefixtures("encrypted")
@pytest.mark.parametrize("bound", [False, True], ids=["plain", "bound"])
@pytest.mark.parametrize(("kind", "literals", "expected"), VALUES, ids=[kind for kind, _, _ in VALUES])
async def test_values_arrive_exactly(
    sql: Session, kind: str, literals: list[str], expected: list[Any], bound: bool
) -> None:
    statement = " UNION ALL ".join(f"SELECT {literal}::{kind} AS v" for literal in ["NULL", *literals, "NULL"])
    if bound:
        answer = await sql.run(f"SELECT v FROM ({statement}) t WHERE $1", True)
    else:
        answer = await sql.run(statement)
    assert answer.table.column(0).to_pylist() == [None, *expected, None]


@pytest.mark.usefixtures("encrypted")
@pytest.mark.parametrize("extra", ["", " WHERE $1"])
async def test_numeric_is_never_a_float(sql: Session, extra: str) -> None:
    texts = ["0.1", "123456789012345678901234567890.000000000000000000000000000001", "1.50", "NaN", "-0.00"]
    listed = ", ".join(f"('{text}'::numeric)" for text in texts)
    answer = await sql.run(f"SELECT v FROM (VALUES {listed}, (NULL)) AS t(v){extra}", *([True] if extra else []))
    found = answer.frame.iloc[:, 0].tolist()
    assert [str(value) for value in found[:-1]] == ["0.1", texts[1], "1.50", "NaN", "0.00"]
    assert all(isinstance(value, Decimal) for value in found[:-1])
    assert found[-1] is None


async def test_an_integer_column_with_null_stays_integer(sql: Session) -> None:
    answer = await sql.run("SELECT * FROM (VALUES (9007199254740993), (NULL)) t(v)")
    frame = answer.frame
    assert frame["v"].dtype == pd.Int64Dtype()
    assert frame["v"][0] == 2**53 + 1
    assert frame["v"][1] is pd.NA


async def test_column_names_may_repeat_and_be_odd(sql: Session) -> None:
    answer = await sql.run('SELECT 1 AS a, 2 AS a, 3, 4 AS "x,""y", 5')
    assert answer.table.column_names == ["a", "a", "?column?", 'x,"y', "?column?"]
    answer = await sql.run("SELECT 1 AS a, 'x' AS a")
    assert answer.table.column_names == ["a", "a"]
    assert answer.rows == [(1, "x")]


@pytest.mark.usefixtures("encrypted")
@pytest.mark.parametrize("extra", ["", " AND $1"])
async def test_an_empty_result_keeps_columns_and_types(sql: Session, extra: str) -> None:
    columns = "1::int AS i, 1.5::numeric AS n, now() AS t, 'x'::text AS s, '{1}'::int[] AS l"
    answer = await sql.run(f"SELECT {columns} WHERE false{extra}", *([True] if extra else []))
    schema = answer.table.schema
    assert schema.names == ["i", "n", "t", "s", "l"]
    assert schema.field("i").type == pa.int64()
    assert schema.field("t").type == pa.timestamp("us", tz="UTC")
    assert schema.field("l").type == pa.list_(pa.int64())
    assert answer.table.num_rows == 0


async def test_no_columns_at_all(sql: Session) -> None:
    answer = await sql.run("SELECT FROM generate_series(1, 3)")
    assert not answer.error


@pytest.mark.usefixtures("encrypted")
async def test_what_a_dataframe_cannot_hold_is_explained(sql: Session) -> None:
    for value in (
        "'infinity'::timestamp",
        "'-infinity'::timestamptz",
        "'10000-01-01 00:00'::timestamp",
        "'infinity'::date",
        "'10000-01-01'::date",
        "'24:00'::time",
        "'4713-01-01 BC'::date",
        "'{{1,2},{3,4}}'::int[]",
    ):
        answer = await sql.run(f"SELECT {value} AS v")
        assert "v::text" in answer.error, answer.error
        assert not (await sql.run(f"SELECT ({value})::text AS v")).error


@pytest.mark.usefixtures("encrypted")
async def test_settings_of_the_cell_do_not_bend_values(sql: Session) -> None:
    settings = "SET bytea_output = 'escape'; SET datestyle = 'German'; SET extra_float_digits = -10; "
    answer = await sql.run(settings + r"SELECT '\x61626364'::bytea, date '2024-01-31', 0.1::float8 + 0.2")
    assert answer.rows == [(b"abcd", dt.date(2024, 1, 31), 0.1 + 0.2)]
    answer = await sql.run("SET TimeZone = 'Asia/Kolkata'; SELECT timestamptz '2024-01-01 00:00'")
    assert answer.value == dt.datetime(2023, 12, 31, 18, 30, tzinfo=UTC)


@pytest.mark.usefixtures("encrypted")
async def test_own_types_are_text(sql: Session) -> None:
    answer = await sql.write(
        "DROP TYPE IF EXISTS mood, pair; DROP DOMAIN IF EXISTS small; "
        "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE TYPE pair AS (a int, b text); CREATE DOMAIN small AS int; "
        "SELECT 'sad'::mood AS m, ROW(1, 'x')::pair AS p, '{sad,ok}'::mood[] AS l, 5::small AS d"
    )
    assert answer.rows == [("sad", "(1,x)", "{sad,ok}", 5)]


@pytest.mark.usefixtures("encrypted")
async def test_wide_and_long_results(sql: Session) -> None:
    columns = ", ".join(f"i + {n} AS c{n}" for n in range(100))
    answer = await sql.run(f"SELECT {columns} FROM generate_series(1, 5000) i")
    table = answer.table
    assert (table.num_rows, table.num_columns) == (5000, 100)
    assert table.column(99)[4999].as_py() == 5099
