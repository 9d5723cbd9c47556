"""The notebook's names: a real `__main__` module, and which cell bound what in it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import islice
from types import ModuleType
from typing import Any

from kernel.output.sources import plain, private_prefix
from kernel.process.private import is_private
from kernel.process.program import Program
from kernel.protocol import Forgotten

_MARK = "__cell_prefix__"
"""The namespace's entry for what the running cell's `_x` begins with. It is set anew before each run: names that come
during the run stand after it."""


class _Main(ModuleType):
    """`__main__`, where `_x` means the running cell's own `_x` (pickle looks its classes up by that name)."""

    def __getattr__(self, name: str) -> Any:
        prefix = self.__dict__.get(_MARK, "")
        if is_private(name) and prefix and (own := prefix + name[1:]) in self.__dict__:
            return self.__dict__[own]
        raise AttributeError(f"module '__main__' has no attribute {name!r}")


@dataclass(frozen=True, slots=True)
class Before:
    """What there was before an execution: the objects that its import statements may bind again."""

    imported: dict[str, Any]


class Namespace:
    """All names of one kernel.

    `begin` removes what the cell's previous execution bound and what is to be forgotten; then the code runs in
    `globals`; then `commit` says what it bound, or `rollback` removes it.
    """

    def __init__(self) -> None:
        module = _Main("__main__")
        sys.modules["__main__"] = module
        self.globals: dict[str, Any] = module.__dict__
        self.globals.update(__builtins__=__builtins__, __annotations__={}, **{_MARK: ""})
        self._own = frozenset(self.globals) | {"__warningregistry__", "__file__"}
        self._bound: dict[str, frozenset[str]] = {}
        self._owner: dict[str, str] = {}
        self._forgotten: dict[str, str] = {}

    def begin(self, cell: str, program: Program, forget: tuple[Forgotten, ...] = ()) -> Before:
        before = {name: self.globals[name] for name in program.imports if name in self.globals}
        self.forget(forget)
        self._remove(cell)
        self._bound[cell] = program.names
        self._owner.update(dict.fromkeys(program.names, cell))
        self.globals.pop("__warningregistry__", None)  # the same warning is to be shown again by the next run
        self.globals.pop(_MARK, None)
        self.globals[_MARK] = private_prefix(cell)
        return Before(before)

    def commit(self, cell: str, before: Before) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The names that the execution bound, and those of them that an import bound to the same object as before."""
        bound = self._new(cell)
        self._bound[cell] |= bound
        self._owner.update(dict.fromkeys(bound, cell))
        for name in bound:
            self._forgotten.pop(name, None)
        defined = sorted(name for name in bound if plain(name) == name)
        kept = [name for name in defined if name in before.imported and before.imported[name] is self.globals[name]]
        return tuple(defined), tuple(kept)

    def rollback(self, cell: str, before: Before) -> None:
        self._bound[cell] |= self._new(cell)
        self._remove(cell)

    def forget(self, names: tuple[Forgotten, ...]) -> None:
        """Remove names whose cell no longer defines them, unless another cell has defined them since."""
        for item in names:
            if self._owner.get(item.name, item.cell) != item.cell:
                continue
            self._owner.pop(item.name, None)
            if item.name not in self._own:
                self.globals.pop(item.name, None)
                self._forgotten[item.name] = item.label

    def owner(self, name: str) -> str | None:
        """The cell that bound a name, while it is there."""
        return self._owner.get(name) if name in self.globals else None

    def hint(self, name: str | None) -> str:
        """For a NameError: which cell used to define this name, or ''."""
        label = self._forgotten.get(name or "")
        return f"`{name}` was defined in {label}" if label else ""

    def _new(self, cell: str) -> frozenset[str]:
        """Names of the cell's own code that are there, and names that came otherwise and are no other cell's."""
        own = {name for name in self._bound[cell] if name in self.globals}
        came = {name for name in self._latest() if self._owner.get(name, cell) == cell}
        return frozenset(own | came) - self._own

    def _latest(self) -> list[str]:
        """The names after the mark: looked for from the end, so that the cost is not that of all names."""
        count = 16
        while True:
            last = list(islice(reversed(self.globals), count))  # in one step, whatever other threads do
            if _MARK in last:
                return last[: last.index(_MARK)]
            if count > len(self.globals):
                return last
            count *= 4

    def _remove(self, cell: str) -> None:
        for name in self._bound.pop(cell, frozenset()) - self._own:
            if self._owner.get(name, cell) == cell:
                self._owner.pop(name, None)
                self.globals.pop(name, None)
