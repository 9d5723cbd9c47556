"""Daphne's WebSocket, without what stands in our way in it and in Autobahn."""

from __future__ import annotations

from typing import Any

from daphne.ws_protocol import WebSocketProtocol

MAX_REASON = 123
"""Bytes of UTF-8 that a close frame has room for."""


class PortalSocket(WebSocketProtocol):  # type: ignore[misc]
    """Autobahn sends nothing longer than what it may receive, and no close code from 1001 to 2999; Daphne no reason."""

    def serverSend(self, content: str | bytes, binary: bool = False) -> None:
        limit, self.maxMessagePayloadSize = self.maxMessagePayloadSize, 0
        try:
            super().serverSend(content, binary)
        finally:
            self.maxMessagePayloadSize = limit

    def handle_reply(self, message: dict[str, Any]) -> None:
        if message.get("type") != "websocket.close" or self.state != self.STATE_OPEN:
            super().handle_reply(message)
            return
        reason = (message.get("reason") or "").encode()[:MAX_REASON].decode(errors="ignore").encode()
        self.sendCloseFrame(code=message.get("code") or 1000, reasonUtf8=reason, isReply=False)
