"""What goes to one kernel: frames, some with a descriptor, which asyncio's own transports do not send."""

from __future__ import annotations

import asyncio
import os
import socket
from array import array
from collections import deque

from kernel.memory import Memory

_PIECE = 1024 * 1024
"""Bytes that are given to the socket at once."""


class Outgoing:
    """Writes to a socket as it takes it. A socket that is closed at its other end swallows everything."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = socket.socket(fileno=os.dup(sock.fileno()))
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[tuple[memoryview, Memory | None]] = deque()
        self._listening = False
        self.size = 0
        """Bytes of frames that wait."""

    def send(self, frame: bytes, memory: Memory | None = None) -> None:
        self._waiting.append((memoryview(frame), memory))
        self.size += len(frame)
        if not self._listening:
            self._write()

    def close(self) -> None:
        self._listen(False)
        self._waiting.clear()
        self._socket.close()

    def _write(self) -> None:
        while self._waiting:
            frame, memory = self._waiting[0]
            if memory is not None and memory.ended:  # nobody waits for it any more
                self._waiting.popleft()
                self.size -= len(frame)
                continue
            try:
                sent = self._give(frame[:_PIECE], memory)
            except BlockingIOError:
                break
            except OSError:
                self._waiting.clear()  # the transport hears of it by itself
                self.size = 0
                break
            self.size -= sent
            if rest := frame[sent:]:
                self._waiting[0] = rest, None
            else:
                self._waiting.popleft()
        self._listen(bool(self._waiting))

    def _give(self, data: memoryview, memory: Memory | None) -> int:
        flags = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL
        if memory is None:
            return self._socket.send(data, flags)
        descriptors = array("i", [memory.fileno()])  # (`socket.send_fds` of Python 3.11 ignores its flags)
        return self._socket.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, descriptors)], flags)

    def _listen(self, wanted: bool) -> None:
        if wanted and not self._listening:
            self._loop.add_writer(self._socket.fileno(), self._write)
        elif self._listening and not wanted:
            self._loop.remove_writer(self._socket.fileno())
        self._listening = wanted
