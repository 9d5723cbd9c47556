"""Connections to one database: a bounded number, kept for a while when idle."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import monotonic

import psycopg

from .connect import Identity, connect
from .errors import ServerError, unopened
from .records import ConnectionSpec, SqlError
from .url import BadUrl, parse
from .wire import Wire

KEEP = 60.0
"""Seconds that an idle connection stays open."""
CLEANING = 5.0
"""Seconds that the server has to clean a connection; then it is closed."""


class Pool:
    """At most `spec.pool_size` connections. Who takes one gives it back, or drops it."""

    def __init__(self, spec: ConnectionSpec, portal: Identity | None) -> None:
        self.spec = spec
        self._portal = portal
        self._places = asyncio.Semaphore(max(1, spec.pool_size))
        self._idle: list[Wire] = []
        self.taken = 0
        """Connections in use, and those who wait for one."""

    async def take(self) -> Wire:
        """An idle connection or a new one; waits for a place. Raises SqlError."""
        self.taken += 1
        try:
            await self._places.acquire()
        except BaseException:
            self.taken -= 1
            raise
        try:
            while self._idle:
                wire = self._idle.pop()
                if wire.usable:
                    return wire
                await wire.close()
            return await self._open()
        except BaseException:
            self._left()
            raise

    async def _open(self) -> Wire:
        try:
            return await connect(parse(self.spec.url), self._portal)
        except (SqlError, BadUrl) as error:
            raise SqlError(unopened(self.spec.name, str(error).rstrip("."))) from None

    async def give(self, wire: Wire) -> None:
        """Back it goes, as it was when it was new; one that cannot be cleaned is closed."""
        try:
            async with asyncio.timeout(CLEANING):
                await wire.script("DISCARD ALL")
        except (psycopg.Error, ServerError, TimeoutError):
            await self.drop(wire)
            return
        except BaseException:
            await self.drop(wire)
            raise
        wire.since = monotonic()
        self._idle.append(wire)
        self._left()

    async def drop(self, wire: Wire) -> None:
        try:
            with suppress(Exception):
                await wire.close()
        finally:
            self._left()

    def _left(self) -> None:
        self.taken -= 1
        self._places.release()

    async def trim(self, keep: float) -> bool:
        """Close what has been idle for longer than `keep` seconds; whether nothing is left."""
        now = monotonic()
        old = [wire for wire in self._idle if now - wire.since >= keep]
        self._idle = [wire for wire in self._idle if now - wire.since < keep]
        for wire in old:
            with suppress(Exception):
                await wire.close()
        return not self._idle and not self.taken
