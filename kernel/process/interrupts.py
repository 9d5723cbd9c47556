"""SIGINT, made exact: only the execution that was cancelled is interrupted, and never half a message."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType


class Interrupts:
    """Which execution runs, which ones are cancelled, and the signal handler that brings the two together.

    The host writes `Cancel` to the socket and then sends SIGINT; the handler reads the socket (`poll`, set by the
    worker, must not wait) and raises KeyboardInterrupt only if the running execution is among the cancelled.
    Inside `with interrupts:` (a shield, re-entrant) nothing is raised; it is made up for on leaving. Threads other
    than the main one receive no signals, and their shields count for nothing.
    """

    def __init__(self) -> None:
        self.running: int | None = None
        self.poll: Callable[[], None] = lambda: None
        self.stop: Callable[[], None] = lambda: None  # called just before KeyboardInterrupt is raised
        self._cancelled: set[int] = set()
        self._ended = -1
        self._depth = 0
        self._pending = False
        self._main = threading.get_ident()

    def install(self) -> None:
        """Take SIGINT (again: user code may have put its own handler there)."""
        if signal.getsignal(signal.SIGINT) != self._on_signal:
            signal.signal(signal.SIGINT, self._on_signal)

    def cancel(self, executions: tuple[int, ...]) -> None:
        self._cancelled.update(number for number in executions if number > self._ended)

    def is_cancelled(self, execution: int) -> bool:
        return execution in self._cancelled

    def arm(self, execution: int) -> None:
        """From here on user code of this execution runs, and may be interrupted.

        Raises KeyboardInterrupt if that was asked for already: the signal may have come just before.
        """
        self.install()
        self.running = execution
        self._check()

    def disarm(self) -> None:
        """Nothing is interrupted from here on. A signal that comes at this very moment is swallowed."""
        while self.running is not None:
            try:
                self.running = None
            except KeyboardInterrupt:
                pass

    def ended(self, execution: int) -> None:
        self._ended = max(self._ended, execution)
        self._cancelled = {number for number in self._cancelled if number > self._ended}

    def __enter__(self) -> None:
        if threading.get_ident() == self._main:
            self._depth += 1

    def __exit__(self, *_: object) -> None:
        if threading.get_ident() != self._main:
            return
        self._depth -= 1
        if self._pending and not self._depth:
            self._check()

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        if self._depth:
            self._pending = True
        else:
            self._check()

    def _check(self) -> None:
        self._pending = False
        if self.running is None:
            return
        self._depth += 1
        try:
            self.poll()
        finally:
            self._depth -= 1
        if self.running in self._cancelled:
            self.stop()
            raise KeyboardInterrupt
