"""What is acknowledged is stored: text, outcomes, history and sequence in one transaction, or nothing of it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection as database

from notebooks_app.live import operations as op
from notebooks_app.live.events import CellUpdated
from notebooks_app.live.records import decode_content, decode_record
from tests.support.world import World

from .conftest import Own, acquired
from .owner import Owner, events_of


@contextmanager
def broken(table: str, when: str = "true") -> Iterator[None]:
    """Postgres refuses to write rows of a table."""
    name = f"broken_{uuid.uuid4().hex}"
    with database.cursor() as cursor:
        cursor.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF {when} THEN RAISE EXCEPTION 'the disk is full'; END IF; RETURN NEW; END $$"
        )
        cursor.execute(
            f"CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
        )
    try:
        yield
    finally:
        with database.cursor() as cursor:
            cursor.execute(f"DROP FUNCTION {name}() CASCADE")


async def test_everything_of_a_change_is_in_one_transaction(own: Own, world: World) -> None:
    notebook = world.notebook("x = 1", "y = x + 1")
    first, second = world.cells(notebook)
    owner = await own(notebook)
    owner.do(op.UpdateText(cell=first, code="x = 41", at=1.0))
    owner.run()
    await owner.settled()
    session = notebook.sessions.get()
    assert session.sequence == owner.state.sequence and session.executions == owner.state.executions == 2
    assert notebook.cells.get(pk=first).code == "x = 41" and notebook.cells.get(pk=first).version == 1
    execution = session.executions_finished.get(cell_id=second)
    assert (execution.status, execution.number) == ("success", 2)
    assert decode_content(bytes(execution.content)).output == {"text/plain": "42"}
    assert dict(decode_record(bytes(execution.record)).reads) == {"x": 1}
    kinds = [change.operation["operation"] for change in notebook.changes.order_by("id")]
    assert kinds == ["update_text", "run"]
    sequences = list(notebook.changes.order_by("id").values_list("sequence", flat=True))
    assert sequences == sorted(sequences) and sequences[-1] <= session.sequence


async def test_a_failure_midway_leaves_nothing_behind(own: Own, world: World) -> None:
    """The history comes last: what came before it in the transaction is undone."""
    notebook = world.notebook("x = 1")
    (cell,) = world.cells(notebook)
    owner = await own(notebook)
    user = world.person("owner").pk
    with broken("change", f"NEW.notebook_id = '{notebook.pk}'"):
        owner.ask("cell_update", user, cellId=cell, code="x = 2", requestId="a")
        await asyncio.sleep(0.3)
        assert notebook.cells.get().code == "x = 1" and notebook.sessions.get().sequence == 0
    assert [(each["type"], each["requestId"]) for each in owner.hub.answers] == [("error", "a")]


async def test_several_operations_of_one_tick_are_one_transaction(own: Own, world: World) -> None:
    notebook = world.notebook("x = 1")
    (cell,) = world.cells(notebook)
    owner = await own(notebook)
    user = world.person("owner").pk
    for index in range(20):
        owner.ask("cell_update", user, cellId=cell, code=f"x = {index}", requestId=f"r{index}")
    await owner.settled()
    assert len(owner.store.commits) == 1
    writes, changes = owner.store.commits[0]
    assert writes.cells == {cell} and len(changes) == 20
    assert notebook.cells.get().code == "x = 19" and notebook.changes.count() == 20
    assert [each["type"] for each in owner.hub.answers] == ["ack"] * 20
    assert [each["version"] for each in owner.hub.answers] == list(range(1, 21))


async def test_what_comes_during_a_commit_goes_into_the_next(own: Own, world: World) -> None:
    notebook = world.notebook("x = 1")
    (cell,) = world.cells(notebook)
    owner = await own(notebook)
    user = world.person("owner").pk
    for index in range(100):
        owner.ask("cell_update", user, cellId=cell, code=f"x = {index}", requestId=f"r{index}")
        await asyncio.sleep(0)
    await owner.settled()
    assert 1 <= len(owner.store.commits) < 60
    assert sum(len(changes) for _, changes in owner.store.commits) == 100
    assert notebook.changes.count() == 100


async def test_a_commit_that_fails_changes_nothing_and_says_so(own: Own, world: World) -> None:
    notebook = world.notebook("x = 1")
    (cell,) = world.cells(notebook)
    owner = await own(notebook)
    user = world.person("owner").pk
    with broken("cell", f"NEW.notebook_id = '{notebook.pk}'"):
        owner.ask("cell_update", user, cellId=cell, code="x = 2", requestId="a")
        owner.ask("create_cell", user, cellType="python", afterCellId=None, code="", requestId="b")
        owner.ask("delete_cell", user, cellId=str(uuid.uuid4()), requestId="c")
        await asyncio.sleep(0.2)
    assert {(each["type"], each["requestId"], each["code"]) for each in owner.hub.answers} == {
        ("error", "a", "not_stored"),
        ("error", "b", "not_stored"),
        ("error", "c", "cell_not_found"),
    }
    assert owner.state.cells[cell].code == "x = 1" and owner.state.order == (cell,)
    assert owner.hub.events == [] and owner.state.sequence == 0
    await asyncio.sleep(0.6)
    owner.ask("cell_update", user, cellId=cell, code="x = 3", requestId="d")
    await owner.settled()
    assert owner.hub.answers[-1]["type"] == "ack"
    assert notebook.cells.get().code == owner.state.cells[cell].code == "x = 3"
    assert [event["sequence"] for event in owner.hub.events] == list(range(1, owner.state.sequence + 1))


async def test_what_the_kernel_said_is_applied_again_after_a_failure(own: Own, world: World) -> None:
    """Nobody could send it again: the kernel did it once."""
    notebook = world.notebook("x = 1", "y = x")
    owner = await own(notebook)
    with broken("execution", f"NEW.session_id = '{owner.state.session}'"):
        owner.run()
        await asyncio.sleep(0.3)
        assert not notebook.sessions.get().executions_finished.exists()
        assert owner.link.acknowledged < 3
    for _ in range(60):
        await asyncio.sleep(0.1)
        if notebook.sessions.get().executions_finished.count() == 2:
            break
    await owner.settled()
    assert [owner.state.shown[cell].status for cell in owner.state.order] == ["success", "success"]
    assert notebook.sessions.get().executions_finished.count() == 2
    assert owner.hub.events[-1]["type"] == "run_finished" and owner.hub.events[-1]["succeeded"] == 2


async def test_a_cascade_does_not_wait_for_commits_and_survives_one_that_fails(own: Own, world: World) -> None:
    """The kernel gets each execution once and in order, whatever becomes of what it says meanwhile."""
    count = 60
    notebook = world.notebook("x0 = 0", *(f"x{number} = x{number - 1} + 1" for number in range(1, count)))
    owner = await own(notebook)
    with broken("execution", f"NEW.session_id = '{owner.state.session}' AND NEW.number > 5"):
        owner.run()
        await asyncio.sleep(0.3)
        assert len(owner.link.received) > 40
        assert notebook.sessions.get().executions_finished.count() < count
    for _ in range(60):
        await asyncio.sleep(0.1)
        if notebook.sessions.get().executions_finished.count() == count:
            break
    await owner.settled()
    assert owner.link.received == sorted(set(owner.link.received)) and len(owner.link.received) == count
    assert {owner.state.shown[cell].freshness for cell in owner.state.order} == {"fresh"}
    assert owner.hub.events[-1]["type"] == "run_finished" and owner.hub.events[-1]["succeeded"] == count
    assert [event["sequence"] for event in owner.hub.events] == list(range(1, owner.state.sequence + 1))


async def test_a_coordinator_that_lost_its_lease_stops_and_writes_nothing(own: Own, world: World) -> None:
    notebook = world.notebook("x = 1")
    (cell,) = world.cells(notebook)
    owner = await own(notebook, "one")
    await owner.store.renew([owner.coordinator.lease], -1)
    await acquired(owner.store, notebook, "two")
    owner.ask("cell_update", world.person("owner").pk, cellId=cell, code="x = 2", requestId="a")
    await asyncio.wait_for(owner.lost.wait(), 5)
    assert owner.coordinator.closed
    assert notebook.cells.get().code == "x = 1" and notebook.changes.count() == 0
    assert not [each for each in owner.hub.answers if each["type"] == "ack"] and owner.hub.events == []


async def test_what_is_never_stored_waits_for_no_commit(own: Own, world: World) -> None:
    notebook = world.notebook("x = 1")
    (cell,) = world.cells(notebook)
    owner = await own(notebook)
    owner.ask("presence", world.person("owner").pk, cellId=cell, anchor=0, head=0, requestId="a")
    await owner.settled()
    assert owner.store.commits == [] and [each["type"] for each in owner.hub.events] == ["presence"]


async def test_a_repeated_request_happens_once(own: Own, world: World) -> None:
    notebook = world.notebook("x = 1")
    owner = await own(notebook)
    user = world.person("owner").pk
    for _ in range(3):
        owner.ask("create_cell", user, cellType="python", afterCellId=None, code="", requestId="the very same request")
    await owner.settled()
    owner.ask("create_cell", user, cellType="python", afterCellId=None, code="", requestId="the very same request")
    await owner.settled()
    assert len(owner.state.order) == 2 and notebook.cells.count() == 2
    assert len({str(sorted(each.items())) for each in owner.hub.answers}) == 1 and len(owner.hub.answers) == 4


async def test_secrets_are_not_in_the_history(own: Own, world: World) -> None:
    notebook = world.notebook("x = 1")
    owner = await own(notebook)
    owner.do(op.ConnectionChanged(connection_string="postgresql://u:***@h/d", secret="encrypted", at=1.0))
    await owner.settled()
    notebook.refresh_from_db()
    assert notebook.connection_secret == "encrypted"
    assert "secret" not in notebook.changes.get().operation


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE cell; --", "🦜\u2028\u202e", "%(id)s %s {}", "\\x00 \\u0000", "a" * 200_000]
)
async def test_any_text_is_stored_as_it_is(own: Own, world: World, text: str) -> None:
    notebook = world.notebook("x = 1")
    (cell,) = world.cells(notebook)
    owner = await own(notebook)
    owner.do(op.ConfigureCell(cell=cell, run_id="r", cell_type="markdown", at=1.0))
    owner.do(op.UpdateText(cell=cell, code=text, at=1.0))
    await owner.settled()
    assert notebook.cells.get().code == text
    assert len(events_of(owner, CellUpdated)) == 1


async def test_an_output_keeps_its_address_until_it_is_replaced(own: Own, world: World) -> None:
    notebook = world.notebook("x = 1")
    (cell,) = world.cells(notebook)
    owner = await own(notebook)
    addresses = []
    for _ in range(2):
        _give_html(owner)
        owner.run()
        await owner.settled()
        execution = notebook.sessions.get().executions_finished.get()
        addresses.append(str(execution.outputs.get().pk))
        assert owner.state.outcomes[cell].outputs == {"value/text/html": addresses[-1]}
    assert addresses[0] != addresses[1]


def _give_html(owner: Owner) -> None:
    import msgspec

    finish = type(owner.link.kernel).finish.__get__(owner.link.kernel)
    owner.link.kernel.finish = lambda command: msgspec.structs.replace(  # type: ignore[method-assign]
        finish(command), output={"text/html": "<b>1</b>", "text/plain": "1"}
    )


async def test_a_run_waits_for_no_commit_and_is_recorded_with_its_outcome(own: Own, world: World) -> None:
    notebook = world.notebook("x = 1")
    (cell,) = world.cells(notebook)
    owner = await own(notebook)
    user = world.person("owner").pk
    owner.ask("run_cell", user, cellId=cell, requestId="a")
    await owner.settled()
    assert len(owner.store.commits) == 1
    assert notebook.sessions.get().executions_finished.count() == notebook.changes.count() == 1


async def test_an_edit_is_stored_before_its_run_begins(own: Own, world: World) -> None:
    notebook = world.notebook("x = 1")
    (cell,) = world.cells(notebook)
    owner = await own(notebook)
    user = world.person("owner").pk
    with broken("cell", f"NEW.notebook_id = '{notebook.pk}'"):
        owner.ask("cell_update", user, cellId=cell, code="x = 2", requestId="a")
        owner.ask("run_cell", user, cellId=cell, requestId="b")
        await asyncio.sleep(0.2)
    assert owner.link.received == []
    assert {(each["type"], each["requestId"]) for each in owner.hub.answers} == {("error", "a"), ("error", "b")}


async def test_a_run_of_nothing_is_recorded_when_the_notebook_closes(own: Own, world: World) -> None:
    notebook = world.notebook("x = (")
    (cell,) = world.cells(notebook)
    owner = await own(notebook)
    owner.ask("run_cell", world.person("owner").pk, cellId=cell, requestId="a")
    await owner.settled()
    await owner.coordinator.close("The test is over.")
    assert notebook.changes.count() == 1
