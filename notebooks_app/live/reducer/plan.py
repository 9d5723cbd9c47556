"""Which cells a run comprises, in which order; what must be superseded for it; what cannot run."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

import msgspec

from kernel.graph import order
from kernel.protocol import Forgotten

from ..effects import CancelQuery, InterruptKernel, StartKernel
from ..state import Cell, Job, Run, State
from .derive import derive_dirty
from .draft import Draft
from .queue import cancel_waiting, change_kernel, close_if_done, doom, pump, release_names, withdraw


def start_run(draft: Draft, run_id: str, targets: Iterable[str], principal: int | None) -> None:
    """Accept a run of the targets, of what they need, and in auto mode of what depends on them."""
    asked = list(targets)
    derive_dirty(draft)
    _cancel_usurpers(draft)
    expected = _bound_to_go(draft)
    readers = _readers_of(draft.state, _forget(draft, expected))
    derive_dirty(draft)
    if draft.state.notebook.mode == "auto":
        asked += readers
    cells, pulled = comprise(draft.state, asked)
    ready, stopped = _separate(draft.state, cells)
    draft.set(runs=draft.state.runs.set(run_id, Run(id=run_id, blocked=len(set(stopped) - pulled))))
    draft.run_id = run_id
    created = {cell for cell in ready if _enqueue(draft, cell, run_id, principal, expected)}
    _supersede_dependents(draft, created, expected)
    _sort_waiting(draft)
    if not ready:
        release_names(draft)
    close_if_done(draft, run_id)
    begin(draft)


def begin(draft: Draft) -> None:
    """Send what waits; start a kernel if there is none."""
    kernel = draft.state.kernel
    if draft.state.waiting and kernel.status in ("none", "dead"):
        change_kernel(draft, "starting", None)
        draft.act(StartKernel(kernel.epoch))
    pump(draft)


# Which cells ------------------------------------------------------------------------------------------------------


def comprise(state: State, targets: Iterable[str]) -> tuple[set[str], set[str]]:
    """The targets, their ancestors that must run first, and in auto mode their descendants; and which are ancestors.

    A manual cell is a target or an ancestor that a target needs; as a descendant it is marked stale, as is what
    could not run without it.
    """
    chosen: set[str] = set()
    pending = [cell for cell in targets if state.cells[cell].runnable]
    asked = set(pending)
    pulled: set[str] = set()
    auto = state.notebook.mode == "auto"
    while pending:
        cell = pending.pop()
        if cell in chosen:
            continue
        needed = _needed(state, cell, chosen)
        if cell not in asked and any(state.cells[other].manual for other in needed):
            continue
        chosen.add(cell)
        if cell in asked:
            asked |= needed
        pulled |= needed
        pending += needed
        if auto:
            pending += [child for child in _dependents(state, cell) if _follows(state, child)]
    return chosen, pulled - set(targets)


def _follows(state: State, cell: str) -> bool:
    return state.cells[cell].runnable and not state.cells[cell].manual


def _dependents(state: State, cell: str) -> set[str]:
    """Readers of its names, and of the tables that it writes, unless they write themselves."""
    found = set(state.topology.children(cell))
    for table in state.topology.names_of(cell).writes_tables:
        for reader in state.topology.table_readers(table):
            if reader != cell and not state.topology.names_of(reader).writes_tables:
                found.add(reader)
    return found


def _needed(state: State, cell: str, chosen: set[str]) -> set[str]:
    """The ancestors of a cell that are stale, saved or never ran, and are not about to run as they are."""
    needed: set[str] = set()
    pending = [cell]
    while pending:
        for parent in state.topology.parents(pending.pop()):
            if parent not in needed and parent not in chosen and parent != cell and _must_run(state, parent):
                needed.add(parent)
                pending.append(parent)
    return needed


def _must_run(state: State, cell: str) -> bool:
    if not state.cells[cell].runnable or state.derived[cell].invalid is not None:
        return False
    job = active_job(state, cell)
    if job is not None:
        return job.fingerprint != state.cells[cell].fingerprint
    return state.derived[cell].freshness != "fresh"


def active_job(state: State, cell: str) -> Job | None:
    execution = state.active.get(cell)
    return None if execution is None else state.jobs[execution]


def _readers_of(state: State, forgotten: Iterable[Forgotten]) -> set[str]:
    readers = {reader for item in forgotten for reader in state.topology.readers(item.name)}
    return {reader for reader in readers if _follows(state, reader)}


# What cannot run --------------------------------------------------------------------------------------------------


def _separate(state: State, cells: set[str]) -> tuple[list[str], list[str]]:
    """The cells that can run, in order, and those that are invalid or stand on what failed."""
    valid = [cell for cell in cells if state.derived[cell].invalid is None]
    ready: list[str] = []
    stopped = [cell for cell in cells if state.derived[cell].invalid is not None]
    running: set[str] = set()
    for cell in order(state.topology, valid, lambda each: state.cells[each].position):
        if any(_stops(state, parent, running) for parent in state.topology.parents(cell)):
            stopped.append(cell)
        else:
            running.add(cell)
            ready.append(cell)
    return ready, stopped


def _stops(state: State, parent: str, running: set[str]) -> bool:
    """Whether a parent that this run does not run keeps its readers from running."""
    if parent in running or parent in state.active:
        return False
    return state.derived[parent].cause is not None


# Names that went --------------------------------------------------------------------------------------------------


def _forget(draft: Draft, expected: list[Forgotten]) -> list[Forgotten]:
    """Names that the kernel still holds although their cell no longer defines them: the next job removes them.

    Cells of which more such names are `expected` stay under suspicion.
    """
    state = draft.state
    found: list[Forgotten] = []
    for cell in sorted(state.suspects):
        gone = sorted(state.bound.get(cell, frozenset()) - _defined(state, cell))
        if gone:
            label = _former(draft, cell)
            found += [Forgotten(name=name, cell=cell, label=label) for name in gone]
            withdraw(draft, cell)
    still = frozenset(item.cell for item in expected)
    draft.set(suspects=still, forgetting=state.forgetting + tuple(found))
    return found


def _defined(state: State, cell: str) -> frozenset[str]:
    """What the kernel may hold of a cell: the names that its present text defines, if it can run."""
    derived = state.derived.get(cell)
    valid = cell in state.cells and derived is not None and derived.invalid is None
    return state.topology.names_of(cell).defines if valid else frozenset()


def _cancel_usurpers(draft: Draft) -> None:
    """A queued older text that defines what is another cell's by now would take the name from that cell."""
    for cell in sorted(draft.state.suspects):
        job = active_job(draft.state, cell)
        if job is None or job.stage != "waiting":
            continue
        gone = job.names.defines - _defined(draft.state, cell)
        if any(draft.state.topology.definers(name) not in ((), (cell,)) for name in gone):
            cancel_waiting(draft, job)


