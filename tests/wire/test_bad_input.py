"""Bad input gets an error to its sender alone, and nothing changes."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.support.portal import Portal
from tests.support.wire import Client
from tests.support.world import World

from .conftest import Connect

NOWHERE = str(uuid.uuid4())
CELL = "<the cell>"

REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("unknown_type", {"type": "explode"}),
    ("unknown_type", {"type": 5}),
    ("unknown_type", {}),
    ("cell_not_found", {"type": "cell_update", "cellId": NOWHERE, "code": "x"}),
    ("invalid_message", {"type": "cell_update", "cellId": CELL}),
    ("invalid_message", {"type": "cell_update", "cellId": CELL, "code": 5}),
    ("invalid_message", {"type": "cell_update", "code": "x"}),
    ("invalid_message", {"type": "cell_update", "cellId": "not a uuid", "code": "x"}),
    ("code_too_long", {"type": "cell_update", "cellId": CELL, "code": "x" * (256 * 1024 + 1)}),
    ("code_too_long", {"type": "cell_update", "cellId": CELL, "code": "é" * (128 * 1024 + 1)}),
    ("invalid_text", {"type": "cell_update", "cellId": CELL, "code": "a\0b"}),
    ("invalid_changes", {"type": "cell_update", "cellId": CELL, "version": 0, "changes": [[99, [0, "x"]]]}),
    ("version_unknown", {"type": "cell_update", "cellId": CELL, "version": 99, "changes": [[5]]}),
    ("invalid_message", {"type": "cell_update", "cellId": CELL, "version": 0, "changes": "x"}),
    ("cell_not_found", {"type": "run_cell", "cellId": NOWHERE}),
    ("invalid_message", {"type": "run_cell", "cellId": CELL, "scope": "sideways"}),
    ("invalid_message", {"type": "run_cell"}),
    ("invalid_message", {"type": "create_cell", "cellType": "cobol", "afterCellId": None, "code": ""}),
    ("cell_not_found", {"type": "create_cell", "cellType": "python", "afterCellId": NOWHERE, "code": ""}),
    ("cell_not_found", {"type": "delete_cell", "cellId": NOWHERE}),
    ("cell_not_found", {"type": "restore_cell", "cellId": NOWHERE}),
    ("cell_not_found", {"type": "move_cell", "cellId": NOWHERE, "afterCellId": None}),
    ("cell_not_found", {"type": "move_cell", "cellId": CELL, "afterCellId": NOWHERE}),
    ("invalid_message", {"type": "configure_cell", "cellId": CELL, "disabled": "yes"}),
    ("cell_not_found", {"type": "configure_cell", "cellId": NOWHERE, "disabled": True}),
    ("invalid_message", {"type": "configure_notebook", "autoRunDelay": "soon"}),
    ("invalid_message", {"type": "configure_notebook", "executionMode": 1}),
    ("invalid_title", {"type": "configure_notebook", "title": "   "}),
    ("invalid_message", {"type": "restart_kernel", "runAll": "maybe"}),
    ("invalid_message", {"type": "presence", "cellId": 5, "anchor": 0, "head": 0}),
    ("invalid_message", {"type": "resync", "epoch": "x", "since": 0}),
    ("connection_failed", {"type": "update_db_connection"}),
    ("connection_failed", {"type": "update_db_connection", "connectionString": "mysql://root@localhost/x"}),
    ("connection_failed", {"type": "update_db_connection", "connectionId": NOWHERE}),
    ("invalid_message", {"type": "update_db_connection", "connectionString": 7}),
]


@pytest.mark.parametrize(("code", "message"), REFUSED, ids=[f"{code}-{n}" for n, (code, _) in enumerate(REFUSED)])
async def test_a_bad_message_gets_an_error_and_changes_nothing(
    world: World, connect: Connect, code: str, message: dict[str, Any]
) -> None:
    notebook = world.notebook("x = 1")
    (cell,) = world.cells(notebook)
    client, other = await connect(notebook), await connect(notebook, "colleague")
    before = client.last("hello")["cells"]
    message = {key: cell if value == CELL else value for key, value in message.items()}
    request = uuid.uuid4().hex
    await client.raw(json.dumps(message | {"requestId": request}))
    error = await client.until(lambda event: event["type"] == "error")
    assert (error["code"], error["requestId"]) == (code, request)
    assert len(error["message"]) > 15 and error["message"][-1] in ".:)"
    assert (await client.hello())["cells"] == before
    assert not other.of("error")


RAW: list[tuple[str, str | bytes]] = [
    ("binary_frame", b"\x00\x01"),
    ("invalid_json", "{"),
    ("invalid_json", ""),
    ("invalid_message", "[]"),
    ("invalid_message", '"text"'),
    ("invalid_message", "[" * 10_000 + "]" * 10_000),
    ("invalid_json", '{"type": "run_all", "extra": ' + "[" * 10_000 + "]" * 10_000 + "}"),
    ("invalid_json", '{"type": "cell_update", "changes": ' + "[" * 10_000),
    ("invalid_text", '{"type": "configure_notebook", "title": "\\ud800"}'),
    ("code_too_long", json.dumps({"type": "cell_update", "cellId": NOWHERE, "code": "x" * 3_000_000})),
]


@pytest.mark.parametrize(("code", "data"), RAW, ids=[f"{code}-{n}" for n, (code, _) in enumerate(RAW)])
async def test_frames_that_are_no_messages(world: World, connect: Connect, code: str, data: str | bytes) -> None:
    client = await connect(world.notebook("x = 1"))
    await client.raw(data)
    error = await client.until(lambda event: event["type"] == "error")
    if code == "invalid_message":
        assert error["code"] in ("invalid_message", "invalid_json")
    else:
        assert error["code"] == code
    assert (await client.run("run_all"))["succeeded"] == 1


async def test_text_that_looks_like_a_fragment_is_text(world: World, connect: Connect) -> None:
    evil = '<div id="title" hx-swap-oob="true">gone</div><script>alert(1)</script>'
    notebook = world.notebook(f"print({evil!r})\n{evil!r}")
    client = await connect(notebook, form="notebook.html", greet=False)
    ack = await client.request("run_all")
    await client.until(lambda event: event["type"] == "run_finished" and event["runId"] == ack["runId"])
    frames = [text for text in client.texts if text.startswith("<")]
    assert any("gone" in text for text in frames)
    assert not any('<div id="title"' in text or "<script" in text for text in frames)


async def test_who_may_not_connect(world: World, portal: Portal) -> None:
    notebook = world.notebook("x = 1")
    for cookie in (world.cookie("stranger"), "nonsense"):
        with pytest.raises(Exception, match=r"403|4403|HTTP"):
            await Client.connect(portal.url, notebook.pk, cookie)
    with pytest.raises(Exception, match=r"403|HTTP"):
        await Client.connect(portal.url, notebook.pk, world.cookie("owner"), headers={"Origin": "https://evil.example"})
    with pytest.raises(Exception, match=r"403|HTTP"):
        await Client.connect(portal.url, NOWHERE, world.cookie("owner"))
    with pytest.raises(Exception, match=r"403|HTTP"):
        await Client.connect(portal.url, notebook.pk, world.cookie("owner"), form="notebook.xml")


async def test_a_viewer_may_look_and_nothing_else(world: World, connect: Connect) -> None:
    notebook = world.notebook("x = 1")
    (cell,) = world.cells(notebook)
    viewer = await connect(notebook, "reader")
    assert viewer.last("hello")["role"] == "viewer"
    for type, fields in (
        ("cell_update", {"cellId": cell, "code": "x = 2"}),
        ("run_cell", {"cellId": cell}),
        ("run_all", {}),
        ("run_stale", {}),
        ("interrupt", {}),
        ("restart_kernel", {"runAll": False}),
        ("create_cell", {"cellType": "python", "afterCellId": None, "code": ""}),
        ("delete_cell", {"cellId": cell}),
        ("restore_cell", {"cellId": cell}),
        ("move_cell", {"cellId": cell, "afterCellId": None}),
        ("configure_cell", {"cellId": cell, "disabled": True}),
        ("configure_notebook", {"title": "Mine"}),
        ("update_db_connection", {"connectionString": "postgresql://a@b/c"}),
    ):
        error = await viewer.request(type, **fields)
        assert (error["type"], error["code"]) == ("error", "forbidden"), type
    assert (await viewer.hello())["cells"][0]["code"] == "x = 1"


async def test_a_role_taken_away_ends_at_the_next_message(world: World, connect: Connect) -> None:
    notebook = world.notebook("x = 1")
    (cell,) = world.cells(notebook)
    editor = await connect(notebook, "colleague")
    notebook.memberships.filter(user=world.person("colleague")).update(role="viewer")
    assert (await editor.request("cell_update", cellId=cell, code="x = 2"))["code"] == "forbidden"
    notebook.memberships.filter(user=world.person("colleague")).delete()
    await editor.send("run_all")
    await editor.wait(lambda: editor.closed is not None)
    assert editor.closed == 4404
