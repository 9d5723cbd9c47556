"""A session has one owner at a time: by a lease that expires, and is checked in each transaction."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from notebooks_app.live import operations as op
from notebooks_app.live.effects import Writes
from notebooks_app.live.loading import build
from notebooks_app.live.reducer import apply
from notebooks_app.live.store import Lease, LeaseLost, Recorded, Store
from tests.support.world import World

from .conftest import acquired, session_of


async def edited(store: Store, lease: Lease, notebook: Any, cell: str, code: str) -> tuple[Any, Writes, list[Recorded]]:
    """What there is to commit after an edit."""
    rows = await store.load(lease.session)
    assert rows is not None
    operation = op.UpdateText(cell=cell, code=code, at=1.0)
    applied = apply(build(rows, epoch=lease.epoch, kernel_epoch=1), operation)
    return applied.state, applied.writes, [Recorded(sequence=applied.state.sequence, operation=operation)]


async def test_one_holder_at_a_time(store: Store, world: World) -> None:
    notebook = world.notebook("x = 1")
    session = session_of(notebook)
    lease = await acquired(store, notebook, "one")
    assert (lease.epoch, lease.holder) == (1, "one")
    assert await store.acquire(session, "two", 30) == "one"
    assert await store.holder(session) == "one"
    again = await acquired(store, notebook, "one")
    assert again.epoch == 2, "whoever acquires begins an epoch"


async def test_of_many_that_want_it_one_gets_it(store: Store, world: World) -> None:
    session = session_of(world.notebook("x = 1"))
    answers = await asyncio.gather(*(store.acquire(session, f"holder {index}", 30) for index in range(12)))
    (lease,) = [each for each in answers if isinstance(each, Lease)]
    assert {each for each in answers if isinstance(each, str)} == {lease.holder}


async def test_a_lease_that_expired_is_taken_over_and_writes_nothing_any_more(store: Store, world: World) -> None:
    notebook = world.notebook("x = 1")
    (cell,) = world.cells(notebook)
    old = await acquired(store, notebook, "one", seconds=0.05)
    state, writes, changes = await edited(store, old, notebook, cell, "x = 'too late'")
    await asyncio.sleep(0.1)
    assert await store.holder(old.session) == ""
    new = await acquired(store, notebook, "two")
    assert new.epoch == old.epoch + 1
    with pytest.raises(LeaseLost):
        await store.commit(old, state, writes, changes)
    assert notebook.cells.get().code == "x = 1" and notebook.changes.count() == 0
    session = notebook.sessions.get()
    assert (session.sequence, session.holder) == (0, "two")
    state, writes, changes = await edited(store, new, notebook, cell, "x = 2")
    await store.commit(new, state, writes, changes)
    assert notebook.cells.get().code == "x = 2" and notebook.changes.get().epoch == new.epoch


async def test_renewing_keeps_what_is_ours_and_says_what_is_not(store: Store, world: World) -> None:
    ours, theirs = world.notebook("x = 1"), world.notebook("y = 1")
    mine = await acquired(store, ours, "one", seconds=0.2)
    lost = await acquired(store, theirs, "one", seconds=0.01)
    await asyncio.sleep(0.05)
    await acquired(store, theirs, "two")
    assert await store.renew([mine, lost], 30) == {mine.session}
    await asyncio.sleep(0.2)
    assert await store.holder(mine.session) == "one"


async def test_a_late_renewal_holds_if_nobody_came_meanwhile(store: Store, world: World) -> None:
    notebook = world.notebook("x = 1")
    lease = await acquired(store, notebook, "one", seconds=0.01)
    await asyncio.sleep(0.05)
    assert await store.renew([lease], 30) == {lease.session}
    assert await store.acquire(lease.session, "two", 30) == "one"


async def test_releasing_lets_the_next_one_in_at_once_and_forgets_the_kernel(store: Store, world: World) -> None:
    notebook = world.notebook("x = 1")
    lease = await acquired(store, notebook, "one")
    await store.save_handle(lease, '{"some": "handle"}')
    assert notebook.sessions.get().running
    await store.release(lease)
    session = notebook.sessions.get()
    assert (session.holder, session.expires, session.kernel_handle) == ("", None, "")
    assert (await acquired(store, notebook, "two")).epoch == lease.epoch + 1


async def test_a_former_holder_changes_nothing(store: Store, world: World) -> None:
    notebook = world.notebook("x = 1")
    old = await acquired(store, notebook, "one", seconds=0.01)
    await asyncio.sleep(0.05)
    new = await acquired(store, notebook, "two")
    await store.save_handle(new, "theirs")
    await store.save_handle(old, "mine")
    await store.release(old)
    session = notebook.sessions.get()
    assert (session.holder, session.kernel_handle) == ("two", "theirs")
    assert await store.renew([old], 30) == set()


async def test_a_session_that_is_gone(store: Store, world: World) -> None:
    nowhere = "00000000-0000-4000-8000-000000000000"
    assert await store.acquire(nowhere, "one", 30) == ""
    assert await store.holder(nowhere) == "" and await store.load(nowhere) is None
