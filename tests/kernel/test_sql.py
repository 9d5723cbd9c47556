"""SQL cells: on the notebook's DataFrames, and on connections by way of the host."""

from __future__ import annotations

import datetime
import decimal
import math
import uuid
from typing import Any

import pyarrow as pa
import pytest

from kernel.protocol import SqlReply, SqlRequest
from tests.launch.support import Kernel, answering, arrow

pytestmark = pytest.mark.asyncio(loop_scope="session")

SALES = "import pandas as pd\nsales = pd.DataFrame({'city': ['Bonn', 'Kiel', 'Bonn'], 'sold': [5, 7, None]})\nleast = 5"


def rows(outcome: Any) -> list[list[str | None]]:
    return [list(row) for row in outcome.table["rows"]]


async def on_frames(kernel: Kernel, code: str, cell: str = "q", **fields: Any) -> Any:
    return await kernel.sql(code, cell, target="dataframes", **fields)


async def test_a_statement_reads_the_notebooks_frames_with_bound_values(kernel: Kernel) -> None:
    await kernel.run(SALES)
    outcome = await on_frames(
        kernel, "SELECT city, sold FROM sales WHERE sold > {least} ORDER BY 1", output_name="high"
    )
    assert rows(outcome) == [["0", "Kiel", "7.0"]]
    assert outcome.finished.defined == ("high",)
    assert await kernel.value("type(high).__name__, high.shape") == "('DataFrame', (1, 2))"


async def test_bound_values_are_never_part_of_the_text(kernel: Kernel) -> None:
    await kernel.run(f"{SALES}\nevil = \"Bonn' OR '1'='1\"")
    assert rows(await on_frames(kernel, "SELECT count(*) AS n FROM sales WHERE city = {evil}")) == [["0", "0"]]
    outcome = await on_frames(kernel, "SELECT {least + 1} AS a, {evil} AS b, '{least}' AS c, 1 -- {least}")
    assert rows(outcome)[0][1:4] == ["6", "Bonn' OR '1'='1", "{least}"]


async def test_numbers_of_frames_stay_exact(kernel: Kernel) -> None:
    await kernel.run(
        "import pandas as pd\nbig = pd.DataFrame({'n': pd.array([9007199254740993, None], dtype='Int64')})"
    )
    await on_frames(kernel, "SELECT n, sum(n) OVER () AS s, count(*) OVER () AS c FROM big", output_name="found")
    assert await kernel.value("[str(t) for t in found.dtypes]") == "['Int64', 'int64', 'int64']"
    assert await kernel.value("found.n[0], found.s[0]") == "(np.int64(9007199254740993), np.int64(9007199254740993))"


async def test_only_frames_can_be_read_and_files_and_unknown_tables_say_so(kernel: Kernel) -> None:
    await kernel.run(f"{SALES}\nnumber = 5")
    error = (await on_frames(kernel, "SELECT * FROM number")).error
    assert error.message == "`number` is a int, not a DataFrame: a statement cannot read it as a table."
    error = (await on_frames(kernel, "SELECT * FROM nowhere")).error
    assert "nowhere does not exist" in error.message
    error = (await on_frames(kernel, "SELECT * FORM sales")).error
    assert error.name == "SqlError"
    assert "syntax error" in error.message.lower()
    error = (await on_frames(kernel, "SELECT {nowhere}")).error
    assert (error.name, error.message) == ("NameError", "name 'nowhere' is not defined")
    error = (await on_frames(kernel, "SELECT {1 +}")).error
    assert error.name in ("SyntaxError", "TemplateError", "ValueError")


async def test_series_and_spellings_are_found(kernel: Kernel) -> None:
    await kernel.run(f"{SALES}\nSold = sales.sold.dropna().astype(int)")
    assert rows(await on_frames(kernel, "SELECT sum(sold) AS s FROM SALES")) == [["0", "12.0"]]
    assert rows(await on_frames(kernel, "WITH t AS (SELECT * FROM Sold) SELECT max(sold) AS m FROM t")) == [["0", "7"]]


async def test_a_frame_of_a_query_is_a_frame_like_any(kernel: Kernel) -> None:
    await kernel.run(SALES)
    table = (await on_frames(kernel, "SELECT * FROM range(1000) t(n)")).table
    assert (table["total"], len(table["rows"])) == (1000, 50)
    assert (await kernel.page(table["id"], 0, 1, sort=1, descending=True)).rows[0][1] == "999"


