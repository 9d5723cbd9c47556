"""How much a kernel and all that it started use: memory, processes, disk. It takes a moment: not for an event loop."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import stat
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from kernel.launch.cage.policy import SHARED_MEMORY
from kernel.launch.family import STOPPED, ZOMBIE, Process, descendants, processes, user_of

_PAGE = resource.getpagesize()
_LEAST = 4096
"""Bytes that a file counts at least: a million empty ones fill a disk too."""


class TooDeep(Exception):
    """Folders in folders, so many that their names cannot be spelled out: nobody does that by mistake."""


class Family(msgspec.Struct, frozen=True):
    """A kernel's processes, itself first."""

    members: tuple[Process, ...]

    @property
    def threads(self) -> int:
        return sum(each.threads for each in self.members)

    @property
    def stopped(self) -> bool:
        return bool(self.members) and self.members[0].state == STOPPED

    def memory(self, cap: int) -> int:
        """Bytes. What is shared with others is left out only if it matters, which takes longer to find out."""
        bound = sum(each.pages for each in self.members) * _PAGE
        kept = _shared_memory(self.members[0].pid) if self.members else 0
        return bound + kept if bound + kept <= cap else sum(map(_own_memory, self.members)) + kept


class Families:
    """Finds the processes of kernels. Those that left their parents are known by their user, if kernels have one."""

    def __init__(self) -> None:
        self._users: dict[tuple[int, int], int | None] = {}  # (process, begin) -> its user, which stays

    def find(self, kernels: dict[int, int]) -> dict[int, Family]:
        """Of each kernel, given its process and its user (0: none of its own)."""
        everyone = processes()
        trees = {
            pid: [everyone[pid], *descendants(pid, everyone, kernels.keys() - {pid})]
            for pid in kernels
            if pid in everyone
        }
        strays = everyone.keys() - {member.pid for tree in trees.values() for member in tree}
        of_users = {user: pid for pid, user in kernels.items() if user and pid in trees}
        if of_users:
            self._remember([everyone[pid] for pid in strays])
            for pid in strays:
                owner = of_users.get(self._users[pid, everyone[pid].began] or 0)
                if owner is not None:
                    trees[owner].append(everyone[pid])
        return {pid: Family(tuple(each for each in tree if each.state != ZOMBIE)) for pid, tree in trees.items()}

    def _remember(self, strays: Iterable[Process]) -> None:
        before = self._users
        self._users = {}
        for each in strays:
            key = each.pid, each.began
            self._users[key] = before[key] if key in before else user_of(each.pid)


def disk(folders: Sequence[str], family: Family) -> int:
    """Bytes on disk in these folders, and in files without a name that the family holds open. Raises TooDeep."""
    return sum(_folder(folder) for folder in folders) + sum(_unnamed(family).values())


def _folder(path: str) -> int:
    total, pending = 0, [path]
    while pending:
        for entry in _entries(pending.pop()):
            try:
                total += _size(entry.stat(follow_symlinks=False))
                if entry.is_dir(follow_symlinks=False):
                    pending.append(entry.path)
            except OSError as error:
                if error.errno == errno.ENAMETOOLONG:
                    raise TooDeep from None
    return total


def _entries(path: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            yield from entries
    except OSError as error:  # it went meanwhile, or is not ours to see
        if error.errno == errno.ENAMETOOLONG:
            raise TooDeep from None


def _unnamed(family: Family) -> dict[tuple[int, int], int]:
    found: dict[tuple[int, int], int] = {}
    for process in family.members:
        for entry in _entries(f"/proc/{process.pid}/fd"):
            with contextlib.suppress(OSError):
                status = os.stat(entry.path)
                if stat.S_ISREG(status.st_mode) and not status.st_nlink:
                    found[status.st_dev, status.st_ino] = _size(status)
    return found


def _size(status: os.stat_result) -> int:
    return max(status.st_blocks * 512, _LEAST)


def _own_memory(process: Process) -> int:
    """Bytes that are not shared, and a part of those that are (shared by n: the n-th)."""
    try:
        with open(f"/proc/{process.pid}/smaps_rollup", "rb") as file:
            lines = [line.split() for line in file]
    except OSError:
        return process.pages * _PAGE
    return sum(int(line[1]) for line in lines if line[0] in (b"Pss_Anon:", b"Pss_Shmem:")) * 1024


def _shared_memory(pid: int) -> int:
    """Bytes of files in the kernel's own /dev/shm, if it has one."""
    try:
        own = f"/proc/{pid}/root{SHARED_MEMORY}"
        if os.stat(own).st_dev == os.stat(SHARED_MEMORY).st_dev:
            return 0
        found = os.statvfs(own)
    except OSError:
        return 0
    return (found.f_blocks - found.f_bfree) * found.f_frsize
