"""Source -> Names: what one cell defines and references. Nothing here runs or imports the source."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from .names import Names, Problem
from .python import analyse_python
from .sql import analyse_sql

__all__ = ["CellType", "Names", "Problem", "analyse"]

CellType = Literal["python", "sql", "markdown"]


@lru_cache(maxsize=10_000)
def analyse(cell_type: CellType, source: str, *, output_name: str = "", dataframes: bool = False) -> Names:
    """The names of one cell. Pure and never raising: what is wrong with the source is `Names.problem`.

    `output_name` and `dataframes` (it runs on the notebook's own DataFrames) matter for SQL. Text has no names.
    """
    if cell_type == "python":
        return analyse_python(source)
    if cell_type == "sql":
        return analyse_sql(source, output_name=output_name, dataframes=dataframes)
    return Names()
