"""Terminal text: colours, and lines that begin again."""

from __future__ import annotations

import pytest

from notebooks_app.rendering.ansi import Continuation, ansi_html, overwritten


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ('plain <b> & "it\'s"', "plain &lt;b&gt; &amp; &quot;it&#x27;s&quot;"),
        ("\x1b[31mred\x1b[0m plain", '<span class="ansi-fg-red">red</span> plain'),
        ("\x1b[1;32mboth", '<span class="ansi-bold ansi-fg-green">both</span>'),
        ("\x1b[1mbold\x1b[22m not", '<span class="ansi-bold">bold</span> not'),
        ("\x1b[31ma\x1b[34mb\x1b[39mc", '<span class="ansi-fg-red">a</span><span class="ansi-fg-blue">b</span>c'),
        ("\x1b[91mbright\x1b[m", '<span class="ansi-fg-red">bright</span>'),
        ("\x1b[38;5;1mred\x1b[0m", '<span class="ansi-fg-red">red</span>'),
        ("\x1b[38;5;31mnot red, nor underlined", "not red, nor underlined"),
        ("\x1b[38;2;1;3;4mexact", "exact"),
        ("\x1b[48;5;1mbackground", "background"),
        ("\x1b[31m<script>\x1b[0m", '<span class="ansi-fg-red">&lt;script&gt;</span>'),
        ("\x1b[2K\x1b[1Aup\x1b[?25l", "up"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ and on", "link and on"),
        ("\x1b[" + "9" * 6000 + "mlong", "long"),
        ("\x1b[;;mtext", "text"),
        ("", ""),
    ],
)
def test_ansi(text: str, html: str) -> None:
    assert ansi_html(text) == html


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("10%\r20%\r30%", "30%"),
        ("10%\r20%\r\ndone", "20%\ndone"),
        ("a\r\nb\r\n", "a\nb\n"),
        ("still there\r", "still there"),
        ("one\ntwo\rTWO\nthree", "one\nTWO\nthree"),
    ],
)
def test_carriage_returns(text: str, shown: str) -> None:
    assert overwritten(text) == shown


@pytest.mark.parametrize(
    ("pieces", "breaks"),
    [
        (["a", "b\n", "c"], [False, False, False]),
        (["a\r\n", "b"], [False, False]),
        (["a\r", "b", "c"], [True, True, False]),
        (["\x1b[31mred", "red", "\x1b[0m", "plain"], [False, True, True, False]),
        (["\x1b[31mred\x1b[0m", "plain"], [False, False]),
        (["\x1b[3", "1m", "red"], [False, True, True]),
    ],
)
def test_what_can_be_appended(pieces: list[str], breaks: list[bool]) -> None:
    continuation = Continuation()
    assert [continuation.breaks(piece) for piece in pieces] == breaks
