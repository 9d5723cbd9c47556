"""Terminal text to HTML: colours become spans, carriage returns overwrite their line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.utils.html import escape

_ESCAPE = re.compile(r"\x1b\[([0-9;]*)m")
_OTHER = re.compile(r"\x1b\[[0-9;?]*[A-Za-ln-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]")
_BEGUN = re.compile(r"\x1b(?:\[[0-9;?]*|\][^\x07\x1b]*\x1b?)?\Z")
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
    for code in _codes(codes):
        if code == 0:
            present = set()
        elif code in (1, 3, 4):
            present.add({1: "ansi-bold", 3: "ansi-italic", 4: "ansi-underline"}[code])
        elif code in (22, 23, 24):
            present.discard({22: "ansi-bold", 23: "ansi-italic", 24: "ansi-underline"}[code])
        elif 30 <= code <= 37 or 90 <= code <= 97:
            present = {name for name in present if not name.startswith("ansi-fg-")}
            present.add(f"ansi-fg-{_COLOURS[code % 10]}")
        elif code == 39:
            present = {name for name in present if not name.startswith("ansi-fg-")}
    return present


def _codes(text: str) -> Iterator[int]:
    """The codes of one sequence. Of the extended colours (38;5;n, 38;2;r;g;b) the first sixteen are shown."""
    codes = [int(part) if len(part) < 4 else -1 for part in text.split(";") if part] or [0]
    place = 0
    while place < len(codes):
        code = codes[place]
        if code not in (38, 48):
            yield code
            place += 1
            continue
        kind = codes[place + 1] if place + 1 < len(codes) else 0
        number = codes[place + 2] if place + 2 < len(codes) else -1
        if code == 38 and kind == 5:
            yield 30 + number if 0 <= number < 8 else 82 + number if 8 <= number < 16 else 39
        elif code == 38:
            yield 39
        place += 5 if kind == 2 else 3


class Continuation:
    """Whether the pieces of a text can be shown one after the other, each as if it stood alone."""

    def __init__(self) -> None:
        self._classes: set[str] = set()
        self._begun = ""  # an escape sequence that the next piece goes on with
        self._returned = False

    def breaks(self, text: str) -> bool:
        """Take the next piece. True if it cannot just be appended to what is shown of those before."""
        alone = not (self._classes or self._begun or self._returned or "\r" in text.replace("\r\n", "\n"))
        self._returned = text.endswith("\r")
        text = self._begun + text
        self._begun = ""
        if "\x1b" in text:
            for match in _ESCAPE.finditer(text):
                self._classes = _after(self._classes, match[1])
            begun = _BEGUN.search(text)
            self._begun = begun[0][-1000:] if begun else ""
        return not alone
