"""Connection strings: what we accept of them, and how they look without their password."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
DEFAULT_PORT = 5432
_SCHEME = re.compile(r"(postgres|postgresql)(\+[a-z0-9_]+)?", re.IGNORECASE)
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_EXAMPLE = "postgresql://user:password@host:5432/database"


class BadUrl(ValueError):
    """A connection string that we do not take: a sentence that says why, without anything secret."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Where a connection goes. Its repr shows no password."""

    host: str
    port: int
    database: str
    user: str
    password: str
    sslmode: str

    def __repr__(self) -> str:
        where = f"{self.host}:{self.port}/{self.database}"
        return f"Target({where}, user={self.user!r}, password='***', sslmode={self.sslmode!r})"


def parse(url: str) -> Target:
    """Raises `BadUrl`."""
    text = url.strip()
    _characters(text)
    try:
        parts = urlsplit(text)
    except ValueError:
        raise BadUrl(f"The connection string is not a URL. Write it like {_EXAMPLE}.") from None
    if not _SCHEME.fullmatch(parts.scheme):
        raise BadUrl(f"The connection string has to begin with postgresql://. Write it like {_EXAMPLE}.")
    if parts.fragment or "#" in text:
        raise BadUrl("The connection string contains a #. If it belongs to the password, write it as %23.")
    if parts.netloc.count("@") > 1:
        raise BadUrl("The connection string contains more than one @. If one belongs to the password, write it as %40.")
    user, password = _login(parts.netloc)
    return Target(
        host=_host(parts.netloc),
        port=_port(parts.netloc),
        database=_database(parts.path),
        user=user,
        password=password,
        sslmode=_sslmode(parts.query),
    )


def mask(url: str) -> str:
    """The connection string with `***` for its password; one that we cannot read is masked as a whole."""
    try:
        target = parse(url)
        text = url.strip()
        parts = urlsplit(text)
    except (BadUrl, ValueError):
        return "***"
    login, _, place = parts.netloc.rpartition("@")
    name, colon, _ = login.partition(":")
    login = f"{name}:***@" if colon else f"{name}@"
    query = "" if target.sslmode == "prefer" else f"?sslmode={target.sslmode}"
    return f"{parts.scheme}://{login}{place}{parts.path}{query}"


def _characters(text: str) -> None:
    if not text:
        raise BadUrl(f"The connection string is empty. Write it like {_EXAMPLE}.")
    if any(ord(character) < 33 or ord(character) == 127 for character in text):
        raise BadUrl("The connection string contains a blank or a control character. Write it percent-encoded.")
    if _ESCAPE.search(text):
        raise BadUrl("The connection string contains a % that begins no escape. Write a literal % as %25.")


def _decoded(text: str, what: str) -> str:
    try:
        value = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise BadUrl(f"The {what} is not percent-encoded UTF-8.") from None
    if "\0" in value:
        raise BadUrl(f"The {what} contains a zero character.")
    return value


def _login(netloc: str) -> tuple[str, str]:
    login, at, _ = netloc.rpartition("@")
    user, _, password = login.partition(":")
    if not at or not user:
        raise BadUrl(f"The connection string names no user. Write it like {_EXAMPLE}.")
    return _decoded(user, "user name"), _decoded(password, "password")


def _place(netloc: str) -> tuple[str, str]:
    """Host and port as written; an IPv6 address stands in brackets."""
    place = netloc.rpartition("@")[2]
    if "," in place:
        raise BadUrl("The connection string names several hosts. Name one.")
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
        if rest and not rest.startswith(":"):
            raise BadUrl("The connection string has something between the IPv6 address and its port.")
        return host, rest[1:]
    host, _, port = place.partition(":")
    return host, port


def _host(netloc: str) -> str:
    host = _decoded(_place(netloc)[0], "host")
    if not host:
        raise BadUrl("The connection string names no host. Sockets of this machine are not available: name a host.")
    if host.startswith(("/", "@")):
        raise BadUrl("Sockets of this machine are not available. Name a host instead of a path.")
    if re.search(r"[\s,=/'\\]", host):
        raise BadUrl("The host is not a host name or an address.")
    return host


def _port(netloc: str) -> int:
    port = _place(netloc)[1]
    if not port:
        return DEFAULT_PORT
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise BadUrl("The port is not a number from 1 to 65535. If the password contains a : or @, write %3A or %40.")
    return int(port)


def _database(path: str) -> str:
    database = _decoded(path.removeprefix("/"), "database name")
    if not database:
        raise BadUrl(f"The connection string names no database. Write it like {_EXAMPLE}.")
    return database


def _sslmode(query: str) -> str:
    mode = "prefer"
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name != "sslmode":
            shown = name if re.fullmatch(r"[A-Za-z_]{1,30}", name) else "that"
            raise BadUrl(f"The parameter {shown} is not available in connection strings: only sslmode is. Remove it.")
        if value not in SSL_MODES:
            raise BadUrl(f"sslmode has to be one of {', '.join(SSL_MODES)}.")
        mode = value
    return mode
