"""The standard library, analysed by us and by CPython's own `symtable`: they agree on module-level names."""

from __future__ import annotations

import ast
import random
import symtable
import sys
import sysconfig
import warnings
from itertools import islice
from pathlib import Path

import pytest

from kernel.analysis.python import is_private
from kernel.analysis.scopes import global_names

SAMPLE = 300
LARGEST = 200 * 1024

pytestmark = pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="symtable shows comprehensions' variables since 3.12"
)


def _sampled() -> list[Path]:
    root = Path(sysconfig.get_path("stdlib"))
    files = sorted(path for path in root.rglob("*.py") if "site-packages" not in path.parts)
    files = [path for path in files if path.stat().st_size < LARGEST]
    random.Random(20).shuffle(files)
    return list(islice((path for path in files if _parses(path)), SAMPLE))


def _parses(path: Path) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(path.read_text("utf-8"), str(path), "exec")
    except (SyntaxError, ValueError):
        return False
    return True


def _tables(source: str) -> list[symtable.SymbolTable]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [symtable.symtable(source, "<cell>", "exec")]
    for table in found:
        found.extend(table.get_children())
    return found


def _bound(tables: list[symtable.SymbolTable]) -> set[str]:
    """Names that the module binds, at its top or by `global` in a function; `x: A` alone is no binding."""
    found = set()
    for table in tables:
        for symbol in table.get_symbols():
            if table is not tables[0] and not symbol.is_declared_global():
                continue
            if symbol.is_assigned() or symbol.is_imported():
                found.add(symbol.get_name())
    return found


def _read(tables: list[symtable.SymbolTable]) -> set[str]:
    """Global names that are read; `__class__` aside, which CPython adds to every function that names `super`."""
    return {
        symbol.get_name()
        for table in tables
        for symbol in table.get_symbols()
        if symbol.is_referenced() and symbol.get_name() != "__class__" and (table is tables[0] or symbol.is_global())
    }


def _uncertain(tree: ast.Module) -> tuple[set[str], set[str]]:
    """Names treated otherwise here than by symtable: bound in passing, only deleted, read in a class or annotation."""
    passing: set[str] = set()
    early: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:  # nowhere, with `annotations` of __future__
            early.update(each.id for each in ast.walk(node.annotation) if isinstance(each, ast.Name))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns:
            early.update(each.id for each in ast.walk(node.returns) if isinstance(each, ast.Name))
        if isinstance(node, ast.ExceptHandler) and node.name:
            passing.add(node.name)
        elif isinstance(node, ast.ImportFrom) and node.module == "__future__":
            passing.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.AnnAssign) and node.value is None and isinstance(node.target, ast.Name):
            passing.add(node.target.id)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Del):
            passing.add(node.id)
        elif isinstance(node, ast.ClassDef):
            early.update(each.id for each in ast.walk(node) if isinstance(each, ast.Name))
    return passing, early


def test_the_standard_library() -> None:
    files = _sampled()
    assert len(files) == SAMPLE
    wrong = []
    for path in files:
        source = path.read_text("utf-8")
        tree = ast.parse(source)
        ours = global_names(tree)
        tables = _tables(source)
        passing, early = _uncertain(tree)
        bound, read = _bound(tables), _read(tables)
        # exact, but for names bound in passing; what we call bound is always bound
        if bound - ours.bound - passing or ours.bound - bound:
            wrong.append((path.name, "bound", ours.bound ^ bound))
        if missing := read - ours.read - bound:
            wrong.append((path.name, "missing", missing))
        if extra := ours.read - read - bound - early:
            wrong.append((path.name, "extra", extra))
    assert wrong == []


def test_the_standard_library_as_cells() -> None:
    """The same through the front door: private names aside, nothing raises."""
    from kernel.analysis import analyse

    analysed = 0
    for path in _sampled()[:100]:
        source = path.read_text("utf-8")
        names = analyse("python", source)
        if names.problem is not None:
            assert names.problem.code in ("star_import", "foreign_del"), (path, names.problem)
            continue
        analysed += 1
        assert not names.defines & names.references
        assert not any(is_private(name) for name in names.defines | names.references)
        passing, _ = _uncertain(ast.parse(source))
        expected = {name for name in _bound(_tables(source)) if not is_private(name)}
        assert names.defines <= expected
        assert expected - names.defines <= passing
    assert analysed > 80
