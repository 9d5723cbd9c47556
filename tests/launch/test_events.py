"""Starting a kernel, the order of what it says, and taking it over."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator
from typing import cast

import msgspec
import pytest

from kernel import protocol
from kernel.launch.contract import Exit, Handle, KernelGone
from kernel.launch.local import LocalRuntime
from kernel.protocol import Acknowledge, Attach, Event, Finished, Ready, Started, Stream
from tests.launch.support import Kernel, cell, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def take(runtime: LocalRuntime, handle: Handle, count: int) -> list[Event | Exit]:
    """The next events; the iteration ends like that of a coordinator that dies."""
    events = cast(AsyncGenerator[Event | Exit, None], runtime.events(handle))
    async with asyncio.timeout(10):
        taken = [await anext(events) for _ in range(count)]
    await events.aclose()
    return taken


def numbers(events: list[Event | Exit]) -> list[int]:
    return [event.number for event in events if not isinstance(event, Exit)]


async def test_a_kernel_is_there_at_once(runtime: LocalRuntime) -> None:
    before = time.monotonic()
    kernel = await Kernel.start(runtime)
    ready = await kernel.seen(Ready)
    assert time.monotonic() - before < 1
    assert (ready.number, ready.version) == (1, protocol.VERSION)
    assert ready.pid == kernel.handle.pid
    assert runtime.alive(kernel.handle)
    await kernel.stop()


async def test_events_are_numbered_from_one_and_in_order(kernel: Kernel) -> None:
    outcome = await kernel.run("for i in range(50): print(i)\ndisplay(1)\nx = 1\nx")
    assert numbers(kernel.log) == list(range(1, len(kernel.log) + 1))
    assert [type(event).__name__ for event in outcome.events if not isinstance(event, Stream)] == [
        "Started",
        "Display",
        "Finished",
    ]
    assert outcome.stdout == "".join(f"{i}\n" for i in range(50))


async def test_executions_run_one_after_the_other_as_they_were_sent(kernel: Kernel) -> None:
    executions = [kernel.execute(f"x{i} = {i}\nprint({i})", f"c{i}") for i in range(protocol.PIPELINE)]
    await kernel.outcome(executions[-1])
    marks = [event for event in kernel.log if isinstance(event, Started | Finished)]
    assert [event.execution for event in marks] == [execution for execution in executions for _ in "se"]


async def test_what_requires_a_failed_execution_is_skipped_and_says_because_of_which(kernel: Kernel) -> None:
    failing = kernel.execute("1/0", "a")
    reader = kernel.execute("print('ran')", "b", requires=(failing,))
    reader_of_reader = kernel.execute("print('ran')", "c", requires=(reader,))
    other = kernel.execute("print('ran')", "d")
    assert (await kernel.outcome(failing)).status == "error"
    skipped = await kernel.outcome(reader)
    assert (skipped.status, skipped.finished.because, skipped.stdout) == ("skipped", failing, "")
    assert (await kernel.outcome(reader_of_reader)).finished.because == reader
    assert (await kernel.outcome(other)).stdout == "ran\n"


async def test_who_attaches_gets_again_what_was_not_acknowledged(runtime: LocalRuntime) -> None:
    handle = await runtime.start("attach")
    runtime.send(handle, cell(1, "print('one')"))
    first = await take(runtime, handle, 4)
    assert numbers(first) == [1, 2, 3, 4]
    runtime.send(handle, Acknowledge(number=2), cell(2, "print('two')"))

    assert await runtime.attach(handle)
    again = await take(runtime, handle, 5)
    assert again[:2] == first[2:]
    assert numbers(again) == [3, 4, 5, 6, 7]

    runtime.send(handle, Acknowledge(number=7), cell(3, ""))
    assert await runtime.attach(handle)
    assert numbers(await take(runtime, handle, 2)) == [8, 9]
    await runtime.kill(handle)


async def test_the_kernel_itself_sends_again_what_was_not_acknowledged(kernel: Kernel) -> None:
    await kernel.run("display('one')")
    kernel.send(Acknowledge(number=2), Attach(after=1))
    await eventually(lambda: numbers(kernel.log) == [1, 2, 3, 4, 3, 4])
    kernel.send(Attach(after=3))
    await eventually(lambda: numbers(kernel.log) == [1, 2, 3, 4, 3, 4, 4])
    assert kernel.log[2:4] == kernel.log[4:6]
    await kernel.run("display('two')")
    assert numbers(kernel.log)[-3:] == [5, 6, 7]


async def test_attaching_ends_the_iteration_of_before(runtime: LocalRuntime) -> None:
    handle = await runtime.start("twice")
    old: list[Event | Exit] = []

    async def read() -> None:
        async for event in runtime.events(handle):
            old.append(event)

    reader = asyncio.create_task(read())
    await eventually(lambda: old)
    with pytest.raises(RuntimeError, match="Another consumer"):
        await anext(runtime.events(handle))
    assert await runtime.attach(handle)
    new = cast(AsyncGenerator[Event | Exit, None], runtime.events(handle))
    assert await asyncio.wait_for(anext(new), 5) == old[0]
    await asyncio.wait_for(reader, 5)
    runtime.send(handle, cell(1, ""))
    assert isinstance(await asyncio.wait_for(anext(new), 5), Started)
    assert len(old) == 1
    await new.aclose()
    await runtime.kill(handle)


async def test_a_handle_survives_json(kernel: Kernel) -> None:
    """It is stored, and another coordinator finds the kernel with what it read from there."""
    await kernel.run("x = 41")
    stored = msgspec.json.encode(kernel.handle)
    handle = msgspec.json.decode(stored, type=Handle)
    assert handle == kernel.handle
    assert kernel.runtime.alive(handle)
    assert await kernel.runtime.attach(handle)
    again = Kernel(kernel.runtime, handle)
    again._executions = itertools.count(2)
    assert await again.value("x + 1") == "42"
    await again.stop()


async def test_a_kernel_that_is_gone_or_was_never_here_cannot_be_used(runtime: LocalRuntime, kernel: Kernel) -> None:
    stranger = msgspec.structs.replace(kernel.handle, kernel="nobody")
    await runtime.kill(kernel.handle)
    for handle in (kernel.handle, stranger):
        assert not runtime.alive(handle)
        assert not await runtime.attach(handle)
        with pytest.raises(KernelGone):
            runtime.send(handle, cell(1, ""))
        with pytest.raises(KernelGone):
            runtime.interrupt(handle, 1)
        with pytest.raises(KernelGone):
            runtime.events(handle)
        await runtime.kill(handle)


async def test_a_slow_reader_slows_the_kernel_and_loses_nothing(runtime: LocalRuntime) -> None:
    """The kernel is held up by its full socket, not by the memory of the host."""
    handle = await runtime.start("slow")
    count = 20_000
    runtime.send(handle, cell(1, f"for i in range({count}): display(i) if i % 40 == 0 else print(i)"))
    link = runtime._kernels[handle.kernel].link
    await eventually(lambda: link._paused)
    waiting = len(link._waiting)
    await asyncio.sleep(0.2)
    assert len(link._waiting) == waiting <= 1000

    said: list[Event] = []
    async with asyncio.timeout(20):
        async for event in runtime.events(handle):
            assert not isinstance(event, Exit)
            said.append(event)
            if isinstance(event, Finished):
                break
    assert [event.number for event in said] == list(range(1, len(said) + 1))
    text = "".join(
        event.text if isinstance(event, Stream) else f"{event.bundle['text/plain']}\n"
        for event in said
        if isinstance(event, Stream | protocol.Display)
    )
    assert text == "".join(f"{i}\n" for i in range(count))
    await runtime.kill(handle)


async def test_shutdown_ends_the_kernel_after_the_present_cell(kernel: Kernel) -> None:
    execution = kernel.execute("import time; time.sleep(0.2); print('done')")
    kernel.send(protocol.Shutdown())
    assert (await kernel.outcome(execution)).stdout == "done\n"
    assert (await kernel.exit()).status == 0
