"""Landlock: which files, ports, signals and abstract sockets a process and its children can reach.

The numbers are those of `linux/landlock.h`. What a system's version (its ABI) does not know is left out, and `abi()`
lets the caller say so. Rules are tied to files, not to names: a path is looked up once, when its rule is made.
"""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterable

from kernel.launch.cage.system import call

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same on all architectures
_VERSION = 1
_BENEATH, _PORT = 1, 2

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE = 1 << 4, 1 << 5
MAKE_CHAR, MAKE_DIR, MAKE_REG, MAKE_SOCK = 1 << 6, 1 << 7, 1 << 8, 1 << 9
MAKE_FIFO, MAKE_BLOCK, MAKE_SYM = 1 << 10, 1 << 11, 1 << 12
REFER = 1 << 13  # ABI 2
TRUNCATE = 1 << 14  # ABI 3
IOCTL_DEV = 1 << 15  # ABI 5
BIND_TCP, CONNECT_TCP = 1 << 0, 1 << 1  # ABI 4
SCOPE_ABSTRACT, SCOPE_SIGNAL = 1 << 0, 1 << 1  # ABI 6

READ = EXECUTE | READ_FILE | READ_DIR
CHANGE = (
    WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_FIFO | MAKE_SYM | MAKE_SOCK | REFER | TRUNCATE
)
_OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV  # what can be granted for one file


class _Attributes(ctypes.Structure):
    _fields_ = [("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64)]


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("access", ctypes.c_uint64), ("descriptor", ctypes.c_int32)]


class _Port(ctypes.Structure):
    _fields_ = [("access", ctypes.c_uint64), ("port", ctypes.c_uint64)]


def abi() -> int:
    """The system's version, 0 if it has none."""
    try:
        return call(_CREATE, None, 0, _VERSION)
    except OSError:
        return 0


class Ruleset:
    """Everything is forbidden but what is allowed. `connecting`: whether connections are, to all ports but some."""

    def __init__(self, version: int, connecting: bool) -> None:
        every = (1 << 13) - 1
        for since, right in ((2, REFER), (3, TRUNCATE), (5, IOCTL_DEV)):
            every |= right if version >= since else 0
        self._handled = every
        network = BIND_TCP | (CONNECT_TCP if connecting else 0)
        attributes = _Attributes(
            files=every,
            network=network if version >= 4 else 0,
            scoped=SCOPE_ABSTRACT | SCOPE_SIGNAL if version >= 6 else 0,
        )
        size = 24 if version >= 6 else 16 if version >= 4 else 8
        self._descriptor = call(_CREATE, ctypes.byref(attributes), size, 0)

    def allow(self, path: str | int, access: int) -> None:
        """`path` is a name, which may be missing, or a descriptor."""
        try:
            opened = os.open(path, os.O_PATH) if isinstance(path, str) else os.dup(path)
        except (FileNotFoundError, PermissionError, NotADirectoryError):
            return
        try:
            if not stat.S_ISDIR(os.fstat(opened).st_mode):
                access &= _OF_FILES
            rule = _Beneath(access=access & self._handled, descriptor=opened)
            call(_ADD, self._descriptor, _BENEATH, ctypes.byref(rule), 0)
        finally:
            os.close(opened)

    def allow_connecting(self, ports: Iterable[int]) -> None:
        """TCP connections to these ports, of any host."""
        for port in ports:
            call(_ADD, self._descriptor, _PORT, ctypes.byref(_Port(access=CONNECT_TCP, port=port)), 0)

    def enforce(self) -> None:
        """From here on, for this thread and all that come of it; needs no_new_privs."""
        call(_RESTRICT, self._descriptor, 0)
        os.close(self._descriptor)
