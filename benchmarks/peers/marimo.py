"""marimo's editor: `marimo edit`, its WebSocket, and the HTTP calls that its page makes."""

from __future__ import annotations

import asyncio
import os
import re
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..client import Channel, Http, decode
from ..contestant import Failed
from ..environments import Environment
from ..served import Served, empty, free_port

_TOKEN = re.compile(r'server-token data-token="([^"]+)"')
_OBJECT = re.compile(r"object-id='([^']+)'")

_HEAD = "import marimo\n\napp = marimo.App()\n"
_CELL = "\n\n@app.cell\ndef _():\n{body}\n    return\n"
_TAIL = '\n\nif __name__ == "__main__":\n    app.run()\n'


class Marimo:
    name = "marimo"
    title = "marimo"

    def __init__(self, directory: Path, environment: Environment) -> None:
        self.directory = empty(directory / "notebooks")
        self._environment = environment
        home = empty(directory / "home")
        port = free_port()
        command = [
            environment.program("marimo"), "edit", str(self.directory), "--headless", "--no-token", "--no-sandbox",
            "--skip-update-check", "--port", str(port),
        ]  # fmt: skip
        self._served = Served(command, self.directory, port, HOME=str(home), XDG_CONFIG_HOME=str(home / "config"))
        self.url = self._served.url

    async def start(self) -> None:
        await self._served.start("/health")

    async def stop(self) -> None:
        await self._served.stop()

    async def prepare(self, cells: Sequence[str]) -> Path:
        path = self.directory / f"{uuid.uuid4().hex}.py"
        bodies = ("\n".join("    " + line for line in cell.split("\n")) for cell in cells)
        path.write_text(_HEAD + "".join(_CELL.format(body=body) for body in bodies) + _TAIL)
        return path

    async def open(self, prepared: Path) -> MarimoBook:
        book = MarimoBook(self, prepared)
        await book.connect()
        return book

    async def end_sessions(self) -> None:
        """Those that a browser opened."""
        http = Http(self.url, {"Marimo-Server-Token": await self.token()})
        for each in decode(await http.post("/api/home/running_notebooks", None))["files"]:
            await http.post("/api/home/shutdown_session", {"sessionId": each["sessionId"]})
        http.close()

    async def token(self, path: str = "") -> str:
        """The server's token, as a page carries it."""
        http = Http(self.url)
        found = _TOKEN.search((await http.get(f"/?file={quote(path)}" if path else "/")).decode())
        http.close()
        assert found is not None, "marimo's page has no server token"
        return found[1]

    def versions(self) -> str:
        return self._environment.versions()


