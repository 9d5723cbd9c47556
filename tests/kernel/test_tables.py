"""DataFrames, Series and Arrow tables as pages of text."""

from __future__ import annotations

import pytest

from kernel.protocol import TABLE
from tests.launch.support import Kernel

pytestmark = pytest.mark.asyncio(loop_scope="session")

PEOPLE = """
import pandas as pd
people = pd.DataFrame(
    {"name": ["Zoë", "Adam", None, "Bob"], "age": [30, 7, 55, 30], "height": [1.7, None, 1.123456789, float("inf")]}
)
"""


async def test_a_frame_arrives_as_columns_and_text(kernel: Kernel) -> None:
    table = (await kernel.run(f"{PEOPLE}people")).table
    assert [(column["name"], column["kind"]) for column in table["columns"]] == [
        ("", "number"), ("name", "text"), ("age", "number"), ("height", "number"),
    ]  # fmt: skip
    assert [list(row) for row in table["rows"]] == [
        ["0", "Zoë", "30", "1.7"],
        ["1", "Adam", "7", None],
        ["2", None, "55", "1.123457"],
        ["3", "Bob", "30", "inf"],
    ]
    assert (table["total"], table["offset"], table["index_columns"], table["hidden_columns"]) == (4, 0, 1, 0)


async def test_a_frame_has_a_text_form_too(kernel: Kernel) -> None:
    text = (await kernel.run(f"{PEOPLE}people")).text
    assert "Zoë" in text
    assert text.endswith("[4 rows x 3 columns]")


@pytest.mark.parametrize(
    ("sort", "descending", "names"),
    [
        (1, False, ["Adam", "Bob", "Zoë", None]),
        (1, True, ["Zoë", "Bob", "Adam", None]),
        (2, False, ["Adam", "Zoë", "Bob", None]),
        (2, True, [None, "Zoë", "Bob", "Adam"]),
        (0, True, ["Bob", None, "Adam", "Zoë"]),
        (None, False, ["Zoë", "Adam", None, "Bob"]),
    ],
)
async def test_rows_are_sorted_missing_ones_last_and_equal_ones_as_they_were(
    kernel: Kernel, sort: int | None, descending: bool, names: list[str | None]
) -> None:
    table = (await kernel.run(f"{PEOPLE}people")).table
    page = await kernel.page(table["id"], sort=sort, descending=descending)
    assert [row[1] for row in page.rows] == names


async def test_pages_of_a_sorted_frame_follow_each_other(kernel: Kernel) -> None:
    table = (await kernel.run("import pandas as pd\npd.DataFrame({'n': [(i * 37) % 100 for i in range(100)]})")).table
    assert len(table["rows"]) == 50
    seen: list[str | None] = []
    for offset in range(0, 100, 30):
        page = await kernel.page(table["id"], offset, 30, sort=1)
        assert (page.offset, page.total) == (offset, 100)
        seen += [row[1] for row in page.rows]
    assert seen == [str(i) for i in range(100)]


LARGE = """
import pandas as pd
values = [None if i % 7 == 0 else (i * 37) % 500 for i in range(20_000)]
pd.DataFrame({"n": pd.Series(values, dtype="DTYPE"), "place": range(20_000)})
"""


@pytest.mark.parametrize("dtype", ["float64", "Int64"])
@pytest.mark.parametrize("descending", [False, True])
async def test_pages_of_a_large_sorted_frame_are_those_of_the_whole_order(
    kernel: Kernel, dtype: str, descending: bool
) -> None:
    values = {place: (place * 37) % 500 for place in range(20_000) if place % 7}
    whole = sorted(values, key=lambda place: -values[place] if descending else values[place])
    whole += [place for place in range(20_000) if place % 7 == 0]
    table = (await kernel.run(LARGE.replace("DTYPE", dtype))).table
    for offset in (0, 1_990, 3_900, 50, 17_120, 19_960):
        page = await kernel.page(table["id"], offset, 40, sort=1, descending=descending)
        assert [row[2] for row in page.rows] == [f"{place}" for place in whole[offset : offset + 40]]


