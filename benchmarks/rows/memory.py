"""What kernels cost: their memory, and their start."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from time import perf_counter

import psutil

from kernel import protocol
from kernel.launch.local import LocalRuntime

from ..contestant import Book, Contestant
from ..measuring import LIMIT, OURS, Measure, Row, Sample, Target, timed
from ..peers.limits import Forker
from .running import FRAME


def own_memory(pid: int) -> float:
    """MiB that would be free if this process ended (USS)."""
    return psutil.Process(pid).memory_full_info().uss / 2**20  # type: ignore[no-any-return]


class KernelMemory(Row):
    name = "kernel_memory"
    measures = (
        Measure(
            "kernel_memory",
            "memory of an idle kernel that has shown a DataFrame (USS)",
            5,
            1,
            unit="MiB",
            targets=(Target(12, ""), Target(1 / 8)),
            limit="forked process that shows one",
        ),
    )

    async def setup(self, contestant: Contestant, stack: AsyncExitStack) -> dict[str, Sample]:
        async def sample() -> float:
            book = await contestant.open(await contestant.prepare([FRAME, "1"]))
            await book.run_all()
            pid = await book.pid()
            await asyncio.sleep(0.2)
            memory = own_memory(pid)
            await book.close()
            return memory

        return {"kernel_memory": sample}

    async def limit(self, ours: Contestant, stack: AsyncExitStack) -> dict[str, Sample]:
        return {"kernel_memory": (await stack.enter_async_context(Forker(FRAME, self.modules))).memory}


class ForkRatio(Row):
    """Our kernels without the portal: from the request to the runtime to the first DataFrame."""

    name = "fork_ratio"
    measures = (
        Measure(
            "fork_ratio",
            "a kernel alone, from the request for it to its first DataFrame",
            20,
            3,
            targets=(Target(1.5, LIMIT),),
            limit="fork of the same preloaded process",
        ),
    )

    async def setup(self, contestant: Contestant, stack: AsyncExitStack) -> dict[str, Sample]:
        if contestant.name != OURS:
            return {}
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="cascade-bench-"))
        runtime = LocalRuntime(Path(directory), self.modules)
        await runtime.prepare()
        stack.push_async_callback(runtime.close)
        return {"fork_ratio": lambda: _first(runtime)}

    async def limit(self, ours: Contestant, stack: AsyncExitStack) -> dict[str, Sample]:
        return {"fork_ratio": (await stack.enter_async_context(Forker(FRAME, self.modules))).show}


async def _first(runtime: LocalRuntime) -> float:
    execute = protocol.Execute(execution=1, cell="c", label="cell 1", kind="python", code=FRAME, ticket="t")
    started = perf_counter()
    handle = await runtime.start("bench")
    runtime.send(handle, execute)
    async for event in runtime.events(handle):
        if isinstance(event, protocol.Finished):
            taken = perf_counter() - started
            assert event.output and protocol.TABLE in event.output, event
            break
    await runtime.kill(handle)
    return taken


class Kernels(Row):
    """Many notebooks at once, each with a kernel that has shown a DataFrame."""

    name = "kernels_200"
    COUNT = 200
    measures = (
        Measure("kernels_200", "own memory of 200 kernels, each with a DataFrame", 1, 0, unit="MiB"),
        Measure("kernels_200_start", "starting them, one after the other, each to its DataFrame", 1, 0),
        Measure("kernels_200_run_x", "run `x = 1` in another notebook then, to idle", 20, 2),
    )

    async def setup(self, contestant: Contestant, stack: AsyncExitStack) -> dict[str, Sample]:
        if contestant.name != OURS:
            return {}
        books: list[Book] = []
        count = 3 if self.tiny else self.COUNT
        started = perf_counter()
        for _ in range(count):
            book = await contestant.open(await contestant.prepare([FRAME]))
            stack.push_async_callback(book.close)
            await book.show(0)
            books.append(book)
        each = (perf_counter() - started) / count
        lone = await contestant.open(await contestant.prepare(["x = 1"]))
        stack.push_async_callback(lone.close)
        await lone.run(0)

        async def memory() -> float:
            return sum([own_memory(await book.pid()) for book in books])

        async def start() -> float:
            return each

        return {
            "kernels_200": memory,
            "kernels_200_start": start,
            "kernels_200_run_x": lambda: timed(lone.run(0)),
        }
