"""What runs, in which order, and how runs end (design, section 6)."""

from __future__ import annotations

import pytest

from .harness import Session


@pytest.fixture
def session() -> Session:
    return Session()


def test_running_a_cell_runs_its_dependents_in_order(session: Session) -> None:
    c = session.create("c = b + 1")
    b = session.create("b = a + 1")
    a = session.create("a = 1")
    run = session.run(a)
    assert session.ran() == ["a = 1", "b = a + 1", "c = b + 1"]
    assert [session.output(cell) for cell in (a, b, c)] == ["1", "2", "3"]
    finished = session.finished(run)
    assert (finished.succeeded, finished.failed, finished.blocked) == (3, 0, 0)
    assert session.events[-1] is finished


def test_independent_cells_stay_as_they_are(session: Session) -> None:
    a = session.create("a = 1")
    other = session.create("other = 5")
    session.run(a)
    assert session.status(other) == "idle"
    assert session.freshness(other) is None


def test_among_equals_the_order_on_the_page_decides(session: Session) -> None:
    session.create("x = 1")
    session.create("y = 2")
    session.create("z = 3")
    session.run()
    assert session.ran() == ["x = 1", "y = 2", "z = 3"]


def test_ancestors_that_never_ran_run_first_and_only_those(session: Session) -> None:
    session.create("a = 1")
    session.create("b = a + 1")
    session.create("unrelated = 1")
    c = session.create("c = b + 1")
    session.run(c)
    assert session.ran() == ["a = 1", "b = a + 1", "c = b + 1"]
    session.run(c)
    assert session.ran() == ["c = b + 1"]


def test_in_lazy_mode_dependents_are_marked_and_not_run() -> None:
    session = Session(mode="lazy")
    a = session.create("a = 1")
    b = session.create("b = a + 1")
    session.run()
    session.edit(a, "a = 10")
    session.run(a)
    assert session.ran()[-1:] == ["a = 10"]
    assert session.freshness(b) == "stale"
    session.ask_for("stale")
    session.drain()
    assert session.output(b) == "11"
    assert session.freshness(b) == "fresh"


def test_editing_runs_nothing_and_marks_what_is_stale(session: Session) -> None:
    a = session.create("a = 1")
    b = session.create("b = a")
    session.run()
    session.ran()
    session.edit(a, "a = 2")
    session.drain()
    assert session.ran() == []
    assert session.freshness(a) == session.freshness(b) == "stale"
    assert session.status(a) == "success"


def test_an_edit_undone_is_fresh_again(session: Session) -> None:
    a = session.create("a = 1")
    b = session.create("b = a")
    session.run()
    session.edit(a, "a = 2")
    session.edit(a, "a = 1")
    assert session.freshness(a) == session.freshness(b) == "fresh"


def test_a_failure_blocks_descendants_and_names_itself(session: Session) -> None:
    a = session.create("a = 1 / 0")
    b = session.create("b = a")
    c = session.create("c = b")
    run = session.run(a)
    assert session.status(a) == "error"
    assert session.status(b) == session.status(c) == "blocked"
    assert "cell 1" in session.reason(c)
    finished = session.finished(run)
    assert (finished.succeeded, finished.failed, finished.blocked) == (0, 1, 2)
    session.edit(a, "a = 1")
    session.run(a)
    assert [session.status(cell) for cell in (a, b, c)] == ["success"] * 3


def test_an_ancestor_whose_fresh_outcome_is_an_error_blocks(session: Session) -> None:
    session.create("a = 1 / 0")
    b = session.create("b = a")
    session.run()
    run = session.run(b)
    assert session.finished(run).blocked == 1
    assert session.ran()[-1:] == ["a = 1 / 0"]


def test_renaming_a_definition_shows_errors_downstream_and_renaming_back_heals(session: Session) -> None:
    a = session.create("x = 1")
    b = session.create("y = x + 1")
    session.run()
    session.edit(a, "z = 1")
    run = session.run(a)
    assert session.status(b) == "error"
    assert session.finished(run).failed == 1
    session.edit(a, "x = 1")
    session.run(a)
    assert session.status(b) == "success"
    assert session.output(b) == "2"


