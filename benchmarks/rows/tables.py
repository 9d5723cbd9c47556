"""A table of a million rows on the page."""

from __future__ import annotations

import itertools
from contextlib import AsyncExitStack
from time import perf_counter

from ..contestant import Contestant
from ..measuring import Measure, Row, Sample, Target, timed


def code(rows: int) -> str:
    return (
        "import numpy as np, pandas as pd\n"
        f"df = pd.DataFrame(np.random.default_rng(1).random(({rows}, 10)), columns=[f'c{{n}}' for n in range(10)])"
    )


class FrameMillion(Row):
    name = "frame_million"
    measures = (
        Measure("frame_million", "show 1,000,000 x 10, to the output", 15, 2, targets=(Target(1 / 2),)),
        Measure("frame_million_page", "its next page", 15, 2, targets=(Target(1 / 2),)),
        Measure("frame_million_sorted", "a page of it, sorted by another column", 9, 1, targets=(Target(1 / 2),)),
        Measure(
            "frame_million_then_run",
            "run `x = 1` right after showing it, to idle",
            10,
            2,
            targets=(Target(1 / 3),),
            note="marimo's page asks for column summaries with each table, which its kernel does first",
        ),
    )

    async def setup(self, contestant: Contestant, stack: AsyncExitStack) -> dict[str, Sample]:
        cells = ["x = 1", code(1000 if self.tiny else 1_000_000), "df"]
        book = await contestant.open(await contestant.prepare(cells))
        stack.push_async_callback(book.close)
        await book.run_all()
        pages = itertools.cycle(range(50, 800, 50))
        columns = itertools.cycle(range(10))

        async def then_run() -> float:
            await book.show(2)
            started = perf_counter()
            await book.accompany()
            await book.run(0)
            return perf_counter() - started

        return {
            "frame_million": lambda: timed(book.show(2)),
            "frame_million_page": lambda: timed(book.rows(next(pages))),
            "frame_million_sorted": lambda: timed(book.rows(0, next(columns))),
            "frame_million_then_run": then_run,
        }
