"""The latest broadcast events, for clients that missed some: bounded in number and in size."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from .events import BroadcastEvent, CellCreated, CellOutput, CellStream, CellUpdated

EVENTS = 2000
SIZE = 32 * 1024 * 1024
"""Characters and bytes, roughly: who missed more gets everything anew."""
_SMALL = 300


class Log:
    """Events in order, without gaps. The oldest go when there are too many."""

    def __init__(self) -> None:
        self._events: deque[BroadcastEvent] = deque()
        self._sizes: deque[int] = deque()
        self._size = 0

    def extend(self, events: Iterable[BroadcastEvent]) -> None:
        for event in events:
            size = weight(event)
            self._events.append(event)
            self._sizes.append(size)
            self._size += size
        while len(self._events) > EVENTS or self._size > SIZE:
            self._events.popleft()
            self._size -= self._sizes.popleft()

    def since(self, sequence: int, present: int) -> list[BroadcastEvent] | None:
        """The events after a sequence, up to the present one; None if not all of them are known any more."""
        if sequence == present:
            return []
        if sequence > present or not self._events or self._events[0].sequence > sequence + 1:
            return None
        return [event for event in self._events if event.sequence > sequence]


def weight(event: BroadcastEvent) -> int:
    """About how much memory an event keeps."""
    if isinstance(event, CellStream):
        return _SMALL + len(event.text)
    if isinstance(event, CellUpdated):
        return _SMALL + (len(event.code) if isinstance(event.code, str) else 0)
    if isinstance(event, CellCreated):
        return _SMALL + _size_of((event.cell.code, event.cell.output, event.cell.displays, event.cell.streams))
    if isinstance(event, CellOutput):
        traceback = event.error.traceback if event.error is not None else ""
        return _SMALL + _size_of((event.output, event.displays, event.hints, traceback))
    return _SMALL


def _size_of(value: object) -> int:
    """Lengths of all texts and bytes in plain data."""
    if isinstance(value, str | bytes):
        return len(value)
    if isinstance(value, dict):
        return sum(_size_of(each) for each in value.values())
    if isinstance(value, list | tuple):
        return 8 * len(value) + sum(_size_of(each) for each in value)
    return len(getattr(value, "text", ""))
