"""Caps that the system holds for each process: memory, files, processes, and the share of the processors."""

from __future__ import annotations

import contextlib
import os
import resource

from kernel.launch.cage.policy import Limits

NICE = 10
"""How much a kernel gives way: the portal is served first, however many kernels compute."""


def apply(limits: Limits) -> None:
    """All but the number of processes, which is counted for each user: see `cap_processes`."""
    _cap(resource.RLIMIT_CORE, 0)  # it would hold the notebook's data
    _cap(resource.RLIMIT_NOFILE, limits.files)
    _cap(resource.RLIMIT_FSIZE, limits.disk)
    _cap(resource.RLIMIT_MEMLOCK, 8 * 1024 * 1024)
    _cap(resource.RLIMIT_MSGQUEUE, 0)
    _cap(resource.RLIMIT_DATA, _private_memory() + limits.memory)


def cap_processes(limits: Limits) -> None:
    """Processes and threads; exact where the kernel has a user, or a user namespace, of its own."""
    _cap(resource.RLIMIT_NPROC, limits.processes)


def _cap(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))


def _private_memory() -> int:
    """Bytes that this process has reserved already: those of the packages that are imported."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[5]) * resource.getpagesize()


def give_way() -> None:
    """From here on the portal is served first. Last of all: the start is not to be slow."""
    os.nice(NICE)
    # where sessions are scheduled as groups, it is the group that has to give way
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w") as file:
        file.write(str(NICE))
