"""An output that many look at."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from time import perf_counter

from ..contestant import Cannot, Contestant, Watcher
from ..measuring import OURS, Measure, Row, Sample, Target, unable


class Watchers(Row):
    name = "watchers"
    measures = (
        Measure("watchers_1", "output at one watcher", 15, 2),
        Measure(
            "watchers_50",
            "output at the last of 50 watchers",
            15,
            2,
            targets=(Target(2, OURS, "watchers_1"),),
            note="marimo: all of them as readers, since it has one editor at a time",
        ),
        Measure("watchers_200", "at the last of 200", 9, 1, targets=(Target(5, OURS, "watchers_1"),)),
    )

    async def setup(self, contestant: Contestant, stack: AsyncExitStack) -> dict[str, Sample]:
        counts = (1, 2, 3) if self.tiny else (1, 50, 200)
        samplers: dict[str, Sample] = {}
        for each, count in zip(self.measures, counts, strict=True):
            try:
                samplers[each.name] = await self._sampler(contestant, stack, count)
            except Cannot as reason:
                samplers[each.name] = unable(reason)
        return samplers

    async def _sampler(self, contestant: Contestant, stack: AsyncExitStack, count: int) -> Sample:
        book = await contestant.open(await contestant.prepare(["__import__('time').perf_counter_ns()"]))
        stack.push_async_callback(book.close)
        await book.run(0)
        watchers: list[Watcher] = []
        for _ in range(count):
            watchers.append(await book.watch())
            stack.push_async_callback(watchers[-1].close)
        await asyncio.gather(*(watcher.settle() for watcher in watchers))

        async def sample() -> float:
            seen = [asyncio.create_task(_seen(watcher)) for watcher in watchers]
            await asyncio.sleep(0)
            started = perf_counter()
            await book.run(0)
            return max(await asyncio.gather(*seen)) - started

        return sample


async def _seen(watcher: Watcher) -> float:
    """When it saw the output."""
    await watcher.output()
    return perf_counter()
