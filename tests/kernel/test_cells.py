"""Running one cell: its value, what it prints and shows, in which order."""

from __future__ import annotations

import asyncio

import pytest

from kernel.protocol import Display, Stream
from tests.launch.support import Kernel, Outcome

pytestmark = pytest.mark.asyncio(loop_scope="session")


def said(outcome: Outcome) -> list[tuple[str, str]]:
    """What the page shows above the value, in order, neighbours of one kind merged."""
    merged: list[tuple[str, str]] = []
    item: tuple[str, str]
    for event in outcome.events:
        if isinstance(event, Stream):
            item = (event.stream, event.text)
        elif isinstance(event, Display):
            item = ("display", event.bundle["text/plain"])
        else:
            continue
        if merged and merged[-1][0] == item[0] != "display":
            item = (item[0], merged.pop()[1] + item[1])
        merged.append(item)
    return merged


@pytest.mark.parametrize(
    ("code", "value"),
    [
        ("1 + 1", "2"),
        ("x = 1\nx", "1"),
        ("(\n 1,\n 2\n)", "(1, 2)"),
        ("'ä;'", "'ä;'"),
        ("1 # ; a comment", "1"),
        ("'a'; 'b'", "'b'"),
        ("'''two\nlines'''", "'two\\nlines'"),
        ("0", "0"),
        ("False", "False"),
        ("''", "''"),
        ("1;", None),
        ("1 ;  # quiet", None),
        ("'ä€';", None),
        ("x = 1", None),
        ("None", None),
        ("", None),
        ("# nothing", None),
        ("if True: 1", None),
        ("def f(): return 1", None),
        ("print", "<function print(*args, sep=' ', end='\\n', file=None, flush=False)>"),
    ],
)
async def test_the_last_expression_is_the_value_unless_a_semicolon_follows(
    kernel: Kernel, code: str, value: str | None
) -> None:
    outcome = await kernel.run(code)
    assert outcome.status == "success"
    assert (outcome.finished.output or {}).get("text/plain") == value


async def test_await_at_the_top_level(kernel: Kernel) -> None:
    await kernel.run("import asyncio\nasync def later(x):\n    await asyncio.sleep(0)\n    return x", "a")
    assert (await kernel.run("x = await later(1)\nawait later(x + 1)", "b")).text == "2"
    assert (await kernel.run("async for i in (later(n) for n in []): pass", "c")).error.name == "TypeError"
    assert (await kernel.run("[await later(n) for n in range(3)]", "d")).text == "[0, 1, 2]"
    assert (await kernel.run("async with asyncio.timeout(1): y = await later(7)\ny", "e")).text == "7"
    assert (await kernel.run("asyncio.run(later(8))", "f")).text == "8"
    assert (await kernel.run("await later(9)", "g")).text == "9"


async def test_a_task_of_one_cell_goes_on_while_the_next_awaits(kernel: Kernel) -> None:
    await kernel.run(
        "import asyncio\nseen = []\nasync def work():\n    await asyncio.sleep(0.01)\n    seen.append(1)", "a"
    )
    await kernel.run("task = asyncio.create_task(work())\nawait asyncio.sleep(0)", "b")
    assert (await kernel.run("await task\nseen", "c")).text == "[1]"


async def test_input_says_what_to_do_instead(kernel: Kernel) -> None:
    error = (await kernel.run("name = input('Who? ')")).error
    assert error.name == "RuntimeError"
    assert error.message == (
        "input() is not available here: a cell cannot ask questions. Assign the value in a cell instead."
    )
    assert (await kernel.run("import sys; sys.stdin.read()")).text == "''"


async def test_prints_and_displays_come_in_their_order(kernel: Kernel) -> None:
    outcome = await kernel.run(
        "import sys\nprint('one')\nprint('two', file=sys.stderr)\ndisplay(3)\nprint('four')\ndisplay(5, 6)\n"
        "sys.stderr.write('7')\n8"
    )
    assert said(outcome) == [
        ("stdout", "one\n"), ("stderr", "two\n"), ("display", "3"), ("stdout", "four\n"), ("display", "5"),
        ("display", "6"), ("stderr", "7"),
    ]  # fmt: skip
    assert outcome.text == "8"


