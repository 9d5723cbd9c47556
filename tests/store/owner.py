"""A coordinator on a real store, with a kernel and a hub of the tests' own."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Sequence
from typing import Any

from notebooks_app.live import operations as op
from notebooks_app.live.coordinator import Coordinator
from notebooks_app.live.effects import Rejected, Send, StartKernel, Writes
from notebooks_app.live.events import BroadcastEvent
from notebooks_app.live.loading import build
from notebooks_app.live.operations import By
from notebooks_app.live.outbox import Outbox
from notebooks_app.live.output_ids import output_ids
from notebooks_app.live.requests import Origin, Request
from notebooks_app.live.state import State
from notebooks_app.live.store import Lease, Recorded, Store
from tests.live.harness import FakeKernel, protocol


class Counting(Store):
    """Counts its transactions."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.pool, store._mask)
        self.commits: list[tuple[Writes, Sequence[Recorded]]] = []

    async def commit(self, lease: Lease, state: State, writes: Writes, changes: Sequence[Recorded]) -> None:
        await super().commit(lease, state, writes, changes)
        self.commits.append((writes, changes))


class Link:
    """A kernel that runs each cell at once, in a dictionary."""

    def __init__(self) -> None:
        self.kernel = FakeKernel()
        self.coordinator: Coordinator | None = None
        self.acknowledged = 0
        self.received: list[int] = []  # executions, in the order in which they came

    def attach(self, coordinator: Coordinator) -> None:
        self.coordinator = coordinator

    def acknowledge(self, number: int) -> None:
        self.acknowledged = number

    def act(self, action: object) -> None:
        match action:
            case StartKernel():
                self._say(protocol.Ready(number=self.kernel.next_number(), version=1, pid=1, python="3"))
            case Send(_, protocol.Execute() as command):
                self.received.append(command.execution)
                asyncio.get_running_loop().call_soon(self.run, command)

    def run(self, command: protocol.Execute) -> None:
        self.kernel.begin(command)
        self._say(protocol.Started(number=self.kernel.next_number(), execution=command.execution))
        self._say(self.kernel.finish(command))

    def _say(self, event: Any) -> None:
        assert self.coordinator is not None
        outputs = output_ids(event.output, []) if isinstance(event, protocol.Finished) else {}
        epoch = self.coordinator.state.kernel.epoch
        self.coordinator.submit(op.KernelSaid(epoch=epoch, event=event, id=str(uuid.uuid4()), outputs=outputs, at=1.0))

    async def close(self) -> None:
        pass


class Hub:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.answers: list[dict[str, Any]] = []

    async def broadcast(self, session: str, last: int, html: list[str], json: list[str]) -> None:
        self.events += _decoded(json)

    async def reply(self, origin: Origin, texts: list[str], epoch: int, sequence: int) -> None:
        self.answers += _decoded([text for text in texts if not text.startswith("<")])


def _decoded(texts: list[str]) -> list[dict[str, Any]]:
    data = [json.loads(text) for text in texts]
    return [event for each in data for event in (each if isinstance(each, list) else [each])]


class Owner:
    """One process's view of a session that it owns."""

    def __init__(self, store: Counting, lease: Lease, state: State) -> None:
        self.store = store
        self.hub = Hub()
        self.link = Link()
        self.lost = asyncio.Event()
        self.coordinator = Coordinator(
            state=state,
            lease=lease,
            store=store,
            outbox=Outbox(self.hub, lease.session, lease.epoch),  # type: ignore[arg-type]
            kernel=self.link,  # type: ignore[arg-type]
            connections=None,  # type: ignore[arg-type]
            on_lost=lambda _: self.lost.set(),
        )
        self.coordinator.outbox.forms["socket"] = "json"

    @classmethod
    async def open(cls, store: Store, lease: Lease) -> Owner:
        rows = await store.load(lease.session)
        assert rows is not None
        state = build(rows, epoch=lease.epoch, kernel_epoch=int(rows.session["kernel_epoch"]) + 1)
        return cls(Counting(store), lease, state)

    @property
    def state(self) -> State:
        return self.coordinator.state

    def do(self, operation: op.Operation) -> None:
        assert not isinstance(self.coordinator.submit(operation), Rejected)

    def ask(self, type: str, user: int, **fields: Any) -> None:
        """A request of a client of this process."""
        origin = Origin(
            process="p",
            socket="socket",
            session=self.state.session,
            notebook=self.state.notebook.id,
            form="json",
            by=By(user=user, name="Ada", client="c1"),
            role="owner",
        )
        fields.setdefault("requestId", f"request {len(self.hub.answers)}")
        self.coordinator.receive(Request(origin=origin, text=json.dumps({"type": type, **fields})))

    def run(self) -> None:
        self.do(op.RunCells(run_id=str(uuid.uuid4()), scope="all", at=1.0))

    async def settled(self) -> None:
        """Until all that was asked for, and what follows from it, is stored and told."""
        for _ in range(200):
            await asyncio.wait_for(self.coordinator.flushed(), 10)
            waiting = (self.coordinator._pending, self.coordinator._flushing)
            if not self.state.jobs and not any(batch.operations for batch in waiting):
                return
            await asyncio.sleep(0.005)

    async def close(self) -> None:
        self.coordinator.closed = True
        await asyncio.wait_for(self.coordinator.close("The test is over."), 10)


def events_of(owner: Owner, kind: type[BroadcastEvent]) -> list[BroadcastEvent]:
    return [event for event in owner.coordinator._log._events if isinstance(event, kind)]
