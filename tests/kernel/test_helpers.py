"""Modules of the user's own that change on disk, and tqdm, of which a small likeness stands in a file of its own."""

from __future__ import annotations

import pytest

from kernel.protocol import Started
from tests.launch.support import Kernel, Outcome

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def write(kernel: Kernel, name: str, text: str) -> Outcome:
    return await kernel.run(f"with open({name!r}, 'w') as _f: _f.write({text!r})", "writes")


def started(outcome: Outcome) -> Started:
    assert isinstance(outcome.events[0], Started)
    return outcome.events[0]


async def test_a_changed_module_is_loaded_again_and_its_names_are_told(kernel: Kernel) -> None:
    await write(kernel, "mine.py", "def f(): return 1\n")
    await kernel.run("import mine\nfrom mine import f as g", "a")
    unchanged = await kernel.run("mine.f(), g()", "b")
    assert (unchanged.text, started(unchanged).changed) == ("(1, 1)", ())
    await write(kernel, "mine.py", "def f(): return 2\n")
    changed = await kernel.run("mine.f(), g()", "b")
    assert changed.text == "(2, 2)"
    assert (started(changed).changed, started(changed).outdated) == (("g", "mine"), ())
    assert started(await kernel.run("mine.f()", "b")).changed == ()
    assert (await kernel.run("import mine\nfrom mine import f as g", "a")).finished.kept == ("g", "mine")


async def test_what_needs_a_changed_module_is_loaded_after_it(kernel: Kernel) -> None:
    await write(kernel, "lower.py", "VALUE = 1\n")
    await write(kernel, "upper.py", "from lower import VALUE\nTWICE = 2 * VALUE\n")
    await kernel.run("import upper", "a")
    await write(kernel, "lower.py", "VALUE = 5\n")
    outcome = await kernel.run("upper.TWICE", "b")
    assert (outcome.text, started(outcome).changed) == ("10", ("upper",))


async def test_a_cell_that_did_more_than_import_is_outdated(kernel: Kernel) -> None:
    await write(kernel, "mine.py", "x = 1\n")
    await kernel.run("import mine\ny = mine.x", "a")
    await write(kernel, "mine.py", "x = 2\n")
    assert started(await kernel.run("1", "b")).outdated == ("a",)


async def test_a_module_that_cannot_be_loaded_fails_who_uses_it_alone(kernel: Kernel) -> None:
    await write(kernel, "mine.py", "x = 1\n")
    await kernel.run("import mine", "a")
    await write(kernel, "mine.py", "x = (\n")
    assert (await kernel.run("1 + 1", "b")).text == "2"
    assert (await kernel.run("mine.x", "c")).error.name == "SyntaxError"
    await write(kernel, "mine.py", "y = 3\n")
    assert await kernel.value("mine.y, hasattr(mine, 'x')") == "(3, False)"


TQDM = """
import sys
class tqdm:
    def __init__(self, iterable=None, desc=None, total=None, leave=True, file=None, **_):
        self.iterable, self.desc, self.n, self.disable = iterable, desc or "", 0, False
        self.total = len(iterable) if total is None and iterable is not None else total
        self.fp = file or sys.stderr
        self.display()
    def __iter__(self):
        for item in self.iterable:
            yield item
            self.update()
        self.close()
    def update(self, n=1):
        self.n += n
        self.display()
    def display(self, msg=None, pos=None):
        self.fp.write(f"\\r{self.desc} {self.n}/{self.total}")
    def close(self):
        if not self.disable:
            self.disable = True
            self.display(pos=0)
            self.fp.write("\\n")
"""


async def with_tqdm(kernel: Kernel) -> None:
    await kernel.run("import os; os.mkdir('tqdm')", "writes")
    await write(kernel, "tqdm/__init__.py", "from .std import tqdm\n")
    await write(kernel, "tqdm/std.py", TQDM)


async def test_bars_of_tqdm_are_progress(kernel: Kernel) -> None:
    await with_tqdm(kernel)
    outcome = await kernel.run("from tqdm import tqdm\nfor _ in tqdm(range(50000), desc='reading'): pass")
    assert (outcome.status, outcome.stderr, outcome.stdout) == ("success", "", "")
    first, *_, last = outcome.progress
    assert (first.done, first.total, first.label) == (0, 50000, "reading")
    assert (last.done, last.total) == (50000, 50000)
    assert len(outcome.progress) < 30


async def test_a_bar_that_is_moved_by_hand(kernel: Kernel) -> None:
    await with_tqdm(kernel)
    await kernel.run("import numpy as np\nfrom tqdm import tqdm", "a")
    outcome = await kernel.run("bar = tqdm(total=np.int64(4))\nbar.update(np.float32(1.5))\nbar.close()", "b")
    assert outcome.stderr == ""
    assert [(event.done, event.total, event.label) for event in outcome.progress] == [(0, 4, ""), (1.5, 4, "")]


async def test_a_bar_for_a_file_of_the_users_own_is_left_alone(kernel: Kernel) -> None:
    await with_tqdm(kernel)
    code = "import io\nfrom tqdm import tqdm\nout = io.StringIO()\nfor _ in tqdm([1], file=out): pass\n"
    outcome = await kernel.run(code + "'1/1' in out.getvalue()")
    assert (outcome.text, outcome.progress) == ("True", [])
