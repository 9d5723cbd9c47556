"""Opening, and running one cell."""

from __future__ import annotations

from contextlib import AsyncExitStack
from time import perf_counter

from ..contestant import Contestant
from ..measuring import Measure, Row, Sample, Target, timed
from ..peers.limits import Echo, Forker

FRAME = "import pandas as pd\npd.DataFrame({'a': range(10), 'b': 'text'})"


class FirstDataFrame(Row):
    name = "first_dataframe"
    measures = (
        Measure(
            "first_dataframe",
            "open a notebook and run a cell, to its first DataFrame",
            rounds=12,
            targets=(Target(1 / 25), Target(3, "limit")),
            limit="fork of a warmed process that shows it",
        ),
    )

    async def setup(self, contestant: Contestant, stack: AsyncExitStack) -> dict[str, Sample]:
        async def sample() -> float:
            prepared = await contestant.prepare([FRAME])
            started = perf_counter()
            book = await contestant.open(prepared)
            await book.show(0)
            taken = perf_counter() - started
            await book.close()
            return taken

        return {"first_dataframe": sample}

    async def limit(self, ours: Contestant, stack: AsyncExitStack) -> dict[str, Sample]:
        return {"first_dataframe": (await stack.enter_async_context(Forker(FRAME, self.modules))).show}


class RunX(Row):
    name = "run_x"
    IN_A_ROW = 20
    measures = (
        Measure("run_x", "run `x = 1`, to idle", 60, 5, targets=(Target(1 / 3),), limit="WebSocket echo"),
        Measure(
            "run_x_in_a_row",
            "run `x = 1`, to idle, each of 20 in a row",
            10,
            1,
            note="no pause between them",
        ),
    )

    async def setup(self, contestant: Contestant, stack: AsyncExitStack) -> dict[str, Sample]:
        book = await contestant.open(await contestant.prepare(["x = 1"]))
        stack.push_async_callback(book.close)
        await book.run(0)

        async def in_a_row() -> float:
            started = perf_counter()
            for _ in range(self.IN_A_ROW):
                await book.run(0)
            return (perf_counter() - started) / self.IN_A_ROW

        return {"run_x": lambda: timed(book.run(0)), "run_x_in_a_row": in_a_row}

    async def limit(self, ours: Contestant, stack: AsyncExitStack) -> dict[str, Sample]:
        return {"run_x": (await stack.enter_async_context(Echo())).echo}
