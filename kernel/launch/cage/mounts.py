"""A view of the file system of the kernel's own: nothing can be changed in it but what is the kernel's.

Landlock says what can be opened, but leaves modes, owners and times to be changed by whoever owns a file, and shared
memory lies in a folder that everybody uses. Both are closed by a mount namespace: all is read-only but the kernel's
folders, and /dev/shm is its own. An ordinary user gets one together with a user namespace, in which the limit on
processes counts this kernel alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from kernel.launch.cage.policy import SHARED_MEMORY
from kernel.launch.cage.system import call, mount, unshare

_NEW_MOUNTS, _NEW_IPC, _NEW_USER = 0x00020000, 0x08000000, 0x10000000
_NOSUID, _NODEV, _NOEXEC, _BIND, _RECURSIVE, _PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
_MOUNT_SETATTR = 442
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_READ_ONLY = 1


class _Attributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "namespace")]


def separate(folders: tuple[str, ...], shared_memory: int, ways: Iterable[str] = ()) -> bool:
    """Everything is read-only but these folders; /dev/shm is empty and holds that many bytes. Raises OSError.

    `ways` are paths that anybody must be able to reach. Above one that is behind a folder which others may not pass
    (root's own, say), that folder is replaced by an empty one in which there is nothing else: no mode is changed.
    Whether there is also a /proc in which other users' processes are not.
    """
    if os.geteuid() == 0:
        unshare(_NEW_MOUNTS | _NEW_IPC)
    else:
        _as_user(_NEW_MOUNTS | _NEW_IPC)
    mount(None, "/", None, _RECURSIVE | _PRIVATE)
    _open_ways([path for each in ways for path in (each, os.path.realpath(each))])
    for folder in folders:
        mount(folder, folder, None, _BIND)
    mount("tmpfs", SHARED_MEMORY, "tmpfs", _NOSUID | _NODEV, f"size={shared_memory},mode=1777")
    own_processes = _see_own_processes()
    _set("/", _AT_RECURSIVE, _READ_ONLY)
    for folder in (*folders, SHARED_MEMORY):
        _set(folder, 0, 0)
    return own_processes


def _see_own_processes() -> bool:
    """A /proc in which a user sees what is its own. An ordinary user may not make one."""
    if os.geteuid() != 0:
        return False
    try:
        mount("proc", "/proc", "proc", _NOSUID | _NODEV | _NOEXEC, "hidepid=invisible")
    except OSError:
        return False
    return True


def _open_ways(paths: Iterable[str]) -> None:
    behind: dict[str, list[tuple[str, int]]] = {}
    for path in sorted(set(paths)):
        if (closed := _closed(path)) is not None:
            with contextlib.suppress(FileNotFoundError):
                behind.setdefault(closed, []).append((path, os.open(path, os.O_PATH)))
    before = os.umask(0o022)
    for closed, inside in behind.items():
        mount("tmpfs", closed, "tmpfs", _NOSUID | _NODEV, "size=1m,mode=711")
        for path, descriptor in inside:
            if not os.path.lexists(path):  # otherwise it came with the one before, which it is in
                _make(path, descriptor)
                mount(f"/proc/self/fd/{descriptor}", path, None, _BIND | _RECURSIVE)
            os.close(descriptor)
    os.umask(before)


def _closed(path: str) -> str | None:
    """The first folder above that others may not pass."""
    for folder in reversed(Path(path).parents):
        with contextlib.suppress(FileNotFoundError):
            if not folder.stat().st_mode & 0o001:
                return str(folder)
    return None


def _make(path: str, like: int) -> None:
    if stat.S_ISDIR(os.fstat(like).st_mode):
        os.makedirs(path)
    else:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))


def _as_user(flags: int) -> None:
    """In a user namespace of one's own one may; in it nothing is but the user and group that we are."""
    user, group = os.geteuid(), os.getegid()
    unshare(_NEW_USER | flags)
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _set(path: str, flags: int, attributes: int) -> None:
    given = _Attributes(set=attributes, clear=_READ_ONLY & ~attributes)
    call(_MOUNT_SETATTR, _AT_FDCWD, os.fsencode(path), flags, ctypes.byref(given), ctypes.sizeof(given))
