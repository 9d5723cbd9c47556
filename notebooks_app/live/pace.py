"""How often something may happen: a few times at once, then once per tick, and at once again when it is urgent."""

from __future__ import annotations

import asyncio
import contextlib

TICK = 0.016
"""Seconds: under load several changes leave as one."""
AT_ONCE = 12
"""How many need not wait for the tick, so that an idle notebook answers at once."""


class Pace:
    def __init__(self) -> None:
        self._allowance = float(AT_ONCE)
        self._refilled = 0.0
        self._urgent = asyncio.Event()

    def hurry(self) -> None:
        """The next turn is not to be waited for."""
        self._urgent.set()

    async def turn(self) -> None:
        """Wait until it may happen."""
        now = asyncio.get_running_loop().time()
        self._allowance = min(AT_ONCE, self._allowance + (now - self._refilled) / TICK)
        self._refilled = now
        if self._allowance < 1:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._urgent.wait(), (1 - self._allowance) * TICK)
        self._urgent.clear()
        self._allowance = max(0.0, self._allowance - 1)
