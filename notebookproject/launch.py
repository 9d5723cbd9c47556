"""`make run`: check, start what is missing, migrate, prepare, serve. Ends with one line if something is wrong."""

from __future__ import annotations

import fcntl
import os
import socket
import sys
from pathlib import Path
from typing import IO

import psycopg

from . import environment
from .environment import Misconfigured
from .postgres import EmbeddedPostgres, PostgresFailed


def main() -> int:
    try:
        return _run()
    except (Misconfigured, PostgresFailed) as error:
        print(f"cascade: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
        return 130


def _run() -> int:
    host, port = environment.host(), environment.port()
    directory = environment.ensure_data_directory()
    environment.redis_url()
    environment.kernel_packages()
    environment.culling()
    environment.kernel_rules()
    _check_address(host, port)
    lock = _lock(directory)
    embedded = None if environment.database_url() else EmbeddedPostgres(directory / "postgres")
    try:
        if embedded is not None:
            embedded.start()
            _create_database(embedded)
        _check_database(environment.database_url() or (embedded.url() if embedded else ""))
        _check_redis(environment.redis_url())
        return _serve(host, port, embedded)
    finally:
        if embedded is not None:
            embedded.stop()
        lock.close()


def _lock(directory: Path) -> IO[str]:
    """One portal per data directory."""
    file = (directory / "portal.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        raise Misconfigured(
            f"Another portal uses the data directory {directory}: stop it, or set CASCADE_DATA_DIR to another one."
        ) from None
    return file


def _check_address(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise Misconfigured(
            f"{host}:{port} cannot be used ({error.strerror or error}): "
            "stop what listens there, or set PORT (or HOST) to another."
        ) from None


def _create_database(embedded: EmbeddedPostgres) -> None:
    with psycopg.connect(embedded.url("postgres"), autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'cascade'").fetchone():
            connection.execute("CREATE DATABASE cascade")


def _check_database(url: str) -> None:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.Error as error:
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise Misconfigured(f"The database cannot be reached ({reason}): correct DATABASE_URL, or unset it.") from None


def _check_redis(url: str) -> None:
    if not url:
        return
    import redis  # noqa: PLC0415  (only where it is used)

    try:
        redis.Redis.from_url(url, socket_connect_timeout=5).ping()
    except (redis.RedisError, ValueError, OSError) as error:
        raise Misconfigured(f"Redis cannot be reached ({error}): correct REDIS_URL, or unset it.") from None


def _serve(host: str, port: int, embedded: EmbeddedPostgres | None) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "notebookproject.settings")
    import daphne.server  # noqa: F401, PLC0415  (installs the reactor before anything imports one)
    import django  # noqa: PLC0415

    django.setup()
    from notebooks_app.bootstrap import prepare  # noqa: PLC0415  (needs the settings)

    from .asgi import application  # noqa: PLC0415
    from .server import PortalServer  # noqa: PLC0415

    prepare(embedded)
    shown = "localhost" if host in ("0.0.0.0", "::") else host

    def ready() -> None:
        print(f"Cascade is ready: http://{shown}:{port}/   (Ctrl+C stops it)", flush=True)

    server = PortalServer(application, host_name=host, port=port, on_ready=ready)
    server.run()
    if server.failed:
        raise Misconfigured(server.failed)
    print("Cascade has stopped. Nothing is lost.", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
