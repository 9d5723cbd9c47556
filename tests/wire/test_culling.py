"""Kernels that nobody uses are stopped, and whoever comes then is told."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from notebooks_app.models import Notebook, Session
from tests.support.portal import Portal
from tests.support.wire import Client
from tests.support.world import World
from tests.wire.processes import kernels

Join = Callable[..., Awaitable[Client]]
UNWATCHED = "The kernel was stopped after 0.6 seconds without use: its values are gone, the outputs are saved."
WATCHED = UNWATCHED.replace("0.6", "3")


@pytest.fixture(scope="module")
def impatient(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal whose kernels are stopped soon."""
    from django.conf import settings

    portal = Portal(
        tmp_path_factory.mktemp("impatient"),
        DATABASE_URL=database_url,
        CASCADE_SECRET_KEY=settings.SECRET_KEY,
        CASCADE_KERNEL_PACKAGES="pandas",
        CASCADE_CULL_IDLE_AFTER="0.6",
        CASCADE_CULL_IDLE_WATCHED_AFTER="3",
    )
    yield portal.start()
    portal.stop()


@pytest.fixture
async def join(impatient: Portal, world: World) -> AsyncIterator[Join]:
    clients: list[Client] = []

    async def joined(notebook: Notebook, role: str = "owner") -> Client:
        clients.append(await Client.connect(impatient.url, notebook.pk, world.cookie(role)))
        await clients[-1].hello()
        return clients[-1]

    yield joined
    for client in clients:
        await client.close()


async def gone(portal: Portal, notebook: Notebook) -> None:
    """Until a notebook has no kernel, and that is stored."""
    async with asyncio.timeout(15):
        while kernels(portal, notebook) or Session.objects.get(notebook=notebook).kernel_handle:
            await asyncio.sleep(0.05)


def page(portal: Portal, notebook: Notebook, cookie: str) -> str:
    request = urllib.request.Request(
        f"{portal.url}/notebooks/{notebook.pk}/", headers={"Cookie": f"sessionid={cookie}"}
    )
    with urllib.request.urlopen(request) as response:
        return str(response.read().decode())


async def test_a_kernel_without_viewers_goes_and_a_later_viewer_is_told(
    world: World, impatient: Portal, join: Join
) -> None:
    notebook = world.notebook("x = 41\nx")
    (cell,) = world.cells(notebook)
    client = await join(notebook)
    await client.run(cellId=cell)
    assert len(kernels(impatient, notebook)) == 1
    await client.close()
    await gone(impatient, notebook)

    html = page(impatient, notebook, world.cookie("reader"))
    assert UNWATCHED in html and 'data-kernel="none"' in html
    later = await join(notebook, "colleague")
    hello = later.last("hello")
    assert hello["kernel"] == "none" and hello["kernelReason"].startswith(UNWATCHED)
    assert hello["cells"][0]["freshness"] == "saved"
    assert hello["cells"][0]["output"]["text/plain"] == "41"

    assert (await later.run(cellId=cell))["succeeded"] == 1
    assert later.last("kernel_status")["reason"] is None
    assert UNWATCHED not in page(impatient, notebook, world.cookie("reader"))


async def test_who_watches_an_unused_kernel_sees_it_go(world: World, impatient: Portal, join: Join) -> None:
    notebook = world.notebook("x = 41", "x + 1")
    _, second = world.cells(notebook)
    watcher = await join(notebook, "reader")
    client = await join(notebook)
    await client.run("run_all")
    told = await watcher.until(lambda event: event["type"] == "kernel_status" and event["status"] == "none")
    assert told["reason"].startswith(WATCHED)
    assert watcher.last("cell_status", second)["freshness"] == "saved"
    await gone(impatient, notebook)

    assert (await client.run(cellId=second))["succeeded"] == 2
    assert client.last("cell_output", second)["output"]["text/plain"] == "42"


async def test_a_kernel_that_runs_or_is_to_run_something_stays(world: World, impatient: Portal, join: Join) -> None:
    """Neither a long cell nor those that wait for it are cut off, whether or not anybody looks."""
    slow = "import os, time\npid = os.getpid()\ntime.sleep(3.6)"
    watched, alone = world.notebook(slow, "os.getpid() == pid"), world.notebook(slow, "os.getpid() == pid")
    looking, leaving = await join(watched), await join(alone)
    await leaving.request("run_all")
    running = await looking.request("run_all")
    await leaving.close()
    finished = await looking.until(lambda event: event["type"] == "run_finished" and event["runId"] == running["runId"])
    assert finished["succeeded"] == 2
    assert looking.last("cell_output", world.cells(watched)[1])["output"]["text/plain"] == "True"

    await gone(impatient, alone)
    cells = (await (await join(alone, "reader")).hello())["cells"]
    assert [cell["status"] for cell in cells] == ["success", "success"]
    assert cells[1]["output"]["text/plain"] == "True"


async def test_using_it_keeps_it(world: World, impatient: Portal, join: Join) -> None:
    notebook = world.notebook("import os\nos.getpid()", "# notes")
    cell, notes = world.cells(notebook)
    client = await join(notebook)
    await client.run(cellId=cell)
    first: Any = client.last("cell_output", cell)["output"]["text/plain"]
    for number in range(9):
        await asyncio.sleep(0.4)
        await client.request("cell_update", cellId=notes, code=f"# notes {number}")
    await client.run(cellId=cell)
    assert client.last("cell_output", cell)["output"]["text/plain"] == first
