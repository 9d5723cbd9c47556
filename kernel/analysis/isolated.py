"""Analysis of long sources in a process of its own: CPython may need seconds for one, and the caller has one loop."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

import msgspec

from . import CellType, analyse
from .helper import Task
from .names import Names, Problem
from .problems import MAX_SOURCE

SMALL = 8192
"""Bytes of source that are analysed at once, where they are asked for."""
LIMIT = 2.0
"""Seconds that a longer one may take."""
START = 30.0
"""Seconds that the process may take to start."""

_ROOT = Path(__file__).resolve().parents[2]
_TOO_SLOW = Problem(code="too_slow", message="This takes too long to analyse: split the cell.")


class AnalysisProcess:
    """Started when first needed, replaced when an analysis takes too long or ends it; one analysis at a time."""

    def __init__(self, limit: float = LIMIT) -> None:
        self._limit = limit
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def analyse(
        self, cell_type: CellType, source: str, *, output_name: str = "", dataframes: bool = False
    ) -> Names:
        """As `analyse`, in bounded time."""
        if cell_type == "markdown" or not SMALL < _size(source) <= MAX_SOURCE:
            return analyse(cell_type, source, output_name=output_name, dataframes=dataframes)
        task = Task(cell_type=cell_type, source=source, output_name=output_name, dataframes=dataframes)
        async with self._turn:
            for _ in range(2):  # it may have been killed while it had nothing to do, or by this very source
                try:
                    process = await self._started()
                    return await asyncio.wait_for(_ask(process, task), self._limit)
                except TimeoutError:
                    await self.close()
                    break
                except (EOFError, OSError):
                    await self.close()
                except BaseException:
                    await self.close()  # cancelled: its answer would be taken for the next one's
                    raise
        return Names(problem=_TOO_SLOW)

    async def close(self) -> None:
        """End the process; what is being analysed ends as too slow. A later analysis starts another one."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "kernel.analysis.helper",
                cwd=_ROOT,
                env={"PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1"},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                start_new_session=True,
            )
            first = Task(cell_type="python", source="")
            await asyncio.wait_for(_ask(self._process, first), START)  # starting is not part of the limit
        return self._process


def _size(source: str) -> int:
    """Bytes; 0 for a text with a lone surrogate, which is refused at once wherever it is analysed."""
    try:
        return len(source.encode())
    except UnicodeEncodeError:
        return 0


async def _ask(process: asyncio.subprocess.Process, task: Task) -> Names:
    """Raises asyncio.IncompleteReadError, an EOFError, if the process died."""
    assert process.stdin is not None and process.stdout is not None
    data = msgspec.msgpack.encode(task)
    process.stdin.write(len(data).to_bytes(4, "big") + data)
    await process.stdin.drain()
    size = int.from_bytes(await process.stdout.readexactly(4), "big")
    return msgspec.msgpack.decode(await process.stdout.readexactly(size), type=Names)