async def test_pages_beyond_the_end_and_of_silly_sizes(kernel: Kernel) -> None:
    table = (await kernel.run(f"{PEOPLE}people")).table
    assert (await kernel.page(table["id"], 100)).rows == ()
    assert len((await kernel.page(table["id"], -5, 2)).rows) == 2
    assert (await kernel.page(table["id"], 0, -1)).rows == ()
    assert len((await kernel.page(table["id"], 0, 10**9)).rows) == 4


async def test_what_cannot_be_shown_or_sorted_is_said(kernel: Kernel) -> None:
    table = (await kernel.run("import pandas as pd\nmixed = pd.DataFrame({'x': [1, 'a', None]})\nmixed")).table
    assert (await kernel.fetch(table["id"], sort=1)).error.startswith("The values of this column cannot be ordered")
    assert (await kernel.fetch(table["id"], sort=7)).error == "There is no such column to sort by."
    assert (await kernel.fetch("no such table")).error == (
        "This table is no longer in the kernel. Run its cell again to see more rows."
    )


async def test_a_table_lives_as_long_as_the_output_of_its_cell(kernel: Kernel) -> None:
    table = (await kernel.run(f"{PEOPLE}people", "a")).table
    await kernel.run("other = 1", "b")
    assert len((await kernel.page(table["id"])).rows) == 4
    await kernel.run("", "a")
    assert "no longer in the kernel" in (await kernel.fetch(table["id"])).error


async def test_displayed_tables_have_pages_too(kernel: Kernel) -> None:
    outcome = await kernel.run(f"{PEOPLE}display(people, people.head(1))\npeople.tail(2)")
    ids = [event.bundle[TABLE]["id"] for event in outcome.displays] + [outcome.table["id"]]
    assert len(set(ids)) == 3
    assert [(await kernel.page(name)).total for name in ids] == [4, 1, 2]


async def test_a_million_rows_cost_what_a_hundred_cost(kernel: Kernel) -> None:
    make = (
        "import pandas as pd, numpy as np\nbig = pd.DataFrame(np.arange(8_000_000).reshape(-1, 8))\nbig['s'] = 'text'"
    )
    await kernel.run(make, "a")
    outcome = await kernel.run("big", "b")
    assert outcome.table["total"] == 1_000_000
    assert len(outcome.table["rows"]) == 50
    assert len(repr(outcome.output)) < 20_000
    assert outcome.finished.duration < 0.5
    page = await kernel.page(outcome.table["id"], 999_998, 5)
    assert [row[0] for row in page.rows] == ["999998", "999999"]
    page = await kernel.page(outcome.table["id"], 0, 2, sort=3, descending=True)
    assert page.rows[0][:3] == ("999999", "7999992", "7999993")


async def test_series(kernel: Kernel) -> None:
    table = (await kernel.run("import pandas as pd\npd.Series([3, 1, 2], index=list('abc'), name='n')")).table
    assert [column["name"] for column in table["columns"]] == ["", "n"]
    page = await kernel.page(table["id"], sort=1)
    assert page.rows == (("b", "1"), ("c", "2"), ("a", "3"))
    assert (await kernel.page(table["id"], sort=0, descending=True)).rows[0] == ("c", "2")
    unnamed = (await kernel.run("import pandas as pd\npd.Series([1])")).table
    assert unnamed["columns"][1]["name"] == "value"


async def test_levels_of_an_index_are_columns(kernel: Kernel) -> None:
    code = f"{PEOPLE}people.groupby(['age', 'name'], dropna=False).size().to_frame('n')"
    table = (await kernel.run(code)).table
    assert table["index_columns"] == 2
    assert [column["name"] for column in table["columns"]] == ["age", "name", "n"]
    page = await kernel.page(table["id"], sort=0, descending=True)
    assert page.rows[0][0] == "55"


