"""Who a session cookie belongs to, asked over the live part's own connection: no thread, no connection of the ORM.

What is checked is what Django's middleware checks: the session's key, expiry and signature, the authentication backend,
that the user is active, and that the password is still the one with which the session began. A session that fails is
left alone: Django ends it at the next page.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, LiteralString

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, load_backend
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.http import parse_cookie
from django.utils.crypto import constant_time_compare
from psycopg import AsyncConnection

from .access import SESSION_SQL

_SESSION: LiteralString = """
SELECT session_data FROM django_session WHERE session_key = %(key)s AND expire_date > clock_timestamp()
"""
_FIELDS = [field.attname for field in User._meta.concrete_fields]


def session_key(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The key in the session cookie of a request's headers, '' without one."""
    for name, value in headers:
        if name == b"cookie":
            return parse_cookie(value.decode("latin1")).get(settings.SESSION_COOKIE_NAME, "")
    return ""


async def admitted(
    connection: AsyncConnection[Any], key: str, *, notebook: str | None = None, cell: str | None = None
) -> tuple[User, str] | None:
    """Whose session this is, and the shared session of a notebook, or of that of a cell.

    None if the session does not count, or its user may not see the notebook (rows are dictionaries).
    """
    data = await _session(connection, key)
    if data.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS or SESSION_KEY not in data:
        return None
    wanted = {"user": User._meta.pk.to_python(data[SESSION_KEY]), "notebook": notebook, "cell": cell}
    row = await (await connection.execute(SESSION_SQL, wanted)).fetchone()
    if row is None or row["session"] is None or row["role"] is None:
        return None
    user = User(**{name: row[name] for name in _FIELDS})
    allowed = load_backend(data[BACKEND_SESSION_KEY]).user_can_authenticate(user)  # type: ignore[attr-defined]
    if not allowed or not _same_password(user, data.get(HASH_SESSION_KEY) or ""):
        return None
    return user, str(row["session"])


async def _session(connection: AsyncConnection[Any], key: str) -> dict[str, Any]:
    """What a session holds: nothing if it ended, or was not signed by us."""
    store = SessionStore(key)
    if store.session_key is None:  # no key looks like that
        return {}
    row = await (await connection.execute(_SESSION, {"key": key})).fetchone()
    return {} if row is None else store.decode(row["session_data"])


def _same_password(user: User, began_with: str) -> bool:
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return any(constant_time_compare(began_with, each) for each in hashes)
