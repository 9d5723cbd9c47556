"""What is stored: one noun a file."""

from .cell import Cell
from .change import Change
from .connection import Connection
from .execution import Execution, Output
from .membership import Membership
from .notebook import Notebook
from .session import Session
from .statement import Statement

__all__ = [
    "Cell",
    "Change",
    "Connection",
    "Execution",
    "Membership",
    "Notebook",
    "Output",
    "Session",
    "Statement",
]