@pytest.mark.parametrize(
    ("code", "columns", "first"),
    [
        ("pd.DataFrame()", [""], None),
        ("pd.DataFrame({'a': []})", ["", "a"], None),
        ("pd.DataFrame(index=[1, 2])", [""], ["1"]),
        ("pd.DataFrame([[1, 2]], columns=['a', 'a'])", ["", "a", "a"], ["0", "1", "2"]),
        ("pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([('a', 'b')]))", ["", "('a', 'b')"], ["0", "1"]),
        ("pd.DataFrame({5: [True]})", ["", "5"], ["0", "True"]),
        ("pd.DataFrame({'t': pd.to_datetime(['2024-01-02 03:04', None])})", ["", "t"], ["0", "2024-01-02 03:04:00"]),
        ("pd.DataFrame({'l': [[1, 2], {'a': 1}]})", ["", "l"], ["0", "[1, 2]"]),
        ("pd.DataFrame({'b': [b'\\xff']})", ["", "b"], ["0", "b'\\xff'"]),
        ("pd.DataFrame({'i': pd.array([1, None], dtype='Int64')})", ["", "i"], ["0", "1"]),
        ("pd.DataFrame({'d': [__import__('decimal').Decimal('1.10')]})", ["", "d"], ["0", "1.10"]),
        ("pd.DataFrame({'f': [1e300, 1e-9]})", ["", "f"], ["0", "1e+300"]),
        ("pd.DataFrame({'big': [2**62]})", ["", "big"], ["0", "4611686018427387904"]),
        ("pd.DataFrame({'c': pd.Categorical(['x', None])})", ["", "c"], ["0", "x"]),
        ("pd.DataFrame({'u': ['a\\ud800']}, dtype=object)", ["", "u"], ["0", "a?"]),
        ("__import__('pyarrow').table({'a': [1, None]})", ["a"], ["1"]),
    ],
)
async def test_frames_of_all_kinds(kernel: Kernel, code: str, columns: list[str], first: list[str] | None) -> None:
    outcome = await kernel.run(f"import pandas as pd\n{code}")
    assert [column["name"] for column in outcome.table["columns"]] == columns
    assert [list(row) for row in outcome.table["rows"][:1]] == ([] if first is None else [first])
    assert outcome.table["total"] == (await kernel.page(outcome.table["id"])).total


async def test_long_values_and_many_columns_are_cut_and_it_is_said(kernel: Kernel) -> None:
    outcome = await kernel.run("import pandas as pd\npd.DataFrame([['x' * 100_000] + [1] * 499])")
    (row,) = outcome.table["rows"]
    assert len(row) == 201
    assert outcome.table["hidden_columns"] == 300
    assert len(row[1]) == 500
    assert row[1].endswith("…")


async def test_values_that_cannot_be_shown_spoil_one_cell_of_the_table(kernel: Kernel) -> None:
    code = (
        "import pandas as pd\nclass Bad:\n    def __str__(self): raise ValueError('no')\n    __repr__ = __str__\n"
        "pd.DataFrame({'x': [Bad(), 1]}, dtype=object)"
    )
    outcome = await kernel.run(code)
    assert outcome.status == "success"
    if TABLE in outcome.output:
        assert outcome.table["rows"][0][1] == "<Bad: str() raised ValueError>"
    assert outcome.text


async def test_changing_a_frame_later_changes_its_next_page_and_breaks_nothing(kernel: Kernel) -> None:
    table = (await kernel.run(f"{PEOPLE}people", "a")).table
    await kernel.run("people.drop(people.index, inplace=True)", "b")
    rows = await kernel.fetch(table["id"], 2)
    assert rows.error or rows.table is not None
    assert await kernel.value("1 + 1") == "2"
