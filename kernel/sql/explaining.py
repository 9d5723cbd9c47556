"""What a person is told about statements that cannot run, or did not."""

from __future__ import annotations

import asyncio

from .errors import ServerError, describe
from .execution import CANCELLED, Outcome
from .records import ConnectionSpec, SqlError
from .script import Statement

LONGEST = 4000
"""Characters of an error: Postgres quotes values of any length."""
LOST = "The connection to the database was lost while the statement ran. Run it again."
_CANCELED, _READ_ONLY, _INDETERMINATE = "57014", "25006", "42P18"


def checked(statements: list[Statement]) -> list[Statement]:
    """Raises SqlError for what cannot run here at all."""
    if not statements:
        raise SqlError("There is no statement in this cell.")
    for statement in statements:
        if statement.controls_transaction:
            raise SqlError(
                f"{statement.words[0]} (line {statement.line}) is not available: "
                "the statements of a cell are one transaction, which commits when all of them succeed."
            )
        if statement.copies:
            raise SqlError(f"COPY from or to the client (line {statement.line}) is not available: SELECT or INSERT.")
    return statements


def explained(error: ServerError, outcome: Outcome, spec: ConnectionSpec) -> str:
    """Postgres' own words, and what they have to do with the connection's limits."""
    if error.sqlstate == _CANCELED and outcome.revoked:
        return CANCELLED
    if error.lost:
        return LOST
    text = describe(error, outcome.statement) if outcome.statement else error.message
    if len(text) > LONGEST:
        text = text[:LONGEST] + " ..."
    if error.sqlstate == _READ_ONLY:
        return f"{text}\nThe connection {spec.name} is read-only: an administrator can change that."
    if error.sqlstate == _CANCELED and _took_too_long(outcome, spec):
        return f"{text}\nStatements on {spec.name} may take {spec.statement_timeout:g} s."
    if error.sqlstate == _INDETERMINATE:
        return f"{text}\nHint: give the value a type, as in {{value}}::text."
    return text


def _took_too_long(outcome: Outcome, spec: ConnectionSpec) -> bool:
    """Postgres says the same, in the language of the server, when somebody cancels."""
    taken = asyncio.get_running_loop().time() - outcome.since
    return bool(spec.statement_timeout) and taken >= 0.9 * spec.statement_timeout
