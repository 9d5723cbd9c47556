"""A hypothesis state machine over the whole reducer: people, a kernel that is late, and what must hold after a step."""

from __future__ import annotations

import builtins
import uuid
from collections import Counter, deque
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kernel import protocol
from kernel.analysis import analyse
from notebooks_app.live import operations as op
from notebooks_app.live.effects import Analyse, Applied, CancelQuery, InterruptKernel, KillKernel, Rejected, StartKernel
from notebooks_app.live.events import CellOutput, CellStream, RunFinished
from notebooks_app.live.frames import HtmlFrames
from notebooks_app.live.operations import By
from notebooks_app.live.reducer import apply
from notebooks_app.live.state import Cell, State
from tests.rendering.page import Page

from .harness import FakeKernel, Session
from .oracle import MARKDOWN, PYTHON, SHARED, SQL, Expected, describe, execute, expected, facts, owner_of

steps = Counter[str]()
"""How many steps this process has made."""

CELLS = 6
"""On the page at once."""

ADA = By(user=1, name="Ada", client="c1")
BEN = By(user=2, name="Ben", client="c2")
PEOPLE = (ADA, BEN)


@dataclass
class Ran:
    """What an execution saw."""

    inputs: dict[str, str]
    tables: dict[str, int]


class LateKernel(FakeKernel):
    """Binds names as a kernel does: each has an owner, `_x` is the cell's own, an import may keep what it bound."""

    def __init__(self, database: Counter[str], ran: dict[int, Ran]) -> None:
        super().__init__()
        self.owner: dict[str, str] = {}
        self.tickets = 0
        self.ready = False
        self.database = database
        self.seen = ran
        self.builtins = {**vars(builtins), "tick": self.tick, "print": lambda *_: None}
        self.before: dict[str, Any] = {}

    def tick(self) -> int:
        self.tickets += 1
        return self.tickets

    def forget(self, names: tuple[protocol.Forgotten, ...]) -> None:
        for item in names:
            if self.owner.get(item.name) == item.cell:
                self._drop(item.name)

    def _drop(self, name: str) -> None:
        del self.owner[name]
        self.namespace.pop(name, None)

    def begin(self, command: protocol.Execute) -> None:
        self.before = dict(self.namespace)
        self.forget(command.forget)
        for name in [name for name, cell in self.owner.items() if cell == command.cell]:
            self._drop(name)
        known = self.known(command)
        for table in known.writes_tables:
            self.database[table] += 1
        tables = {table: self.database[table] for table in known.tables}
        inputs = {name: describe(frozenset([name]), self.namespace) for name in known.reads}
        self.seen[command.execution] = Ran(inputs, tables)

    def known(self, command: protocol.Execute) -> Any:
        where = "" if command.target == "dataframes" else SHARED
        as_cell = Cell(
            id="", type=command.kind, code=command.code, position="", output_name=command.output_name, connection=where
        )
        return facts(as_cell)

    def finish(self, command: protocol.Execute) -> protocol.Finished:
        known = self.known(command)
        before = dict(self.namespace)
        self.namespace["__builtins__"] = self.builtins  # functions keep their globals: they are the notebook's
        try:
            execute(known, command.kind, command.code, command.output_name, owner_of(command.cell), self.namespace)
        except Exception as error:
            self.namespace.clear()
            self.namespace.update(before)
            return self.fails(command, type(error).__name__)
        for name in [name for name in self.namespace if name.startswith("_") and name != "__builtins__"]:
            del self.namespace[name]
        defined = tuple(sorted(known.defines))
        self.owner.update(dict.fromkeys(defined, command.cell))
        kept = tuple(name for name in defined if known.imports and self.before.get(name) is self.namespace[name])
        shown = describe(known.defines | known.reads, self.namespace)
        return self.finished(command, "success", defined=defined, kept=kept, output={"text/plain": shown})

    def fails(self, command: protocol.Execute, name: str) -> protocol.Finished:
        self.failed.add(command.execution)
        failure = protocol.Failure(name=name, message="", traceback="")
        status = "interrupted" if name == "KeyboardInterrupt" else "error"
        return self.finished(command, status, error=failure)


