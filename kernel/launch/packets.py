"""What the kernel host and its zygote say to each other: one message is one packet."""

from __future__ import annotations

import msgspec

from kernel.launch.cage.policy import Policy

MAX_MESSAGE = 64 * 1024  # bytes


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a kernel works: `work` is its current directory, `temporary` for what may go when it ends.

    Without a policy it is not confined at all, which is for tests of what the cage is good for.
    """

    work: str
    temporary: str
    policy: Policy | None = None


class Fork(msgspec.Struct, frozen=True, kw_only=True, tag="fork"):
    """Start a kernel. The packet carries two descriptors: its channel and its lifeline."""

    request: int
    place: Place


class Warm(msgspec.Struct, frozen=True, kw_only=True, tag="warm"):
    """Everything is imported, but what was `skipped` since it failed. `threaded`: what started threads of its own."""

    skipped: tuple[str, ...] = ()
    threaded: tuple[str, ...] = ()
    threads: int = 1


class Forked(msgspec.Struct, frozen=True, kw_only=True, tag="forked"):
    """The answer to `Fork`; pid 0 and an error if there is no kernel."""

    request: int
    pid: int
    error: str = ""


class Reaped(msgspec.Struct, frozen=True, kw_only=True, tag="reaped"):
    """A kernel ended; status as in `subprocess`: negative for a signal."""

    pid: int
    status: int


Report = Warm | Forked | Reaped
