"""Cells run over the real socket, in a real kernel."""

from __future__ import annotations

import pytest

from tests.support.world import World

from .conftest import Connect

pytestmark = pytest.mark.usefixtures("world")


async def test_an_edit_and_a_run_update_every_dependent_for_everyone(world: World, connect: Connect) -> None:
    notebook = world.notebook("a = 1", "b = a + 1\nb", "other = 5\nother")
    first, second, third = world.cells(notebook)
    writer, watcher = await connect(notebook, "owner"), await connect(notebook, "colleague")
    await writer.run("run_all")
    await writer.request("cell_update", cellId=first, code="a = 10")
    finished = await writer.run(cellId=first)
    assert (finished["succeeded"], finished["failed"], finished["blocked"]) == (2, 0, 0)
    run = finished["runId"]
    await watcher.until(lambda event: event["type"] == "run_finished" and event["runId"] == run)
    output = watcher.last("cell_output", second)
    assert output["output"]["text/plain"] == "11"
    assert output["runId"] == run
    assert not [event for event in watcher.of("cell_output", third) if event["runId"] == run]
    assert watcher.last("cell_status", second)["freshness"] == "fresh"


async def test_hello_has_the_whole_notebook(world: World, connect: Connect) -> None:
    notebook = world.notebook("x = 1\nx", ("sql", "select 1", "rows"), ("markdown", "# Title"), title="All of it")
    client = await connect(notebook)
    hello = client.last("hello")
    fields = {"epoch", "sequence", "clientId", "role", "kernel", "cells", "title", "executionMode", "autoRunDelay"}
    assert fields <= set(hello)
    assert hello["role"] == "owner" and hello["title"] == "All of it" and hello["autoRunDelay"] == 1.5
    assert [cell["type"] for cell in hello["cells"]] == ["python", "sql", "markdown"]
    cell = hello["cells"][0]
    assert {"id", "type", "code", "version", "status", "freshness", "outputName", "output"} <= set(cell)
    assert cell["code"] == "x = 1\nx" and cell["status"] == "idle" and cell["freshness"] is None
    assert hello["cells"][1]["outputName"] == "rows"
    await client.run("run_all")
    again = await client.hello()
    assert again["cells"][0]["output"]["text/plain"] == "1"
    assert again["cells"][0]["status"] == "success" and again["cells"][0]["freshness"] == "fresh"


async def test_streams_displays_and_errors_arrive_in_order(world: World, connect: Connect) -> None:
    code = "import sys\nprint('one')\ndisplay({'a': 1})\nprint('two', file=sys.stderr)\n1 / 0"
    notebook = world.notebook(code)
    (cell,) = world.cells(notebook)
    client = await connect(notebook)
    finished = await client.run(cellId=cell)
    assert (finished["succeeded"], finished["failed"]) == (0, 1)
    streams = "".join(event["text"] for event in client.of("cell_stream", cell) if event["stream"] == "stdout")
    assert streams == "one\n"
    output = client.last("cell_output", cell)
    assert output["output"] is None
    assert output["error"]["name"] == "ZeroDivisionError" and output["error"]["message"] == "division by zero"
    assert "1 / 0" in output["error"]["traceback"] and "cell 1" in output["error"]["traceback"]
    assert output["displays"][0]["text/plain"] == "{'a': 1}"


async def test_an_ack_comes_after_what_its_operation_caused(world: World, connect: Connect) -> None:
    notebook = world.notebook("x = 1", "y = x")
    client = await connect(notebook)
    await client.run("run_all")
    (first, second) = world.cells(notebook)
    mark = len(client.events)
    ack = await client.request("cell_update", cellId=first, code="x = 2")
    assert ack["version"] == 1
    kinds = [event["type"] for event in client.events[mark:]]
    assert kinds.index("cell_updated") < kinds.index("ack")
    statuses = {event["cellId"]: event["freshness"] for event in client.events[mark:] if event["type"] == "cell_status"}
    assert statuses == {first: "stale", second: "stale"}
    assert kinds[-1] == "ack"


async def test_sequences_have_no_gap(world: World, connect: Connect) -> None:
    notebook = world.notebook(*(f"x{number} = {number}\nprint(x{number})\nx{number}" for number in range(40)))
    client = await connect(notebook)
    await client.run("run_all")
    sequences = [event["sequence"] for event in client.events if "sequence" in event and event["type"] != "hello"]
    start = client.of("hello")[-1]["sequence"]
    assert sequences == list(range(start + 1, start + 1 + len(sequences)))


async def test_a_repeated_request_happens_once(world: World, connect: Connect) -> None:
    notebook = world.notebook("x = 1")
    client = await connect(notebook)
    request = "the-same-request-twice"
    first = await client.request("create_cell", cellType="python", afterCellId=None, code="z = 1", requestId=request)
    mark = len(client.events)
    await client.send("create_cell", cellType="python", afterCellId=None, code="z = 1", requestId=request)
    again = await client.until(lambda event: event.get("requestId") == request, since=mark)
    assert again["cellId"] == first["cellId"]
    assert len((await client.hello())["cells"]) == 2