class LateSession(Session):
    """What the kernel says is heard later, if it is told to hold its tongue; everything done is remembered."""

    def __init__(self, mode: str) -> None:
        super().__init__(mode)
        self.first = self.state
        self.done: list[op.Operation] = []
        self.last: Applied | None = None
        self.previous = self.state
        self.unheard: deque[tuple[int, protocol.Event, str]] = deque()
        self.analyses: deque[Analyse] = deque()
        self.database = Counter[str]()
        self.ran_with: dict[int, Ran] = {}
        self.names = 0
        self.after_each: list[Any] = []

    def name(self) -> str:
        """Short ids, the same in each replay."""
        self.names += 1
        return str(uuid.UUID(int=self.names))

    def do(self, operation: op.Operation) -> Applied | Rejected:
        self.previous = self.state
        applied = super().do(operation)
        if isinstance(applied, Applied):
            self.done.append(msgspec.structs.replace(operation, at=self.clock))
            for check in self.after_each:
                check(operation, self.previous, applied)
        return applied

    def _act(self, action: object) -> None:
        match action:
            case StartKernel(epoch):
                self.kernel, self.kernel_epoch, self.begun = LateKernel(self.database, self.ran_with), epoch, None
            case Analyse():
                self.analyses.append(action)
            case CancelQuery():
                pass
            case InterruptKernel() | KillKernel() | _:
                super()._act(action)

    # The kernel -----------------------------------------------------------------------------------------------

    def said(self, event: protocol.Event) -> None:
        self.unheard.append((self.kernel_epoch, event, self.name()))

    def hear(self) -> None:
        while self.unheard:
            epoch, event, name = self.unheard.popleft()
            self.do(op.KernelSaid(epoch=epoch, event=event, id=name))

    def start(self) -> None:
        if isinstance(self.kernel, LateKernel) and not self.kernel.ready:
            self.kernel.ready = True
            self.said(protocol.Ready(number=self.kernel.next_number(), version=1, pid=1, python="3"))
            self.hear()

    def end_with(self, failure: str) -> None:
        command, self.begun = self.begun, None
        assert command is not None and isinstance(self.kernel, LateKernel)
        if command.execution in self.kernel.cancelled:
            failure = "KeyboardInterrupt"
        self.said(self.kernel.fails(command, failure) if failure else self.kernel.finish(command))

    def drain(self) -> None:
        self.hear()
        while self.begin() is not None:
            self.end_with("")
            self.hear()
        self.hear()

    def die(self, reason: str = "The kernel was killed (signal 9).") -> None:
        self.hear()
        self.begun, self.kernel = None, None
        self.do(op.KernelLost(epoch=self.state.kernel.epoch, reason=reason, id=self.name()))

    def analyse_next(self) -> None:
        asked = self.analyses.popleft()
        names = analyse(asked.cell_type, asked.code, output_name=asked.output_name, dataframes=asked.dataframes)
        self.do(op.Analysed(cell=asked.cell, fingerprint=asked.fingerprint, names=names))

    @property
    def settled(self) -> bool:
        """All that the kernel said was heard, and nothing is under way."""
        return not (self.unheard or self.begun or self.state.jobs or self.state.pending)


indices = st.integers(0, CELLS - 1)
people = st.sampled_from(PEOPLE)
texts = {"python": st.sampled_from(sorted(PYTHON)), "sql": st.sampled_from(SQL), "markdown": st.sampled_from(MARKDOWN)}
typed = st.one_of(
    st.tuples(st.just("python"), texts["python"]),
    st.tuples(st.just("python"), texts["python"]),
    st.tuples(st.just("python"), texts["python"]),
    st.tuples(st.sampled_from(["sql", "markdown"]), st.none()).flatmap(
        lambda each: st.tuples(st.just(each[0]), texts[each[0]])
    ),
)
settings_of_a_cell = st.sampled_from(
    [
        {"disabled": True},
        {"disabled": False},
        {"disabled": True, "manual": True},
        {"manual": True},
        {"manual": False},
        {"output_name": "d"},
        {"output_name": "b"},
        {"output_name": ""},
        {"cell_type": "python"},
        {"cell_type": "sql"},
        {"cell_type": "markdown"},
        {"connection": SHARED},
        {"connection": ""},
    ]
)


