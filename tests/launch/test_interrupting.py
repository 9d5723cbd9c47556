"""Stopping one execution: that one, at once, and no other."""

from __future__ import annotations

import asyncio
import os
import signal
import time

import pytest

from kernel.protocol import Cancel, Progress
from tests.launch.support import Kernel

pytestmark = pytest.mark.asyncio(loop_scope="session")

ENDLESS = {
    "pass": "while True: pass",
    "sleep": "import time\ntime.sleep(600)",
    "sleeping in a loop": "import time\nwhile True:\n    try: time.sleep(600)\n    except Exception: pass",
    "numpy": "import numpy as np\nwhile True: np.linalg.svd(np.random.rand(60, 60))",
    "printing": "while True: print('x')",
    "displaying": "while True: display('x')",
    "progress": "import itertools\nfor _ in progress(itertools.count()): pass",
    "await": "import asyncio\nawait asyncio.sleep(600)",
    "subprocess": "import subprocess\nsubprocess.run(['sleep', '600'])",
    "lock": "import threading\nlock = threading.Lock()\nlock.acquire()\nlock.acquire()",
    "thread": "import threading\nt = threading.Thread(target=threading.Event().wait, daemon=True)\nt.start()\nt.join()",
    "select": "import select\nselect.select([], [], [], 600)",
    "pandas": "import pandas as pd\npd.Series(range(20_000_000)).map(lambda x: x % 7)",
    "generator": "sum(1 for _ in iter(int, 1))",
    "representation": "class Slow:\n    def __repr__(self):\n        while True: pass\nrepr(Slow())",
    "finalizer of a with": "import contextlib\nwith contextlib.suppress(Exception):\n    while True: pass",
    "own handler": "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\nwhile True: pass",
}  # fmt: skip


@pytest.mark.parametrize("code", ENDLESS.values(), ids=ENDLESS.keys())
async def test_an_interrupt_ends_the_cell_and_the_kernel_goes_on(kernel: Kernel, code: str) -> None:
    execution = kernel.execute(f"print('here')\n{code}\nprint('beyond')")
    await kernel.printed("here")
    await asyncio.sleep(0.05)
    before = time.monotonic()
    outcome = await kernel.interrupt(execution)
    assert time.monotonic() - before < 2
    assert outcome.status == "interrupted"
    assert outcome.finished.defined == ()
    assert "beyond" not in outcome.stdout
    assert (await kernel.run("print('next')\n1 + 1", "b")).text == "2"


async def test_what_the_cell_had_defined_is_gone(kernel: Kernel) -> None:
    execution = kernel.execute("x = 1\nprint('here', end='')\nwhile True: pass")
    await kernel.printed("here")
    await asyncio.sleep(0.05)
    outcome = await kernel.interrupt(execution)
    assert outcome.error.name == "KeyboardInterrupt"
    assert [frame.line for frame in outcome.error.frames] == [3]
    assert (await kernel.run("x", "b")).error.name == "NameError"


async def test_showing_the_value_is_interrupted_too(kernel: Kernel) -> None:
    execution = kernel.execute(
        "class Slow:\n    def __repr__(self):\n        print('here')\n        while True: pass\nSlow()"
    )
    await kernel.printed("here")
    outcome = await kernel.interrupt(execution)
    assert (outcome.status, outcome.finished.output) == ("interrupted", None)


async def test_a_library_that_turns_the_interrupt_into_an_error_of_its_own(kernel: Kernel) -> None:
    execution = kernel.execute(
        "try:\n    print('here', end='')\n    while True: pass\n"
        "except KeyboardInterrupt:\n    raise RuntimeError('Query interrupted')"
    )
    await kernel.printed("here")
    await asyncio.sleep(0.05)
    outcome = await kernel.interrupt(execution)
    assert (outcome.status, outcome.error.message) == ("interrupted", "Query interrupted")


async def test_clean_up_code_of_an_interrupted_cell_runs(kernel: Kernel) -> None:
    execution = kernel.execute(
        "import asyncio\ntry:\n    print('here')\n    await asyncio.sleep(600)\nfinally:\n    print('cleaned up')"
    )
    await kernel.printed("here")
    outcome = await kernel.interrupt(execution)
    assert outcome.status == "interrupted"
    assert outcome.stdout.endswith("cleaned up\n")


async def test_a_query_on_dataframes_is_interrupted(kernel: Kernel) -> None:
    await kernel.run("import pandas as pd\nnumbers = pd.DataFrame({'n': range(100_000)})")
    query = "SELECT sum(a.n * b.n + c.n) FROM numbers a, numbers b, numbers c"
    execution = kernel.execute(query, "q", kind="sql", target="dataframes")
    await kernel.started(execution)
    await asyncio.sleep(0.2)
    before = time.monotonic()
    outcome = await kernel.interrupt(execution)
    assert time.monotonic() - before < 5
    assert outcome.status == "interrupted"
    assert await kernel.value("len(numbers)") == "100000"


