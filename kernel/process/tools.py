"""What cells find without importing it (`display`, `progress`), and what cannot work here (`input`)."""

from __future__ import annotations

import asyncio
import builtins
import operator
import selectors
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from kernel.output.sources import Sources
from kernel.process.channel import Outbox
from kernel.process.displays import Displays
from kernel.process.streams import Streams
from kernel.protocol import Progress

PERIOD = 0.1  # seconds between two reports of progress


class ProgressReports:
    """Sends where loops are, at most one report in `PERIOD` and one at the end of each loop."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self.execution: int | None = None

    def progress(self, iterable: Iterable[Any], label: str = "") -> Loop:
        """`for item in progress(items, "reading")` shows how far the loop is."""
        return Loop(iterable, str(label)[:200], self)

    def report(self, done: float, total: float | None, label: str) -> None:
        if self.execution is not None:
            self._outbox.post(Progress, execution=self.execution, done=done, total=total, label=label)


class Loop:
    """An iterable whose iteration is reported."""

    def __init__(self, iterable: Iterable[Any], label: str, reports: ProgressReports) -> None:
        self._iterable = iterable
        self._label = label
        self._reports = reports
        self._total = operator.length_hint(iterable, -1)

    def __len__(self) -> int:
        return len(self._iterable)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Any]:
        total = None if self._total < 0 else self._total
        done, due = 0, time.monotonic() + PERIOD
        self._reports.report(0, total, self._label)
        try:
            for item in self._iterable:
                yield item
                done += 1
                if (now := time.monotonic()) >= due:
                    due = now + PERIOD
                    self._reports.report(done, total, self._label)
        finally:
            self._reports.report(done, total, self._label)


def _no_input(prompt: object = "", /) -> str:
    raise RuntimeError(
        "input() is not available here: a cell cannot ask questions. Assign the value in a cell instead."
    )


def install(displays: Displays, reports: ProgressReports, streams: Streams, sources: Sources) -> None:
    displays.install()
    names = builtins.__dict__
    names.update(display=displays.display, progress=reports.progress, input=_no_input)
    time.__dict__["sleep"] = _sleep(time.sleep, streams)
    warnings.formatwarning = _warning_format(sources)


def _sleep(real: Callable[[float], None], streams: Streams) -> Callable[[float], None]:
    def sleep(seconds: float, /) -> None:
        """Wait for a number of seconds. What was printed before is on the page by then."""
        streams.flush()
        real(seconds)

    return sleep


def _warning_format(sources: Sources) -> Callable[..., str]:
    real = warnings.formatwarning

    def formatted(
        message: Warning | str, category: type[Warning], filename: str, lineno: int, line: str | None = None
    ) -> str:
        return real(message, category, filename, lineno, line).replace(filename, sources.name(filename), 1)

    return formatted


class _Selector(selectors.DefaultSelector):
    """Before the loop waits, what was printed leaves."""

    def __init__(self, streams: Streams) -> None:
        super().__init__()
        self._streams = streams

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self._streams.flush()
        return super().select(timeout)


class Loops:
    """The session's asyncio loop: made when the first cell awaits, and run only while a cell does."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._loop: asyncio.AbstractEventLoop | None = None

    def run(self, awaitable: Any) -> Any:
        """The result. If an interrupt ends the wait, the cell's task is cancelled and its clean-up runs."""
        loop = self._get()
        task = loop.create_task(awaitable)
        try:
            return loop.run_until_complete(task)
        except (KeyboardInterrupt, SystemExit):
            if not task.done():
                task.cancel()
                loop.run_until_complete(asyncio.wait([task]))
            if not task.cancelled():
                task.exception()  # so that asyncio does not complain that nobody looked at it
            raise

    def _get(self) -> asyncio.AbstractEventLoop:
        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.SelectorEventLoop(_Selector(self._streams))
        asyncio.set_event_loop(self._loop)
        return self._loop
