"""What import statements bind, by the syntax tree: which name is which module, or which of a module's names."""

from __future__ import annotations

import ast
from typing import NamedTuple


class Imported(NamedTuple):
    """`attribute` is '' for the module itself."""

    module: str
    attribute: str = ""


def imported_names(tree: ast.AST) -> dict[str, Imported]:
    """Of absolute imports; where two statements bind one name, the later one in the tree counts."""
    found: dict[str, Imported] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                found[alias.asname or top] = Imported(alias.name if alias.asname else top)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                found[alias.asname or alias.name] = Imported(node.module, alias.name)
    return found


def imported_modules(tree: ast.AST, package: str) -> set[str]:
    """Every module that may be imported: of `from a import b` both `a` and `a.b`. `package` is for relative ones."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *([base] if base else [])])
            found |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    return found


def only_imports(tree: ast.Module) -> bool:
    """Whether there is nothing but import statements (and texts that stand alone)."""
    return all(
        isinstance(node, ast.Import | ast.ImportFrom)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in tree.body
    )
