"""When a kernel begins: as soon as something is to run, and not before."""

from __future__ import annotations

import urllib.request

from tests.support.portal import Portal
from tests.support.world import World
from tests.wire.conftest import Connect
from tests.wire.processes import kernels


async def test_opening_reading_and_editing_a_notebook_starts_no_kernel(
    world: World, portal: Portal, connect: Connect
) -> None:
    notebook = world.notebook("x = 1", "x + 1")
    first, second = world.cells(notebook)
    request = urllib.request.Request(f"{portal.url}/notebooks/{notebook.pk}/")
    request.add_header("Cookie", f"sessionid={world.cookie('owner')}")
    urllib.request.urlopen(request).close()
    client = await connect(notebook)
    await connect(notebook, "reader", form="notebook.html")
    await client.request("cell_update", cellId=first, code="x = 2")
    await client.request("create_cell", cellType="python", afterCellId=second, code="y = x")
    await client.request("move_cell", cellId=second, afterCellId=None)
    await client.request("delete_cell", cellId=second)
    await client.request("interrupt")
    await client.request("restart_kernel", runAll=False)
    assert (await client.hello())["kernel"] == "none"
    assert client.of("kernel_status") == []
    assert kernels(portal, notebook) == []

    assert (await client.run(cellId=first))["succeeded"] == 2
    assert len(kernels(portal, notebook)) == 1


async def test_a_restart_ends_the_kernel_and_the_next_run_starts_another(
    world: World, portal: Portal, connect: Connect
) -> None:
    notebook = world.notebook("import os\nos.getpid()")
    (cell,) = world.cells(notebook)
    client = await connect(notebook)
    await client.run(cellId=cell)
    (process,) = kernels(portal, notebook)
    await client.request("restart_kernel", runAll=False)
    status = client.last("kernel_status")
    assert status["status"] == "none" and "its values are gone, the outputs are saved" in status["reason"]
    process.wait(10)
    assert kernels(portal, notebook) == []

    assert (await client.run(cellId=cell))["succeeded"] == 1
    assert client.last("kernel_status") | {"sequence": 0} == {
        "type": "kernel_status", "status": "idle", "reason": None, "sequence": 0
    }  # fmt: skip
    (other,) = kernels(portal, notebook)
    assert client.last("cell_output", cell)["output"]["text/plain"] == str(other.pid)
