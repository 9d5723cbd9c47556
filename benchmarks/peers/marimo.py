"""marimo's editor: `marimo edit`, its WebSocket, and the HTTP calls that its page makes."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ..client import Channel, Http, decode
from ..contestant import Cannot
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
        page = (await Http(self._owner.url).get(f"/?file={quote(str(self._path))}")).decode()
        token = _TOKEN.search(page)
        assert token is not None, "marimo's page has no server token"
        headers = {"Marimo-Session-Id": self._session, "Marimo-Server-Token": token[1]}
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
        await self._settle()
        await self._request(place)
        await self._settle()

    async def show(self, place: int, table: bool = True) -> None:
        await self._request(place)
        cell = self.ids[place]

        def shown(text: str) -> Any:
            if "completed-run" in text:
                self._count(text)
            return cell in text and _has_output(text, cell) and (not table or "marimo-table" in text) and text

        found = _OBJECT.search(await self._channel.until(shown))
        self._object = found[1] if found else ""

    async def change(self, place: int, code: str) -> None:
        self.codes[place] = code
        await self.run(place)

    run_one = change

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
            raise Cannot(f"refused: {answer['data']['status']}")

    async def summaries(self) -> None:
        """The column summaries, which its page asks for with every table."""
        call = uuid.uuid4().hex
        body = {"functionCallId": call, "namespace": self._object, "functionName": "get_column_summaries", "args": {}}
        self._completions += 1
        await self._http.post("/api/kernel/function_call", body)
        await self._channel.until(lambda text: self._count(text) or (call in text and "function-call-result" in text))

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
        await self.change(place, code)
        self.codes[place] = kept
        return int(probe.read_text())

    async def close(self) -> None:
        await self._http.post("/api/home/shutdown_session", {"sessionId": self._session})
        self._http.close()
        await self._channel.close()
        os.unlink(self._path)

    async def _request(self, place: int) -> None:
        self._completions += 1
        await self._http.post("/api/kernel/run", {"cellIds": [self.ids[place]], "codes": [self.codes[place]]})

    def _count(self, text: str) -> None:
        if "completed-run" in text and _operation("completed-run")(text):
            self._completions -= 1

    async def _settle(self) -> None:
        """Until every run that was asked for is complete."""
        while self._completions > 0:
            await self._channel.until(lambda text: self._count(text) or "completed-run" in text)


class MarimoWatcher:
    def __init__(self, channel: Channel, cell: str) -> None:
        self._channel = channel
        self._cell = cell

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
