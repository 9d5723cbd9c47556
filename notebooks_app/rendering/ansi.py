"""Terminal text to HTML: colours become spans, carriage returns overwrite their line."""

from __future__ import annotations

import re

from django.utils.html import escape

_ESCAPE = re.compile(r"\x1b\[([0-9;]*)m")
_OTHER = re.compile(r"\x1b\[[0-9;?]*[A-Za-ln-z]|\x1b\][^\x07]*\x07?|\x1b[@-Z\\-_]")
_COLOURS = ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")


def overwritten(text: str) -> str:
    """What a terminal would show of lines that a carriage return begins again (progress bars)."""
    if "\r" not in text:
        return text
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in lines)


def ansi_html(text: str) -> str:
    """Escaped HTML in which SGR colours, bold and italics are spans with classes."""
    if "\x1b" not in text:
        return escape(text)
    parts: list[str] = []
    classes: set[str] = set()
    place = 0
    text = _OTHER.sub("", text)
    for match in _ESCAPE.finditer(text):
        parts.append(_span(text[place : match.start()], classes))
        classes = _after(classes, match[1])
        place = match.end()
    parts.append(_span(text[place:], classes))
    return "".join(parts)


def _span(text: str, classes: set[str]) -> str:
    if not text:
        return ""
    if not classes:
        return escape(text)
    return f'<span class="{" ".join(sorted(classes))}">{escape(text)}</span>'


def _after(classes: set[str], codes: str) -> set[str]:
    present = set(classes)
    for code in (int(part) for part in codes.split(";") if part) if codes else (0,):
        if code == 0:
            present = set()
        elif code in (1, 3, 4):
            present.add({1: "ansi-bold", 3: "ansi-italic", 4: "ansi-underline"}[code])
        elif 30 <= code <= 37 or 90 <= code <= 97:
            present = {name for name in present if not name.startswith("ansi-fg-")}
            present.add(f"ansi-fg-{_COLOURS[code % 10]}")
        elif code == 39:
            present = {name for name in present if not name.startswith("ansi-fg-")}
    return present
