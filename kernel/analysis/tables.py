"""Which tables SQL statements read and write, as sqlglot understands them. Postgres has the last word, not this."""

from __future__ import annotations

import logging
import re
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

logging.getLogger("sqlglot").setLevel(logging.ERROR)

LONGEST = 64 * 1024
"""Characters beyond which the short reading is used: sqlglot takes a second for a megabyte."""

_WRITES = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Alter, exp.TruncateTable)
_SHORT_READS = re.compile(
    r"\b(?:FROM|JOIN|USING)\s+(?:ONLY\s+)?((?:\"[^\"]+\"|\w+)(?:\.(?:\"[^\"]+\"|\w+))?)", re.IGNORECASE
)
_SHORT_WRITES = re.compile(
    r"\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|MERGE\s+INTO|TRUNCATE(?:\s+TABLE)?|COPY"
    r"|(?:CREATE|DROP|ALTER)\s+(?:\w+\s+)*?(?:TABLE|VIEW)(?:\s+IF\s+(?:NOT\s+)?EXISTS)?)"
    r"\s+(?:ONLY\s+)?((?:\"[^\"]+\"|\w+)(?:\.(?:\"[^\"]+\"|\w+))?)",
    re.IGNORECASE,
)


def tables_of(statement: str, dialect: str) -> tuple[frozenset[str], frozenset[str]]:
    """(read, written): `table` or `schema.table`, folded as the dialect folds names, CTEs and aliases aside."""
    if len(statement) > LONGEST:
        return _short(statement)
    try:
        trees = sqlglot.parse(statement, read=dialect)
    except (SqlglotError, RecursionError, ValueError, IndexError, AttributeError, TypeError, KeyError):
        return _short(statement)
    reads: set[str] = set()
    writes: set[str] = set()
    for tree in trees:
        if tree is None:
            continue
        if isinstance(tree, exp.Command):
            more_reads, more_writes = _short(tree.sql(dialect=dialect))
            reads |= more_reads
            writes |= more_writes
        else:
            _collect(tree, reads, writes)
    return frozenset(reads), frozenset(writes)


def _collect(tree: exp.Expr, reads: set[str], writes: set[str]) -> None:
    ctes = {cte.alias_or_name for cte in tree.find_all(exp.CTE)}
    targets = {id(target) for node in tree.find_all(*_WRITES) for target in _targets(node)}
    into = {id(table) for node in tree.find_all(exp.Into) for table in node.find_all(exp.Table)}
    for table in tree.find_all(exp.Table):
        name = _name(table)
        if not name:
            continue
        if id(table) in targets or id(table) in into:
            writes.add(name)
            if isinstance(table.parent, exp.Update | exp.Delete | exp.Merge):
                reads.add(name)
        elif name not in ctes:
            reads.add(name)


def _targets(node: Any) -> list[exp.Table]:
    target = node.this
    if isinstance(node, exp.TruncateTable):
        return [each for each in node.expressions if isinstance(each, exp.Table)]
    if isinstance(target, exp.Schema):
        target = target.this
    return [target] if isinstance(target, exp.Table) else []


def _name(table: exp.Table) -> str:
    """Unquoted names are folded to lower case, as Postgres does."""
    parts = [part for part in (table.args.get("db"), table.args.get("this")) if isinstance(part, exp.Identifier)]
    if not isinstance(table.args.get("this"), exp.Identifier):
        return ""  # a function in FROM
    return ".".join(part.name if part.quoted else part.name.lower() for part in parts)


def _short(statement: str) -> tuple[frozenset[str], frozenset[str]]:
    """What the words before names say, where the statement as a whole is not understood."""
    return (
        frozenset(_folded(name) for name in _SHORT_READS.findall(statement)),
        frozenset(_folded(name) for name in _SHORT_WRITES.findall(statement)),
    )


def _folded(name: str) -> str:
    return ".".join(part[1:-1] if part.startswith('"') else part.lower() for part in name.split("."))
