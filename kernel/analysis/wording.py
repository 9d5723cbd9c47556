"""Tables by the words before them: for SQL that is not understood as a whole. It takes time in proportion to the text.

It may find too much or too little; Postgres decides what a statement means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""
      --[^\n]* | /\*.*?(?:\*/|\Z) | '[^']*(?:''[^']*)*(?:'|\Z)
    | (?P<token>"[^"]+" | [^\W\d][\w$]* | [.,();])
    """,
    re.VERBOSE | re.DOTALL,
)
_BEFORE_NAME = {"ONLY", "LATERAL", "TABLE", "IF", "NOT", "EXISTS", "CONCURRENTLY"}
_NO_NAME = {"SELECT", "VALUES", "SET", "WHERE", "WITH", "FROM", "AS", "ON", "DEFAULT", "STDIN", "STDOUT", "ROWS"}
_NO_ALIAS = _NO_NAME | {
    "JOIN", "LEFT", "RIGHT", "FULL", "INNER", "CROSS", "NATURAL", "GROUP", "ORDER", "HAVING", "LIMIT", "UNION",
    "EXCEPT", "INTERSECT", "WINDOW", "FOR", "OFFSET", "FETCH", "RETURNING", "USING", "TABLESAMPLE", "CASCADE",
}  # fmt: skip
_ASKS_FROM = {"EXTRACT", "SUBSTRING", "TRIM", "OVERLAY"}  # functions with a FROM of their own
_NO_UPDATE = {"FOR", "DO", "ON", "OR", "KEY", "BEFORE", "AFTER"}  # words after which UPDATE is no statement
_DEFINING = {"CREATE", "DROP", "ALTER", "TRUNCATE", "REFRESH"}
_NEITHER = {"COMMENT", "GRANT", "REVOKE", "LOCK", "VACUUM", "REINDEX", "CLUSTER", "ANALYZE"}


@dataclass(slots=True)
class _Reader:
    tokens: list[str]
    fold: bool
    words: list[str] = field(init=False)  # the tokens in upper case, but for quoted names
    closings: dict[int, int] = field(default_factory=dict)  # opening bracket -> its closing one
    reads: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    ctes: set[str] = field(default_factory=set)
    verb: str = ""  # the first word of the statement
    start: int = 0  # where it stands
    taken: set[int] = field(default_factory=set)  # the tokens that are names, whatever else they could be
    functions: list[bool] = field(default_factory=list)  # of the open brackets: do they belong to _ASKS_FROM?

    def __post_init__(self) -> None:
        self.words = [token if token.startswith('"') else token.upper() for token in self.tokens]
        open_: list[int] = []
        for index, word in enumerate(self.words):
            if word == "(":
                open_.append(index)
            elif word == ")" and open_:
                self.closings[open_.pop()] = index

    def word(self, index: int) -> str:
        return self.words[index] if 0 <= index < len(self.words) else ""

    def read_all(self) -> None:
        for index, word in enumerate(self.words):
            if word == ";":
                self.verb = ""
                self.functions.clear()
            elif word == "(":
                self.functions.append(self.word(index - 1) in _ASKS_FROM)
                self._note_cte(index)
            elif word == ")":
                self.functions[-1:] = []
            elif word not in ".," and index not in self.taken:
                if not self.verb:
                    self.verb, self.start = word, index
                self._keyword(index, word)

    def _keyword(self, index: int, word: str) -> None:
        before = self.word(index - 1)
        if word == "FROM" and before != "DISTINCT" and True not in self.functions[-1:]:
            if before == "DELETE":
                self._names(index + 1, self.reads, self.writes)
            elif self.verb == "COPY" and not self.functions:
                self._names(self.start + 1, self.writes)
            else:
                self._names(index + 1, self.reads)
        elif word in ("JOIN", "USING"):
            self._names(index + 1, self.reads)
        elif word == "INTO":
            self._names(index + 1, self.writes)
        elif word == "UPDATE" and before not in _NO_UPDATE:
            self._names(index + 1, self.reads, self.writes)
        elif word == "TO" and self.verb == "COPY" and not self.functions:
            self._names(self.start + 1, self.reads)
        elif word in ("TABLE", "VIEW") and self.verb not in _NEITHER:
            defining = self.verb in _DEFINING and before not in ("AS", "(", "ALL", "UNION")
            self._names(index + 1, self.writes if defining else self.reads)
        elif word == "TRUNCATE" and self.word(index + 1) != "TABLE":
            self._names(index + 1, self.writes)

    def _names(self, index: int, *into: set[str]) -> None:
        """Take the name at `index`, and those that follow behind commas."""
        while index not in self.taken:
            skipped = index
            while self.word(index) in _BEFORE_NAME and index < skipped + 4:
                self.taken.add(index)
                index += 1
            if not _is_name(self.word(index)) or self.word(index) in _NO_NAME:
                return
            self.taken.add(index)
            parts = [self.tokens[index]]
            index += 1
            while self.word(index) == "." and _is_name(self.word(index + 1)):
                parts.append(self.tokens[index + 1])
                self.taken.add(index + 1)
                index += 2
            if index in self.closings and any(names is self.reads for names in into):
                index = self.closings[index] + 1  # a function in FROM
            else:
                for names in into:
                    names.add(".".join(map(self._folded, parts[-2:])))
            index += self.word(index) == "AS"
            index += _is_name(self.word(index)) and self.word(index) not in _NO_ALIAS
            if self.word(index) != ",":
                return
            index += 1

    def _note_cte(self, index: int) -> None:
        """`name AS (`, `name AS NOT MATERIALIZED (`: at the bracket."""
        place = index - 1
        while self.word(place) in ("NOT", "MATERIALIZED"):
            place -= 1
        if self.word(place) == "AS" and _is_name(self.word(place - 1)):
            self.ctes.add(self._folded(self.tokens[place - 1]).lower())

    def _folded(self, name: str) -> str:
        if name.startswith('"'):
            return name[1:-1]
        return name.lower() if self.fold else name


def _is_name(word: str) -> bool:
    return bool(word) and word not in ".,();"


def tables_by_wording(statement: str, fold: bool = True) -> tuple[frozenset[str], frozenset[str]]:
    """(read, written); with `fold`, unquoted names are in lower case."""
    tokens = [found["token"] for found in _TOKEN.finditer(statement) if found["token"]]
    reader = _Reader(tokens, fold)
    reader.read_all()
    return frozenset(name for name in reader.reads if name.lower() not in reader.ctes), frozenset(reader.writes)
