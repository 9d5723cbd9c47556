"""A session that is opened again is as it was left; its values are `saved`, for their kernel is gone."""

from __future__ import annotations

import msgspec
from immutables import Map

from notebooks_app.live import operations as op
from notebooks_app.live.loading import build
from notebooks_app.live.snapshot import snapshots
from notebooks_app.live.state import State
from notebooks_app.live.store import Store
from notebooks_app.views.notebook import stored_state
from tests.support.world import World

from .conftest import Own
from .owner import Owner


async def reopened(store: Store, owner: Owner, kernel_epoch: int) -> State:
    rows = await store.load(owner.state.session)
    assert rows is not None
    return build(rows, epoch=owner.state.epoch, kernel_epoch=kernel_epoch)


async def a_session_with_a_past(own: Own, world: World) -> Owner:
    """Failures, edits after a run, a deleted cell, text, a disabled cell, moves."""
    notebook = world.notebook("a = 1", "b = a + 1", "1 / 0", "c = b", ("markdown", "# Text"), "gone = 1", "off = 1")
    cells = world.cells(notebook)
    owner = await own(notebook)
    owner.run()
    await owner.settled()
    owner.do(op.UpdateText(cell=cells[3], code="c = b + 1", at=2.0))
    owner.do(op.DeleteCell(cell=cells[5], run_id="r1", at=2.0))
    owner.do(op.ConfigureCell(cell=cells[6], run_id="r2", disabled=True, manual=True, code_hidden=True, at=2.0))
    owner.do(op.MoveCell(cell=cells[4], after=None, at=2.0))
    owner.do(
        op.CreateCell(cell="0f000000-0000-4000-8000-" + owner.state.session[-12:], cell_type="sql", after=cells[0])
    )
    owner.do(op.ConfigureNotebook(title="Another title", mode="lazy", delay=0.5, at=2.0))
    await owner.settled()
    return owner


async def test_the_same_state_comes_back(own: Own, store: Store, world: World) -> None:
    owner = await a_session_with_a_past(own, world)
    again = await reopened(store, owner, owner.state.kernel.epoch)
    left = owner.state
    assert again.order == left.order and again.sequence == left.sequence and again.executions == left.executions
    assert dict(again.cells) == dict(left.cells) and dict(again.deleted).keys() == dict(left.deleted).keys()
    assert again.notebook == left.notebook
    assert dict(again.outcomes) == dict(left.outcomes)
    assert dict(again.derived) == dict(left.derived) and dict(again.shown) == dict(left.shown)
    assert dict(again.values) == dict(left.values)
    assert snapshots(again) == snapshots(left)


async def test_in_a_new_kernel_what_is_up_to_date_is_saved(own: Own, store: Store, world: World) -> None:
    owner = await a_session_with_a_past(own, world)
    again = await reopened(store, owner, owner.state.kernel.epoch + 1)
    assert not again.values and not again.active and again.kernel.status == "none"
    for before, after in zip(snapshots(owner.state), snapshots(again), strict=True):
        expected = "saved" if before.freshness == "fresh" else before.freshness
        assert after == msgspec.structs.replace(before, freshness=expected)


async def test_why_the_kernel_is_gone_is_known_later_until_another_runs(own: Own, store: Store, world: World) -> None:
    owner = await own(world.notebook("a = 1"))
    owner.run()
    owner.do(op.StopKernel(id="0e000000-0000-4000-8000-" + owner.state.session[-12:], reason="Nobody used it."))
    await owner.settled()
    again = await reopened(store, owner, owner.state.kernel.epoch)
    assert (again.kernel.status, again.kernel.reason) == ("none", "Nobody used it.")
    owner.run()
    await owner.settled()
    assert (await reopened(store, owner, owner.state.kernel.epoch)).kernel.reason is None


async def test_what_was_running_is_as_before_it_ran(own: Own, store: Store, world: World) -> None:
    notebook = world.notebook("a = 1")
    owner = await own(notebook)
    owner.run()
    await owner.settled()
    before = snapshots(owner.state)
    owner.link.run = lambda command: None  # type: ignore[method-assign]
    owner.run()
    await owner.coordinator.flushed()
    assert owner.state.active
    again = await reopened(store, owner, owner.state.kernel.epoch)
    assert snapshots(again) == before and again.executions <= owner.state.executions


async def test_the_page_shows_what_the_owner_would(own: Own, world: World) -> None:
    """Pages are rendered from the tables by other code than the owner's loading."""
    owner = await a_session_with_a_past(own, world)
    notebook = world._people and _notebook(owner)
    page = stored_state(notebook, notebook.sessions.get())
    assert page.sequence == owner.state.sequence
    saved = [msgspec.structs.replace(each, freshness=_saved(each.freshness)) for each in snapshots(owner.state)]
    assert snapshots(page) == saved


def _saved(freshness: str | None) -> str | None:
    return "saved" if freshness == "fresh" else freshness


def _notebook(owner: Owner) -> object:
    from notebooks_app.models import Notebook

    return Notebook.objects.get(pk=owner.state.notebook.id)


async def test_a_deleted_cell_comes_back_with_its_output(own: Own, store: Store, world: World) -> None:
    notebook = world.notebook("a = 1", "b = 2")
    first, _ = world.cells(notebook)
    owner = await own(notebook)
    owner.run()
    await owner.settled()
    owner.do(op.DeleteCell(cell=first, run_id="r", at=2.0))
    await owner.settled()
    again = await reopened(store, owner, owner.state.kernel.epoch + 1)
    assert again.order == owner.state.order and list(again.deleted) == [first]
    assert first not in again.shown and again.outcomes[first].status == "success"
    assert again.history == Map()


async def test_a_secret_is_shown_masked(own: Own, store: Store, world: World) -> None:
    notebook = world.notebook("a = 1", connection_secret="secret")
    owner = await own(notebook)
    assert owner.state.notebook.connection_string == "masked secret"
    assert owner.state.notebook.connection_secret == "secret"
