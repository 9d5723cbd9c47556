"""Sentences about how a kernel ended."""

from __future__ import annotations

import signal

UNCONFINED = 71
"""The status of a kernel that ended because it could not be confined, and must be."""
ENDED = "The kernel was ended by the portal."
UNFORKABLE = "This system cannot fork kernels, so each is a process of its own that imports its packages by itself."


def describe(status: int | None) -> str:
    """What an exit status means; negative for a signal, None for unknown."""
    if status is None:
        return "The kernel's process has gone."
    if status == UNCONFINED:
        return "The kernel was not started: this machine cannot confine it. The portal's log says what is missing."
    if status >= 0:
        return f"The kernel's process ended by itself (exit status {status})."
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    if -status == signal.SIGKILL:
        return f"The kernel's process was killed ({name}): by its own code, or by the system because memory ran out."
    return f"The kernel's process crashed ({name})."


def size(count: int) -> str:
    """Bytes in words: 2 GiB."""
    for unit, name in ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB")):
        if count >= unit:
            return f"{count / unit:.4g} {name}"
    return f"{count} bytes"


def too_much_memory(cap: int) -> str:
    return (
        f"The kernel was stopped at {size(cap)} of memory, which is all that a kernel may use. "
        "Load less at a time, or ask an administrator for more (CASCADE_KERNEL_MEMORY)."
    )


def too_many_processes(cap: int) -> str:
    return (
        f"The kernel was stopped at {cap:,} processes and threads, which are all that a kernel may have. "
        "Start fewer at a time, or ask an administrator for more (CASCADE_KERNEL_PROCESSES)."
    )


def too_much_disk(cap: int) -> str:
    return (
        f"The kernel was stopped at {size(cap)} of files, which is all that a notebook may keep. Delete what is not "
        "needed with the first cell that runs, or ask an administrator for more (CASCADE_KERNEL_DISK)."
    )


WOKEN = "\n[The kernel was stopped by a signal (SIGSTOP) and was made to go on.]\n"
