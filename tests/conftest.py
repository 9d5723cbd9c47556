"""What the tests stand on: one real PostgreSQL and one real portal for each test process."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from notebookproject.postgres import EmbeddedPostgres
from tests.support.portal import Portal

SERVED = "cascade_served"


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """A server of this process's own; it trades durability for speed."""
    with tempfile.TemporaryDirectory(prefix="cascade-postgres-") as directory:
        Path(directory).chmod(0o755)
        server = EmbeddedPostgres(Path(directory))
        server.start("-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
        yield server
        server.stop()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres: EmbeddedPostgres) -> None:
    from django.db import connections

    settings = postgres.settings
    connections["default"].settings_dict.update(
        HOST="127.0.0.1", PORT=settings.port, USER="postgres", PASSWORD=settings.password, NAME="cascade"
    )


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: Any, django_db_modify_db_settings: None
) -> Iterator[None]:
    """The test database, for tests of other marks too. Its server is thrown away with it."""
    from django.db import connections
    from django.test.utils import setup_databases

    with django_db_blocker.unblock():
        setup_databases(verbosity=0, interactive=False, aliases={"default"})
    yield
    with django_db_blocker.unblock():
        connections.close_all()


@pytest.fixture(scope="session")
def database_url(postgres: EmbeddedPostgres, django_db_setup: None) -> str:
    """A database that other processes share with the tests; those of views have the test database for themselves."""
    import psycopg
    from django.db import connections

    template = connections["default"].settings_dict["NAME"]
    connections.close_all()
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as server:
        server.execute(f"CREATE DATABASE {SERVED} TEMPLATE {template}")  # type: ignore[arg-type]
    return postgres.url(SERVED)


@pytest.fixture(scope="session")
def portal(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A running portal. What tests make for it is committed and never cleaned up (see `world`)."""
    from django.conf import settings

    served = Portal(
        tmp_path_factory.mktemp("portal"),
        DATABASE_URL=database_url,
        CASCADE_SECRET_KEY=settings.SECRET_KEY,
        CASCADE_ADMIN_PASSWORD="the first administrator",
    )
    served.start()
    yield served
    served.stop()


@pytest.fixture
def world(database_url: str, django_db_blocker: Any) -> Iterator[Any]:
    """People, notebooks and connections that other processes see too. The ORM is on their database meanwhile."""
    from django.db import connection

    from tests.support.world import World

    with django_db_blocker.unblock():
        own = connection.settings_dict["NAME"]
        connection.close()
        connection.settings_dict["NAME"] = SERVED
        yield World()
        connection.close()
        connection.settings_dict["NAME"] = own


@pytest.fixture(scope="session")
def sample_url(postgres: EmbeddedPostgres) -> str:
    """The sample database, as its read-only role sees it."""
    from notebooks_app import sample

    sample.load(postgres.url("postgres"), "sample-password")
    return postgres.url("sample", "sample", "sample-password")
