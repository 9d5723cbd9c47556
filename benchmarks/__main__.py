"""`python -m benchmarks [--row NAME] [--list]`: start everything, measure, print the table, write it down."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import signal
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from time import perf_counter

from notebookproject.environment import data_directory

from . import environments
from .contestant import Contestant
from .measuring import Row, measure
from .peers import cascade
from .peers.jupyter import Jupyter
from .peers.marimo import Marimo
from .report import Results, document
from .rows import ROWS, find

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--row", default="", help="the name of a row or of one of its measures")
    parser.add_argument("--list", action="store_true", help="name the rows and end")
    parser.add_argument(
        "--only", default="", help="contestants besides Cascade, separated by commas (all unless given)"
    )
    arguments = parser.parse_args()
    if arguments.list:
        return _list()
    chosen = find(arguments.row) if arguments.row else [row for row in ROWS if not row.optional]
    if not chosen:
        print(f"cascade: there is no row {arguments.row!r}: make bench LIST=1 names them.", file=sys.stderr)
        return 1
    try:
        asyncio.run(_bench([row() for row in chosen], arguments.only, write=not arguments.row and not arguments.only))
    except asyncio.CancelledError:
        return 130
    return 0


def _list() -> int:
    for row in ROWS:
        for each in row().measures:
            print(f"{row.name:18} {each.name:22} {each.title}{' (only by name)' if row.optional else ''}")
    return 0


async def _bench(rows: list[Row], only: str, write: bool) -> None:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)  # the servers are ended in order
    results = Results()
    async with AsyncExitStack() as stack:
        contestants = await _start(stack, only)
        for row in rows:
            started = perf_counter()
            print(f"{row.name}...", end=" ", flush=True)
            results.add(row, await measure(row, contestants))
            print(f"{perf_counter() - started:.0f} s", flush=True)
        print("\n" + results.table(contestants) + "\n\n" + results.notes())
        if write:
            before = DOCUMENT.read_text() if DOCUMENT.exists() else ""
            DOCUMENT.write_text(document(results, contestants, before))


async def _start(stack: AsyncExitStack, only: str) -> list[Contestant]:
    """The peers, in environments of their own, and Cascade on a new data directory."""
    directory = data_directory() / "bench"
    directory.mkdir(parents=True, exist_ok=True)
    lock = stack.enter_context((directory / "bench.lock").open("w"))
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(
            f"cascade: another benchmark uses {directory}: wait for it, or set CASCADE_DATA_DIR to another directory."
        )
    contestants: list[Contestant] = []
    for name, make in (("marimo", Marimo), ("jupyter", Jupyter)):
        if not only or name in only.split(","):
            environment = getattr(environments, name)(directory)
            environment.ensure()
            peer = make(directory / f"{name}-files", environment)
            stack.push_async_callback(peer.stop)
            await peer.start()
            contestants.append(peer)
    ours = cascade.running(directory / "cascade")
    stack.push_async_callback(ours.stop)
    return [*contestants, ours]


if __name__ == "__main__":
    sys.exit(main())
