"""CodeMirror's change sets on the server: parse, apply, map, compose, rebase.

Positions are UTF-16 code units, as in the browser; Python counts code points, so text with characters beyond the
basic plane is measured with care. A change set is a list of sections `(deleted, inserted)` over the whole document:
`inserted` is None for text that is kept. The JSON form and the rules for ties are those of `@codemirror/state`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

Section = tuple[int, str | None]


class BadChanges(ValueError):
    """What was sent is no change set of this document; the text says why."""


class ChangeSet(msgspec.Struct, frozen=True):
    """Replacements over a document of `length` UTF-16 units."""

    sections: tuple[Section, ...]

    @property
    def length(self) -> int:
        return sum(deleted for deleted, _ in self.sections)

    @property
    def new_length(self) -> int:
        return sum(kept if text is None else utf16_length(text) for kept, text in self.sections)

    def to_json(self) -> list[Any]:
        """Numbers for what is kept, `[deleted, line, ...]` for what is replaced."""
        return [
            deleted if text is None else [deleted, *text.split("\n")] if text else [deleted]
            for deleted, text in self.sections
        ]

    def apply(self, text: str) -> str:
        """The document after the changes. Raises `BadChanges` if they do not fit it, or cut a character in half."""
        if not _wide(text):
            if len(text) != self.length:
                raise BadChanges("the changes are for a document of another length.")
            return _spliced(text, self.sections)
        units = text.encode("utf-16-le")
        if len(units) // 2 != self.length:
            raise BadChanges("the changes are for a document of another length.")
        parts: list[bytes] = []
        place = 0
        for deleted, inserted in self.sections:
            end = place + 2 * deleted
            parts.append(units[place:end] if inserted is None else inserted.encode("utf-16-le"))
            place = end
        try:
            return b"".join(parts).decode("utf-16-le")
        except UnicodeDecodeError:
            raise BadChanges("the changes cut a character in half.") from None

    def compose(self, other: ChangeSet) -> ChangeSet:
        """Both in turn: `other` was made on the document after this one."""
        if self.new_length != other.length:
            raise BadChanges("the changes do not follow each other.")
        return _composed(self, other)

    def map(self, other: ChangeSet, before: bool = False) -> ChangeSet:
        """This change set for the document after `other`, which was made on the same document.

        Of two replacements at one place the one that deletes less comes first; of equals this one if `before`.
        """
        if self.length != other.length:
            raise BadChanges("the changes are for documents of different lengths.")
        return _mapped(self, other, before)


class Update(msgspec.Struct, frozen=True, kw_only=True):
    """A change set and whose it is."""

    changes: ChangeSet
    client_id: str


# Measuring ----------------------------------------------------------------------------------------------------


def utf16_length(text: str) -> int:
    return len(text) if not _wide(text) else len(text) + sum(1 for char in text if char > "\uffff")


def _wide(text: str) -> bool:
    return not text.isascii() and max(text) > "\uffff"


def _cut(text: str, start: int, end: int) -> str:
    """Part of a text, by UTF-16 units."""
    if not _wide(text):
        return text[start:end]
    try:
        return text.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le")
    except UnicodeDecodeError:
        raise BadChanges("the changes cut a character in half.") from None


def _spliced(text: str, sections: Iterable[Section]) -> str:
    parts: list[str] = []
    place = 0
    for deleted, inserted in sections:
        parts.append(text[place : place + deleted] if inserted is None else inserted)
        place += deleted
    return "".join(parts)


# Building -----------------------------------------------------------------------------------------------------


class _Builder:
    """Collects sections, joining neighbours of one kind."""

    def __init__(self) -> None:
        self.sections: list[Section] = []

    def keep(self, length: int) -> None:
        if not length:
            return
        if self.sections and self.sections[-1][1] is None:
            self.sections[-1] = (self.sections[-1][0] + length, None)
        else:
            self.sections.append((length, None))

    def replace(self, deleted: int, inserted: str) -> None:
        if not deleted and not inserted:
            return
        last = self.sections[-1] if self.sections else None
        if last is not None and last[1] is not None:
            self.sections[-1] = (last[0] + deleted, last[1] + inserted)
        else:
            self.sections.append((deleted, inserted))

    def done(self) -> ChangeSet:
        return ChangeSet(tuple(self.sections))


class _Reader:
    """Walks the sections of a change set, in pieces of any length."""

    def __init__(self, changes: ChangeSet) -> None:
        self._sections = changes.sections
        self._index = 0
        self.deleted = 0
        self.inserted: str | None = None
        self.fresh = True  # nothing of the section was consumed
        self.done = False
        self._load()

    def _load(self) -> None:
        if self._index >= len(self._sections):
            self.done = True
            self.deleted, self.inserted = 0, None
            return
        self.deleted, self.inserted = self._sections[self._index]
        self.fresh = True

    def next(self) -> None:
        self._index += 1
        self._load()

    def take(self, length: int) -> None:
        """Consume some of what the section covers in the old document."""
        self.fresh = False
        self.deleted -= length
        if self.deleted == 0:
            self.next()


def parse(data: object, length: int) -> ChangeSet:
    """The change set in CodeMirror's JSON form, for a document of `length` UTF-16 units. Raises `BadChanges`."""
    if not isinstance(data, list):
        raise BadChanges("a change set is a list.")
    builder = _Builder()
    for part in data:
        if isinstance(part, int):
            builder.keep(_count(part))
        elif isinstance(part, list) and part:
            builder.replace(_count(part[0]), _lines(part[1:]))
        else:
            raise BadChanges("each part of a change set is a number, or a list that begins with one.")
    changes = builder.done()
    if changes.length != length:
        raise BadChanges(f"the changes cover {changes.length} characters, the text has {length}.")
    return changes


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise BadChanges("lengths in a change set are whole numbers, not negative.")
    return value


