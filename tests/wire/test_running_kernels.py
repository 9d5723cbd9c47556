"""The administrators' page about real kernels."""

from __future__ import annotations

import asyncio
import re

import psutil

from tests.support.pages import administrator, fetch
from tests.support.portal import Portal
from tests.support.world import World
from tests.wire.conftest import Connect
from tests.wire.processes import kernels

BIG = 60_000_000
USING = f"""
import os, subprocess, sys
block = b"x" * {BIG}
child = subprocess.Popen([sys.executable, "-c", "b = b'x' * {BIG}; print(1, flush=True); input()"],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
"""


def row(html: str, title: str) -> str:
    """The words of a kernel's row, '' if there is none."""
    found = next((each for each in re.findall(r"<tr>.*?</tr>", html, re.DOTALL) if f">{title}<" in each), "")
    return " ".join(re.sub(r"<[^>]*>", " ", found).split())


async def test_who_uses_what_is_on_the_page(world: World, portal: Portal, connect: Connect) -> None:
    notebook = world.notebook(USING, "while True: pass", "1 + 1", title=f"Uses a lot {world.tag}")
    first, *_ = world.cells(notebook)
    cookie = world.cookie(administrator(world).username.split("-")[0])
    client = await connect(notebook, "colleague")
    await connect(notebook, "reader")
    await client.run(cellId=first)
    await client.close()

    _, html = await asyncio.to_thread(fetch, portal, "/kernels/", cookie)
    shown = row(html, notebook.title)
    assert f"{notebook.title} idle {world.person('colleague').username} {world.person('reader').username} " in shown
    process = kernels(portal, notebook)[0]
    assert f"process {process.pid}" in html and "with the 1 process that it started" in html
    memory = float(re.search(r"(\d+) MiB", shown)[1])  # type: ignore[index]
    own = process.memory_full_info().uss + process.children()[0].memory_full_info().uss
    assert 2 * BIG / 2**20 < memory < own / 2**20 + 5
    assert f'href="/notebooks/{notebook.pk}/"' in html

    client = await connect(notebook)
    await client.request("run_all")
    await client.until(lambda event: event["type"] == "cell_status" and event["status"] == "running")
    async with asyncio.timeout(20):
        while not re.search(r"running , 1 waits .* ([5-9]\d|1\d\d) % ", row(html, notebook.title)):
            await asyncio.sleep(0.5)
            _, html = await asyncio.to_thread(fetch, portal, "/kernels/", cookie)


async def test_stopping_is_said_to_who_has_it_open(world: World, portal: Portal, connect: Connect) -> None:
    notebook = world.notebook("x = 41\nx", "import time\ntime.sleep(600)", title=f"Runs long {world.tag}")
    first, second = world.cells(notebook)
    admin = administrator(world)
    cookie = world.cookie("administrator")
    client = await connect(notebook)
    running = await client.request("run_all")
    await client.until(lambda event: event["type"] == "cell_output" and event["cellId"] == first)
    (process,) = kernels(portal, notebook)

    address = f"/kernels/{notebook.sessions.get().pk}/stop/"
    status, html = await asyncio.to_thread(fetch, portal, address, cookie, {})
    assert status == 200
    assert row(html, notebook.title) == ""
    told = await client.until(lambda event: event["type"] == "kernel_status" and event["status"] == "none")
    reason = f"{admin.username}, an administrator, stopped the kernel: its values are gone, the outputs are saved."
    assert told["reason"].startswith(reason)
    await client.until(lambda event: event["type"] == "run_finished" and event["runId"] == running["runId"])
    assert client.last("cell_status", second)["status"] == "interrupted"
    psutil.wait_procs([process], timeout=10)
    assert not process.is_running()
    _, html = await asyncio.to_thread(fetch, portal, f"/notebooks/{notebook.pk}/", world.cookie("reader"))
    assert reason in html

    status, _ = await asyncio.to_thread(fetch, portal, address, world.cookie("owner"), {})
    assert status == 404
    assert (await client.run(cellId=first))["succeeded"] == 1
