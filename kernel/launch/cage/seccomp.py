"""The system calls that a kernel has no use for, refused by a seccomp filter.

The filter is a short program of the kernel's classic BPF: it looks at the number of the call and, for a few, at the
lower half of an argument. It is a list of what is refused: what data libraries call is too much, and changes too often,
to be listed. The structures are those of `linux/filter.h` and `linux/seccomp.h`.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import socket
import struct
from typing import NamedTuple

from kernel.launch.cage.calls import number
from kernel.launch.cage.system import PR_SET_CHILD_SUBREAPER, call

_SECCOMP = {"x86_64": 317, "aarch64": 277}
_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_SET_FILTER, _ALL_THREADS = 1, 1
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000, 0x80000000

_LOAD, _AND, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in `struct seccomp_data`
_X32 = 0x40000000

_NEW_NAMESPACES = 0x7E020000  # CLONE_NEW*: mounts, cgroups, host names, IPC, users, processes, network
_TYPE = 0xF  # of a socket, without its flags
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C  # both type into a terminal

_ABSENT = (  # answered as by a system that does not have them, so that libraries take another way
    "clone3", "io_uring_setup", "io_uring_enter", "io_uring_register", "userfaultfd", "memfd_create", "memfd_secret",
    "shmget", "shmat", "shmctl", "semget", "semctl", "semop", "semtimedop", "msgget", "msgsnd", "msgrcv", "msgctl",
    "mq_open", "inotify_init", "inotify_init1", "bpf", "perf_event_open", "keyctl", "add_key", "request_key",
)  # fmt: skip

_FORBIDDEN = (
    # looking into other processes, or changing them
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease", "pidfd_getfd", "kcmp",
    "migrate_pages", "move_pages",
    # namespaces, mounts, files by handle
    "unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen", "fsconfig",
    "fsmount", "fspick", "mount_setattr", "open_by_handle_at", "name_to_handle_at",
    # the machine itself
    "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot", "swapon", "swapoff",
    "acct", "syslog", "quotactl", "quotactl_fd", "settimeofday", "clock_settime", "clock_adjtime", "sethostname",
    "setdomainname", "iopl", "ioperm", "vhangup", "fanotify_init", "fanotify_mark",
)  # fmt: skip

_OF_ITSELF = ("prlimit64", "sched_setaffinity", "sched_setscheduler", "sched_setparam", "sched_setattr")


class _Check(NamedTuple):
    """`argument & mask` must be one of `values` (or, if `refused`, none of them)."""

    argument: int
    values: tuple[int, ...]
    mask: int = 0xFFFFFFFF
    refused: bool = False


def _conditions(families: tuple[int, ...], types: tuple[int, ...]) -> dict[str, tuple[int, tuple[_Check, ...]]]:
    """Call -> what it is answered otherwise, and what must hold."""
    pairs = (socket.SOCK_STREAM, socket.SOCK_SEQPACKET)  # a datagram pair could send to any socket in the file system
    return {
        "socket": (errno.EAFNOSUPPORT, (_Check(0, families), _Check(1, types, _TYPE))),
        "socketpair": (errno.EPROTONOSUPPORT, (_Check(1, pairs, _TYPE),)),
        "clone": (errno.EPERM, (_Check(0, (0,), _NEW_NAMESPACES),)),
        "prctl": (errno.EPERM, (_Check(0, (PR_SET_CHILD_SUBREAPER,), refused=True),)),
        "ioctl": (errno.EPERM, (_Check(1, (_TIOCSTI, _TIOCLINUX), refused=True),)),
        "setpriority": (errno.EPERM, (_Check(1, (0,)),)),
        "ioprio_set": (errno.EPERM, (_Check(1, (0,)),)),
        **{name: (errno.EPERM, (_Check(0, (0,)),)) for name in _OF_ITSELF},
    }


@functools.cache
def program(machine: str, network: bool, datagrams: bool) -> bytes:
    """The filter: with `network`, internet sockets can be made; with `datagrams` also those that know no connection."""
    families = (socket.AF_INET, socket.AF_INET6) if network else ()
    types = (socket.SOCK_STREAM, socket.SOCK_DGRAM) if datagrams else (socket.SOCK_STREAM,)
    lines = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, _ARCHITECTURE[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _REFUSE | errno.ENOSYS),
    ]
    refusals = [(name, errno.ENOSYS) for name in _ABSENT] + [(name, errno.EPERM) for name in _FORBIDDEN]
    for name, answer in refusals:
        if (known := number(name, machine)) is not None:
            lines += [(_EQUAL, 0, 1, known), (_RETURN, 0, 0, _REFUSE | answer)]
    for name, (answer, checks) in _conditions(families, types).items():
        known = number(name, machine)
        assert known is not None
        block = [line for check in checks for line in _lines(check, answer)] + [(_RETURN, 0, 0, _ALLOW)]
        lines += [(_EQUAL, 0, len(block), known), *block]
    lines.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def _lines(check: _Check, answer: int) -> list[tuple[int, int, int, int]]:
    """Falls through if the check holds."""
    lines = [(_LOAD, 0, 0, _ARGUMENTS + 8 * check.argument), (_AND, 0, 0, check.mask)]
    refuse = (_RETURN, 0, 0, _REFUSE | answer)
    if check.refused:
        for value in check.values:
            lines += [(_EQUAL, 0, 1, value), refuse]
        return lines
    for left, value in enumerate(reversed(check.values)):
        lines.insert(2, (_EQUAL, left + 1, 0, value))
    return [*lines, refuse]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("lines", ctypes.c_char_p)]


def install(machine: str, filter: bytes) -> None:
    """From here on, for all threads of this process and all that come of it; needs no_new_privs."""
    given = _Program(len(filter) // 8, filter)
    call(_SECCOMP[machine], _SET_FILTER, _ALL_THREADS, ctypes.byref(given))
