"""The names of a notebook: those of the text, whatever ran before."""

from __future__ import annotations

import pytest

from kernel.protocol import Forget, Forgotten
from tests.launch.support import Kernel

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_cell_reads_what_another_defined(kernel: Kernel) -> None:
    assert (await kernel.run("x = 20\ndef twice(n): return 2 * n", "a")).finished.defined == ("twice", "x")
    assert (await kernel.run("twice(x) + 2", "b")).text == "42"


async def test_running_again_first_removes_what_the_run_before_defined(kernel: Kernel) -> None:
    await kernel.run("x = 1\ny = 2", "a")
    assert (await kernel.run("x = 'x' in globals(), 'y' in globals()", "a")).finished.defined == ("x",)
    assert await kernel.value("x") == "(False, False)"
    assert (await kernel.run("y", "b")).error.message == "name 'y' is not defined"


async def test_a_cell_that_fails_leaves_no_names(kernel: Kernel) -> None:
    await kernel.run("x = 1", "a")
    failed = await kernel.run("x = 2\ny = 3\n1/0", "a")
    assert (failed.status, failed.finished.defined) == ("error", ())
    assert await kernel.value("'x' in globals(), 'y' in globals()") == "(False, False)"


async def test_a_text_that_is_no_python_removes_what_its_cell_defined_too(kernel: Kernel) -> None:
    await kernel.run("x = 1", "a")
    assert (await kernel.run("x = (", "a")).status == "error"
    assert await kernel.value("'x' in globals()") == "False"


async def test_a_failing_cell_takes_no_name_of_another_with_it(kernel: Kernel) -> None:
    await kernel.run("x = [1]", "a")
    await kernel.run("x.append(2)\n1/0", "b")
    assert await kernel.value("x") == "[1, 2]"


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    global made\n    made = 1\nf()",
        "for made in range(2): pass",
        "import json as made",
        "with open('/dev/null') as made: pass",
        "(made := 1)",
        "match [1]:\n    case [made]: pass",
        "class made: pass",
        "globals()['made'] = 1",
        "exec('made = 1', globals())",
        "[made for _ in 'ab' if (made := 1)]",
    ],
)
async def test_every_way_to_define_a_name_is_noticed_and_undone(kernel: Kernel, code: str) -> None:
    assert "made" in (await kernel.run(code, "a")).finished.defined
    await kernel.run("", "a")
    assert await kernel.value("'made' in globals()") == "False"


async def test_forget_removes_names_and_a_reader_is_told_whose_they_were(kernel: Kernel) -> None:
    await kernel.run("sales = 1\ncosts = 2", "a")
    kernel.send(Forget(names=(Forgotten(name="sales", cell="a", label="cell 3, which was deleted"),)))
    error = (await kernel.run("costs + sales", "b")).error
    assert error.message == "name 'sales' is not defined. `sales` was defined in cell 3, which was deleted"
    assert "`sales` was defined in cell 3, which was deleted" in error.traceback
    assert await kernel.value("costs") == "2"


async def test_names_are_forgotten_before_the_run_that_says_so(kernel: Kernel) -> None:
    await kernel.run("x = 1", "a")
    outcome = await kernel.run("x", "b", forget=(Forgotten(name="x", cell="a", label="cell a"),))
    assert outcome.error.message.endswith("`x` was defined in cell a")


async def test_a_skipped_run_forgets_too(kernel: Kernel) -> None:
    await kernel.run("x = 1", "a")
    failed = await kernel.run("1/0", "b")
    forget = (Forgotten(name="x", cell="a", label="cell a"),)
    skipped = await kernel.run("", "c", requires=(failed.finished.execution,), forget=forget)
    assert skipped.status == "skipped"
    assert await kernel.value("'x' in globals()") == "False"


async def test_a_name_that_moved_to_another_cell_is_not_forgotten(kernel: Kernel) -> None:
    await kernel.run("x = 1", "a")
    await kernel.run("x = 2", "b")
    kernel.send(Forget(names=(Forgotten(name="x", cell="a", label="cell a"),)))
    assert await kernel.value("x") == "2"
    await kernel.run("", "a")
    assert await kernel.value("x") == "2"


async def test_the_hint_goes_when_the_name_is_back(kernel: Kernel) -> None:
    await kernel.run("x = 1", "a")
    kernel.send(Forget(names=(Forgotten(name="x", cell="a", label="cell a"),)))
    await kernel.run("x = 2", "b")
    assert await kernel.value("x") == "2"
    await kernel.run("", "b")
    assert (await kernel.run("x", "c")).error.message == "name 'x' is not defined"