def test_deleting_a_definition_reruns_its_readers(session: Session) -> None:
    a = session.create("x = 1")
    b = session.create("y = x")
    session.run()
    session.delete(a)
    session.drain()
    assert session.status(b) == "error"
    session.restore(a)
    session.drain()
    assert session.status(b) == "success"
    assert session.status(a) == "success"


def test_disabling_a_definition_reruns_its_readers(session: Session) -> None:
    a = session.create("x = 1")
    b = session.create("y = x")
    session.run()
    session.configure(a, disabled=True)
    session.drain()
    assert session.status(a) == "disabled"
    assert session.status(b) == "error"
    session.configure(a, disabled=False)
    session.drain()
    assert session.status(b) == "success"


def test_duplicates_are_told_about_each_other_and_neither_runs(session: Session) -> None:
    a = session.create("x = 1")
    b = session.create("x = 2")
    c = session.create("y = x")
    run = session.run()
    assert session.status(a) == session.status(b) == "invalid"
    assert "cell 2" in session.reason(a) and "cell 1" in session.reason(b)
    assert session.status(c) == "blocked"
    assert session.ran() == []
    assert session.finished(run).blocked == 3
    session.edit(b, "z = 2")
    session.run(a)
    assert session.output(c) == "1"


def test_a_cycle_is_refused_with_its_path(session: Session) -> None:
    a = session.create("a = b")
    b = session.create("b = a")
    run = session.run(a)
    assert session.status(a) == session.status(b) == "invalid"
    assert "a -> b -> a" in session.reason(a) or "b -> a -> b" in session.reason(a)
    assert session.finished(run).succeeded == 0
    session.edit(b, "b = 1")
    session.run(b)
    assert session.output(a) == "1"


def test_healing_shows_the_last_outcome_again(session: Session) -> None:
    a = session.create("df = 1")
    b = session.create("other = 2")
    session.run()
    session.edit(b, "df = 2")
    assert session.status(a) == "invalid"
    session.edit(b, "df2 = 2")
    assert session.status(a) == "success"
    assert session.freshness(a) == "fresh"


def test_a_syntax_error_changes_nothing_about_the_others(session: Session) -> None:
    a = session.create("a = 1")
    b = session.create("b = a")
    session.run()
    session.ran()
    bad = session.create("def (")
    session.run(a)
    assert session.ran() == ["a = 1", "b = a"]
    assert session.status(bad) == "invalid"
    assert session.status(b) == "success"


def test_a_queued_cell_is_not_queued_twice_and_belongs_to_both_runs(session: Session) -> None:
    a = session.create("a = 1")
    b = session.create("b = 2")
    session.ask(a)
    session.begin()
    first = session.ask(b)
    second = session.ask(b)
    session.end()
    session.drain()
    assert session.ran().count("b = 2") == 1
    assert session.finished(first).succeeded == session.finished(second).succeeded == 1
    assert session.status(b) == "success"


def test_a_queued_cell_runs_the_text_that_it_had_when_asked(session: Session) -> None:
    slow = session.create("slow = 1")
    b = session.create("b = 2")
    session.ask(slow)
    session.begin()
    session.ask(b)
    session.edit(b, "b = 3")
    session.end()
    session.drain()
    assert session.output(b) == "2"
    assert session.freshness(b) == "stale"


def test_asking_again_supersedes_a_running_cell(session: Session) -> None:
    a = session.create("a = 1")
    first = session.ask(a)
    session.begin()
    session.edit(a, "a = 2")
    second = session.ask(a)
    session.end()
    session.drain()
    assert session.output(a) == "2"
    assert (session.finished(first).succeeded, session.finished(first).failed) == (0, 0)
    assert session.finished(second).succeeded == 1
    shown = [output.output for output in session.outputs(first)]
    assert shown == [None]


