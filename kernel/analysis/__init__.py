"""Source -> Names: what one cell defines and references. Nothing here runs or imports the source."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from .names import Names, Problem
from .python import analyse_python
from .sql import analyse_sql

__all__ = ["CellType", "Names", "Problem", "analyse"]

CellType = Literal["python", "sql", "markdown"]


_REMEMBERED = 2048
"""Characters of the longest source whose names are kept: what people type is analysed again and again."""


def analyse(cell_type: CellType, source: str, *, output_name: str = "", dataframes: bool = False) -> Names:
    """The names of one cell. Pure and never raising: what is wrong with the source is `Names.problem`.

    `output_name` and `dataframes` (it runs on the notebook's own DataFrames) matter for SQL. Text has no names.
    """
    if cell_type == "markdown":
        return Names()
    if len(source) <= _REMEMBERED:
        return _remembered(cell_type, source, output_name, dataframes)
    return _analyse(cell_type, source, output_name, dataframes)


def _analyse(cell_type: CellType, source: str, output_name: str, dataframes: bool) -> Names:
    if cell_type == "python":
        return analyse_python(source)
    return analyse_sql(source, output_name=output_name, dataframes=dataframes)


_remembered = lru_cache(maxsize=4096)(_analyse)
