"""Whether what a kernel says is what a kernel can say: user code may speak for it, and is believed only this much.

The types of events are checked when they are decoded. Here it is their order, and how much there is of them.
"""

from __future__ import annotations

import math

from kernel.protocol import Attach, Command, Display, Event, Execute, Finished, Progress, SqlRequest, Started, Stream

MAX_TEXT = 4 * 1024 * 1024
"""Characters that one execution prints at most; a kernel itself stops long before."""
MAX_BYTES = 512 * 1024 * 1024
"""Bytes of all events of one execution."""
MAX_NAMES = 20_000
"""Names that one execution defines, or that changed before it."""


class Conduct:
    """Told of every command and asked about every event, in order."""

    def __init__(self) -> None:
        self._number = 0
        self._waiting: set[int] = set()  # executions that were asked for and have not begun
        self._running: int | None = None
        self._text = self._bytes = 0
        self._attached = False  # asked to say again what was not acknowledged

    @property
    def number(self) -> int:
        """That of the last event."""
        return self._number

    @property
    def running(self) -> int | None:
        """The execution that has begun and not ended."""
        return self._running

    def asked(self, command: Command) -> None:
        if isinstance(command, Execute):
            self._waiting.add(command.execution)
        elif isinstance(command, Attach):
            self._attached = True

    def problem(self, event: Event, size: int) -> str:
        """What is wrong with this event of so many bytes; '' if nothing is."""
        if self._attached and 0 < event.number <= self._number:
            return ""  # said again
        if event.number != self._number + 1:
            return f"event {event.number} after event {self._number}"
        self._number = event.number
        self._bytes += size
        if self._bytes > MAX_BYTES:
            return f"more than {MAX_BYTES // 1024**2} MiB from one cell"
        match event:
            case Started():
                return self._begin(event)
            case Finished():
                return self._end(event)
            case Stream() | Display() | Progress() | SqlRequest() if event.execution in self._waiting:
                return f"news of execution {event.execution}, which has not begun"
            case Stream():
                self._text += len(event.text)
                return "more text than a cell may print" if self._text > MAX_TEXT else ""
            case Progress() if not (math.isfinite(event.done) and math.isfinite(event.total or 0.0)):
                return "progress that is no number"
        return ""

    def _begin(self, event: Started) -> str:
        if event.execution not in self._waiting or self._running is not None:
            return f"the beginning of execution {event.execution}, which was not due"
        self._waiting.discard(event.execution)
        self._running = event.execution
        self._text = self._bytes = 0
        return _too_many(len(event.changed) + len(event.outdated))

    def _end(self, event: Finished) -> str:
        skipped = event.status == "skipped" and event.execution in self._waiting and self._running is None
        if event.execution != self._running and not skipped:
            return f"the end of execution {event.execution}, which does not run"
        if not math.isfinite(event.duration):
            return "a duration that is no number"
        self._waiting.discard(event.execution)
        self._running = None
        return _too_many(len(event.defined) + len(event.kept) + len(event.hints))


def _too_many(names: int) -> str:
    return f"{names:,} names" if names > MAX_NAMES else ""
