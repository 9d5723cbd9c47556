"""A database with a reader, an owner and the portal's own beside it, all on the server of the test process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest

from kernel.sql.broker import Broker
from notebookproject.postgres import EmbeddedPostgres
from tests.sql.support import Session

PASSWORD = "s3cr3t-Passw0rd"
SETUP = f"""
CREATE ROLE analyst LOGIN PASSWORD '{PASSWORD}';
CREATE DATABASE analysis OWNER analyst;
CREATE DATABASE own_portal;
"""


@pytest.fixture(scope="session")
def database(postgres: EmbeddedPostgres) -> str:
    """The connection string of a database that its user owns."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        for statement in filter(str.strip, SETUP.split(";")):
            connection.execute(statement)
    return postgres.url("analysis", "analyst", PASSWORD)


@pytest.fixture
def admin(postgres: EmbeddedPostgres, database: str) -> Iterator[psycopg.Connection[Any]]:
    """A superuser's look at the server."""
    with psycopg.connect(postgres.url("analysis"), autocommit=True) as connection:
        yield connection


@pytest.fixture
async def sql(database: str) -> AsyncIterator[Session]:
    """A broker, and what a notebook does with it."""
    session = Session(database)
    session.broker = Broker(record=session.record)
    yield session
    await session.broker.close()
