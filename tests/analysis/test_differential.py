"""CPython is the judge: a program as one module, and as cells in the order that the analysis finds, end the same."""

from __future__ import annotations

import asyncio
import os
import random
import re
import symtable
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kernel.analysis import analyse
from kernel.graph import Topology, order
from kernel.launch.local import LocalRuntime
from tests.analysis import programs
from tests.analysis.programs import Group, as_module, local_to, program
from tests.launch.support import Kernel

PROGRAMS = 12_000 if os.environ.get("CASCADE_FUZZ_ALL") == "1" else 1600
IN_A_KERNEL = 15

_BYTES = st.binary(min_size=100, max_size=500)
_SHUFFLES = st.integers(min_value=0, max_value=10_000)


# As one module ------------------------------------------------------------------------------------------------------


@contextmanager
def module(name: str) -> Iterator[dict[str, Any]]:
    """The namespace of a new module, which classes find as theirs."""
    sys.modules[name] = made = ModuleType(name)
    try:
        yield made.__dict__
    finally:
        del sys.modules[name]


def run(source: str, namespace: dict[str, Any], filename: str) -> None:
    exec(compile(source, filename, "exec", dont_inherit=True), namespace)


def is_public(name: str) -> bool:
    return not name.startswith("_") or (name.startswith("__") and not name.endswith("__"))


def variables(namespace: dict[str, Any]) -> dict[str, Any]:
    """The public variables, in a form that can be compared."""
    public = {name: value for name, value in namespace.items() if is_public(name) and not re.match(r"own\d+_", name)}
    return {name: normalised(value) for name, value in public.items()}


def normalised(value: Any) -> Any:
    """A function by what it returns, a class by what it has, an object by its class and variables."""
    if isinstance(value, FunctionType):
        return "function", value.__name__, normalised(value.__defaults__), answer(value), annotations(value)
    if isinstance(value, type):
        parts = {name: normalised(each) for name, each in vars(value).items() if not name.startswith("__")}
        made = answer(value)
        got = answer(value.get, value(3), 4) if hasattr(value, "get") else None
        return (
            "class",
            value.__name__,
            [base.__name__ for base in value.__bases__],
            parts,
            made,
            got,
            annotations(value),
        )
    if isinstance(value, ModuleType):
        return "module", value.__name__
    if isinstance(value, staticmethod):
        return "static", answer(value.__func__)
    if isinstance(value, (list, tuple, set, frozenset)):
        return type(value).__name__, [normalised(each) for each in value]
    if isinstance(value, dict):
        return {key: normalised(each) for key, each in value.items()}
    if isinstance(value, (int, float, str, type(None))):
        return repr(value)
    if hasattr(value, "__dict__"):
        return "object", type(value).__name__, normalised(vars(value))
    return type(value).__name__, getattr(value, "__name__", None)


def answer(function: Any, *arguments: int) -> Any:
    """What it says to a number."""
    try:
        found = function(*(arguments or (2,)))
        if asyncio.iscoroutine(found):
            found.close()
            return "coroutine"
        return normalised(list(found) if hasattr(found, "__next__") else found)
    except Exception as error:
        return type(error).__name__, str(error).partition("(")[0]


def annotations(value: Any) -> dict[str, str]:
    found = value.__annotations__.items()
    return {re.sub(r"^own\d+_", "_", name): getattr(each, "__name__", str(each)) for name, each in found}


# As cells -----------------------------------------------------------------------------------------------------------


def cells_of(groups: list[Group], shuffle: int) -> dict[str, str]:
    """The groups as cells, in any order on the page."""
    cells = {f"c{number}": "\n".join(group.lines) for number, group in enumerate(groups)}
    page = list(cells)[::-1]  # the worst: everything is read before it is defined
    if shuffle:
        random.Random(shuffle).shuffle(page)
    return {cell: cells[cell] for cell in page}


