"""Processes that outlive what they belong to: none. And a zygote that dies takes no kernel with it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from kernel.launch.local import LocalRuntime
from kernel.launch.nursery import ROOT
from tests.launch.support import Kernel, eventually, parent
from tests.launch.test_ending import children, gone

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOST = """
import asyncio, pathlib, sys
from kernel.launch.local import LocalRuntime
from tests.launch.support import Kernel
from tests.launch.test_ending import children

async def main():
    runtime = LocalRuntime(pathlib.Path(sys.argv[1]), modules=("json",), fork=sys.argv[2] == "forked")
    idle, busy, deaf = await asyncio.gather(*(Kernel.start(runtime, name) for name in ("idle", "busy", "deaf")))
    await children(idle)
    busy.execute("print('busy')\\nwhile True: pass")
    await busy.printed("busy")
    deaf.execute(
        "import ctypes, signal\\n"
        "for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}: signal.signal(number, signal.SIG_IGN)\\n"
        "print('deaf')\\nctypes.PyDLL(None).sleep(600)"
    )
    await deaf.printed("deaf")
    print("ready", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest_asyncio.fixture(loop_scope="session")
async def own(tmp_path: Path) -> AsyncIterator[LocalRuntime]:
    """A runtime that a test may harm."""
    runtime = LocalRuntime(tmp_path, modules=("json",))
    yield runtime
    await runtime.close()


def zygote(runtime: LocalRuntime) -> psutil.Process:
    pid = runtime.launching.zygote
    assert pid is not None
    return psutil.Process(pid)


async def kill_zygote(runtime: LocalRuntime) -> psutil.Process:
    """Kill it, and wait for the next one, which nobody has to ask for."""
    first = zygote(runtime)
    first.kill()
    await eventually(lambda: runtime.launching.zygote not in (None, first.pid))
    return first


@pytest.mark.parametrize("kind", ["forked", "plain"])
async def test_when_the_host_is_killed_every_process_ends(tmp_path: Path, kind: str) -> None:
    command = [sys.executable, "-c", HOST, str(tmp_path), kind]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert await asyncio.wait_for(asyncio.to_thread(process.stdout.readline), 30) == "ready\n"
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) >= 7
        process.kill()
        before = time.monotonic()
        await eventually(lambda: gone(family), 5)
        assert time.monotonic() - before < 3
    finally:
        process.kill()
        process.communicate()


async def test_close_leaves_no_process_behind(own: LocalRuntime) -> None:
    one, other = await Kernel.start(own, "one"), await Kernel.start(own, "other")
    started = await children(one)
    execution = other.execute("while True: pass")
    await other.started(execution)
    processes = [*started, zygote(own), *(psutil.Process(kernel.handle.pid) for kernel in (one, other))]
    await asyncio.wait_for(own.close(), 5)
    await eventually(lambda: gone(processes), 2)
    for kernel in (one, other):
        assert (await kernel.exit()).reason == "The kernel was ended by the portal."


async def test_close_without_a_kernel_and_closing_twice(tmp_path: Path) -> None:
    runtime = LocalRuntime(tmp_path, modules=("json",))
    await runtime.close()
    await runtime.prepare()
    process = zygote(runtime)
    await runtime.close()
    await runtime.close()
    assert gone([process])


async def test_kernels_survive_the_zygote_which_is_replaced_at_once(own: LocalRuntime) -> None:
    old = await Kernel.start(own, "old")
    await old.run("x = 41")
    first = await kill_zygote(own)
    assert own.alive(old.handle)
    assert await old.value("x + 1") == "42"

    new = await Kernel.start(own, "new")
    assert await parent(new) == zygote(own).pid != first.pid
    assert await new.value("1 + 1") == "2"
    assert await old.value("x + 1") == "42"
    interrupted = old.execute("print('here')\nwhile True: pass")
    await old.printed("here")
    assert (await old.interrupt(interrupted)).status == "interrupted"


async def test_the_end_of_a_kernel_whose_zygote_died_is_noticed_at_once(own: LocalRuntime) -> None:
    leaving, killed, closed = [await Kernel.start(own, name) for name in ("leaving", "killed", "closed")]
    families = [*await children(leaving), *await children(killed)]
    await kill_zygote(own)

    leaving.execute("import os; os._exit(1)")
    before = time.monotonic()
    exit = await leaving.exit()
    assert time.monotonic() - before < 0.9
    assert exit.reason == "The kernel's process has gone."

    await asyncio.wait_for(own.kill(killed.handle), 2)
    assert (await killed.exit()).reason == "The kernel was ended by the portal."
    await eventually(lambda: gone(families), 2)

    last = psutil.Process(closed.handle.pid)
    await asyncio.wait_for(own.close(), 3)
    await eventually(lambda: gone([last]), 2)


async def test_many_kernels_at_once(runtime: LocalRuntime) -> None:
    before = time.monotonic()
    kernels = await asyncio.gather(*(Kernel.start(runtime, f"s{number}") for number in range(20)))
    values = await asyncio.gather(*(kernel.value("__import__('os').getpid()") for kernel in kernels))
    assert time.monotonic() - before < 10
    assert values == [str(kernel.handle.pid) for kernel in kernels]
    await asyncio.gather(*(kernel.stop() for kernel in kernels))


async def test_a_kernel_leaves_no_open_descriptor_in_the_host(runtime: LocalRuntime) -> None:
    await (await Kernel.start(runtime)).stop()
    before = psutil.Process().num_fds()
    for _ in range(10):
        kernel = await Kernel.start(runtime)
        await kernel.stop()
    await eventually(lambda: psutil.Process().num_fds() <= before, 2)
