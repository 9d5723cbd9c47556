"""A live session without processes: the reducer, and a kernel that runs commands in a dictionary when told to."""

from __future__ import annotations

import uuid
from collections import deque
from typing import Any

import msgspec
from immutables import Map

from kernel import protocol
from notebooks_app.live import operations as op
from notebooks_app.live.effects import (
    Analyse,
    Applied,
    InterruptKernel,
    KillKernel,
    Rejected,
    Send,
    StartKernel,
)
from notebooks_app.live.events import BroadcastEvent, CellOutput, CellStatus, RunFinished
from notebooks_app.live.operations import By
from notebooks_app.live.reducer import apply
from notebooks_app.live.reducer.derive import derive_dirty
from notebooks_app.live.reducer.draft import Draft
from notebooks_app.live.state import Notebook, State

ANALYST = By(user=1, name="Ada", client="c1")


class FakeKernel:
    """Does what a kernel does with names and failures; `step` runs one execution, begun ones can be held."""

    def __init__(self) -> None:
        self.namespace: dict[str, Any] = {}
        self.bound: dict[str, set[str]] = {}
        self.commands: deque[protocol.Command] = deque()
        self.failed: set[int] = set()
        self.cancelled: set[int] = set()
        self.number = 0
        self.ran: list[str] = []

    def next_number(self) -> int:
        self.number += 1
        return self.number

    def take(self) -> protocol.Execute | None:
        """The next execution to begin; forgets and cancellations on the way are done."""
        while self.commands:
            command = self.commands.popleft()
            if isinstance(command, protocol.Execute):
                return command
            if isinstance(command, protocol.Forget):
                self.forget(command.names)
        return None

    def forget(self, names: tuple[protocol.Forgotten, ...]) -> None:
        for item in names:
            if item.name in self.bound.get(item.cell, set()):
                self.namespace.pop(item.name, None)
                self.bound[item.cell].discard(item.name)

    def must_skip(self, command: protocol.Execute) -> protocol.Finished | None:
        if command.execution in self.cancelled:
            self.forget(command.forget)
            self.failed.add(command.execution)
            return self.finished(command, "skipped")
        because = next((each for each in command.requires if each in self.failed), None)
        if because is not None:
            self.forget(command.forget)
            self.failed.add(command.execution)
            return self.finished(command, "skipped", because=because)
        return None

    def begin(self, command: protocol.Execute) -> None:
        self.forget(command.forget)
        for name in self.bound.pop(command.cell, set()):
            self.namespace.pop(name, None)

    def finish(self, command: protocol.Execute) -> protocol.Finished:
        self.ran.append(command.code)
        before = dict(self.namespace)
        try:
            exec(command.code, self.namespace)
        except BaseException as error:
            self.namespace.clear()
            self.namespace.update(before)
            self.failed.add(command.execution)
            failure = protocol.Failure(name=type(error).__name__, message=str(error), traceback="")
            return self.finished(command, "error", error=failure)
        self.namespace.pop("__builtins__", None)
        defined = {name for name in self.namespace if self.namespace[name] is not before.get(name, self)}
        self.bound[command.cell] = defined
        output = {"text/plain": repr(self.namespace[min(defined)])} if defined else None
        return self.finished(command, "success", defined=tuple(sorted(defined)), output=output)

    def finished(self, command: protocol.Execute, status: str, **fields: Any) -> protocol.Finished:
        return protocol.Finished(
            number=self.next_number(), execution=command.execution, status=status, duration=0.01, **fields
        )


