"""SQL cells: on the broker's connections, or on the notebook's own DataFrames."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import itertools
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from kernel.analysis.sql import split
from kernel.output.tables import is_table
from kernel.process.arrow import FrameBuilder, read_memory, to_frame
from kernel.process.channel import Inbox, Outbox, TooLarge
from kernel.process.interrupts import Interrupts
from kernel.protocol import Execute, SqlReply, SqlRequest

MAX_INTEGER = 2**63
_MISSING = re.compile(r"Table with name (\S+) does not exist")


class SqlError(Exception):
    """What the database said, in its own words."""


@dataclass(slots=True)
class Result:
    """`frame` is None for a statement without rows, which has `affected` instead; `notice` says what was cut."""

    frame: pd.DataFrame | None = None
    affected: int | None = None
    notices: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What to show where there is no table."""
        if self.affected is None:
            return "The statement succeeded."
        return f"{self.affected:,} {'row' if self.affected == 1 else 'rows'} affected"


class Sql:
    """Runs SQL cells. `evaluate(expression)` gives an expression's value in the namespace."""

    def __init__(self, inbox: Inbox, outbox: Outbox, names: dict[str, Any], interrupts: Interrupts) -> None:
        self._interrupts = interrupts
        self._inbox = inbox
        self._outbox = outbox
        self._names = names
        self._requests = itertools.count(1)

    def run(self, command: Execute, evaluate: Callable[[str], Any]) -> Result:
        template = split(command.code)
        values = [plain_value(evaluate(expression), expression) for expression in template.expressions]
        if command.target == "dataframes":
            return on_dataframes(template.statement, values, self._names, self._interrupts)
        return self._on_broker(command, template.statement, values)

    def _on_broker(self, command: Execute, statement: str, values: list[Any]) -> Result:
        request = next(self._requests)
        self._inbox.expect(request)
        try:
            self._outbox.post(
                SqlRequest,
                request=request,
                execution=command.execution,
                ticket=command.ticket,
                statement=statement,
                parameters=tuple(values),
            )
        except TooLarge as error:
            raise SqlError(f"The bound values are too large: {error}") from None
        return _collect(self._inbox, request)


def _collect(inbox: Inbox, request: int) -> Result:
    result = Result()
    frames = FrameBuilder()
    for reply, memory in inbox.replies(request):
        _check(reply)
        if memory is not None:
            frames.add(read_memory(memory, reply.shared))
        elif reply.data:
            frames.add_chunk(reply.data)
        if reply.notice:
            result.notices.append(reply.notice)
        if reply.rows_affected is not None:
            result.affected = reply.rows_affected
    result.frame = frames.finish()
    return result


def _check(reply: SqlReply) -> None:
    if reply.error:
        raise SqlError(reply.error)


@contextlib.contextmanager
def _stopped_by(interrupts: Interrupts, connection: Any) -> Iterator[None]:
    """DuckDB's own look at signals ends the main thread's part of a query and then waits for its other threads."""
    interrupts.stop = connection.interrupt
    try:
        yield
    finally:
        interrupts.stop = lambda: None


def on_dataframes(statement: str, values: list[Any], names: dict[str, Any], interrupts: Interrupts) -> Result:
    """DuckDB, with exactly those of the notebook's DataFrames that the statement refers to."""
    with (
        contextlib.closing(duckdb.connect(":memory:")) as connection,
        _stopped_by(interrupts, connection),
    ):
        connection.execute("SET python_enable_replacements = false")
        try:
            relation = _relation(connection, statement, values, names)
            if relation is None:
                return Result()
            return Result(to_frame(_integers(relation.to_arrow_table())))
        except duckdb.InterruptException:
            raise KeyboardInterrupt from None
        except RuntimeError as error:
            if "interrupted" in str(error).lower() and not isinstance(error, duckdb.Error):
                raise KeyboardInterrupt from None
            raise
        except duckdb.Error as error:
            raise SqlError(str(error)) from None


def _relation(connection: Any, statement: str, values: list[Any], names: dict[str, Any]) -> Any:
    """The statement's relation. DuckDB says which table it misses before anything runs: each is given once."""
    given: set[str] = set()
    while True:
        try:
            return connection.sql(statement, params=values or None)
        except duckdb.CatalogException as error:
            missing = _MISSING.search(str(error))
            if missing is None or missing[1] in given or not _register(connection, missing[1], names):
                raise
            given.add(missing[1])


def _register(connection: Any, table: str, names: dict[str, Any]) -> bool:
    """Whether there is such a value. SQL does not tell `Sales` from `sales`; this very spelling comes first."""
    found = table if table in names else next((name for name in names if name.lower() == table.lower()), None)
    if found is None:
        return False
    value = names[found]
    if not is_table(value):
        raise SqlError(
            f"`{found}` is a {type(value).__name__}, not a DataFrame: a statement cannot read it as a table."
        )
    connection.register(table, value.to_frame() if isinstance(value, pd.Series) else value)
    return True


def _integers(table: pa.Table) -> pa.Table:
    """DuckDB sums integers as 128 bits, which Arrow only has as decimals: back to int64 wherever they fit."""
    for index, column in enumerate(table.columns):
        if column.type == pa.decimal128(38, 0):
            with contextlib.suppress(pa.ArrowInvalid):
                table = table.set_column(index, table.column_names[index], column.cast(pa.int64()))
    return table


_PLAIN = (bool, float, str, bytes, datetime.datetime, datetime.date, datetime.time, decimal.Decimal, uuid.UUID)


def plain_value(value: Any, expression: str) -> Any:
    """A value as it can be bound. Raises TypeError, naming the expression, for what no database knows."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime(warn=False)
    if isinstance(value, np.datetime64):
        return plain_value(pd.Timestamp(value), expression)
    if isinstance(value, np.generic):
        return plain_value(value.item(), expression)
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value) if -MAX_INTEGER <= value < MAX_INTEGER else decimal.Decimal(value)
    for kind in _PLAIN:
        if isinstance(value, kind):
            return value
    if isinstance(value, list | tuple | set | frozenset | np.ndarray | pd.Series | pd.Index):
        return [plain_value(item, expression) for item in value]
    raise TypeError(
        f"{{{expression}}} is a {type(value).__name__}, which cannot be bound to a statement. "
        "Use a number, a text, a date, a list of these or None."
    )
