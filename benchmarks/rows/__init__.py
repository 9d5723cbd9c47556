"""The lines of the table."""

from __future__ import annotations

from ..measuring import Row
from .cascades import Chain, Dependents
from .edits import Edit, EditRun
from .memory import ForkRatio, KernelMemory, Kernels
from .page import OpenPage
from .postgres import PostgresMillion
from .running import FirstDataFrame, RunX
from .tables import FrameMillion
from .watchers import Watchers

ROWS: tuple[type[Row], ...] = (
    FirstDataFrame, RunX, Chain, Dependents, Edit, EditRun, KernelMemory, FrameMillion, Watchers,
    PostgresMillion, OpenPage, ForkRatio, Kernels,
)  # fmt: skip


def find(word: str) -> list[type[Row]]:
    """The rows with this name, or with a measure of this name."""
    return [row for row in ROWS if word == row.name or word in [each.name for each in row().measures]]
