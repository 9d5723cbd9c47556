"""In which order the rows of a table stand when it is sorted by a column. A first page needs no sorted million."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

TOP = 1000
"""Rows from the top that are found without ordering the others."""


class Unsortable(ValueError):
    """The values of a column have no order, or there is no such column."""


class Order:
    """Positions in the order of a column's values, missing ones last, equal ones as they were.

    The first `TOP` cost a pass over the values; what lies beyond costs sorting them once. Raises Unsortable.
    """

    def __init__(self, column: pd.Series, descending: bool) -> None:
        self._column = pd.Series(column.array, copy=False)
        self._descending = descending
        self._top: Any = None
        self._all: Any = None

    def positions(self, offset: int, limit: int) -> Any:
        """Row numbers, as an array of integers."""
        if self._all is None and offset + limit <= TOP:
            if self._top is None:
                self._top = self._first()
            if self._top is not None:
                return self._top[offset : offset + limit]
        if self._all is None:
            self._all = self._sorted(self._column)
        return self._all[offset : offset + limit]

    def _first(self) -> Any:
        """The first `TOP` positions; None if there is no short way to them."""
        values = _comparable(self._column)
        if values is None or len(values) <= 4 * TOP:
            return None
        present = values if values.dtype.kind != "f" else values[~np.isnan(values)]
        if len(present) <= TOP:
            return None
        place = len(present) - TOP if self._descending else TOP - 1
        bound = np.partition(present, place)[place]
        chosen = np.flatnonzero(values >= bound if self._descending else values <= bound)
        return chosen[self._sorted(self._column.iloc[chosen].reset_index(drop=True))[:TOP]]

    def _sorted(self, column: pd.Series) -> Any:
        values = _comparable(column)
        if values is not None and not self._descending:
            return np.argsort(values, kind="stable")  # NaN last
        try:
            ordered = column.sort_values(ascending=not self._descending, kind="stable", na_position="last")
        except (TypeError, ValueError) as error:
            raise Unsortable(f"The values of this column cannot be ordered: {error}") from error
        return ordered.index.to_numpy()


def _comparable(column: pd.Series) -> Any:
    """The values as a plain array of numbers whose own order is the column's; None if they are something else."""
    dtype = column.dtype
    return column.to_numpy() if isinstance(dtype, np.dtype) and dtype.kind in "iuf" else None