async def test_a_query_at_the_broker_is_interrupted_and_its_late_answer_is_nobodys(kernel: Kernel) -> None:
    from kernel.protocol import SqlReply, SqlRequest

    execution = kernel.execute("SELECT 1", "q", kind="sql")
    request = await kernel.seen(SqlRequest)
    assert (await kernel.interrupt(execution)).status == "interrupted"
    kernel.send(SqlReply(request=request.request, error="cancelled"))
    kernel.broker = lambda request: [SqlReply(request=request.request, rows_affected=3)]
    assert (await kernel.sql("DELETE FROM t")).text == "3 rows affected"


async def test_an_interrupt_for_a_cell_that_has_ended_stops_no_other(kernel: Kernel) -> None:
    ended = kernel.execute("1")
    await kernel.outcome(ended)
    running = kernel.execute("import time\nprint('here')\ntime.sleep(0.3)\nsum(range(10**6))", "b")
    await kernel.printed("here")
    for _ in range(5):
        kernel.runtime.interrupt(kernel.handle, ended)
        await asyncio.sleep(0.02)
    outcome = await kernel.outcome(running)
    assert (outcome.status, outcome.text) == ("success", "499999500000")


async def test_a_signal_alone_stops_nothing(kernel: Kernel) -> None:
    """Control-C in the terminal of the portal, say."""
    execution = kernel.execute("import time\nprint('here')\ntime.sleep(0.2)\n'whole'")
    await kernel.printed("here")
    os.kill(kernel.handle.pid, signal.SIGINT)
    assert (await kernel.outcome(execution)).text == "'whole'"
    os.kill(kernel.handle.pid, signal.SIGINT)
    assert await kernel.value("1 + 1") == "2"


async def test_an_interrupt_at_the_very_end_of_a_cell_never_reaches_the_next(kernel: Kernel) -> None:
    """Forty interrupts around the moment at which the cell ends by itself."""
    statuses = set()
    for round in range(40):
        first = kernel.execute("import time\ntime.sleep(0.004)\nfor i in range(5): print(i)", "a")
        second = kernel.execute("total = 0\nfor i in range(20_000): total += i\ntotal", "b")
        await kernel.started(first)
        await asyncio.sleep(0.0002 * round)
        kernel.runtime.interrupt(kernel.handle, first)
        statuses.add((await kernel.outcome(first)).status)
        assert (await kernel.outcome(second)).text == "199990000"
    assert statuses <= {"success", "interrupted"}
    assert "interrupted" in statuses


async def test_a_storm_of_interrupts_tears_no_message(kernel: Kernel) -> None:
    """Were half a frame sent, the host would end the kernel."""
    execution = kernel.execute("while True:\n    try:\n        print('x' * 3000)\n    except KeyboardInterrupt: n = 1")
    await kernel.started(execution)
    for _ in range(200):
        kernel.runtime.interrupt(kernel.handle, execution)
        await asyncio.sleep(0.001)
    assert kernel.runtime.alive(kernel.handle)
    await kernel.runtime.kill(kernel.handle)
    assert (await kernel.exit()).reason == "The kernel was ended by the portal."


async def test_a_waiting_execution_that_is_cancelled_is_skipped(kernel: Kernel) -> None:
    running = kernel.execute("import time\nprint('here')\ntime.sleep(0.2)", "a")
    waiting = kernel.execute("print('ran')", "b")
    behind = kernel.execute("'behind'", "c")
    needing = kernel.execute("'needing'", "d", requires=(waiting,))
    await kernel.printed("here")
    kernel.send(Cancel(executions=(waiting,)))
    assert (await kernel.outcome(running)).status == "success"
    skipped = await kernel.outcome(waiting)
    assert (skipped.status, skipped.finished.because) == ("skipped", None)
    assert len(skipped.events) == 1
    assert (await kernel.outcome(behind)).text == "'behind'"
    assert (await kernel.outcome(needing)).finished.because == waiting


async def test_interrupting_the_waiting_one_leaves_the_running_one_alone(kernel: Kernel) -> None:
    running = kernel.execute("import time\nprint('here')\ntime.sleep(0.2)\n'whole'", "a")
    waiting = kernel.execute("print('ran')", "b")
    await kernel.printed("here")
    assert (await kernel.interrupt(waiting)).status == "skipped"
    assert (await kernel.outcome(running)).text == "'whole'"


async def test_a_cancel_that_arrives_before_its_execution_holds_too(kernel: Kernel) -> None:
    kernel.send(Cancel(executions=(1,)))
    assert (await kernel.run("print('ran')")).status == "skipped"
    assert (await kernel.run("print('ran')")).stdout == "ran\n"


async def test_raising_keyboardinterrupt_oneself_is_an_error(kernel: Kernel) -> None:
    outcome = await kernel.run("raise KeyboardInterrupt('mine')")
    assert (outcome.status, outcome.error.name, outcome.error.message) == ("error", "KeyboardInterrupt", "mine")


async def test_progress_so_far_is_reported_when_interrupted(kernel: Kernel) -> None:
    execution = kernel.execute(
        "import time\nfor i in progress(range(10)):\n    if i == 3: print('here'); time.sleep(600)"
    )
    await kernel.printed("here")
    outcome = await kernel.interrupt(execution)
    reports = [event for event in outcome.events if isinstance(event, Progress)]
    assert (reports[-1].done, reports[-1].total) == (3, 10)
