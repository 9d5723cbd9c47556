"""`text/plain` of any value: always something, never megabytes."""

from __future__ import annotations

import io
from typing import Any

from IPython.lib.pretty import RepresentationPrinter

MAX_TEXT = 100_000  # characters
_BYTES = 1000  # of a bytes object are shown


class _Full(Exception):
    """Enough was written."""


class _Bounded(io.StringIO):
    def write(self, text: str, /) -> int:
        written = super().write(text)
        if self.tell() > MAX_TEXT:
            raise _Full
        return written


def plain_text(value: object) -> str:
    """The pretty-printed value; a failing repr becomes a text that says so. KeyboardInterrupt passes through."""
    try:
        return cut(_pretty(value))
    except RecursionError:
        return f"<{type(value).__name__}: it is nested too deeply to be shown>"
    except (Exception, SystemExit) as error:
        return f"<{type(value).__name__}: its repr() raised {_summary(error)}>"


def cut(text: str) -> str:
    if len(text) <= MAX_TEXT:
        return text
    return f"{text[:MAX_TEXT]}\n[Output cut: only the first {MAX_TEXT // 1000} kB are shown.]"


def _pretty(value: object) -> str:
    if type(value) is str and len(value) > MAX_TEXT:
        return repr(value[: MAX_TEXT + 1])
    if isinstance(value, bytes | bytearray) and len(value) > _BYTES:
        return f"{bytes(value[:_BYTES])!r}... ({len(value):,} bytes in all)"
    stream = _Bounded()
    printer: Any = RepresentationPrinter(stream, max_width=79, max_seq_length=1000)  # type: ignore[no-untyped-call]
    try:
        printer.pretty(value)
        printer.flush()
    except _Full:
        pass
    return stream.getvalue()


def _summary(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:500]
    except (Exception, SystemExit):
        return type(error).__name__
