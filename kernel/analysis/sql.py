"""SQL cells -> Names: placeholders, tables, and the name of the result."""

from __future__ import annotations

import keyword

from .names import Names
from .problems import Refused, check_text
from .python import analyse_python, is_private
from .tables import tables_of
from .templates import Template, TemplateError, split

__all__ = ["Template", "TemplateError", "analyse_sql", "is_result_name", "split"]


def analyse_sql(source: str, *, output_name: str = "", dataframes: bool = False) -> Names:
    """What a SQL cell defines and references; never raises.

    It references the names in its `{expressions}` and defines `output_name`. On the notebook's own DataFrames
    (`dataframes`) its tables are references too; on a connection they are tables, which only order and mark.
    """
    try:
        check_text(source)
        template = split(source)
    except Refused as refused:
        return Names(problem=refused.problem)
    except TemplateError as error:
        return Names(problem=error.problem)
    references: set[str] = set()
    for expression in template.expressions:
        names = analyse_python(f"({expression}\n)")
        if names.problem is not None:
            return Names(problem=names.problem)
        references |= names.references
    reads, writes = tables_of(template.statement, "duckdb" if dataframes else "postgres")
    defines = frozenset({output_name} if is_result_name(output_name) else ())
    if dataframes:
        references |= {table for table in _cased(reads, source) if table.isidentifier() and not is_private(table)}
        reads = writes = frozenset()
    return Names(
        defines=defines,
        references=frozenset(references - defines),
        reads_tables=reads,
        writes_tables=writes,
    )


def _cased(tables: frozenset[str], source: str) -> set[str]:
    """Table names in the spelling of the source: Python tells `Sales` from `sales`, where SQL does not."""
    words: dict[str, set[str]] = {}
    for word in _words(source):
        words.setdefault(word.lower(), set()).add(word)
    return {spelling for table in tables for spelling in words.get(table.lower(), {table})}


def _words(source: str) -> list[str]:
    cleaned = "".join(char if char.isalnum() or char == "_" else " " for char in source)
    return cleaned.split()


def is_result_name(name: str) -> bool:
    """Whether a SQL cell's result can be called that."""
    return name.isidentifier() and not keyword.iskeyword(name) and not is_private(name)
