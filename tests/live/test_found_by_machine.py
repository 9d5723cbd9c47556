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


def test_a_reason_follows_when_the_other_definition_becomes_an_import() -> None:
    session = Session()
    session.create("import math as e")
    second = session.create("e = 5")
    assert "is also defined in cell 1" in session.reason(second)
    session.edit(second, "import math as e")
    session.check()
    assert "is imported in cell 1 too" in session.reason(second)


def test_what_waits_at_the_kernel_for_a_cell_that_was_deleted_runs_without_it() -> None:
    session = Session()
    a, reader = session.create("a = 1"), session.create("b = a")
    session.ask()
    session.start()
    session.delete(a)
    session.drain()
    assert session.status(reader) == "error" and session.freshness(reader) == "fresh"
    assert not session.state.runs


def test_an_older_text_that_was_still_queued_leaves_no_names_to_who_is_asked_for_now() -> None:
    session = Session()
    a, reader = session.create("a = 1"), session.create("b = a")
    session.ask()
    session.edit(a, "del c")
    session.ask()
    session.drain()
    assert session.status(reader) == "error" and session.freshness(reader) == "fresh"


def test_names_of_an_older_text_go_before_the_next_run() -> None:
    session = Session(mode="lazy")
    a, reader, other = session.create("a = 1"), session.create("b = a"), session.create("d = 1")
    session.ask(a)
    session.edit(a, "c = 1")
    session.ask(other)
    session.drain()
    session.run(reader)
    assert session.status(reader) == "error" and session.freshness(reader) == "fresh"


def test_a_failure_while_a_name_was_undefined_is_stale_once_it_has_a_cell_again() -> None:
    session = Session(mode="lazy")
    a, reader = session.create("a = 1 / 0"), session.create("b = a")
    session.run(a)
    session.delete(a)
    session.run(reader)
    assert session.status(reader) == "error" and session.freshness(reader) == "fresh"
    session.restore(a)
    assert session.status(reader) == "blocked" and session.freshness(reader) == "stale"


def test_what_was_to_be_forgotten_for_a_deleted_cell_stays_once_it_is_restored() -> None:
    session = Session()
    f = session.create("")
    reader = session.create("b = f()")
    session.run()
    session.edit(f, "def f():\n    return 1")
    session.ask(f)
    session.delete(f)
    session.restore(f)
    session.drain()
    assert session.status(reader) == "success" and session.freshness(reader) == "fresh"


def test_a_cell_that_counts_itself_up_does_not_see_what_an_older_text_leaves_behind() -> None:
    session = Session()
    first = session.create("a = 1")
    session.ask(first)
    session.edit(first, "c = 1")
    counter = session.create("a = a + 1")
    session.run(counter)
    assert session.status(counter) == "error"


def test_an_edit_undone_is_not_fresh_if_its_names_have_gone_meanwhile() -> None:
    session = Session(mode="lazy")
    a, reader = session.create("a = 1"), session.create("b = a")
    session.ask(a)
    session.start()
    session.edit(a, "c = 1")
    session.ask(reader)
    session.edit(a, "a = 1")
    session.drain()
    assert session.freshness(a) == "stale"
    session.run(reader)
    assert session.output(reader) == "1" and session.freshness(a) == session.freshness(reader) == "fresh"


def test_a_queued_older_text_does_not_take_a_name_from_the_cell_that_has_it_now() -> None:
    session = Session()
    above, below, reader = session.create(""), session.create("a = 1"), session.create("b = a")
    session.ask()
    session.edit(below, "a = (")
    session.edit(above, "a = 2")
    session.run()
    assert session.output(reader) == "2"
    assert session.freshness(above) == session.freshness(reader) == "fresh"
