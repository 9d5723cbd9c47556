"""Cascade as people run it: `make run`'s process with its embedded PostgreSQL, spoken to as its page speaks."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
import msgspec
import psutil

from notebookproject.postgres import VERSION as POSTGRES
from notebookproject.postgres import EmbeddedPostgres
from tests.support.portal import Portal

from ..client import Channel, Http, decode
from ..contestant import Failed
from ..served import empty

if TYPE_CHECKING:
    from tests.support.world import World

FORM = "notebook.html"
"""What a page speaks: outputs come as HTML."""
_TABLE = re.compile(r"/rows/\?table=([^&\"]+)")


class Cascade:
    """`server` is the URL of a superuser of a PostgreSQL where rows may make databases."""

    name = "cascade"
    title = "Cascade"

    def __init__(self, url: str, world: World, server: str, portal: Portal | None = None) -> None:
        self.url = url
        self.world = world
        self.server = server
        self.portal = portal
        self.cookie = world.cookie("owner")

    async def start(self) -> None:
        """It runs already."""

    async def stop(self) -> None:
        if self.portal is not None:
            self.portal.stop()

    async def prepare(self, cells: Sequence[Any], **settings: Any) -> tuple[str, list[str], list[Any]]:
        notebook = self.world.notebook(*cells, **settings)
        return str(notebook.pk), self.world.cells(notebook), list(cells)

    async def open(self, prepared: tuple[str, list[str], list[Any]]) -> CascadeBook:
        notebook, ids, _ = prepared
        book = CascadeBook(self, notebook, ids)
        await book.connect()
        return book

    def versions(self) -> str:
        return f"Cascade with its embedded PostgreSQL {POSTGRES}, fsync and synchronous_commit on"

    def process(self) -> psutil.Process | None:
        """The portal's own, if it is ours."""
        return psutil.Process(self.portal.process.pid) if self.portal and self.portal.process else None


def running(directory: Path) -> Cascade:
    """A portal of its own on a new data directory. Django is set up for its database."""
    portal = Portal(empty(directory), CASCADE_ADMIN_PASSWORD=uuid.uuid4().hex).start()
    os.environ |= {"CASCADE_DATA_DIR": str(directory), "DJANGO_ALLOW_ASYNC_UNSAFE": "1"}
    os.environ["DJANGO_SETTINGS_MODULE"] = "notebookproject.settings"
    django.setup()
    from tests.support.world import World  # noqa: PLC0415  (needs the settings)

    return Cascade(portal.url, World(), EmbeddedPostgres(directory / "postgres").url("postgres"), portal)