async def test_a_failing_query_takes_its_name_away(kernel: Kernel) -> None:
    await on_frames(kernel, "SELECT 1 AS one", output_name="found")
    await on_frames(kernel, "SELECT * FROM nowhere", output_name="found")
    assert await kernel.value("'found' in globals()") == "False"


async def test_one_statement_leaves_nothing_for_the_next(kernel: Kernel) -> None:
    await on_frames(kernel, "CREATE TABLE t AS SELECT 1")
    assert (await on_frames(kernel, "SELECT * FROM t")).status == "error"


async def test_the_broker_is_asked_with_statement_values_and_ticket(kernel: Kernel) -> None:
    values = (
        "import datetime, decimal, uuid, numpy as np, pandas as pd\n"
        "d = datetime.date(2024, 1, 2)\nt = pd.Timestamp('2024-01-02 03:04:05', tz='UTC')\n"
        "e = decimal.Decimal('0.10')\nu = uuid.UUID(int=5)\nl = [1, np.int64(2)]\nn = np.float64(0.5)\nm = pd.NA\n"
        "b = 2**70\ny = True"
    )
    await kernel.run(values)
    kernel.broker = answering(pa.table({"a": [1]}))
    code = (
        "SELECT * FROM t WHERE a = {d} AND b = {t} AND c = {e} AND {u} AND {l} AND {n} AND {m} AND {b} AND {y} AND {d}"
    )
    execution = kernel.execute(code, "q", kind="sql", ticket="secret-ticket")
    await kernel.outcome(execution)
    request = await kernel.seen(SqlRequest)
    assert (request.ticket, request.execution) == ("secret-ticket", execution)
    assert request.statement.startswith("SELECT * FROM t WHERE a = $1 AND b = $2")
    for number in range(1, 10):
        assert f"${number}" in request.statement
    parameters = list(request.parameters)
    assert str(parameters[0]) == "2024-01-02"
    assert str(parameters[2]) == "0.10"
    assert str(parameters[3]) == str(uuid.UUID(int=5))
    assert parameters[4:7] == [[1, 2], 0.5, None]
    assert str(parameters[7]) == str(2**70)
    assert parameters[8] is True


async def test_what_cannot_be_bound_is_named(kernel: Kernel) -> None:
    error = (await kernel.sql("SELECT {print}")).error
    assert error.message.startswith("{print} is a builtin_function_or_method, which cannot be bound to a statement.")
    assert not any(isinstance(event, SqlRequest) for event in kernel.log)


async def test_integers_with_missing_values_stay_integers(kernel: Kernel) -> None:
    big = 2**53 + 1
    kernel.broker = answering(
        pa.table(
            {"n": pa.array([big, None]), "whole": pa.array([big, 2]), "b": pa.array([True, None]), "s": ["a", None]}
        )
    )
    outcome = await kernel.sql("SELECT 1", output_name="found")
    assert [row[1:] for row in rows(outcome)] == [[str(big), str(big), "True", "a"], [None, "2", None, None]]
    assert await kernel.value("[str(t) for t in found.dtypes][:3]") == "['Int64', 'int64', 'boolean']"
    assert await kernel.value("int(found.n[0])") == str(big)


async def test_decimals_stay_exact(kernel: Kernel) -> None:
    exact = ["0.1", "12345678901234567890.123456789", None]
    tagged = pa.field("text", pa.string(), metadata={"cascade": "decimal"})
    table = pa.Table.from_arrays(
        [pa.array(exact), pa.array([None if x is None else decimal.Decimal(x) for x in exact], pa.decimal128(38, 9))],
        schema=pa.schema([tagged, pa.field("native", pa.decimal128(38, 9))]),
    )
    kernel.broker = answering(table)
    await kernel.sql("SELECT 1", output_name="found")
    assert await kernel.value("list(found.text)") == (
        "[Decimal('0.1'), Decimal('12345678901234567890.123456789'), None]"
    )
    assert await kernel.value("found.native[1] == found.text[1], type(found.native[0]).__name__") == "(True, 'Decimal')"
    assert await kernel.value("sum(found.text[:1]) * 3 == __import__('decimal').Decimal('0.3')") == "True"


