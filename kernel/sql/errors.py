"""Sentences about what went wrong: Postgres' own words where they are the user's business, nothing of the login."""

from __future__ import annotations

import re

from psycopg.pq import DiagnosticField
from psycopg.pq.abc import PGresult

from .messages import Failure
from .script import Statement
from .url import Target

_PASSWORD = re.compile(r"(\bPASSWORD\s+)(?:[eE]|[uU]&)?'(?:[^']|'')*'", re.IGNORECASE)
_REASONS = (
    ("password authentication failed", "the user name or the password was refused"),
    ("no password supplied", "the server asks for a password, and the connection has none"),
    ("no pg_hba.conf entry", "the server does not let this user or this machine in (pg_hba.conf)"),
    ("connection refused", "nothing answers at this host and port"),
    ("could not translate host", "the host name is not known"),
    ("name or service not known", "the host name is not known"),
    ("failed to resolve host", "the host name is not known"),
    ("temporary failure in name", "the host name could not be looked up"),
    ("no route to host", "there is no way to this host"),
    ("network is unreachable", "there is no way to this host"),
    ("timeout", "the server did not answer in time"),
    ("server does not support ssl", "the server offers no encryption, and sslmode asks for it"),
    ("certificate", "the server's certificate was not accepted (sslmode)"),
    ("too many", "the server has no free connection; try again later"),
    ("remaining connection slots", "the server has no free connection; try again later"),
    ("starting up", "the server is starting; try again in a moment"),
    ("shutting down", "the server is shutting down"),
    ("not permitted to log in", "this user may not log in"),
    ("permission denied for database", "this user may not connect to this database"),
    ("closed the connection", "the server closed the connection"),
)


class ServerError(Exception):
    """An error result. `position` counts characters of the text that was sent, from 1; None if unknown."""

    def __init__(self, result: PGresult | Failure) -> None:
        def field(name: DiagnosticField) -> str:
            return (result.error_field(name) or b"").decode(errors="replace")

        self.sqlstate = field(DiagnosticField.SQLSTATE)
        self.message = field(DiagnosticField.MESSAGE_PRIMARY) or result.error_message.decode(errors="replace").strip()
        self.detail = field(DiagnosticField.MESSAGE_DETAIL)
        self.hint = field(DiagnosticField.MESSAGE_HINT)
        position = field(DiagnosticField.STATEMENT_POSITION)
        self.position = int(position) if position.isdigit() else None
        super().__init__(self.message)

    @property
    def lost(self) -> bool:
        """The server ended the connection, or it was found broken: nothing that the statement is to blame for."""
        return not self.sqlstate or self.sqlstate in _LOST or self.sqlstate.startswith("08")


_LOST = ("57P01", "57P02", "57P03", "57P05")


def describe(error: ServerError, statement: Statement, prefix: int = 0) -> str:
    """Postgres' message, the line in the cell, detail and hint. `prefix` characters were put before the statement."""
    text = error.message
    if error.position is not None and 0 < error.position - prefix <= len(statement.text) + 1:
        before = statement.text[: error.position - prefix - 1]
        text += f", line {statement.line + before.count(chr(10))}"
    if error.detail:
        text += f"\n{error.detail}"
    if error.hint:
        text += f"\nHint: {error.hint}"
    return text


def unopened(name: str, reason: str) -> str:
    """`name` is '' for a connection that has none yet."""
    which = f"The connection {name}" if name else "The connection"
    return f"{which} could not be opened: {reason}."


def reason(error: BaseException, target: Target) -> str:
    """Why a connection failed, without host, user and password."""
    if isinstance(error, TimeoutError):
        return "the server did not answer in time"
    text = " ".join(str(error).split())
    lower = text.lower()
    if "database" in lower and "does not exist" in lower:
        return "this database does not exist"
    if "role" in lower and "does not exist" in lower:
        return "the user name or the password was refused"
    for sign, sentence in _REASONS:
        if sign in lower:
            return sentence
    return scrub(text, target).rstrip(".") or "the server gave no reason"


def scrub(text: str, target: Target) -> str:
    """Without the password and the host, and without the user name where a login or a role is spoken of."""
    if target.user:
        text = re.sub(rf'\b(user|role)( "?){re.escape(target.user)}(?!\w)', r"\1\2***", text, flags=re.IGNORECASE)
    for secret in (target.password, target.host):
        if secret:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", text)
    return text


def recordable(statement: str, password: str) -> str:
    """A statement as it is written down: without passwords that it sets, and without the connection's own."""
    statement = _PASSWORD.sub(r"\1'***'", statement)
    return re.sub(rf"(?<!\w){re.escape(password)}(?!\w)", "***", statement) if password else statement
