"""A cell's SQL text -> its statements, as Postgres' own lexer would cut it.

Nothing here has to be trusted: each statement goes to the server alone, by the extended protocol, which takes no
two. What this finds out serves better messages, line numbers, and the numbering of parameters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from kernel.analysis.templates import comment_end

_TOKEN = re.compile(
    r"""
      (?P<space>\s+ | --[^\r\n]*)
    | (?P<comment>/\*)
    | (?P<escaped>[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z))
    | (?P<quoted>'(?:[^']|'')*(?:'|\Z) | "(?:[^"]|"")*(?:"|\Z))
    | (?P<parameter>\$[0-9]+)
    | (?P<dollar>\$(?P<tag>(?:[^\W\d]\w*)?)\$)
    | (?P<word>[^\W\d][\w$]*)
    | (?P<number>\.?\d[\w.]*)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_CONTROL = frozenset(["BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"])
_CHANGES = frozenset(["INSERT", "UPDATE", "DELETE", "MERGE"])
_BEFORE_CONDITION = frozenset(["(", ",", "SELECT", "WHERE", "AND", "OR", "NOT", "ON", "HAVING", "WHEN"])
_READS = frozenset(["SELECT", "VALUES", "TABLE", "WITH"])


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    """One statement: its text with placeholders numbered from 1, and which of the cell's parameters these are.

    In `$1 IS NULL` the placeholder has a number of its own and is cast: Postgres could not tell its type from there,
    and refuses `$1 IS NULL OR region = $1`, the usual way to say that a filter is optional.
    `line` is where it begins in the cell, from 1. `words` are its unquoted words in capitals, and `(` where the
    statement begins with one.
    """

    text: str
    line: int
    words: tuple[str, ...]
    parameters: tuple[int, ...] = ()

    @property
    def controls_transaction(self) -> bool:
        first, *rest = self.words or ("",)
        if first in _CONTROL or (first == "PREPARE" and rest[:1] == ["TRANSACTION"]):
            return True
        return first == "SET" and "TRANSACTION" in rest[:4]

    @property
    def copies(self) -> bool:
        """COPY from or to the client, who is not there."""
        return self.words[:1] == ("COPY",) and not {"STDIN", "STDOUT"}.isdisjoint(self.words)

    @property
    def is_query(self) -> bool:
        """Whether it can stand as a subquery: it reads and changes nothing by its own text."""
        first = next((word for word in self.words if word != "("), "")
        return first in _READS and _CHANGES.isdisjoint(self.words) and "INTO" not in self.words


def split(text: str) -> list[Statement]:
    """The statements in their order; comments and empty ones are none."""
    statements: list[Statement] = []
    pieces = _Pieces()
    line = 1
    for kind, token in tokens(text):
        if kind == "other" and token == ";" and pieces.at_top:
            statements += pieces.take()
        else:
            pieces.add(kind, token, line)
        line += token.count("\n")
    return statements + pieces.take()


def tokens(text: str) -> Iterator[tuple[str, str]]:
    """Kind and text of each token; together they are the whole text. What is not closed reaches to the end."""
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        assert match is not None and match.lastgroup is not None
        kind, end = match.lastgroup, match.end()
        if kind == "comment":
            kind, end = "space", comment_end(text, end)
        elif match["dollar"] is not None:
            closing = text.find(match["dollar"], end)
            kind, end = "quoted", len(text) if closing < 0 else closing + len(match["dollar"])
        yield kind, text[position:end]
        position = end


@dataclass(slots=True)
class _Placeholder:
    """Where it stands among the pieces, which of the cell's parameters it is, and the cast that it needs."""

    index: int
    parameter: int
    cast: str = ""


class _Pieces:
    """Collects one statement."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._text: list[str] = []
        self._words: list[str] = []
        self._placeholders: list[_Placeholder] = []
        self._recent: list[str] = []
        self._line = 0
        self._parentheses = 0
        self._blocks = 0

    @property
    def at_top(self) -> bool:
        return self._parentheses <= 0 and not self._blocks

    def add(self, kind: str, token: str, line: int) -> None:
        if kind == "space" and not self._line:
            return
        self._line = self._line or line
        if kind != "space":
            self._recent = [*self._recent[-4:], "$" if kind == "parameter" else token.upper()]
        if kind == "parameter":
            self._placeholders.append(_Placeholder(len(self._text), int(token[1:])))
        elif kind == "word":
            self._word(token.upper())
            if self._recent[-1] == "NULL" and self._asks_for_null():
                self._placeholders[-1].cast = "::text"
        elif token == "(":
            self._parentheses += 1
            if not self._words:
                self._words.append("(")
        elif token == ")":
            self._parentheses -= 1
        self._text.append(token)

    def _asks_for_null(self) -> bool:
        """Whether a condition `$1 IS [NOT] NULL` ends here, and the placeholder is not part of something larger."""
        for question in (["$", "IS", "NULL"], ["$", "IS", "NOT", "NULL"]):
            size = len(question)
            if self._recent[-size:] == question and not _BEFORE_CONDITION.isdisjoint(self._recent[-size - 1 : -size]):
                return True
        return False

    def _word(self, word: str) -> None:
        """The body of a routine in SQL (`BEGIN ATOMIC ... END`) holds semicolons of its own."""
        self._words.append(word)
        if self._words[0] == "CREATE" and not {"FUNCTION", "PROCEDURE"}.isdisjoint(self._words[:5]):
            if self._words[-2:] == ["BEGIN", "ATOMIC"] or (word == "CASE" and self._blocks):
                self._blocks += 1
            elif word == "END" and self._blocks:
                self._blocks -= 1

    def _numbered(self) -> tuple[int, ...]:
        """Write numbers from 1 into the text; which parameters these are."""
        numbers: dict[tuple[int, str], int] = {}
        for placeholder in self._placeholders:
            number = numbers.setdefault((placeholder.parameter, placeholder.cast), len(numbers) + 1)
            self._text[placeholder.index] = f"${number}{placeholder.cast}"
        return tuple(parameter for parameter, _ in numbers)

    def take(self) -> list[Statement]:
        parameters = self._numbered()
        statement = Statement(
            text="".join(self._text).rstrip(),
            line=self._line,
            words=tuple(self._words),
            parameters=parameters,
        )
        self._clear()
        return [statement] if statement.text else []
