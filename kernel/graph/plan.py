"""In which order cells run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from typing import Any

from .topology import Topology


def order(topology: Topology, cells: Iterable[str], place: Callable[[str], Any]) -> list[str]:
    """The cells in topological order by names; among equals as on the page (`place`).

    Cells on tables of one connection keep the order of the page where one of them writes, unless names say
    otherwise. Where names form a circle, its cells come last, as on the page.
    """
    chosen = set(cells)
    after = {cell: topology.children(cell) & chosen for cell in chosen}
    soft = _table_edges(topology, chosen, place)
    for first, seconds in soft.items():
        for second in seconds:
            if second not in after[first] and not _reaches(after, second, first):
                after[first] = after[first] | {second}
    waiting = dict.fromkeys(chosen, 0)
    for followers in after.values():
        for cell in followers:
            waiting[cell] += 1
    ready = [(place(cell), cell) for cell, count in waiting.items() if count == 0]
    heapify(ready)
    result: list[str] = []
    while ready:
        _, cell = heappop(ready)
        result.append(cell)
        for follower in after[cell]:
            waiting[follower] -= 1
            if waiting[follower] == 0:
                heappush(ready, (place(follower), follower))
    if len(result) < len(chosen):
        result += sorted(chosen - set(result), key=lambda cell: (place(cell), cell))
    return result


def _table_edges(topology: Topology, chosen: set[str], place: Callable[[str], Any]) -> dict[str, list[str]]:
    """Neighbours by tables: writers of one table among each other, and readers beside the writers."""
    edges: dict[str, list[str]] = {}
    writers = [cell for cell in chosen if topology.names_of(cell).writes_tables]
    for writer in sorted(writers, key=place):
        for table in sorted(topology.names_of(writer).writes_tables):
            others = (topology.table_writers(table) | topology.table_readers(table)) & chosen - {writer}
            for other in sorted(others, key=place):
                first, second = (writer, other) if place(writer) < place(other) else (other, writer)
                edges.setdefault(first, []).append(second)
    return edges


def _reaches(after: dict[str, frozenset[str]], start: str, goal: str) -> bool:
    seen = {start}
    pending = [start]
    while pending:
        for cell in after[pending.pop()]:
            if cell == goal:
                return True
            if cell not in seen:
                seen.add(cell)
                pending.append(cell)
    return start == goal
