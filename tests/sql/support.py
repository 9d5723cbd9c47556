"""A notebook's side of the broker, without a kernel."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from kernel.memory import Lent
from kernel.process.arrow import read_memory, read_stream, to_frame
from kernel.protocol import SqlReply
from kernel.sql.broker import Broker, ConnectionSpec, StatementRecord, Ticket


class Answer:
    """All replies to one statement."""

    def __init__(self, replies: list[SqlReply | Lent]) -> None:
        self.lent = [reply for reply in replies if isinstance(reply, Lent)]
        self.replies = [reply.reply if isinstance(reply, Lent) else reply for reply in replies]
        self.last = self.replies[-1]
        assert [reply.last for reply in self.replies] == [False] * (len(replies) - 1) + [True]

    @property
    def error(self) -> str:
        return self.last.error

    @property
    def table(self) -> pa.Table:
        assert not self.error, self.error
        if not self.lent:
            return read_stream([reply.data for reply in self.replies])
        assert not any(reply.data for reply in self.replies)
        return pa.concat_tables([read_memory(lent.memory.fileno(), lent.reply.shared) for lent in self.lent])

    @property
    def frame(self) -> Any:
        return to_frame(self.table)

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        return list(zip(*(column.to_pylist() for column in self.table.columns), strict=True))

    @property
    def value(self) -> Any:
        ((value,),) = self.rows
        return value


class Session:
    """`run` runs statements as one cell would; `records` is what the broker wrote down."""

    broker: Broker

    def __init__(self, url: str) -> None:
        self.url = url
        self.records: list[StatementRecord] = []
        self._tokens = itertools.count(1)

    async def record(self, record: StatementRecord) -> None:
        self.records.append(record)

    def spec(self, **changes: Any) -> ConnectionSpec:
        spec = ConnectionSpec(key="analysis/1", name="Analysis", url=self.url)
        spec = msgspec.structs.replace(spec, **changes)
        return msgspec.structs.replace(spec, key=repr(sorted(changes.items()))) if changes else spec

    def grant(self, **changes: Any) -> str:
        token = f"ticket-{next(self._tokens)}"
        self.broker.grant(
            Ticket(
                token=token, execution=1, session="", notebook="n1", cell="c1", user=7, connection=self.spec(**changes)
            )
        )
        return token

    async def answer(self, token: str, statement: str, parameters: Sequence[Any] = ()) -> Answer:
        return Answer([reply async for reply in self.broker.run(token, 1, statement, parameters)])

    async def run(self, statement: str, *parameters: Any, **changes: Any) -> Answer:
        token = self.grant(**changes)
        try:
            return await self.answer(token, statement, parameters)
        finally:
            self.broker.revoke(token)

    async def write(self, statement: str, *parameters: Any, **changes: Any) -> Answer:
        return await self.run(statement, *parameters, read_only=False, **changes)

    async def recorded(self, count: int = 1) -> list[StatementRecord]:
        """The records, once there are that many."""
        await eventually(lambda: len(self.records) >= count)
        return self.records


async def eventually(holds: Callable[[], Any], seconds: float = 5.0) -> Any:
    """Wait until something holds; AssertionError if it does not come."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (found := holds()):
        assert asyncio.get_running_loop().time() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)
    return found
