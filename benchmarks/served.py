"""A peer's server: started on a free port of the loopback interface, ended with everything that it started."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psutil

from .client import Http

STARTING = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def empty(directory: Path) -> Path:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


class Served:
    """A process whose command ends with a port, and that answers HTTP there. What it prints is in `log`."""

    def __init__(self, command: Sequence[str], directory: Path, port: int, **environment: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.log = directory / "server.log"
        self._command = command
        self._directory = directory
        self._environment = os.environ | environment
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self, path: str = "/") -> None:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._directory, env=self._environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        async with asyncio.timeout(STARTING):
            while True:
                if self._process.poll() is not None:
                    raise RuntimeError(f"{self._command[0]} ended:\n{self.log.read_text(errors='replace')}")
                with contextlib.suppress(OSError, EOFError):
                    await Http(self.url).get(path)
                    return
                await asyncio.sleep(0.1)

    async def stop(self) -> None:
        """With all that it started, in whichever session that is now."""
        if self._process is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            descendants = psutil.Process(self._process.pid).children(recursive=True)
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(self._process.wait, 8)
            for each in descendants:
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
        self._process.kill()
        self._process.wait()
