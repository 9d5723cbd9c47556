"""The one client that speaks to all of them: WebSockets by `websockets`, and HTTP over one kept connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec
import websockets

WAIT = 60.0
"""Seconds after which something that does not come counts as lost."""

decode = msgspec.json.decode
encode = msgspec.json.encode


class Channel:
    """A WebSocket that is read when something is awaited on it; what comes meanwhile waits in memory."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    @classmethod
    async def connect(cls, url: str, **options: Any) -> Channel:
        options = {"max_size": None, "max_queue": None, "ping_interval": None, "close_timeout": 1} | options
        return cls(await websockets.connect(url.replace("http", "ws", 1), **options))

    async def send(self, message: Any) -> None:
        await self.connection.send(encode(message).decode())

    async def until(self, found: Callable[[str], Any], wait: float = WAIT) -> Any:
        """The first truthy `found(frame)`. Raises TimeoutError."""
        async with asyncio.timeout(wait):
            while not (result := found(await self.connection.recv())):
                pass
        return result

    async def drain(self, silence: float = 0.3) -> None:
        """Read and forget until nothing has come for that many seconds."""
        try:
            while True:
                await asyncio.wait_for(self.connection.recv(), silence)
        except TimeoutError:
            return

    async def close(self) -> None:
        await self.connection.close()


class Refused(Exception):
    """An HTTP answer that is not 2xx or 3xx."""


class Http:
    """Requests one after the other over one connection, as `fetch` would make them."""

    def __init__(self, url: str, headers: dict[str, str] | None = None) -> None:
        self.url = url
        self._headers = headers or {}
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str) -> bytes:
        return await self.request("GET", path)

    async def post(self, path: str, value: Any) -> bytes:
        return await self.request("POST", path, value)

    async def request(self, method: str, path: str, value: Any = None, **headers: str) -> bytes:
        """The body of the answer. Raises `Refused`."""
        body = b"" if value is None else encode(value)
        head = {"Host": urlsplit(self.url).netloc, "Content-Length": str(len(body)), **self._headers, **headers}
        if body:
            head["Content-Type"] = "application/json"
        lines = "".join(f"{name}: {text}\r\n" for name, text in head.items())
        reader, writer = await self._connected()
        writer.write(f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)
        await writer.drain()
        return await self._answer(reader, path)

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            address = urlsplit(self.url)
            self._streams = await asyncio.open_connection(address.hostname, address.port, limit=1 << 26)
        return self._streams

    async def _answer(self, reader: asyncio.StreamReader, path: str) -> bytes:
        async with asyncio.timeout(WAIT):
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            fields = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)}
            if "chunked" in fields.get("transfer-encoding", ""):
                body = b"".join([chunk async for chunk in _chunks(reader)])
            else:
                body = await reader.readexactly(int(fields.get("content-length", 0)))
        if fields.get("connection", "").lower() == "close":
            self.close()
        status = int(first.split()[1])
        if status >= 400:
            raise Refused(f"{path}: {status} {body[:300].decode(errors='replace')}")
        return body

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int((await reader.readline()).split(b";")[0], 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
