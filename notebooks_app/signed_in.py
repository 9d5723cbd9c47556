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

_SESSION: LiteralString = """
SELECT session_data FROM django_session WHERE session_key = %(key)s AND expire_date > clock_timestamp()
"""
_USER: LiteralString = "SELECT * FROM auth_user WHERE id = %(user)s"


def session_key(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The key in the session cookie of a request's headers, '' without one."""
    for name, value in headers:
        if name == b"cookie":
            return parse_cookie(value.decode("latin1")).get(settings.SESSION_COOKIE_NAME, "")
    return ""


async def user_of(connection: AsyncConnection[Any], key: str) -> User | None:
    """The user whose session this is; None if there is none that counts (rows are dictionaries)."""
    session = SessionStore(key)
    if session.session_key is None:  # no key could look like that
        return None
    row = await (await connection.execute(_SESSION, {"key": key})).fetchone()
    if row is None:
        return None
    data = session.decode(row["session_data"])
    try:
        user_id = User._meta.pk.to_python(data[SESSION_KEY])
        path, began_with = data[BACKEND_SESSION_KEY], data[HASH_SESSION_KEY]
    except KeyError:
        return None
    if path not in settings.AUTHENTICATION_BACKENDS:
        return None
    found = await (await connection.execute(_USER, {"user": user_id})).fetchone()
    if found is None:
        return None
    user = User(**found)
    allowed = load_backend(path).user_can_authenticate(user)  # type: ignore[attr-defined]
    return user if allowed and _same_password(user, began_with) else None


def _same_password(user: User, began_with: str) -> bool:
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return any(constant_time_compare(began_with, each) for each in hashes)
