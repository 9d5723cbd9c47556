"""Arrow tables -> DataFrames, exactly: a NULL never turns an integer into a float."""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

_NULLABLE = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
    pa.uint8(): pd.UInt8Dtype(),
    pa.uint16(): pd.UInt16Dtype(),
    pa.uint32(): pd.UInt32Dtype(),
    pa.uint64(): pd.UInt64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}

_PRIVATE_AND_THERE = mmap.MAP_PRIVATE | getattr(mmap, "MAP_POPULATE", 0)


def read_stream(chunks: Sequence[bytes]) -> pa.Table:
    """The table of an Arrow IPC stream that arrived in chunks. Raises pyarrow.ArrowInvalid."""
    return _read(pa.py_buffer(b"".join(chunks)))


def read_memory(descriptor: int, size: int) -> pa.Table:
    """The table of an Arrow IPC stream in memory that the host lent, where it lies. Raises OSError, ValueError.

    Its columns must not be touched any more once the loan has ended: the pages are gone then.
    """
    return _read(pa.py_buffer(mmap.mmap(descriptor, size, flags=_PRIVATE_AND_THERE, prot=mmap.PROT_READ)))


def _read(buffer: pa.Buffer) -> pa.Table:
    with pa.ipc.open_stream(buffer) as reader:
        return reader.read_all()


class FrameBuilder:
    """Collects a result as it arrives. What takes long to convert is converted while the rest is still on its way."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._tables: list[pa.Table] = []
        self._decimals: dict[int, list[Any]] = {}

    def add_chunk(self, data: bytes) -> None:
        """The next piece of one stream."""
        self._chunks.append(data)

    def add(self, table: pa.Table) -> None:
        """The next rows. What a frame would share with Arrow is copied out of them."""
        for index, field in enumerate(table.schema):
            column = table.column(index)
            if _is_decimal(field):
                self._decimals.setdefault(index, []).append(_decimals(column))
            elif not pa.types.is_primitive(field.type):
                table = table.set_column(index, field, _copy(column))
        self._tables.append(table)

    def finish(self) -> pd.DataFrame | None:
        """None if nothing came. Raises pyarrow.ArrowInvalid."""
        if self._chunks:
            self.add(read_stream(self._chunks))
        if not self._tables:
            return None
        converted = {index: np.concatenate(parts) for index, parts in self._decimals.items()}
        return to_frame(pa.concat_tables(self._tables), converted)


def to_frame(table: pa.Table, converted: dict[int, Any] | None = None) -> pd.DataFrame:
    """Plain dtypes where nothing is missing; where something is, nullable ones for integers and booleans.

    Decimals (text with the metadata `cascade: decimal` too) become Decimal objects, dates and times Python's own,
    timestamps datetime64 with their time zone. Column names may repeat. `converted` has columns that are done already.
    """
    converted = converted or {}
    columns: dict[int, Any] = {
        index: converted[index] if index in converted else _series(column, table.schema.field(index))
        for index, column in enumerate(table.columns)
    }
    frame = pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows), copy=False)
    frame.columns = pd.Index(list(table.column_names), dtype=None if table.column_names else object)
    return frame


def _series(column: pa.ChunkedArray, field: pa.Field) -> Any:
    if _is_decimal(field):
        return pd.Series(_decimals(column), dtype=object)
    mapper = _NULLABLE.get if column.null_count else None
    series = column.to_pandas(types_mapper=mapper)
    shared = column.num_chunks == 1 and pa.types.is_primitive(
        column.type
    )  # ... with Arrow, and so not to be written to
    return series.copy() if shared else series


def _copy(column: pa.ChunkedArray) -> pa.Array:
    """Arrow copies whatever it concatenates, if that is more than one array."""
    return pa.concat_arrays([*column.chunks, pa.array([], column.type), pa.array([], column.type)])


def _is_decimal(field: pa.Field) -> bool:
    return bool(field.metadata) and field.metadata.get(b"cascade") == b"decimal"


def _decimals(column: pa.ChunkedArray) -> Any:
    texts = column.to_pylist()
    values = (None if text is None else Decimal(text) for text in texts) if column.null_count else map(Decimal, texts)
    return np.fromiter(values, object, len(texts))
