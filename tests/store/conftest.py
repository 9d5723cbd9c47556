"""A store on the test database, and coordinators on it with a kernel that does what it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from notebooks_app.live.store import Lease, Store, open_pool
from tests.support.world import World

from .owner import Owner

SECONDS = 30.0


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    pool = open_pool(database_url, size=4)
    await pool.open(wait=True, timeout=10)
    yield Store(pool, lambda secret: f"masked {secret}")
    await pool.close()


def session_of(notebook: Any) -> str:
    return str(notebook.sessions.get().pk)


async def acquired(store: Store, notebook: Any, holder: str = "one", seconds: float = SECONDS) -> Lease:
    lease = await store.acquire(session_of(notebook), holder, seconds)
    assert isinstance(lease, Lease)
    return lease


Own = Callable[..., Awaitable[Owner]]


@pytest.fixture
async def own(store: Store, world: World) -> AsyncIterator[Own]:
    """`await own(notebook)`: the owner of its session."""
    owners: list[Owner] = []

    async def owned(notebook: Any, holder: str = "one") -> Owner:
        owners.append(await Owner.open(store, await acquired(store, notebook, holder)))
        return owners[-1]

    yield owned
    for owner in owners:
        await owner.close()
