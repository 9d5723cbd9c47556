"""Arrow tables -> DataFrames, exactly: a NULL never turns an integer into a float."""

from __future__ import annotations

import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

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


def read_stream(chunks: Sequence[bytes]) -> pa.Table:
    """The table of an Arrow IPC stream that arrived in chunks. Raises pyarrow.ArrowInvalid."""
    with pa.ipc.open_stream(io.BytesIO(b"".join(chunks))) as reader:
        return reader.read_all()


def to_frame(table: pa.Table) -> pd.DataFrame:
    """Plain dtypes where nothing is missing; where something is, nullable ones for integers and booleans.

    Decimals (text with the metadata `cascade: decimal` too) become Decimal objects, dates and times Python's own,
    timestamps datetime64 with their time zone.
    Column names may repeat.
    """
    columns: dict[int, Any] = {
        index: _series(column, table.schema.field(index)) for index, column in enumerate(table.columns)
    }
    frame = pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows), copy=False)
    frame.columns = pd.Index(list(table.column_names), dtype=None if table.column_names else object)
    return frame


def _series(column: pa.ChunkedArray, field: pa.Field) -> Any:
    if field.metadata and field.metadata.get(b"cascade") == b"decimal":
        return pd.Series([None if text is None else Decimal(text) for text in column.to_pylist()], dtype=object)
    mapper = _NULLABLE.get if column.null_count else None
    return column.to_pandas(types_mapper=mapper)