class Session:
    """Drives the reducer as a coordinator would, and remembers what was told and asked."""

    def __init__(self, mode: str = "auto") -> None:
        notebook = Notebook(id="n", title="Test", mode=mode)  # type: ignore[arg-type]
        self.state = State(session="s", epoch=1, sequence=0, executions=0, notebook=notebook)
        self.events: list[BroadcastEvent] = []
        self.kernel: FakeKernel | None = None
        self.kernel_epoch = 0
        self.begun: protocol.Execute | None = None
        self.clock = 0.0
        self.actions: list[object] = []

    # Operations -----------------------------------------------------------------------------------------------

    def do(self, operation: op.Operation) -> Applied | Rejected:
        self.clock += 1
        applied = apply(self.state, msgspec.structs.replace(operation, at=self.clock))
        if isinstance(applied, Rejected):
            return applied
        sequences = [event.sequence for event in applied.events]
        assert sequences == list(range(self.state.sequence + 1, applied.state.sequence + 1))
        self.state = applied.state
        self.events += applied.events
        for action in applied.actions:
            self._act(action)
        return applied

    def _act(self, action: object) -> None:
        self.actions.append(action)
        match action:
            case StartKernel(epoch):
                self.kernel, self.kernel_epoch = FakeKernel(), epoch
            case KillKernel(_):
                self.kernel, self.begun = None, None
            case Send(epoch, command) if self.kernel is not None and epoch == self.kernel_epoch:
                self.kernel.commands.append(command)
            case InterruptKernel(epoch, execution) if self.kernel is not None and epoch == self.kernel_epoch:
                self.kernel.cancelled.add(execution)
            case Analyse():
                pass

    def said(self, event: protocol.Event) -> None:
        self.do(op.KernelSaid(epoch=self.kernel_epoch, event=event, id=str(uuid.uuid4())))

    # The kernel -----------------------------------------------------------------------------------------------

    def start(self) -> None:
        if self.kernel is not None and self.state.kernel.status == "starting":
            self.said(protocol.Ready(number=self.kernel.next_number(), version=1, pid=1, python="3"))

    def begin(self) -> protocol.Execute | None:
        """Begin the next execution, and leave it running."""
        self.start()
        kernel = self.kernel
        while kernel is not None and self.begun is None:
            command = kernel.take()
            if command is None:
                return None
            skipped = kernel.must_skip(command)
            if skipped is not None:
                self.said(skipped)
                continue
            kernel.begin(command)
            self.begun = command
            self.said(protocol.Started(number=kernel.next_number(), execution=command.execution))
        return self.begun

    def end(self) -> None:
        """End what runs: interrupted if it was asked to, otherwise as its code says."""
        command, self.begun = self.begun, None
        kernel = self.kernel
        assert command is not None and kernel is not None
        if command.execution in kernel.cancelled:
            kernel.failed.add(command.execution)
            failure = protocol.Failure(name="KeyboardInterrupt", message="", traceback="")
            self.said(kernel.finished(command, "interrupted", error=failure))
        else:
            self.said(kernel.finish(command))

    def drain(self) -> None:
        """Run everything that is queued."""
        while self.begin() is not None:
            self.end()

    def die(self, reason: str = "The kernel was killed (signal 9).") -> None:
        self.begun, self.kernel = None, None
        self.do(op.KernelLost(epoch=self.state.kernel.epoch, reason=reason, id=str(uuid.uuid4())))

    # What people do -------------------------------------------------------------------------------------------

    def create(self, code: str, after: str | None = "", cell_type: str = "python", **settings: Any) -> str:
        cell = str(uuid.uuid4())
        place = (self.state.order[-1] if self.state.order else None) if after == "" else after
        self.do(op.CreateCell(by=ANALYST, cell=cell, cell_type=cell_type, after=place, code=code))  # type: ignore
        if settings:
            self.configure(cell, **settings)
        return cell

    def edit(self, cell: str, code: str) -> None:
        self.do(op.UpdateText(by=ANALYST, cell=cell, code=code))

    def configure(self, cell: str, **settings: Any) -> Applied | Rejected:
        return self.do(op.ConfigureCell(by=ANALYST, cell=cell, run_id=str(uuid.uuid4()), **settings))

    def ask(self, cell: str | None = None, scope: str = "cell") -> str:
        run = str(uuid.uuid4())
        self.do(op.RunCells(by=ANALYST, run_id=run, scope=scope if cell else "all", cell=cell))  # type: ignore
        return run

    def ask_for(self, scope: str) -> str:
        run = str(uuid.uuid4())
        self.do(op.RunCells(by=ANALYST, run_id=run, scope=scope))  # type: ignore[arg-type]
        return run

    def run(self, cell: str | None = None, scope: str = "cell") -> str:
        run = self.ask(cell, scope)
        self.drain()
        return run

    def delete(self, cell: str) -> None:
        self.do(op.DeleteCell(by=ANALYST, cell=cell, run_id=str(uuid.uuid4())))

    def restore(self, cell: str) -> None:
        self.do(op.RestoreCell(by=ANALYST, cell=cell, run_id=str(uuid.uuid4())))

    def interrupt(self) -> None:
        self.do(op.InterruptAll(by=ANALYST))

    # What they see --------------------------------------------------------------------------------------------

    def status(self, cell: str) -> str:
        return self.state.shown[cell].status

    def freshness(self, cell: str) -> str | None:
        return self.state.shown[cell].freshness

    def reason(self, cell: str) -> str:
        return self.state.shown[cell].reason or ""

    def output(self, cell: str) -> str | None:
        outcome = self.state.outcomes.get(cell)
        return (outcome.content.output or {}).get("text/plain") if outcome else None

    def finished(self, run: str) -> RunFinished:
        found = [event for event in self.events if isinstance(event, RunFinished) and event.run_id == run]
        assert len(found) == 1, f"run_finished {len(found)} times"
        return found[0]

    def outputs(self, run: str) -> list[CellOutput]:
        return [event for event in self.events if isinstance(event, CellOutput) and event.run_id == run]

    def statuses(self, cell: str) -> list[str]:
        return [event.status for event in self.events if isinstance(event, CellStatus) and event.cell_id == cell]

    def ran(self) -> list[str]:
        """The codes that ran since the last time this was asked."""
        kernel = self.kernel
        if kernel is None:
            return []
        codes, kernel.ran = kernel.ran, []
        return codes

    def check(self) -> None:
        """What is derived step by step equals what is derived from scratch."""
        draft = Draft(self.state)
        draft.set(derived=Map())
        draft.touch(self.state.order)
        derive_dirty(draft)
        anew, present = dict(draft.state.derived), dict(self.state.derived)
        differing = {cell: (present.get(cell), anew.get(cell)) for cell in anew.keys() | present.keys()}
        assert anew == present, {cell: both for cell, both in differing.items() if both[0] != both[1]}
