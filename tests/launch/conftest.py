"""One runtime with a warm zygote for all tests, a kernel of its own for each."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from kernel.launch.local import LocalRuntime
from tests.launch.support import Kernel


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def runtime(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalRuntime]:
    runtime = LocalRuntime(tmp_path_factory.mktemp("kernels"))
    await runtime.prepare()
    yield runtime
    await runtime.close()


@pytest_asyncio.fixture(loop_scope="session")
async def kernel(runtime: LocalRuntime) -> AsyncIterator[Kernel]:
    kernel = await Kernel.start(runtime)
    yield kernel
    await kernel.stop()