class Notebook(RuleBasedStateMachine):
    """Each rule is one thing that a person or the kernel does."""

    def __init__(self) -> None:
        super().__init__()
        self.session = LateSession("auto")
        self.session.after_each += [self.check_operation]
        self.versions: dict[tuple[str, int], str] = {}
        self.open: set[str] = set()
        self.closed: set[str] = set()
        self.must_follow: dict[int, frozenset[int]] = {}
        self.never: set[int] = set()
        self.checked: State | None = None
        self.page: Page | None = None
        self.frames = HtmlFrames()
        self.sent = 0

    @property
    def state(self) -> State:
        return self.session.state

    def pick(self, index: int) -> str | None:
        order = self.state.order
        return order[index % len(order)] if order else None

    # People -----------------------------------------------------------------------------------------------------

    @initialize(
        mode=st.sampled_from(["auto", "auto", "lazy"]),
        first=st.lists(typed, min_size=2, max_size=CELLS),
        watched=st.sampled_from([False] * 7 + [True]),
    )
    def open_notebook(self, mode: str, first: list[tuple[str, str]], watched: bool) -> None:
        if watched:  # a page costs more than all the rest
            self.page = Page(self.state)
        self.session.do(op.ConfigureNotebook(by=ADA, mode=mode))  # type: ignore[arg-type]
        for cell_type, code in first:
            after = self.state.order[-1] if self.state.order else None
            self.session.do(
                op.CreateCell(by=ADA, cell=self.session.name(), cell_type=cell_type, after=after, code=code)
            )  # type: ignore

    @precondition(lambda self: len(self.state.order) < CELLS)
    @rule(after=st.none() | indices, what=typed, by=people)
    def create(self, after: int | None, what: tuple[str, str], by: By) -> None:
        place = None if after is None else self.pick(after)
        self.session.do(op.CreateCell(by=by, cell=self.session.name(), cell_type=what[0], after=place, code=what[1]))  # type: ignore

    @rule(index=indices, text=texts["python"], sql=texts["sql"], by=people)
    def edit(self, index: int, text: str, sql: str, by: By) -> None:
        cell = self.pick(index)
        if cell is not None:
            code = sql if self.state.cells[cell].type == "sql" else text
            self.session.do(op.UpdateText(by=by, cell=cell, code=code))

    @rule(index=indices, text=texts["python"], sql=texts["sql"], by=people)
    def edit_and_run(self, index: int, text: str, sql: str, by: By) -> None:
        self.edit(index, text, sql, by)
        self.run_cell(index, "cell", by)

    @rule(index=indices, behind=st.integers(0, 3), by=people)
    def type_a_line(self, index: int, behind: int, by: By) -> None:
        """An empty line at the top, by someone who has not yet seen the last changes."""
        cell = self.pick(index)
        if cell is None:
            return
        version = max(0, self.state.cells[cell].version - behind)
        code = self.versions.get((cell, version))
        if code is not None:
            changes = [[[0, "", ""], *([len(code)] if code else [])]]
            self.session.do(op.UpdateText(by=by, cell=cell, version=version, changes=changes))

    @rule(index=indices, after=st.none() | indices)
    def move(self, index: int, after: int | None) -> None:
        cell = self.pick(index)
        if cell is not None:
            self.session.do(op.MoveCell(by=BEN, cell=cell, after=None if after is None else self.pick(after)))

    @precondition(lambda self: len(self.state.order) > 1)
    @rule(index=indices)
    def delete(self, index: int) -> None:
        cell = self.pick(index)
        if cell is not None:
            self.session.do(op.DeleteCell(by=ADA, cell=cell, run_id=self.session.name()))

    @precondition(lambda self: len(self.state.deleted) > 0 and len(self.state.order) < CELLS)
    @rule(index=indices)
    def restore(self, index: int) -> None:
        deleted = sorted(self.state.deleted)
        cell = deleted[index % len(deleted)]
        self.session.do(op.RestoreCell(by=BEN, cell=cell, run_id=self.session.name()))

    @rule(index=indices, settings=settings_of_a_cell, by=people)
    def configure(self, index: int, settings: dict[str, Any], by: By) -> None:
        cell = self.pick(index)
        if cell is not None:
            self.session.do(op.ConfigureCell(by=by, cell=cell, run_id=self.session.name(), **settings))

    @rule(mode=st.sampled_from(["auto", "lazy"]))
    def configure_notebook(self, mode: str) -> None:
        self.session.do(op.ConfigureNotebook(by=ADA, mode=mode))  # type: ignore[arg-type]

    @rule(index=indices, scope=st.sampled_from(["cell", "cell", "above", "below"]), by=people)
    def run_cell(self, index: int, scope: str, by: By) -> None:
        cell = self.pick(index)
        if cell is not None:
            self.session.do(op.RunCells(by=by, run_id=self.session.name(), scope=scope, cell=cell))  # type: ignore[arg-type]

    @rule(scope=st.sampled_from(["all", "stale"]), by=people)
    def run_many(self, scope: str, by: By) -> None:
        self.session.do(op.RunCells(by=by, run_id=self.session.name(), scope=scope))  # type: ignore[arg-type]

    @rule()
    def interrupt(self) -> None:
        self.session.do(op.InterruptAll(by=ADA))
        assert not self.state.waiting, "an interrupt empties the queue"
        left = [self.state.jobs[execution] for execution in self.state.sent]
        self.never |= {job.execution for job in left if job.stage != "running"} - self._begun()

    @rule(run=st.booleans())
    def restart(self, run: bool) -> None:
        run_id = self.session.name() if run else None
        self.session.do(op.RestartKernel(by=ADA, id=self.session.name(), run_id=run_id))

    @rule(by=people, index=indices, leaves=st.booleans())
    def look(self, by: By, index: int, leaves: bool) -> None:
        self.session.do(op.MoveTo(by=by, cell=self.pick(index)))
        if leaves:
            self.session.do(op.Leave(clients=(by.client,)))

    # The kernel -------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.session.kernel is not None and self.session.begun is None)
    @rule(late=st.booleans())
    def begin(self, late: bool) -> None:
        if not late:
            self.session.hear()
        command = self.session.begin()
        if command is not None:
            self.check_begun(command)
        if not late:
            self.session.hear()

    @precondition(lambda self: self.session.begun is not None)
    @rule(failure=st.sampled_from(["", "", "", "", "MemoryError"]), late=st.booleans())
    def end(self, failure: str, late: bool) -> None:
        self.session.end_with(failure)
        if not late:
            self.session.hear()

    @precondition(lambda self: len(self.session.unheard) > 0)
    @rule()
    def hear(self) -> None:
        self.session.hear()

    @precondition(lambda self: self.session.kernel is not None)
    @rule()
    def drain(self) -> None:
        self.finish_all()

    @rule(by=people)
    def run_all_and_drain(self, by: By) -> None:
        self.run_many("all", by)
        self.finish_all()
        self.check_everything_ran()

    @precondition(lambda self: self.session.kernel is not None)
    @rule()
    def die(self) -> None:
        self.session.die()

    @precondition(lambda self: len(self.session.analyses) > 0)
    @rule()
    def analysed(self) -> None:
        self.session.analyse_next()

    def finish_all(self) -> None:
        session = self.session
        while session.analyses:
            session.analyse_next()
        session.hear()
        if session.begun is not None:
            session.end_with("")
            session.hear()
        while (command := session.begin()) is not None:
            session.hear()
            self.check_begun(command)
            session.end_with("")
            session.hear()
        session.hear()
        assert not (self.state.jobs or self.state.runs or self.state.deferred), "when all is done nothing waits"
        assert not self.open, "each run has finished"

    def _begun(self) -> set[int]:
        heard = {event.execution for _, event, _ in self.session.unheard if isinstance(event, protocol.Started)}
        return heard | ({self.session.begun.execution} if self.session.begun else set())

    # What holds of each operation -------------------------------------------------------------------------------

    def check_operation(self, operation: op.Operation, before: State, applied: Applied) -> None:
        after = applied.state
        self._check_runs(operation, before, applied)
        self._check_outputs(operation, before, applied)
        new = [
            after.jobs[execution]
            for execution in range(before.executions + 1, after.executions + 1)
            if execution in after.jobs
        ]
        for job in new:
            assert after.cells[job.cell].runnable, "what cannot run was queued"
            assert job.names.problem is None and after.derived[job.cell].invalid is None, "an invalid cell was queued"
        if applied.run_id is not None and applied.run_id not in {each.operation.run_id for each in after.deferred}:
            self._plan(after)
        if after.cells is not before.cells:
            for cell in after.order:
                self.versions[cell, after.cells[cell].version] = after.cells[cell].code

    def _check_runs(self, operation: op.Operation, before: State, applied: Applied) -> None:
        ended = [event for event in applied.events if isinstance(event, RunFinished)]
        assert list(applied.events[len(applied.events) - len(ended) :]) == ended, "run_finished comes last"
        for event in applied.events:
            if isinstance(event, CellOutput | CellStream | RunFinished):
                assert event.run_id not in self.closed, f"{type(event).__name__} after the end of its run"
        if applied.run_id is not None:
            self.open.add(applied.run_id)
        for event in ended:
            assert event.run_id in self.open, "the end of a run that nobody accepted"
            self.open.remove(event.run_id)
            self.closed.add(event.run_id)
        known = set(applied.state.runs) | {each.operation.run_id for each in applied.state.deferred}
        assert known == self.open, "a run neither under way nor finished"

    def _check_outputs(self, operation: op.Operation, before: State, applied: Applied) -> None:
        ended = Counter(
            before.jobs[execution].cell
            for execution in before.sent
            if execution not in applied.state.jobs
            and before.jobs[execution].stage == "running"
            and before.jobs[execution].cell in applied.state.cells
        )
        told = Counter(event.cell_id for event in applied.events if isinstance(event, CellOutput))
        if isinstance(operation, op.KernelLost) and before.kernel.status == "starting":
            return
        assert told == ended, "each execution ends in exactly one cell_output"

    def _plan(self, state: State) -> None:
        """What is queued comes after its parents that are queued."""
        queue = [*state.sent, *state.waiting]
        jobs = [state.jobs[execution] for execution in queue]
        places = {job.cell: place for place, job in enumerate(jobs) if not job.abandoned}
        for job in jobs:
            if job.stage == "waiting" or (not job.abandoned and job.execution not in self.must_follow):
                valid = state.derived[job.cell].invalid is None
                parents = state.topology.parents(job.cell) if valid else frozenset()
                above = {each for each in parents if each in places and state.derived[each].invalid is None}
                assert all(places[parent] < places[job.cell] for parent in above), "queued before what it reads"
                self.must_follow[job.execution] = frozenset(jobs[places[parent]].execution for parent in above)

    def check_begun(self, command: protocol.Execute) -> None:
        """Called when the kernel has begun a cell, whether or not that was heard."""
        execution = command.execution
        assert execution not in self.never, "an interrupted queue began"
        if self.session.unheard:
            return
        job = self.state.jobs.get(execution)
        if job is None or job.abandoned:
            return
        assert not self.state.cells[job.cell].disabled, "a disabled cell began"
        assert job.names.problem is None, "an invalid text began"
        early = [other for other in self.must_follow.get(execution, ()) if other in self.state.jobs]
        assert all(self.state.jobs[other].abandoned for other in early), "it began before what it reads"

    # What holds of each state -----------------------------------------------------------------------------------

    @invariant()
    def check_state(self) -> None:
        steps["steps"] += 1
        state = self.state
        if state is self.checked:
            return
        self.checked = state
        assert state.sequence == len(self.session.events)
        assert set(state.order) == set(state.cells) == set(state.derived) == set(state.shown)
        self.session.check()
        self._check_page(state)
        if state.pending:
            return
        ought = ought_of(tuple(sorted(state.cells.items())))
        self._check_validity(state, ought)
        self._check_statuses(state, ought)
        self._check_values(state, ought)
        self._check_inputs(state, ought)

    def _check_page(self, state: State) -> None:
        """The old page and the fragments sent are the page rendered afresh; what a rule did leaves as one batch."""
        events = self.session.events[self.sent :]
        self.sent = len(self.session.events)
        if self.page is not None:
            self.page.take(self.frames.batch(events, state).render(events))
            self.page.assert_like(state)

    def _check_validity(self, state: State, ought: Expected) -> None:
        invalid = {cell for cell in state.order if state.derived[cell].invalid is not None}
        assert invalid == ought.invalid, "the texts alone decide what is invalid"
        reasons = {cell: state.derived[cell].invalid for cell in invalid}
        assert reasons == reasons_of(tuple(state.cells[cell] for cell in state.order)), "history shows in a reason"

    def _check_statuses(self, state: State, ought: Expected) -> None:
        blocked = blocked_of(state, ought)
        for cell in state.order:
            present, shown, outcome = state.cells[cell], state.shown[cell], state.outcomes.get(cell)
            execution = state.active.get(cell)
            if present.disabled:
                status = "disabled"
            elif cell in ought.invalid:
                status = "invalid"
            elif cell in blocked:
                status = "blocked"
            elif execution is not None:
                status = "running" if state.jobs[execution].stage == "running" else "queued"
            else:
                status = outcome.status if outcome is not None and present.type != "markdown" else "idle"
            assert shown.status == status, f"{present.code!r} is shown as {shown.status}"
            assert shown.freshness == state.derived[cell].freshness

    def _check_values(self, state: State, ought: Expected) -> None:
        """What is shown as fresh is what the texts give."""
        for cell in state.order:
            shown, outcome = state.shown[cell], state.outcomes.get(cell)
            if outcome is None or cell not in ought.shown or shown.freshness not in ("fresh", "saved"):
                continue
            if shown.status == "blocked" or _by_chance(outcome):
                continue
            value = outcome.content.error.name if outcome.content.error else outcome.content.output["text/plain"]  # type: ignore
            code = state.cells[cell].code
            assert value == ought.shown[cell], f"{code!r} is shown {shown.freshness} with {value!r}"

    @staticmethod
    def _going(kernel: Any, ought: Expected) -> set[str]:
        """Names in the kernel whose cell's text no longer defines them: they are removed before anything runs."""
        valid = {cell: known.defines for cell, known in ought.facts.items() if cell not in ought.invalid}
        return {name for name, cell in kernel.owner.items() if name not in valid.get(cell, ())}

    def _check_inputs(self, state: State, ought: Expected) -> None:
        """What is fresh stood on exactly that which is in the kernel, and in the tables, now."""
        kernel = self.session.kernel
        if (
            kernel is None
            or self.session.unheard
            or self.session.begun
            or state.kernel.epoch != self.session.kernel_epoch
        ):
            return
        going = self._going(kernel, ought)
        for cell in state.order:
            if state.shown[cell].freshness != "fresh" or state.shown[cell].status == "blocked":
                continue
            outcome = state.outcomes[cell]
            saw = self.session.ran_with[outcome.execution]
            now = {name: describe(frozenset([name]), kernel.namespace) for name in saw.inputs.keys() - going}
            now |= dict.fromkeys(saw.inputs.keys() & going, "")
            code = state.cells[cell].code
            assert now == saw.inputs, f"{code!r} is shown fresh, but stood on {saw.inputs}"
            if outcome.status == "success" and cell not in state.active:
                held = {name for name in outcome.versions if kernel.owner.get(name) == cell}
                assert held == set(outcome.versions), f"{code!r} is shown fresh, but what it defined is gone"
            tables = {table: self.session.database[table] for table in saw.tables}
            assert tables == saw.tables, f"{code!r} is shown fresh, but a table has changed"

    def check_everything_ran(self) -> None:
        state = self.state
        if state.notebook.mode != "auto":
            return
        for cell in state.order:
            present, shown = state.cells[cell], state.shown[cell]
            if not present.runnable or shown.status in ("invalid", "blocked"):
                continue
            known = facts(present)
            if known.reads_tables:
                continue  # a table that it reads may be one that it writes
            assert shown.freshness == "fresh", f"{present.code!r} is {shown.status}, {shown.freshness} after all ran"

    # The end ----------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        self._check_replayed()
        self._check_recorded()

    def _check_replayed(self) -> None:
        state = self.session.first
        for operation in self.session.done:
            applied = apply(state, operation)
            assert isinstance(applied, Applied)
            state = applied.state
        assert state == self.state, "the same operations lead to the same state"

    def _check_recorded(self) -> None:
        """Texts, structure, settings and validity follow from what is stored of the history."""
        state = self.session.first
        for operation in self.session.done:
            if isinstance(operation, op.RECORDED) and not isinstance(operation, op.RunCells | op.RestartKernel):
                applied = apply(state, operation)
                assert isinstance(applied, Applied)
                state = applied.state
        if state.pending or self.state.pending:
            return
        assert (state.order, state.notebook) == (self.state.order, self.state.notebook)
        assert dict(state.cells) == dict(self.state.cells)
        invalid = {cell: state.derived[cell].invalid for cell in state.order}
        assert invalid == {cell: self.state.derived[cell].invalid for cell in state.order}


