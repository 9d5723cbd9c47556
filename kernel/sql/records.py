"""What the broker is told and what it tells."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec


class SqlError(Exception):
    """A sentence for the person who ran the statement; it contains nothing secret."""


class ConnectionSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A connection and its limits. `key` changes whenever the connection does; `name` is how people call it.

    `statement_timeout` is in seconds, 0 for none.
    """

    key: str
    name: str
    url: str
    read_only: bool = True
    statement_timeout: float = 60.0
    row_limit: int = 1_000_000
    pool_size: int = 4

    def __repr__(self) -> str:
        return f"ConnectionSpec(key={self.key!r}, name={self.name!r}, url='***', read_only={self.read_only})"


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """Authorises the statements of one execution: whose they are, and on which connection they run."""

    token: str
    execution: int
    session: str
    notebook: str
    cell: str
    user: int | None
    connection: ConnectionSpec


class StatementRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One statement that was run or refused. `duration` is in seconds, None if it never began.

    `rows` counts rows delivered or affected. `statement` has placeholders where values were bound.
    """

    user: int | None
    notebook: str
    cell: str
    connection_name: str
    statement: str
    at: datetime
    duration: float | None
    rows: int | None
    error: str = ""


class Field(msgspec.Struct, frozen=True):
    """A column of a result as the server describes it."""

    name: str
    oid: int
    modifier: int


class Bound(msgspec.Struct, frozen=True):
    """Values as they travel: text or bytes with a type (0: the server infers it) and a format (0 text, 1 binary)."""

    values: Sequence[bytes | None] = ()
    types: Sequence[int] = ()
    formats: Sequence[int] = ()
