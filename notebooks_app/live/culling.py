"""Stops kernels that nobody uses: they hold memory, and what they made is stored."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from time import time

import msgspec

from .coordinator import Coordinator
from .intake import new_id
from .operations import StopKernel
from .reasons import unused

logger = logging.getLogger(__name__)

LONGEST = 15.0
"""Seconds between two looks at most: so much later than asked for may a kernel be stopped."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds without use after which a kernel is stopped (0: never), by whether anybody has the notebook open."""

    unwatched: float
    watched: float

    def of(self, coordinator: Coordinator) -> float:
        return self.watched if coordinator.clients else self.unwatched

    @property
    def pause(self) -> float:
        """Seconds between two looks."""
        return min([LONGEST, *(limit / 4 for limit in (self.unwatched, self.watched) if limit)])


class Culling:
    """Looks at the coordinators of this process now and then."""

    def __init__(self, coordinators: Callable[[], Iterable[Coordinator]], limits: Limits) -> None:
        self._coordinators = coordinators
        self._limits = limits
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._look_for_ever())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _look_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._limits.pause)
            try:
                self.look(time())
            except Exception:
                logger.exception("Unused kernels could not be stopped; trying again later.")

    def look(self, now: float) -> None:
        """Stop what has been unused for too long. A kernel that runs something, or is to, is in use."""
        for coordinator in list(self._coordinators()):
            limit = self._limits.of(coordinator)
            since = coordinator.unused_since()
            if limit and since is not None and now - since >= limit:
                coordinator.submit(StopKernel(at=now, id=new_id(), reason=unused(limit)))
