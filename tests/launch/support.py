"""A kernel host in small: starts real kernels, runs cells in them and collects what they say."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import pyarrow as pa

from kernel.launch.contract import Exit, Handle
from kernel.launch.local import LocalRuntime
from kernel.protocol import (
    TABLE,
    Command,
    Display,
    Event,
    Execute,
    Failure,
    FetchRows,
    Finished,
    MimeBundle,
    Progress,
    Rows,
    SqlReply,
    SqlRequest,
    Started,
    Stream,
    Table,
)

SECONDS = 20.0  # within which anything at all happens here

Kind = TypeVar("Kind")
Broker = Callable[[SqlRequest], Iterable[SqlReply]]


class Outcome:
    """Everything that one execution said."""

    def __init__(self, events: list[Any]) -> None:
        self.events = events
        self.finished: Finished = events[-1]

    @property
    def status(self) -> str:
        return self.finished.status

    @property
    def output(self) -> MimeBundle:
        """The value's bundle, of an execution that succeeded."""
        assert self.status == "success", self.finished.error
        assert self.finished.output is not None, "the cell has no value"
        return self.finished.output

    @property
    def text(self) -> str:
        text = self.output["text/plain"]
        assert isinstance(text, str)
        return text

    @property
    def table(self) -> dict[str, Any]:
        table = self.output[TABLE]
        assert isinstance(table, dict)
        return table

    @property
    def error(self) -> Failure:
        assert self.finished.error is not None, self.finished
        return self.finished.error

    @property
    def displays(self) -> list[Display]:
        return [event for event in self.events if isinstance(event, Display)]

    @property
    def progress(self) -> list[Progress]:
        return [event for event in self.events if isinstance(event, Progress)]

    @property
    def stdout(self) -> str:
        return self._stream("stdout")

    @property
    def stderr(self) -> str:
        return self._stream("stderr")

    def _stream(self, name: str) -> str:
        return "".join(event.text for event in self.events if isinstance(event, Stream) and event.stream == name)


class Kernel:
    """One kernel. `log` is all that it said so far; `broker`, if set, answers its SQL."""

    def __init__(self, runtime: LocalRuntime, handle: Handle) -> None:
        self.runtime = runtime
        self.handle = handle
        self.log: list[Event | Exit] = []
        self.broker: Broker | None = None
        self._executions = itertools.count(1)
        self._news = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, runtime: LocalRuntime, session: str = "session") -> Kernel:
        return cls(runtime, await runtime.start(session))

    async def stop(self) -> None:
        await self.runtime.kill(self.handle)
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)

    def send(self, *commands: Command) -> None:
        self.runtime.send(self.handle, *commands)

    def execute(self, code: str, cell: str = "a", **fields: Any) -> int:
        """Ask for an execution and do not wait for it; returns its number."""
        execution = next(self._executions)
        fields = {"label": f"Cell {cell}", "kind": "python", "ticket": "ticket"} | fields
        self.send(Execute(execution=execution, cell=cell, code=code, **fields))
        return execution

    async def run(self, code: str, cell: str = "a", **fields: Any) -> Outcome:
        return await self.outcome(self.execute(code, cell, **fields))

    async def sql(self, code: str, cell: str = "q", **fields: Any) -> Outcome:
        return await self.run(code, cell, kind="sql", **fields)

    async def value(self, expression: str) -> str:
        """What an expression is in this kernel, as text."""
        return (await self.run(expression, "looks")).text

    async def outcome(self, execution: int) -> Outcome:
        """All events of an execution, once it has finished."""
        await self.seen(Finished, lambda event: event.execution == execution)
        events = [event for event in self.log if getattr(event, "execution", None) == execution]
        assert sum(isinstance(event, Finished) for event in events) == 1
        return Outcome(events)

    async def started(self, execution: int) -> None:
        await self.seen(Started, lambda event: event.execution == execution)

    async def printed(self, text: str) -> None:
        """Wait until some cell has printed this in one piece."""
        await self.seen(Stream, lambda event: text in event.text)

    async def interrupt(self, execution: int) -> Outcome:
        self.runtime.interrupt(self.handle, execution)
        return await self.outcome(execution)

    async def fetch(self, table: str, offset: int = 0, limit: int = 5, **fields: Any) -> Rows:
        request = f"rows-{len(self.log)}"
        self.send(FetchRows(request=request, table=table, offset=offset, limit=limit, **fields))
        return await self.seen(Rows, lambda event: event.request == request)

    async def page(self, table: str, offset: int = 0, limit: int = 5, **fields: Any) -> Table:
        rows = await self.fetch(table, offset, limit, **fields)
        assert rows.table is not None, rows.error
        return rows.table

    async def exit(self, seconds: float = SECONDS) -> Exit:
        return await self.seen(Exit, seconds=seconds)

    async def seen(
        self, kind: type[Kind], test: Callable[[Kind], bool] = lambda _: True, seconds: float = SECONDS
    ) -> Kind:
        """The first event of this kind that passes the test, waiting for it."""
        async with asyncio.timeout(seconds):
            position = 0
            while True:
                for event in itertools.islice(self.log, position, None):
                    if isinstance(event, kind) and test(event):
                        return event
                    assert not isinstance(event, Exit), f"the kernel has ended: {event.reason}"
                position = len(self.log)
                self._news.clear()
                await self._news.wait()

    async def _read(self) -> None:
        async for event in self.runtime.events(self.handle):
            self.log.append(event)
            self._news.set()
            if isinstance(event, SqlRequest) and self.broker is not None:
                self.send(*self.broker(event))


def cell(execution: int, code: str) -> Execute:
    """For tests that speak to the runtime themselves."""
    return Execute(execution=execution, cell="a", label="Cell a", kind="python", code=code, ticket="")


def arrow(table: pa.Table) -> bytes:
    """A table as an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def answering(table: pa.Table, notice: str = "", chunk: int = 200) -> Broker:
    """A broker that has one answer, and sends it in chunks."""
    data = arrow(table)

    def broker(request: SqlRequest) -> list[SqlReply]:
        pieces = [data[start : start + chunk] for start in range(0, len(data), chunk)]
        replies = [SqlReply(request=request.request, data=piece, last=False) for piece in pieces]
        return [*replies, SqlReply(request=request.request, notice=notice)]

    return broker


async def parent(kernel: Kernel) -> int:
    """The process that it was forked from, or started by."""
    return int(await kernel.value("__import__('os').getppid()"))


async def eventually(holds: Callable[[], Any], seconds: float = SECONDS) -> Any:
    """Wait until something holds; AssertionError if it does not come."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (found := holds()):
        assert asyncio.get_running_loop().time() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)
    return found