def _bound_to_go(draft: Draft) -> list[Forgotten]:
    """Names that unfinished executions of older texts will bind: whatever is asked for now must not see them."""
    state = draft.state
    queued = {state.active[cell] for cell in state.suspects if cell in state.active}
    found: list[Forgotten] = []
    for execution in sorted(queued.union(state.sent)):
        job = state.jobs[execution]
        gone = sorted(job.names.defines - _defined(state, job.cell))
        found += [Forgotten(name=name, cell=job.cell, label=_former(draft, job.cell)) for name in gone]
    return found


def _former(draft: Draft, cell: str) -> str:
    """Which cell defined a name, and why it does no longer."""
    state = draft.state
    if cell in state.cells:
        present = state.cells[cell]
        return f"{draft.label(cell)}, which {'is disabled' if present.disabled else 'no longer defines it'}"
    deleted = state.deleted.get(cell)
    if deleted is None:
        return "a cell that was deleted"
    place = bisect_left(state.order, deleted.position, key=lambda other: state.cells[other].position)
    return f"cell {place + 1}, which was deleted"


# The queue --------------------------------------------------------------------------------------------------------


def _enqueue(draft: Draft, cell: str, run_id: str, principal: int | None, expected: list[Forgotten]) -> bool:
    """A job for the cell, or its place in the run if one that serves is queued already. Whether the job is new."""
    job = active_job(draft.state, cell)
    present = draft.state.cells[cell]
    run = draft.state.runs[run_id]
    draft.set(runs=draft.state.runs.set(run_id, msgspec.structs.replace(run, pending=run.pending + 1)))
    forget = _concerning(present, expected)
    if job is None:
        _queue(draft, present, (run_id,), principal, forget)
        return True
    if job.stage == "waiting":
        draft.put_job(_job(draft, present, job.execution, (*job.runs, run_id), principal, forget))
        return False
    if job.stage == "sent" and _serves(draft.state, job, forget):
        draft.put_job(msgspec.structs.replace(job, runs=(*job.runs, run_id)))
        return False
    if job.stage == "sent":
        _replace(draft, job, (*job.runs, run_id), principal, forget)
        return True
    abandon(draft, job)
    _queue(draft, present, (run_id,), principal, forget)
    return True


