"""How a kernel ends, whoever ends it: the page is told, in a sentence, at once."""

from __future__ import annotations

import asyncio
import time

import psutil
import pytest

from kernel.launch.contract import Exit, KernelGone
from kernel.launch.local import LocalRuntime
from kernel.protocol import Stream
from tests.launch.support import Kernel, cell, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

SOCKETS = """
import os, stat
sockets = [fd for fd in range(3, 64) if os.path.exists(f"/proc/self/fd/{fd}") and stat.S_ISSOCK(os.fstat(fd).st_mode)]
assert sockets

import msgspec
def frame(data):
    return len(data).to_bytes(4, "big") + data
"""

CHILDREN = """
import os, signal, subprocess, sys, time
ignoring = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", ignoring], stdout=subprocess.PIPE)
child.stdout.readline()
shell = subprocess.Popen("sleep 600 & sleep 600", shell=True)
forked = os.fork()
if not forked:
    while True:
        time.sleep(600)
"""


async def children(kernel: Kernel) -> list[psutil.Process]:
    """Start some, at least four, and return them."""
    await kernel.run(CHILDREN)
    process = psutil.Process(kernel.handle.pid)
    await eventually(lambda: len(process.children(recursive=True)) >= 4)
    return list(process.children(recursive=True))


def gone(processes: list[psutil.Process]) -> bool:
    return not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes)


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("import os; os._exit(1)", 1, "The kernel's process ended by itself (exit status 1)."),
        ("import os; os._exit(0)", 0, "The kernel's process ended by itself (exit status 0)."),
        ("import os; os.kill(os.getpid(), 9)", -9, "was killed (SIGKILL)"),
        ("import os; os.kill(os.getpid(), 15)", -15, "(SIGTERM)"),
        ("import os; os.abort()", -6, "The kernel's process crashed (SIGABRT)."),
        ("import ctypes; ctypes.string_at(0)", -11, "The kernel's process crashed (SIGSEGV)."),
        ("import os; os.execv('/bin/true', ['true'])", 0, "ended by itself"),
    ],
)
async def test_the_end_is_told_within_a_second(kernel: Kernel, code: str, status: int, reason: str) -> None:
    await kernel.run("")
    kernel.execute(f"print('last words')\n{code}")
    before = time.monotonic()
    exit = await kernel.exit()
    assert time.monotonic() - before < 1
    assert exit.status == status
    assert reason in exit.reason
    assert exit.reason.endswith(".")
    await kernel.printed("last words")
    assert not kernel.runtime.alive(kernel.handle)
    with pytest.raises(KernelGone):
        kernel.execute("1")


@pytest.mark.parametrize("code", ["import sys; sys.exit(3)", "exit()", "quit()", "raise SystemExit('enough')"])
async def test_leaving_a_cell_by_sys_exit_is_its_error_and_not_the_end(kernel: Kernel, code: str) -> None:
    outcome = await kernel.run(code)
    assert (outcome.status, outcome.error.name) == ("error", "SystemExit")
    assert await kernel.value("1 + 1") == "2"


async def test_what_was_said_before_the_end_arrives_although_nobody_was_reading(runtime: LocalRuntime) -> None:
    """More lines than the host takes unread: the rest waits in the socket of a process that is dead."""
    handle = await runtime.start("last")
    kernel = runtime._kernels[handle.kernel]
    runtime.send(handle, cell(1, "import os\nfor i in range(560): print(i)\nos._exit(1)"))
    await asyncio.wait_for(kernel.gone.wait(), 10)
    said = [event async for event in kernel.link.events()]
    text = "".join(event.text for event in said if isinstance(event, Stream))
    assert text == "".join(f"{i}\n" for i in range(560))


async def test_closing_its_own_connection_ends_it(kernel: Kernel) -> None:
    kernel.execute(f"{SOCKETS}\nfor fd in sockets: os.close(fd)\nwhile True: pass")
    exit = await kernel.exit(seconds=5)
    assert exit.reason == "The kernel was ended: its connection to the portal was closed by its own code."


