"""Errors as the page shows them: the user's lines, the cell's label, nothing of the kernel."""

from __future__ import annotations

import pytest

from tests.launch.support import Kernel

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_traceback_shows_the_users_lines_and_names_the_cell(kernel: Kernel) -> None:
    error = (await kernel.run("x = 1\n\nx / 0", "a", label="cell 3")).error
    assert (error.name, error.message) == ("ZeroDivisionError", "division by zero")
    assert error.traceback == (
        "Traceback (most recent call last):\n"
        "  cell 3, line 3, in <module>\n"
        "    x / 0\n"
        "    ~~^~~\n"
        "ZeroDivisionError: division by zero\n"
    )
    (frame,) = error.frames
    assert (frame.cell, frame.label, frame.line, frame.source) == ("a", "cell 3", 3, "x / 0")


async def test_an_error_in_a_function_of_another_cell_names_both(kernel: Kernel) -> None:
    await kernel.run("def divide(a, b):\n    return a / b", "a", label="cell 1")
    error = (await kernel.run("divide(1, 0)", "b", label="cell 2")).error
    assert [(frame.cell, frame.line, frame.function) for frame in error.frames] == [
        ("b", 1, "<module>"),
        ("a", 2, "divide"),
    ]
    assert "  cell 2, line 1, in <module>\n    divide(1, 0)\n" in error.traceback
    assert "  cell 1, line 2, in divide\n    return a / b\n" in error.traceback


async def test_a_function_of_an_older_text_shows_the_line_that_ran(kernel: Kernel) -> None:
    await kernel.run("def f():\n    raise ValueError('old')", "a")
    await kernel.run("g = f", "b")
    await kernel.run("# one more line\ndef f():\n    return 1", "a")
    error = (await kernel.run("g()", "c")).error
    assert (error.frames[-1].line, error.frames[-1].source) == (2, "raise ValueError('old')")


@pytest.mark.parametrize(
    "code",
    [
        "1/0",
        "await __import__('asyncio').sleep(0)\n1/0",
        "import asyncio\nasync def f(): 1/0\nawait f()",
        "import asyncio\nasync def f(): 1/0\nawait asyncio.gather(f(), f())",
        "list(progress(1/0 for _ in range(3)))",
        "print('x', file=5)",
        "display(1, update=True)",
        "input()",
        "import time\ntime.sleep('x')",
        "class C:\n    def __repr__(self): 1/0\nrepr(C())",
        "try: 1/0\nexcept ZeroDivisionError as e: raise ValueError('second') from e",
        "try: 1/0\nexcept ZeroDivisionError: undefined",
        "raise ExceptionGroup('many', [ValueError(1), TypeError(2)])",
        "import sys; sys.exit(1)",
        "exec('1/0')",
        "import json; json.loads('{')",
        "x = (",
    ],
)
async def test_no_frame_of_the_kernel_is_ever_shown(kernel: Kernel, code: str) -> None:
    outcome = await kernel.run(f"x = 1\n{code}", label="cell 3")
    assert outcome.status == "error"
    for text in (outcome.error.traceback, repr(outcome.error.frames), outcome.error.message):
        assert "/kernel/" not in text
        assert "<cell " not in text
    assert "cell 3" in outcome.error.traceback
    assert outcome.error.frames[0].cell == "a"


async def test_causes_are_told_with_their_own_lines(kernel: Kernel) -> None:
    error = (await kernel.run("try: 1/0\nexcept ZeroDivisionError as e: raise ValueError('second') from e")).error
    assert error.name == "ValueError"
    assert "ZeroDivisionError: division by zero" in error.traceback
    assert "direct cause of the following exception" in error.traceback
    grouped = (await kernel.run("raise ExceptionGroup('many', [ValueError('v1'), TypeError('t2')])")).error
    assert "ValueError: v1" in grouped.traceback
    assert "TypeError: t2" in grouped.traceback