def _concerning(cell: Cell, expected: list[Forgotten]) -> tuple[Forgotten, ...]:
    """Those of the names that are to go which a run of the cell would see."""
    seen = cell.names.references | cell.names.defines
    return tuple(item for item in expected if item.name in seen and item.cell != cell.id)


def _serves(state: State, job: Job, forget: tuple[Forgotten, ...]) -> bool:
    """Whether a job that is at the kernel and has not begun runs the present text on ground that still holds."""
    going = {item.name for item in (*state.forgetting, *forget) if item not in job.forget}
    same = job.fingerprint == state.cells[job.cell].fingerprint
    return same and not job.doomed and going.isdisjoint(job.names.references | job.names.defines)


def _queue(
    draft: Draft, cell: Cell, runs: tuple[str, ...], principal: int | None, forget: tuple[Forgotten, ...]
) -> None:
    execution = draft.state.executions + 1
    draft.set(executions=execution, active=draft.state.active.set(cell.id, execution))
    draft.put_job(_job(draft, cell, execution, runs, principal, forget))
    draft.set(waiting=(*draft.state.waiting, execution))
    _touch_with_readers(draft, cell.id)


def _touch_with_readers(draft: Draft, cell: str) -> None:
    draft.touch([cell])
    derived = draft.state.derived.get(cell)
    if derived is not None and derived.cause is not None:
        draft.touch(sorted(draft.state.topology.children(cell)))


def _job(
    draft: Draft,
    cell: Cell,
    execution: int,
    runs: tuple[str, ...],
    principal: int | None,
    forget: tuple[Forgotten, ...],
) -> Job:
    return Job(
        execution=execution,
        cell=cell.id,
        label=draft.label(cell.id),
        runs=runs,
        kind="sql" if cell.type == "sql" else "python",
        code=cell.code,
        output_name=cell.output_name,
        connection=draft.connection(cell) if cell.type == "sql" else "",
        names=cell.names,
        fingerprint=cell.fingerprint,
        principal=principal,
        forget=forget,
    )


def _replace(
    draft: Draft, job: Job, runs: tuple[str, ...], principal: int | None, forget: tuple[Forgotten, ...]
) -> None:
    """A new job in the place of one at the kernel; its runs go over to the new one."""
    abandon(draft, msgspec.structs.replace(job, runs=()))
    _queue(draft, draft.state.cells[job.cell], runs, principal, forget)


def abandon(draft: Draft, job: Job) -> None:
    """Cancel a job at the kernel: interrupt it if it runs, keep it from starting if not."""
    epoch = draft.state.kernel.epoch
    draft.put_job(msgspec.structs.replace(job, abandoned=True))
    if draft.state.active.get(job.cell) == job.execution:
        draft.set(active=draft.state.active.delete(job.cell))
    draft.act(CancelQuery(job.execution))
    draft.act(InterruptKernel(epoch, job.execution))
    doom(draft, job.execution)


def _supersede_dependents(draft: Draft, created: set[str], expected: list[Forgotten]) -> None:
    """What is at the kernel and stands on a job that was just created must come after it."""
    if not created or not draft.state.sent:
        return
    dependents = draft.state.topology.descendants(created)
    for execution in draft.state.sent:
        job = draft.state.jobs[execution]
        if job.abandoned or job.cell not in dependents or job.cell in created:
            continue
        if draft.state.derived[job.cell].invalid is None:
            forget = _concerning(draft.state.cells[job.cell], expected)
            _replace(draft, job, job.runs, job.principal, forget)


def _sort_waiting(draft: Draft) -> None:
    state = draft.state
    jobs = {state.jobs[execution].cell: execution for execution in state.waiting}
    cells = order(state.topology, jobs, lambda cell: state.cells[cell].position)
    draft.set(waiting=tuple(jobs[cell] for cell in cells))
