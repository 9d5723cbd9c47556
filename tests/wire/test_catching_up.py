"""Who was away gets what it missed; who opens again sees everything as it was."""

from __future__ import annotations

import asyncio

from tests.support.world import World

from .conftest import Connect


async def test_a_client_that_was_away_gets_what_it_missed(world: World, connect: Connect) -> None:
    notebook = world.notebook("x = 1\nx")
    (cell,) = world.cells(notebook)
    writer, sleeper = await connect(notebook), await connect(notebook, "reader")
    hello = sleeper.last("hello")
    await sleeper.close()
    await writer.request("cell_update", cellId=cell, code="x = 2\nx")
    await writer.run(cellId=cell)
    back = await connect(notebook, "reader", greet=False)
    await back.request("resync", epoch=hello["epoch"], since=hello["sequence"])
    missed = [event for event in back.events if "sequence" in event]
    assert missed[0]["sequence"] == hello["sequence"] + 1
    assert back.last("cell_updated", cell)["code"] == "x = 2\nx"
    assert back.last("cell_output", cell)["output"]["text/plain"] == "2"
    assert not back.of("hello")


async def test_another_epoch_gets_hello(world: World, connect: Connect) -> None:
    notebook = world.notebook("x = 1")
    client = await connect(notebook, greet=False)
    answer = await client.request("resync", epoch=10**6, since=0)
    assert answer["type"] == "hello" and answer["cells"]


async def test_opening_again_shows_everything_and_runs_nothing(world: World, connect: Connect) -> None:
    notebook = world.notebook("print('said')\nx = [1, 2]\nx", "1 / 0", "y = x")
    client = await connect(notebook)
    await client.run("run_all")
    before = (await client.hello())["cells"]
    await client.close()
    await asyncio.sleep(0.3)
    again = await connect(notebook, "colleague")
    await asyncio.sleep(0.5)
    assert again.last("hello")["cells"] == before
    assert [event["type"] for event in again.events if event["type"] not in ("hello", "presence")] == []
    assert before[0]["output"]["text/plain"] == "[1, 2]" and before[1]["error"]["name"] == "ZeroDivisionError"


async def test_what_was_acknowledged_is_stored(world: World, connect: Connect) -> None:
    notebook = world.notebook("x = 1")
    (cell,) = world.cells(notebook)
    client = await connect(notebook)
    await client.request("cell_update", cellId=cell, code="x = 2")
    assert notebook.cells.get().code == "x = 2"
    changes = notebook.changes.order_by("sequence")
    assert [change.author_id for change in changes] == [world.person("owner").pk]


async def test_both_forms_are_served_side_by_side(world: World, connect: Connect) -> None:
    notebook = world.notebook("x = 1\nx")
    (cell,) = world.cells(notebook)
    program = await connect(notebook)
    browser = await connect(notebook, "reader", form="notebook.html")
    default = await connect(notebook, "reader", form=None)
    await program.run(cellId=cell)
    for each in (browser, default):
        await each.until(lambda event: event["type"] == "run_finished")
        html = [text for text in each.texts if text.startswith("<")]
        assert any(f'id="cell-{cell}-output"' in text for text in html)
        assert all(text.startswith('<div id="frame"') for text in html)
        assert not each.of("cell_output") and not each.of("cell_status")
    assert not [text for text in program.texts if text.startswith("<")]
