"""A kernel that wants too much: it gets an error or its end, with the reason, and the others do not notice."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator

import psutil
import pytest
import pytest_asyncio

from kernel.launch.cage.policy import Limits, Rules
from kernel.launch.local import LocalRuntime
from tests.launch.support import Kernel, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

MIB = 1024**2
LIMITS = Limits(memory=512 * MIB, processes=64, disk=64 * MIB, files=256)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def capped(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalRuntime]:
    directory = tmp_path_factory.mktemp("capped")
    runtime = LocalRuntime(directory, modules=("json",), rules=Rules(limits=LIMITS))
    await runtime.prepare()
    yield runtime
    await runtime.close()
    subprocess.run(["rm", "-rf", str(directory)], check=True)  # it may be deeper than Python can go


@pytest_asyncio.fixture(loop_scope="session")
async def greedy(capped: LocalRuntime) -> AsyncIterator[Kernel]:
    kernel = await Kernel.start(capped, "greedy")
    yield kernel
    await kernel.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def bystander(capped: LocalRuntime) -> AsyncIterator[Kernel]:
    """Works while others misbehave, and afterwards."""
    kernel = await Kernel.start(capped, "bystander")
    assert await kernel.value("x = 20; x + 1") == "21"
    yield kernel
    assert await kernel.value("20 + 1") == "21"
    await kernel.stop()


@pytest.mark.parametrize("code", ["bytearray(10**11)", "[bytearray(10**6) for _ in range(10_000)]"])
async def test_more_memory_than_there_is_for_it_is_an_error_of_the_cell(
    greedy: Kernel, bystander: Kernel, code: str
) -> None:
    assert (await greedy.run(code)).error.name == "MemoryError"
    assert await greedy.value("1 + 1") == "2"


SHARE = (
    "for name in range(6):\n    with open(f'/dev/shm/{name}', 'wb') as file: file.write(bytes(60 * 2**20))\n"
    "x = bytearray(300 * 2**20)\nwhile True: pass"
)
SPREAD = "import os\nfor _ in range(3): os.fork()\nx = bytearray(200 * 2**20)\nwhile True: pass"


@pytest.mark.parametrize("code", [SPREAD, SHARE], ids=["many", "shared"])
async def test_memory_in_many_places_ends_the_kernel_with_the_reason(
    greedy: Kernel, bystander: Kernel, code: str
) -> None:
    greedy.execute(code)
    exit = await greedy.exit()
    assert exit.reason.startswith("The kernel was stopped at 512 MiB of memory")
    assert "CASCADE_KERNEL_MEMORY" in exit.reason


BOMB = "import os, time\nwhile True:\n    try:\n        if os.fork() == 0: os.setsid()\n    except OSError: pass"


async def test_a_fork_bomb_is_held_and_taken_away_with_the_kernel(greedy: Kernel, bystander: Kernel) -> None:
    user = greedy.runtime._kernels[greedy.handle.kernel].user
    greedy.execute(BOMB)
    await eventually(lambda: len(psutil.Process(greedy.handle.pid).children(recursive=True)) > 30)
    assert await bystander.value("20 + 2") == "22"
    await asyncio.wait_for(greedy.runtime.kill(greedy.handle), 10)

    def left() -> list[psutil.Process]:
        found = psutil.process_iter(["uids", "status"])
        return [each for each in found if each.info["uids"].real == user and each.info["status"] != "zombie"]

    if user:
        await eventually(lambda: not left(), 5)


FILLS = {
    "one file": "with open('big', 'wb') as file:\n    while True: file.write(bytes(2**20))",
    "many files": "import os\nfor n in range(10**6): open(f'f{n}', 'wb').write(bytes(2**20))",
    "files without a name": "import tempfile\nfiles = [tempfile.TemporaryFile() for _ in range(5)]\n"
    "for file in files: file.write(bytes(30 * 2**20)); file.flush()\nwhile True: pass",
    "deep folders": "import os\nfor _ in range(2500): os.mkdir('d'); os.chdir('d')\nwhile True: pass",
}


@pytest.mark.parametrize("what", FILLS)
async def test_who_fills_the_disk_is_stopped(capped: LocalRuntime, bystander: Kernel, what: str) -> None:
    kernel = await Kernel.start(capped, what.replace(" ", "-"))
    execution = kernel.execute(FILLS[what])
    if what == "one file":
        assert (await kernel.outcome(execution)).error.message == "[Errno 27] File too large"
        assert await kernel.value("1 + 1") == "2"
    else:
        reason = (await kernel.exit()).reason
        assert reason.startswith("The kernel was stopped at 64 MiB of files")
    await kernel.stop()


async def test_who_stops_itself_is_made_to_go_on(greedy: Kernel) -> None:
    execution = greedy.execute("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n41 + 1")
    outcome = await greedy.outcome(execution)
    assert outcome.text == "42"
    assert "was stopped by a signal (SIGSTOP)" in outcome.stderr


async def test_a_stopped_kernel_can_be_interrupted(greedy: Kernel) -> None:
    execution = greedy.execute(
        "import os, signal, time\nprint('here')\nwhile True: os.kill(os.getpid(), signal.SIGSTOP); time.sleep(0.01)"
    )
    await greedy.printed("here")
    assert (await greedy.interrupt(execution)).status == "interrupted"


LEAVING = """
import os, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork(): os._exit(0)
        os.execvp("sleep", ["sleep", "77.25"])
time.sleep(0.2)
"""


def sleepers() -> list[psutil.Process]:
    return [each for each in psutil.process_iter(["cmdline"]) if each.info["cmdline"] == ["sleep", "77.25"]]


async def test_who_left_the_kernels_session_ends_with_it_all_the_same(greedy: Kernel) -> None:
    await greedy.run(LEAVING)
    await eventually(lambda: len(sleepers()) == 3)
    await greedy.runtime.kill(greedy.handle)
    await eventually(lambda: not sleepers(), 5)


async def test_busy_kernels_give_way_to_the_portal(greedy: Kernel) -> None:
    execution = greedy.execute("print('busy')\nwhile True: pass")
    await greedy.printed("busy")
    assert psutil.Process(greedy.handle.pid).nice() > psutil.Process().nice()
    await greedy.interrupt(execution)


async def test_what_it_starts_works(greedy: Kernel) -> None:
    code = (
        "import subprocess, sys, multiprocessing, concurrent.futures as f\n"
        "def double(x): return 2 * x\n"
        "with multiprocessing.Pool(2) as pool: a = pool.map(double, [1, 2])\n"
        "with f.ProcessPoolExecutor(2) as pool: b = list(pool.map(double, [3, 4]))\n"
        "c = subprocess.run(['ls'], capture_output=True, check=True).stdout is not None\n"
        "d = subprocess.run([sys.executable, '-c', 'import duckdb; print(duckdb.sql(\"SELECT 5\").fetchall()[0][0])'],"
        " capture_output=True, text=True)\n(a, b, c, d.stdout or d)"
    )
    assert await greedy.value(code) == "([2, 4], [6, 8], True, '5\\n')"
