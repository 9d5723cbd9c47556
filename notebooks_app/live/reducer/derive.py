"""What follows from texts and versions: whether a cell is valid, blocked, fresh; and the status to show.

Nothing here is remembered: `derived` and `shown` are recomputed for the cells that an operation touched, and for the
readers of those that changed. A test recomputes all of them and compares.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from ..events import CellStatus, Freshness, Status
from ..state import ABSENT, AMBIGUOUS, MISSING, Derived, Job, Outcome, Shown, State
from .draft import Draft

TABLE = "table:"
"""Begins the name under which an execution records the version of a table that it read."""


_PLAIN: dict[Freshness, Derived] = {each: Derived(freshness=each) for each in (None, "fresh", "saved", "stale")}
"""What is derived of cells that are valid and not blocked, and did not fail: one object each, compared by identity."""
_STALE = _PLAIN["stale"]
_STANDING = (_PLAIN["fresh"], _PLAIN["saved"])


def settle(draft: Draft) -> None:
    """Derive the touched cells anew, and their readers as far as something changes, and tell what changed."""
    derive_dirty(draft)
    for cell in draft.seen:
        if cell in draft.state.cells:
            _announce(draft, cell)
    _announce_stale(draft)


def derive_dirty(draft: Draft) -> None:
    """Derive the touched cells anew, and their readers as far as something changes; tell nothing yet."""
    pending = deque(draft.dirty)
    queued = set(pending)
    while pending:
        cell = pending.popleft()
        queued.discard(cell)
        if cell not in draft.state.cells:
            continue
        draft.seen[cell] = None
        derived, before = derive(draft, cell), draft.state.derived.get(cell)
        if derived == before:
            continue
        draft.set(derived=draft.state.derived.set(cell, derived))
        onward = draft.state.topology.children(cell)
        if derived is _STALE and before in _STANDING:
            onward = _spread(draft, cell)
        for child in onward:
            if child not in queued:
                queued.add(child)
                pending.append(child)
    draft.dirty.clear()


def _spread(draft: Draft, cell: str) -> frozenset[str]:
    """A cell became stale, and so does whatever stood on it. The readers of which more is to be said.

    The first edit at the root of a long chain is felt by every cell of it, so this is the one loop that must be short:
    a reader that was merely fresh or saved is stale now and nothing else, which needs no derivation.
    """
    present = draft.state.derived
    derived: dict[str, Derived] = {}
    others: set[str] = set()

    def follow(reader: str) -> bool:
        before = present.get(reader)
        if before is _STALE or reader in derived:
            return False
        if before in _STANDING:
            derived[reader] = _STALE
            return True
        others.add(reader)
        return False

    draft.state.topology.walk(cell, follow)
    draft.set(derived=present.update(derived))
    draft.spread.update(derived)
    return frozenset(others)


def _announce(draft: Draft, cell: str) -> None:
    state = draft.state
    shown = show(draft, cell)
    if shown == state.shown.get(cell):
        return
    draft.set(shown=state.shown.set(cell, shown))
    draft.tell(
        CellStatus,
        cell_id=cell,
        status=shown.status,
        freshness=shown.freshness,
        reason=shown.reason,
        run_id=shown.run_id,
    )


def _announce_stale(draft: Draft) -> None:
    """Of cells that became stale by others nothing else has changed."""
    state = draft.state
    sequence = state.sequence
    changed: dict[str, Shown] = {}
    for cell in draft.spread:
        if cell in draft.seen:
            continue
        old = state.shown[cell]
        changed[cell] = Shown(
            status=old.status, freshness="stale", reason=old.reason, run_id=old.run_id, queue=old.queue
        )
        sequence += 1
        draft.events.append(
            CellStatus(
                sequence=sequence,
                cell_id=cell,
                status=old.status,
                freshness="stale",
                reason=old.reason,
                run_id=old.run_id,
            )
        )
    if changed:
        draft.set(shown=state.shown.update(changed), sequence=sequence)


def derive(draft: Draft, cell: str) -> Derived:
    state = draft.state
    if state.cells[cell].disabled:  # it reads nothing in the graph, so that no version reaches it
        has_run = cell in state.outcomes and state.cells[cell].type != "markdown"
        return Derived(freshness="stale" if has_run else None)
    invalid = why_invalid(draft, cell)
    parents = state.topology.parents(cell)
    blocker = _blocker(state, cell, parents)
    fresh = freshness(state, cell, invalid, parents)
    cause = _cause(state, cell, invalid, blocker, fresh)
    if cause is None:  # so it is neither invalid nor blocked
        return _PLAIN[fresh]
    return Derived(freshness=fresh, invalid=invalid, blocker=blocker, cause=cause)


def _cause(state: State, cell: str, invalid: str | None, blocker: str | None, fresh: Freshness) -> str | None:
    """Whom the readers of a cell blame. A failure that is being run again does not block meanwhile."""
    if invalid is not None:
        return cell
    if blocker is not None:
        return blocker
    outcome = state.outcomes.get(cell)
    failed = outcome is not None and outcome.status == "error" and fresh in ("fresh", "saved")
    return cell if failed and cell not in state.active else None


def _blocker(state: State, cell: str, parents: Iterable[str]) -> str | None:
    """The cell to blame: of several the first on the page."""
    causes = []
    for parent in parents:
        derived = state.derived.get(parent)
        cause = None if derived is None else derived.cause
        if cause is not None and cause != cell and cause in state.cells:
            causes.append(cause)
    return min(causes, key=lambda cause: state.cells[cause].position) if causes else None


def why_invalid(draft: Draft, cell: str) -> str | None:
    """Why the text of a cell, beside the other texts, cannot run."""
    problem = draft.state.cells[cell].names.problem
    if problem is not None:
        return f"Line {problem.line}: {problem.message}" if problem.line else problem.message
    topology = draft.state.topology
    if cell in topology.conflicted:
        duplicates = topology.duplicates(cell)
        return " ".join(_duplicate(draft, cell, name, duplicates[name]) for name in sorted(duplicates))
    path = topology.cycle(cell)
    if path:
        return f"These names depend on each other: {' -> '.join(path)}. Break the circle to run this cell."
    return None


def _duplicate(draft: Draft, cell: str, name: str, others: tuple[str, ...]) -> str:
    places = sorted(others, key=lambda other: draft.state.cells[other].position)
    listed = ", ".join(draft.label(other) for other in places)
    topology = draft.state.topology
    if all(name in topology.names_of(each).imports for each in (cell, *others)):
        return f"`{name}` is imported in {listed} too: import it in one cell, and every other cell can use it."
    return f"`{name}` is also defined in {listed}: rename one of them, or begin it with _ to keep it local."


# Freshness --------------------------------------------------------------------------------------------------------


def freshness(state: State, cell: str, invalid: str | None, parents: Iterable[str]) -> Freshness:
    outcome = state.outcomes.get(cell)
    if outcome is None or state.cells[cell].type == "markdown":
        return None
    if invalid is not None or not _stands(state, cell, outcome):
        return "stale"
    saved = outcome.epoch != state.kernel.epoch
    for parent in parents:
        derived = state.derived.get(parent)
        if derived is None or derived.freshness not in ("fresh", "saved"):
            return "stale"
        saved = saved or derived.freshness == "saved"
    return "saved" if saved else "fresh"


def _stands(state: State, cell: str, outcome: Outcome) -> bool:
    """Whether text, settings and every version that the execution read are the present ones."""
    if outcome.withdrawn or outcome.status == "interrupted":
        return False
    if outcome.fingerprint != state.cells[cell].fingerprint:
        return False
    return all(version_of(state, name) == version for name, version in outcome.reads)


def version_of(state: State, name: str) -> int:
    """The present version of a name (or table): that which its definer minted, by the present texts."""
    if name.startswith(TABLE):
        return state.tables.get(name[len(TABLE) :], ABSENT)
    definers = state.topology.definers(name)
    if not definers:
        return ABSENT
    if len(definers) > 1:
        return AMBIGUOUS
    outcome = state.outcomes.get(definers[0])
    if outcome is None or outcome.withdrawn or outcome.status != "success":
        return MISSING
    return outcome.versions.get(name, ABSENT)


def present_reads(state: State, job: Job) -> tuple[tuple[str, int], ...]:
    """What an execution that starts now reads: versions as the kernel holds them."""
    names = [(name, state.values.get(name, ABSENT)) for name in sorted(job.names.references)]
    tables = sorted(f"{job.connection}/{table}" for table in job.names.reads_tables)
    return (*names, *((TABLE + table, state.tables.get(table, ABSENT)) for table in tables))


# Status -----------------------------------------------------------------------------------------------------------


def show(draft: Draft, cell: str) -> Shown:
    """The first status that fits, and whom to blame."""
    state = draft.state
    derived = state.derived[cell]
    execution = state.active.get(cell)
    job = None if execution is None else state.jobs[execution]
    outcome = state.outcomes.get(cell)
    run_id = job.runs[-1] if job and job.runs else outcome.run_id if outcome else None
    status, reason = _status(draft, cell, derived, job, outcome)
    queue = execution if status == "queued" else None
    return Shown(status=status, freshness=derived.freshness, reason=reason, run_id=run_id, queue=queue)


def _status(
    draft: Draft, cell: str, derived: Derived, job: Job | None, outcome: Outcome | None
) -> tuple[Status, str | None]:
    if draft.state.cells[cell].disabled:
        return "disabled", None
    if derived.invalid is not None:
        return "invalid", derived.invalid
    if derived.blocker is not None:
        return "blocked", _why_blocked(draft, derived.blocker)
    if job is not None:
        return ("running" if job.stage == "running" else "queued"), None
    if outcome is not None and draft.state.cells[cell].type != "markdown":
        return outcome.status, None
    return "idle", None


def _why_blocked(draft: Draft, blocker: str) -> str:
    derived = draft.state.derived[blocker]
    what = "cannot run as it is written" if derived.invalid is not None else "failed"
    return f"Waits for {draft.label(blocker)}, which {what}."
