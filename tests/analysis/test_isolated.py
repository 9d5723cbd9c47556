"""Long sources are analysed in a process of their own, which may be killed."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator

import pytest

from kernel.analysis import analyse
from kernel.analysis.isolated import SMALL, AnalysisProcess
from kernel.analysis.names import Names

LONG = "# " + "x" * SMALL + "\ny = z\n"
SLOW = "x = f'" + "{a}" * 80_000 + "'"


@pytest.fixture
async def process() -> AsyncIterator[AnalysisProcess]:
    process = AnalysisProcess()
    yield process
    await process.close()


def pid_of(process: AnalysisProcess) -> int:
    assert process._process is not None
    return process._process.pid


def is_too_slow(names: Names) -> bool:
    assert names.problem is not None
    assert "takes too long to analyse: split the cell" in names.problem.message
    return names.problem.code == "too_slow" and not names.defines


async def test_small_sources_need_no_process(process: AnalysisProcess) -> None:
    assert await process.analyse("python", "x = y") == analyse("python", "x = y")
    assert await process.analyse("markdown", LONG) == Names()
    assert process._process is None


async def test_what_is_refused_at_once_needs_no_process(process: AnalysisProcess) -> None:
    for source in (LONG + "\ud800", "x" * 300_000):
        names = await process.analyse("python", source)
        assert names.problem is not None
    assert process._process is None


async def test_long_sources_are_analysed_as_others_are(process: AnalysisProcess) -> None:
    assert await process.analyse("python", LONG) == Names(defines=frozenset("y"), references=frozenset("z"))
    first = pid_of(process)
    statement = "-- " + "é" * SMALL + "\nselect {x} from t"
    for dataframes in (False, True):
        expected = analyse("sql", statement, output_name="out", dataframes=dataframes)
        assert expected.defines == {"out"}
        found = await process.analyse("sql", statement, output_name="out", dataframes=dataframes)
        assert found == expected
    assert pid_of(process) == first


async def test_problems_come_back(process: AnalysisProcess) -> None:
    for source in (LONG + "%time x", LONG + "x = (", LONG + "\0", LONG + "from m import *"):
        names = await process.analyse("python", source)
        assert names.problem is not None
        assert names == analyse("python", source)


async def test_the_largest_source_fits(process: AnalysisProcess) -> None:
    source = "x = '" + "a" * (256 * 1024 - 6) + "'"
    assert (await process.analyse("python", source)).defines == {"x"}


async def test_what_takes_too_long_is_given_up(process: AnalysisProcess) -> None:
    await process.analyse("python", LONG)
    first = pid_of(process)
    began = time.monotonic()
    assert is_too_slow(await process.analyse("python", SLOW))
    assert 1.8 < time.monotonic() - began < 3.5
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)
    assert (await process.analyse("python", LONG)).defines == {"y"}
    assert pid_of(process) != first


async def test_the_loop_goes_on_meanwhile(process: AnalysisProcess) -> None:
    waiting = asyncio.create_task(process.analyse("python", SLOW))
    longest = 0.0
    while not waiting.done():
        began = time.monotonic()
        await asyncio.sleep(0.01)
        longest = max(longest, time.monotonic() - began)
    assert longest < 0.5
    assert is_too_slow(await waiting)


async def test_a_process_that_died_idle_is_replaced(process: AnalysisProcess) -> None:
    await process.analyse("python", LONG)
    os.kill(pid_of(process), signal.SIGKILL)
    assert (await process.analyse("python", LONG)).defines == {"y"}


async def test_a_process_that_keeps_dying_is_a_problem(process: AnalysisProcess) -> None:
    await process.analyse("python", LONG)
    waiting = asyncio.create_task(process.analyse("python", SLOW))
    killed = set()
    while not waiting.done():
        await asyncio.sleep(0.3)
        if process._process is not None and (pid := pid_of(process)) not in killed:
            killed.add(pid)
            os.kill(pid, signal.SIGKILL)
    assert is_too_slow(await waiting)
    assert (await process.analyse("python", LONG)).defines == {"y"}


async def test_a_cancelled_analysis_leaves_no_answer_behind(process: AnalysisProcess) -> None:
    waiting = asyncio.create_task(process.analyse("python", SLOW))
    await asyncio.sleep(0.8)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (await process.analyse("python", LONG)).defines == {"y"}


async def test_analyses_take_turns(process: AnalysisProcess) -> None:
    found = await asyncio.gather(*(process.analyse("python", f"{LONG}n{number} = 1") for number in range(20)))
    assert [names.defines for names in found] == [{"y", f"n{number}"} for number in range(20)]


async def test_closing_ends_the_process(process: AnalysisProcess) -> None:
    await process.close()
    await process.analyse("python", LONG)
    pid = pid_of(process)
    await process.close()
    await process.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_the_process_knows_nothing_of_the_portal(
    process: AnalysisProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CASCADE_SECRET_KEY", "secret")
    await process.analyse("python", LONG)
    with open(f"/proc/{pid_of(process)}/environ") as file:
        assert "secret" not in file.read()
