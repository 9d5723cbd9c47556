"""Class bodies: which names they may read before they have bound them, and so from the module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from .walking import FUNCTIONS, bindings, walk

_BLOCKS = ("body", "orelse", "handlers", "finalbody", "cases")
Place = tuple[int, int]


def early_reads(body: list[ast.AST]) -> set[str]:
    """Names that a class body may read before it has bound them, when they are still the module's.

    A name counts as bound once a statement that runs in any case has bound it (a loop counts as one that loops);
    within a block, once an earlier statement of that block has; and no longer once something may have deleted it.
    So `x = x` and `for x in x` read x, and `x = 1; y = x` does not.
    """
    early: set[str] = set()
    pending: list[tuple[list[Any], set[str]]] = [(body, set())]
    while pending:
        statements, bound = pending.pop()
        for statement in statements:
            inside = set(bound)
            for step in _steps(statement):
                places = _bound_by(step)
                for name, place in _read_by(step):
                    if name not in inside and not (name in places and places[name] <= place):
                        early.add(name)
                inside |= places.keys()
            if not isinstance(statement, ast.ExceptHandler | ast.match_case):  # one of several runs
                bound |= inside
            if isinstance(statement, ast.ExceptHandler) and statement.name:
                inside.add(statement.name)
            pending.extend((block, set(inside)) for block in _blocks(statement))
            if isinstance(statement, ast.With | ast.AsyncWith):
                bound |= _bound_by(list(statement.body)).keys()
            bound -= _unbound_by(statement)
    return early


def _steps(statement: Any) -> list[list[ast.AST]]:
    """What a statement evaluates and binds, its blocks aside, in the order in which it does so."""
    match statement:
        case ast.Assign():
            return [[statement.value], list(statement.targets)]
        case ast.AnnAssign(value=ast.expr() as value):
            return [[value], [statement.target], [statement.annotation]]
        case ast.For() | ast.AsyncFor():
            return [[statement.iter], [statement.target]]
        case ast.With() | ast.AsyncWith():
            parts = [part for item in statement.items for part in (item.context_expr, item.optional_vars)]
            return [[part] for part in parts if part]
        case ast.match_case():
            return [[statement.pattern], [statement.guard]] if statement.guard else [[statement.pattern]]
    if not (blocks := _blocks(statement)):
        return [[statement]]
    inside = {id(each) for block in blocks for each in block}
    return [[child for child in ast.iter_child_nodes(statement) if id(child) not in inside]]


def _blocks(statement: ast.AST) -> list[list[Any]]:
    if isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
        return []
    return [block for name in _BLOCKS if isinstance(block := getattr(statement, name, None), list)]


def _bound_by(nodes: list[ast.AST]) -> dict[str, Place]:
    """The names that these bind, and where each has first been bound."""
    found: dict[str, Place] = {}
    for node in walk(nodes):
        if isinstance(node, ast.NamedExpr):
            found.setdefault(node.target.id, _end(node))
        for name, manner in bindings(node):
            if manner in ("bind", "passing"):
                found.setdefault(name, _end(node))
    return found


def _read_by(nodes: list[ast.AST]) -> Iterator[tuple[str, Place]]:
    for node in walk(nodes):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            yield node.id, (node.lineno, node.col_offset)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, (node.lineno, node.col_offset)


def _unbound_by(statement: ast.AST) -> set[str]:
    """Names that it may delete; `except E as x` does so at its end."""
    found = set()
    for node in walk([statement]):
        if isinstance(node, ast.ExceptHandler) and node.name:
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Del):
            found.add(node.id)
    return found


def _end(node: Any) -> Place:
    return node.end_lineno, node.end_col_offset