async def test_a_syntax_error_shows_where(kernel: Kernel) -> None:
    outcome = await kernel.run("x = 1\ny = = 2", "a", label="cell 3")
    assert (outcome.error.name, outcome.error.message) == ("SyntaxError", "invalid syntax")
    assert outcome.error.traceback == "  cell 3, line 2\n    y = = 2\n        ^\nSyntaxError: invalid syntax\n"
    assert [(frame.cell, frame.line) for frame in outcome.error.frames] == [("a", 2)]
    assert outcome.finished.defined == ()


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("if True:\nx = 1", "IndentationError"),
        ("'unterminated", "SyntaxError"),
        ("return 5", "SyntaxError"),
        ("yield 5", "SyntaxError"),
        ("break", "SyntaxError"),
        ("from __future__ import nothing", "SyntaxError"),
        ("def f(a, a): pass", "SyntaxError"),
        ("x\0y", "SyntaxError"),
        ("(" * 1000, "SyntaxError"),
        ("-" * 100_000 + "1", "MemoryError|RecursionError|SyntaxError"),
        ("1" * 5000, "SyntaxError"),
    ],
)
async def test_what_python_refuses_is_an_error_of_the_cell(kernel: Kernel, code: str, name: str) -> None:
    outcome = await kernel.run(code)
    assert outcome.status == "error"
    assert outcome.error.name in name.split("|") or (outcome.error.name == "ValueError" and "\0" in code)
    assert outcome.error.message or outcome.error.name == "MemoryError"
    assert "symtable" not in outcome.error.traceback
    assert await kernel.value("1 + 1") == "2"


async def test_endless_recursion_is_an_error_with_a_short_traceback(kernel: Kernel) -> None:
    error = (await kernel.run("def f(): f()\nf()")).error
    assert error.name == "RecursionError"
    assert len(error.traceback) < 5000
    assert len(error.frames) <= 101
    assert await kernel.value("1 + 1") == "2"


async def test_recursion_of_two_functions_too(kernel: Kernel) -> None:
    error = (await kernel.run("def f(): g()\ndef g(): f()\nf()")).error
    assert len(error.frames) <= 101
    assert len(error.traceback) <= 101_000


async def test_a_huge_message_is_cut_in_its_middle(kernel: Kernel) -> None:
    error = (await kernel.run("raise ValueError('begin' + 'x' * 10_000_000 + 'end')")).error
    assert error.message.startswith("begin")
    assert error.message.endswith("end")
    assert "characters are not shown ...]" in error.message
    assert len(error.message) < 11_000
    assert len(error.traceback) < 101_000


@pytest.mark.parametrize(
    "body",
    [
        "def __str__(self): raise ValueError('no')",
        "def __str__(self): raise SystemExit(3)",
        "def __str__(self): return 5",
        "def __repr__(self): raise ValueError('no')",
        "__module__ = 5",
        "def __getattribute__(self, name): raise ValueError(name)",
        "__traceback__ = 5",
    ],
)
async def test_odd_exceptions_do_not_break_the_kernel(kernel: Kernel, body: str) -> None:
    outcome = await kernel.run(f"class Odd(Exception):\n    {body}\nraise Odd('x')")
    assert (outcome.status, outcome.error.name) == ("error", "Odd")
    assert await kernel.value("1 + 1") == "2"


async def test_the_labels_are_those_of_now(kernel: Kernel) -> None:
    """A cell that has been moved since is called as the page calls it."""
    await kernel.run("def f(): 1/0", "a", label="cell 1")
    await kernel.run("def f(): 1/0", "a", label="cell 9")
    assert "cell 9, line 1, in f" in (await kernel.run("f()", "b", label="cell 2")).error.traceback


async def test_files_are_named_by_their_path(kernel: Kernel) -> None:
    await kernel.run("open('helper.py', 'w').write('def f():\\n    return 1/0\\n')", "a")
    error = (await kernel.run("import helper\nhelper.f()", "b")).error
    assert [frame.cell for frame in error.frames] == ["b", ""]
    assert error.frames[-1].label.endswith("helper.py")
    assert error.frames[-1].source == "return 1/0"


async def test_errors_in_threads_reach_the_page(kernel: Kernel) -> None:
    outcome = await kernel.run("import threading\ndef f(): 1/0\nt = threading.Thread(target=f)\nt.start(); t.join()")
    assert outcome.status == "success"
    assert "ZeroDivisionError: division by zero" in outcome.stderr
