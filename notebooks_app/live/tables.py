"""Pages of tables, from whichever process holds the kernel that has them."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import msgspec

from kernel.protocol import Rows

from .directory import Directory
from .hub import Hub
from .intake import new_id
from .kernels import GONE, ROWS_TIMEOUT
from .store import Store

logger = logging.getLogger(__name__)

ANSWER = ROWS_TIMEOUT + 2
"""Seconds that another process has to answer: its kernel may be busy for nearly as long."""
SILENT = "The process that holds this notebook's kernel did not answer: try again in a few seconds."


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A page of a table, sorted by the column at this place or as it is."""

    table: str
    offset: int
    limit: int
    sort: int | None = None
    descending: bool = False


class Tables:
    """Asks for pages, and answers other processes. One per process."""

    def __init__(self, hub: Hub, store: Store, directory: Directory) -> None:
        self._hub = hub
        self._store = store
        self._directory = directory
        self._waiting: dict[str, asyncio.Future[Rows]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        hub.handlers["rows"] = self._asked
        hub.handlers["rows_answer"] = self._answered

    async def page(self, session: str, wanted: Wanted) -> Rows:
        """A page of a table that a session's kernel shows; `error` says why there is none."""
        found = await self._here(session, wanted)
        if found is not None:
            return found
        holder = await self._store.holder(session)
        if holder in ("", self._hub.channel):
            return _none(GONE)
        return await self._from(holder, session, wanted)

    async def _here(self, session: str, wanted: Wanted) -> Rows | None:
        """None if another process may have the kernel."""
        coordinator = self._directory.live(session)
        if coordinator is None:
            return None
        return await coordinator.kernel.rows(wanted.table, wanted.offset, wanted.limit, wanted.sort, wanted.descending)

    async def _from(self, holder: str, session: str, wanted: Wanted) -> Rows:
        request = new_id()
        answer = self._waiting[request] = asyncio.get_running_loop().create_future()
        message = {"type": "rows", "request": request, "to": self._hub.channel, "session": session}
        try:
            await self._hub.layer.send(holder, message | {"data": msgspec.msgpack.encode(wanted)})
            return await asyncio.wait_for(answer, ANSWER)
        except TimeoutError:
            return _none(SILENT)
        finally:
            del self._waiting[request]

    # Answering ----------------------------------------------------------------------------------------------------

    async def _asked(self, message: dict[str, Any]) -> None:
        task = asyncio.create_task(self._answer(message))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, message: dict[str, Any]) -> None:
        try:
            found = await self._here(message["session"], msgspec.msgpack.decode(message["data"], type=Wanted))
            data = msgspec.msgpack.encode(found or _none(GONE))
            answer = {"type": "rows_answer", "request": message["request"], "data": data}
            await self._hub.layer.send(message["to"], answer)
        except Exception:
            logger.exception("A page of a table could not be given to another process.")

    async def _answered(self, message: dict[str, Any]) -> None:
        waiting = self._waiting.get(message["request"])
        if waiting is not None and not waiting.done():
            waiting.set_result(msgspec.msgpack.decode(message["data"], type=Rows))


def _none(reason: str) -> Rows:
    return Rows(number=0, request="", error=reason)
