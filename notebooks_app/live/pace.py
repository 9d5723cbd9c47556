"""How often something may happen: a few times at once, then once per tick."""

from __future__ import annotations

TICK = 0.016
"""Seconds: under load several changes leave as one."""
AT_ONCE = 6
"""How many need not wait for the tick, so that an idle notebook answers at once."""


class Pace:
    """Times are of any clock in seconds."""

    def __init__(self) -> None:
        self._allowance = float(AT_ONCE)
        self._refilled = 0.0

    def wait(self, now: float) -> float:
        """How long the next time should be waited for: 0 if it may be now."""
        self._allowance = min(AT_ONCE, self._allowance + (now - self._refilled) / TICK)
        self._refilled = now
        return max(0.0, (1 - self._allowance) * TICK)

    def spend(self) -> None:
        """It happens, waited for or not."""
        self._allowance = max(0.0, self._allowance - 1)
