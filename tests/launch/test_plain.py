"""Where nothing can be forked, kernels are plain processes, and nobody notices but by the time they take."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from kernel.launch.local import LocalRuntime
from kernel.protocol import TABLE, Ready
from tests.launch.support import Kernel, eventually
from tests.launch.test_ending import SOCKETS, children, gone

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def plain(tmp_path: Path) -> AsyncIterator[LocalRuntime]:
    runtime = LocalRuntime(tmp_path, fork=False)
    await runtime.prepare()
    yield runtime
    await runtime.close()


async def test_a_plain_process_behaves_like_a_forked_one(plain: LocalRuntime) -> None:
    one, two, three = await asyncio.gather(*(Kernel.start(plain, name) for name in ("one", "two", "three")))
    assert (await one.seen(Ready)).pid == one.handle.pid

    outcome = await one.run(
        "import pandas as pd, subprocess\nsubprocess.run(['echo', 'out'])\npd.DataFrame({'a': [1]})"
    )
    assert outcome.stdout == "out\n"
    assert TABLE in outcome.output
    figure = await one.run("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()")
    assert "image/png" in figure.displays[0].bundle

    execution = one.execute("print('here')\nwhile True: pass")
    await one.printed("here")
    assert (await one.interrupt(execution)).status == "interrupted"
    assert await one.value("1 + 1") == "2"
    assert (await one.run("import sys; sys.exit()")).error.name == "SystemExit"

    started = await children(one)
    one.execute("import os; os._exit(7)")
    assert (await one.exit(seconds=2)).reason == "The kernel's process ended by itself (exit status 7)."
    await eventually(lambda: gone(started), 2)

    two.execute(f"{SOCKETS}\nfor fd in sockets: os.write(fd, b'hello' * 10)\nwhile True: pass")
    assert "not part of the protocol" in (await two.exit(seconds=5)).reason

    started = [*await children(three), psutil.Process(three.handle.pid)]
    await plain.close()
    assert (await three.exit()).reason == "The kernel was ended by the portal."
    await eventually(lambda: gone(started), 2)
