"""Several processes on one database: it does not matter on which of them somebody is."""

from __future__ import annotations

import asyncio
import re
import signal
import time
import urllib.request

from tests.support.portal import Portal
from tests.support.world import World

from .conftest import Join, assert_complete, sequences

TAKEOVER = 20.0


async def test_people_on_two_processes_see_each_others_edits_runs_and_outputs(
    world: World, three: tuple[Portal, Portal, Portal], join: Join
) -> None:
    notebook = world.notebook("x = 1", "print('said')\ny = x + 1\ny")
    first, second = world.cells(notebook)
    one, other = await join(three[0], notebook, "owner"), await join(three[1], notebook, "colleague")
    assert (await one.run("run_all"))["succeeded"] == 2
    await other.until(lambda event: event["type"] == "run_finished")
    assert other.last("cell_output", second)["output"]["text/plain"] == "2"
    assert "".join(event["text"] for event in other.of("cell_stream", second)) == "said\n"
    answer = await other.request("cell_update", cellId=first, code="x = 41")
    assert answer["type"] == "ack" and answer["version"] == 1
    await one.until(lambda event: event["type"] == "cell_updated" and event.get("code") == "x = 41")
    finished = await other.run(cellId=first)
    await one.until(lambda event: event["type"] == "run_finished" and event["runId"] == finished["runId"])
    assert one.last("cell_output", second)["output"]["text/plain"] == "42"
    created = await other.request("create_cell", cellType="python", afterCellId=second, code="z = y")
    await one.until(lambda event: event["type"] == "cell_created" and event["cell"]["id"] == created["cellId"])
    assert alike(await one.hello(), await other.hello())
    assert (await one.hello())["epoch"] == (await other.hello())["epoch"]


def alike(one: dict[str, object], other: dict[str, object]) -> bool:
    return one["cells"] == other["cells"] and one["sequence"] == other["sequence"]


async def test_roles_and_answers_hold_across_processes(
    world: World, three: tuple[Portal, Portal, Portal], join: Join
) -> None:
    notebook = world.notebook("x = 1")
    (cell,) = world.cells(notebook)
    owner, reader = await join(three[0], notebook, "owner"), await join(three[1], notebook, "reader")
    refused = await reader.request("run_cell", cellId=cell)
    assert (refused["type"], refused["code"]) == ("error", "forbidden")
    colleague = await join(three[1], notebook, "colleague")
    before = len(owner.events)
    error = await colleague.request("delete_cell", cellId="00000000-0000-4000-8000-000000000000")
    assert (error["type"], error["code"]) == ("error", "cell_not_found")
    await owner.hello()
    assert [event["type"] for event in owner.events[before:]] == ["hello"]


async def test_presence_reaches_the_other_process_and_ends_with_the_socket(
    world: World, three: tuple[Portal, Portal, Portal], join: Join
) -> None:
    notebook = world.notebook("x = 1")
    (cell,) = world.cells(notebook)
    one, other = await join(three[0], notebook, "owner"), await join(three[1], notebook, "colleague")
    await other.request("presence", cellId=cell, anchor=2, head=3)
    await one.until(lambda event: event["type"] == "presence" and any(c["cellId"] == cell for c in event["clients"]))
    await other.close()
    await one.until(
        lambda event: event["type"] == "presence" and not any(c["cellId"] == cell for c in event["clients"])
    )


