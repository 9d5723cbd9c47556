"""The host's end of the zygote: started when needed, asked to fork, replaced when it dies."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from kernel.launch.contract import KernelNotStarted
from kernel.launch.environment import clean_environment
from kernel.launch.packets import MAX_MESSAGE, Fork, Forked, Place, Reaped, Report, Warm

logger = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parents[2]
WARMING = 60.0
"""Seconds that the imports may take."""
FORKING = 10.0
"""Seconds that a fork may take."""
_FULL = 0.005
"""Seconds until a full socket is tried again."""

_decoder = msgspec.msgpack.Decoder(Report)


class Nursery:
    """`ended(pid, status)` is called for each kernel that ended, `lost(pids)` when the zygote itself died.

    `report` is what it said when it was warm, `pid` its process id while it lives.
    """

    def __init__(
        self,
        cache: Path,
        modules: Sequence[str],
        ended: Callable[[int, int], None],
        lost: Callable[[frozenset[int]], None],
    ) -> None:
        self.report = Warm()
        self._cache = cache
        self._modules = modules
        self._ended = ended
        self._lost = lost
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._warm: asyncio.Future[None] | None = None
        self._forks: dict[int, asyncio.Future[int]] = {}
        self._requests = 0
        self._kernels: set[int] = set()

    @property
    def alive(self) -> bool:
        return self._socket is not None

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    @property
    def busy(self) -> bool:
        """Whether it has kernels, or is to have one."""
        return bool(self._kernels or self._forks)

    async def warm(self) -> None:
        """Return when kernels can be forked. Raises KernelNotStarted."""
        if self._warm is None:
            self._start()
        assert self._warm is not None
        try:
            await asyncio.wait_for(asyncio.shield(self._warm), WARMING)
        except TimeoutError:
            self.close()
            raise KernelNotStarted(f"The kernels' common packages were not imported within {WARMING:.0f} s.") from None

    async def fork(self, channel: socket.socket, lifeline: socket.socket, place: Place) -> int:
        """A new kernel's process id. Raises KernelNotStarted."""
        await self.warm()
        self._requests += 1
        request = self._requests
        waiting = self._forks[request] = asyncio.get_running_loop().create_future()
        try:
            await self._send(msgspec.msgpack.encode(Fork(request=request, place=place)), channel, lifeline)
            return await asyncio.wait_for(waiting, FORKING)
        except TimeoutError:
            raise KernelNotStarted(f"No process could be forked within {FORKING:.0f} s.") from None
        finally:
            self._forks.pop(request, None)

    def close(self) -> None:
        """End the zygote; its kernels end with it."""
        process = self._process
        self._forget("The kernel host stops.")
        if process is not None:
            process.kill()
            process.wait()

    # Within

    def _start(self) -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._cache.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-P", "-m", "kernel.launch.zygote", str(theirs.fileno()), *self._modules]
        with theirs:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=clean_environment(self._cache) | {"PYTHONPATH": str(ROOT)},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                umask=0o022,  # what libraries cache is read by kernels of other users
            )
        ours.setblocking(False)
        self._socket = ours
        self._warm = loop.create_future()
        loop.add_reader(ours.fileno(), self._hear)

    def _hear(self) -> None:
        while self._socket is not None:
            try:
                data = self._socket.recv(MAX_MESSAGE)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                return self._died()
            self._sort(_decoder.decode(data))

    def _sort(self, report: Report) -> None:
        match report:
            case Warm():
                self.report = report
                if self._warm is not None and not self._warm.done():
                    self._warm.set_result(None)
            case Forked():
                if report.pid:
                    self._kernels.add(report.pid)
                waiting = self._forks.get(report.request)
                if waiting is not None and not waiting.done():
                    if report.pid:
                        waiting.set_result(report.pid)
                    else:
                        waiting.set_exception(KernelNotStarted(f"No process could be forked: {report.error}."))
            case Reaped():
                self._kernels.discard(report.pid)
                self._ended(report.pid, report.status)

    def _died(self) -> None:
        process, kernels = self._process, frozenset(self._kernels)
        self._kernels.clear()
        self._forget("The process that starts kernels has died.")
        if process is not None:
            logger.warning("The zygote ended with status %s.", process.wait())
        self._lost(kernels)

    def _forget(self, why: str) -> None:
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
        waiting: list[asyncio.Future[Any]] = [*self._forks.values()]
        waiting += [self._warm] if self._warm is not None else []
        self._process = self._socket = self._warm = None
        for each in waiting:
            if not each.done():
                each.set_exception(KernelNotStarted(why))
                each.exception()  # nobody may be waiting for it

    async def _send(self, packet: bytes, *sockets: socket.socket) -> None:
        while self._socket is not None:
            try:
                socket.send_fds(self._socket, [packet], [each.fileno() for each in sockets])
                return
            except BlockingIOError:
                await asyncio.sleep(_FULL)
            except OSError as error:
                raise KernelNotStarted(f"The process that starts kernels cannot be reached: {error}.") from None
        raise KernelNotStarted("The process that starts kernels has died; try again.")


def can_fork() -> bool:
    """Whether kernels can be forked and told that they lost their host: the mechanisms are Linux's."""
    return hasattr(os, "fork") and sys.platform == "linux"
