"""The kernel process's main loop: one command after the other, and every execution ends in one `Finished`."""

from __future__ import annotations

import gc
import os
import socket
import sys
import time
import traceback
from typing import Any

from kernel import protocol
from kernel.output.bundle import Presenter
from kernel.output.ordering import Unsortable
from kernel.output.sources import Sources
from kernel.output.tables import Tables
from kernel.output.tracebacks import describe
from kernel.process import tools, tqdm
from kernel.process.channel import Inbox, Outbox
from kernel.process.descriptors import Descriptors
from kernel.process.displays import Displays
from kernel.process.helpers import Helpers
from kernel.process.interrupts import Interrupts
from kernel.process.namespace import Namespace
from kernel.process.runner import Runner, Shown
from kernel.process.sql import Sql
from kernel.process.streams import Streams, TextStream

CRASHED = 70  # the status of a kernel that ended because of a mistake of its own
REMEMBERED = 10_000  # executions that did not succeed, kept to skip what requires them


class Worker:
    """Everything that a kernel holds. `run` returns the status to end with."""

    def __init__(self, sock: socket.socket) -> None:
        self._interrupts = Interrupts()
        self._outbox = Outbox(sock, self._interrupts)
        self._inbox = Inbox(sock, self._interrupts, self._outbox.acknowledge)
        self._streams = Streams(self._outbox, Descriptors())
        self._texts = TextStream(self._streams, "stdout", 1), TextStream(self._streams, "stderr", 2)
        self._sources = Sources()
        self._tables = Tables()
        self._namespace = Namespace()
        self._unsuccessful: dict[int, None] = {}
        presenter = Presenter(self._tables)
        self._displays = Displays(self._outbox, self._streams, presenter)
        self._progress = tools.ProgressReports(self._outbox)
        sql = Sql(self._inbox, self._outbox, self._namespace.globals, self._interrupts)
        self._helpers = Helpers(self._namespace)
        self._runner = Runner(
            self._namespace, self._sources, presenter, self._displays, self._streams, self._tables, sql, self._helpers
        )
        self._install()

    def run(self) -> int:
        version = ".".join(str(part) for part in sys.version_info[:3])
        self._outbox.post(protocol.Ready, version=protocol.VERSION, pid=os.getpid(), python=version)
        while command := self._inbox.next():
            if isinstance(command, protocol.Shutdown):
                return 0
            self._handle(command)
        if self._inbox.broken:
            self._complain(f"The host sent what is not part of the protocol: {self._inbox.broken}\n")
        return self._inbox.status

    def crash(self) -> int:
        """Say what went wrong in the kernel itself, as well as still possible."""
        self._complain("The kernel made a mistake and ends.\n" + traceback.format_exc())
        return CRASHED

    def _complain(self, text: str) -> None:
        self._outbox.post(protocol.Stream, execution=0, stream="stderr", text=text)

    def _install(self) -> None:
        sys.stdin = open(os.devnull)  # noqa: SIM115  (for as long as the process lives)
        self._take_standard_streams()
        sys.displayhook = lambda value: self._displays.show(value) if value is not None else None
        tools.install(self._displays, self._progress, self._streams, self._sources)
        tqdm.install(self._progress)
        os.register_at_fork(after_in_child=self._after_fork)
        self._interrupts.install()

    def _take_standard_streams(self) -> None:
        """Again before each cell: what one puts in their place must not silence the others."""
        sys.stdout, sys.stderr = self._texts

    def _after_fork(self) -> None:
        """User code forked: the copy prints to the descriptors and says nothing to the host."""
        self._outbox.disconnect()
        self._streams.after_fork()

    def _handle(self, command: protocol.Command) -> None:
        match command:
            case protocol.Execute():
                self._execute(command)
            case protocol.Forget():
                self._namespace.forget(command.names)
            case protocol.FetchRows():
                self._fetch(command)
            case protocol.Attach():
                self._outbox.resend(command.after)

    def _execute(self, command: protocol.Execute) -> None:
        self._inbox.poll()  # a `Cancel` may be waiting right behind
        if (skipped := self._skip(command)) is not None:
            self._namespace.forget(command.forget)
            self._finish(command, "skipped", because=skipped if skipped >= 0 else None)
            return
        changes = self._helpers.look()
        self._outbox.post(protocol.Started, execution=command.execution, changed=changes.names, outdated=changes.cells)
        self._take_standard_streams()
        self._streams.begin(command.execution)
        self._displays.begin(command.execution)
        self._progress.execution = command.execution
        started = time.perf_counter()
        outcome = self._attempt(command)
        duration = time.perf_counter() - started
        self._progress.execution = None
        self._displays.end()
        self._streams.end()
        self._finish(command, duration=duration, **outcome)

    def _skip(self, command: protocol.Execute) -> int | None:
        """None: it is to run. Otherwise the required execution that did not succeed, or -1: it was cancelled."""
        if self._interrupts.is_cancelled(command.execution):
            return -1
        return next((number for number in command.requires if number in self._unsuccessful), None)

    def _attempt(self, command: protocol.Execute) -> dict[str, Any]:
        """The fields of `Finished`. While armed, any line may raise KeyboardInterrupt."""
        outcome: dict[str, Any]
        self._runner.before = None
        try:
            try:
                self._interrupts.arm(command.execution)
                outcome = self._succeed_or_fail(command)
            finally:
                self._interrupts.disarm()
        except KeyboardInterrupt:
            self._interrupts.disarm()
            # a second signal that came while the first one was being described, or one before the first line
            error = protocol.Failure(name="KeyboardInterrupt", message="", traceback="")
            outcome = {"status": "interrupted", "error": error}
        return outcome | self._settle_names(command, outcome["status"] == "success")

    def _succeed_or_fail(self, command: protocol.Execute) -> dict[str, Any]:
        try:
            shown: Shown = self._runner.run(command)
        except KeyboardInterrupt as error:
            return {"status": self._failed(command), "error": describe(error, self._sources)}
        except BaseException as error:
            return {"status": self._failed(command), "error": describe(error, self._sources, self._hint(error))}
        return {"status": "success", "output": shown.output, "hints": (*shown.hints, *self._displays.hints)}

    def _hint(self, error: BaseException) -> str:
        """Nothing is asked of an exception of the user's own making: it may do anything."""
        return self._namespace.hint(error.name) if type(error) is NameError else ""

    def _failed(self, command: protocol.Execute) -> str:
        """What ended by an exception was interrupted if it was to be, whatever became of the KeyboardInterrupt.

        Libraries turn it into errors of their own (DuckDB), and code with a signal handler of its own raises it without
        having read what the host sent. One that nobody asked for is the cell's own error.
        """
        self._inbox.poll()
        return "interrupted" if self._interrupts.is_cancelled(command.execution) else "error"

    def _settle_names(self, command: protocol.Execute, success: bool) -> dict[str, Any]:
        before = self._runner.before
        if success and before is not None:
            defined, kept = self._namespace.commit(command.cell, before)
            self._helpers.used(command.cell, self._runner.program)
            return {"defined": defined, "kept": kept}
        self._displays.figures.discard()
        self._helpers.forget(command.cell)
        if before is not None:
            self._namespace.rollback(command.cell, before)
        return {}

    def _finish(self, command: protocol.Execute, status: str, **fields: Any) -> None:
        self._interrupts.ended(command.execution)
        if status != "success":
            self._unsuccessful[command.execution] = None
            while len(self._unsuccessful) > REMEMBERED:
                del self._unsuccessful[next(iter(self._unsuccessful))]
        hold = self._inbox.runs_next  # then `Started` follows at once, and both leave together
        self._outbox.post(protocol.Finished, hold=hold, execution=command.execution, status=status, **fields)

    def _fetch(self, command: protocol.FetchRows) -> None:
        table, error = None, ""
        frame = self._tables.find(command.table)
        try:
            if frame is None:
                error = "This table is no longer in the kernel. Run its cell again to see more rows."
            else:
                table = frame.page(command.table, command.offset, command.limit, command.sort, command.descending)
        except Unsortable as problem:
            error = str(problem)
        except Exception as problem:
            error = f"These rows cannot be shown: {type(problem).__name__}: {problem}"
        self._outbox.post(protocol.Rows, request=command.request, table=table, error=error)


def serve(sock: socket.socket) -> int:
    """Be a kernel on this socket until the host goes or says so; returns the status to exit with."""
    worker = Worker(sock)
    gc.freeze()
    try:
        return worker.run()
    except Exception:
        return worker.crash()
