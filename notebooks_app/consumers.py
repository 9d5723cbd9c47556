"""One WebSocket of one open notebook: decode, authorize, submit. It knows nothing else."""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer

from .access import Role, role_of
from .live import host
from .live.events import Error
from .live.frames import json_text
from .live.hub import Frames, Socket
from .live.messages import VIEWER_MAY, Malformed, Resync, decode
from .signed_in import admitted, session_key

logger = logging.getLogger(__name__)

HTML = "notebook.html"
JSON = "notebook.json"

UNSUPPORTED = 4406
FORBIDDEN = 4403
NOT_FOUND = 4404
TRY_LATER = 1013

_BINARY = Error(code="binary_frame", message="Binary frames are not understood: send JSON as text.")
_FORBIDDEN = "Your role in this notebook does not allow that. Ask its owner for the role of an editor."


class NotebookConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """The role is looked up for every message: who loses it is refused at the next one."""

    socket: Socket | None = None
    flow: Any = None  # the server's knowledge of what waits for this client

    async def connect(self) -> None:
        live = host.current()
        if live is None:
            await self.close(TRY_LATER)
            return
        self.live = live
        self.notebook = str(self.scope["url_route"]["kwargs"]["notebook_id"])
        offered = self.scope.get("subprotocols") or []
        chosen = next((name for name in offered if name in (HTML, JSON)), None)
        if offered and chosen is None:
            await self.close(UNSUPPORTED)
            return
        key = session_key(self.scope["headers"])
        async with live.pool.connection() as connection:
            found = await admitted(connection, key, notebook=self.notebook)
        if found is None:
            await self.close(FORBIDDEN)
            return
        self.user, session = found
        flow = self.flow = self.scope.get("extensions", {}).get("cascade.flow")
        self.socket = Socket(
            socket_id=uuid.uuid4().hex,
            session=session,
            notebook=self.notebook,
            form="json" if chosen == JSON else "html",
            user=self.user.pk,
            name=self.user.get_full_name() or self.user.get_username(),
            send=self._send,
            close=self._close,
            congested=flow.congested if flow is not None else (lambda: False),
        )
        await live.hub.join(self.socket)
        if flow is not None:
            loop = asyncio.get_running_loop()
            flow.on_relief = lambda: loop.create_task(live.hub.relieve(self.socket))
        await self.accept(chosen)

    async def disconnect(self, code: int) -> None:
        if self.socket is not None:
            await self.live.hub.leave(self.socket)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        socket = self.socket
        if socket is None:
            return
        if text_data is None:
            await self._send(Frames([json_text(_BINARY)]))
            return
        try:
            message = decode(text_data)
        except Malformed as error:
            await self._refuse(error.code, str(error), error.request_id)
            return
        role = await self._role()
        if role is None:
            await self._close(NOT_FOUND, "You no longer have access to this notebook.")
            return
        if role < Role.EDITOR and not isinstance(message, VIEWER_MAY):
            await self._refuse("forbidden", _FORBIDDEN, message.request_id)
            return
        if isinstance(message, Resync) and message.client_id:
            socket.client = message.client_id
        try:
            await self.live.hub.submit(socket, role.value, text_data)
        except Exception:
            logger.exception("A message of type %s failed.", type(message).__name__)
            await self._refuse("unavailable", "The notebook cannot be reached. Try again.", message.request_id)

    async def _role(self) -> Role | None:
        async with self.live.pool.connection() as connection:
            return await role_of(connection, self.user.pk, self.notebook)

    async def _refuse(self, code: str, message: str, request_id: Any) -> None:
        await self._send(Frames([json_text(Error(code=code, message=message, request_id=request_id))]))

    async def _send(self, frames: Frames) -> None:
        if self.flow is None:
            for text in frames.texts:
                await self.send(text_data=text)
        elif self.flow.drowning():
            self.flow.abort()
        else:
            self.flow.send(frames)

    async def _close(self, code: int, reason: str) -> None:
        await self.close(code=code, reason=reason)
