"""Session -> owner: the coordinators of this process, their leases, and where the other sessions are."""

from __future__ import annotations

import asyncio
import logging
from time import time
from typing import Any

import msgspec

from kernel.analysis.isolated import SMALL, AnalysisProcess
from kernel.analysis.names import Names
from kernel.launch.contract import Handle, Runtime

from .coordinator import Coordinator
from .databases import Databases
from .hub import Hub
from .intake import new_id
from .kernels import KernelLink
from .loading import Rows, build
from .operations import By, ConfigureNotebook, StopKernel
from .outbox import Outbox
from .reasons import NOTEBOOK_DELETED
from .requests import Departure, Forwarded, Request
from .store import LeaseLost, Store

logger = logging.getLogger(__name__)

LEASE = 15.0
"""Seconds that a lease holds unless it is renewed."""
RENEW = 4.0
UNSTORED = 1_000_000
"""More executions than an adopted kernel can know of without their having been stored: none is numbered twice."""
LINGER = 60.0
"""Seconds that a coordinator without sockets and without a kernel stays."""


class NoSuchSession(Exception):
    """The session was deleted."""


class Directory:
    """Finds the owner of a session, becoming it where there is none."""

    def __init__(self, hub: Hub, store: Store, runtime: Runtime, databases: Databases) -> None:
        self._hub = hub
        self._store = store
        self._runtime = runtime
        self._databases = databases
        self._analysis = AnalysisProcess()
        self._coordinators: dict[str, Coordinator] = {}
        self._opening: dict[str, asyncio.Task[Coordinator | str]] = {}
        self._elsewhere: dict[str, str] = {}  # session -> process that holds its lease
        self._keeper: asyncio.Task[None] | None = None
        self._stopping = False
        self._tasks: set[asyncio.Task[None]] = set()
        hub.handlers["end"] = self._end
        hub.handlers["rename"] = self._rename
        hub.handlers["stop_kernel"] = self._stop_kernel

    def start(self) -> None:
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self, reason: str) -> None:
        """Close all coordinators and give their leases back. What comes now is for whoever serves next."""
        self._stopping = True
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        await asyncio.gather(*(self._close(each, reason) for each in list(self._coordinators.values())))
        await self._analysis.close()

    # Requests -----------------------------------------------------------------------------------------------------

    async def deliver(self, forwarded: Forwarded) -> None:
        """Hand a request of one of our sockets to the owner, here or elsewhere."""
        if self._stopping:
            return  # it would open the session again: its client repeats what was not answered
        session = forwarded.origin.session
        if isinstance(forwarded, Departure) and session not in self._coordinators:
            holder = self._elsewhere.get(session)
            if holder is not None:
                await self._hub.forward(holder, forwarded)
            return
        owner = await self.find(session)
        if isinstance(owner, Coordinator):
            owner.receive(forwarded)
        else:
            await self._hub.forward(owner, forwarded)

    async def receive(self, forwarded: Forwarded) -> None:
        """A request that another process believes to be ours."""
        coordinator = self._coordinators.get(forwarded.origin.session)
        if coordinator is not None and not coordinator.closed:
            coordinator.receive(forwarded)
        elif isinstance(forwarded, Request):
            task = asyncio.create_task(self.deliver(forwarded))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def find(self, session: str) -> Coordinator | str:
        """The coordinator, or the channel of the process that has it."""
        coordinator = self._coordinators.get(session)
        if coordinator is not None and not coordinator.closed:
            return coordinator
        holder = self._elsewhere.get(session)
        if holder is not None:
            return holder
        opening = self._opening.get(session)
        if opening is None:
            opening = self._opening[session] = asyncio.create_task(self._open(session))
            opening.add_done_callback(lambda _: self._opening.pop(session, None))
        return await asyncio.shield(opening)

    def live(self, session: str) -> Coordinator | None:
        coordinator = self._coordinators.get(session)
        return None if coordinator is None or coordinator.closed else coordinator

    def all_live(self) -> list[Coordinator]:
        return [each for each in self._coordinators.values() if not each.closed]

    # Opening ------------------------------------------------------------------------------------------------------

    async def _open(self, session: str) -> Coordinator | str:
        lease = await self._store.acquire(session, self._hub.channel, LEASE)
        if isinstance(lease, str):
            if not lease:
                raise NoSuchSession(session)
            self._elsewhere[session] = lease
            return lease
        rows = await self._store.load(session)
        if rows is None:
            raise NoSuchSession(session)
        handle = await self._surviving(rows)
        stored = int(rows.session["kernel_epoch"])
        epoch = stored if handle is not None else stored + 1
        state = build(rows, epoch=lease.epoch, kernel_epoch=epoch, names=await self._long_names(rows))
        if handle is not None:
            state = msgspec.structs.replace(state, executions=state.executions + UNSTORED)
        coordinator = Coordinator(
            state=state,
            lease=lease,
            store=self._store,
            outbox=Outbox(self._hub, session, lease.epoch),
            kernel=KernelLink(self._runtime, self._databases, self._analysis),
            connections=self._databases,
            on_lost=self._lost,
        )
        self._coordinators[session] = coordinator
        if handle is not None:
            await coordinator.adopt(handle)
        await self._hub.opened(session, lease.epoch)
        return coordinator

    async def _surviving(self, rows: Rows) -> Handle | None:
        """The session's kernel, if it outlived its coordinator."""
        if not rows.session["kernel_handle"]:
            return None
        try:
            handle = msgspec.json.decode(rows.session["kernel_handle"], type=Handle)
        except msgspec.MsgspecError:
            return None
        return handle if await self._runtime.attach(handle) else None

    async def _long_names(self, rows: Rows) -> dict[str, Names]:
        """Long Python texts are analysed in the helper process: opening a notebook blocks nobody."""
        found = {}
        for row in rows.cells:
            if row["cell_type"] == "python" and len(row["code"]) > SMALL // 4:
                found[str(row["id"])] = await self._analysis.analyse("python", row["code"])
        return found

    # Leases -------------------------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(RENEW)
            try:
                await self._renew()
                await self._look_elsewhere()
                await self._close_idle()
            except Exception:
                logger.exception("Leases could not be looked after; trying again in %s s.", RENEW)

    async def _renew(self) -> None:
        coordinators = self.all_live()
        if not coordinators:
            return
        kept = await self._store.renew([each.lease for each in coordinators], LEASE)
        for coordinator in coordinators:
            if coordinator.lease.session not in kept and not coordinator.closed:
                self._lost(coordinator)

    async def _look_elsewhere(self) -> None:
        """Take over sessions of ours whose holder is gone; forget where the others were."""
        for session, holder in list(self._elsewhere.items()):
            if session not in self._hub.sockets:
                del self._elsewhere[session]
            elif await self._store.holder(session) != holder:
                self._elsewhere.pop(session, None)
                await self.find(session)

    async def _close_idle(self) -> None:
        for coordinator in list(self._coordinators.values()):
            if coordinator.idle(LINGER):
                await self._close(coordinator, "The notebook was not in use.")

    def _lost(self, coordinator: Coordinator) -> None:
        """Another process owns the session: stop, and send our sockets there."""
        session = coordinator.lease.session
        coordinator.closed = True
        self._coordinators.pop(session, None)
        task = asyncio.create_task(coordinator.close("Another process took over this notebook."))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def rename(self, session: str, by: By, title: str) -> None:
        """Give a notebook another title, wherever its owner is."""
        owner = await self.find(session)
        if isinstance(owner, Coordinator):
            owner.submit(ConfigureNotebook(by=by, at=time(), title=title))
            await owner.flushed()
        else:
            message = {"type": "rename", "session": session, "user": by.user, "name": by.name, "title": title}
            await self._hub.layer.send(owner, message)

    async def _rename(self, message: dict[str, Any]) -> None:
        by = By(user=message["user"], name=message["name"])
        await self.rename(message["session"], by, message["title"])

    async def stop_kernel(self, session: str, reason: str) -> None:
        """End the kernel of a session, wherever it is. Does nothing if there is none."""
        coordinator = self.live(session)
        if coordinator is not None:
            if coordinator.kernel_lives:
                coordinator.submit(StopKernel(at=time(), id=new_id(), reason=reason))
                await coordinator.flushed()
            return
        holder = await self._store.holder(session)
        if holder not in ("", self._hub.channel):
            await self._hub.layer.send(holder, {"type": "stop_kernel", "session": session, "reason": reason})

    async def _stop_kernel(self, message: dict[str, Any]) -> None:
        coordinator = self.live(message["session"])
        if coordinator is not None:
            await self.stop_kernel(message["session"], message["reason"])

    async def _end(self, message: dict[str, Any]) -> None:
        """A notebook was deleted: end its session if it is ours."""
        coordinator = self._coordinators.get(message["session"])
        if coordinator is not None:
            await self._close(coordinator, NOTEBOOK_DELETED)

    async def _close(self, coordinator: Coordinator, reason: str) -> None:
        session = coordinator.lease.session
        try:
            await coordinator.close(reason)
            await self._store.release(coordinator.lease)
        except LeaseLost:
            pass
        except Exception:
            logger.exception("Session %s could not be closed in order.", session)
        finally:
            if self._coordinators.get(session) is coordinator:
                del self._coordinators[session]
