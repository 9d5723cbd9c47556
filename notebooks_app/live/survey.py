"""Which kernels run, in all processes: each is asked, and answers for those that it holds."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Iterable, Sequence
from time import time
from typing import Any, LiteralString

import msgspec

from kernel.launch.contract import Handle, KernelNotStarted, Launching
from kernel.launch.local import LocalRuntime
from kernel.launch.usage import Usage, resident, usages

from .coordinator import Coordinator
from .directory import Directory
from .events import KernelStatus
from .hub import Hub
from .intake import new_id
from .store import Store

logger = logging.getLogger(__name__)

ANSWER = 2.0
"""Seconds that a process has to answer."""
STRANGERS = 0.15
"""Seconds that are given to processes of which nothing is known, since they hold no notebook."""
BRIEF = 1.0
"""Seconds: over less than that, how busy a process is says nothing."""


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A kernel. Times are seconds since 1970, `memory` is in bytes, `cpu` in per cent of one core."""

    session: str
    notebook: str
    title: str
    status: KernelStatus
    jobs: int
    starter: str
    people: tuple[str, ...]
    started: float
    used: float
    pid: int
    memory: int
    cpu: float
    processes: int


class HostReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one process of the portal runs. `process` is its channel, `name` says where it is."""

    process: str
    name: str
    launching: Launching
    zygote_memory: int
    confinement: tuple[tuple[str, bool, str], ...] = ()
    """Parts of the cage: name, whether it holds, and why not. Those that others stand in for are left out."""
    kernels: tuple[Running, ...]


class Everywhere(msgspec.Struct, frozen=True, kw_only=True):
    """All that answered, and how many processes did not although they hold notebooks."""

    hosts: tuple[HostReport, ...] = ()
    silent: int = 0


class Survey:
    """Asks and answers. One per process."""

    def __init__(self, hub: Hub, store: Store, directory: Directory, runtime: LocalRuntime) -> None:
        self._hub = hub
        self._store = store
        self._directory = directory
        self._runtime = runtime
        self._answers: dict[str, asyncio.Queue[HostReport]] = {}
        self._meter = Meter()
        self._tasks: set[asyncio.Task[None]] = set()
        hub.handlers["survey"] = self._asked
        hub.handlers["surveyed"] = self._answered
        hub.handlers["packages"] = self._told

    async def everywhere(self) -> Everywhere:
        """The kernels of all processes."""
        expected = {str(row["holder"]) for row in await self._store.all(_HOLDERS, {})} | {self._hub.channel}
        request = new_id()
        answers = self._answers[request] = asyncio.Queue()
        found: dict[str, HostReport] = {}
        await self._hub.tell_everyone({"type": "survey", "request": request, "to": self._hub.channel})
        begun = asyncio.get_running_loop().time()
        try:
            while (rest := _rest(begun, bool(expected - found.keys()))) > 0:
                report = await asyncio.wait_for(answers.get(), rest)
                found[report.process] = report
        except TimeoutError:
            pass
        finally:
            del self._answers[request]
        hosts = sorted(found.values(), key=lambda host: host.name)
        return Everywhere(hosts=tuple(hosts), silent=len(expected - found.keys()))

    async def use(self, modules: Sequence[str]) -> None:
        """Have all processes import these modules anew for kernels to come. Raises KernelNotStarted if that fails."""
        await self._runtime.use(modules)
        message = {"type": "packages", "modules": list(modules), "from": self._hub.channel}
        await self._hub.tell_everyone(message)

    # Answering ----------------------------------------------------------------------------------------------------

    async def _asked(self, message: dict[str, Any]) -> None:
        self._spawn(self._answer(message["request"], message["to"]))

    async def _answer(self, request: str, to: str) -> None:
        report = msgspec.msgpack.encode(await self.report())
        await self._hub.layer.send(to, {"type": "surveyed", "request": request, "data": report})

    async def _answered(self, message: dict[str, Any]) -> None:
        waiting = self._answers.get(message["request"])
        if waiting is not None:
            waiting.put_nowait(msgspec.msgpack.decode(message["data"], type=HostReport))

    async def _told(self, message: dict[str, Any]) -> None:
        if message["from"] != self._hub.channel:
            self._spawn(self._use(message["modules"]))

    async def _use(self, modules: Sequence[str]) -> None:
        try:
            await self._runtime.use(modules)
        except KernelNotStarted as error:
            logger.warning("The packages stay as they are: %s", error)

    async def report(self) -> HostReport:
        """What this process runs."""
        live = [(each, each.kernel.handle) for each in self._directory.all_live()]
        running = [(each, handle) for each, handle in live if handle is not None]
        measured = await self._meter.measure(handle for _, handle in running)
        launching = self._runtime.launching
        return HostReport(
            process=self._hub.channel,
            name=f"{socket.gethostname()}, process {os.getpid()}",
            launching=launching,
            zygote_memory=resident(launching.zygote) if launching.zygote else 0,
            confinement=await self._confinement(),
            kernels=tuple(
                _running(each, handle, *measured[handle.kernel])
                for each, handle in running
                if handle.kernel in measured
            ),
        )

    async def _confinement(self) -> tuple[tuple[str, bool, str], ...]:
        try:
            found = await self._runtime.confinement()
        except KernelNotStarted as error:
            return (("the cage", False, str(error)),)
        return tuple((part.name, part.active, part.why) for part in found.parts if part.active or part.essential)

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class Meter:
    """Measures kernels, and how busy they were since they were last measured (at first: since they began)."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[float, float, float]] = {}  # kernel -> when, CPU seconds by then, per cent

    async def measure(self, handles: Iterable[Handle]) -> dict[str, tuple[Usage, float]]:
        """Usage and per cent of one core by kernel; those that are gone are left out."""
        asked = list(handles)
        used = await asyncio.to_thread(usages, [handle.pid for handle in asked])  # some ms for each
        now = time()
        found = {
            handle.kernel: (used[handle.pid], self._per_cent(handle, used[handle.pid], now))
            for handle in asked
            if handle.pid in used
        }
        self._last = {kernel: last for kernel, last in self._last.items() if kernel in found}
        return found

    def _per_cent(self, handle: Handle, used: Usage, now: float) -> float:
        at, cpu, percent = self._last.get(handle.kernel, (handle.started, 0.0, 0.0))
        if now - at >= BRIEF or handle.kernel not in self._last:
            percent = max(0.0, 100 * (used.cpu - cpu) / max(now - at, BRIEF))
            self._last[handle.kernel] = (now, used.cpu, percent)
        return percent


def _running(coordinator: Coordinator, handle: Handle, used: Usage, percent: float) -> Running:
    state = coordinator.state
    return Running(
        session=state.session,
        notebook=state.notebook.id,
        title=state.notebook.title,
        status=state.kernel.status,
        jobs=len(state.jobs),
        starter=coordinator.starter,
        people=tuple(sorted({client.by.name for client in coordinator.clients.values()})),
        started=handle.started,
        used=coordinator.used_at,
        pid=handle.pid,
        memory=used.memory,
        cpu=percent,
        processes=used.processes,
    )


def _rest(begun: float, missing: bool) -> float:
    """Seconds for which it is still waited."""
    return begun + (ANSWER if missing else STRANGERS) - asyncio.get_running_loop().time()


_HOLDERS: LiteralString = "SELECT DISTINCT holder FROM session WHERE holder <> '' AND expires > now()"
