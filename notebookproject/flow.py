"""The straight way to a WebSocket, with the back-pressure that Daphne lacks: whether its client has stopped reading."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from notebooks_app.live.hub import Frames

from .sockets import PortalSocket

LIMIT = 4 * 1024 * 1024
"""Bytes that may wait for one client before frames are left out; it is told to resync when it reads again."""
DROP = 64 * 1024 * 1024
"""Bytes waiting, in answers that were asked for, at which a client is dropped."""


@implementer(IPushProducer)
class Flow:
    """Twisted tells a producer when the send buffer is full, and when it has emptied."""

    def __init__(self, protocol: PortalSocket) -> None:
        self._protocol = protocol
        self._paused = False
        self.on_relief: Callable[[], object] = lambda: None

    def send(self, frames: Frames) -> None:
        """Around Channels and Daphne, which take a message for each frame and socket."""
        self._protocol.send_frames(frames)

    def congested(self) -> bool:
        return self._paused and self.waiting() > LIMIT

    def drowning(self) -> bool:
        return self._paused and self.waiting() > DROP

    def abort(self) -> None:
        """Drop the client: it comes back and asks for what it missed."""
        self._protocol.transport.abortConnection()

    def waiting(self) -> int:
        transport = self._protocol.transport
        return len(getattr(transport, "dataBuffer", b"")) + int(getattr(transport, "_tempDataLen", 0))

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        self.on_relief()

    def stopProducing(self) -> None:
        self._paused = False
