"""The kernel host of this process: started and stopped with the server."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import msgspec
from channels.layers import get_channel_layer
from django.conf import settings
from django.db import connection as database
from psycopg.conninfo import make_conninfo

from kernel.launch.cage.enclose import NotConfined
from kernel.launch.environment import COMMON
from kernel.launch.local import LocalRuntime
from kernel.sql.broker import Broker, StatementRecord, identity

from .culling import Culling, Limits
from .databases import Databases, masked
from .directory import Directory
from .hub import Hub
from .reasons import SERVER_STOPPED
from .store import Pool, Store, open_pool
from .survey import Survey
from .tables import Tables

logger = logging.getLogger(__name__)

GOING_AWAY = 1012
"""The code with which sockets are closed when the server restarts: come back."""


class Host(msgspec.Struct):
    """What lives as long as the server."""

    pool: Pool
    store: Store
    hub: Hub
    runtime: LocalRuntime
    broker: Broker
    directory: Directory
    culling: Culling
    survey: Survey
    tables: Tables
    loop: asyncio.AbstractEventLoop
    warming: asyncio.Task[None]


_host: Host | None = None


def current() -> Host | None:
    """The running host of this process; None in commands and tests that serve nothing."""
    return _host


def conninfo() -> str:
    """How the live part reaches the portal's database: Django's own settings."""
    parameters = database.get_connection_params()
    known = ("host", "port", "user", "password", "dbname", "sslmode")
    from_django = {key: parameters[key] for key in known if parameters.get(key)}
    return make_conninfo(**from_django)


async def start() -> None:
    """Open the pool, the hub, the runtime and the broker on the running loop."""
    global _host
    layer = get_channel_layer()
    assert layer is not None, "CHANNEL_LAYERS is not configured"
    packages = settings.CASCADE_KERNEL_PACKAGES or COMMON
    kernels = Path(settings.CASCADE_DATA_DIR) / "kernels"
    runtime = LocalRuntime(kernels, packages, rules=settings.CASCADE_KERNEL_RULES)
    await _require_cage(runtime)
    pool = open_pool(conninfo())
    await pool.open(wait=True, timeout=10)
    store = Store(pool, masked)
    broker = Broker(record=_Recorder(store).record, forbidden=await identity(conninfo()))
    databases = Databases(store, broker)
    hub = Hub(layer)
    directory = Directory(hub, store, runtime, databases)
    await hub.start(directory)
    directory.start()
    limits = Limits(unwatched=settings.CASCADE_CULL_IDLE_AFTER, watched=settings.CASCADE_CULL_IDLE_WATCHED_AFTER)
    culling = Culling(directory.all_live, limits)
    culling.start()
    _host = Host(
        pool=pool,
        store=store,
        hub=hub,
        runtime=runtime,
        broker=broker,
        directory=directory,
        culling=culling,
        survey=Survey(hub, store, directory, runtime),
        tables=Tables(hub, store, directory),
        loop=asyncio.get_running_loop(),
        warming=asyncio.create_task(runtime.prepare()),
    )


async def _require_cage(runtime: LocalRuntime) -> None:
    """Raises NotConfined if kernels cannot be confined here, and must be."""
    if settings.CASCADE_KERNEL_RULES.required:
        found = await runtime.confinement()
        if not found.complete:
            raise NotConfined(
                f"CASCADE_REQUIRE_CAGE is set, and this machine cannot confine kernels: {found.sentence()}. "
                "Mend that, or unset it."
            )


async def stop() -> None:
    """Store everything, end all kernels, give the leases back."""
    global _host
    host, _host = _host, None
    if host is None:
        return
    await host.hub.stop(GOING_AWAY, "The server is restarting.")
    await host.culling.stop()
    await host.directory.stop(SERVER_STOPPED)
    host.warming.cancel()  # otherwise it would go on, and start what is being ended
    await asyncio.gather(host.warming, return_exceptions=True)
    await host.runtime.close()
    await host.broker.close()
    await host.pool.close()


class _Recorder:
    """Writes down every statement that the broker runs."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def record(self, statement: StatementRecord) -> None:
        try:
            await self._store.run(_RECORD, msgspec.structs.asdict(statement))
        except Exception:
            logger.exception("A statement could not be recorded.")


_RECORD = """
INSERT INTO statement (user_id, notebook_id, cell, connection_name, statement, at, duration, rows, error)
VALUES (%(user)s, %(notebook)s, %(cell)s, %(connection_name)s, %(statement)s, %(at)s, %(duration)s, %(rows)s, %(error)s)
"""
