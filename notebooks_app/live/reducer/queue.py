"""The queue at the kernel: what is sent, how a job ends, and the state of the kernel itself."""

from __future__ import annotations

from typing import Literal

import msgspec

from kernel.protocol import PIPELINE, Execute, Forget, Forgotten

from ..effects import Send
from ..events import KernelChanged, KernelStatus
from ..state import DATAFRAMES, Job, State
from .draft import Draft

Ending = Literal["succeeded", "failed", "blocked", "cancelled"]

ALIVE = ("idle", "busy")


def change_kernel(draft: Draft, status: KernelStatus, reason: str | None) -> None:
    kernel = draft.state.kernel
    if (kernel.status, kernel.reason) == (status, reason):
        return
    draft.set(kernel=msgspec.structs.replace(kernel, status=status, reason=reason))
    draft.tell(KernelChanged, status=status, reason=reason)


def pump(draft: Draft) -> None:
    """Keep up to `PIPELINE` executions at the kernel."""
    if draft.state.kernel.status not in ALIVE:
        return
    next_ = draft.state.waiting[: PIPELINE - len(draft.state.sent)]
    if next_:
        draft.set(waiting=draft.state.waiting[len(next_) :])
    for execution in next_:
        _send(draft, draft.state.jobs[execution])
    change_kernel(draft, "busy" if draft.state.sent else "idle", None)


def _send(draft: Draft, job: Job) -> None:
    forget = (*job.forget, *draft.state.forgetting)
    requires = _requires(draft.state, job)
    draft.put_job(msgspec.structs.replace(job, stage="sent", forget=forget, requires=requires))
    draft.set(sent=(*draft.state.sent, job.execution), forgetting=())
    command = Execute(
        execution=job.execution,
        cell=job.cell,
        label=job.label,
        kind=job.kind,
        code=job.code,
        ticket="",
        output_name=job.output_name,
        target="dataframes" if job.connection == DATAFRAMES else "broker",
        forget=forget,
        requires=requires,
    )
    draft.act(Send(draft.state.kernel.epoch, command))


def _requires(state: State, job: Job) -> tuple[int, ...]:
    """The executions at the kernel whose failure takes the ground from this one."""
    needed = []
    for parent in state.topology.parents(job.cell):
        execution = state.active.get(parent)
        if execution is not None and state.jobs[execution].stage != "waiting":
            needed.append(execution)
    return tuple(sorted(needed))


def release_names(draft: Draft) -> None:
    """Remove names at once, since no job is there that could carry the order."""
    state = draft.state
    if not state.forgetting or state.waiting or state.sent:
        return
    if state.kernel.status in ALIVE:
        draft.act(Send(state.kernel.epoch, Forget(names=state.forgetting)))
    remove_values(draft, state.forgetting)
    draft.set(forgetting=())


def remove_values(draft: Draft, names: tuple[Forgotten, ...]) -> None:
    """The kernel no longer holds these names."""
    for item in names:
        values, bound = draft.state.values, draft.state.bound
        held = bound.get(item.cell, frozenset())
        if item.name in held:
            values = values.delete(item.name) if item.name in values else values
            draft.set(values=values, bound=bound.set(item.cell, held - {item.name}))
            withdraw(draft, item.cell)


def withdraw(draft: Draft, cell: str) -> None:
    """What a cell last defined is no longer in the kernel: even with the same text it would have to run again."""
    outcome = draft.state.outcomes.get(cell)
    if outcome is None or outcome.withdrawn:
        return
    replaced = msgspec.structs.replace(outcome, withdrawn=True)
    draft.set(outcomes=draft.state.outcomes.set(cell, replaced))
    draft.store_outcome(cell)
    draft.touch([cell])
    for name in outcome.versions:
        draft.touch(sorted(draft.state.topology.readers(name)))


def bind_values(draft: Draft, job: Job, defined: tuple[str, ...], kept: tuple[str, ...]) -> dict[str, int]:
    """The kernel holds what the job defined; the versions minted for it. A kept import keeps its version."""
    versions = {name: job.before.get(name, job.execution) if name in kept else job.execution for name in defined}
    values = draft.state.values
    for name, version in versions.items():
        values = values.set(name, version)
    draft.set(values=values, bound=draft.state.bound.set(job.cell, frozenset(defined)))
    if not draft.state.topology.names_of(job.cell).defines.issuperset(defined):  # it ran an older text
        draft.set(suspects=draft.state.suspects | {job.cell})
    _mint_tables(draft, job)
    return versions


def unbind_cell(draft: Draft, cell: str) -> dict[str, int]:
    """A cell begins to run: what its previous run defined is removed. The versions that those names had."""
    names = draft.state.bound.get(cell, frozenset())
    values, before = draft.state.values, {}
    for name in names:
        if name in values:
            before[name] = values[name]
            values = values.delete(name)
    draft.set(values=values, bound=draft.state.bound.set(cell, frozenset()))
    return before


def _mint_tables(draft: Draft, job: Job) -> None:
    for table in sorted(job.names.writes_tables):
        key = f"{job.connection}/{table}"
        draft.set(tables=draft.state.tables.set(key, job.execution))
        draft.touch(sorted(draft.state.topology.table_readers(key)))


def end_job(draft: Draft, job: Job, ending: Ending) -> None:
    """Take a job out of the state; its runs count how it ended."""
    state = draft.state
    execution = job.execution
    queue = "waiting" if state.jobs[execution].stage == "waiting" else "sent"
    rest = tuple(other for other in getattr(state, queue) if other != execution)
    counted = state.active.get(job.cell) == execution
    active = state.active.delete(job.cell) if counted else state.active
    draft.set(jobs=state.jobs.delete(execution), active=active, **{queue: rest})
    if ending != "succeeded":
        doom(draft, execution)
    draft.touch([job.cell])
    draft.touch(sorted(draft.state.topology.children(job.cell)))
    for run_id in job.runs:
        _count(draft, run_id, ending)
        close_if_done(draft, run_id)


def cancel_waiting(draft: Draft, job: Job) -> None:
    """Take a job out of the queue that has not been sent. If its cell's values went meanwhile, they are gone."""
    end_job(draft, job, "cancelled")
    outcome = draft.state.outcomes.get(job.cell)
    if outcome is None or outcome.epoch != draft.state.kernel.epoch:
        return
    if any(draft.state.values.get(name) != version for name, version in outcome.versions.items()):
        withdraw(draft, job.cell)


def doom(draft: Draft, execution: int) -> None:
    """The kernel will skip what requires an execution that failed or was abandoned, and so on."""
    for other in draft.state.sent:
        job = draft.state.jobs[other]
        if execution in job.requires and not job.doomed and job.stage == "sent":
            draft.put_job(msgspec.structs.replace(job, doomed=True))
            doom(draft, other)


def _count(draft: Draft, run_id: str, ending: Ending) -> None:
    run = draft.state.runs[run_id]
    changed = {"pending": run.pending - 1}
    if ending != "cancelled":
        changed[ending] = getattr(run, ending) + 1
    draft.set(runs=draft.state.runs.set(run_id, msgspec.structs.replace(run, **changed)))


def close_if_done(draft: Draft, run_id: str) -> None:
    run = draft.state.runs.get(run_id)
    if run is None or run.pending:
        return
    draft.set(runs=draft.state.runs.delete(run_id))
    draft.finished.append(run)