class CascadeBook:
    def __init__(self, owner: Cascade, notebook: str, ids: list[str]) -> None:
        self._owner = owner
        self.notebook = notebook
        self.ids = ids
        self._table = ""
        self._http = Http(owner.url, {"Cookie": f"sessionid={owner.cookie}"})

    async def connect(self) -> None:
        self._channel = await _connect(self._owner, self.notebook)

    async def run(self, place: int) -> None:
        await self._finished(await self._send("run_cell", cellId=self.ids[place]))

    async def show(self, place: int, table: bool = True) -> None:
        await self._send("run_cell", cellId=self.ids[place])
        shown = await self._channel.until(_output(self.ids[place], "<table" if table else ""))
        if table:
            found = _TABLE.search(shown)
            self._table = found[1] if found else ""

    async def run_all(self) -> None:
        await self._finished(await self._send("run_all"))

    async def change(self, place: int, code: str, last: int) -> None:
        await self._send("cell_update", cellId=self.ids[place], code=code)
        await self._finished(await self._send("run_cell", cellId=self.ids[place]), shows=self.ids[last])

    async def run_one(self, place: int, code: str) -> None:
        await self._send("cell_update", cellId=self.ids[place], code=code)
        await self.run(place)

    async def edit(self, place: int, code: str) -> None:
        await self._answer(await self._send("cell_update", cellId=self.ids[place], code=code))

    async def rows(self, offset: int, sort: int | None = None) -> None:
        order = "" if sort is None else f"&sort={sort + 1}&descending=1"  # the index is the first column
        cell = self.ids[-1]
        page = await self._http.get(f"/cells/{cell}/rows/?table={self._table}&offset={offset}&limit=50{order}")
        if b"<td" not in page:
            raise Failed(page.decode())

    async def accompany(self) -> None:
        """Nothing: a page of a table is all that is asked for."""

    async def watch(self) -> CascadeWatcher:
        return CascadeWatcher(await _connect(self._owner, self.notebook), self.ids[0])

    async def pid(self) -> int:
        """0: there was no kernel yet."""
        from notebooks_app.models import Session  # noqa: PLC0415  (needs the settings)

        handle = Session.objects.get(notebook=self.notebook, kind="shared").kernel_handle
        return int(msgspec.json.decode(handle)["pid"]) if handle else 0

    async def has_kernel(self) -> bool:
        pid = await self.pid()
        return pid > 0 and psutil.pid_exists(pid)

    async def end_kernel(self) -> None:
        """As if the system had killed it."""
        os.kill(await self.pid(), signal.SIGKILL)
        while await self.has_kernel():
            await asyncio.sleep(0.05)

    async def close(self) -> None:
        self._http.close()
        await self._channel.close()

    async def _send(self, kind: str, **fields: Any) -> str:
        request = uuid.uuid4().hex
        await self._channel.send({"type": kind, "requestId": request, **fields})
        return request

    async def _answer(self, request: str) -> dict[str, Any]:
        return await self._channel.until(_answer(request))  # type: ignore[no-any-return]

    async def _finished(self, request: str, shows: str = "") -> None:
        """Until the run that was asked for has finished, and the output of the cell `shows` came with it."""
        run = ""
        shown = not shows

        def finished(text: str) -> Any:
            nonlocal run, shown
            if text.startswith("<"):
                shown = shown or f'id="cell-{shows}-output"' in text
                return None
            if request in text:
                run = _answer(request)(text)["runId"]
            return (
                run and run in text and next((each for each in _events(text) if each["type"] == "run_finished"), None)
            )

        event = await self._channel.until(finished)
        if event["failed"] or event["blocked"] or not shown:
            raise Failed(f"A run did not succeed: {event}")


class CascadeWatcher:
    def __init__(self, channel: Channel, cell: str) -> None:
        self._channel = channel
        self._found = _output(cell, "")

    async def settle(self) -> None:
        await self._channel.drain()

    async def output(self) -> None:
        await self._channel.until(self._found)

    async def close(self) -> None:
        await self._channel.close()


async def _connect(owner: Cascade, notebook: str) -> Channel:
    """Connected, and brought up to date as a page is."""
    channel = await Channel.connect(
        f"{owner.url}/ws/notebooks/{notebook}/", subprotocols=[FORM], origin=owner.url,
        additional_headers={"Cookie": f"sessionid={owner.cookie}"},
    )  # fmt: skip
    request = uuid.uuid4().hex
    await channel.send({"type": "resync", "requestId": request, "epoch": -1, "since": 0})
    await channel.until(_answer(request))
    return channel


def _events(text: str) -> list[dict[str, Any]]:
    """A JSON frame's events; an HTML frame has none."""
    found = [] if text.startswith("<") else decode(text)
    return found if isinstance(found, list) else [found]


def _answer(request: str) -> Callable[[str], Any]:
    def found(text: str) -> Any:
        if request not in text:
            return None
        event = next((each for each in _events(text) if each.get("requestId") == request), None)
        if event is not None and event["type"] == "error":
            raise Failed(event["message"])
        return event

    return found


def _output(cell: str, what: str) -> Callable[[str], Any]:
    """A frame with this cell's output, and in it this word."""
    place = f'id="cell-{cell}-output"'
    return lambda text: text.startswith("<") and place in text and what in text and text
