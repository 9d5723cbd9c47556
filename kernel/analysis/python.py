"""Python source -> Names, by the rules of the reactive semantics."""

from __future__ import annotations

import ast

from .names import Names
from .parsing import check, parse, place_of
from .problems import Refused, refuse
from .scopes import Globals, global_names


def analyse_python(source: str) -> Names:
    """What a Python cell defines and references; never raises.

    Reads are the free global names less the cell's own: no flow is followed. Names with exactly one underscore in
    front belong to the cell alone. Builtins count as references: the graph finds out whether a cell defines them.
    """
    try:
        tree = parse(source)
        _refuse_star(tree, source)
        found = global_names(tree)
        _refuse_foreign(found, source)
        check(tree, source)
    except Refused as refused:
        return Names(problem=refused.problem)
    defines = _public(found.bound)
    return Names(
        defines=defines,
        references=_public(found.read - found.bound - found.passing),
        imports=defines & _imported(tree),
    )


def _imported(tree: ast.Module) -> frozenset[str]:
    return frozenset(
        alias.asname or alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    )


def is_private(name: str) -> bool:
    """Exactly one underscore in front (a lone `_` too): local to its cell."""
    return name.startswith("_") and not name.startswith("__")


def _public(names: set[str]) -> frozenset[str]:
    return frozenset(name for name in names if not is_private(name))


def _refuse_star(tree: ast.Module, source: str) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            module = "." * node.level + (node.module or "")
            message = (
                f"`from {module} import *` does not say which names it defines: import them by name, "
                f"or `import {module}`."
            )
            raise refuse("star_import", message, *place_of(node, source))


def _refuse_foreign(found: Globals, source: str) -> None:
    for name, node in sorted(found.deleted.items()):
        if name not in found.bound and name not in found.passing:
            message = f"`del {name}` would delete a name that this cell does not define: change the cell that does."
            raise refuse("foreign_del", message, *place_of(node, source))
