"""Taking samples alternately, and what they amount to."""

from __future__ import annotations

import asyncio
import gc
import statistics
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from time import perf_counter
from typing import ClassVar

from kernel.launch.environment import COMMON

from .contestant import Cannot, Contestant

Sample = Callable[[], Awaitable[float]]
"""Takes one sample: seconds, or MiB where the measure says so."""

PAUSE = 0.06
"""Seconds of silence before each sample: all contestants are measured from idle."""
BUDGET = 12.0
"""Seconds after which a contestant takes no further samples of a measure, if it has `ENOUGH`."""
ENOUGH = 2

OURS = "cascade"
LIMIT = "limit"


@dataclass(frozen=True)
class Target:
    """Our median is at most `at_most` times that of `of`, in `measure` (the same one unless given).

    `of` is a contestant, or empty for an absolute bound in the measure's unit.
    """

    at_most: float
    of: str = "marimo"
    measure: str = ""


@dataclass(frozen=True)
class Measure:
    """`unit` is `ms` (samples are seconds) or `MiB`. Warm-ups are taken like samples and thrown away."""

    name: str
    title: str
    rounds: int = 15
    warmups: int = 2
    unit: str = "ms"
    targets: tuple[Target, ...] = ()
    limit: str = ""
    note: str = ""


@dataclass
class Series:
    """The samples of one contestant in one measure, or why there are none."""

    samples: list[float] = field(default_factory=list)
    cannot: str = ""
    spent: float = 0.0

    @property
    def median(self) -> float | None:
        return statistics.median(self.samples) if self.samples else None

    @property
    def p95(self) -> float | None:
        ordered = sorted(self.samples)
        return ordered[min(len(ordered) - 1, round(0.95 * (len(ordered) - 1)))] if ordered else None


class Row:
    """One line of the table or a family of lines. `tiny`: once, and as small as it can be, to see that it works."""

    name: ClassVar[str]
    optional: ClassVar[bool] = False
    """Runs only when it is asked for by name."""

    def __init__(self, tiny: bool = False) -> None:
        self.tiny = tiny
        self.modules = ("pandas",) if tiny else COMMON
        """What a process imports before it forks kernels."""

    @property
    def measures(self) -> Sequence[Measure]:
        raise NotImplementedError

    async def begin(self, ours: Contestant) -> None:
        """Make what all contestants need, before any of them is set up."""

    async def setup(self, contestant: Contestant, stack: AsyncExitStack) -> dict[str, Sample]:
        """A sample for each measure that this contestant takes part in. Raises `Cannot` if it is none."""
        raise NotImplementedError

    async def limit(self, ours: Contestant, stack: AsyncExitStack) -> dict[str, Sample]:
        """The bare limit of each measure that has one."""
        return {}


Outcome = dict[str, dict[str, Series]]
"""Measure -> contestant -> samples."""


async def measure(row: Row, contestants: Sequence[Contestant]) -> Outcome:
    """All samples of a row: in each round each contestant takes one, the limit among them."""
    outcome: Outcome = {each.name: {} for each in row.measures}
    async with AsyncExitStack() as stack:
        ours = next(each for each in contestants if each.name == OURS)
        await row.begin(ours)
        samplers: dict[str, dict[str, Sample]] = {}
        for contestant in contestants:
            try:
                samplers[contestant.name] = await row.setup(contestant, stack)
            except Exception as error:
                for each in row.measures:
                    outcome[each.name][contestant.name] = Series(cannot=_why(error, contestant.name))
        samplers[LIMIT] = await row.limit(ours, stack)
        await _rounds(row, samplers, outcome)
    return outcome


async def _rounds(row: Row, samplers: dict[str, dict[str, Sample]], outcome: Outcome) -> None:
    gc.collect()
    gc.disable()
    try:
        rounds = 1 if row.tiny else max(each.rounds + each.warmups for each in row.measures)
        for number in range(rounds):
            for each in row.measures:
                warming = not row.tiny and number < each.warmups
                if row.tiny or number < each.rounds + each.warmups:
                    for name, samples in samplers.items():
                        if each.name in samples:
                            series = outcome[each.name].setdefault(name, Series())
                            await _take(samples[each.name], series, warming, name)
    finally:
        gc.enable()


async def _take(sample: Sample, series: Series, warming: bool, name: str) -> None:
    if series.cannot or (series.spent > BUDGET and len(series.samples) >= ENOUGH):
        return
    await asyncio.sleep(PAUSE)
    started = perf_counter()
    try:
        value = await sample()
    except Exception as error:
        series.cannot = _why(error, name)
        return
    series.spent += perf_counter() - started
    if not warming:
        series.samples.append(value)


def _why(error: Exception, name: str) -> str:
    """What stands in the table instead of a number. A failure of our own is raised again: it ends the run."""
    if isinstance(error, Cannot):
        return str(error)
    if name in (OURS, LIMIT):
        raise error
    return f"failed: {type(error).__name__} {error}".replace("|", "/")[:120].strip()


def unable(reason: Cannot) -> Sample:
    """A sample of what somebody cannot do."""

    async def sample() -> float:
        raise reason

    return sample


async def timed(work: Awaitable[object]) -> float:
    """Seconds until it is done."""
    started = perf_counter()
    await work
    return perf_counter() - started
