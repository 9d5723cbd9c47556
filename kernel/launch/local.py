"""Kernels on this machine: forked from a zygote, or started as plain processes where that is not possible."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
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

import msgspec

from kernel.launch.cage.policy import Rules
from kernel.launch.cage.probe import probe
from kernel.launch.cage.report import Confinement
from kernel.launch.contract import Exit, Handle, KernelGone, Launching
from kernel.launch.environment import COMMON, clean_environment
from kernel.launch.folders import Folders, remove
from kernel.launch.link import Link
from kernel.launch.nursery import ROOT, can_fork
from kernel.launch.packets import Place
from kernel.launch.reasons import ENDED, UNFORKABLE, WOKEN, describe
from kernel.launch.watch import Watch
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

    @property
    def pid(self) -> int:
        return self.handle.pid

    @property
    def user(self) -> int:
        """0: none of its own."""
        return self.place.policy.user if self.place.policy else 0

    @property
    def folders(self) -> tuple[str, str]:
        return self.place.work, self.place.temporary

    def signal(self, number: signal.Signals) -> None:
        """To this process and no other that may have got its number since."""
        with contextlib.suppress(ProcessLookupError):
            if self.pidfd is not None:
                signal.pidfd_send_signal(self.pidfd, number)
            else:
                os.kill(self.handle.pid, number)


DEFAULT = Rules()


class LocalRuntime:
    """Implements `contract.Runtime`. `directory` holds a folder for each session's files, and one for caches.

    `rules` say what kernels may do. Without any they are not confined at all, which is for tests of the cage.
    """

    def __init__(
        self,
        directory: Path,
        modules: Sequence[str] = COMMON,
        fork: bool = True,
        rules: Rules | None = DEFAULT,
    ) -> None:
        self._modules = modules
        self._forks = fork and can_fork()
        self._kernels: dict[str, _Kernel] = {}
        self._pids: dict[int, _Kernel] = {}
        self._reaped: dict[int, int] = {}  # ended before we knew them
        self._host = uuid.uuid4().hex
        self._tasks: set[asyncio.Task[None]] = set()
        self._removals: set[asyncio.Task[None]] = set()
        self._rules = rules
        self._folders = Folders(directory, rules)
        self._watch = (
            Watch(rules.limits, lambda: list(self._kernels.values()), self._end, self._wake) if rules else None
        )
        self._confinement: Confinement | None = None
        self._watching: asyncio.Task[None] | None = None
        self._zygotes = Zygotes(self._folders.cache, modules, self._ended, self._zygote_lost)

    async def prepare(self) -> None:
        if self._rules is not None and not (found := await self.confinement()).complete:
            logger.warning("Kernels are not fully confined on this machine: %s.", found.sentence())
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

    async def confinement(self) -> Confinement:
        """Which parts of the cage this machine has; found out once. Raises KernelNotStarted."""
        if self._confinement is None:
            place = self._folders.probe()
            self._confinement = await asyncio.to_thread(probe, place, self._folders.cache)
            self._clean(place.work, place.temporary)
        return self._confinement

    async def start(self, session: str) -> Handle:
        place = self._folders.place(session)
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
        if self._watch is not None and (self._watching is None or self._watching.done()):
            self._watching = self._spawn(self._watch.run())
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
        kernel.signal(signal.SIGCONT)  # one that stands still does not hear it otherwise

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
        if self._removals:
            await asyncio.wait(self._removals, timeout=5)
        for task in list(self._tasks):
            task.cancel()

    # Starting

    async def _launch(
        self, channel: socket.socket, lifeline: socket.socket, place: Place
    ) -> tuple[int, subprocess.Popen[bytes] | None]:
        modules = self._modules
        if self._forks:
            try:
                return await self._zygotes.fork(channel, lifeline, place), None
            except NoZygote:
                modules = ()  # they may be what the zygote died of
        descriptors = [channel.fileno(), lifeline.fileno()]
        environment = clean_environment(self._folders.cache) | {"PYTHONPATH": str(ROOT)}
        environment["MPLCONFIGDIR"] = f"{place.temporary}/matplotlib"  # no zygote has filled the cache
        where = msgspec.json.encode(place)
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "kernel.process", *map(str, descriptors), where, *modules],
            cwd=ROOT,
            env=environment,
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

    def _wake(self, kernel: _Kernel) -> None:
        """It stopped itself; nobody can use it so."""
        kernel.signal(signal.SIGCONT)
        kernel.link.complain(WOKEN)

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
            await self._end_family(kernel)
        if not kernel.gone.is_set():
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
        await self._end_family(kernel)
        self._finish(kernel, status)

    async def _end_family(self, kernel: _Kernel) -> None:
        """What the zygote does where there is one that knows this kernel."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(kernel.pid, signal.SIGKILL)
        shared = any(other.user == kernel.user for other in self._kernels.values() if other is not kernel)
        if kernel.user and not shared:
            command = [sys.executable, "-P", "-m", "kernel.launch.family", str(kernel.user)]
            await asyncio.to_thread(subprocess.run, command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, check=False)

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
        self._clean(kernel.place.temporary)

    def _clean(self, *folders: str) -> None:
        removal = self._spawn(remove(*folders))
        self._removals.add(removal)
        removal.add_done_callback(self._removals.discard)

    def _running(self) -> list[_Kernel]:
        return list(self._kernels.values())

    def _known(self, handle: Handle) -> _Kernel:
        kernel = self._kernels.get(handle.kernel)
        if kernel is None:
            raise KernelGone("The kernel has ended.")
        return kernel

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _pidfd(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None