async def test_shutting_down_its_own_connection_ends_it(kernel: Kernel) -> None:
    import_and_shut = "import socket\nfor fd in sockets: socket.socket(fileno=fd).shutdown(socket.SHUT_RDWR)"
    kernel.execute(f"{SOCKETS}\n{import_and_shut}\nwhile True: pass")
    assert (await kernel.exit(seconds=5)).reason


@pytest.mark.parametrize(
    "data",
    [
        r"b'\0\0\0\5hello'",
        r"b'\xff\xff\xff\xffhello'",
        r"(64 * 1024 * 1024 + 1).to_bytes(4, 'big')",
        r"b'GET / HTTP/1.1\r\n\r\n' * 10",
        r"b'\0\0\0\0'",
        # an event that is one but for the type of a field
        r"frame(msgspec.msgpack.encode({'type': 'started', 'number': 'seven', 'execution': 1}))",
        # text that is no UTF-8
        r"frame(msgspec.msgpack.encode({'type': 'stream', 'number': 9, 'execution': 1, 'stream': 'stdout', 'text': 'z'}"
        r").replace(b'\xa1z', b'\xa1\xff'))",
        # nested deeper than any decoder goes
        r"frame(b'\x81\xa1a' + b'\x91' * 1_000_000 + b'\x01')",
    ],
)
async def test_garbage_on_its_connection_ends_the_kernel_and_not_the_host(
    kernel: Kernel, runtime: LocalRuntime, data: str
) -> None:
    bystander = await Kernel.start(runtime, "bystander")
    kernel.execute(f"{SOCKETS}\ndata = {data}\nfor fd in sockets: os.write(fd, data)\nwhile True: pass")
    exit = await kernel.exit(seconds=5)
    assert exit.reason.startswith("The kernel was ended: it sent what is not part of the protocol (")
    assert await bystander.value("1 + 1") == "2"
    await bystander.stop()


FORGED = {
    "an end of what does not run": "Finished(number=N, execution=2, status='success')",
    "a second end": "Finished(number=N, execution=1, status='success'), "
    "Finished(number=N + 1, execution=1, status='error')",
    "a beginning of what waits": "Started(number=N, execution=2)",
    "a beginning of what was never asked for": "Started(number=N, execution=99)",
    "text for a cell that has not begun": "Stream(number=N, execution=2, stream='stdout', text='not mine')",
    "a picture for it": "Display(number=N, execution=2, bundle={'text/plain': 'not mine'})",
    "a statement for it": "SqlRequest(number=N, request=1, execution=2, ticket='ticket', statement='SELECT 1')",
    "a number twice": "Stream(number=N - 1, execution=1, stream='stdout', text='again')",
    "a number far ahead": "Stream(number=2**62, execution=1, stream='stdout', text='later')",
    "a negative number": "Stream(number=-1, execution=1, stream='stdout', text='before')",
    "no number": "Progress(number=N, execution=1, done=float('nan'), total=None, label='')",
    "more text than a cell may print": "Stream(number=N, execution=1, stream='stdout', text='x' * 5_000_000)",
    "a million names": "Finished(number=N, execution=1, status='success', defined=('x',) * 1_000_000)",
}


@pytest.mark.parametrize("what", FORGED)
async def test_events_that_a_kernel_cannot_send_end_it(kernel: Kernel, what: str) -> None:
    """User code speaks for its kernel: events 1 and 2 were that it is ready, and that execution 1 began."""
    code = (
        f"{SOCKETS}\nfrom kernel.protocol import *\nN = 3\n"
        f"data = b''.join(frame(msgspec.msgpack.encode(each)) for each in ({FORGED[what]},))\n"
        "import socket\nfor fd in sockets:\n"
        "    with socket.socket(fileno=os.dup(fd)) as each:\n"
        "        try: each.settimeout(0.5); each.sendall(data)\n"
        "        except OSError: pass\n"
        "while True: pass"
    )
    kernel.execute(code)
    kernel.execute("2", "b")
    exit = await kernel.exit(seconds=5)
    assert exit.reason.startswith("The kernel was ended: it sent what is not part of the protocol (")
    assert not [event for event in kernel.log if getattr(event, "execution", None) == 2]


