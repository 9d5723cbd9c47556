"""Large results end to end: a real server, the broker, and what arrives in a real kernel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from kernel.launch.local import LocalRuntime
from kernel.protocol import SqlReply, SqlRequest
from kernel.sql.broker import Broker, ConnectionSpec, StatementRecord, Ticket
from notebookproject.postgres import EmbeddedPostgres
from tests.launch.support import Kernel, eventually
from tests.sql.test_streaming import MIXED, lent_memory

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOARD = """
import os
import kernel.process.sql as inside
read, kept = inside.read_memory, []
def hoard(descriptor, size):
    kept.append(os.dup(descriptor))
    return read(descriptor, size)
inside.read_memory = hoard
"""


class Host:
    """Answers a kernel's statements as the portal does, and cancels the one under way when it is told to."""

    def __init__(self, url: str) -> None:
        self.broker = Broker(record=self._record)
        self.replies = 0
        self._spec = ConnectionSpec(key="1", name="Analysis", url=url)
        self._query: asyncio.Task[None] | None = None

    async def _record(self, record: StatementRecord) -> None:
        pass

    def serve(self, kernel: Kernel) -> None:
        def answer(request: SqlRequest) -> list[SqlReply]:
            self._query = asyncio.create_task(self._answer(kernel, request))
            return []

        kernel.broker = answer

    async def _answer(self, kernel: Kernel, request: SqlRequest) -> None:
        token = f"ticket-{request.execution}"
        self.broker.grant(
            Ticket(token=token, execution=1, session="", notebook="n", cell="c", user=1, connection=self._spec)
        )
        async for reply in self.broker.run(token, request.request, request.statement, request.parameters):
            self.replies += 1
            kernel.runtime.send(kernel.handle, reply)

    async def cancel(self) -> None:
        assert self._query is not None
        self._query.cancel()
        await asyncio.gather(self._query, return_exceptions=True)


@pytest_asyncio.fixture(loop_scope="session")
async def host(postgres: EmbeddedPostgres) -> AsyncIterator[Host]:
    host = Host(postgres.url("postgres"))
    yield host
    await host.broker.close()


def statements(postgres: EmbeddedPostgres) -> int:
    """How many of ours the server is working on."""
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cascade' AND state = 'active'"
    with psycopg.connect(postgres.url("postgres")) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


async def test_a_large_result_is_a_frame_with_the_right_types(kernel: Kernel, host: Host) -> None:
    host.serve(kernel)
    count = 100_000
    outcome = await kernel.sql(MIXED.format(count=count), output_name="found")
    assert outcome.table["total"] == count
    assert tuple(outcome.table["rows"][9][1:9]) == (
        "10", None, "10", "0.10", "1.25", "name 10", "d3d94468-02a4-4259-755d-38e6d163e820", "2024-01-01 00:00:10",
    )  # fmt: skip
    assert await kernel.value("' '.join(str(t) for t in found.dtypes)") == (
        "'int64 Int64 int64 object float64 str str datetime64[us] object boolean'"
    )
    assert await kernel.value("int(found.n[0]), found.n[9]") == f"({2**53 + 1}, <NA>)"
    assert await kernel.value("found.price[1], found.price.sum()") == "(Decimal('0.02'), Decimal('50000500.00'))"
    assert await kernel.value("found['day'][0], int(found.flag.sum())") == "(datetime.date(2024, 1, 2), 42858)"
    assert lent_memory() == []


async def test_a_result_can_be_written_to(kernel: Kernel, host: Host) -> None:
    host.serve(kernel)
    for count in (10, 30_000, 200_000):  # in a reply, in one piece, in several
        await kernel.sql(MIXED.format(count=count), output_name="found")
        await kernel.run(
            "found.loc[0, 'id'] = 7\nfound.loc[0, 'name'] = 'Zoë'\nfound.loc[0, 'at'] = found['at'][5]", "w"
        )
        assert await kernel.value("(int(found.id[0]), found.name[0], found['at'][0].second)") == "(7, 'Zoë', 6)"


async def test_an_interrupt_amid_a_large_result(kernel: Kernel, host: Host, postgres: EmbeddedPostgres) -> None:
    host.serve(kernel)
    execution = kernel.execute(MIXED.format(count=2_000_000), "q", kind="sql")
    await eventually(lambda: host.replies)
    assert (await kernel.interrupt(execution)).status == "interrupted"
    await host.cancel()
    assert statements(postgres) == 0
    assert lent_memory() == []
    outcome = await kernel.sql(MIXED.format(count=20_000))
    assert outcome.table["total"] == 20_000
    assert lent_memory() == []


async def test_a_kernel_that_dies_amid_a_large_result(runtime: LocalRuntime, host: Host) -> None:
    kernel = await Kernel.start(runtime)
    host.serve(kernel)
    kernel.execute(MIXED.format(count=2_000_000), "q", kind="sql")
    await eventually(lambda: host.replies)
    await kernel.stop()
    await host.cancel()
    assert lent_memory() == []


async def test_what_is_lent_cannot_be_kept(kernel: Kernel, host: Host) -> None:
    host.serve(kernel)
    await kernel.run(HOARD, "h")
    await kernel.sql(MIXED.format(count=100_000))
    assert await kernel.value("{os.fstat(each).st_size for each in kept}") == "{0}"


async def test_a_kernel_that_takes_results_that_it_did_not_ask_for(kernel: Kernel, host: Host) -> None:
    """An answer that comes too late is nobody's; the kernel goes on."""
    late: list[Any] = []

    def answer(request: SqlRequest) -> list[SqlReply]:
        late.append(request)
        return [SqlReply(request=request.request, error="no")]

    kernel.broker = answer
    await kernel.sql("SELECT 1")
    await host._answer(kernel, late[0].__class__(**_fields(late[0], statement=MIXED.format(count=20_000))))
    assert lent_memory() == []
    assert await kernel.value("1 + 1") == "2"


def _fields(request: SqlRequest, **changes: Any) -> dict[str, Any]:
    return {name: getattr(request, name) for name in request.__struct_fields__} | changes
