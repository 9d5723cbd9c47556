"""A million rows out of PostgreSQL into a DataFrame."""

from __future__ import annotations

import asyncio
import secrets
import subprocess
from contextlib import AsyncExitStack
from pathlib import Path
from time import perf_counter
from urllib.parse import urlsplit

import psutil
import psycopg

from notebookproject.postgres import BIN

from ..contestant import Book, Cannot, Contestant
from ..measuring import LIMIT, Measure, Row, Sample, Target, timed
from ..peers.cascade import Cascade

QUERY = "SELECT * FROM million"
_MAKE = """
CREATE TABLE million AS
SELECT n::integer AS id, 9007199254740993 + n AS large, CASE WHEN n % 10 > 0 THEN n END AS gaps,
    n / 7.0::float8 AS ratio, (n / 100.0)::numeric(12, 2) AS price, 'name ' || n % 1000 AS name, n % 2 = 0 AS flag,
    date '2020-01-01' + n % 1000 AS day, timestamptz '2020-01-01 00:00+00' + n * interval '1 second' AS at,
    (n % 100)::smallint AS small
FROM generate_series(1, {rows}) AS n
"""
_CHECK = """
from decimal import Decimal
first = df.iloc[8]
assert len(df) == {rows} and int(first["large"]) == 2**53 + 10, first
assert int(first["gaps"]) == 9 and df["gaps"].isna().iloc[9], first
assert Decimal(str(first["price"])) == Decimal("0.09"), first
assert str(first["day"])[:10] == "2020-01-10" and first["at"].year == 2020 and first["at"].tzinfo is not None, first
"""
_PEER = """
import pandas as pd, sqlalchemy
engine = sqlalchemy.create_engine({url!r})
"""


class PostgresMillion(Row):
    name = "postgres_million"
    measures = (
        Measure(
            "postgres_million",
            "PostgreSQL, 1,000,000 x 10, to a DataFrame",
            5,
            0,
            targets=(Target(1.6, LIMIT),),
            limit="psql draining COPY BINARY",
            note="everybody has run it once before; ours with exact types (checked: integers beyond 2^53, NULL among "
            "integers, numeric, dates, zones); peers: pandas.read_sql by SQLAlchemy and psycopg, as both do by default",
        ),
        Measure(
            "postgres_million_memory",
            "its peak memory (the kernel's, and what the portal grew)",
            5,
            0,
            unit="MiB",
            targets=(Target(572, ""),),
            note="572 MiB are 600 MB",
        ),
    )

    def __init__(self, tiny: bool = False) -> None:
        super().__init__(tiny)
        self._rows = 1000 if tiny else 1_000_000
        self._url = ""

    async def begin(self, ours: Contestant) -> None:
        assert isinstance(ours, Cascade)
        await asyncio.to_thread(self._fill, ours.server)

    async def setup(self, contestant: Contestant, stack: AsyncExitStack) -> dict[str, Sample]:
        if isinstance(contestant, Cascade):
            return await self._ours(contestant, stack)
        return await self._peer(contestant, stack)

    async def _ours(self, contestant: Cascade, stack: AsyncExitStack) -> dict[str, Sample]:
        connection = contestant.world.connection(self._url)
        sql = ("sql", QUERY, "df")
        checked = await contestant.open(
            await contestant.prepare([sql, _CHECK.format(rows=self._rows)], connection=connection)
        )
        await checked.run_all()
        await checked.close()
        book = await contestant.open(await contestant.prepare([sql], connection=connection))
        stack.push_async_callback(book.close)
        await book.run_all()
        return _Reading(book, 0, contestant.process()).samples()

    async def _peer(self, contestant: Contestant, stack: AsyncExitStack) -> dict[str, Sample]:
        url = self._url.replace("postgresql://", "postgresql+psycopg://")
        cells = [_PEER.format(url=url), f"df = pd.read_sql({QUERY!r}, engine)"]
        book = await contestant.open(await contestant.prepare(cells))
        stack.push_async_callback(book.close)
        await book.run_all()
        return _Reading(book, 1, None).samples()

    async def limit(self, ours: Contestant, stack: AsyncExitStack) -> dict[str, Sample]:
        if not (BIN / "psql").exists():
            return {"postgres_million": self._drain}
        return {"postgres_million": self._psql}

    async def _psql(self) -> float:
        command = [str(BIN / "psql"), self._url, "-q", "-c", f"COPY ({QUERY}) TO STDOUT (FORMAT binary)"]
        started = perf_counter()
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.DEVNULL, cwd="/")
        if await process.wait():
            raise Cannot("psql failed")
        return perf_counter() - started

    async def _drain(self) -> float:
        """Where there is no psql."""
        return await asyncio.to_thread(self._drain_at_once)

    def _drain_at_once(self) -> float:
        with psycopg.connect(self._url) as connection:
            started = perf_counter()
            with connection.cursor().copy(f"COPY ({QUERY}) TO STDOUT (FORMAT binary)") as copy:  # type: ignore[arg-type]
                for _ in copy:
                    pass
            return perf_counter() - started

    def _fill(self, server: str) -> None:
        """A database with the table, and a role that may read it."""
        name, password = f"bench_{secrets.token_hex(4)}", secrets.token_hex(8)
        address = urlsplit(server)
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'")  # type: ignore[arg-type]
            connection.execute(f"CREATE DATABASE {name} OWNER {name}")  # type: ignore[arg-type]
        self._url = f"postgresql://{name}:{password}@{address.hostname}:{address.port}/{name}"
        with psycopg.connect(self._url) as connection:
            connection.execute(_MAKE.format(rows=self._rows))  # type: ignore[arg-type]
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE million")


class _Reading:
    """One notebook's runs of the cell at `place`, and what the last one needed at its peak."""

    def __init__(self, book: Book, place: int, portal: psutil.Process | None) -> None:
        self._book = book
        self._place = place
        self._portal = portal
        self._peak = 0.0

    def samples(self) -> dict[str, Sample]:
        return {"postgres_million": self.time, "postgres_million_memory": self.memory}

    async def time(self) -> float:
        kernel = await self._book.pid()
        portal = self._portal.pid if self._portal else 0
        before = self._portal.memory_info().rss if self._portal else 0
        for pid in (kernel, portal):
            if pid:
                Path(f"/proc/{pid}/clear_refs").write_text("5")  # from here on the peak counts anew
        taken = await timed(self._book.run(self._place))
        grown = max(0, _peak(portal) - before) if portal else 0
        self._peak = (_peak(kernel) + grown) / 2**20
        return taken

    async def memory(self) -> float:
        """MiB: the kernel's peak (resident, what it shares with others included), and what the portal grew by."""
        return self._peak


def _peak(pid: int) -> int:
    """Bytes (VmHWM)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
