"""Clients of a running portal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from tests.support.portal import Portal
from tests.support.wire import Client
from tests.support.world import World

Connect = Callable[..., Awaitable[Client]]


@pytest.fixture
async def connect(portal: Portal, world: World) -> AsyncIterator[Connect]:
    """`await connect(notebook, "owner")`: a client that has said `resync` and heard `hello`."""
    clients: list[Client] = []

    async def connected(
        notebook: Any, role: str = "owner", form: str | None = "notebook.json", greet: bool = True
    ) -> Client:
        client = await Client.connect(portal.url, notebook.pk, world.cookie(role), form)
        clients.append(client)
        if greet:
            await client.hello()
        return client

    yield connected
    for client in clients:
        await client.close()