async def test_garbage_that_is_read_only_after_the_end(runtime: LocalRuntime) -> None:
    """It waits behind a thousand events that nobody took; the kernel is long gone when they are."""
    handle = await runtime.start("late")
    kernel = runtime._kernels[handle.kernel]
    garbage = f"for i in range(540): print(i)\n{SOCKETS}\nfor fd in sockets: os.write(fd, b'hello' * 10)\nos._exit(1)"
    runtime.send(handle, cell(1, garbage))
    await asyncio.wait_for(kernel.gone.wait(), 10)
    *_, exit = [event async for event in kernel.link.events()]
    assert isinstance(exit, Exit)
    assert exit.status == 1


async def test_kill_ends_the_kernel_and_what_it_started(kernel: Kernel) -> None:
    processes = [*await children(kernel), psutil.Process(kernel.handle.pid)]
    await kernel.runtime.kill(kernel.handle)
    assert not kernel.runtime.alive(kernel.handle)
    await eventually(lambda: gone(processes), 2)
    assert (await kernel.exit()).reason == "The kernel was ended by the portal."


async def test_what_it_started_ends_with_a_kernel_that_ends_by_itself(kernel: Kernel) -> None:
    processes = await children(kernel)
    kernel.execute("import os; os._exit(1)")
    assert (await kernel.exit()).status == 1
    await eventually(lambda: gone(processes), 2)


async def test_kill_is_not_put_off_by_anything(kernel: Kernel) -> None:
    """A process that ignores every signal that can be ignored, and hangs in C."""
    kernel.execute(
        "import signal, ctypes\n"
        "for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}: signal.signal(number, signal.SIG_IGN)\n"
        "print('deaf')\n"
        "ctypes.PyDLL(None).sleep(600)"
    )
    await kernel.printed("deaf")
    before = time.monotonic()
    await kernel.runtime.kill(kernel.handle)
    assert time.monotonic() - before < 1
    assert (await kernel.exit()).status == -9


async def test_a_stopped_kernel_can_be_killed(kernel: Kernel) -> None:
    kernel.execute("import os, signal; print('stopping'); os.kill(os.getpid(), signal.SIGSTOP)")
    await kernel.printed("stopping")
    await asyncio.wait_for(kernel.runtime.kill(kernel.handle), 2)
    assert kernel.runtime.alive(kernel.handle) is False


async def test_killing_twice_at_once_is_killing_once(kernel: Kernel) -> None:
    await asyncio.wait_for(asyncio.gather(kernel.runtime.kill(kernel.handle), kernel.runtime.kill(kernel.handle)), 2)
    assert (await kernel.exit()).reason == "The kernel was ended by the portal."


async def test_a_kernel_that_ended_is_followed_by_another_with_the_same_files(
    runtime: LocalRuntime, kernel: Kernel
) -> None:
    """The session's folder stays, the temporary one goes."""
    await kernel.run("x = 1\nopen('kept.txt', 'w').write('kept')\nimport tempfile, pathlib\nhere = tempfile.mkdtemp()")
    temporary = (await kernel.run("print(here)", "b")).stdout.strip()
    await kernel.stop()
    again = await Kernel.start(runtime)
    assert await again.value("open('kept.txt').read()") == "'kept'"
    outcome = await again.run(f"import pathlib; print(pathlib.Path({temporary!r}).exists()); x")
    assert outcome.stdout == "False\n"
    assert outcome.error.name == "NameError"
    await again.stop()
