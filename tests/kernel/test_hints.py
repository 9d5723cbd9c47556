"""A cell that changes another cell's object in place is told that nobody will notice."""

from __future__ import annotations

import pytest

from tests.launch.support import Kernel

pytestmark = pytest.mark.asyncio(loop_scope="session")

SETUP = """
import collections, os, sys, types
import numpy as np
import pandas as pd
rows, names, table, tags = [1, 2], ["a"], {"k": [1]}, {1}
box = types.SimpleNamespace(a=1, inner=types.SimpleNamespace(b=[1]))
df = pd.DataFrame({"n": [2, 1]})
def fill(to): to.append(1)
"""


def hint(name: str) -> str:
    return (
        f"`{name}` is defined in cell 3: cells that read it will not notice this change. "
        "Assign a new name, or make the change in cell 3."
    )


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("rows.append(3)", ["rows"]),
        ("rows.append(3);", ["rows"]),
        ("rows[0] = 5", ["rows"]),
        ("rows[0] += 5", ["rows"]),
        ("rows[0], other = 5, 6", ["rows"]),
        ("for rows[0] in range(2): pass", ["rows"]),
        ("del rows[0]", ["rows"]),
        ("rows.sort()\nrows.reverse()\nnames.clear()", ["rows", "names"]),
        ("table['k'].append(2)", ["table"]),
        ("table.setdefault('x', []).append(2)", ["table"]),
        ("tags.add(2)", ["tags"]),
        ("box.a = 2", ["box"]),
        ("box.inner.b[0] = 2", ["box"]),
        ("del box.a", ["box"]),
        ("df['m'] = 1", ["df"]),
        ("df.loc[0, 'n'] = 1", ["df"]),
        ("df.drop(columns=['n'], inplace=True)", ["df"]),
        ("df.sort_values('n', inplace=True)", ["df"]),
        ("if True:\n    rows.append(1)", ["rows"]),
        ("def f():\n    rows.append(1)\nf()", ["rows"]),
        ("np.mine = 1", ["np"]),
        # no hints
        ("np.random.seed(1)", []),
        ("os.environ['A'] = 'b'", []),
        ("sys.path.append('x')", []),
        ("own = [1]\nown.append(2)\nown[0] = 3", []),
        ("rows_2 = rows + [1]", []),
        ("sorted(rows)", []),
        ("df.drop(columns=['n'], inplace=False)", []),
        ("df.add(1)", []),
        ("df.assign(m=1)['m']", []),
        ("def f(rows):\n    rows.append(1)\nf([])", []),
        ("def f():\n    rows = []\n    rows.append(1)\nf()", []),
        ("_rows = [1]\n_rows.append(2)", []),
        ("list(rows).append(1)", []),
        ("class C:\n    rows = []\n    rows.append(1)", []),
        ("fill(rows)", []),
    ],
)
async def test_changes_of_another_cells_object(kernel: Kernel, code: str, names: list[str]) -> None:
    await kernel.run(SETUP, "a", label="cell 3")
    outcome = await kernel.run(code, "b", label="cell 4")
    assert outcome.status == "success", outcome.error
    assert list(outcome.finished.hints) == [hint(name) for name in names]


async def test_an_object_that_answers_with_errors_fails_nothing(kernel: Kernel) -> None:
    code = "class C:\n    __class__ = property(lambda self: 1 / 0)\n    def append(self, x): pass\nodd = C()"
    await kernel.run(code, "a", label="cell 3")
    outcome = await kernel.run("odd.append(1)", "b")
    assert (outcome.status, outcome.finished.hints) == ("success", (hint("odd"),))


async def test_the_label_is_that_of_the_definers_last_run(kernel: Kernel) -> None:
    await kernel.run("x = []", "a", label="cell 1")
    await kernel.run("x = []", "a", label="cell 7")
    [said] = (await kernel.run("x.append(1)", "b")).finished.hints
    assert "is defined in cell 7" in said
    assert (await kernel.run("x = []\nx.append(1)", "a", label="cell 7")).finished.hints == ()


async def test_the_frame_of_an_sql_cell_is_that_cells_too(kernel: Kernel) -> None:
    await kernel.run("import pandas as pd\ndf = pd.DataFrame({'n': [1]})", "a")
    await kernel.sql("SELECT n FROM df", "q", target="dataframes", output_name="result", label="cell 2")
    [said] = (await kernel.run("result['m'] = 1", "b")).finished.hints
    assert said.startswith("`result` is defined in cell 2:")
