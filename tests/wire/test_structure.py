"""Cells come, go, move and are configured; the notebook too."""

from __future__ import annotations

import uuid

from tests.support.world import World

from .conftest import Connect


async def test_a_cell_is_created_where_it_was_asked_for(world: World, connect: Connect) -> None:
    notebook = world.notebook("a = 1", "b = 2")
    first, second = world.cells(notebook)
    writer, watcher = await connect(notebook), await connect(notebook, "reader")
    mine = str(uuid.uuid4())
    ack = await writer.request("create_cell", cellType="sql", afterCellId=first, code="select 1", cellId=mine)
    assert ack["cellId"] == mine
    top = (await writer.request("create_cell", cellType="markdown", afterCellId=None, code="# Hi"))["cellId"]
    created = await watcher.until(lambda event: event["type"] == "cell_created" and event["cell"]["id"] == mine)
    assert created["index"] == 1 and created["cell"]["type"] == "sql" and created["cell"]["code"] == "select 1"
    status = next(event for event in watcher.events if event["type"] == "cell_status" and event["cellId"] == mine)
    assert status["sequence"] > created["sequence"]
    assert [cell["id"] for cell in (await watcher.hello())["cells"]] == [top, first, mine, second]
    assert world.cells(notebook) == [top, first, mine, second]


async def test_a_cell_that_exists_is_not_created_again(world: World, connect: Connect) -> None:
    notebook = world.notebook("a = 1")
    (cell,) = world.cells(notebook)
    client = await connect(notebook)
    error = await client.request("create_cell", cellType="python", afterCellId=None, code="", cellId=cell)
    assert error["type"] == "error" and error["code"] == "cell_exists"


async def test_deleting_a_definition_runs_its_readers_and_restoring_heals(world: World, connect: Connect) -> None:
    notebook = world.notebook("x = 1", "y = x + 1\ny")
    first, second = world.cells(notebook)
    client = await connect(notebook)
    await client.run("run_all")
    mark = len(client.events)
    await client.request("delete_cell", cellId=first)
    await client.until(lambda event: event["type"] == "run_finished", since=mark)
    assert client.last("cell_deleted")["cellId"] == first
    error = client.last("cell_output", second)["error"]
    assert error["name"] == "NameError" and "cell 1" in error["message"]
    mark = len(client.events)
    await client.request("restore_cell", cellId=first)
    await client.until(lambda event: event["type"] == "run_finished", since=mark)
    assert client.last("cell_created")["cell"]["id"] == first
    assert client.last("cell_output", second)["output"]["text/plain"] == "2"


async def test_a_cell_moves_for_everyone(world: World, connect: Connect) -> None:
    notebook = world.notebook("a = 1", "b = 2", "c = 3")
    one, two, three = world.cells(notebook)
    writer, watcher = await connect(notebook), await connect(notebook, "reader")
    await writer.request("move_cell", cellId=three, afterCellId=None)
    moved = await watcher.until(lambda event: event["type"] == "cell_moved")
    assert (moved["cellId"], moved["index"]) == (three, 0)
    await writer.request("move_cell", cellId=one, afterCellId=two)
    assert [cell["id"] for cell in (await watcher.hello())["cells"]] == [three, two, one]


async def test_settings_of_a_cell(world: World, connect: Connect) -> None:
    notebook = world.notebook("a = 1\na", "b = a\nb")
    first, second = world.cells(notebook)
    client = await connect(notebook)
    await client.run("run_all")
    await client.request("configure_cell", cellId=second, manual=True, codeHidden=True)
    assert client.last("cell_configured") | {"sequence": 0} == {
        "type": "cell_configured",
        "sequence": 0,
        "cellId": second,
        "manual": True,
        "codeHidden": True,
    }
    await client.request("cell_update", cellId=first, code="a = 2\na")
    await client.run(cellId=first)
    assert client.last("cell_status", second)["freshness"] == "stale"
    await client.request("configure_cell", cellId=first, disabled=True)
    assert client.last("cell_status", first)["status"] == "disabled"
    await client.request("configure_cell", cellId=second, cellType="markdown")
    assert (await client.hello())["cells"][1]["type"] == "markdown"
    error = await client.request("configure_cell", cellId=first, outputName="not a name")
    assert error["code"] == "invalid_name"


