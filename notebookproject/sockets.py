"""Daphne's WebSocket, without what stands in our way in it and in Autobahn."""

from __future__ import annotations

import struct
import zlib
from typing import Any

from daphne.ws_protocol import WebSocketProtocol

from notebooks_app.live.hub import Frames

MAX_REASON = 123
"""Bytes of UTF-8 that a close frame has room for."""
COMPRESSED = 1024
"""Bytes from which a message is compressed: below, it takes longer than it saves."""
LEVEL = 6

_TEXT = 0x81  # the first byte of a frame: a whole text message
_DEFLATED = 0x40  # its bit of permessage-deflate


class PortalSocket(WebSocketProtocol):  # type: ignore[misc]
    """Encodes frames by itself: Autobahn compresses each anew for each socket, and takes ten times as long besides.

    Nor does it send what is longer than what it may receive, or close codes from 1001 to 2999, or Daphne a reason.
    """

    def send_frames(self, frames: Frames) -> None:
        """All of them in one write. What is for a socket that is not open yet, or no longer, is left out."""
        if self.state != self.STATE_OPEN:
            return
        window = self._perMessageCompress.server_max_window_bits if self._perMessageCompress is not None else 0
        data = frames.encoded.get(window)
        if data is None:
            data = frames.encoded[window] = b"".join(encode(text, window) for text in frames.texts)
        self.transport.write(data)

    def serverSend(self, content: str | bytes, binary: bool = False) -> None:
        assert isinstance(content, str), "The portal sends text."
        self.send_frames(Frames([content]))

    def handle_reply(self, message: dict[str, Any]) -> None:
        if message.get("type") != "websocket.close" or self.state != self.STATE_OPEN:
            super().handle_reply(message)
            return
        reason = (message.get("reason") or "").encode()[:MAX_REASON].decode(errors="ignore").encode()
        self.sendCloseFrame(code=message.get("code") or 1000, reasonUtf8=reason, isReply=False)


def encode(text: str, window: int) -> bytes:
    """A message as one frame (RFC 6455), compressed (RFC 7692) for a client's window of 2**`window` bytes; 0: never."""
    payload, first = text.encode(), _TEXT
    if window and len(payload) >= COMPRESSED:
        payload, first = _deflate(payload, window), _TEXT | _DEFLATED
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", first, size) + payload
    if size < 1 << 16:
        return struct.pack("!BBH", first, 126, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload


def _deflate(payload: bytes, window: int) -> bytes:
    """Without what came before: we negotiate that no context is taken over, so that it is the same for all clients."""
    deflater = zlib.compressobj(LEVEL, zlib.DEFLATED, -window)
    data = deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH)
    return data[:-4]  # the end of a flush, which receivers add again