async def test_output_of_subprocesses_is_captured_in_its_place(kernel: Kernel) -> None:
    outcome = await kernel.run(
        "import subprocess, os\n"
        "print('before')\n"
        "subprocess.run('echo out; echo err >&2', shell=True)\n"
        "print('between')\n"
        "os.write(1, 'direct ä\\n'.encode())\n"
        "display('shown')\n"
        "os.system('echo last')"
    )
    assert outcome.stdout == "before\nout\nbetween\ndirect ä\nlast\n"
    assert outcome.stderr == "err\n"
    assert said(outcome)[0] == ("stdout", "before\nout\n")


async def test_output_of_c_code_that_buffers_is_not_lost(kernel: Kernel) -> None:
    outcome = await kernel.run("import ctypes\nctypes.CDLL(None).puts(b'from C')\nprint('from Python')")
    assert sorted(outcome.stdout.splitlines()) == ["from C", "from Python"]


async def test_output_of_forked_processes_and_threads(kernel: Kernel) -> None:
    outcome = await kernel.run(
        "import os, threading, multiprocessing\n"
        "thread = threading.Thread(target=print, args=('thread',))\nthread.start(); thread.join()\n"
        "process = multiprocessing.get_context('fork').Process(target=print, args=('process',))\n"
        "process.start(); process.join()"
    )
    assert sorted(outcome.stdout.split()) == ["process", "thread"]
    assert (await kernel.run("1 + 1")).text == "2"


async def test_a_thread_that_prints_between_two_cells_is_heard_in_the_next(kernel: Kernel) -> None:
    later = "def later():\n    time.sleep(0.05)\n    print('late')"
    await kernel.run(f"import threading, time\n{later}\nthreading.Thread(target=later).start()")
    await asyncio.sleep(0.2)
    outcome = await kernel.run("", "b")
    assert outcome.stdout == "late\n"


async def test_what_a_cell_prints_before_it_sleeps_is_on_the_page(kernel: Kernel) -> None:
    execution = kernel.execute("import time\nprint('now', end='')\ntime.sleep(600)")
    await kernel.printed("now")
    await kernel.interrupt(execution)


async def test_a_hundred_megabytes_are_cut_and_the_page_is_told(kernel: Kernel) -> None:
    outcome = await kernel.run("print('x' * 100_000_000)\nprint('more')\n'done'")
    assert len(outcome.stdout) == 1024 * 1024
    assert "Output cut: 99.0 MB more were not shown." in outcome.stderr
    assert outcome.text == "'done'"
    assert (await kernel.run("print('again')")).stdout == "again\n"


async def test_a_hundred_megabytes_of_a_subprocess_are_cut_too(kernel: Kernel) -> None:
    outcome = await kernel.run(
        "import subprocess\nsubprocess.run('head -c 100000000 /dev/zero | tr \"\\\\0\" x', shell=True).returncode"
    )
    assert len(outcome.stdout) == 1024 * 1024
    assert "Output cut: 99.0 MB more were not shown." in outcome.stderr


async def test_many_small_prints_are_merged_and_none_is_lost(kernel: Kernel) -> None:
    outcome = await kernel.run("for i in range(60_000): print(i)")
    assert outcome.stdout == "".join(f"{i}\n" for i in range(60_000))
    assert sum(isinstance(event, Stream) for event in outcome.events) < 20_000


async def test_lone_surrogates_are_shown_as_question_marks(kernel: Kernel) -> None:
    outcome = await kernel.run(
        "import sys\nprint('a\\ud800b')\nsys.stderr.write('\\udfff')\ndisplay('c\\ud800')\n'd\\ud800'"
    )
    assert outcome.stdout == "a?b\n"
    assert outcome.stderr == "?"
    assert outcome.displays[0].bundle["text/plain"] in ("'c\\ud800'", "'c?'")
    assert outcome.text in ("'d\\ud800'", "'d?'")
    error = (await kernel.run("raise ValueError('e\\ud800')")).error
    assert error.message == "e?"


