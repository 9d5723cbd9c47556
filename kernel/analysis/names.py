"""What the analysis of one cell's source says: the names it defines and references."""

from __future__ import annotations

import msgspec

_NOTHING: frozenset[str] = frozenset()


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a cell cannot run as it is written.

    `code` is a word for programs (`syntax`, `star_import`, `foreign_del`, `magic`, `shell`, `too_deep`, `too_long`,
    `too_slow`, `encoding`); `message` is a sentence for people. `line` counts from 1 and `column` from 0 (code
    points), both None if unknown.
    """

    code: str
    message: str
    line: int | None = None
    column: int | None = None


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """The interface of one cell: what it defines and references, by Python's own scoping rules.

    A name that the cell defines is never one that it references. `reads_tables` and `writes_tables` are normalised
    table names of a SQL cell on a Postgres connection (`schema.table` or `table`); they order cells and mark them,
    but define nothing. `imports` are the defined names that an import statement binds. With a `problem` the other
    fields are empty.
    """

    defines: frozenset[str] = _NOTHING
    references: frozenset[str] = _NOTHING
    imports: frozenset[str] = _NOTHING
    reads_tables: frozenset[str] = _NOTHING
    writes_tables: frozenset[str] = _NOTHING
    problem: Problem | None = None