async def test_builtins_and_the_modules_own_names_cannot_be_forgotten_away(kernel: Kernel) -> None:
    names = ("__builtins__", "__name__", "print", "display")
    kernel.send(Forget(names=tuple(Forgotten(name=name, cell="a", label="cell a") for name in names)))
    assert await kernel.value("__name__, callable(print), callable(display)") == "('__main__', True, True)"


async def test_shadowing_a_builtin_lasts_as_long_as_its_cell_says_so(kernel: Kernel) -> None:
    await kernel.run("len = 5", "a")
    assert await kernel.value("len") == "5"
    await kernel.run("", "a")
    assert await kernel.value("len('abc')") == "3"


async def test_an_import_that_binds_the_same_module_again_is_kept(kernel: Kernel) -> None:
    assert (await kernel.run("import json\nx = 1", "a")).finished.kept == ()
    again = (await kernel.run("import json\nx = 1", "a")).finished
    assert (again.defined, again.kept) == (("json", "x"), ("json",))
    assert (await kernel.run("import math as json", "a")).finished.kept == ()


async def test_names_with_an_underscore_belong_to_their_cell(kernel: Kernel) -> None:
    first = await kernel.run("_x = 1\ndef f(): return _x\ndef _g(): return 'mine'\nshared = _g()", "a")
    assert first.finished.defined == ("f", "shared")
    assert (await kernel.run("_x", "b")).error.message == "name '_x' is not defined"
    assert (await kernel.run("_x = 2\n_x", "b")).text == "2"
    assert await kernel.value("f(), shared") == "(1, 'mine')"


async def test_private_names_look_to_the_user_as_written(kernel: Kernel) -> None:
    outcome = await kernel.run("def _f(): raise ValueError('no')\n_f()", "a")
    assert "in _f" in outcome.error.traceback
    assert "_cell_" not in repr(outcome.error)
    outcome = await kernel.run("class _C: pass\nprint(_C.__name__, _C.__qualname__)\n_C", "a")
    assert outcome.stdout == "_C _C\n"
    assert outcome.text == "__main__._C"


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("def f(_a): return _a\nf(_a=3)", "3"),
        ("class C:\n    _a = 1\n    def m(self): return self._a\nC().m(), C._a", "(1, 1)"),
        ("_a = [1, 2]\n[_b for _b in _a]", "[1, 2]"),
        ("_a = 1\nf'{_a}' + f'{_a=}'", "'1_a=1'"),
        ("import os as _os\n_os.sep", "'/'"),
        ("import os.path as _p, sys as _s\n_p is _s.modules['posixpath']", "True"),
        ("_a = 1\ndef f():\n    global _a\n    _a = 5\nf()\n_a", "5"),
        (
            "def f():\n    _a = 1\n    def g():\n        nonlocal _a\n        _a += 1\n    g()\n    return _a\nf()",
            "2",
        ),
        ("for _, x in enumerate('ab'): pass\n_, x", "(1, 'b')"),
        ("try: 1/0\nexcept ZeroDivisionError as _e: x = str(_e)\nx", "'division by zero'"),
        ("match {'k': 1}:\n    case {'k': _v}: pass\n_v", "1"),
        ("_a = 3\n(lambda: _a)()", "3"),
        ("from dataclasses import dataclass\n@dataclass\nclass _P:\n    x: int\n_P(1)", "_P(x=1)"),
        ("import pickle\nclass _P: pass\ntype(pickle.loads(pickle.dumps(_P()))).__name__", "'_P'"),
    ],
)
async def test_private_names_in_every_scope(kernel: Kernel, code: str, value: str) -> None:
    assert (await kernel.run(code)).text == value


async def test_classes_of_cells_can_be_pickled(kernel: Kernel) -> None:
    await kernel.run("class Point:\n    def __init__(self): self.x = 1", "a")
    assert (await kernel.run("import pickle\npickle.loads(pickle.dumps(Point())).x", "b")).text == "1"


async def test_source_and_help_of_a_function_are_the_cells(kernel: Kernel) -> None:
    await kernel.run("# above\ndef f():\n    return 1", "a")
    assert (await kernel.run("import inspect\nprint(inspect.getsource(f))", "b")).stdout == "def f():\n    return 1\n\n"
