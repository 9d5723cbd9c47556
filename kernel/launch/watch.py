"""Watches kernels from outside, and ends those that use more than they may: what the system counts for each process
alone, a kernel could use many times over."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from kernel.launch.cage.policy import Limits
from kernel.launch.measure import Families, Family, TooDeep, disk
from kernel.launch.reasons import too_many_processes, too_much_disk, too_much_memory

logger = logging.getLogger(__name__)

INTERVAL = 0.25  # seconds between two looks
DISK_INTERVAL = 1.0  # seconds between two looks at the disk, which take longer
RESTING = 5  # times what a look took of a processor, it rests after it
LONGEST = 5.0  # seconds of rest, whatever it took
_SLACK = 1.0625
"""A process that wants too much gets a MemoryError at its limit, and goes on: only what passes beyond that is ended."""


class Watched(Protocol):
    """A kernel, as far as is needed here."""

    @property
    def pid(self) -> int: ...
    @property
    def user(self) -> int: ...
    @property
    def folders(self) -> tuple[str, str]: ...


Kernel = TypeVar("Kernel", bound=Watched)


class Watch(Generic[Kernel]):
    """`ended(kernel, reason)` is called for one that uses too much, `stopped(kernel)` for one that stands still."""

    def __init__(
        self,
        limits: Limits,
        kernels: Callable[[], list[Kernel]],
        end: Callable[[Kernel, str], None],
        wake: Callable[[Kernel], None],
    ) -> None:
        self._limits = limits
        self._kernels = kernels
        self._end = end
        self._wake = wake
        self._families = Families()
        self._next_disk = 0.0
        self._standing: set[int] = set()
        self._allowed: dict[int, int] = {}  # bytes on disk

    async def run(self) -> None:
        """Look again and again, until there is no kernel."""
        while kernels := self._kernels():
            try:
                found, reasons, took = await asyncio.to_thread(self._look, kernels)
            except Exception:  # nobody else would look again
                logger.exception("What kernels use could not be measured.")
                found, reasons, took = {}, {}, 0.0
            for kernel in kernels:
                if (reason := reasons.get(kernel.pid)) is not None:
                    self._end(kernel, reason)
            self._wake_standing(kernels, found)
            await asyncio.sleep(_rest(INTERVAL, took))

    def _look(self, kernels: list[Kernel]) -> tuple[dict[int, Family], dict[int, str], float]:
        """The families, the reasons to end some of them, and how many seconds of a processor it took."""
        began = time.thread_time()
        found = self._families.find({kernel.pid: kernel.user for kernel in kernels})
        reasons = {pid: reason for pid, family in found.items() if (reason := self._judge(family))}
        self._allowed = {pid: most for pid, most in self._allowed.items() if pid in found}
        if time.monotonic() >= self._next_disk or self._allowed.keys() != found.keys():
            before = time.thread_time()
            for kernel in kernels:
                if kernel.pid in found and self._fills(kernel, found[kernel.pid]):
                    reasons.setdefault(kernel.pid, too_much_disk(self._limits.disk))
            self._next_disk = time.monotonic() + _rest(DISK_INTERVAL, time.thread_time() - before)
        return found, reasons, time.thread_time() - began

    def _judge(self, family: Family) -> str:
        cap = self._limits.memory
        if family.memory(cap) > cap * _SLACK:
            return too_much_memory(cap)
        if family.threads > self._limits.processes:
            return too_many_processes(self._limits.processes)
        return ""

    def _fills(self, kernel: Watched, family: Family) -> bool:
        """A notebook that has too much already may start, so that somebody can tidy up, but not add to it."""
        cap = self._limits.disk
        try:
            used = disk(kernel.folders, family)
        except TooDeep:
            used = 2 * cap + 1
        allowed = self._allowed.setdefault(kernel.pid, max(cap, min(used, 2 * cap)))
        return used > allowed

    def _wake_standing(self, kernels: list[Kernel], found: dict[int, Family]) -> None:
        """One that is still stopped at the second look: it was not just about to go on."""
        standing = {pid for pid, family in found.items() if family.stopped}
        for kernel in kernels:
            if kernel.pid in standing & self._standing:
                self._wake(kernel)
        self._standing = standing


def _rest(least: float, took: float) -> float:
    return min(max(least, RESTING * took), LONGEST)
