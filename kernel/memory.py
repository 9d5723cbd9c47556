"""Memory that the host fills once and lends to a kernel, so that a large result is not sent through a socket.

The kernel makes memory of its own out of it. The loan ends when the host says so, whatever the kernel did with its
descriptor: the pages are given back then, so a kernel cannot hoard memory that nobody counts as its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from kernel.protocol import SqlReply

NAME = "cascade-result"


class Memory:
    """Anonymous shared memory with the bytes that `fill` wrote; nobody can write to it or enlarge it after that.

    Raises OSError where there is no memory left.
    """

    def __init__(self, fill: Callable[[IO[bytes]], None]) -> None:
        self._descriptor = os.memfd_create(NAME, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            with open(self._descriptor, "wb", closefd=False) as file:
                fill(file)
            self.size = os.fstat(self._descriptor).st_size
            fcntl.fcntl(self._descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        except BaseException:
            self.end()
            raise

    def fileno(self) -> int:
        return self._descriptor

    @property
    def ended(self) -> bool:
        return self._descriptor < 0

    def end(self) -> None:
        """Give the pages back, whoever still has a descriptor. Also when the last reference goes."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
            os.close(descriptor)

    def __del__(self) -> None:
        if hasattr(self, "_descriptor"):
            self.end()


@dataclass(frozen=True, slots=True)
class Lent:
    """A reply whose data are in `memory`: its `shared` is how many bytes these are."""

    reply: SqlReply
    memory: Memory


def can_lend() -> bool:
    """Whether this system has such memory: it is Linux's."""
    return hasattr(os, "memfd_create") and hasattr(fcntl, "F_ADD_SEALS")
