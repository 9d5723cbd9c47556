"""Interrupts that code does not follow."""

from __future__ import annotations

from tests.support.world import World

from .conftest import Connect

STUBBORN = """
import time
while True:
    try:
        print("begun")
        time.sleep(1)
    except KeyboardInterrupt:
        pass
"""


async def test_code_that_does_not_yield_can_be_ended_with_its_kernel(world: World, connect: Connect) -> None:
    notebook = world.notebook(STUBBORN, "1 + 1")
    stubborn, other = world.cells(notebook)
    client = await connect(notebook)
    ack = await client.request("run_cell", cellId=stubborn)
    await client.until(lambda event: event["type"] == "cell_stream")
    await client.request("interrupt")
    stuck = await client.until(lambda event: event["type"] == "kernel_status" and bool(event["reason"]))
    assert stuck["status"] == "busy" and "restart the kernel" in stuck["reason"]
    await client.request("restart_kernel", runAll=False)
    finished = await client.until(lambda event: event["type"] == "run_finished" and event["runId"] == ack["runId"])
    assert finished["succeeded"] == 0
    assert (await client.run(cellId=other))["succeeded"] == 1
    assert client.last("kernel_status")["reason"] is None


async def test_sleep_python_and_numpy_yield_at_once(world: World, connect: Connect) -> None:
    loops = ("import time\nprint(1)\ntime.sleep(60)", "print(1)\nwhile True: pass",
             "import numpy as np\nprint(1)\nwhile True: np.sort(np.random.rand(10_000))")  # fmt: skip
    for code in loops:
        notebook = world.notebook(code)
        client = await connect(notebook)
        ack = await client.request("run_all")
        await client.until(lambda event: event["type"] == "cell_stream")
        await client.request("interrupt")
        await client.until(lambda event: event["type"] == "run_finished", wait=4)
        assert client.last("cell_status")["status"] == "interrupted", code
        assert ack["type"] == "ack"