def planned(cells: dict[str, str]) -> tuple[Topology, list[str]]:
    """One cell at a time, as the page does it; then the order in which they run."""
    topology = Topology()
    for cell, source in cells.items():
        names = analyse("python", source)
        assert names.problem is None, (cell, names.problem)
        topology = topology.update({cell: names})
    assert not topology.conflicted
    assert not topology.in_cycle
    page = list(cells)
    return topology, order(topology, page, page.index)


def may_read(source: str) -> set[str]:
    """The names that CPython may look for in the module: those of class bodies too, wherever it finds them."""
    found: set[str] = set()
    pending = [symtable.symtable(source, "<cell>", "exec")]
    while pending:
        table = pending.pop()
        pending += table.get_children()
        inside = table.get_type() == "function"
        found |= {
            each.get_name() for each in table.get_symbols() if each.is_referenced() and not (inside and each.is_local())
        }
    return found


def run_cells(cells: dict[str, str]) -> dict[str, Any]:
    topology, planned_order = planned(cells)
    with module("cells") as namespace:
        for cell in planned_order:
            names = topology.names_of(cell)
            before = set(namespace)
            run(local_to(int(cell[1:]), cells[cell]), namespace, cell)
            bound = {name for name in set(namespace) - before if is_public(name) and not name.startswith("own")}
            assert bound <= names.defines, (cell, bound - names.defines)
            gone = names.defines - bound
            assert all(re.search(r"\bdel\b", cells[cell]) for _ in gone), (cell, gone)
            assert names.references <= may_read(cells[cell]), (cell, names.references)
        return variables(namespace)


# The proofs ---------------------------------------------------------------------------------------------------------

_used: Counter[str] = Counter()


@settings(max_examples=PROGRAMS, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@example(b"", 0)
@given(_BYTES, _SHUFFLES)
def _check(data: bytes, shuffle: int) -> None:
    groups, used = program(data)
    _used.update(used)
    _used["programs"] += 1
    source = as_module(groups, data)
    with module("program") as namespace:
        run(source, namespace, "<module>")
        expected = variables(namespace)
    cells = cells_of(groups, shuffle)
    found = run_cells(cells)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == value, (name, source, cells)


def test_cells_end_with_what_the_module_ends_with() -> None:
    _used.clear()
    _check()
    assert _used["programs"] >= 1500
    for form in (*programs.EAGER, *programs.LAZY):
        assert _used[form.__name__] > 50, (form.__name__, _used)


_COMPARISON = """
import sys as _sys
_sys.path.insert(0, {root!r})
from tests.analysis.test_differential import variables as _variables
_found = {{n: v for n, v in globals().items() if n in {names!r}}}
print(repr(sorted(_variables(_found).items())))
"""


@pytest.mark.asyncio(loop_scope="session")
async def test_a_kernel_ends_with_what_the_module_ends_with(tmp_path: Path) -> None:
    runtime = LocalRuntime(tmp_path, rules=None)  # the kernel reads this file
    await runtime.prepare()
    try:
        for number in range(IN_A_KERNEL):
            chance = random.Random(number)
            data = chance.randbytes(450)
            groups, _ = program(data)
            with module("program") as namespace:
                await asyncio.to_thread(run, as_module(groups, data), namespace, "<module>")
                expected = await asyncio.to_thread(variables, namespace)
            cells = cells_of(groups, number)
            topology, planned_order = planned(cells)
            kernel = await Kernel.start(runtime, f"program-{number}")
            for cell in planned_order:
                outcome = await kernel.run(cells[cell], cell)
                assert outcome.status == "success", (cell, cells, outcome.error)
                assert set(outcome.finished.defined) <= topology.names_of(cell).defines
            root = str(Path(__file__).parents[2])
            look = await kernel.run(_COMPARISON.format(root=root, names=sorted(expected)), "looks")
            assert look.status == "success", look.error
            assert look.stdout.strip() == repr(sorted(expected.items())), cells
            await kernel.stop()
    finally:
        await runtime.close()
