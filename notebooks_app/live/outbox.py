"""What leaves a coordinator, in order: events, coalesced into frames, and answers to single clients."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence

import msgspec

from .events import BroadcastEvent, RunFinished
from .frames import HtmlBatch, HtmlFrames, json_frames
from .hub import Hub
from .pace import Pace
from .requests import Form, Origin
from .state import State

logger = logging.getLogger(__name__)


class Reply(msgspec.Struct, frozen=True):
    """`informs`: the sequence up to which the answer brings its client (-1: not that kind of answer)."""

    origins: tuple[Origin, ...]
    texts: tuple[str, ...]
    informs: int = -1


class Outbox:
    """Sends events and replies in the order in which they were put. `forms` says which forms anyone listens for."""

    def __init__(self, hub: Hub, session: str, epoch: int) -> None:
        self._hub = hub
        self._session = session
        self._epoch = epoch
        self._waiting: deque[BroadcastEvent | Reply] = deque()
        self._state: State | None = None
        self._html = HtmlFrames()
        self._pace = Pace()
        self._wake = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self.forms: dict[str, Form] = {}
        self._task = asyncio.create_task(self._run())

    def put(self, events: Sequence[BroadcastEvent], replies: Sequence[Reply], state: State) -> None:
        """Events, then replies; `state` is that after the last event."""
        self._waiting.extend(events)
        self._waiting.extend(replies)
        self._state = state
        if replies or any(isinstance(event, RunFinished) for event in events):
            self._pace.hurry()
        self._drained.clear()
        self._wake.set()

    async def drain(self) -> None:
        """Until all that was put has left."""
        await self._drained.wait()

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            await self._pace.turn()
            self._wake.clear()
            try:
                await self._flush()
            except Exception:
                # who misses these events sees the gap in the sequences, and asks for them
                logger.exception("Events of session %s could not be sent.", self._session)
            if not self._waiting:
                self._drained.set()

    async def _flush(self) -> None:
        state = self._state
        assert state is not None
        items, self._waiting = self._waiting, deque()
        batch = self._html.batch([item for item in items if not isinstance(item, Reply)], state)
        events: list[BroadcastEvent] = []
        for item in items:
            if isinstance(item, Reply):
                await self._broadcast(events, batch)
                events = []
                await self._reply(item)
                if item.informs >= 0:
                    batch.show_again()
            else:
                events.append(item)
        await self._broadcast(events, batch)

    async def _broadcast(self, events: list[BroadcastEvent], batch: HtmlBatch) -> None:
        if not events:
            return
        forms = set(self.forms.values())
        html = batch.render(events) if "html" in forms else []
        json = json_frames(events) if "json" in forms else []
        await self._hub.broadcast(self._session, events[-1].sequence, html, json)

    async def _reply(self, reply: Reply) -> None:
        for origin in reply.origins:
            await self._hub.reply(origin, list(reply.texts), self._epoch, reply.informs)
