"""The lines of the table."""

from __future__ import annotations

from ..measuring import Row
from .cascades import Chain, Dependents
from .edits import Edit, EditRun
from .running import FirstDataFrame, RunX

ROWS: tuple[type[Row], ...] = (FirstDataFrame, RunX, Chain, Dependents, Edit, EditRun)


def find(word: str) -> list[type[Row]]:
    """The rows with this name, or with a measure of this name."""
    return [row for row in ROWS if word == row.name or word in [each.name for each in row().measures]]
