"""Who gets pages of tables and sockets, by what cookie, and what the pages' headers say."""

from __future__ import annotations

import gzip
import http.client
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone
from websockets.exceptions import InvalidStatus

from tests.support.portal import Portal
from tests.support.wire import Client
from tests.support.world import World

from .conftest import Connect

HEADERS = ("content-security-policy", "cross-origin-opener-policy", "referrer-policy", "x-content-type-options")


def ask(portal: Portal, address: str, cookie: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", portal.port, timeout=20)
    connection.request(method, address, headers={"Cookie": f"sessionid={cookie}"} | headers)
    return connection.getresponse()


@pytest.fixture
async def shown(world: World, connect: Connect) -> tuple[Any, str]:
    """A notebook that shows a table, and the address of the table's second page."""
    notebook = world.notebook("import pandas as pd\npd.DataFrame({'n': range(500)})")
    (cell,) = world.cells(notebook)
    client = await connect(notebook)
    await client.run(cellId=cell)
    table = client.last("cell_output", cell)["output"]["application/vnd.cascade.table+json"]
    return notebook, f"/cells/{cell}/rows/?table={table['id']}&offset=50&limit=50"


def expire(world: World, cookie: str) -> None:
    Session.objects.filter(session_key=cookie).update(expire_date=timezone.now() - timedelta(seconds=1))


def deactivate(world: World, cookie: str) -> None:
    world.person("reader").is_active = False
    world.person("reader").save(update_fields=["is_active"])


def change_password(world: World, cookie: str) -> None:
    world.person("reader").set_password("another one, and long")
    world.person("reader").save(update_fields=["password"])


def log_out(world: World, cookie: str) -> None:
    Session.objects.filter(session_key=cookie).delete()


def forge(world: World, cookie: str) -> None:
    """Another session's data does not count if it was signed with another key."""
    session = Session.objects.get(session_key=cookie)
    session.session_data = session.session_data[:-4] + "AAAA"
    session.save()


@pytest.mark.parametrize("end", [expire, deactivate, change_password, log_out, forge])
async def test_a_session_that_ended_opens_neither_pages_nor_sockets(
    end: Any, world: World, portal: Portal, shown: tuple[Any, str]
) -> None:
    notebook, address = shown
    cookie = world.cookie("reader")
    response = ask(portal, address, cookie)
    assert response.status == 200 and b"<td" in response.read()
    await (await Client.connect(portal.url, notebook.pk, cookie)).close()
    end(world, cookie)
    with pytest.raises(InvalidStatus):
        await Client.connect(portal.url, notebook.pk, cookie)
    response = ask(portal, address, cookie)
    assert response.status == 302 and response.headers["Location"].startswith("/accounts/login/?next=/cells/")


async def test_pages_are_refused_like_any_other(world: World, portal: Portal, shown: tuple[Any, str]) -> None:
    _, address = shown
    assert ask(portal, address, world.cookie("stranger")).status == 404
    assert ask(portal, "/cells/00000000-0000-4000-8000-000000000000/rows/", world.cookie("owner")).status == 404
    assert ask(portal, address, world.cookie("owner"), "PUT").status in (403, 405)
    assert ask(portal, address, world.cookie("owner"), Host="elsewhere.example").status == 400
    for cookie in ("", "nonsense", "n" * 32):
        assert ask(portal, address, cookie).status == 302


async def test_pages_have_the_headers_of_every_page(world: World, portal: Portal, shown: tuple[Any, str]) -> None:
    _, address = shown
    response = ask(portal, address, world.cookie("reader"), **{"Accept-Encoding": "gzip"})
    other = ask(portal, "/", world.cookie("reader"), **{"Accept-Encoding": "gzip"})
    for name in (*HEADERS, "x-frame-options", "content-type", "content-encoding"):
        assert response.headers[name] and response.headers[name] == other.headers[name], name
    assert {"Cookie", "Accept-Encoding"} <= set(response.headers["Vary"].split(", "))
    assert b"<td" in gzip.decompress(response.read())