async def test_settings_of_the_notebook(world: World, connect: Connect) -> None:
    notebook = world.notebook("a = 1", "b = a")
    first, second = world.cells(notebook)
    client, watcher = await connect(notebook), await connect(notebook, "colleague")
    await client.request("configure_notebook", title="Better", executionMode="lazy", autoRunDelay=0.5)
    event = await watcher.until(lambda event: event["type"] == "notebook_configured")
    assert (event["title"], event["executionMode"], event["autoRunDelay"]) == ("Better", "lazy", 0.5)
    notebook.refresh_from_db()
    assert (notebook.title, notebook.execution_mode, notebook.auto_run_delay) == ("Better", "lazy", 0.5)
    await client.run("run_all")
    await client.request("cell_update", cellId=first, code="a = 2")
    await client.run(cellId=first)
    assert client.last("cell_status", second)["freshness"] == "stale"
    finished = await client.run("run_stale")
    assert finished["succeeded"] == 1
    for bad in ({"title": ""}, {"autoRunDelay": -1}, {"executionMode": "sometimes"}):
        assert (await client.request("configure_notebook", **bad))["type"] == "error"


async def test_two_definitions_are_told_about_each_other(world: World, connect: Connect) -> None:
    notebook = world.notebook("x = 1", "x = 2", "y = x")
    first, second, third = world.cells(notebook)
    client = await connect(notebook)
    hello = client.last("hello")
    status = {cell["id"]: (cell["status"], cell["reason"]) for cell in hello["cells"]}
    assert status[first][0] == status[second][0] == "invalid" and status[third][0] == "blocked"
    assert "cell 2" in status[first][1] and "cell 1" in status[second][1]
    finished = await client.run("run_all")
    assert finished["succeeded"] == 0 and finished["blocked"] == 3
    await client.request("cell_update", cellId=second, code="z = 2")
    assert client.last("cell_status", first)["status"] == "idle"


async def test_a_cycle_is_refused_with_its_path(world: World, connect: Connect) -> None:
    notebook = world.notebook("a = b", "b = a")
    first, _ = world.cells(notebook)
    client = await connect(notebook)
    cells = client.last("hello")["cells"]
    assert all(cell["status"] == "invalid" and "a -> b -> a" in cell["reason"] for cell in cells)
    await client.request("cell_update", cellId=first, code="a = 1")
    finished = await client.run("run_all")
    assert finished["succeeded"] == 2


async def test_renaming_and_renaming_back(world: World, connect: Connect) -> None:
    notebook = world.notebook("x = 1", "y = x + 1\ny")
    first, second = world.cells(notebook)
    client = await connect(notebook)
    await client.run("run_all")
    await client.request("cell_update", cellId=first, code="z = 1")
    await client.run(cellId=first)
    assert client.last("cell_status", second)["status"] == "error"
    assert "cell 1" in client.last("cell_output", second)["error"]["message"]
    await client.request("cell_update", cellId=first, code="x = 1")
    await client.run(cellId=first)
    assert client.last("cell_status", second) | {"runId": "", "sequence": 0} == {
        "type": "cell_status", "cellId": second, "status": "success", "freshness": "fresh", "reason": None,
        "runId": "", "sequence": 0,
    }  # fmt: skip


async def test_change_sets_of_two_editors_converge(world: World, connect: Connect) -> None:
    notebook = world.notebook("abc")
    (cell,) = world.cells(notebook)
    one, two = await connect(notebook), await connect(notebook, "colleague")
    await one.request("cell_update", cellId=cell, version=0, changes=[[[0, "1"], 3]])
    answer = await two.request("cell_update", cellId=cell, version=0, changes=[[3, [0, "2"]]])
    assert answer["version"] == 2
    assert (await one.hello())["cells"][0]["code"] == "1abc2"
    event = two.last("cell_updated", cell)
    assert event["version"] == 2 and event["changes"][0]["changes"] == [4, [0, "2"]]
    assert event["changes"][0]["clientId"]


async def test_presence_is_told_and_ends(world: World, connect: Connect) -> None:
    notebook = world.notebook("abc")
    (cell,) = world.cells(notebook)
    one, two = await connect(notebook), await connect(notebook, "reader")
    await two.send("presence", cellId=cell, anchor=1, head=2)
    event = await one.until(
        lambda event: event["type"] == "presence" and any(each["head"] == 2 for each in event["clients"])
    )
    me = next(each for each in event["clients"] if each["head"] == 2)
    assert me["cellId"] == cell and me["anchor"] == 1 and me["user"] == world.person("reader").username
    mark = len(one.events)
    await two.close()
    gone = await one.until(lambda event: event["type"] == "presence", since=mark)
    assert all(each["clientId"] != me["clientId"] for each in gone["clients"])
