"""Kernels of several processes: any of them shows and stops all, and packages change everywhere."""

from __future__ import annotations

import asyncio

from tests.support.pages import administrator, fetch
from tests.support.portal import Portal
from tests.support.world import World

from .conftest import Join

Three = tuple[Portal, Portal, Portal]


async def test_each_process_shows_the_kernels_of_all_and_stops_them(world: World, three: Three, join: Join) -> None:
    here, there, _ = three
    notebooks = [world.notebook("x = 1\nx", title=f"At {place} {world.tag}") for place in ("one", "two")]
    clients = [await join(portal, notebook) for portal, notebook in zip((here, there), notebooks, strict=True)]
    for client in clients:
        await client.run("run_all")
    administrator(world)
    cookie = world.cookie("administrator")
    _, html = await asyncio.to_thread(fetch, here, "/kernels/", cookie)
    assert all(f">{notebook.title}</a>" in html for notebook in notebooks)
    for portal in (here, there):
        assert portal.process is not None and f"process {portal.process.pid}</h2>" in html

    await asyncio.to_thread(fetch, here, f"/kernels/{notebooks[1].sessions.get().pk}/stop/", cookie, {})
    told = await clients[1].until(lambda event: event["type"] == "kernel_status" and event["status"] == "none")
    assert "an administrator, stopped the kernel" in told["reason"]
    _, html = await asyncio.to_thread(fetch, there, "/kernels/", cookie)
    assert notebooks[0].title in html and notebooks[1].title not in html
    assert (await clients[1].run("run_all"))["succeeded"] == 1


async def test_packages_change_in_all_processes_for_kernels_to_come(world: World, three: Three, join: Join) -> None:
    here, there, _ = three
    look = "import sys\n'colorsys' in sys.modules"
    before, after = world.notebook(look), world.notebook(look)
    client = await join(there, before)
    await client.run("run_all")
    administrator(world)
    cookie = world.cookie("administrator")
    status, html = await asyncio.to_thread(fetch, here, "/kernels/packages/", cookie, {"packages": "pandas,\ncolorsys"})
    assert status == 200
    async with asyncio.timeout(30):
        while html.count("has imported pandas, colorsys.") < 2:
            await asyncio.sleep(0.2)
            _, html = await asyncio.to_thread(fetch, there, "/kernels/", cookie)

    other = await join(there, after)
    await other.run("run_all")
    assert other.last("cell_output")["output"]["text/plain"] == "True"
    await client.run("run_all")
    assert client.last("cell_output")["output"]["text/plain"] == "False"
