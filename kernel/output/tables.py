"""DataFrames and Series as pages of formatted text. A million rows cost what a hundred cost."""

from __future__ import annotations

import math
import reprlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from kernel.output.ordering import Order, Unsortable
from kernel.protocol import Column, Table

FIRST_ROWS = 50
MAX_COLUMNS = 200
MAX_CELL = 500  # characters
MAX_CELLS = 50_000  # cells of one page

_NESTED = reprlib.Repr()
_NESTED.maxlist = _NESTED.maxtuple = _NESTED.maxset = _NESTED.maxfrozenset = _NESTED.maxdict = 50
_NESTED.maxstring = _NESTED.maxother = _NESTED.maxlong = MAX_CELL


def is_table(value: object) -> bool:
    """Whether this is shown as a table: pandas, and polars and pyarrow tables if those are in use."""
    if isinstance(value, pd.DataFrame | pd.Series):
        return True
    return isinstance(value, (*_types("polars", "DataFrame", "Series"), *_types("pyarrow", "Table", "RecordBatch")))


def _types(module: str, *names: str) -> tuple[type, ...]:
    loaded = sys.modules.get(module)
    return tuple(getattr(loaded, name) for name in names) if loaded is not None else ()


class Frame:
    """A table that is being shown. It holds the value itself, not a copy, and the last order that was asked for."""

    def __init__(self, value: Any) -> None:
        self._value = value
        self._order_for: tuple[int, bool] | None = None
        self._order: Order | None = None
        head = self._slice(0, 0)
        self.total = int(value.num_rows if hasattr(value, "num_rows") else len(value))
        self._levels = head.index.nlevels if isinstance(value, pd.DataFrame | pd.Series) else 0
        self._width = min(head.shape[1], MAX_COLUMNS)
        self.hidden = head.shape[1] - self._width

    def page(self, name: str, offset: int, limit: int, sort: int | None = None, descending: bool = False) -> Table:
        """Rows from `offset` on, `name` being the table's id. Raises Unsortable."""
        columns = self._width + self._levels
        limit = max(0, min(limit, MAX_CELLS // max(columns, 1)))
        offset = max(0, min(offset, self.total))
        part = self._slice(offset, limit) if sort is None else self._sorted(sort, descending, offset, limit)
        series = list(self._columns(part))
        texts = [[_text(value) for value in values] for _, values in series]
        return Table(
            id=name,
            columns=tuple(column for column, _ in series),
            rows=tuple(zip(*texts, strict=True)) if texts else ((),) * len(part),
            offset=offset,
            total=self.total,
            index_columns=self._levels,
            hidden_columns=self.hidden,
        )

    def plain(self) -> str:
        """The first rows as text, with the size of the whole."""
        head = self._slice(0, 10).iloc[:, :12]
        text = head.to_string(index=self._levels > 0, max_colwidth=50)
        return f"{text}\n\n[{self.total} rows x {self._width + self.hidden} columns]"

    def _slice(self, offset: int, limit: int) -> pd.DataFrame:
        value = self._value
        if isinstance(value, pd.DataFrame):
            return value.iloc[offset : offset + limit]
        if isinstance(value, pd.Series):
            part = value.iloc[offset : offset + limit]
            return part.to_frame(name="value" if value.name is None else value.name)
        return _from_arrow(value, offset, limit)

    def _sorted(self, sort: int, descending: bool, offset: int, limit: int) -> pd.DataFrame:
        if self._order is None or self._order_for != (sort, descending):
            self._order = Order(self._key(sort), descending)
            self._order_for = (sort, descending)
        positions = self._order.positions(offset, limit)
        if isinstance(self._value, pd.DataFrame | pd.Series):
            part = self._value.iloc[positions]
            return (
                part
                if isinstance(part, pd.DataFrame)
                else part.to_frame(name="value" if self._value.name is None else self._value.name)
            )
        taken = self._value.take(positions) if hasattr(self._value, "take") else self._value[positions]
        return _from_arrow(taken, 0, limit)

    def _key(self, sort: int) -> pd.Series:
        """The column to sort by, counted as the page shows them: the index first."""
        if not 0 <= sort < self._levels + self._width:
            raise Unsortable("There is no such column to sort by.")
        value = self._value
        if sort < self._levels:
            return pd.Series(value.index.get_level_values(sort))
        if isinstance(value, pd.Series):
            return value
        if isinstance(value, pd.DataFrame):
            return value.iloc[:, sort - self._levels]
        position = sort - self._levels
        whole = value.to_frame() if hasattr(value, "to_frame") else value
        column = whole[:, position] if hasattr(whole, "get_columns") else whole.column(position)
        return pd.Series(column.to_pandas())

    def _columns(self, part: pd.DataFrame) -> Iterator[tuple[Column, Any]]:
        for level in range(self._levels):
            values = part.index.get_level_values(level)
            name = "" if values.name is None else _text(values.name) or ""
            yield Column(name=name, dtype=str(values.dtype), kind=_kind(values.dtype)), values
        for position in range(self._width):
            column = part.iloc[:, position]
            name = _text(part.columns[position]) or ""
            yield Column(name=name, dtype=str(column.dtype), kind=_kind(column.dtype)), column


def _from_arrow(value: Any, offset: int, limit: int) -> pd.DataFrame:
    part = value.slice(offset, limit)
    if hasattr(part, "to_frame"):  # a polars Series
        part = part.to_frame()
    if hasattr(part, "to_arrow"):
        part = part.to_arrow()
    frame: pd.DataFrame = part.to_pandas(types_mapper=pd.ArrowDtype, ignore_metadata=True)
    return frame


_KINDS: tuple[tuple[str, Callable[[Any], bool]], ...] = (
    ("bool", pd.api.types.is_bool_dtype),
    ("number", pd.api.types.is_numeric_dtype),
    ("time", pd.api.types.is_datetime64_any_dtype),
    ("time", pd.api.types.is_timedelta64_dtype),
)


def _kind(dtype: Any) -> str:
    for kind, test in _KINDS:
        if test(dtype):
            return kind
    if isinstance(dtype, pd.CategoricalDtype):
        return _kind(dtype.categories.dtype)
    return "text" if pd.api.types.is_string_dtype(dtype) and dtype is not np.dtype(object) else "other"


def _text(value: Any) -> str | None:
    """One value as the page shows it; None if it is missing."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, str):
        return _cut(value)
    if isinstance(value, float | np.floating):
        return _number(float(value))
    try:
        if isinstance(value, pd.Timestamp):
            return str(value.isoformat(sep=" "))
        if isinstance(value, list | tuple | dict | set | frozenset):
            return _cut(_NESTED.repr(value))
        if isinstance(value, bytes | bytearray):
            return _cut(repr(bytes(value[:MAX_CELL])))
        return _cut(str(value))
    except (Exception, SystemExit) as error:
        return f"<{type(value).__name__}: str() raised {type(error).__name__}>"


def _number(value: float) -> str | None:
    if math.isnan(value):
        return None
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value and not 1e-4 <= abs(value) < 1e15:
        return f"{value:.6g}"
    return str(np.format_float_positional(value, precision=6, trim="0"))


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CELL else text[: MAX_CELL - 1] + "…"


class Tables:
    """The tables that the page shows now, by id: those of the latest execution of each cell."""

    def __init__(self) -> None:
        self._frames: dict[str, dict[str, Frame]] = {}
        self._cell = ""
        self._count = 0

    def begin(self, cell: str) -> None:
        """A new execution: what the cell showed before is let go."""
        self._cell = cell
        self._frames[cell] = {}

    def forget(self, cell: str) -> None:
        self._frames.pop(cell, None)

    def add(self, frame: Frame) -> str:
        self._count += 1
        name = str(self._count)
        self._frames.setdefault(self._cell, {})[name] = frame
        return name

    def find(self, name: str) -> Frame | None:
        return next((frames[name] for frames in self._frames.values() if name in frames), None)
