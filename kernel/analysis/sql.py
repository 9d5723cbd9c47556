"""SQL cells -> Names: placeholders, tables, and the name of the result."""

from __future__ import annotations

import keyword

import msgspec

from .names import Names, Problem
from .problems import Refused, check_text, place, refuse
from .python import analyse_python, is_private
from .tables import tables_of
from .templates import Template, TemplateError, split, split_placed

__all__ = ["Template", "TemplateError", "analyse_sql", "is_result_name", "split"]


def analyse_sql(source: str, *, output_name: str = "", dataframes: bool = False) -> Names:
    """What a SQL cell defines and references; never raises.

    It references the names in its `{expressions}` and defines `output_name`. On the notebook's own DataFrames
    (`dataframes`) its tables, less those that it makes itself, are references too; on a connection they are tables,
    which only order and mark.
    """
    try:
        check_text(source)
        template, places = split_placed(source)
        references = _references(source, template.expressions, places)
    except Refused as refused:
        return Names(problem=refused.problem)
    except TemplateError as error:
        return Names(problem=error.problem)
    reads, writes = tables_of(template.statement, "duckdb" if dataframes else "postgres")
    defines = frozenset({output_name} if is_result_name(output_name) else ())
    if dataframes:
        references |= {table for table in reads - writes if table.isidentifier() and not is_private(table)}
        reads = writes = frozenset()
    return Names(
        defines=defines,
        references=frozenset(references - defines),
        reads_tables=reads,
        writes_tables=writes,
    )


def _references(source: str, expressions: tuple[str, ...], places: tuple[int, ...]) -> set[str]:
    """Raises Refused, with the place in the cell."""
    found: set[str] = set()
    for expression, start in zip(expressions, places, strict=True):
        if expression.isidentifier() and not keyword.iskeyword(expression) and expression.isascii():
            found |= {expression} if not is_private(expression) else set()  # the usual case, and a fast one
            continue
        names = analyse_python(f"({expression}\n)")
        if names.problem is not None:
            raise Refused(_moved(names.problem, source, start))
        if names.defines:
            message = f"A placeholder only reads: assign `{min(names.defines)}` in a Python cell."
            raise refuse("template", message, *place(source, start))
        found |= names.references
    return found


def _moved(problem: Problem, source: str, start: int) -> Problem:
    """A problem of `(expression)`, which begins at `start` of the source, as one of the source."""
    line, column = place(source, start)
    if problem.line is not None and problem.column is not None:
        column = column + max(problem.column - 1, 0) if problem.line == 1 else problem.column
        line += problem.line - 1
    return msgspec.structs.replace(problem, line=line, column=column)


def is_result_name(name: str) -> bool:
    """Whether a SQL cell's result can be called that."""
    return name.isidentifier() and not keyword.iskeyword(name) and not is_private(name)