def _by_chance(outcome: Any) -> bool:
    """It failed for a reason that is not in its text."""
    return outcome.content.error is not None and outcome.content.error.name in ("MemoryError", "KernelDied")


@lru_cache(4096)
def ought_of(cells: tuple[tuple[str, Cell], ...]) -> Expected:
    return expected(dict(cells))


@lru_cache(4096)
def reasons_of(cells: tuple[Cell, ...]) -> dict[str, str]:
    """Why cells are invalid in a notebook into which the same texts were put from the last to the first."""
    session = Session()
    for cell in reversed(cells):
        session.do(op.CreateCell(by=ADA, cell=cell.id, cell_type=cell.type, after=None, code=cell.code))
        settings = {"disabled": cell.disabled, "output_name": cell.output_name, "connection": cell.connection}
        session.do(op.ConfigureCell(by=ADA, cell=cell.id, run_id="r", **settings))  # type: ignore[arg-type]
    for action in session.actions:
        if isinstance(action, Analyse):
            names = analyse(action.cell_type, action.code, output_name=action.output_name, dataframes=action.dataframes)
            session.do(op.Analysed(cell=action.cell, fingerprint=action.fingerprint, names=names))
    derived = session.state.derived
    return {cell: each.invalid for cell, each in derived.items() if each.invalid is not None}


def blocked_of(state: State, ought: Expected) -> set[str]:
    """Enabled cells below one that is invalid or whose present outcome is a failure that is not being run again."""
    children: dict[str, list[str]] = {}
    for cell, parents in ought.parents.items():
        for parent in parents:
            children.setdefault(parent, []).append(cell)
    pending = [cell for cell in state.order if cell in ought.invalid or _failed(state, cell)]
    blocked: set[str] = set()
    while pending:
        for child in children.get(pending.pop(), ()):
            if child not in blocked:
                blocked.add(child)
                pending.append(child)
    return blocked


def _failed(state: State, cell: str) -> bool:
    outcome = state.outcomes.get(cell)
    failed = outcome is not None and outcome.status == "error" and not state.cells[cell].disabled
    return failed and cell not in state.active and state.shown[cell].freshness in ("fresh", "saved")
