"""Jupyter: its server's REST interface and a kernel's WebSocket, as JupyterLab uses them."""

from __future__ import annotations

import itertools
import struct
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..client import Channel, Http, decode, encode
from ..contestant import Cannot, Failed
from ..environments import Environment
from ..served import Served, empty, free_port

PROTOCOL = "v1.kernel.websocket.jupyter.org"
"""What JupyterLab speaks: binary frames, the offsets of their parts first."""
WATCHERS = 100
"""Its server opens five ZeroMQ sockets for each client of a kernel, and ends where it has more than 1,023."""
NO_PAGES = "has no further pages of a table: its HTML holds the first and last rows"


class Jupyter:
    name = "jupyter"
    title = "Jupyter"

    def __init__(self, directory: Path, environment: Environment) -> None:
        self.directory = empty(directory / "notebooks")
        self._environment = environment
        home = empty(directory / "home")
        port = free_port()
        command = [
            environment.program("jupyter-server"), "--no-browser", f"--ServerApp.port={port}",
            "--ServerApp.ip=127.0.0.1", f"--ServerApp.root_dir={self.directory}", "--IdentityProvider.token=",
            "--ServerApp.disable_check_xsrf=True", "--ServerApp.allow_root=True",
        ]  # fmt: skip
        self._served = Served(command, self.directory, port, HOME=str(home), JUPYTER_CONFIG_DIR=str(home / "config"))
        self.url = self._served.url

    async def start(self) -> None:
        await self._served.start("/api")

    async def stop(self) -> None:
        await self._served.stop()

    async def prepare(self, cells: Sequence[str]) -> tuple[str, list[str]]:
        prepared = f"{uuid.uuid4().hex}.ipynb", list(cells)
        await save(Http(self.url), *prepared)
        return prepared

    async def open(self, prepared: tuple[str, list[str]]) -> JupyterBook:
        book = JupyterBook(self.url, *prepared)
        await book.connect()
        return book

    def versions(self) -> str:
        return self._environment.versions()


async def save(http: Http, path: str, codes: Sequence[str]) -> None:
    cells = [
        {"cell_type": "code", "id": f"c{place}", "source": code, "metadata": {}, "outputs": [], "execution_count": None}
        for place, code in enumerate(codes)
    ]
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    await http.request("PUT", f"/api/contents/{path}", {"type": "notebook", "format": "json", "content": content})


class JupyterBook:
    def __init__(self, url: str, path: str, codes: list[str]) -> None:
        self._url = url
        self._path = path
        self._codes = codes
        self._http = Http(url)
        self._session = uuid.uuid4().hex
        self._watchers = 0

    async def connect(self) -> None:
        kernel = {"name": "python3"}
        body = {"path": self._path, "name": self._path, "type": "notebook", "kernel": kernel}
        created = decode(await self._http.post("/api/sessions", body))
        self._id, self._kernel = created["id"], created["kernel"]["id"]
        self._channel = await self._connected()

    async def _connected(self) -> Channel:
        address = f"{self._url}/api/kernels/{self._kernel}/channels?session_id={uuid.uuid4().hex}"
        return await Channel.connect(address, subprotocols=[PROTOCOL])

    async def run(self, place: int) -> None:
        await self._idle(await self._execute(self._codes[place]))

    async def show(self, place: int, table: bool = True) -> None:
        await self._execute(self._codes[place])
        await self._channel.until(_result)

    async def run_all(self) -> None:
        sent = [await self._execute(each) for each in self._codes]
        await self._idle(sent[-1])

    async def change(self, place: int, code: str, last: int) -> None:
        """Nothing is reactive here: this cell and all below run."""
        self._codes[place] = code
        sent = [await self._execute(each) for each in self._codes[place:]]
        await self._idle(sent[-1], shows=sent[last - place])

    async def run_one(self, place: int, code: str) -> None:
        self._codes[place] = code
        await self.run(place)

    async def edit(self, place: int, code: str) -> None:
        """Its page saves the whole notebook."""
        self._codes[place] = code
        await save(self._http, self._path, self._codes)

    async def rows(self, offset: int, sort: int | None = None) -> None:
        raise Cannot(NO_PAGES)

    async def accompany(self) -> None:
        """Nothing."""

    async def watch(self) -> JupyterWatcher:
        self._watchers += 1
        if self._watchers > WATCHERS:
            raise Cannot("its server ends: ZeroMQ's limit of sockets")
        return JupyterWatcher(await self._connected())

    async def pid(self) -> int:
        await self._execute("__import__('os').getpid()")
        return int((await self._channel.until(_result))["data"]["text/plain"])

    async def close(self) -> None:
        await self._http.request("DELETE", f"/api/sessions/{self._id}")
        await self._channel.close()

    async def _execute(self, code: str) -> str:
        """The id of the request."""
        key = uuid.uuid4().hex
        header = {
            "msg_id": key, "msg_type": "execute_request", "username": "", "session": self._session,
            "date": "2026-01-01T00:00:00Z", "version": "5.3",
        }  # fmt: skip
        content = {
            "code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": True,
            "stop_on_error": True,
        }  # fmt: skip
        await self._channel.connection.send(_frame("shell", header, content))
        return key

    async def _idle(self, request: str, shows: str = "") -> None:
        """Until this request is done, and the request `shows` had a result."""
        wanted = request.encode()
        shown = not shows

        def found(frame: bytes) -> bool:
            nonlocal shown
            shown = shown or (shows.encode() in frame and b'"execute_result"' in frame)
            if b'"idle"' not in frame or wanted not in frame:
                return False
            _, header, parent, content = _parts(frame)
            idle = content.get("execution_state") == "idle"
            return header["msg_type"] == "status" and idle and parent.get("msg_id") == request

        await self._channel.until(found)  # type: ignore[arg-type]
        if not shown:
            raise Failed("A run ended without the last cell's output.")


class JupyterWatcher:
    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    async def settle(self) -> None:
        await self._channel.drain()

    async def output(self) -> None:
        await self._channel.until(_result)

    async def close(self) -> None:
        await self._channel.close()


def _result(frame: Any) -> Any:
    """The content of an `execute_result`."""
    if b'"execute_result"' not in frame:
        return None
    _, header, _, content = _parts(frame)
    return header["msg_type"] == "execute_result" and content


def _frame(channel: str, header: dict[str, Any], content: dict[str, Any]) -> bytes:
    parts = [channel.encode(), encode(header), b"{}", b"{}", encode(content)]
    offsets = [8 * (len(parts) + 2)]
    for part in parts:
        offsets.append(offsets[-1] + len(part))
    return struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets) + b"".join(parts)


def _parts(frame: bytes) -> tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Channel, header, parent header and content."""
    (count,) = struct.unpack_from("<Q", frame)
    offsets = struct.unpack_from(f"<{count}Q", frame, 8)
    channel, header, parent, _, content = (frame[start:end] for start, end in itertools.pairwise(offsets))
    return channel.decode(), decode(header), decode(parent), decode(content)
