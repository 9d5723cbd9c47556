"""Where a cell changes an object in place, by the look of its code: to tell it when the object is another's.

Only what stands in the text: `x.a = 1`, `x[0] += 1`, `del x[0]`, `x.append(1)` and `x.drop(..., inplace=True)` as
statements. What a function does with its argument is not followed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

METHODS = frozenset((
    "add", "append", "appendleft", "clear", "difference_update", "discard", "extend", "extendleft", "insert",
    "intersection_update", "pop", "popitem", "popleft", "remove", "reverse", "setdefault", "sort",
    "symmetric_difference_update", "update",
))  # fmt: skip
"""Of lists, dicts, sets and deques, and of what is made like them."""


class Mutation(NamedTuple):
    """`name` is changed by way of a `method` ('' for an assignment); `direct`: its own attribute is assigned."""

    name: str
    method: str = ""
    direct: bool = False


def mutations(node: ast.AST) -> Iterator[Mutation]:
    """What this node itself changes, not the nodes within it."""
    match node:
        case ast.Attribute(ctx=ast.Store() | ast.Del()) | ast.Subscript(ctx=ast.Store() | ast.Del()):
            if root := _root(node.value):
                direct = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
                yield Mutation(root, direct=direct)
        case ast.Expr(value=ast.Call() as call):
            yield from _called(call)


def _called(node: ast.expr) -> Iterator[Mutation]:
    """Along a chain of calls: `x.setdefault(k, []).append(1)` changes x by its first call."""
    while isinstance(node, ast.Call | ast.Attribute | ast.Subscript):
        if not isinstance(node, ast.Call):
            node = node.value
        elif isinstance(node.func, ast.Attribute):
            method = node.func.attr
            if (method in METHODS or _is_inplace(node)) and (root := _root(node.func.value)):
                yield Mutation(root, method)
            node = node.func.value
        else:
            return


def _is_inplace(call: ast.Call) -> bool:
    return any(
        word.arg == "inplace" and isinstance(word.value, ast.Constant) and word.value.value is True
        for word in call.keywords
    )


def _root(node: ast.expr) -> str:
    """The name at the beginning of `x.a[0].b`; '' where a call or anything else is in between."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
