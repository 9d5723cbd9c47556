"""Bare limits: what the same work costs with nothing around it, in processes of their own."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from kernel.launch.environment import COMMON, clean_environment

from ..client import Channel
from ..served import Served, free_port

ROOT = Path(__file__).resolve().parents[2]


class Forker:
    """A process with everything imported that a kernel has, which forks one that shows a DataFrame and ends."""

    def __init__(self, code: str, modules: Sequence[str] = COMMON) -> None:
        self._arguments = [code, *modules]

    async def __aenter__(self) -> Forker:
        self._ours, theirs = socket.socketpair()
        self._cache = tempfile.TemporaryDirectory(prefix="cascade-bench-")
        environment = clean_environment(Path(self._cache.name)) | {"PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.peers.forking", str(theirs.fileno()), *self._arguments],
            env=environment, cwd=ROOT, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL,
        )  # fmt: skip
        theirs.close()
        self._ours.setblocking(False)
        assert await self._receive() == b"warm"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ours.close()
        self._process.wait(10)
        self._cache.cleanup()

    async def show(self) -> float:
        """Seconds from the request to the DataFrame's first page."""
        started = perf_counter()
        await asyncio.get_running_loop().sock_sendall(self._ours, b"f")
        shown = await self._receive()
        assert b"table" in shown, shown
        return perf_counter() - started

    async def memory(self) -> float:
        """MiB of a forked process's own memory (USS) after it has shown one."""
        await asyncio.get_running_loop().sock_sendall(self._ours, b"m")
        return int(await self._receive()) / 2**20

    async def _receive(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self._ours, 1 << 20)


class Echo:
    """A WebSocket server that sends back what it gets."""

    async def __aenter__(self) -> Echo:
        port = free_port()
        with tempfile.TemporaryDirectory(prefix="cascade-bench-") as directory:
            self._served = Served(
                [sys.executable, "-m", "benchmarks.peers.echo", str(port)], Path(directory), port, PYTHONPATH=str(ROOT)
            )
            await self._served.start("/health")
        self._channel = await Channel.connect(self._served.url, subprotocols=None)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._channel.close()
        await self._served.stop()

    async def echo(self) -> float:
        started = perf_counter()
        await self._channel.send({"type": "run_cell", "requestId": "0", "cellId": "x"})
        await self._channel.until(bool)
        return perf_counter() - started


class Compiled:
    """The cells' code, compiled before, run one after the other in one namespace."""

    def __init__(self, cells: list[str]) -> None:
        self._codes = [compile(cell, "<cell>", "exec") for cell in cells]

    async def run(self) -> float:
        namespace: dict[str, Any] = {}
        started = perf_counter()
        for code in self._codes:
            exec(code, namespace)
        return perf_counter() - started


class Static:
    """A directory served as it is, by Python's own server."""

    def __init__(self, directory: Path) -> None:
        port = free_port()
        command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--protocol", "HTTP/1.1"]
        self._served = Served(command, directory, port)
        self.url = self._served.url

    async def __aenter__(self) -> Static:
        await self._served.start("/")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._served.stop()