def _lines(lines: Sequence[object]) -> str:
    for line in lines:
        if not isinstance(line, str):
            raise BadChanges("what a change set inserts is text.")
        if "\n" in line or "\0" in line:
            raise BadChanges("the lines that a change set inserts hold no line breaks and no U+0000.")
        try:
            line.encode()
        except UnicodeEncodeError:
            raise BadChanges("the changes insert half of a character.") from None
    return "\n".join(str(line) for line in lines)


def difference(old: str, new: str) -> ChangeSet:
    """One replacement between what two texts have in common at their beginning and end."""
    most = min(len(old), len(new))
    start = 0
    while start < most and old[start] == new[start]:
        start += 1
    end = 0
    while end < most - start and old[-1 - end] == new[-1 - end]:
        end += 1
    builder = _Builder()
    builder.keep(utf16_length(old[:start]))
    builder.replace(utf16_length(old[start : len(old) - end]), new[start : len(new) - end])
    builder.keep(utf16_length(old[len(old) - end :]))
    return builder.done()


# Two change sets ----------------------------------------------------------------------------------------------


def _mapped(changes: ChangeSet, other: ChangeSet, before: bool) -> ChangeSet:
    """Walk both over the old document. A replacement inserts before what it deletes."""
    builder = _Builder()
    mine, theirs = _Reader(changes), _Reader(other)
    inserted_mine = inserted_theirs = False  # the insertion of the present section has been dealt with
    while True:
        if mine.fresh:
            inserted_mine, mine.fresh = mine.inserted is None, False
        if theirs.fresh:
            inserted_theirs, theirs.fresh = theirs.inserted is None, False
        first = mine.deleted < theirs.deleted or (mine.deleted == theirs.deleted and before)
        if not mine.done and not inserted_mine and (inserted_theirs or theirs.done or first):
            builder.replace(0, mine.inserted or "")
            inserted_mine = True
        elif not theirs.done and not inserted_theirs:
            builder.keep(utf16_length(theirs.inserted or ""))
            inserted_theirs = True
        elif not mine.done and mine.deleted == 0:
            mine.next()
        elif not theirs.done and theirs.deleted == 0:
            theirs.next()
        elif mine.done or theirs.done:
            return builder.done()
        else:
            _advance(builder, mine, theirs)


def _advance(builder: _Builder, mine: _Reader, theirs: _Reader) -> None:
    """Both cover the same part of the old document: what they deleted is gone for us already."""
    length = min(mine.deleted, theirs.deleted)
    if theirs.inserted is None:
        if mine.inserted is None:
            builder.keep(length)
        else:
            builder.replace(length, "")
    mine.take(length)
    theirs.take(length)


def _composed(first: ChangeSet, second: ChangeSet) -> ChangeSet:
    """Walk the middle document: what `first` produced is what `second` consumes."""
    builder = _Builder()
    produced = list(first.sections)
    consumed = list(second.sections)
    while produced or consumed:
        if produced and produced[0][1] == "":
            builder.replace(produced.pop(0)[0], "")
        elif consumed and consumed[0][0] == 0:
            builder.replace(0, consumed.pop(0)[1] or "")
        elif not produced or not consumed:
            break
        else:
            _through(builder, produced, consumed)
    return builder.done()


def _through(builder: _Builder, produced: list[Section], consumed: list[Section]) -> None:
    """One piece of the middle document, as far as both of its sections reach."""
    deleted, text = produced[0]
    covered, inserted = consumed[0]
    available = deleted if text is None else utf16_length(text)
    length = min(available, covered)
    piece = None if text is None else _cut(text, 0, length)
    gone = length if text is None else deleted
    if inserted is None:
        if piece is None:
            builder.keep(length)
        else:
            builder.replace(gone, piece)
    else:
        builder.replace(gone, inserted)
    _shorten(produced, length, available)
    if length == covered:
        consumed.pop(0)
    else:
        consumed[0] = (covered - length, None if inserted is None else "")


def _shorten(produced: list[Section], length: int, available: int) -> None:
    """Drop the beginning of the first section; what it deleted was accounted for with it."""
    if length == available:
        produced.pop(0)
        return
    deleted, text = produced[0]
    produced[0] = (deleted - length, None) if text is None else (0, _cut(text, length, available))


# Rebasing -----------------------------------------------------------------------------------------------------


def rebase(updates: Sequence[Update], over: Sequence[Update]) -> list[Update]:
    """Updates made on the document before `over`, for the document after it.

    As in `@codemirror/collab`: those of the same client that `over` has already are dropped, in order.
    """
    if not over or not updates:
        return list(updates)
    past: ChangeSet | None = None
    known = 0
    for update in over:
        own = updates[known] if known < len(updates) else None
        if own is not None and own.client_id and own.client_id == update.client_id:
            if past is not None:
                past = past.map(own.changes, before=True)
            known += 1
        else:
            past = update.changes if past is None else past.compose(update.changes)
    rest = updates[known:]
    if past is None:
        return list(rest)
    rebased = []
    for update in rest:
        rebased.append(Update(changes=update.changes.map(past), client_id=update.client_id))
        past = past.map(update.changes, before=True)
    return rebased
