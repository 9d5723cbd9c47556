"""The zygote in use: replaced when it dies and when its packages change. Older ones stay while they have kernels."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from kernel.launch.contract import KernelNotStarted
from kernel.launch.nursery import Nursery
from kernel.launch.packets import Place, Warm

logger = logging.getLogger(__name__)

LONGEST = 60.0
"""Seconds between two attempts at most: they double from one second on, the first is made at once."""
STEADY = 60.0
"""Seconds after which the death of a zygote is an accident, and no sign that the next one would die too."""


class NoZygote(KernelNotStarted):
    """Nothing can be forked now; the message says why. A plain process will do."""


class Zygotes:
    """`ended(pid, status)` is called for each kernel that ended, `lost(pids)` for kernels whose zygote has died."""

    def __init__(
        self,
        cache: Path,
        modules: Sequence[str],
        ended: Callable[[int, int], None],
        lost: Callable[[frozenset[int]], None],
    ) -> None:
        self.trouble = ""
        """Why nothing can be forked now; '' if it can, or may be tried."""
        self._cache = cache
        self._modules = modules
        self._ended = ended
        self._lost = lost
        self._current = self._nursery(modules)
        self._retired: list[Nursery] = []
        self._failures = 0
        self._warmed_at = 0.0
        self._reviving: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        return self._current.pid

    @property
    def report(self) -> Warm:
        return self._current.report

    async def warm(self) -> Nursery:
        """The zygote, when it can fork. Raises NoZygote."""
        nursery = self._current
        if self.trouble:
            raise NoZygote(self.trouble)
        try:
            await nursery.warm()
        except KernelNotStarted as error:
            self._failed(nursery, str(error))
            raise NoZygote(str(error)) from None
        self._succeeded(nursery)
        return nursery

    async def fork(self, channel: socket.socket, lifeline: socket.socket, place: Place) -> int:
        """A new kernel's process id. Raises NoZygote, or KernelNotStarted if there is one that could not."""
        return await (await self.warm()).fork(channel, lifeline, place)

    async def use(self, modules: Sequence[str]) -> None:
        """Fork from a fresh zygote with these modules from now on. Raises NoZygote; then all stays as it was."""
        new = self._nursery(modules)
        try:
            await new.warm()
        except KernelNotStarted as error:
            raise NoZygote(str(error)) from None
        old, self._current, self._modules = self._current, new, modules
        self._retired.append(old)
        self._rest()
        self._succeeded(new)
        self._tidy()

    def close(self) -> None:
        """End all zygotes; their kernels end with them."""
        self._rest()
        for nursery in (self._current, *self._retired):
            nursery.close()
        self._retired.clear()
        self._current = self._nursery(self._modules)  # whoever waited for the old one starts none in its place

    # Within

    def _nursery(self, modules: Sequence[str]) -> Nursery:
        nursery = Nursery(self._cache, modules, self._reaped, lambda pids: self._died(nursery, pids))
        return nursery

    def _reaped(self, pid: int, status: int) -> None:
        self._ended(pid, status)
        self._tidy()

    def _tidy(self) -> None:
        """End those that are no longer in use, once their kernels are gone."""
        for nursery in [each for each in self._retired if not each.busy]:
            self._retired.remove(nursery)
            nursery.close()

    def _died(self, nursery: Nursery, pids: frozenset[int]) -> None:
        self._lost(pids)
        if nursery in self._retired:
            self._retired.remove(nursery)
        self._failed(nursery, "The process that kernels are forked from keeps dying.")

    def _succeeded(self, nursery: Nursery) -> None:
        if nursery is self._current:
            self.trouble = ""
            self._warmed_at = self._warmed_at or asyncio.get_running_loop().time()

    def _failed(self, nursery: Nursery, why: str) -> None:
        """Start another: at once for the first time, later and later if that does not help."""
        if nursery is not self._current or self._reviving is not None:
            return
        loop = asyncio.get_running_loop()
        if self._warmed_at and loop.time() - self._warmed_at > STEADY:
            self._failures = 0
        self._failures += 1
        self._warmed_at = 0.0
        pause = 0.0 if self._failures == 1 else min(2.0 ** (self._failures - 2), LONGEST)
        if pause:
            self.trouble = why
            logger.warning("%s Kernels are plain processes until it is back; next attempt in %.0f s.", why, pause)
        self._reviving = loop.create_task(self._revive(nursery, pause))

    async def _revive(self, nursery: Nursery, pause: float) -> None:
        await asyncio.sleep(pause)
        try:
            await nursery.warm()
        except KernelNotStarted as error:
            self._reviving = None
            self._failed(nursery, str(error))
        else:
            self._reviving = None
            self._succeeded(nursery)

    def _rest(self) -> None:
        if self._reviving is not None:
            self._reviving.cancel()
        self._reviving = None
        self._failures, self._warmed_at, self.trouble = 0, 0.0, ""
