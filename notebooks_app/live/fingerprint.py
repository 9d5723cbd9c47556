"""A hash of all that decides what a run of a cell does: its text and its settings."""

from __future__ import annotations

from hashlib import blake2b

from .state import Cell


def fingerprint(cell: Cell, connection: str, connection_version: int) -> str:
    """`connection` is where a SQL cell runs ('' for others); its version counts changes of the notebook's own."""
    digest = blake2b(digest_size=16)
    settings = (
        (cell.type, cell.output_name, connection, str(connection_version)) if cell.type == "sql" else (cell.type,)
    )
    digest.update("\0".join(settings).encode())
    digest.update(b"\0\0")
    digest.update(cell.code.encode())
    return digest.hexdigest()
