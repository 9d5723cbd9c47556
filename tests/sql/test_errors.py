"""Sentences about failures: what they tell and what they keep to themselves."""

from __future__ import annotations

import psycopg
import pytest

from kernel.sql.errors import ServerError, describe, reason, recordable, scrub, unopened
from kernel.sql.script import Statement
from kernel.sql.url import parse

TARGET = parse("postgresql://anna:s3cret.pw@db.internal.example:5432/sales")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ('connection to server at "10.0.0.5", port 5432 failed: FATAL:  password authentication failed for user "anna"',
         "the user name or the password was refused"),
        ('FATAL:  database "sales" does not exist', "this database does not exist"),
        ('FATAL:  role "anna" does not exist', "the user name or the password was refused"),
        ("could not translate host name \"db.internal.example\" to address", "the host name is not known"),
        ("failed to resolve host 'db.internal.example': [Errno -2]", "the host name is not known"),
        ("connection refused\n\tIs the server running?", "nothing answers at this host and port"),
        ("connection timeout expired", "the server did not answer in time"),
        ("FATAL:  sorry, too many clients already", "the server has no free connection; try again later"),
        ("server does not support SSL, but SSL was required",
         "the server offers no encryption, and sslmode asks for it"),
        ("", "the server gave no reason"),
    ],
)  # fmt: skip
def test_reasons(said: str, told: str) -> None:
    assert reason(psycopg.OperationalError(said), TARGET) == told


def test_unknown_reasons_are_scrubbed() -> None:
    said = 'something about user "anna" with s3cret.pw at db.internal.example.'
    assert reason(psycopg.OperationalError(said), TARGET) == 'something about user "***" with *** at ***'
    assert reason(TimeoutError(), TARGET) == "the server did not answer in time"


def test_scrub_leaves_words_alone() -> None:
    short = parse("postgresql://a:b@h/d")
    assert scrub("a bad habit", short) == "a bad habit"


def test_unopened() -> None:
    assert unopened("Sales", "why") == "The connection Sales could not be opened: why."
    assert unopened("", "why") == "The connection could not be opened: why."


@pytest.mark.parametrize(
    ("statement", "recorded"),
    [
        ("ALTER ROLE a PASSWORD 'new''s'", "ALTER ROLE a PASSWORD '***'"),
        ("CREATE ROLE a LOGIN password E'x'", "CREATE ROLE a LOGIN password '***'"),
        ("SELECT 's3cret.pw', 's3cret-pw'", "SELECT '***', 's3cret-pw'"),
        ("SELECT $1", "SELECT $1"),
    ],
)
def test_recordable(statement: str, recorded: str) -> None:
    assert recordable(statement, TARGET.password) == recorded
    assert recordable("SELECT ''", "") == "SELECT ''"


class _Result:
    """What libpq says about an error."""

    error_message = b"ERROR:  as a whole\n"

    def __init__(self, **fields: str) -> None:
        self._fields = fields

    def error_field(self, field: object) -> bytes | None:
        value = self._fields.get(getattr(field, "name", ""))
        return value.encode() if value is not None else None


def test_describe() -> None:
    statement = Statement(text="SELECT\n  x", line=3, words=("SELECT", "X"))
    result = _Result(
        MESSAGE_PRIMARY="no x", STATEMENT_POSITION="10", MESSAGE_DETAIL="detail", MESSAGE_HINT="y?", SQLSTATE="42703"
    )
    error = ServerError(result)  # type: ignore[arg-type]
    assert describe(error, statement) == "no x, line 4\ndetail\nHint: y?"
    assert not error.lost
    bare = ServerError(_Result())  # type: ignore[arg-type]
    assert describe(bare, statement) == "ERROR:  as a whole"
    assert bare.lost
