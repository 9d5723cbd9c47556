"""Class bodies: which names they may read before they have bound them, and so from the module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from .walking import FUNCTIONS, bindings, walk

_BLOCKS = ("body", "orelse", "handlers", "finalbody", "cases")


def early_reads(body: list[ast.AST]) -> set[str]:
    """Names that a class body may read before it has bound them, when they are still the module's.

    A name counts as bound once a statement that runs in any case has bound it; within a block, once an earlier
    statement of that block has. So `x = x` reads x, and `x = 1; y = x` does not.
    """
    early: set[str] = set()
    pending: list[tuple[list[Any], set[str]]] = [(body, set())]
    while pending:
        statements, bound = pending.pop()
        for statement in statements:
            head, blocks = _parts(statement)
            own = set(_bound_by(head))
            known = bound if isinstance(statement, _SIMPLE) else bound | own
            early |= _read_by(head) - known
            pending.extend((block, bound | own) for block in blocks)
            bound |= own
            if isinstance(statement, ast.With | ast.AsyncWith):
                bound |= set(_bound_by(statement.body))
    return early


_SIMPLE = (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Expr)


def _parts(statement: ast.AST) -> tuple[list[ast.AST], list[list[Any]]]:
    """A statement without its blocks, and the blocks."""
    if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
        return [statement], []
    blocks = [block for name in _BLOCKS if isinstance(block := getattr(statement, name, None), list)]
    if not blocks:
        return [statement], []
    inside = {id(each) for block in blocks for each in block}
    return [child for child in ast.iter_child_nodes(statement) if id(child) not in inside], blocks


def _bound_by(nodes: list[Any]) -> Iterator[str]:
    for node in walk(nodes):
        if isinstance(node, ast.NamedExpr):
            yield node.target.id
        yield from (name for name, manner in bindings(node) if manner in ("bind", "passing"))


def _read_by(nodes: list[ast.AST]) -> set[str]:
    found = set()
    for node in walk(nodes):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return found