class MarimoBook:
    def __init__(self, owner: Marimo, path: Path) -> None:
        self._owner = owner
        self._path = path
        self._session = f"s_{uuid.uuid4().hex[:6]}"
        self._object = ""

    async def connect(self) -> None:
        """The page, the socket until the kernel is ready, and `instantiate` without running anything."""
        token = await self._owner.token(str(self._path))
        headers = {"Marimo-Session-Id": self._session, "Marimo-Server-Token": token}
        self._http = Http(self._owner.url, headers)
        self._channel = await self._connected(self._session)
        ready = await self._channel.until(_operation("kernel-ready"))
        self.ids: list[str] = ready["data"]["cell_ids"]
        self.codes: list[str] = ready["data"]["codes"]
        await self._http.post("/api/kernel/instantiate", {"objectIds": [], "values": [], "autoRun": False})
        self._completions = 1  # of the instantiation

    async def _connected(self, session: str, more: str = "") -> Channel:
        address = f"{self._owner.url}/ws?session_id={session}&file={quote(str(self._path))}{more}"
        return await Channel.connect(address)

    async def run(self, place: int) -> None:
        await self._request(place)
        await self._settle()

    async def run_all(self) -> None:
        await self._request(*range(len(self.ids)))
        await self._settle()

    async def show(self, place: int, table: bool = True) -> None:
        await self._request(place)
        cell = self.ids[place]

        def shown(text: str) -> Any:
            self._count(text)
            return cell in text and _has_output(text, cell) and (not table or "marimo-table" in text) and text

        found = _OBJECT.search(await self._channel.until(shown))
        self._object = found[1] if found else ""

    async def change(self, place: int, code: str, last: int) -> None:
        self.codes[place] = code
        await self._request(place)
        await self._settle(shows=self.ids[last])

    async def run_one(self, place: int, code: str) -> None:
        self.codes[place] = code
        await self.run(place)

    async def edit(self, place: int, code: str) -> None:
        """Its page saves the whole notebook."""
        self.codes[place] = code
        count = len(self.ids)
        body = {
            "cellIds": self.ids, "codes": self.codes, "names": ["_"] * count, "configs": [{}] * count,
            "filename": str(self._path),
        }  # fmt: skip
        await self._http.post("/api/kernel/save", body)

    async def rows(self, offset: int, sort: int | None = None) -> None:
        call = uuid.uuid4().hex
        order = None if sort is None else [{"by": f"c{sort}", "descending": True}]
        arguments = {"page_size": 50, "page_number": offset // 50, "sort": order}
        body = {
            "functionCallId": call, "namespace": self._object, "functionName": "search", "args": arguments,
        }  # fmt: skip
        self._completions += 1
        await self._http.post("/api/kernel/function_call", body)

        def answered(text: str) -> Any:
            self._count(text)
            return call in text and _operation("function-call-result")(text)

        answer = await self._channel.until(answered)
        if answer["data"]["status"]["code"] != "ok":
            raise Failed(f"refused: {answer['data']['status']}")

    async def accompany(self) -> None:
        """The column summaries."""
        body = {
            "functionCallId": uuid.uuid4().hex, "namespace": self._object, "functionName": "get_column_summaries",
            "args": {},
        }  # fmt: skip
        self._completions += 1
        await self._http.post("/api/kernel/function_call", body)

    async def watch(self) -> MarimoWatcher:
        """A reader's socket: marimo has one editor at a time."""
        channel = await self._connected(f"s_{uuid.uuid4().hex[:6]}", "&kiosk=true")
        await channel.until(_operation("kernel-ready"))
        return MarimoWatcher(channel, self.ids[0])

    async def pid(self) -> int:
        """What `/api/sessions` does not say: the process that has its socket's parent; found by a cell."""
        probe = self._path.with_suffix(".pid")
        place = len(self.ids) - 1
        code = f"import os as _os, pathlib as _p\n_p.Path({str(probe)!r}).write_text(str(_os.getpid()))"
        kept = self.codes[place]
        await self.run_one(place, code)
        self.codes[place] = kept
        return int(probe.read_text())

    async def kept(self) -> None:
        """Until its outputs are in the session file, from which they are shown when it is opened again."""
        file = self._path.parent / "__marimo__" / "session" / f"{self._path.name}.json"
        async with asyncio.timeout(30):
            while not file.exists():
                await asyncio.sleep(0.2)
        await asyncio.sleep(3)  # it is written again while outputs come

    async def close(self) -> None:
        await self.end()
        os.unlink(self._path)

    async def end(self) -> None:
        await self._http.post("/api/home/shutdown_session", {"sessionId": self._session})
        self._http.close()
        await self._channel.close()

    async def _request(self, *places: int) -> None:
        self._completions += 1
        body = {"cellIds": [self.ids[each] for each in places], "codes": [self.codes[each] for each in places]}
        await self._http.post("/api/kernel/run", body)

    def _count(self, text: str) -> bool:
        """Whether this is the end of a run that was asked for."""
        ended = "completed-run" in text and bool(_operation("completed-run")(text))
        self._completions -= ended
        return ended

    async def _settle(self, shows: str = "") -> None:
        """Until every run that was asked for is complete, and the output of the cell `shows` came with it."""
        shown = not shows

        def settled(text: str) -> bool:
            nonlocal shown
            shown = shown or (shows in text and _has_output(text, shows))
            return self._count(text) and self._completions == 0

        if self._completions:
            await self._channel.until(settled)
        if not shown:
            raise Failed("A run ended without the last cell's output.")


class MarimoWatcher:
    def __init__(self, channel: Channel, cell: str) -> None:
        self._channel = channel
        self._cell = cell

    async def settle(self) -> None:
        """A reader is first told all that happened before."""
        await self._channel.drain()

    async def output(self) -> None:
        await self._channel.until(lambda text: self._cell in text and _has_output(text, self._cell))

    async def close(self) -> None:
        await self._channel.close()


def _operation(kind: str) -> Any:
    def found(text: str) -> Any:
        if kind not in text:
            return None
        message = decode(text)
        return message["op"] == kind and message

    return found


def _has_output(text: str, cell: str) -> bool:
    if '"cell-op"' not in text or '"channel":"output"' not in text:
        return False
    data = decode(text)["data"]
    return data["cell_id"] == cell and bool((data["output"] or {}).get("data"))
