"""Circles in the dependency graph: which cells are in one, and a path to show."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .topology import Topology

Step = Callable[[str], Iterable[str]]


def component_of(cell: str, children: Step, parents: Step) -> frozenset[str]:
    """The cells that both reach `cell` and are reached by it, with itself; empty if it is in no circle.

    Both searches advance in turn and stop as soon as one of them ends, so that a cell near either end of a long
    chain costs little.
    """
    forward, backward = _Search(cell, children), _Search(cell, parents)
    while forward.pending and backward.pending:
        forward.advance()
        backward.advance()
    ended, other = (forward, parents) if not forward.pending else (backward, children)
    if cell not in ended.found:
        return frozenset()
    inside = _Search(cell, lambda each: (next_ for next_ in other(each) if next_ in ended.found))
    while inside.pending:
        inside.advance()
    return frozenset(inside.found)


class _Search:
    def __init__(self, start: str, step: Step) -> None:
        self.found: set[str] = set()
        self.pending = deque([start])
        self._step = step

    def advance(self) -> None:
        for each in self._step(self.pending.popleft()):
            if each not in self.found:
                self.found.add(each)
                self.pending.append(each)


def cycle_path(topology: Topology, circle: frozenset[str]) -> tuple[str, ...]:
    """A shortest circle, as the names that lead from cell to cell, beginning with the alphabetically first.

    It depends on the texts alone, not on the order of edits.
    """
    links = _links(topology, circle)
    start = min(links)
    previous: dict[str, str] = {}
    pending = deque([start])
    while pending:
        name = pending.popleft()
        for following in sorted(links.get(name, ())):
            if following == start:
                return _walk_back(previous, start, name)
            if following not in previous:
                previous[following] = name
                pending.append(following)
    return (start, start)


def _links(topology: Topology, circle: frozenset[str]) -> dict[str, set[str]]:
    """Name -> the names whose cell reads it, within the circle and along its edges."""
    links: dict[str, set[str]] = {}
    for cell in circle:
        names = topology.names_of(cell)
        for reader in topology.children(cell) & circle:
            onward = topology.names_of(reader)
            leaving = {name for name in onward.defines if topology.readers(name) & circle - {reader}}
            for name in names.defines & onward.references:
                links.setdefault(name, set()).update(leaving)
    return links


def _walk_back(previous: dict[str, str], start: str, last: str) -> tuple[str, ...]:
    path = [start, last] if last != start else [start]
    while last != start and last in previous:
        last = previous[last]
        if last != start:
            path.append(last)
    ordered = [start, *reversed([name for name in path if name != start]), start]
    return tuple(ordered)
