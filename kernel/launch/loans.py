"""Memory that one kernel was lent."""

from __future__ import annotations

from kernel.memory import Lent, Memory
from kernel.protocol import Event, Finished, SqlRequest


class Loans:
    """The results of the statement that the kernel asked for last, until it asks for another or its execution ends.

    Then their pages are given back: what the kernel keeps it has copied, and pays for itself.
    """

    def __init__(self) -> None:
        self._request: int | None = None
        self._lent: list[Memory] = []

    @property
    def size(self) -> int:
        return sum(memory.size for memory in self._lent)

    def heard(self, event: Event) -> None:
        if isinstance(event, SqlRequest | Finished):
            self.end()
            self._request = event.request if isinstance(event, SqlRequest) else None

    def accept(self, lent: Lent) -> bool:
        """Whether the kernel still waits for it; otherwise it is gone."""
        if lent.reply.request != self._request:
            lent.memory.end()
            return False
        self._lent.append(lent.memory)
        return True

    def end(self) -> None:
        self._request = None
        for memory in self._lent:
            memory.end()
        self._lent.clear()