async def test_a_burst_of_a_thousand_cells_loses_nothing_far_from_the_owner(
    world: World, three: tuple[Portal, Portal, Portal], join: Join
) -> None:
    notebook = world.notebook(*(f"x{index} = {index}\nx{index}" for index in range(1000)))
    owner = await join(three[0], notebook)
    far = await join(three[1], notebook, "colleague")
    page = await join(three[1], notebook, "reader", form="notebook.html")
    begin = len(far.events)
    finished = await owner.run("run_all")
    assert finished["succeeded"] == 1000
    for client in (far, page):
        await client.until(lambda event: event["type"] == "run_finished", wait=20)
    got = sequences(far, begin)
    assert got == list(range(got[0], got[0] + len(got))) and len(far.of("cell_output")) == 1000
    outputs = {event["cellId"]: event["output"]["text/plain"] for event in far.of("cell_output")}
    assert [outputs[cell] for cell in world.cells(notebook)] == [str(index) for index in range(1000)]
    assert assert_complete(far) == assert_complete(owner)
    html = "".join(text for text in page.texts if text.startswith("<"))
    assert all(f'id="cell-{cell}-output"' in html for cell in world.cells(notebook))


async def test_a_table_is_paged_through_on_any_process(
    world: World, three: tuple[Portal, Portal, Portal], join: Join
) -> None:
    notebook = world.notebook("import pandas as pd\npd.DataFrame({'n': range(500)})")
    (cell,) = world.cells(notebook)
    owner = await join(three[0], notebook)
    await owner.run(cellId=cell)
    table = owner.last("cell_output", cell)["output"]["application/vnd.cascade.table+json"]["id"]
    address = f"/cells/{cell}/rows/?table={table}&offset=450&limit=50"
    for portal in three[:2]:
        html = await asyncio.to_thread(fetch, portal.url + address, world.cookie("reader"))
        assert re.findall(r'<td class="number">(\d+)</td>', html) == [str(n) for n in range(450, 500)]
    await owner.request("restart_kernel", runAll=False)
    html = await asyncio.to_thread(fetch, three[1].url + address, world.cookie("reader"))
    assert "cell again" in html


def fetch(address: str, cookie: str) -> str:
    request = urllib.request.Request(address, headers={"Cookie": f"sessionid={cookie}"})
    with urllib.request.urlopen(request, timeout=20) as response:
        return str(response.read().decode())


async def test_when_the_owner_is_killed_another_process_takes_over(
    world: World, three: tuple[Portal, Portal, Portal], join: Join
) -> None:
    """Idle sockets live through it; whatever was acknowledged is still there."""
    _, survivor, victim = three
    notebook, quiet = world.notebook("x = 1\nx", "y = x + 1\ny", "z = 1"), world.notebook("x = 1\nx")
    first, second, third = world.cells(notebook)
    owner = await join(victim, notebook)
    other = await join(survivor, notebook, "colleague")
    idle = [await join(survivor, quiet, "colleague"), await join(survivor, quiet, "reader", form="notebook.html")]
    heard = [len(client.texts) for client in idle]
    await other.run("run_all")
    for number in range(20):
        assert (await other.request("cell_update", cellId=third, code=f"z = {number}"))["type"] == "ack"
    created = (await owner.request("create_cell", cellType="python", afterCellId=second, code="w = y"))["cellId"]
    before = other.last("hello")
    silence = time.monotonic()
    assert victim.process is not None
    victim.process.send_signal(signal.SIGKILL)
    victim.process.wait()
    hello = await other.until(
        lambda event: event["type"] == "hello" and event["epoch"] > before["epoch"], wait=TAKEOVER + 3
    )
    cells = {cell["id"]: cell for cell in hello["cells"]}
    assert [cell["id"] for cell in hello["cells"]] == [first, second, created, third]
    assert cells[third]["code"] == "z = 19" and cells[second]["output"]["text/plain"] == "2"
    assert cells[second]["freshness"] == "saved" and cells[third]["freshness"] == "stale"
    assert hello["kernel"] == "none"
    assert (await other.run(cellId=second))["succeeded"] == 3
    assert assert_complete(other) > hello["sequence"]
    await asyncio.sleep(max(0.0, 8.5 - (time.monotonic() - silence)))
    assert [len(client.texts) for client in idle] == heard and not any(client.closed for client in idle)
    assert (await idle[0].run("run_all"))["succeeded"] == 1
    await idle[1].until(lambda event: event["type"] == "run_finished")
