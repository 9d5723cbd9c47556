"""What `tests.live.machine` has found, each as short as it gets."""

from __future__ import annotations

from notebooks_app.live.events import CellOutput

from .harness import Session


def test_what_is_invalid_by_now_is_not_queued_again_when_what_it_reads_runs() -> None:
    session = Session()
    a, reader = session.create("a = 1"), session.create("c = a")
    session.run()
    session.ask(reader)
    session.start()
    session.create("c = 5")
    session.ask(a)
    codes = [session.state.jobs[execution].cell for execution in session.state.waiting]
    assert session.status(reader) == "invalid" and reader not in codes
    assert sum(job.cell == reader for job in session.state.jobs.values()) == 1
    session.drain()
    assert not session.state.jobs and not session.state.runs


def test_a_disabled_cell_does_not_stay_fresh_when_what_it_read_changes() -> None:
    session = Session()
    a, reader = session.create("a = 1"), session.create("b = a")
    session.run()
    session.configure(reader, disabled=True)
    session.edit(a, "a = 2")
    session.run(a)
    assert session.freshness(reader) == "stale"
    session.check()


def test_of_a_deleted_cell_nothing_is_told_when_its_kernel_dies() -> None:
    session = Session()
    a = session.create("a = 1")
    session.ask(a)
    session.begin()
    session.delete(a)
    told = len(session.events)
    session.die()
    assert not [event for event in session.events[told:] if isinstance(event, CellOutput)]
