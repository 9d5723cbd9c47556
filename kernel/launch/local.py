"""Kernels on this machine: forked from a zygote, or started as plain processes where that is not possible."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kernel.launch.contract import Exit, Handle, KernelGone, KernelNotStarted, Launching
from kernel.launch.environment import COMMON, clean_environment
from kernel.launch.link import Link
from kernel.launch.nursery import ROOT, can_fork
from kernel.launch.packets import Place
from kernel.launch.reasons import ENDED, UNFORKABLE, describe
from kernel.launch.zygotes import NoZygote, Zygotes
from kernel.memory import Lent
from kernel.protocol import Cancel, Command, Event

logger = logging.getLogger(__name__)

MAX_UNSENT = 512 * 1024 * 1024
"""Bytes of commands (SQL results, most of all) that may wait for a kernel that does not read."""
MAX_LENT = 1280 * 1024 * 1024
"""Bytes of results in memory that a kernel may have at once; the broker makes no result of that size."""
_GRACE = 1.0
"""Seconds that a kernel which closed its socket has, to end by itself."""


@dataclass(slots=True)
class _Kernel:
    handle: Handle
    link: Link
    lifeline: socket.socket
    place: Place
    gone: asyncio.Event
    pidfd: int | None = None
    process: subprocess.Popen[bytes] | None = None
    forked: bool = True
    orphan: bool = False  # the zygote that it was forked from has died, and cannot tell how it ends
    reason: str = ""  # why we ended it

    def signal(self, number: signal.Signals) -> None:
        """To this process and no other that may have got its number since."""
        with contextlib.suppress(ProcessLookupError):
            if self.pidfd is not None:
                signal.pidfd_send_signal(self.pidfd, number)
            else:
                os.kill(self.handle.pid, number)


class LocalRuntime:
    """Implements `contract.Runtime`. `directory` holds a folder for each session's files, and one for caches."""

    def __init__(self, directory: Path, modules: Sequence[str] = COMMON, fork: bool = True) -> None:
        self._directory = directory
        self._modules = modules
        self._forks = fork and can_fork()
        self._kernels: dict[str, _Kernel] = {}
        self._pids: dict[int, _Kernel] = {}
        self._reaped: dict[int, int] = {}  # ended before we knew them
        self._host = uuid.uuid4().hex
        self._tasks: set[asyncio.Task[None]] = set()
        self._zygotes = Zygotes(directory / "cache", modules, self._ended, self._zygote_lost)

    async def prepare(self) -> None:
        if self._forks:
            with contextlib.suppress(NoZygote):  # it is logged, tried again, and kernels are plain processes meanwhile
                await self._zygotes.warm()

    async def use(self, modules: Sequence[str]) -> None:
        """Import these in advance, from now on, and all of them anew: for kernels that are started after this.

        Those that run stay as they are. Raises KernelNotStarted if that ends the zygote; then nothing changes.
        """
        if self._forks:
            await self._zygotes.use(modules)
        self._modules = modules

    @property
    def launching(self) -> Launching:
        """How kernels are started at present."""
        packages = tuple(self._modules)
        if not self._forks:
            return Launching(forked=False, reason=UNFORKABLE, packages=packages)
        zygotes = self._zygotes
        return Launching(
            forked=not zygotes.trouble,
            reason=zygotes.trouble,
            zygote=zygotes.pid,
            packages=packages,
            skipped=zygotes.report.skipped,
            threaded=zygotes.report.threaded,
        )

    async def start(self, session: str) -> Handle:
        place = self._place(session)
        ours, theirs = socket.socketpair()
        lifeline, held = socket.socketpair()
        try:
            with theirs, held:
                pid, process = await self._launch(theirs, held, place)
        except BaseException:
            ours.close()
            lifeline.close()
            raise
        handle = Handle(kernel=uuid.uuid4().hex, pid=pid, started=time.time(), host=self._host)
        kernel = _Kernel(
            handle, self._link(handle.kernel), lifeline, place, asyncio.Event(), _pidfd(pid), process, process is None
        )
        self._kernels[handle.kernel] = self._pids[pid] = kernel
        ours.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: kernel.link, sock=ours)
        if kernel.forked and kernel.pidfd is not None:
            loop.add_reader(kernel.pidfd, self._died, kernel)
        if pid in self._reaped:
            self._ended(pid, self._reaped.pop(pid))
        elif process is not None:
            self._spawn(self._wait_for(kernel))
        return handle

    async def attach(self, handle: Handle) -> bool:
        kernel = self._kernels.get(handle.kernel)
        if kernel is None or kernel.gone.is_set():
            return False
        kernel.link.replay()
        return True

    def send(self, handle: Handle, *commands: Command | Lent) -> None:
        kernel = self._known(handle)
        kernel.link.send(commands)
        if kernel.link.unsent > MAX_UNSENT:
            self._end(kernel, "The kernel was ended: it does not read what is sent to it.")
        if kernel.link.lent > MAX_LENT:
            self._end(kernel, "The kernel was ended: it asks for more results than it may have at once.")

    def events(self, handle: Handle) -> AsyncIterator[Event | Exit]:
        return self._known(handle).link.events()

    def interrupt(self, handle: Handle, execution: int) -> None:
        kernel = self._known(handle)
        kernel.link.send((Cancel(executions=(execution,)),))
        kernel.signal(signal.SIGINT)

    async def kill(self, handle: Handle) -> None:
        kernel = self._kernels.get(handle.kernel)
        if kernel is not None:
            self._end(kernel, ENDED)
            await kernel.gone.wait()

    def alive(self, handle: Handle) -> bool:
        kernel = self._kernels.get(handle.kernel)
        return kernel is not None and not kernel.gone.is_set()

    async def close(self) -> None:
        kernels = list(self._kernels.values())
        for kernel in kernels:
            self._end(kernel, ENDED)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                for kernel in kernels:
                    await kernel.gone.wait()
        self._zygotes.close()
        for task in list(self._tasks):
            task.cancel()

    # Starting

    def _place(self, session: str) -> Place:
        work = self._directory / "work" / session
        temporary = self._directory / "temporary" / uuid.uuid4().hex
        try:
            work.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary.mkdir(parents=True, mode=0o700)
        except OSError as error:
            raise KernelNotStarted(f"The kernel's folders cannot be made: {error.strerror}.") from None
        return Place(work=str(work), temporary=str(temporary))

    async def _launch(
        self, channel: socket.socket, lifeline: socket.socket, place: Place
    ) -> tuple[int, subprocess.Popen[bytes] | None]:
        modules = self._modules
        if self._forks:
            try:
                return await self._zygotes.fork(channel, lifeline, place), None
            except NoZygote:
                modules = ()  # they may be what the zygote died of
        descriptors, where = [channel.fileno(), lifeline.fileno()], (place.work, place.temporary)
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "kernel.process", *map(str, descriptors), *where, *modules],
            cwd=ROOT,
            env=clean_environment(self._directory / "cache") | {"PYTHONPATH": str(ROOT)},
            pass_fds=descriptors,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        return process.pid, process

    def _link(self, kernel: str) -> Link:
        return Link(lambda what: self._violated(kernel, what), lambda: self._silent(kernel))

    # Ending

    def _end(self, kernel: _Kernel, reason: str) -> None:
        kernel.reason = kernel.reason or reason
        kernel.signal(signal.SIGKILL)
        if kernel.pidfd is None and kernel.orphan and not kernel.gone.is_set():
            self._finish(kernel, None)  # nobody is left to tell us

    def _violated(self, kernel: str, what: str) -> None:
        found = self._kernels.get(kernel)
        if found is not None:  # otherwise it is gone already, and these were its last words
            self._end(found, what)

    def _silent(self, kernel: str) -> None:
        """Its socket closed: either it ends, or user code has closed it."""
        found = self._kernels.get(kernel)
        if found is not None and not found.gone.is_set():
            self._spawn(self._insist(found))

    async def _insist(self, kernel: _Kernel) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(kernel.gone.wait(), _GRACE)
        if not kernel.gone.is_set():
            self._end(kernel, "The kernel was ended: its connection to the portal was closed by its own code.")

    def _zygote_lost(self, pids: frozenset[int]) -> None:
        """Kernels live on without it; `_died` notices their ends."""
        for kernel in [self._pids[pid] for pid in pids if pid in self._pids]:
            kernel.orphan = True

    def _died(self, kernel: _Kernel) -> None:
        """The process is gone: its zygote will say how, if that lives."""
        assert kernel.pidfd is not None
        asyncio.get_running_loop().remove_reader(kernel.pidfd)
        self._spawn(self._bury(kernel))

    async def _bury(self, kernel: _Kernel) -> None:
        if not kernel.orphan:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(kernel.gone.wait(), _GRACE)
        if not kernel.gone.is_set():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(kernel.handle.pid, signal.SIGKILL)
            self._finish(kernel, None)

    def _ended(self, pid: int, status: int) -> None:
        kernel = self._pids.get(pid)
        if kernel is None:
            self._reaped[pid] = status
        else:
            self._finish(kernel, status)

    async def _wait_for(self, kernel: _Kernel) -> None:
        """A plain process: looked at now and then, so that no thread and no signal handler is needed."""
        assert kernel.process is not None
        while (status := kernel.process.poll()) is None:
            await asyncio.sleep(0.05)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(kernel.handle.pid, signal.SIGKILL)
        self._finish(kernel, status)

    def _finish(self, kernel: _Kernel, status: int | None) -> None:
        self._kernels.pop(kernel.handle.kernel, None)
        self._pids.pop(kernel.handle.pid, None)
        kernel.lifeline.close()
        if kernel.pidfd is not None:
            asyncio.get_running_loop().remove_reader(kernel.pidfd)
            os.close(kernel.pidfd)
            kernel.pidfd = None
        kernel.gone.set()
        kernel.link.finish(Exit(status=status, reason=kernel.reason or describe(status)))
        shutil.rmtree(kernel.place.temporary, ignore_errors=True)

    def _known(self, handle: Handle) -> _Kernel:
        kernel = self._kernels.get(handle.kernel)
        if kernel is None:
            raise KernelGone("The kernel has ended.")
        return kernel

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None
