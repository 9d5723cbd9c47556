"""A coordinator's kernel: started, fed and heard through the runtime; its SQL goes to the broker."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from time import time
from typing import TYPE_CHECKING

import msgspec

from kernel import protocol
from kernel.analysis.isolated import AnalysisProcess
from kernel.launch.contract import Exit, Handle, KernelGone, Runtime
from kernel.sql.broker import Lent

from . import operations as op
from .databases import Databases
from .effects import (
    Action,
    Analyse,
    CancelQuery,
    InterruptKernel,
    KillKernel,
    Query,
    Send,
    StartKernel,
)
from .intake import new_id
from .output_ids import output_ids

if TYPE_CHECKING:
    from .coordinator import Coordinator

logger = logging.getLogger(__name__)

PATIENCE = 5.0
"""Seconds that interrupted code has to yield, before people are offered to end its kernel."""
ROWS_TIMEOUT = 10.0
"""Seconds to wait for a page of a table: a kernel answers between two cells."""


class KernelLink:
    """Carries out the reducer's actions. Kernels are told apart by their epoch: what an older one says is dropped."""

    def __init__(self, runtime: Runtime, databases: Databases, analysis: AnalysisProcess) -> None:
        self._runtime = runtime
        self._databases = databases
        self._analysis = analysis
        self._handles: dict[int, Handle] = {}
        self._tickets: dict[int, str] = {}
        self._queries: dict[int, asyncio.Task[None]] = {}
        self._rows: dict[str, asyncio.Future[protocol.Rows]] = {}
        self._killed: set[int] = set()
        self._coordinator: Coordinator | None = None
        self._remembering = asyncio.Lock()

    def attach(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator

    @property
    def _owner(self) -> Coordinator:
        assert self._coordinator is not None
        return self._coordinator

    # Actions ------------------------------------------------------------------------------------------------------

    def act(self, action: Action) -> None:
        match action:
            case StartKernel(epoch):
                self._owner.spawn(self._start(epoch))
            case KillKernel(epoch):
                self._killed.add(epoch)
                self._owner.spawn(self._kill(epoch))
            case Send(epoch, command):
                self._send(epoch, command)
            case InterruptKernel(epoch, execution):
                self._interrupt(epoch, execution)
            case Query():
                task = asyncio.create_task(self._query(action))
                self._queries[action.request.execution] = task
                task.add_done_callback(lambda _: self._queries.pop(action.request.execution, None))
            case CancelQuery(execution):
                query = self._queries.get(execution)
                if query is not None:
                    query.cancel()
            case Analyse():
                self._owner.spawn(self._analyse(action))

    def _interrupt(self, epoch: int, execution: int) -> None:
        handle = self._handles.get(epoch)
        if handle is None:
            return
        with contextlib.suppress(KernelGone):
            self._runtime.interrupt(handle, execution)
        self._owner.spawn(self._see_whether_it_yields(epoch, execution))

    async def _see_whether_it_yields(self, epoch: int, execution: int) -> None:
        await asyncio.sleep(PATIENCE)
        if execution in self._owner.state.sent:
            self._owner.submit(op.Unyielding(at=time(), epoch=epoch, execution=execution))

    def _send(self, epoch: int, command: protocol.Command | Lent) -> None:
        handle = self._handles.get(epoch)
        if handle is None:
            return
        if isinstance(command, protocol.Execute):
            ticket = secrets.token_urlsafe(16)
            self._tickets[command.execution] = ticket
            command = msgspec.structs.replace(command, ticket=ticket)
        try:
            self._runtime.send(handle, command)
        except KernelGone:
            logger.debug("A command was for a kernel that is gone.")

    def acknowledge(self, number: int) -> None:
        """Events up to `number` of the present kernel are stored."""
        if self.handle is not None:
            self._send(self._owner.state.kernel.epoch, protocol.Acknowledge(number=number))

    async def _start(self, epoch: int) -> None:
        try:
            handle = await self._runtime.start(self._owner.lease.session)
        except Exception as error:
            logger.exception("A kernel could not be started.")
            reason = f"The kernel could not be started: {error}"
            self._owner.submit(op.KernelLost(at=time(), epoch=epoch, reason=reason, id=new_id()))
            return
        if epoch in self._killed or self._owner.closed:
            await self._runtime.kill(handle)
            return
        self._handles[epoch] = handle
        self._owner.spawn(self._listen(epoch, handle))
        await self._remember()

    async def _remember(self) -> None:
        """Store which kernel lives: one after the other, so that what is written last is what holds."""
        async with self._remembering:
            handle = self.handle
            await self._owner.save_handle("" if handle is None else msgspec.json.encode(handle).decode())

    @property
    def handle(self) -> Handle | None:
        """The present kernel."""
        return self._handles.get(self._owner.state.kernel.epoch)

    async def adopt(self, epoch: int, handle: Handle) -> None:
        """Listen again to a kernel that outlived its coordinator."""
        self._handles[epoch] = handle
        self._owner.spawn(self._listen(epoch, handle))

    async def _kill(self, epoch: int) -> None:
        handle = self._handles.pop(epoch, None)
        if handle is not None:
            await self._runtime.kill(handle)
            await self._remember()

    # Listening ----------------------------------------------------------------------------------------------------

    async def _listen(self, epoch: int, handle: Handle) -> None:
        async for event in self._runtime.events(handle):
            if isinstance(event, Exit):
                await self._exited(epoch, event.reason)
                return
            await self._owner.room()
            self._hear(epoch, event)

    async def _exited(self, epoch: int, reason: str) -> None:
        self._handles.pop(epoch, None)
        for query in list(self._queries.values()):
            query.cancel()
        for waiting in self._rows.values():
            if not waiting.done():
                waiting.set_result(protocol.Rows(number=0, request="", error=GONE))
        if epoch not in self._killed:
            self._owner.submit(op.KernelLost(at=time(), epoch=epoch, reason=reason, id=new_id()))
            await self._remember()

    def _hear(self, epoch: int, event: protocol.Event) -> None:
        said = op.KernelSaid(at=time(), epoch=epoch, event=event)
        if isinstance(event, protocol.Rows):
            waiting = self._rows.get(event.request)
            if waiting is not None and not waiting.done():
                waiting.set_result(event)
        elif isinstance(event, protocol.Finished):
            self._tickets.pop(event.execution, None)
            job = self._owner.state.jobs.get(event.execution)
            displays = job.displays if job is not None else ()
            outputs = output_ids(event.output, [shown.bundle for shown in displays])
            said = msgspec.structs.replace(said, id=new_id(), outputs=outputs)
        self._owner.submit(said)

    # Rows ---------------------------------------------------------------------------------------------------------

    async def rows(self, table: str, offset: int, limit: int, sort: int | None, descending: bool) -> protocol.Rows:
        """A page of a table that the kernel still holds; `error` says why there is none."""
        kernel = self._owner.state.kernel
        self._owner.used_at = time()
        if self.handle is None:
            return protocol.Rows(number=0, request="", error=GONE)
        request = new_id()
        waiting = self._rows[request] = asyncio.get_running_loop().create_future()
        command = protocol.FetchRows(
            request=request, table=table, offset=offset, limit=limit, sort=sort, descending=descending
        )
        self._send(kernel.epoch, command)
        try:
            return await asyncio.wait_for(waiting, ROWS_TIMEOUT)
        except TimeoutError:
            return protocol.Rows(number=0, request="", error=BUSY)
        finally:
            self._rows.pop(request, None)

    # SQL and analysis ---------------------------------------------------------------------------------------------

    async def _query(self, query: Query) -> None:
        """Run a statement; chunks go back as they come."""
        request = query.request
        if self._tickets.get(request.execution) != request.ticket:
            self._send(query.epoch, protocol.SqlReply(request=request.request, error="This cell may not run SQL now."))
            return
        try:
            async for reply in self._databases.run(query, self._owner.state.notebook):
                self._send(query.epoch, reply)
        except asyncio.CancelledError:
            self._send(query.epoch, protocol.SqlReply(request=request.request, error="The statement was cancelled."))
            raise
        except Exception:
            logger.exception("A statement failed in an unforeseen way.")
            self._send(query.epoch, protocol.SqlReply(request=request.request, error="The statement failed."))

    async def _analyse(self, action: Analyse) -> None:
        names = await self._analysis.analyse(
            action.cell_type, action.code, output_name=action.output_name, dataframes=action.dataframes
        )
        self._owner.submit(op.Analysed(at=time(), cell=action.cell, fingerprint=action.fingerprint, names=names))

    async def close(self) -> None:
        for query in list(self._queries.values()):
            query.cancel()
        for epoch in list(self._handles):
            await self._runtime.kill(self._handles.pop(epoch))


GONE = "The kernel no longer holds this table: run the cell again to page through it."
BUSY = "The kernel is busy: try again when the running cell has finished."
