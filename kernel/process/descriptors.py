"""What is written to the descriptors 1 and 2 directly: by subprocesses, by C code, by processes that a cell forked.

Both are redirected to unlinked temporary files, which are read before each text that Python prints and at the end of
the cell. Nobody ever waits for such a file, unlike for a pipe that only we could empty.
"""

from __future__ import annotations

import codecs
import ctypes
import os
import tempfile

from kernel.protocol import StreamName

KEEP = 1024 * 1024  # bytes of a file that may stay on the disk between two cells


class _File:
    """One descriptor's file: appended to by anyone, read by us from `offset` on."""

    def __init__(self, name: StreamName, descriptor: int) -> None:
        self.name = name
        self._handle, path = tempfile.mkstemp(prefix="output-")
        target = os.open(path, os.O_WRONLY | os.O_APPEND)
        os.unlink(path)
        os.dup2(target, descriptor)
        os.close(target)
        self._offset = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def read(self, limit: int) -> tuple[str, int]:
        """The new text, at most `limit` bytes of it, and how many bytes were skipped beyond that."""
        waiting = os.fstat(self._handle).st_size - self._offset
        if waiting <= 0:
            return "", 0
        data = os.pread(self._handle, min(waiting, max(limit, 0)), self._offset)
        self._offset += waiting
        return self._decoder.decode(data), waiting - len(data)

    def trim(self) -> None:
        """Give the disk back what has been read, if it is much."""
        if self._offset > KEEP:
            os.ftruncate(self._handle, 0)
            self._offset = 0


class Descriptors:
    """The descriptors 1 and 2, from the moment that this is made."""

    def __init__(self) -> None:
        self._files = (_File("stdout", 1), _File("stderr", 2))
        self._libc = ctypes.CDLL(None)

    def read(self, limit: int) -> list[tuple[StreamName, str, int]]:
        """(stream, new text, bytes skipped) of each that has something; `limit` is in bytes, for each."""
        found = [(file.name, *file.read(limit)) for file in self._files]
        return [item for item in found if item[1] or item[2]]

    def settle(self) -> None:
        """Write out what the C library still holds back."""
        self._libc.fflush(None)

    def trim(self) -> None:
        for file in self._files:
            file.trim()
