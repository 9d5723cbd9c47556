"""A change that many cells depend on."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import AsyncExitStack

from ..contestant import Contestant
from ..measuring import OURS, Measure, Row, Sample, Target, timed
from ..peers.limits import Compiled


def chain(length: int) -> list[str]:
    """Each cell reads the one before and shows its own value."""
    return ["x0 = 0\nx0", *(f"x{place} = x{place - 1} + 1\nx{place}" for place in range(1, length))]


def fan(readers: int) -> list[str]:
    """One cell that many read, each of which shows a value."""
    return ["x0 = 0\nx0", *(f"y{place} = x0 + {place}\ny{place}" for place in range(readers))]


class _Cascade(Row):
    """Change the first cell, again and again."""

    def sizes(self) -> dict[str, tuple[Callable[[int], list[str]], int]]:
        raise NotImplementedError

    async def setup(self, contestant: Contestant, stack: AsyncExitStack) -> dict[str, Sample]:
        return {
            measure: await self._sampler(contestant, stack, make(size))
            for measure, (make, size) in self.sizes().items()
        }

    async def _sampler(self, contestant: Contestant, stack: AsyncExitStack, cells: list[str]) -> Sample:
        book = await contestant.open(await contestant.prepare(cells))
        stack.push_async_callback(book.close)
        await book.run_all()
        numbers = itertools.count(1)

        async def sample() -> float:
            number = next(numbers)
            return await timed(book.change(0, f"x0 = {number}\nx0", len(cells) - 1))

        return sample

    async def limit(self, ours: Contestant, stack: AsyncExitStack) -> dict[str, Sample]:
        return {measure: Compiled(make(size)).run for measure, (make, size) in self.sizes().items()}


class Chain(_Cascade):
    name = "chain"
    measures = (
        Measure(
            "chain_100",
            "chain of 100, root changed, to the last result",
            10,
            2,
            targets=(Target(1 / 8),),
            limit="exec of compiled cells",
            note="Jupyter: run all",
        ),
        Measure(
            "chain_1000",
            "chain of 1,000",
            5,
            1,
            targets=(Target(1 / 20), Target(12, OURS, "chain_100")),
            limit="exec of compiled cells",
            note="Jupyter: run all",
        ),
    )

    def sizes(self) -> dict[str, tuple[Callable[[int], list[str]], int]]:
        return {"chain_100": (chain, 3 if self.tiny else 100), "chain_1000": (chain, 5 if self.tiny else 1000)}


class Dependents(_Cascade):
    name = "dependents"
    measures = (
        Measure(
            "dependents_999",
            "999 dependents, each showing a value",
            5,
            1,
            targets=(Target(1 / 10),),
            limit="exec of compiled cells",
            note="Jupyter: run all",
        ),
    )

    def sizes(self) -> dict[str, tuple[Callable[[int], list[str]], int]]:
        return {"dependents_999": (fan, 4 if self.tiny else 999)}
