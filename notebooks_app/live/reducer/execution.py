"""What the kernel says of executions, and what people ask of them: run, interrupt, restart."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from immutables import Map

from kernel import protocol

from .. import operations as op
from ..effects import CancelQuery, InterruptKernel, KillKernel, Query
from ..events import CellOutput, CellProgress, CellStream, ErrorInfo, ProgressState, StreamText
from ..reasons import RESTARTED
from ..state import Content, Deferred, Displayed, Job, Outcome, OutcomeStatus, State
from .derive import present_reads
from .draft import Draft, Refusal
from .plan import abandon, active_job, begin, start_run
from .queue import (
    ALIVE,
    Ending,
    bind_values,
    cancel_waiting,
    change_kernel,
    end_job,
    pump,
    remove_values,
    unbind_cell,
    withdraw,
)

STREAM_PIECE = 8192
"""Characters: shorter pieces of one stream are joined, so that a state holds few of them."""


# What people ask --------------------------------------------------------------------------------------------------


def run_cells(draft: Draft, operation: op.RunCells) -> None:
    if operation.cell is not None:
        draft.cell(operation.cell)
    draft.run_id = operation.run_id
    if draft.state.pending:
        draft.set(deferred=(*draft.state.deferred, Deferred(operation=operation)))
        return
    start_run(draft, operation.run_id, targets(draft, operation), operation.by.user)


def targets(draft: Draft, operation: op.RunCells) -> list[str]:
    state = draft.state
    if operation.scope == "all":
        return list(state.order)
    if operation.scope == "stale":
        return [cell for cell in state.order if _stale(state, cell)]
    if operation.cell is None:
        raise Refusal("invalid_message", "run_cell: which cell? Give a cellId.")
    if operation.scope == "cell":
        return [operation.cell]
    index = draft.index(operation.cell)
    return list(state.order[:index] if operation.scope == "above" else state.order[index:])


def _stale(state: State, cell: str) -> bool:
    return state.cells[cell].runnable and state.derived[cell].freshness in ("stale", None)


def resume(draft: Draft) -> None:
    """Start the runs that waited for an analysis, once none is under way."""
    while draft.state.deferred and not draft.state.pending:
        first, *rest = draft.state.deferred
        draft.set(deferred=tuple(rest))
        operation = first.operation
        known = operation.cell is None or operation.cell in draft.state.cells
        start_run(draft, operation.run_id, targets(draft, operation) if known else [], operation.by.user)


def interrupt(draft: Draft, operation: op.InterruptAll) -> None:
    """Stop the running cell and empty the queue: from its end, so that nothing begins because another one stopped."""
    for execution in draft.state.waiting:
        cancel_waiting(draft, draft.state.jobs[execution])
    for execution in reversed(draft.state.sent):
        job = draft.state.jobs[execution]
        if job.stage == "running":
            draft.act(CancelQuery(execution))
            draft.act(InterruptKernel(draft.state.kernel.epoch, execution))
        elif not job.abandoned:
            abandon(draft, job)
            draft.touch([job.cell])


def restart(draft: Draft, operation: op.RestartKernel) -> None:
    """All values go at once; another kernel starts as soon as there is something to run in it."""
    _stop(draft, RESTARTED, operation.at, operation.id)
    if operation.run_id is not None:
        run_cells(draft, op.RunCells(by=operation.by, at=operation.at, run_id=operation.run_id, scope="all"))


def stop(draft: Draft, operation: op.StopKernel) -> None:
    _stop(draft, operation.reason, operation.at, operation.id)


def _stop(draft: Draft, reason: str, at: float, outcome_id: str) -> None:
    if draft.state.kernel.status in (*ALIVE, "starting"):
        draft.act(KillKernel(draft.state.kernel.epoch))
        lose_kernel(draft, reason, "none", at, outcome_id)
    elif draft.state.kernel.status == "dead":
        change_kernel(draft, "none", None)


# What the kernel says ---------------------------------------------------------------------------------------------


def kernel_said(draft: Draft, operation: op.KernelSaid) -> None:
    """One event; those of an earlier kernel are dropped, and so are those of executions that ended."""
    if operation.epoch != draft.state.kernel.epoch:
        return
    event = operation.event
    if isinstance(event, protocol.Ready):
        change_kernel(draft, "idle", None)
        begin(draft)
        return
    if isinstance(event, protocol.Rows):
        return
    job = draft.state.jobs.get(event.execution)
    if job is None or job.stage == "waiting":
        return
    match event:
        case protocol.Started():
            _take_changes(draft, event)
            _started(draft, job, operation.at)
        case protocol.Finished():
            _finished(draft, job, event, operation)
        case protocol.SqlRequest():
            query = Query(operation.epoch, job.cell, job.principal, job.connection, event)
            draft.act(query)
        case _ if job.abandoned:
            pass
        case protocol.Stream():
            _stream(draft, job, event)
        case protocol.Display():
            draft.put_job(msgspec.structs.replace(job, displays=_displayed(job.displays, event)))
        case protocol.Progress():
            state = ProgressState(done=event.done, total=event.total, label=event.label)
            draft.put_job(msgspec.structs.replace(job, progress=state))
            draft.tell(CellProgress, cell_id=job.cell, done=event.done, total=event.total, label=event.label)


def _take_changes(draft: Draft, event: protocol.Started) -> None:
    """Files of the user's own changed: names imported from them have a new version, and their readers are stale.

    A cell that did more than import them must run again itself: so it is withdrawn.
    """
    if not event.changed and not event.outdated:
        return
    changed = set(event.changed)
    for cell, held in sorted(draft.state.bound.items()):
        outcome = draft.state.outcomes.get(cell)
        renewed = dict.fromkeys(sorted(changed & held), event.execution)
        if not renewed:
            continue
        draft.set(values=draft.state.values.update(renewed))
        if outcome is not None and renewed.keys() <= outcome.versions.keys():
            outcome = msgspec.structs.replace(outcome, versions=outcome.versions | renewed)
            draft.set(outcomes=draft.state.outcomes.set(cell, outcome))
            draft.store_outcome(cell)
        for name in renewed:
            draft.touch(sorted(draft.state.topology.readers(name)))
    for cell in event.outdated:
        withdraw(draft, cell)


def _started(draft: Draft, job: Job, at: float) -> None:
    remove_values(draft, job.forget)
    before = unbind_cell(draft, job.cell)
    reads = present_reads(draft.state, job)
    started = msgspec.structs.replace(job, stage="running", reads=reads, before=before, started_at=at)
    draft.put_job(started)
    draft.touch([job.cell])
    if job.abandoned:
        draft.act(InterruptKernel(draft.state.kernel.epoch, job.execution))


def _stream(draft: Draft, job: Job, event: protocol.Stream) -> None:
    streams = joined(job.streams, StreamText(stream=event.stream, text=event.text))
    draft.put_job(msgspec.structs.replace(job, streams=streams))
    run_id = job.runs[-1] if job.runs else None
    draft.tell(CellStream, cell_id=job.cell, stream=event.stream, text=event.text, run_id=run_id)


def joined(streams: tuple[StreamText, ...], new: StreamText) -> tuple[StreamText, ...]:
    last = streams[-1] if streams else None
    if last is None or last.stream != new.stream or len(last.text) > STREAM_PIECE:
        return (*streams, new)
    return (*streams[:-1], StreamText(stream=new.stream, text=last.text + new.text))


def _displayed(displays: tuple[Displayed, ...], event: protocol.Display) -> tuple[Displayed, ...]:
    new = Displayed(bundle=event.bundle, display_id=event.display_id)
    if not event.update:
        return (*displays, new)
    return tuple(new if shown.display_id == event.display_id else shown for shown in displays)


def _finished(draft: Draft, job: Job, event: protocol.Finished, operation: op.KernelSaid) -> None:
    if event.status == "skipped":
        ending: Ending = "cancelled" if job.abandoned or event.because is None else "blocked"
        remove_values(draft, job.forget)
        end_job(draft, job, ending)
        pump(draft)
        return
    versions = bind_values(draft, job, event.defined, event.kept)
    if job.abandoned and job.cell in draft.state.active:
        tell_output(draft, job, None, event.duration)
        end_job(draft, job, "cancelled")
    else:
        _keep(draft, job, event, versions, operation)
    pump(draft)


def _keep(draft: Draft, job: Job, event: protocol.Finished, versions: dict[str, int], operation: op.KernelSaid) -> None:
    """The execution's result becomes the cell's outcome."""
    failed = event.error
    error = ErrorInfo(name=failed.name, message=failed.message, traceback=failed.traceback) if failed else None
    content = Content(
        output=event.output,
        displays=tuple(shown.bundle for shown in job.displays),
        error=error,
        streams=job.streams,
        hints=event.hints,
    )
    status: OutcomeStatus = "success" if event.status == "skipped" else event.status
    outcome = Outcome(
        id=operation.id,
        execution=job.execution,
        run_id=job.runs[-1] if job.runs else "",
        status=status,
        fingerprint=job.fingerprint,
        epoch=operation.epoch,
        reads=job.reads,
        versions=versions,
        tables=tuple(sorted(f"{job.connection}/{table}" for table in job.names.writes_tables)),
        started_at=job.started_at,
        finished_at=operation.at,
        duration=event.duration,
        content=content,
        outputs=operation.outputs,
    )
    record(draft, job, outcome)


def record(draft: Draft, job: Job, outcome: Outcome) -> None:
    """Store and tell an outcome; what waits for it and cannot run now is blocked."""
    if job.cell in draft.state.cells:
        previous = draft.state.outcomes.get(job.cell)
        draft.set(outcomes=draft.state.outcomes.set(job.cell, outcome))
        draft.store_outcome(job.cell)
        names = set(outcome.versions) | set(previous.versions if previous else ())
        draft.touch(sorted({reader for name in names for reader in draft.state.topology.readers(name)}))
        tell_output(draft, job, outcome, outcome.duration)
    end_job(draft, job, "succeeded" if outcome.status == "success" else "failed")
    if outcome.status != "success":
        block(draft, draft.state.topology.descendants([job.cell]))


def tell_output(draft: Draft, job: Job, outcome: Outcome | None, duration: float) -> None:
    """The one `cell_output` of an execution; of one that was superseded nothing is shown."""
    content = outcome.content if outcome else Content(error=_SUPERSEDED)
    draft.tell(
        CellOutput,
        cell_id=job.cell,
        run_id=job.runs[-1] if job.runs else None,
        output=content.output,
        displays=content.displays,
        error=content.error,
        duration=duration,
        hints=content.hints,
        outputs=outcome.outputs if outcome else {},
    )


_SUPERSEDED = ErrorInfo(
    name="Superseded", message="The cell was asked to run again before it had finished.", traceback=""
)


def block(draft: Draft, cells: Iterable[str]) -> None:
    """End the waiting jobs of these cells: they stand on a failure. Those at the kernel are skipped there."""
    for cell in sorted(cells):
        job = active_job(draft.state, cell)
        if job is not None and job.stage == "waiting":
            end_job(draft, job, "blocked")


# The end of a kernel ----------------------------------------------------------------------------------------------


def kernel_found(draft: Draft, operation: op.KernelFound) -> None:
    if operation.epoch == draft.state.kernel.epoch:
        change_kernel(draft, "idle", None)


STUCK = "The running cell does not react to the interrupt: restart the kernel to end it. All values would be gone."


def unyielding(draft: Draft, operation: op.Unyielding) -> None:
    """Code that does not yield (a long call into C, a swallowed interrupt) can only be ended with its kernel."""
    if operation.epoch == draft.state.kernel.epoch and operation.execution in draft.state.sent:
        change_kernel(draft, "busy", STUCK)


def kernel_lost(draft: Draft, operation: op.KernelLost) -> None:
    if operation.epoch == draft.state.kernel.epoch:
        lose_kernel(draft, operation.reason, "dead", operation.at, operation.id)


def lose_kernel(draft: Draft, reason: str, status: str, at: float, outcome_id: str) -> None:
    """All values are gone: what was running failed, what was queued is cancelled, all outputs are `saved`."""
    epoch = draft.state.kernel.epoch
    running = [draft.state.jobs[execution] for execution in draft.state.sent]
    victim = next((job for job in running if job.stage == "running" and not job.abandoned), None)
    if victim is None and status == "dead" and draft.state.kernel.status == "starting" and draft.state.waiting:
        victim = draft.state.jobs[draft.state.waiting[0]]
    kernel = msgspec.structs.replace(draft.state.kernel, epoch=epoch + 1)
    draft.set(kernel=kernel, forgetting=(), suspects=frozenset(), values=Map(), bound=Map())
    draft.store_session()
    if victim is not None:
        _fail(draft, victim, reason, status, at, outcome_id, epoch)
    for execution in (*draft.state.sent, *draft.state.waiting):
        job = draft.state.jobs[execution]
        if job.stage == "running" and job.cell in draft.state.cells:
            tell_output(draft, job, None, 0.0)
        end_job(draft, job, "cancelled")
    draft.touch(draft.state.order)
    change_kernel(draft, "dead" if status == "dead" else "none", reason)


def _fail(draft: Draft, job: Job, reason: str, status: str, at: float, outcome_id: str, epoch: int) -> None:
    """The outcome of what was running when the kernel ended."""
    died = status == "dead"
    error = ErrorInfo(name="KernelDied" if died else "KernelStopped", message=reason, traceback="")
    started = job.started_at or at
    outcome = Outcome(
        id=outcome_id,
        execution=job.execution,
        run_id=job.runs[-1] if job.runs else "",
        status="error" if died else "interrupted",
        fingerprint=job.fingerprint,
        epoch=epoch,
        reads=job.reads,
        started_at=job.started_at,
        finished_at=at,
        duration=max(0.0, at - started),
        content=Content(displays=tuple(shown.bundle for shown in job.displays), error=error, streams=job.streams),
    )
    record(draft, job, outcome)
