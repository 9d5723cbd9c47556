"""Sentences about how a kernel ended."""

from __future__ import annotations

import signal

ENDED = "The kernel was ended by the portal."
UNFORKABLE = "This system cannot fork kernels, so each is a process of its own that imports its packages by itself."


def describe(status: int | None) -> str:
    """What an exit status means; negative for a signal, None for unknown."""
    if status is None:
        return "The kernel's process has gone."
    if status >= 0:
        return f"The kernel's process ended by itself (exit status {status})."
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    if -status == signal.SIGKILL:
        return f"The kernel's process was killed ({name}): by its own code, or by the system because memory ran out."
    return f"The kernel's process crashed ({name})."
