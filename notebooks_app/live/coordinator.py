"""The owner of one live session: applies each operation in one order, then persists, broadcasts, acts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from time import time
from typing import Protocol

import msgspec

from kernel.launch.contract import Handle
from kernel.protocol import Execute

from . import messages as msg
from . import operations as op
from .answers import Answers
from .catching_up import catch_up
from .effects import Action, Applied, Rejected, Send, StartKernel, Writes
from .events import Ack, Answer, BroadcastEvent, Error
from .frames import json_text
from .intake import new_id, operation_of
from .kernels import KernelLink
from .log import Log
from .outbox import Outbox, Reply
from .pace import Pace
from .reducer import apply
from .requests import Departure, Forwarded, Origin
from .state import State
from .store import Lease, LeaseLost, Recorded, Store

logger = logging.getLogger(__name__)

RETRY = 0.5
"""Seconds before what the kernel said is applied again after a failed commit."""
RUNS = 100
"""Requests for runs that may wait for a commit to be recorded with."""
BACKLOG = 5000
"""Events waiting for a commit, beyond which the kernel is not listened to."""

NOT_STORED = (
    "The change could not be stored, so it was not made. Try again; if it keeps failing, tell an administrator."
)

UNIMPORTANT = (op.MoveTo, op.Leave)
"""Operations that are no use of the kernel, and no work on the notebook."""

Late = Callable[[State], Reply]


class Connections(Protocol):
    """Tries and changes the connection of a notebook (see `databases.py`)."""

    async def try_connection(self, message: msg.UpdateDbConnection, origin: Origin) -> op.Operation: ...


class Due(msgspec.Struct, frozen=True):
    """The answer to a request, given once what it speaks of is stored."""

    origin: Origin
    request_id: msg.RequestId | None
    answer: Ack | Error


class Pending(msgspec.Struct):
    """What was applied since the last commit began."""

    operations: list[op.Operation] = []
    writes: Writes = Writes()
    changes: list[Recorded] = []
    events: list[BroadcastEvent] = []
    replies: list[Reply | Late | Due] = []
    actions: list[Action] = []
    ahead: set[int] = set()  # executions that were sent to the kernel although the batch is not stored yet
    told: list[int] = []  # numbers of kernel events, acknowledged once stored


class Coordinator:
    """One live session. All entrances are synchronous: what comes first is applied first."""

    def __init__(
        self,
        *,
        state: State,
        lease: Lease,
        store: Store,
        outbox: Outbox,
        kernel: KernelLink,
        connections: Connections,
        on_lost: Callable[[Coordinator], None],
    ) -> None:
        self.state = state
        self.lease = lease
        self.committed = state
        self.kernel = kernel
        self.outbox = outbox
        self.clients: dict[str, Origin] = {}
        self.idle_since = time()
        self.used_at = time()  # when anybody last did something here, or the kernel said something
        self.starter = ""  # whose wish the kernel was started for
        self.closed = False
        self._store = store
        self._connections = connections
        self._on_lost = on_lost
        self._answers = Answers()
        self._log = Log()
        self._pending = Pending()
        self._flushing = Pending()
        self._runs: tuple[Recorded, ...] = ()  # accepted, and to be recorded with the next commit
        self._wake = asyncio.Event()
        self._pace = Pace()
        self._sent_before: set[int] = set()  # executions that the kernel has, though the state was rolled back
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()
        self._room.set()
        kernel.attach(self)
        self._flusher = asyncio.create_task(self._flush_for_ever())

    # Entrances ----------------------------------------------------------------------------------------------------

    def receive(self, forwarded: Forwarded) -> None:
        """A request of a client, decoded and allowed by the process that it came in by."""
        origin = forwarded.origin
        if isinstance(forwarded, Departure):
            self.clients.pop(origin.socket, None)
            self.outbox.forms.pop(origin.socket, None)
            self.idle_since = time()
            self.submit(op.Leave(at=time(), clients=(origin.socket, origin.by.client)))
            return
        self.clients[origin.socket] = origin
        self.outbox.forms[origin.socket] = origin.form
        message = msg.decode(forwarded.text)
        if isinstance(message, msg.Resync):
            self._reply(catch_up(self, origin, message))
            return
        given = self._answers.repeated(origin, message.request_id)
        if isinstance(given, Answer):
            self._reply(Reply((origin,), (json_text(given),)))
        elif not given:
            self._take(message, origin)

    def _take(self, message: msg.ClientMessage, origin: Origin) -> None:
        if isinstance(message, msg.UpdateDbConnection):
            self.spawn(self._change_connection(message, origin))
            return
        operation = operation_of(message, origin.by)
        assert operation is not None
        self.submit(operation, origin, message.request_id)

    def submit(
        self, operation: op.Operation, origin: Origin | None = None, request_id: msg.RequestId | None = None
    ) -> Applied | Rejected:
        """Apply an operation to the head state; its effects follow in order. A rejection changes nothing."""
        applied = apply(self.state, operation)
        if isinstance(applied, Rejected):
            if origin is not None:
                self.answer(origin, request_id, Error(code=applied.code, message=applied.message))
            return applied
        self.state = applied.state
        pending = self._pending
        pending.operations.append(operation)
        pending.writes = pending.writes | applied.writes
        pending.events += applied.events
        if not isinstance(operation, UNIMPORTANT):
            self.used_at = time()
        if any(isinstance(action, StartKernel) for action in applied.actions):
            self.starter = operation.by.name
        if isinstance(operation, op.RECORDED):
            pending.changes.append(Recorded(sequence=self.state.sequence, operation=operation))
        if isinstance(operation, op.KernelSaid):
            pending.told.append(operation.event.number)
        if origin is not None:
            self._acknowledge(origin, request_id, operation, applied)
        if len(pending.events) > BACKLOG:
            self._room.clear()
        self._wake.set()
        if not self.state.sent:
            self._pace.hurry()  # the last result of a cascade
        if isinstance(operation, op.KernelSaid):
            self._go_on(applied.actions)
        else:
            pending.actions += applied.actions
        return applied

    def _go_on(self, actions: Sequence[Action]) -> None:
        """What the kernel said lets the queue move on, which need not wait until it is stored.

        Only executions that were stored as queued are sent ahead, and only if nothing else waits to be done first, so
        that the kernel gets everything in the order in which it was decided.
        """
        pending = self._pending
        for action in actions:
            if isinstance(action, Send) and isinstance(action.command, Execute):
                execution = action.command.execution
                if execution in self._sent_before:
                    self._sent_before.discard(execution)
                    pending.ahead.add(execution)
                    continue
                if execution <= self.committed.executions and not pending.actions and not self._flushing.actions:
                    self.kernel.act(action)
                    pending.ahead.add(execution)
                    continue
            pending.actions.append(action)

    def _acknowledge(
        self, origin: Origin, request_id: msg.RequestId | None, operation: op.Operation, applied: Applied
    ) -> None:
        """Answer once the operation is stored."""
        if request_id is None:
            return
        fields: dict[str, object] = {}
        if isinstance(operation, op.CreateCell):
            fields["cell_id"] = operation.cell
        if isinstance(operation, op.UpdateText) and applied.version is not None:
            fields["version"] = applied.version
        if isinstance(operation, op.RunCells | op.RestartKernel) and applied.run_id is not None:
            fields["run_id"] = applied.run_id
        self.answer(origin, request_id, Ack(request_id=request_id, **fields))  # type: ignore[arg-type]

    # Answers ------------------------------------------------------------------------------------------------------

    def answer(self, origin: Origin, request_id: msg.RequestId | None, answer: Ack | Error) -> None:
        """Answer after all that was applied so far, and after its commit."""
        self._reply(Due(origin, request_id, msgspec.structs.replace(answer, request_id=request_id)))

    def _reply(self, reply: Reply | Late | Due) -> None:
        self._pending.replies.append(reply)
        self._wake.set()
        self._pace.hurry()

    def _final(self, reply: Reply | Late | Due, state: State) -> Reply:
        if isinstance(reply, Due):
            origins = self._answers.give(reply.origin, reply.request_id, reply.answer)
            return Reply(tuple(origins), (json_text(reply.answer),))
        return reply if isinstance(reply, Reply) else reply(state)

    def missed(self, since: int) -> list[BroadcastEvent] | None:
        """The broadcast events after a sequence; None if they are no longer known."""
        return self._log.since(since, self.committed.sequence)

    # Connections --------------------------------------------------------------------------------------------------

    async def _change_connection(self, message: msg.UpdateDbConnection, origin: Origin) -> None:
        operation = await self._connections.try_connection(message, origin)
        if isinstance(operation, op.ConnectionFailed):
            self.submit(operation)
            self.answer(origin, message.request_id, Error(code="connection_failed", message=operation.error))
        else:
            self.submit(operation, origin, message.request_id)

    # The kernel ---------------------------------------------------------------------------------------------------

    async def adopt(self, handle: Handle) -> None:
        """The session's kernel outlived its last coordinator: go on with it."""
        await self.kernel.adopt(self.state.kernel.epoch, handle)
        self.submit(op.KernelFound(at=time(), epoch=self.state.kernel.epoch))

    async def save_handle(self, handle: str) -> None:
        await self._store.save_handle(self.lease, handle)

    @property
    def kernel_lives(self) -> bool:
        return self.state.kernel.status not in ("none", "dead")

    def idle(self, seconds: float) -> bool:
        """Whether nobody is there, nothing runs, no kernel holds values, and that for a while."""
        busy = self.clients or self.kernel_lives or self.state.jobs
        return not busy and time() - self.idle_since > seconds

    def unused_since(self) -> float | None:
        """Since when the kernel has been idle and of no use to anyone; None if there is none, or it has work to do."""
        if self.state.kernel.status != "idle" or self.state.jobs or self.state.deferred:
            return None
        return self.used_at if self.clients else max(self.used_at, self.idle_since)

    # Tasks --------------------------------------------------------------------------------------------------------

    def spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("A task of session %s failed.", self.lease.session, exc_info=task.exception())

    async def room(self) -> None:
        """Wait while too much waits to be stored."""
        await self._room.wait()

    # Persist, broadcast, act --------------------------------------------------------------------------------------

    async def _flush_for_ever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await self._pace.turn()  # in a cascade, results gather for a commit
            try:
                await self._flush()
            except LeaseLost:
                logger.warning("Session %s has another owner now.", self.lease.session)
                self.closed = True
                self._on_lost(self)
                return
            except Exception:
                logger.exception("A commit of session %s failed.", self.lease.session)
                await self._roll_back()

    async def _flush(self) -> None:
        """One commit for all that was applied while the previous one was under way."""
        pending, target = self._pending, self.state
        self._pending = Pending()
        self._flushing = pending
        self._sent_before.clear()
        await self._persist(pending, target)
        self.committed = target
        self._flushing = Pending()
        self._room.set()
        self._log.extend(pending.events)
        replies = [self._final(reply, target) for reply in pending.replies]
        self.outbox.put(pending.events, replies, target)
        if pending.told:
            self.kernel.acknowledge(pending.told[-1])
        for action in pending.actions:
            self.kernel.act(action)

    async def _persist(self, pending: Pending, target: State) -> None:
        """Commit what there is to store. A request for a run waits for its outcome: a queue is not durable."""
        changes = (*self._runs, *pending.changes)
        due = any(not isinstance(change.operation, op.RunCells) for change in pending.changes)
        if pending.writes or due or len(changes) > RUNS:
            await self._store.commit(self.lease, target, pending.writes, changes)
            self._runs = ()
        else:
            self._runs = changes

    async def _roll_back(self) -> None:
        """Return to the last commit: what people asked for fails, what the kernel said is applied again."""
        self._room.clear()  # what the kernel says from now on comes after what is applied again
        failed = [self._flushing, self._pending]
        self._pending, self._flushing = Pending(), Pending()
        self.state = self.committed
        self._sent_before = set().union(*(batch.ahead for batch in failed))
        replies = [self._refused(reply) for batch in failed for reply in batch.replies]
        self.outbox.put([], [self._final(reply, self.state) for reply in replies], self.state)
        await asyncio.sleep(RETRY)
        self._room.set()
        for batch in failed:
            for operation in batch.operations:
                if operation.by.user is None:
                    self.submit(operation)

    @staticmethod
    def _refused(reply: Reply | Late | Due) -> Reply | Late | Due:
        if not isinstance(reply, Due) or isinstance(reply.answer, Error):
            return reply
        error = Error(code="not_stored", message=NOT_STORED, request_id=reply.request_id)
        return msgspec.structs.replace(reply, answer=error)

    async def flushed(self) -> None:
        """Until all that was applied so far is stored and has left (for an orderly end)."""
        while (self._pending.operations or self._pending.replies or self._flushing.operations) and not self.closed:
            self._wake.set()
            await asyncio.sleep(0.005)
        await self.outbox.drain()

    # The end ------------------------------------------------------------------------------------------------------

    async def close(self, reason: str) -> None:
        """End the kernel, store what there is to store, stop. The lease is the directory's to release."""
        if not self.closed:
            if self.kernel_lives:
                self.submit(op.StopKernel(at=time(), id=new_id(), reason=reason))
            await self.flushed()
            if self._runs and not self.closed:
                with contextlib.suppress(LeaseLost):
                    await self._store.commit(self.lease, self.committed, Writes(), self._runs)
        self.closed = True
        self._flusher.cancel()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(self._flusher, *self._tasks, return_exceptions=True)
        await self.kernel.close()
        await self.outbox.close()
