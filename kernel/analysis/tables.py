"""Which tables SQL statements read and write, as sqlglot understands them. Postgres has the last word, not this."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import SqlglotError

from .wording import tables_by_wording

logging.getLogger("sqlglot").setLevel(logging.CRITICAL)

LONGEST = 16 * 1024
"""Characters beyond which only the wording is looked at: sqlglot takes a second for a hundred thousand."""
STEPS = 40
"""How often sqlglot may look at a token, on average: it reads the same words again and again where it has to guess."""

_WRITES = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Alter, exp.TruncateTable, exp.Copy)
_CHANGES = (exp.Update, exp.Delete, exp.Merge)
_RELATIONS = ("TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE")
_FAILURES = (SqlglotError, RecursionError, ValueError, IndexError, AttributeError, TypeError, KeyError, AssertionError)


_DEFAULT_SCHEMA = {"postgres": "public", "duckdb": "main"}
"""Where names without a schema are, unless somebody has set another search path."""


def tables_of(statement: str, dialect: str) -> tuple[frozenset[str], frozenset[str]]:
    """(read, written): `table` or `schema.table`, CTEs and aliases aside; in the dialect's default schema, `table`.

    Unquoted names are folded to lower case as Postgres does it; for `duckdb` names stay as they are spelled.
    """
    schema = _DEFAULT_SCHEMA[dialect]
    reads, writes = _found(statement, dialect, dialect != "duckdb")
    return _short(reads, schema), _short(writes, schema)


def _short(names: frozenset[str], schema: str) -> frozenset[str]:
    """`public.t` and `t` are one table. A table whose own name has a dot in it keeps its schema."""
    return frozenset(name.removeprefix(f"{schema}.") if name.count(".") == 1 else name for name in names)


def _found(statement: str, dialect: str, fold: bool) -> tuple[frozenset[str], frozenset[str]]:
    if len(statement) > LONGEST:
        return tables_by_wording(statement, fold)
    try:
        trees = _parse(statement, dialect)
        reads: set[str] = set()
        writes: set[str] = set()
        for tree in trees:
            if isinstance(tree, exp.Command):
                more_reads, more_writes = tables_by_wording(tree.sql(dialect=dialect), fold)
                reads |= more_reads
                writes |= more_writes
            elif tree is not None:
                _collect(tree, reads, writes, fold)
    except _FAILURES:
        return tables_by_wording(statement, fold)
    return frozenset(reads), frozenset(writes)


class _TooMuch(SqlglotError):
    pass


@cache
def _parser_class(dialect: str) -> Any:
    """The dialect's parser, but it gives up when it has gone back and forth for too long."""
    base: Any = Dialect.get_or_raise(dialect).parser_class

    class Bounded(base):  # type: ignore[misc]
        steps = 0

        def _advance(self, times: int = 1) -> None:
            self.steps -= 1
            if self.steps < 0:
                raise _TooMuch("too many steps")
            super()._advance(times)

    return Bounded


def _parse(statement: str, dialect: str) -> list[exp.Expr | None]:
    described = Dialect.get_or_raise(dialect)
    tokens = described.tokenize(statement)
    parser = _parser_class(dialect)(dialect=described)
    parser.steps = STEPS * (len(tokens) + 50)
    trees: list[exp.Expr | None] = parser.parse(tokens, statement)
    return trees


def _collect(tree: exp.Expr, reads: set[str], writes: set[str], fold: bool) -> None:
    targets: set[int] = set()
    aside: set[int] = set()
    for node in tree.find_all(*_WRITES):
        tables, others = _targets(node)
        targets.update(map(id, tables))
        aside.update(map(id, others))
    targets.update(id(table) for node in tree.find_all(exp.Into) for table in node.find_all(exp.Table))
    for table in tree.find_all(exp.Table):
        name = _name(table, fold)
        if not name or id(table) in aside:
            continue
        if id(table) in targets:
            writes.add(name)
            if isinstance(table.parent, _CHANGES):
                reads.add(name)
        elif table.args.get("db") or not _is_cte(table, name.lower()):
            reads.add(name)


def _targets(node: Any) -> tuple[list[exp.Table], list[exp.Table]]:
    """The tables that a statement writes, and what looks like a table in it and is none: an index, a function."""
    target = node.this.this if isinstance(node.this, exp.Schema) else node.this
    tables = [target] if isinstance(target, exp.Table) else []
    if isinstance(node, exp.Copy):
        return (tables if node.args.get("kind") else []), []
    if isinstance(node, exp.TruncateTable | exp.Drop):
        named = [target, *node.expressions, *(node.args.get("tables") or ())]
        tables = [each for each in named if isinstance(each, exp.Table)]
    if isinstance(node, exp.Alter):
        tables += [action.this for action in node.args.get("actions") or () if isinstance(action, exp.AlterRename)]
    kind = node.args.get("kind")
    if isinstance(node, exp.Create | exp.Drop) and str(kind).upper() not in _RELATIONS:
        called = target.this if isinstance(target, exp.UserDefinedFunction) else target
        return [], [each for each in (called, *tables) if isinstance(each, exp.Table)]
    return tables, []


def _is_cte(table: exp.Table, name: str) -> bool:
    """Whether a name is that of a CTE where it stands: in `WITH a AS (SELECT * FROM a)` the inner one is a table."""
    node: exp.Expr | None = table
    within: exp.Expr | None = None  # the CTE that we come from
    while node is not None:
        if isinstance(node, exp.CTE):
            within = node
        with_ = node.args.get("with_") or node.args.get("with")
        if isinstance(node, exp.With):
            with_ = None
        if isinstance(with_, exp.With):
            for cte in with_.expressions:
                if cte is within and not with_.args.get("recursive"):
                    break
                if cte.alias_or_name.lower() == name:
                    return True
        node = node.parent
    return False


def _name(table: exp.Table, fold: bool) -> str:
    if not isinstance(table.args.get("this"), exp.Identifier):
        return ""  # a function in FROM
    parts = [part for part in (table.args.get("db"), table.args.get("this")) if isinstance(part, exp.Identifier)]
    return ".".join(part.name.lower() if fold and not part.quoted else part.name for part in parts)
