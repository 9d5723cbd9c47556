"""The processes that a kernel started, whatever they did to be forgotten: read from /proc, and ended all together."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

ZOMBIE, STOPPED = "Z", "T"
_ATTEMPTS = 100


class Process(NamedTuple):
    """`began` tells it from a later process with the same number; `pages` are those in memory, shared ones too."""

    pid: int
    parent: int
    state: str
    threads: int
    began: int
    pages: int


def processes() -> dict[int, Process]:
    """All that there are now."""
    found: dict[int, Process] = {}
    for name in os.listdir("/proc"):
        if name.isdecimal() and (process := process_of(int(name))) is not None:
            found[process.pid] = process
    return found


def process_of(pid: int) -> Process | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return Process(pid, int(fields[1]), fields[0].decode(), int(fields[17]), int(fields[19]), int(fields[21]))


def user_of(pid: int) -> int | None:
    """The real user of a process."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            line = next(line for line in file if line.startswith(b"Uid:"))
    except (OSError, StopIteration):
        return None
    return int(line.split()[1])


def descendants(pid: int, everyone: dict[int, Process], without: Iterable[int] = ()) -> Iterator[Process]:
    """Children, their children, and so on; not those in `without`, nor what is below them."""
    children: dict[int, list[Process]] = {}
    for process in everyone.values():
        children.setdefault(process.parent, []).append(process)
    excluded = set(without)
    pending = [pid]
    while pending:
        for child in children.get(pending.pop(), ()):
            if child.pid not in excluded:
                pending.append(child.pid)
                yield child


def end_strays(kernels: Iterable[int]) -> None:
    """End all that this process adopted and that is below none of these kernels.

    First all are stopped, so that none can fork while the others are looked for; then all are killed.
    """
    stopped: set[int] = set()
    for _ in range(_ATTEMPTS):
        strays = [each for each in descendants(os.getpid(), processes(), kernels) if each.state != ZOMBIE]
        new = {each.pid for each in strays} - stopped
        if not new:
            break
        for pid in new:
            _signal(pid, signal.SIGSTOP)
        stopped |= new
    for pid in stopped:
        _signal(pid, signal.SIGKILL)


def end_all_of(user: int) -> None:
    """End every process of a user that only kernels have, at once: who forks meanwhile is not missed. As root.

    The system does it in one step if it is that user who asks for it; so a copy of this process becomes that user. What
    it is to end may end the copy first: then another one tries.
    """
    if not user or os.geteuid() != 0:
        return
    for _ in range(_ATTEMPTS):
        if not (copy := os.fork()):
            _end_own(user)
        if os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1]) == 0:
            return
        time.sleep(0.001)


def _end_own(user: int) -> None:
    """In the copy; does not return."""
    try:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        with contextlib.suppress(ProcessLookupError):  # there is none
            if os.getresuid() == (user, user, user):
                os.kill(-1, signal.SIGKILL)
    except BaseException:
        os._exit(1)
    os._exit(0)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


if __name__ == "__main__":
    end_all_of(int(sys.argv[1]))
