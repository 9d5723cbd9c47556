"""The user's own modules: files near the notebook that cells import. One that changed on disk is loaded again.

A module is the user's own if its file is below the kernel's working directory, or below an entry of `sys.path` that
is. What a cell imported from it (`from helper import f`) is bound again with it, and the host is told the names.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import linecache
import os
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from kernel.output.sources import plain
from kernel.process.imports import Imported, imported_modules
from kernel.process.namespace import Namespace
from kernel.process.program import Program

AGAIN = 16
"""Modules that are looked at although they were there: some may have gone since, so that counting misses them."""
FOREIGN = ("site-packages", "dist-packages")

Stamp = tuple[int, int]


class Changes(NamedTuple):
    """`names` are those that cells imported from changed modules; `cells` those that did more than import them."""

    names: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()


class _Use(NamedTuple):
    cell: str
    sources: dict[str, Imported]
    only_imports: bool


class Helpers:
    """Which cell imported what, and when the files were last read. `look` before an execution, `reload` within it."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self._root = os.path.realpath(os.getcwd())
        self._uses: dict[str, _Use] = {}
        self._stamps: dict[str, Stamp] = {}
        self._seen = len(sys.modules)  # what the kernel itself came with is nobody's own
        self._due: list[str] = []  # to be loaded again, what others need first

    def used(self, cell: str, program: Program) -> None:
        """A cell ran: remember what it imported, and the state of the files that it came from."""
        self.forget(cell)
        if program.sources:
            self._uses[cell] = _Use(cell, program.sources, program.only_imports)
            self._watch()

    def forget(self, cell: str) -> None:
        """A cell failed: it imported nothing that is still there."""
        self._uses.pop(cell, None)

    def look(self) -> Changes:
        """What changed on disk since it was loaded."""
        if not self._stamps:
            return Changes()
        changed = {name for name, stamp in self._stamps.items() if _stamp(sys.modules.get(name)) not in (stamp, None)}
        self._due = self._in_order(changed) if changed else []
        due = set(self._due)
        names: set[str] = set()
        cells: set[str] = set()
        for use in self._uses.values():
            touched = {name for name, source in use.sources.items() if _module_of(source) in due}
            names |= {name for name in touched if plain(name) == name and self._namespace.owner(name) == use.cell}
            if touched and not use.only_imports:
                cells.add(use.cell)
        return Changes(tuple(sorted(names)), tuple(sorted(cells)))

    def reload(self, program: Program) -> None:
        """Load again what changed. What cannot be loaded stays as it was, and fails the cell if this one uses it."""
        due, self._due = self._due, []
        failed: dict[str, BaseException] = {}
        for name in due:
            module = sys.modules.get(name)
            if module is None:
                continue
            stamp = _stamp(module)
            try:
                _load_again(module)
            except Exception as error:
                failed[name] = error
            else:
                if stamp:
                    self._stamps[name] = stamp
                self._bind(name)
        for name, problem in failed.items():
            if self._concerns(program, name):
                raise problem

    def _concerns(self, program: Program, module: str) -> bool:
        if any(_module_of(source) == module for source in program.sources.values()):
            return True
        return any(
            name in program.reads and _module_of(source) == module
            for use in self._uses.values()
            for name, source in use.sources.items()
        )

    def _bind(self, module: str) -> None:
        """`from helper import f` binds the new f; one that is no longer there goes."""
        names, present = self._namespace.globals, sys.modules[module]
        for use in self._uses.values():
            for name, source in use.sources.items():
                if source.module != module or not source.attribute or self._namespace.owner(name) != use.cell:
                    continue
                if hasattr(present, source.attribute):
                    names[name] = getattr(present, source.attribute)
                else:
                    del names[name]

    def _watch(self) -> None:
        """Take up the user's own modules that were imported since."""
        for name in self._latest():
            module = sys.modules[name]
            if name not in self._stamps and self._is_own(module) and (stamp := _stamp(module)):
                self._stamps[name] = stamp

    def _latest(self) -> list[str]:
        """The modules that came last, looked at from the end.

        To go through all of them would write to the memory of each name (its reference count), which kernels share.
        """
        new = len(sys.modules) - self._seen
        self._seen = len(sys.modules)
        return list(islice(reversed(sys.modules), new + AGAIN))

    def _is_own(self, module: ModuleType) -> bool:
        file = _file(module)
        if file is None or not file.endswith(".py"):
            return False
        place = os.path.realpath(file)
        return place.startswith(self._root + os.sep) and not any(part in FOREIGN for part in Path(place).parts)

    def _in_order(self, changed: set[str]) -> list[str]:
        """The changed ones and all of the user's own that import them: what is needed before what needs it."""
        needs = {name: set(_needs(sys.modules.get(name))) & set(self._stamps) - {name} for name in self._stamps}
        while more := {name for name in needs.keys() - changed if needs[name] & changed}:
            changed |= more
        ordered: list[str] = []
        remaining = sorted(changed)
        while remaining:
            free = [name for name in remaining if not needs[name] & set(remaining)] or remaining[:1]
            ordered += free
            remaining = [name for name in remaining if name not in free]
        return ordered


def _load_again(module: ModuleType) -> None:
    """As a fresh import, in the same module object; names that the file no longer defines go. Or all is as before."""
    file = _file(module) or ""
    with contextlib.suppress(OSError, NotImplementedError):
        os.unlink(importlib.util.cache_from_source(file))  # it may be taken for that of a file of the same second
    linecache.checkcache(file)
    names = module.__dict__
    before = dict(names)
    for name, value in before.items():
        part = type(value) is ModuleType and value.__dict__.get("__name__") == f"{module.__name__}.{name}"
        if not part and not (name.startswith("__") and name.endswith("__")):
            del names[name]
    try:
        importlib.reload(module)
    except BaseException:
        names.clear()
        names.update(before)
        raise


def _module_of(source: Imported) -> str:
    """`from package import part` may name a module."""
    whole = f"{source.module}.{source.attribute}"
    return whole if source.attribute and whole in sys.modules else source.module


def _needs(module: ModuleType | None) -> Iterator[str]:
    """The modules that a file's import statements name; of a package's part, not the package."""
    file = _file(module) if module else None
    if module is None or file is None:
        return
    with contextlib.suppress(OSError, SyntaxError, ValueError, RecursionError):
        tree = ast.parse(Path(file).read_bytes())
        yield from imported_modules(tree, module.__package__ or "")


def _file(module: ModuleType | None) -> str | None:
    """Nothing is asked of a module but its dictionary: some answer to every name."""
    try:
        file = module.__dict__.get("__file__")
    except AttributeError:  # not everything in sys.modules is a module
        return None
    return file if isinstance(file, str) else None


def _stamp(module: ModuleType | None) -> Stamp | None:
    file = _file(module)
    if file is None:
        return None
    try:
        status = os.stat(file)
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
