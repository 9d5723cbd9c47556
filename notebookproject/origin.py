"""Which pages may open a WebSocket: our own. A request without an Origin comes from no browser."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings


class SameOrigin:
    """Refuses WebSockets that a page of another site opens with our user's cookie."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin-1")
        host = headers.get(b"host", b"").decode("latin-1")
        if origin and not allowed(origin, host):
            await send({"type": "websocket.close", "code": 4403})
            return None
        return await self.application(scope, receive, send)


def allowed(origin: str, host: str) -> bool:
    """Whether a page of `origin` may talk to us as `host` (both as browsers send them)."""
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return False
    return parts.netloc.lower() == host.lower() or origin in settings.CSRF_TRUSTED_ORIGINS
