"""Which modules kernels begin with, and what happens when the zygote cannot live with them."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from kernel.launch.contract import KernelNotStarted
from kernel.launch.local import LocalRuntime
from kernel.launch.nursery import Nursery
from tests.launch.support import Kernel, eventually, parent
from tests.launch.test_ending import gone
from tests.launch.test_processes import zygote

pytestmark = pytest.mark.asyncio(loop_scope="session")

DEADLY = "tests.launch.deadly"
Make = Callable[..., Awaitable[LocalRuntime]]


@pytest_asyncio.fixture(loop_scope="session")
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    """`await make("json")`: a runtime whose zygote imports these modules."""
    runtimes: list[LocalRuntime] = []

    async def made(*modules: str, fork: bool = True) -> LocalRuntime:
        runtimes.append(LocalRuntime(tmp_path / str(len(runtimes)), modules=modules, fork=fork))
        await runtimes[-1].prepare()
        return runtimes[-1]

    yield made
    for runtime in runtimes:
        await runtime.close()


async def imported(kernel: Kernel, module: str) -> bool:
    """Whether a kernel has a module that no cell of it asked for."""
    return await kernel.value(f"{module!r} in __import__('sys').modules") == "True"


async def test_with_the_common_packages_the_zygote_has_one_thread_and_a_frozen_heap(runtime: LocalRuntime) -> None:
    assert len(os.listdir(f"/proc/{zygote(runtime).pid}/task")) == 1
    assert runtime.launching.threaded == runtime.launching.skipped == ()
    kernel = await Kernel.start(runtime)
    frozen = int(await kernel.value("__import__('gc').get_freeze_count()"))
    assert frozen > 100_000 > gc.get_freeze_count()
    assert await kernel.value("__import__('gc').isenabled()") == "True"
    await kernel.stop()


@pytest.mark.parametrize("fork", [True, False], ids=["forked", "plain"])
async def test_the_modules_are_those_that_one_sets(make: Make, fork: bool) -> None:
    runtime = await make("colorsys", "wave", fork=fork)
    kernel = await Kernel.start(runtime)
    assert await imported(kernel, "colorsys") and await imported(kernel, "wave")
    assert not await imported(kernel, "matplotlib")
    assert runtime.launching.packages == ("colorsys", "wave")
    assert runtime.launching.forked == fork
    assert bool(runtime.launching.reason) != fork


async def test_other_modules_are_for_new_kernels_and_the_old_zygote_stays_for_its_own(make: Make) -> None:
    runtime = await make("colorsys")
    old, first = await Kernel.start(runtime, "old"), zygote(runtime)
    await old.run("x = 41")

    await runtime.use(("wave",))
    new = await Kernel.start(runtime, "new")
    assert zygote(runtime).pid != first.pid
    assert await imported(new, "wave") and not await imported(new, "colorsys")
    assert await old.value("x + 1") == "42"
    assert await parent(old) == first.pid and await parent(new) == zygote(runtime).pid
    assert runtime.launching.packages == ("wave",)

    old.execute("import os; os._exit(7)")
    assert (await old.exit()).reason == "The kernel's process ended by itself (exit status 7)."
    await eventually(lambda: gone([first]), 5)
    assert await new.value("1 + 1") == "2"


async def test_modules_that_end_the_zygote_are_refused_and_the_present_one_stays_until_replaced(make: Make) -> None:
    runtime = await make("colorsys")
    first = zygote(runtime)
    with pytest.raises(KernelNotStarted, match="has died"):
        await runtime.use(("json", DEADLY))
    assert zygote(runtime).pid == first.pid
    assert runtime.launching.packages == ("colorsys",)
    kernel = await Kernel.start(runtime)
    assert await imported(kernel, "colorsys")
    await kernel.stop()

    await runtime.use(("json",))
    await eventually(lambda: gone([first]), 5)
    assert zygote(runtime).is_running()


async def test_a_zygote_that_dies_while_it_warms_up_keeps_nobody_from_working(tmp_path: Path) -> None:
    runtime = LocalRuntime(tmp_path / "other", modules=("json",))
    starting = asyncio.create_task(runtime.start("session"))
    first = await eventually(lambda: runtime.launching.zygote, 5)
    psutil.Process(first).kill()
    kernel = Kernel(runtime, await asyncio.wait_for(starting, 20))
    assert await parent(kernel) == os.getpid()
    await eventually(lambda: runtime.launching.zygote not in (None, first))
    await runtime.prepare()
    other = await Kernel.start(runtime, "other")
    assert await parent(other) == zygote(runtime).pid
    assert runtime.launching.forked
    await runtime.close()


async def test_where_no_zygote_can_live_kernels_are_plain_and_it_is_not_tried_without_end(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[Nursery] = []
    start = Nursery._start
    monkeypatch.setattr(Nursery, "_start", lambda nursery: (attempts.append(nursery), start(nursery)))
    runtime = await make(DEADLY)
    await eventually(lambda: not runtime.launching.forked)
    assert runtime.launching.reason == "The process that starts kernels has died."

    first, second = await asyncio.gather(Kernel.start(runtime, "first"), Kernel.start(runtime, "second"))
    for kernel in (first, second):
        assert await parent(kernel) == os.getpid()
    tried = len(attempts)
    assert tried <= 5  # at once, after 1, 2 and 4 seconds; and not for each kernel
    await Kernel.start(runtime, "third")
    assert len(attempts) <= tried + 1

    await runtime.use(("json",))
    assert runtime.launching.forked and runtime.launching.reason == ""
    assert await parent(await Kernel.start(runtime, "fourth")) == zygote(runtime).pid
    assert await first.value("1 + 1") == "2"
