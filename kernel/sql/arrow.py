"""Postgres rows -> Arrow, exactly: nothing is rounded, and NULL stays NULL.

Types that Arrow lacks (interval, json, ranges, ...) stay text, as Postgres writes it. `numeric` travels as text with
the metadata `{"cascade": "decimal"}`: its precision is open, and it knows NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy.typing as npt
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
from psycopg.adapt import Transformer
from psycopg.pq import Format
from psycopg.pq.abc import PGresult

from . import columns
from .messages import Places
from .records import Field, SqlError

DECIMAL = {b"cascade": b"decimal"}

Convert = Callable[[pa.Array], pa.Array]
"""Binary array of Postgres' texts -> array of the column's type. Raises ValueError, of which Arrow's errors are."""

_CAST = {
    20: pa.int64(),
    21: pa.int64(),
    23: pa.int64(),
    26: pa.int64(),
    700: pa.float64(),
    701: pa.float64(),
    1082: pa.date32(),
    1114: pa.timestamp("us"),
    1184: pa.timestamp("us", tz="UTC"),
}
"""oid -> the type that Arrow itself reads from text. Integers of all sizes are int64, so that sums do not overflow."""
_BOOL, _BYTEA, _TIME, _NUMERIC, _TEXTS = 16, 17, 1083, 1700, 1009


class Batches:
    """Makes record batches of one schema out of rows. All raise SqlError for a value that cannot be shown."""

    def __init__(self, fields: Sequence[Field]) -> None:
        kinds = [_kind(field.oid) for field in fields]
        self._names = [field.name for field in fields]
        self._oids = [field.oid for field in fields]
        self._converts = [convert for _, convert in kinds]
        self.formats = columns.formats(self._oids)
        """How `rows` wants each column: 1 in binary, 0 as text."""
        self.schema = pa.schema(
            [
                pa.field(field.name, kind, metadata=DECIMAL if field.oid == _NUMERIC else None)
                for field, (kind, _) in zip(fields, kinds, strict=True)
            ]
        )

    def rows(self, data: npt.NDArray[Any], places: Places) -> pa.RecordBatch:
        """Rows as `Wire.stream` gives them."""
        split = columns.split(data, places, len(self._oids))
        return self._batch([partial(self._column, index, data, *column) for index, column in enumerate(split)])

    def result(self, result: PGresult, rows: int) -> pa.RecordBatch:
        """The first `rows` rows of a result in text."""
        values = [
            pa.array([result.get_value(row, column) for row in range(rows)], pa.binary())
            for column in range(len(self._names))
        ]
        return self._texts(values)

    def csv(self, data: bytes, rows: int) -> pa.RecordBatch:
        """The first `rows` rows of the output of COPY (see `CSV`)."""
        names = [str(index) for index in range(len(self._names))]
        table = csv.read_csv(
            pa.BufferReader(data),
            read_options=csv.ReadOptions(column_names=names, use_threads=False, block_size=len(data) + 1),
            parse_options=csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.binary()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        return self._texts([column.chunk(0) for column in table.slice(0, rows).columns])

    def _column(self, index: int, data: npt.NDArray[Any], starts: Places, lengths: npt.NDArray[Any]) -> pa.Array:
        if (read := columns.binary(self._oids[index])) is not None:
            return read(data, starts, lengths >= 0)
        found = columns.texts(data, starts, lengths)
        return found if self.formats[index] else self._converts[index](found)

    def _texts(self, values: Sequence[pa.Array]) -> pa.RecordBatch:
        return self._batch([partial(convert, column) for convert, column in zip(self._converts, values, strict=True)])

    def _batch(self, makers: Sequence[Callable[[], pa.Array]]) -> pa.RecordBatch:
        arrays = []
        for name, make in zip(self._names, makers, strict=True):
            try:
                arrays.append(make())
            except (pa.ArrowException, ValueError) as error:
                raise SqlError(_not_shown(name, error)) from None
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


CSV = "(FORMAT csv, FORCE_QUOTE *)"
"""How COPY writes what `Batches.csv` reads: texts in quotes, NULL as nothing."""


def _not_shown(name: str, error: Exception) -> str:
    reason = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
    return (
        f"The column {name} has a value that a DataFrame cannot hold ({reason}): "
        f"write it as text, as in {name}::text, or leave it out."
    )


def _kind(oid: int) -> tuple[pa.DataType, Convert]:
    element = psycopg.adapters.types.get(oid)
    if element is None or element.array_oid != oid:
        return _scalar(oid)
    if element.delimiter != ",":
        return pa.string(), _text
    kind, convert = _scalar(element.oid)
    return pa.list_(kind), _listing(convert)


def _scalar(oid: int) -> tuple[pa.DataType, Convert]:
    if (target := _CAST.get(oid)) is not None:
        return target, lambda column: _text(column).cast(target)
    if oid == _BOOL:
        return pa.bool_(), lambda column: pc.equal(column, pa.scalar(b"t", pa.binary()))
    if oid == _BYTEA:
        return pa.binary(), _bytes
    if oid == _TIME:
        return pa.time64("us"), _time
    return pa.string(), _text


def _text(column: pa.Array) -> pa.Array:
    return column.cast(pa.string())


def _time(column: pa.Array) -> pa.Array:
    """Arrow reads no times of day, only whole timestamps."""
    return pc.binary_join_element_wise("1970-01-01", _text(column), " ").cast(pa.timestamp("us")).cast(pa.time64("us"))


def _bytes(column: pa.Array) -> pa.Array:
    return pa.array([None if value is None else _unhex(value) for value in column.to_pylist()], pa.binary())


def _unhex(value: bytes) -> bytes:
    """`\\x` and hexadecimal digits (see `transaction.SETTINGS`)."""
    if not value.startswith(b"\\x"):
        raise ValueError("bytes in the old format: leave bytea_output as it is")
    return bytes.fromhex(value[2:].decode())


def _listing(convert: Convert) -> Convert:
    """Arrays of any type are read as arrays of text, and their elements then as columns are."""
    load = Transformer().get_loader(_TEXTS, Format.TEXT).load

    def convert_all(column: pa.Array) -> pa.Array:
        offsets, flat = [0], list[str | None]()
        for value in column.to_pylist():
            if value is not None:
                flat += _flat(load(value))
            offsets.append(len(flat))
        elements = convert(pa.array(flat, pa.string()).cast(pa.binary()))
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), elements, mask=column.is_null())

    return convert_all


def _flat(items: list[str | None]) -> list[str | None]:
    if any(isinstance(item, list) for item in items):
        raise ValueError("an array of several dimensions")
    return items
