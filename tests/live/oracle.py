"""What a notebook ought to show, worked out from its texts alone: plain Python, no state, no versions, no history."""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import Any

from kernel.analysis import analyse
from notebooks_app.live.state import DATAFRAMES, Cell

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Facts:
    """What a text does, said by hand for Python; for SQL and for texts of another type the analysis is asked."""

    defines: frozenset[str] = NOTHING
    reads: frozenset[str] = NOTHING
    broken: bool = False
    imports: bool = False
    random: bool = False
    reads_tables: frozenset[str] = NOTHING
    writes_tables: frozenset[str] = NOTHING

    @property
    def tables(self) -> frozenset[str]:
        return self.reads_tables | self.writes_tables


def _facts(defines: str = "", reads: str = "", **more: bool) -> Facts:
    return Facts(frozenset(defines.split()), frozenset(reads.split()), **more)


LONG = "a = 3  # " + "long " * 2000
"""Long enough to be analysed elsewhere."""

PYTHON: dict[str, Facts] = {
    "a = 1": _facts("a"),
    "b = a + 1": _facts("b", "a"),
    "c = b": _facts("c", "b"),
    "c = a + b": _facts("c", "a b"),
    "a = 2": _facts("a"),
    "d = c * 2\ne = c": _facts("d e", "c"),
    "a = c": _facts("a", "c"),
    "b = f()": _facts("b", "f"),
    "def f():\n    return a": _facts("f", "a"),
    "def f(n=b):\n    return n": _facts("f", "b"),
    "import math as e": _facts("e", imports=True),
    "c = e.pi": _facts("c", "e"),
    "from math import floor as f, ceil as d": _facts("f d", imports=True),
    "a = 1 / 0": _facts("a"),
    "b = a / 0": _facts("b", "a"),
    "c = tick()": _facts("c", random=True),
    "print(a, d)": _facts("", "a d"),
    "_x = a\nd = _x": _facts("d", "a"),
    "_x = 5\ne = _x": _facts("e"),
    "f = _x": _facts("f"),
    "a = a + 1": _facts("a"),
    "d = [a for a in range(2)]": _facts("d"),
    "a = (": _facts(broken=True),
    "from math import *": _facts(broken=True),
    "del c": _facts(broken=True),
    "": _facts(),
    LONG: _facts("a"),
}
SQL = (
    "SELECT {a} AS n",
    "SELECT * FROM b",
    "SELECT * FROM t",
    "INSERT INTO t VALUES ({a})",
    "CREATE TABLE u AS SELECT * FROM t",
    "SELECT {",
)
MARKDOWN = ("# a", "b")
SHARED = "warehouse"
"""A connection to tables that outlive every kernel."""


def connection(cell: Cell) -> str:
    return cell.connection or DATAFRAMES


def facts(cell: Cell) -> Facts:
    return _of(cell.type, cell.code.strip(), cell.output_name, connection(cell) == DATAFRAMES)


@cache
def _of(cell_type: str, code: str, output_name: str, dataframes: bool) -> Facts:
    if cell_type == "markdown":
        return Facts()
    if cell_type == "python" and code in _STRIPPED:
        return _STRIPPED[code]
    names = analyse(cell_type, code, output_name=output_name, dataframes=dataframes)  # type: ignore[arg-type]
    return Facts(
        names.defines,
        names.references,
        names.problem is not None,
        reads_tables=names.reads_tables,
        writes_tables=names.writes_tables,
    )


_STRIPPED = {code.strip(): known for code, known in PYTHON.items()}


# Running a text ---------------------------------------------------------------------------------------------------


@cache
def _compiled(code: str, owner: str) -> CodeType:
    return compile(re.sub(r"\b_x\b", f"_{owner}_x", code), "cell", "exec")


def execute(known: Facts, kind: str, code: str, output_name: str, owner: str, namespace: dict[str, Any]) -> None:
    """Run one cell in a namespace. SQL reads its names, and its result is what it read."""
    if kind == "python":
        exec(_compiled(code.strip(), owner), namespace)
        return
    result = describe(known.reads, namespace, missing=False)
    if output_name:
        namespace[output_name] = result


def describe(names: frozenset[str], namespace: Mapping[str, Any], missing: bool = True) -> str:
    """Names with their values, as text."""
    if not missing:
        for name in sorted(names):
            if name not in namespace:
                raise NameError(name)
    return " ".join(f"{name}={plain(namespace[name])}" for name in sorted(names) if name in namespace)


def plain(value: Any) -> str:
    return type(value).__name__ if isinstance(value, FunctionType | ModuleType) else repr(value)


def owner_of(cell: str) -> str:
    return cell.replace("-", "")


# What follows from all texts --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Expected:
    """Of a notebook: who is invalid, who reads from whom, and what each cell that can run shows.

    `shown` is the value or the exception's class; a cell that depends on chance or on tables has none.
    """

    facts: dict[str, Facts]
    invalid: frozenset[str]
    parents: dict[str, frozenset[str]]
    shown: dict[str, str]

    def chancy(self, cell: str) -> bool:
        return cell not in self.shown


def expected(cells: Mapping[str, Cell]) -> Expected:
    known = {name: facts(cell) for name, cell in cells.items() if not cell.disabled}
    definers: dict[str, list[str]] = {}
    for cell in known:
        for name in known[cell].defines:
            definers.setdefault(name, []).append(cell)
    parents = {
        cell: frozenset(other for name in known[cell].reads for other in definers.get(name, ()) if other != cell)
        for cell in known
    }
    invalid = {cell for cell in known if known[cell].broken}
    invalid |= {cell for several in definers.values() if len(several) > 1 for cell in several}
    invalid |= {cell for cell in known if cell in _above(cell, parents)}
    return Expected(known, frozenset(invalid), parents, _run_all(cells, known, parents, frozenset(invalid)))


def _above(cell: str, parents: dict[str, frozenset[str]]) -> set[str]:
    found: set[str] = set()
    pending = [cell]
    while pending:
        new = parents[pending.pop()] - found
        found |= new
        pending += new
    return found


def _run_all(
    cells: Mapping[str, Cell], known: dict[str, Facts], parents: dict[str, frozenset[str]], invalid: frozenset[str]
) -> dict[str, str]:
    silent = {**vars(builtins), "tick": lambda: 0, "print": lambda *_: None}
    namespace: dict[str, Any] = {"__builtins__": silent}
    shown: dict[str, str] = {}
    failed, chancy = set(invalid), set()
    pending = [cell for cell in known if cell not in invalid and cells[cell].type != "markdown"]
    while pending:
        later = []
        for cell in pending:
            if parents[cell] & set(pending):
                later.append(cell)
                continue
            facts = known[cell]
            if facts.random or facts.tables or parents[cell] & chancy:
                chancy.add(cell)
            if parents[cell] & failed:
                failed.add(cell)
                continue
            before = dict(namespace)
            try:
                execute(facts, cells[cell].type, cells[cell].code, cells[cell].output_name, owner_of(cell), namespace)
                result = describe(facts.defines | facts.reads, namespace)
            except Exception as error:
                namespace = before
                failed.add(cell)
                result = type(error).__name__
            if cell not in chancy:
                shown[cell] = result
        if len(later) == len(pending):
            raise AssertionError("the oracle met a circle among valid cells")
        pending = later
    return shown
