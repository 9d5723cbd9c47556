"""What a coordinator may ask of the place where kernels run, and what it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from kernel.memory import Lent
from kernel.protocol import Command, Event


class KernelGone(Exception):
    """The kernel has ended, or this runtime does not know it."""


class KernelNotStarted(Exception):
    """No kernel could be started; the message says why."""


class Handle(msgspec.Struct, frozen=True, kw_only=True):
    """One kernel, as JSON if need be: its id, process id, start (seconds since 1970), and the runtime that holds it."""

    kernel: str
    pid: int
    started: float
    host: str


class Exit(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a kernel: its exit status (negative: the signal that killed it; None: unknown) and a sentence."""

    status: int | None
    reason: str


class Launching(msgspec.Struct, frozen=True, kw_only=True):
    """How kernels come to be, for administrators: `reason` says why they are not `forked`.

    `packages` are imported before; of these, `skipped` failed, and `threaded` began threads, which a fork would lack.
    """

    forked: bool
    reason: str = ""
    zygote: int | None = None
    packages: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    threaded: tuple[str, ...] = ()

    @property
    def imported(self) -> tuple[str, ...]:
        return tuple(name for name in self.packages if name not in self.skipped)


class Runtime(Protocol):
    """Runs kernels. One coordinator uses one kernel at a time, from one event loop."""

    async def prepare(self) -> None:
        """Called once at the start of the portal, so that the first kernel is as quick as the next. Optional."""

    async def start(self, session: str) -> Handle:
        """A new kernel for a session. Its first event is `Ready`. Raises KernelNotStarted.

        Called by a coordinator when something is to run and there is no kernel, and after `kill` to restart.
        """

    async def attach(self, handle: Handle) -> bool:
        """Take over a kernel that a coordinator before left running; False if it is gone.

        An `events` iteration of before ends; the next one begins with the first event that was not acknowledged.
        """

    def send(self, handle: Handle, *commands: Command | Lent) -> None:
        """Give the kernel commands, in order. Never waits. Raises KernelGone.

        `Acknowledge` goes this way too, once what the events caused is stored.
        """

    def events(self, handle: Handle) -> AsyncIterator[Event | Exit]:
        """What the kernel says, one consumer at a time; ends after `Exit`. Raises KernelGone if it is not known.

        Who does not read slows the kernel down: at most 1,000 events wait here.
        """

    def interrupt(self, handle: Handle, execution: int) -> None:
        """Stop this execution, whether it runs or waits. It ends as `interrupted` or `skipped`. Raises KernelGone.

        User code can refuse (a long call into C); a coordinator that has waited enough uses `kill`.
        """

    async def kill(self, handle: Handle) -> None:
        """End the kernel and the processes that it started, now. Returns when it is gone; also if it was before."""

    def alive(self, handle: Handle) -> bool:
        """Whether the kernel still runs, as far as is known."""

    async def close(self) -> None:
        """Called once at the end of the portal: ends every kernel."""
