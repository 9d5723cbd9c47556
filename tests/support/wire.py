"""A client of a notebook's socket, as a program would be one."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable
from typing import Any

import websockets

WAIT = 20.0


class Client:
    """`events` holds every JSON event in order, `texts` every frame as it came."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.events: list[dict[str, Any]] = []
        self.texts: list[str] = []
        self._news = asyncio.Condition()
        self._reader = asyncio.create_task(self._read())
        self.closed: int | None = None

    @classmethod
    async def connect(
        cls, url: str, notebook: Any, cookie: str, form: str | None = "notebook.json", **options: Any
    ) -> Client:
        headers = {"Cookie": f"sessionid={cookie}"} | options.pop("headers", {})
        connection = await websockets.connect(
            url.replace("http", "ws", 1) + f"/ws/notebooks/{notebook}/",
            subprotocols=[form] if form else None,  # type: ignore[list-item]
            additional_headers=headers,
            max_size=None,
            **options,
        )
        return cls(connection)

    async def _read(self) -> None:
        try:
            async for text in self.connection:
                self.texts.append(text)
                if not text.startswith("<"):
                    data = json.loads(text)
                    self.events += data if isinstance(data, list) else [data]
                async with self._news:
                    self._news.notify_all()
        except websockets.ConnectionClosed:
            pass
        self.closed = self.connection.close_code
        async with self._news:
            self._news.notify_all()

    async def send(self, type: str, **fields: Any) -> str:
        request = fields.pop("requestId", None) or uuid.uuid4().hex
        await self.connection.send(json.dumps({"type": type, "requestId": request, **fields}))
        return str(request)

    async def raw(self, data: str | bytes) -> None:
        await self.connection.send(data)

    async def request(self, type: str, **fields: Any) -> dict[str, Any]:
        """The `ack`, `error` or `hello` that answers."""
        request = await self.send(type, **fields)
        return await self.until(
            lambda event: event.get("requestId") == request and event["type"] in ("ack", "error", "hello")
        )

    async def until(
        self, match: Callable[[dict[str, Any]], bool], since: int = 0, wait: float = WAIT
    ) -> dict[str, Any]:
        """The first event from index `since` on that matches. Raises AssertionError with what came instead."""

        def found() -> dict[str, Any] | None:
            return next((event for event in self.events[since:] if match(event)), None)

        await self.wait(lambda: found() is not None, wait)
        event = found()
        assert event is not None
        return event

    async def wait(self, condition: Callable[[], bool], wait: float = WAIT) -> None:
        async with self._news:
            try:
                await asyncio.wait_for(self._news.wait_for(lambda: condition() or self.closed is not None), wait)
            except TimeoutError:
                pass
        assert condition(), f"It did not come within {wait} s (closed: {self.closed}). Last: {self.texts[-12:]}"

    async def run(self, type: str = "run_cell", **fields: Any) -> dict[str, Any]:
        """Ask for a run and wait for its `run_finished`."""
        answer = await self.request(type, **fields)
        assert answer["type"] == "ack", answer
        return await self.until(
            lambda event: event["type"] == "run_finished" and event["runId"] == answer["runId"], wait=60
        )

    async def hello(self) -> dict[str, Any]:
        return await self.request("resync", epoch=-1, since=0)

    def of(self, type: str, cell: str | None = None) -> list[dict[str, Any]]:
        return [
            event for event in self.events if event["type"] == type and (cell is None or event.get("cellId") == cell)
        ]

    def last(self, type: str, cell: str | None = None) -> dict[str, Any]:
        return self.of(type, cell)[-1]

    async def close(self) -> None:
        await self.connection.close()
        await self._reader
