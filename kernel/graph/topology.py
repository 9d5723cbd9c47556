"""The dependency graph of a notebook: immutable, updated one cell at a time, cycles and duplicates as values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec
from immutables import Map

from kernel.analysis.names import Names

from .cycles import component_of, cycle_path

_NOBODY: frozenset[str] = frozenset()


class Delta(msgspec.Struct, frozen=True, kw_only=True):
    """What an update changed: cells whose parents changed, whose validity may have, and names whose definers did."""

    edges: frozenset[str] = _NOBODY
    validity: frozenset[str] = _NOBODY
    names: frozenset[str] = _NOBODY


Index = Map[str, frozenset[str]]


class Topology(msgspec.Struct, frozen=True):
    """Cells by the names that they define and reference.

    Edges are not stored: they follow from `_definers` and `_readers`, so that an update costs what changed.
    """

    _names: Map[str, Names] = Map()
    _definers: Index = Map()
    _readers: Index = Map()
    _table_readers: Index = Map()
    _table_writers: Index = Map()
    in_cycle: Map[str, frozenset[str]] = Map()
    """Cell -> all the cells of its circle (a strongly connected component)."""
    conflicted: frozenset[str] = _NOBODY
    """Cells that share a definition with another."""

    # Updating -------------------------------------------------------------------------------------------------

    def update(self, changes: Mapping[str, Names | None]) -> Topology:
        """The topology with other names for these cells (None: without them)."""
        return self.update_with_delta(changes)[0]

    def update_with_delta(self, changes: Mapping[str, Names | None]) -> tuple[Topology, Delta]:
        """As `update`, and what changed by it. The cost grows with what changed, not with the number of cells."""
        changes = {cell: names for cell, names in changes.items() if self._names.get(cell) != names}
        if not changes:
            return self, Delta()
        draft = self
        edges: set[str] = set()
        validity: set[str] = set(changes)
        names: set[str] = set()
        for cell, new in changes.items():
            old = self._names.get(cell) or Names()
            draft = draft._reindex(cell, old, new)
            moved = old.defines ^ (new or Names()).defines
            names |= moved
            edges.add(cell)
            for name in moved:
                edges |= draft._readers.get(name, _NOBODY)
            for name in moved | (old.imports ^ (new or Names()).imports):
                validity |= self._definers.get(name, _NOBODY) | draft._definers.get(name, _NOBODY)
        draft = msgspec.structs.replace(draft, conflicted=draft._conflicts(validity))
        draft, circled = draft._find_cycles(self.in_cycle, edges | set(changes))
        delta = Delta(edges=frozenset(edges), validity=frozenset(validity | circled), names=frozenset(names))
        return draft, delta

    def _reindex(self, cell: str, old: Names, new: Names | None) -> Topology:
        present = new or Names()
        names = self._names.delete(cell) if new is None else self._names.set(cell, new)
        return msgspec.structs.replace(
            self,
            _names=names,
            _definers=_moved(self._definers, cell, old.defines, present.defines),
            _readers=_moved(self._readers, cell, old.references, present.references),
            _table_readers=_moved(self._table_readers, cell, old.reads_tables, present.reads_tables),
            _table_writers=_moved(self._table_writers, cell, old.writes_tables, present.writes_tables),
        )

    def _conflicts(self, touched: Iterable[str]) -> frozenset[str]:
        now = {cell for cell in touched if self.duplicates(cell)}
        return (self.conflicted - frozenset(touched)) | now

    def _find_cycles(self, before: Map[str, frozenset[str]], touched: set[str]) -> tuple[Topology, set[str]]:
        """Look again where edges changed: at the touched cells, and at the circles that they were in."""
        suspects = {cell for cell in touched if cell in self._names}
        for cell in touched:
            suspects |= before.get(cell, _NOBODY)
        found = before
        for cell in suspects | touched:
            if cell in found:
                found = found.delete(cell)
        changed: set[str] = set()
        seen: set[str] = set()
        for cell in sorted(suspects):
            if cell in seen or cell not in self._names:
                continue
            circle = component_of(cell, self.children, self.parents)
            seen |= circle or {cell}
            for member in circle:
                found = found.set(member, circle)
        for cell in suspects | touched | seen:
            if found.get(cell) != before.get(cell):
                changed.add(cell)
        return msgspec.structs.replace(self, in_cycle=found), changed

    # Asking ---------------------------------------------------------------------------------------------------

    def names_of(self, cell: str) -> Names:
        return self._names.get(cell) or Names()

    def definers(self, name: str) -> tuple[str, ...]:
        return tuple(sorted(self._definers.get(name, _NOBODY)))

    def readers(self, name: str) -> frozenset[str]:
        return self._readers.get(name, _NOBODY)

    def table_readers(self, table: str) -> frozenset[str]:
        return self._table_readers.get(table, _NOBODY)

    def table_writers(self, table: str) -> frozenset[str]:
        return self._table_writers.get(table, _NOBODY)

    def children(self, cell: str) -> frozenset[str]:
        """The cells that read a name that this one defines."""
        found: set[str] = set()
        for name in self.names_of(cell).defines:
            found |= self._readers.get(name, _NOBODY)
        found.discard(cell)
        return frozenset(found)

    def parents(self, cell: str) -> frozenset[str]:
        """The cells that define a name that this one reads; all of them, if several define it."""
        found: set[str] = set()
        for name in self.names_of(cell).references:
            found |= self._definers.get(name, _NOBODY)
        found.discard(cell)
        return frozenset(found)

    def duplicates(self, cell: str) -> dict[str, tuple[str, ...]]:
        """Name -> the other cells that define it too."""
        found = {}
        for name in self.names_of(cell).defines:
            others = self._definers.get(name, _NOBODY) - {cell}
            if others:
                found[name] = tuple(sorted(others))
        return found

    def cycle(self, cell: str) -> tuple[str, ...] | None:
        """The names along a shortest circle through the cell, first and last the same; None if there is none."""
        circle = self.in_cycle.get(cell)
        return cycle_path(self, circle) if circle else None

    def walk(self, start: str, follow: Callable[[str], bool]) -> None:
        """From a cell to its readers, and on from those to which `follow` says yes; it is asked once per edge."""
        names, readers = self._names, self._readers
        pending = [start]
        while pending:
            cell = pending.pop()
            for name in names[cell].defines:
                for reader in readers.get(name, _NOBODY):
                    if reader != cell and follow(reader):
                        pending.append(reader)

    def ancestors(self, cells: Iterable[str]) -> frozenset[str]:
        return _closure(cells, self.parents)

    def descendants(self, cells: Iterable[str]) -> frozenset[str]:
        return _closure(cells, self.children)


def _moved(index: Index, cell: str, old: frozenset[str], new: frozenset[str]) -> Index:
    for key in old - new:
        rest = index[key] - {cell}
        index = index.set(key, rest) if rest else index.delete(key)
    for key in new - old:
        index = index.set(key, index.get(key, _NOBODY) | {cell})
    return index


def _closure(cells: Iterable[str], step: object) -> frozenset[str]:
    start = set(cells)
    found: set[str] = set()
    pending = list(start)
    while pending:
        for other in step(pending.pop()):  # type: ignore[operator]
            if other not in found:
                found.add(other)
                pending.append(other)
    return frozenset(found - start)
