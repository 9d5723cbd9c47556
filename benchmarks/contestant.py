"""What a row asks of whoever is measured: the same verbs for all, each spoken as its own front end speaks them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class Cannot(Exception):
    """Somebody cannot do what a row measures; the sentence stands in the table."""


class Failed(Exception):
    """Something did not do its work: its time would mean nothing."""


class Watcher(Protocol):
    """One more client of an open notebook, which only looks."""

    async def settle(self) -> None:
        """Forget what came so far."""

    async def output(self) -> None:
        """Wait for the next output of the notebook's first cell."""

    async def close(self) -> None: ...


class Book(Protocol):
    """A notebook that one client has open. Cells are counted from 0."""

    async def run(self, place: int) -> None:
        """Run a cell as it stands, and what depends on it, until all is idle."""

    async def show(self, place: int, table: bool = True) -> None:
        """Run a cell, until its output is there (a table, or any other value)."""

    async def run_all(self) -> None:
        """Run every cell, until all is idle."""

    async def change(self, place: int, code: str, last: int) -> None:
        """Give a cell another text, run it and what depends on it, until all is idle.

        Raises `Failed` if no new output of the cell `last` came with it.
        """

    async def run_one(self, place: int, code: str) -> None:
        """Give a cell on which nothing depends another text and run it alone, until all is idle."""

    async def edit(self, place: int, code: str) -> None:
        """Give a cell another text, until that is acknowledged as stored."""

    async def rows(self, offset: int, sort: int | None = None) -> None:
        """A further page of the table that was shown last; sorted descending by a column if one is given."""

    async def accompany(self) -> None:
        """Send what its page asks for by itself once a table is shown; no answer is awaited."""

    async def watch(self) -> Watcher: ...

    async def pid(self) -> int:
        """The process id of its kernel."""

    async def close(self) -> None: ...


class Contestant(Protocol):
    name: str
    title: str

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def prepare(self, cells: Sequence[Any]) -> Any:
        """A notebook with these cells that nobody has opened yet. Cells are Python texts."""

    async def open(self, prepared: Any) -> Book:
        """Open it as a page does, as far as needed to run something."""

    def versions(self) -> str: ...
