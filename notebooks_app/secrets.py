"""Secrets at rest: encrypted with a key that is derived from the portal's own secret key."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

_PURPOSE = b"cascade connection secrets"


class SecretUnreadable(Exception):
    """The secret was encrypted with another key: `CASCADE_SECRET_KEY` changed, or its file was lost."""

    def __init__(self) -> None:
        super().__init__("The stored connection cannot be read: the portal's secret key has changed.")


def encrypt(text: str) -> str:
    """A token for `decrypt`, different each time. Empty text stays empty."""
    return _cipher().encrypt(text.encode()).decode() if text else ""


def decrypt(token: str) -> str:
    """The text that `encrypt` was given. Raises `SecretUnreadable`."""
    if not token:
        return ""
    try:
        return _cipher().decrypt(token.encode()).decode()
    except InvalidToken:
        raise SecretUnreadable from None


def _cipher() -> MultiFernet:
    """Encrypts with the present key, and reads what earlier ones (`SECRET_KEY_FALLBACKS`) encrypted."""
    return MultiFernet([_fernet(str(key)) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _fernet(key: str) -> Fernet:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(key.encode())
    return Fernet(base64.urlsafe_b64encode(derived))
