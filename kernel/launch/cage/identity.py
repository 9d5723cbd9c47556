"""A user of its own for each session's kernels, where the host is root.

A session's folder belongs to its user, which is how the next kernel of the session finds its user again. No such user
is in /etc/passwd. Where such a user cannot be given a way to the Python installation, kernels stay root, without any of
root's powers, and the report says so.
"""

from __future__ import annotations

import os
import secrets
import stat
import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

RANGES = ((1_880_000_000, 2_147_000_000), (60_706, 61_184))
"""User ids that no system hands out by itself; the second for containers that have few.

Which one a session gets is drawn, since other portals on this machine draw from the same: to end all processes of a
user must not end theirs.
"""


_CAP_SYS_ADMIN = 21


class Users:
    """Which session has which user. `work` holds the sessions' folders; `others` are to be reached too."""

    def __init__(self, work: Path, *others: Path) -> None:
        self._work = work
        self._others = others
        self._range: tuple[int, int] | None = None
        self._taken: set[int] = set()
        self._problem: str | None = None

    @property
    def problem(self) -> str:
        """Why kernels have no user of their own; '' if they do."""
        if self._problem is None:
            self._problem = self._prepare()
        return self._problem

    def own(self, folder: Path, *more: Path) -> int:
        """The user of the session whose folder this is, who also gets `more`; 0 if there are none. Raises OSError."""
        if self.problem:
            return 0
        user = folder.stat().st_uid
        if not self._ours(user):
            user = self._fresh()
            _give(folder, user)
        for each in more:
            os.chown(each, user, user)
        return user

    def _prepare(self) -> str:
        if os.geteuid() != 0:
            return "the portal does not run as root"
        self._range = next((each for each in RANGES if _mapped(each)), None)
        if self._range is None:
            return "this container has no user ids to spare"
        if not _may_mount():  # otherwise each kernel gets a view of its own, with the ways that it needs
            places = (*_installation(), *(folder / "any" for folder in (self._work, *self._others)))
            let_pass(*places)
            if (blocked := next((place for place in places if not _reachable(place)), None)) is not None:
                return f"other users cannot reach {blocked}"
        self._taken = {user for entry in os.scandir(self._work) if self._ours(user := entry.stat().st_uid)}
        return ""

    def _ours(self, user: int) -> bool:
        return self._range is not None and self._range[0] <= user < self._range[1]

    def _fresh(self) -> int:
        assert self._range is not None
        start, end = self._range
        if len(self._taken) >= end - start:
            self._taken.clear()  # then sessions share users, and Landlock alone keeps them apart
        while (user := start + secrets.randbelow(end - start)) in self._taken:
            pass
        self._taken.add(user)
        return user


def _may_mount() -> bool:
    with open("/proc/self/status") as file:
        effective = next(line.split()[1] for line in file if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> _CAP_SYS_ADMIN & 1)


def let_pass(*paths: Path) -> None:
    """Let other users through the folders above these: passing, not reading. What cannot be changed stays."""
    for path in paths:
        for folder in path.parents:
            try:
                mode = stat.S_IMODE(folder.stat().st_mode)
                if not mode & 0o001:
                    folder.chmod(mode | 0o011)
            except OSError:
                continue


def _installation() -> Iterable[Path]:
    paths = {Path(sys.executable), Path(sys.executable).resolve(), Path(os.__file__), Path(__file__)}
    return (*sorted(paths), Path(sysconfig.get_path("purelib")) / "any")


def _reachable(path: Path) -> bool:
    """Whether anybody may pass to it, and read it or its folder."""
    passable = all(folder.stat().st_mode & 0o001 for folder in path.parents)
    return passable and (not path.exists() or bool(path.stat().st_mode & 0o004))


def _give(folder: Path, user: int) -> None:
    """The folder and all that is in it, which belongs to an earlier user or to root."""
    for path, names, files, descriptor in os.fwalk(folder, follow_symlinks=False):
        os.chown(path, user, user, follow_symlinks=False)
        for name in (*names, *files):
            os.chown(name, user, user, dir_fd=descriptor, follow_symlinks=False)


def _mapped(wanted: tuple[int, int]) -> bool:
    with open("/proc/self/uid_map") as file:
        spans = [tuple(map(int, line.split())) for line in file]
    return any(start <= wanted[0] and wanted[1] <= start + length for start, _, length in spans)