async def test_interrupt_stops_the_cell_and_empties_the_queue(world: World, connect: Connect) -> None:
    notebook = world.notebook("import time\nprint('begun')\ntime.sleep(60)", "after = 1")
    first, second = world.cells(notebook)
    client = await connect(notebook)
    ack = await client.request("run_all")
    await client.until(lambda event: event["type"] == "cell_stream")
    await client.request("interrupt")
    await client.until(lambda event: event["type"] == "run_finished" and event["runId"] == ack["runId"])
    assert client.last("cell_status", first)["status"] == "interrupted"
    assert client.last("cell_status", second)["status"] == "idle"
    assert client.last("cell_output", first)["error"]["name"] == "KeyboardInterrupt"


async def test_restart_and_run_all(world: World, connect: Connect) -> None:
    notebook = world.notebook("import os\npid = os.getpid()\npid", "pid * 0")
    first, second = world.cells(notebook)
    client = await connect(notebook)
    await client.run("run_all")
    before = client.last("cell_output", first)["output"]["text/plain"]
    ack = await client.request("restart_kernel", runAll=False)
    assert ack["type"] == "ack"
    assert client.last("cell_status", second)["freshness"] == "saved"
    finished = await client.run("restart_kernel", runAll=True)
    assert finished["succeeded"] == 2
    assert client.last("cell_output", first)["output"]["text/plain"] != before
    assert client.last("cell_status", second)["freshness"] == "fresh"


async def test_scopes_above_and_below(world: World, connect: Connect) -> None:
    notebook = world.notebook("a = 1", "b = 2", "c = 3")
    cells = world.cells(notebook)
    client = await connect(notebook)
    assert (await client.run(cellId=cells[1], scope="above"))["succeeded"] == 1
    assert [event["cellId"] for event in client.of("cell_output")] == cells[:1]
    assert (await client.run(cellId=cells[1], scope="below"))["succeeded"] == 2
    assert [event["cellId"] for event in client.of("cell_output")] == cells


async def test_an_update_says_whose_it_is(world: World, connect: Connect) -> None:
    notebook = world.notebook("a = 1")
    (cell,) = world.cells(notebook)
    client = await connect(notebook)
    await client.request("cell_update", cellId=cell, code="a = 2")
    event = client.last("cell_updated")
    assert {key: event[key] for key in ("cellId", "version", "code", "author")} == {
        "cellId": cell, "version": 1, "code": "a = 2", "author": world.person("owner").username,
    }  # fmt: skip


async def test_each_execution_ends_in_one_output(world: World, connect: Connect) -> None:
    """Asking again for a running cell supersedes it: it is interrupted, and the new code runs."""
    notebook = world.notebook("import time\nprint('begun')\ntime.sleep(60)")
    (cell,) = world.cells(notebook)
    client = await connect(notebook)
    first = await client.request("run_cell", cellId=cell)
    await client.until(lambda event: event["type"] == "cell_stream")
    await client.request("cell_update", cellId=cell, code="'new'")
    finished = await client.run(cellId=cell)
    assert finished["succeeded"] == 1
    outputs = client.of("cell_output", cell)
    assert len(outputs) == 2 and outputs[0]["output"] is None
    assert outputs[1]["output"]["text/plain"] == "'new'"
    ended = [event["runId"] for event in client.of("run_finished")]
    assert sorted(ended) == sorted([first["runId"], finished["runId"]])


@pytest.mark.parametrize("death", ["import os; os._exit(1)", "import os; os.kill(os.getpid(), 9)"])
async def test_a_dead_kernel_is_noticed_and_the_next_run_starts_another(
    world: World, connect: Connect, death: str
) -> None:
    notebook = world.notebook("x = 1\nx", death)
    first, second = world.cells(notebook)
    client = await connect(notebook)
    await client.run(cellId=first)
    finished = await client.run(cellId=second)
    assert finished["failed"] + finished["blocked"] >= 1
    dead = await client.until(lambda event: event["type"] == "kernel_status" and event["status"] == "dead")
    assert dead["reason"]
    assert client.last("cell_status", first)["freshness"] == "saved"
    finished = await client.run(cellId=first)
    assert finished["succeeded"] == 1
    assert client.last("cell_output", first)["output"]["text/plain"] == "1"


async def test_a_thousand_cells_lose_no_output(world: World, connect: Connect) -> None:
    notebook = world.notebook(*(f"v{number} = {number}\nv{number}" for number in range(1000)))
    client, watcher = await connect(notebook), await connect(notebook, "reader")
    finished = await client.run("run_all")
    assert finished["succeeded"] == 1000
    await watcher.until(lambda event: event["type"] == "run_finished", wait=60)
    for each in (client, watcher):
        shown = sorted(int(event["output"]["text/plain"]) for event in each.of("cell_output"))
        assert shown == list(range(1000))


async def test_printing_for_ever_is_cut_and_slows_nobody(world: World, connect: Connect) -> None:
    loud = world.notebook("for _ in range(1_000_000):\n    print('x' * 100)\n")
    quiet = world.notebook("1 + 1")
    shouting, calm = await connect(loud), await connect(quiet)
    run = await shouting.request("run_all")
    finished = await calm.run("run_all")
    assert finished["succeeded"] == 1
    await shouting.until(lambda event: event["type"] == "run_finished" and event["runId"] == run["runId"], wait=60)
    text = "".join(event["text"] for event in shouting.of("cell_stream"))
    assert len(text) < 2_000_000
    assert "not shown" in text[-2000:]
