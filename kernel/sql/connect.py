"""Opening a connection, with nothing but what its string says, and never to the portal's own database."""

from __future__ import annotations

import asyncio
import os
import ssl
from typing import Any

import msgspec
import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict

from .errors import ServerError, reason
from .records import SqlError
from .url import Target
from .wire import Wire

CONNECT_TIMEOUT = 5.0
_NOWHERE = "/nonexistent/cascade"
_NOT_TO_BE_SWITCHED_OFF = ("PGSERVICE", "PGREQUIREAUTH")
"""What libpq takes from the environment and no parameter overrides with nothing."""
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_OPEN_ROLES = "pg_read_server_files,pg_write_server_files,pg_execute_server_program"

_IDENTITY = f"""
SELECT pg_catalog.current_database()::text,
       (SELECT oid FROM pg_catalog.pg_database
         WHERE datname OPERATOR(pg_catalog.=) pg_catalog.current_database())::text,
       pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time())::text,
       (SELECT pg_catalog.bool_or(pg_catalog.pg_has_role(session_user, oid, 'MEMBER'))
          FROM pg_catalog.pg_roles
         WHERE rolsuper OR rolname::text OPERATOR(pg_catalog.=) ANY ('{{{_OPEN_ROLES}}}'::text[]))::text
"""
_SYSTEM = "SELECT system_identifier::text FROM pg_catalog.pg_control_system()"


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Which database of which server a connection has reached, whatever it is called from here.

    `system` is the server's own number, made when it was created ('' where it is kept secret); `started` is when it
    was started. `unconfined`: the role can leave its database (a superuser, or one who reads and writes files there).
    """

    database: str
    oid: str
    started: str
    system: str
    unconfined: bool
    host: str = ""
    port: int = 0

    def same_server(self, other: Identity) -> bool:
        if self.system and other.system:
            return self.system == other.system
        return self.started == other.started


async def identity(conninfo: str) -> Identity:
    """The identity of the portal's own database. Raises `psycopg.Error`."""
    parameters = conninfo_to_dict(conninfo)
    connection = await AsyncConnection.connect(conninfo, autocommit=True)
    try:
        found = await _identify(Wire(connection))
    finally:
        await connection.close()
    host, port = str(parameters.get("host") or ""), int(parameters.get("port") or 5432)
    return msgspec.structs.replace(found, host=host, port=port)


async def _identify(wire: Wire) -> Identity:
    (result,) = await wire.script(_IDENTITY)
    database, oid, started, unconfined = ((result.get_value(0, i) or b"").decode() for i in range(4))
    try:
        (result,) = await wire.script(_SYSTEM)
        system = (result.get_value(0, 0) or b"").decode()
    except ServerError:
        system = ""
    return Identity(database=database, oid=oid, started=started, system=system, unconfined=unconfined == "true")


async def connect(target: Target, portal: Identity | None, timeout: float = CONNECT_TIMEOUT) -> Wire:
    """A fresh connection. Raises `SqlError` with the reason alone (see `errors.unopened`)."""
    if portal is not None and _looks_like(target, portal):
        raise SqlError(_REFUSED)
    for name in _NOT_TO_BE_SWITCHED_OFF:
        os.environ.pop(name, None)
    try:
        async with asyncio.timeout(timeout):
            wire = Wire(await AsyncConnection.connect(**parameters(target, timeout), autocommit=True))
    except (psycopg.Error, TimeoutError, OSError, UnicodeError) as error:
        raise SqlError(reason(error, target)) from None
    try:
        async with asyncio.timeout(timeout):
            await _check(wire, portal)
    except (psycopg.Error, ServerError, TimeoutError) as error:
        await wire.close()
        raise SqlError(reason(error, target)) from None
    except BaseException:
        await wire.close()
        raise
    return wire


_REFUSED = "this is the portal's own database, which notebooks may not use; choose another one"
_UNCONFINED = (
    "it logs in to the portal's own server as a superuser or as someone who reads its files, and so could reach the "
    "portal's own database; choose another user"
)


async def _check(wire: Wire, portal: Identity | None) -> None:
    if portal is None:
        return
    found = await _identify(wire)
    if not found.same_server(portal):
        return
    if found.oid == portal.oid:
        raise SqlError(_REFUSED)
    if found.unconfined:
        raise SqlError(_UNCONFINED)


def _looks_like(target: Target, portal: Identity) -> bool:
    """The obvious case, before we connect."""
    if (target.port, target.database) != (portal.port, portal.database):
        return False
    host = target.host.lower()
    return host == portal.host.lower() or (host in _LOOPBACK and portal.host.lower() in _LOOPBACK)


def parameters(target: Target, timeout: float = CONNECT_TIMEOUT) -> dict[str, Any]:
    """Every parameter that libpq would otherwise look for in the environment or in a home directory."""
    return {
        "host": target.host,
        "hostaddr": "",
        "port": target.port,
        "dbname": target.database,
        "user": target.user,
        "password": target.password,
        "connect_timeout": max(2, round(timeout)),
        "application_name": "cascade",
        "fallback_application_name": "",
        "client_encoding": "utf8",
        "options": "",
        "passfile": _NOWHERE,
        "requirepeer": "",
        "channel_binding": "prefer",
        "target_session_attrs": "any",
        "load_balance_hosts": "disable",
        "gssencmode": "disable",
        "gssdelegation": "0",
        "krbsrvname": "postgres",
        **_encryption(target.sslmode),
        "keepalives": 1,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
    }


def _encryption(mode: str) -> dict[str, Any]:
    """Certificates are those that this machine trusts (or `SSL_CERT_FILE`); we have none of our own to show."""
    trusted = ssl.get_default_verify_paths().cafile if mode.startswith("verify") else None
    return {
        "sslmode": mode,
        "sslnegotiation": "postgres",
        "sslrootcert": trusted or _NOWHERE,
        "sslcert": _NOWHERE,
        "sslkey": _NOWHERE,
        "sslcertmode": "disable",
        "sslcrl": "",
        "sslcrldir": "",
        "sslpassword": "",
        "sslcompression": 0,
        "sslsni": 1,
        "ssl_min_protocol_version": "TLSv1.2",
        "ssl_max_protocol_version": "",
    }