def test_running_something_that_a_running_cell_depends_on_supersedes_it(session: Session) -> None:
    a = session.create("a = 1")
    b = session.create("b = a")
    session.run()
    session.ran()
    session.ask(b)
    session.begin()
    session.edit(a, "a = 5")
    session.ask(a)
    session.end()
    session.drain()
    assert session.ran() == ["a = 5", "b = a"]
    assert session.output(b) == "5"


def test_interrupt_stops_the_running_cell_and_empties_the_queue(session: Session) -> None:
    a = session.create("a = 1")
    b = session.create("b = a")
    run = session.ask(a)
    session.begin()
    session.interrupt()
    session.end()
    session.drain()
    assert session.status(a) == "interrupted"
    assert session.ran() == []
    assert session.status(b) in ("idle", "blocked")
    session.finished(run)
    session.run(b)
    assert session.output(b) == "1"


def test_a_dead_kernel_fails_what_ran_and_cancels_the_rest(session: Session) -> None:
    a = session.create("a = 1")
    b = session.create("b = 2")
    session.run()
    run = session.ask()
    session.begin()
    session.die()
    assert session.state.kernel.status == "dead"
    assert session.status(a) == "error"
    assert session.status(b) == "success"
    assert session.freshness(b) == "saved"
    assert session.finished(run).failed == 1
    session.run(b)
    assert session.freshness(b) == "fresh"


def test_after_a_restart_outputs_are_saved_and_ancestors_run_again(session: Session) -> None:
    from notebooks_app.live import operations as op

    a = session.create("a = 1")
    b = session.create("b = a")
    session.run()
    session.do(op.RestartKernel(id="11111111-1111-4111-8111-111111111111"))
    assert session.freshness(a) == session.freshness(b) == "saved"
    session.run(b)
    assert session.ran() == ["a = 1", "b = a"]
    assert session.freshness(b) == "fresh"


def test_a_manual_cell_is_marked_and_runs_only_when_asked(session: Session) -> None:
    a = session.create("a = 1")
    b = session.create("b = a", manual=True)
    c = session.create("c = b")
    session.run()
    session.ran()
    session.edit(a, "a = 2")
    session.run(a)
    assert session.ran() == ["a = 2"]
    assert session.freshness(b) == session.freshness(c) == "stale"
    session.run(b)
    assert session.ran() == ["b = a", "c = b"]


def test_run_above_and_below(session: Session) -> None:
    session.create("a = 1")
    b = session.create("b = 2")
    session.create("c = 3")
    session.run(b, scope="above")
    assert session.ran() == ["a = 1"]
    session.run(b, scope="below")
    assert session.ran() == ["b = 2", "c = 3"]


def test_a_run_of_what_cannot_run_finishes_at_once(session: Session) -> None:
    cell = session.create("def (")
    text = session.create("# Title", cell_type="markdown")
    assert session.finished(session.ask(cell)).blocked == 1
    assert session.finished(session.ask(text)).succeeded == 0
    assert session.kernel is None


def test_each_execution_ends_in_one_output(session: Session) -> None:
    session.create("a = 1")
    session.create("b = a")
    session.create("1 / 0")
    run = session.run()
    assert len(session.outputs(run)) == 3


def test_moving_a_cell_runs_nothing(session: Session) -> None:
    from notebooks_app.live import operations as op

    a = session.create("a = 1")
    b = session.create("b = 2")
    session.run()
    session.ran()
    session.do(op.MoveCell(cell=b, after=None))
    assert session.state.order == (b, a)
    session.drain()
    assert session.ran() == []
    assert session.freshness(b) == "fresh"


@pytest.fixture(autouse=True)
def _derived_as_from_scratch(session: Session):
    yield
    session.check()


def test_an_import_in_two_cells_is_told_where_to_go(session: Session) -> None:
    first = session.create("import math\nx = math.pi")
    second = session.create("import math\ny = math.e")
    assert session.status(first) == session.status(second) == "invalid"
    assert (
        session.reason(first)
        == "`math` is imported in cell 2 too: import it in one cell, and every other cell can use it."
    )
    session.edit(second, "y = math.e")
    session.run()
    assert session.status(first) == session.status(second) == "success"
