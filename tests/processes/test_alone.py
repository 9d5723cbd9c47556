"""One process: it ends in order, comes back, and no slow client harms it."""

from __future__ import annotations

import asyncio
import signal
import time

import psutil
import websockets

from tests.support.portal import Portal
from tests.support.wire import Client
from tests.support.world import World

from .conftest import Join, assert_complete

MEGABYTE = 1_000_000


async def test_a_socket_that_does_not_read_harms_nobody(world: World, alone: Portal, join: Join) -> None:
    """300 MB are produced; the server keeps a bounded part of them, and the slow one ends up with everything."""
    notebook = world.notebook(*[f"print((str({index}) * 49 + chr(10)) * 9900)" for index in range(10, 13)])
    cells = world.cells(notebook)
    server = psutil.Process(alone.process.pid if alone.process else 0)
    watcher = await join(alone, notebook, "colleague")
    headers = {"Cookie": f"sessionid={world.cookie('reader')}"}
    address = alone.url.replace("http", "ws", 1) + f"/ws/notebooks/{notebook.pk}/"
    stuck = await websockets.connect(
        address,
        subprotocols=["notebook.json"],
        additional_headers=headers,
        max_size=None,
        compression=None,
        max_queue=4,
    )
    await stuck.send('{"type": "resync", "epoch": -1, "since": 0}')
    await watcher.run(cellId=cells[0])
    at_first, most, slowest = server.memory_info().rss, 0, 0.0
    for _ in range(103):
        running = asyncio.create_task(watcher.run("run_all"))
        while not running.done():
            await asyncio.wait([running], timeout=0.1)
            most = max(most, server.memory_info().rss)
            asked = time.monotonic()
            await watcher.request("presence", cellId=cells[0], anchor=0, head=0)
            slowest = max(slowest, time.monotonic() - asked)
        assert (await running)["succeeded"] == 3
        produced = sum(len(event["text"]) for event in watcher.of("cell_stream"))
        watcher.texts.clear()
    assert produced > 300 * MEGABYTE
    assert most - at_first < 150 * MEGABYTE, f"The portal grew by {(most - at_first) / MEGABYTE:.0f} MB."
    assert slowest < 3, f"Somebody waited {slowest:.1f} s for an answer."
    reader = Client(stuck)
    await watcher.request("cell_update", cellId=cells[0], code="the_end = 1")
    target = assert_complete(watcher)
    await reader.until(lambda event: event.get("sequence", 0) >= target, wait=30)
    assert assert_complete(reader) >= target
    hello = await reader.hello()
    assert hello["cells"][0]["code"] == "the_end = 1"
    await reader.close()


async def test_what_is_long_arrives_too(world: World, alone: Portal, join: Join) -> None:
    """A bundle may have 16 MB, and `hello` has all of them."""
    code = "class Page:\n    def _repr_html_(self):\n        return 'x' * 6_000_000\nPage()"
    notebook = world.notebook(code)
    (cell,) = world.cells(notebook)
    client = await join(alone, notebook)
    ack = await client.request("run_cell", cellId=cell)
    output = await client.until(lambda event: event["type"] == "cell_output")
    assert ack["type"] == "ack" and len(output["output"]["text/html"]) == 6_000_000
    assert (await client.hello())["cells"][0]["output"] == output["output"]


async def test_an_orderly_end_asks_everyone_to_come_back(world: World, alone: Portal, join: Join) -> None:
    notebook = world.notebook("x = 1\nx")
    (cell,) = world.cells(notebook)
    clients = [await join(alone, notebook), await join(alone, notebook, "reader", form="notebook.html")]
    await clients[0].run(cellId=cell)
    answer = await clients[0].request("cell_update", cellId=cell, code="x = 2\nx")
    assert answer["type"] == "ack"
    unanswered = [await clients[0].send("cell_update", cellId=cell, code=f"x = {index}") for index in range(50)]
    hello = clients[0].last("hello")
    begin = time.monotonic()
    status = await asyncio.to_thread(alone.stop, signal.SIGTERM)
    assert time.monotonic() - begin < 10
    await clients[0].wait(lambda: clients[0].closed is not None)
    await clients[1].wait(lambda: clients[1].closed is not None)
    closed = {client.closed for client in clients}
    session = notebook.sessions.get()
    assert (session.holder, session.kernel_handle) == ("", "")
    answered = [event for event in clients[0].of("ack") if event["requestId"] in unanswered]
    code = notebook.cells.get().code
    assert not answered or code == f"x = {unanswered.index(answered[-1]['requestId'])}" or code == "x = 49"
    assert "Nothing is lost" in alone.said and "Traceback" not in alone.said, alone.said[-3000:]
    await asyncio.to_thread(alone.start)
    back = await join(alone, notebook, greet=False)
    again = await back.request("resync", epoch=hello["epoch"], since=hello["sequence"])
    assert again["type"] == "hello" and again["epoch"] > hello["epoch"]
    assert again["cells"][0]["code"] == code and again["cells"][0]["output"]["text/plain"] == "1"
    assert (await back.run(cellId=cell))["succeeded"] == 1
    assert closed == {1012}
    assert status == 0
