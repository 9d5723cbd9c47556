"""One edit of one cell, in a short notebook and in a long one."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import AsyncExitStack

from ..contestant import Book, Contestant
from ..measuring import OURS, Measure, Row, Sample, Target, timed


class _Edits(Row):
    SIZES = (10, 1000)

    def act(self, book: Book, place: int, code: str) -> Callable[[], object]:
        raise NotImplementedError

    async def setup(self, contestant: Contestant, stack: AsyncExitStack) -> dict[str, Sample]:
        sizes = (2, 3) if self.tiny else self.SIZES
        return {
            each.name: await self._sampler(contestant, stack, size)
            for each, size in zip(self.measures, sizes, strict=True)
        }

    async def _sampler(self, contestant: Contestant, stack: AsyncExitStack, size: int) -> Sample:
        cells = [f"x{place} = {place}" for place in range(size)]
        book = await contestant.open(await contestant.prepare(cells))
        stack.push_async_callback(book.close)
        await book.run_all()
        numbers = itertools.count()

        async def sample() -> float:
            return await timed(self.act(book, size // 2, f"x{size // 2} = {next(numbers)}"))  # type: ignore[arg-type]

        return sample


class Edit(_Edits):
    name = "edit"
    measures = (
        Measure("edit_10", "one edit of one cell, acknowledged as stored, in 10 cells", 40, 4),
        Measure(
            "edit_1000",
            "the same in 1,000 cells",
            40,
            4,
            targets=(Target(1.2, OURS, "edit_10"), Target(1 / 50)),
            note="peers save the whole notebook",
        ),
    )

    def act(self, book: Book, place: int, code: str) -> Callable[[], object]:
        return book.edit(place, code)  # type: ignore[return-value]


class EditRun(_Edits):
    name = "edit_run"
    measures = (
        Measure("edit_run_10", "edit and run one independent cell, in 10 cells", 40, 4),
        Measure(
            "edit_run_1000",
            "the same in 1,000 cells",
            40,
            4,
            targets=(Target(1.3, OURS, "edit_run_10"),),
            note="ours is stored, the peers' is not",
        ),
    )

    def act(self, book: Book, place: int, code: str) -> Callable[[], object]:
        return book.run_one(place, code)  # type: ignore[return-value]