async def test_times_dates_lists_and_repeated_names(kernel: Kernel) -> None:
    moment = datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    table = pa.Table.from_arrays(
        [
            pa.array([moment], pa.timestamp("us", "UTC")),
            pa.array([moment.date()]),
            pa.array([datetime.time(3, 4)]),
            pa.array([[1, 2]]),
            pa.array([math.nan]),
        ],
        names=["x", "x", "time", "list", "nan"],
    )
    kernel.broker = answering(table)
    outcome = await kernel.sql("SELECT 1", output_name="found")
    assert rows(outcome)[0][1:4] == ["2024-01-02 03:04:05+00:00", "2024-01-02", "03:04:00"]
    assert [column["name"] for column in outcome.table["columns"]] == ["", "x", "x", "time", "list", "nan"]


async def test_no_rows_have_columns_and_no_columns_have_a_sentence(kernel: Kernel) -> None:
    kernel.broker = answering(pa.table({"a": pa.array([], pa.int64())}))
    outcome = await kernel.sql("SELECT 1 WHERE false", output_name="found")
    assert (outcome.table["total"], [column["name"] for column in outcome.table["columns"]]) == (0, ["", "a"])
    assert await kernel.value("len(found)") == "0"

    replies = {"DELETE": SqlReply(request=0, rows_affected=1234), "ONE": SqlReply(request=0, rows_affected=1)}
    kernel.broker = lambda request: [
        SqlReply(request=request.request, rows_affected=replies[request.statement].rows_affected)
        if request.statement in replies
        else SqlReply(request=request.request)
    ]
    assert (await kernel.sql("DELETE")).text == "1,234 rows affected"
    assert (await kernel.sql("ONE")).text == "1 row affected"
    assert (await kernel.sql("CREATE")).text == "The statement succeeded."


async def test_an_error_of_the_database_is_shown_in_its_own_words(kernel: Kernel) -> None:
    kernel.broker = lambda request: [SqlReply(request=request.request, error='relation "nowhere" does not exist')]
    outcome = await kernel.sql("SELECT * FROM nowhere", output_name="found")
    assert (outcome.status, outcome.error.message) == ("error", 'relation "nowhere" does not exist')
    assert outcome.error.traceback == ""
    assert outcome.error.frames == ()
    assert await kernel.value("'found' in globals()") == "False"


async def test_an_error_after_some_rows_is_an_error(kernel: Kernel) -> None:
    data = arrow(pa.table({"a": list(range(1000))}))
    kernel.broker = lambda request: [
        SqlReply(request=request.request, data=data[:500], last=False),
        SqlReply(request=request.request, error="the connection was lost"),
    ]
    assert (await kernel.sql("SELECT 1")).error.message == "the connection was lost"
    kernel.broker = answering(pa.table({"a": [1]}))
    assert rows(await kernel.sql("SELECT 1")) == [["0", "1"]]


async def test_what_was_cut_is_said_on_the_page(kernel: Kernel) -> None:
    kernel.broker = answering(pa.table({"a": [1]}), notice="Only the first 10,000 rows were read.")
    outcome = await kernel.sql("SELECT 1")
    assert outcome.stderr == "Only the first 10,000 rows were read.\n"
    assert outcome.finished.hints == ("Only the first 10,000 rows were read.",)


async def test_a_result_of_many_megabytes_in_chunks(kernel: Kernel) -> None:
    table = pa.table({"n": pa.array(range(500_000)), "s": pa.array(["text"] * 500_000)})
    kernel.broker = answering(table, chunk=1024 * 1024)
    outcome = await kernel.sql("SELECT 1", output_name="found")
    assert outcome.table["total"] == 500_000
    assert await kernel.value("int(found.n.sum())") == str(sum(range(500_000)))


async def test_answers_to_nobody_are_dropped(kernel: Kernel) -> None:
    kernel.send(SqlReply(request=99, error="whose?"))
    assert await kernel.value("1 + 1") == "2"


async def test_data_that_is_no_arrow_stream_is_an_error_and_not_the_end(kernel: Kernel) -> None:
    kernel.broker = lambda request: [SqlReply(request=request.request, data=b"garbage" * 10)]
    outcome = await kernel.sql("SELECT 1")
    assert outcome.status == "error"
    assert await kernel.value("1 + 1") == "2"
