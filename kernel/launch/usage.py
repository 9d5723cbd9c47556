"""What kernels use of the machine, with the processes that they started."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import msgspec
import psutil

Children = Mapping[int, list[psutil.Process]]


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """`memory` in bytes that would be free without it, `cpu` in seconds so far, `processes` counts it and its own."""

    memory: int
    cpu: float
    processes: int


def usages(pids: Iterable[int]) -> dict[int, Usage]:
    """Of each of these kernels and of all that descends from it; those that are gone are left out."""
    children = _children()
    found = {}
    for pid in pids:
        parts = [part for part in map(_of_one, _family(pid, children)) if part is not None]
        if parts:
            memory, cpu = (sum(column) for column in zip(*parts, strict=True))
            found[pid] = Usage(memory=int(memory), cpu=cpu, processes=len(parts))
    return found


def resident(pid: int) -> int:
    """Bytes in memory of one process, those that it shares included; 0 if it is gone."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


def _children() -> Children:
    """All processes by their parent: the system is asked once for all kernels."""
    children = defaultdict(list)
    for process in psutil.process_iter():
        try:
            children[process.ppid()].append(process)
        except psutil.Error:
            continue
    return children


def _family(pid: int, children: Children) -> Iterator[psutil.Process]:
    try:
        yield psutil.Process(pid)
    except psutil.Error:
        return
    for child in children.get(pid, ()):
        yield from _family(child.pid, children)


def _of_one(process: psutil.Process) -> tuple[int, float] | None:
    try:
        with process.oneshot():
            times = process.cpu_times()
            return _private(process), times.user + times.system
    except psutil.Error:
        return None


def _private(process: psutil.Process) -> int:
    """What it shares with its zygote is not its own; where the system does not say what that is, it is counted too."""
    try:
        return int(process.memory_full_info().uss)
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
