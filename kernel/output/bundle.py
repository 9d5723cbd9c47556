"""Any value -> MIME bundle, always with `text/plain`, and never more than a page can hold."""

from __future__ import annotations

import base64
import binascii
from functools import cache
from typing import Any

import msgspec
from IPython.core.formatters import DisplayFormatter

from kernel.output import figures
from kernel.output.tables import FIRST_ROWS, Frame, Tables, is_table
from kernel.output.text import cut, plain_text
from kernel.protocol import TABLE, MimeBundle

MAX_BUNDLE = 16 * 1024 * 1024  # bytes


@cache
def _formatter() -> Any:
    """Made and used once before kernels are forked, so that the first output of each costs no more than the next."""
    formatter: Any = DisplayFormatter()
    del formatter.formatters["text/plain"]  # `plain_text` does that, once and without end-less texts
    formatter.active_types = formatter.format_types
    formatter.format(object())
    return formatter


class Presenter:
    """Turns values into bundles. `tables` keeps the frames that were shown, for their further pages."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._formatter = _formatter()

    def bundle(self, value: Any, include: Any = None, exclude: Any = None) -> MimeBundle | None:
        """None if the value displayed itself (`_ipython_display_`). Raises nothing but KeyboardInterrupt."""
        try:
            found = self._special(value) or self._generic(value, include, exclude)
        except (Exception, SystemExit) as error:
            found = {"text/plain": f"{plain_text(value)}\n[It cannot be shown: {type(error).__name__}: {error}]"}
        return None if found is None else bounded(found)

    def _special(self, value: Any) -> MimeBundle | None:
        if is_table(value):
            frame = Frame(value)
            page = frame.page(self._tables.add(frame), 0, FIRST_ROWS)
            return {"text/plain": frame.plain(), TABLE: msgspec.to_builtins(page)}
        if figures.is_plotly(value):
            return figures.plotly_bundle(value)
        if figures.is_matplotlib(value):
            return figures.matplotlib_bundle(value)
        return None

    def _generic(self, value: Any, include: Any, exclude: Any) -> MimeBundle | None:
        found: dict[str, Any] = {}
        if type(value) not in _PLAIN:
            found, _ = self._formatter.format(value, include=include, exclude=exclude)
            if not found and _displays_itself(value):
                return None
        clean = sanitised(found)
        clean.setdefault("text/plain", plain_text(value))
        return clean


_PLAIN = {str, bool, int, float, complex, bytes, bytearray, list, tuple, dict, set, frozenset, type(None)}


def _displays_itself(value: Any) -> bool:
    return callable(getattr(type(value), "_ipython_display_", None))


def sanitised(found: Any) -> MimeBundle:
    """What others made, as the protocol wants it: text as str, images as bytes, JSON as plain values."""
    clean: MimeBundle = {}
    for kind, content in found.items() if isinstance(found, dict) else ():
        if isinstance(kind, str) and (value := _content(kind, content)) is not None:
            clean[kind] = value
    return clean


def _content(kind: str, content: Any) -> Any:
    if isinstance(content, tuple) and len(content) == 2:  # (data, metadata)
        content = content[0]
    if kind.startswith("image/") and kind != "image/svg+xml":
        return _image(content)
    if kind.endswith("json"):
        try:
            return msgspec.json.decode(msgspec.json.encode(content, enc_hook=str))
        except (TypeError, ValueError, RecursionError):
            return None
    if isinstance(content, bytes):
        return content.decode("utf-8", "replace") if kind.startswith("text/") or kind == "image/svg+xml" else content
    if isinstance(content, list) and all(isinstance(line, str) for line in content):
        return "".join(content)
    return content if isinstance(content, str) else None


def _image(content: Any) -> bytes | None:
    if isinstance(content, bytes):
        return content
    try:
        return base64.b64decode("".join(str(content).split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def bounded(bundle: MimeBundle) -> MimeBundle:
    """The bundle, or a notice in its place if it is too large for a page."""
    bundle["text/plain"] = cut(str(bundle.get("text/plain", "")))
    total = sum(_size(content) for content in bundle.values())
    if total <= MAX_BUNDLE:
        return bundle
    notice = (
        f"[This output is {total / 1e6:.1f} MB; a page shows at most {MAX_BUNDLE / 1e6:.1f} MB. "
        "Show a part of it, or write it to a file.]"
    )
    return {"text/plain": f"{bundle['text/plain'][:2000]}\n{notice}"}


def _size(content: Any) -> int:
    if isinstance(content, str | bytes):
        return len(content)
    try:
        return len(msgspec.msgpack.encode(content))
    except UnicodeEncodeError:
        return len(msgspec.json.encode(str(content).encode("utf-8", "replace")))
