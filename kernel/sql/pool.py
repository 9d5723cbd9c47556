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


class Pool:
    """At most `spec.pool_size` connections. Who takes one gives it back, or drops it."""

    def __init__(self, spec: ConnectionSpec, portal: Identity | None) -> None:
        self.spec = spec
        self._portal = portal
        self._places = asyncio.Semaphore(spec.pool_size)
        self._idle: list[Wire] = []
        self.taken = 0

    async def take(self) -> Wire:
        """An idle connection or a new one; waits for a place. Raises SqlError."""
        await self._places.acquire()
        try:
            self.taken += 1
            while self._idle:
                wire = self._idle.pop()
                if wire.usable:
                    return wire
                await wire.close()
            return await self.open()
        except BaseException:
            self._left()
            raise

    async def open(self) -> Wire:
        """A connection beside the idle ones. Raises SqlError."""
        try:
            return await connect(parse(self.spec.url), self._portal)
        except (SqlError, BadUrl) as error:
            raise SqlError(unopened(self.spec.name, str(error).rstrip("."))) from None

    async def give(self, wire: Wire) -> None:
        """Back it goes, as it was when it was new; one that cannot be cleaned is closed."""
        try:
            async with asyncio.timeout(5):
                await wire.script("DISCARD ALL")
            wire.since = monotonic()
            self._idle.append(wire)
        except (psycopg.Error, ServerError, TimeoutError):
            await wire.close()
        finally:
            self._left()

    async def drop(self, wire: Wire) -> None:
        with suppress(Exception):
            await wire.close()
        self._left()

    def _left(self) -> None:
        self.taken -= 1
        self._places.release()

    async def trim(self, keep: float = KEEP) -> bool:
        """Close what has been idle for longer; whether nothing is left."""
        now = monotonic()
        old = [wire for wire in self._idle if now - wire.since >= keep]
        self._idle = [wire for wire in self._idle if now - wire.since < keep]
        for wire in old:
            await wire.close()
        return not self._idle and not self.taken
