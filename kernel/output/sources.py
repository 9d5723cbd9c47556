"""Where the code of each cell can be found, so that tracebacks, warnings and `inspect` show the user's own lines."""

from __future__ import annotations

import hashlib
import linecache
import re

MAX_SOURCES = 4000  # texts kept; beyond that the oldest ones go, and their functions have no source lines any more

_PREFIX = re.compile(r"_cell_[0-9a-f]{8}_")


def private_prefix(cell: str) -> str:
    """What the cell-local name `_x` begins with in the namespace, so that no other cell sees it: `<prefix>x`."""
    return f"_cell_{hashlib.blake2b(cell.encode(), digest_size=4).hexdigest()}_"


def plain(text: str) -> str:
    """A message with cell-local names as the user wrote them."""
    return _PREFIX.sub("_", text)


class Sources:
    """A file name for each text of each cell (the same text, the same name), and what the page calls the cells."""

    def __init__(self) -> None:
        self._cells: dict[str, str] = {}
        self._labels: dict[str, str] = {}

    def register(self, cell: str, label: str, code: str) -> str:
        """The file name to compile this text under."""
        self._labels[cell] = label
        digest = hashlib.blake2b(code.encode("utf-8", "replace"), digest_size=6).hexdigest()
        filename = f"<cell {cell} {digest}>"
        if filename not in self._cells:
            self._cells[filename] = cell
            linecache.cache[filename] = (len(code), None, _lines(code), filename)
            self._trim()
        return filename

    def locate(self, filename: str) -> tuple[str, str] | None:
        """The cell that a file name belongs to, as (id, label); None for an ordinary file."""
        cell = self._cells.get(filename)
        return None if cell is None else (cell, self._labels[cell])

    def name(self, filename: str) -> str:
        """A file name as people know it: the cell's label, or the file name itself."""
        place = self.locate(filename)
        return place[1] if place else filename

    def _trim(self) -> None:
        while len(self._cells) > MAX_SOURCES:
            oldest = next(iter(self._cells))
            del self._cells[oldest]
            linecache.cache.pop(oldest, None)


def _lines(code: str) -> list[str]:
    lines = [line + "\n" for line in code.split("\n")]
    return lines if code else []