async def test_bytes_and_nulls_in_text(kernel: Kernel) -> None:
    outcome = await kernel.run(
        "import sys, os\nsys.stdout.buffer.write(b'\\xff\\n')\nos.write(1, b'\\xfe\\n')\nprint('a\\0b')"
    )
    assert outcome.stdout == "\ufffd\n\ufffd\na\0b\n"


async def test_printing_to_odd_places(kernel: Kernel) -> None:
    outcome = await kernel.run(
        "import sys, contextlib, io\n"
        "print('a', 'b', sep='-', end='!', flush=True)\n"
        "with contextlib.redirect_stdout(io.StringIO()) as caught: print('caught')\n"
        "sys.__stdout__\n"
        "sys.stdout.close()\n"
        "print(caught.getvalue(), sys.stdout.isatty(), sys.stdout.encoding)\n"
    )
    assert outcome.stdout == "a-b!caught\n False utf-8\n"
    assert (await kernel.run("sys.stdout.write(5)", "b")).error.message == "write() argument must be str, not int"


async def test_replacing_stdout_in_one_cell_silences_no_other(kernel: Kernel) -> None:
    """As IPython does it: what a cell does to sys.stdout is its own affair only until it ends."""
    await kernel.run("import sys, io\nsys.stdout = io.StringIO()\nprint('lost')")
    assert (await kernel.run("print('heard')", "b")).stdout == "heard\n"


async def test_progress_reports_where_a_loop_is(kernel: Kernel) -> None:
    outcome = await kernel.run("import time\nfor i in progress(range(4), 'reading'): time.sleep(0.06)")
    reports = [(event.done, event.total, event.label) for event in outcome.progress]
    assert reports[0] == (0, 4, "reading")
    assert reports[-1] == (4, 4, "reading")
    assert [done for done, _, _ in reports] == sorted(done for done, _, _ in reports)
    assert len(reports) >= 3


async def test_progress_of_a_generator_has_no_total_and_of_a_break_stops_there(kernel: Kernel) -> None:
    outcome = await kernel.run("for i in progress(x for x in range(10)):\n    if i == 5: break\nlen(progress([1, 2]))")
    assert [(event.done, event.total) for event in outcome.progress] == [(0, None), (5, None)]
    assert outcome.text == "2"


async def test_a_million_steps_of_progress_are_few_events(kernel: Kernel) -> None:
    outcome = await kernel.run("for _ in progress(range(300_000)): pass")
    assert outcome.progress[-1].done == 300_000
    assert len(outcome.progress) < 100


async def test_warnings_name_the_cell_and_come_again_with_the_next_run(kernel: Kernel) -> None:
    for _ in range(2):
        outcome = await kernel.run("import warnings\nwarnings.warn('careful')")
        assert outcome.stderr == "Cell a:2: UserWarning: careful\n  warnings.warn('careful')\n"


async def test_what_the_compiler_warns_of_comes_again_with_the_next_run(kernel: Kernel) -> None:
    for _ in range(2):
        outcome = await kernel.run("x = 1\ny = 1 is 1")
        assert outcome.stderr.count("Cell a:2: SyntaxWarning") == 1


async def test_duration_is_that_of_the_cell(kernel: Kernel) -> None:
    duration = (await kernel.run("import time\ntime.sleep(0.1)")).finished.duration
    assert 0.1 <= duration < 2


async def test_logging_goes_to_the_page(kernel: Kernel) -> None:
    outcome = await kernel.run("import logging\nlogging.warning('hm')\nlogging.getLogger('x').error('oh')")
    assert outcome.stderr == "WARNING:root:hm\nERROR:x:oh\n"
