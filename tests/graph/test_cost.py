"""What an edit costs, in calls: no more in a notebook of 1,000 cells than in one of 10."""

from __future__ import annotations

import gc
import itertools
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from kernel.analysis import Names, analyse
from kernel.graph import Topology

FEW, MANY = 10, 1000
_numbers = itertools.count()


def calls(work: Callable[[], Any]) -> int:
    """How many functions it calls, Python's and C's."""
    count = 0

    def counted(frame: Any, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    gc.disable()  # what a collection happens to finalise is not the work's
    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(before)
        gc.enable()
    return count


def names(source: str) -> Names:
    found = analyse("python", source)
    assert found.problem is None
    return found


def independent(count: int) -> Topology:
    return Topology().update({f"c{number}": names(f"x{number} = {number}") for number in range(count)})


def chain(count: int) -> Topology:
    """Each cell reads the one before; all read `base`."""
    cells = {f"c{number}": names(f"x{number} = x{number - 1} + base") for number in range(count)}
    return Topology().update({"base": names("base = 1"), **cells})


def cost(topology: Topology, cell: str, source: str) -> int:
    """Of an edit: the cell's analysis, and the graph's update."""
    fresh = f"{source}  # {next(_numbers)}: never seen before, so that no analysis is remembered"
    return calls(lambda: topology.update_with_delta({cell: analyse("python", fresh)}))


@pytest.mark.parametrize(
    "source",
    [
        "x5 = 7",  # its names stay
        "y = 7",  # it defines another
        "x5 = z",  # it reads what nobody defines
        "x5 = x3",  # it reads a neighbour's
        "",
        "x5 = (",
    ],
)
def test_an_edit_among_independent_cells(source: str) -> None:
    few, many = (cost(independent(count), "c5", source) for count in (FEW, MANY))
    assert many <= few + 3, (few, many)  # a map of 1,000 is one level deeper


@pytest.mark.parametrize("change", ["x{n} = x{m} + base + 1", "x{n} = x{m} * base", "base; x{n} = [x{m}]"])
def test_an_edit_in_the_middle_of_a_chain_that_keeps_its_names(change: str) -> None:
    found = {}
    for count in (FEW, MANY):
        topology, n = chain(count), count // 2
        source = change.format(n=n, m=n - 1)
        found[count] = cost(topology, f"c{n}", source)
        assert topology.update({f"c{n}": names(source)}) is topology
    assert found[MANY] <= found[FEW], found


def test_a_new_cell_and_one_that_goes() -> None:
    for change in (None, names("new = 1"), names("new = x3")):
        edit = {"c": change, "c5": None}
        few, many = (calls(partial(independent(count).update, edit)) for count in (FEW, MANY))
        assert many <= few + 3, (few, many)


def test_a_leaf_of_a_long_chain_costs_what_it_reads() -> None:
    """An edge that comes or goes at the end is no walk along the chain."""
    found = {}
    for count in (FEW, MANY):
        topology, last = chain(count), f"c{count - 1}"
        found[count] = cost(topology, last, f"x{count - 1} = x{count - 3} + base")
    assert found[MANY] <= found[FEW] + 3, found
