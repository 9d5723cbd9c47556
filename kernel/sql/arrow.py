"""Postgres rows, in its text format -> Arrow, exactly: nothing is rounded, and NULL stays NULL.

Types that Arrow lacks (interval, json, ranges, ...) stay text, as Postgres writes it. `numeric` travels as text with
the metadata `{"cascade": "decimal"}`: its precision is open, and it knows NaN.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc
from psycopg._transformer import Transformer
from psycopg.pq import Format
from psycopg.pq.abc import PGresult

from .records import SqlError
from .wire import Field

DECIMAL = {b"cascade": b"decimal"}

Convert = Callable[[list[bytes | None]], pa.Array]

_CAST = {
    20: pa.int64(),
    21: pa.int64(),
    23: pa.int64(),
    26: pa.int64(),
    700: pa.float64(),
    701: pa.float64(),
    1082: pa.date32(),
    1083: pa.time64("us"),
    1114: pa.timestamp("us"),
    1184: pa.timestamp("us", tz="UTC"),
}
"""oid -> the type that Arrow itself reads from text. Integers of all sizes are int64, so that sums do not overflow."""

_LISTS = {
    1000: pa.bool_(),
    1005: pa.int64(),
    1007: pa.int64(),
    1016: pa.int64(),
    1021: pa.float64(),
    1022: pa.float64(),
    1009: pa.string(),
    1015: pa.string(),
    1182: pa.date32(),
}
"""oid of an array -> the type of its elements."""
_BOOL, _BYTEA, _NUMERIC = 16, 17, 1700


class ArrowWriter:
    """Turns results into the bytes of one Arrow IPC stream."""

    def __init__(self, fields: Sequence[Field]) -> None:
        kinds = [_kind(field) for field in fields]
        self._names = [field.name for field in fields]
        self._converts = [convert for _, convert in kinds]
        self.schema = pa.schema([spec.with_name(field.name) for (spec, _), field in zip(kinds, fields, strict=True)])
        self._sink = io.BytesIO()
        self._writer = pa.ipc.new_stream(self._sink, self.schema)

    def write(self, result: PGresult, rows: int) -> bytes:
        """The first `rows` rows of a result, and what came before them. Raises SqlError for a value out of range."""
        arrays = []
        for column, (name, convert) in enumerate(zip(self._names, self._converts, strict=True)):
            values = [result.get_value(row, column) for row in range(rows)]
            try:
                arrays.append(convert(values))
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError, OverflowError) as error:
                raise SqlError(_out_of_range(name, error)) from None
        self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self.schema))
        return self._take()

    def finish(self) -> bytes:
        self._writer.close()
        return self._take()

    def _take(self) -> bytes:
        data = self._sink.getvalue()
        self._sink.seek(0)
        self._sink.truncate()
        return data


def _out_of_range(name: str, error: Exception) -> str:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return (
        f"The column {name} has a value that a DataFrame cannot hold ({reason}): "
        f"write it as text, as in {name}::text, or leave it out."
    )


def _kind(field: Field) -> tuple[pa.Field, Convert]:
    if (target := _CAST.get(field.oid)) is not None:
        return pa.field("", target), _casting(target)
    if (element := _LISTS.get(field.oid)) is not None:
        return pa.field("", pa.list_(element)), _listing(field.oid, element)
    if field.oid == _BOOL:
        return pa.field("", pa.bool_()), _booleans
    if field.oid == _BYTEA:
        return pa.field("", pa.binary()), _binaries
    if field.oid == _NUMERIC:
        return pa.field("", pa.string(), metadata=DECIMAL), _texts
    return pa.field("", pa.string()), _texts


def _texts(values: list[bytes | None]) -> pa.Array:
    return pa.array(values, pa.binary()).cast(pa.string())


def _casting(target: pa.DataType) -> Convert:
    def convert(values: list[bytes | None]) -> pa.Array:
        texts = _texts(values)
        if pa.types.is_timestamp(target) and target.tz:
            texts = pc.replace_substring_regex(texts, r"([+-]\d\d)$", r"\1:00")
        return texts.cast(target)

    return convert


def _booleans(values: list[bytes | None]) -> pa.Array:
    return pa.array([None if value is None else value == b"t" for value in values], pa.bool_())


def _binaries(values: list[bytes | None]) -> pa.Array:
    """`\\x` and hexadecimal digits, the only form since PostgreSQL 9."""
    return pa.array([None if value is None else bytes.fromhex(value[2:].decode()) for value in values], pa.binary())


def _listing(oid: int, element: pa.DataType) -> Convert:
    loader = Transformer().get_loader(oid, Format.TEXT)

    def convert(values: list[bytes | None]) -> pa.Array:
        return pa.array([None if value is None else loader.load(value) for value in values], pa.list_(element))

    return convert
