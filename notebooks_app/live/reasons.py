"""Sentences about why a kernel is not there, for everyone who opens the notebook."""

from __future__ import annotations

GONE = "its values are gone, the outputs are saved"
NEXT = "Running a cell starts another and runs what it needs."

RESTARTED = f"The kernel was restarted: {GONE}."
SERVER_STOPPED = f"The kernel ended when the server was stopped: {GONE}. {NEXT}"
NOTEBOOK_DELETED = f"The kernel was stopped when this notebook was deleted: {GONE}. {NEXT}"


def unused(seconds: float) -> str:
    return f"The kernel was stopped after {duration(seconds)} without use: {GONE}. {NEXT}"


def stopped_by(name: str) -> str:
    return f"{name}, an administrator, stopped the kernel: {GONE}. {NEXT}"


def duration(seconds: float) -> str:
    """A time in the largest unit that it is a whole number of: '30 minutes', '1 hour', '90 seconds', '0.5 seconds'."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            return _count(seconds / size, unit)
    return _count(seconds, "second")


def _count(number: float, unit: str) -> str:
    return f"{number:g} {unit}{'' if number == 1 else 's'}"
