"""The nodes of one scope of a syntax tree, and the names that a node binds. Nothing here recurses."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Any, Literal

Manner = Literal["bind", "declare", "delete", "passing"]
"""How a statement touches a name: `declare` is `x: A` alone; `passing` are names that their own statement binds for
itself, `except E as x` and `from __future__ import x`."""


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
TYPE_ALIAS: type[ast.AST] | tuple[()] = getattr(ast, "TypeAlias", ())  # since Python 3.12


def bindings(node: ast.AST) -> Iterator[tuple[str, Manner]]:
    """The names that this node itself binds, deletes or declares, not those of the nodes within it."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()):
            yield name, "bind"
        case ast.Name(id=name, ctx=ast.Del()):
            yield name, "delete"
        case ast.AnnAssign(target=ast.Name(id=name), value=None):
            yield name, "declare"
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name, "bind"
        case ast.Import(names=aliases):
            for alias in aliases:
                yield alias.asname or alias.name.partition(".")[0], "bind"
        case ast.ImportFrom(module=module, names=aliases):
            for alias in aliases:
                if alias.name != "*":
                    yield alias.asname or alias.name, "passing" if module == "__future__" else "bind"
        case ast.ExceptHandler(name=str(name)):
            yield name, "passing"
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
            yield name, "bind"


def walk(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes that are evaluated in the same scope; of nested scopes their head and what is evaluated outside."""
    pending = list(nodes)[::-1]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(_here(node)))


def _here(node: ast.AST) -> list[Any]:
    """The children of a node that belong to the node's own scope."""
    if isinstance(node, FUNCTIONS):
        annotations = [] if parameters_of(node) else annotations_of(node)
        return [*node.decorator_list, *defaults_of(node.args), *annotations]
    if isinstance(node, ast.Lambda):
        return defaults_of(node.args)
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *([] if parameters_of(node) else [*node.bases, *node.keywords])]
    if isinstance(node, COMPREHENSIONS):
        return [node.generators[0].iter]
    if isinstance(node, ast.NamedExpr):
        return [node.value]
    if isinstance(node, ast.AnnAssign) and node.value is None and isinstance(node.target, ast.Name):
        return [node.annotation]
    if TYPE_ALIAS and isinstance(node, TYPE_ALIAS):
        return [node.name]  # type: ignore[attr-defined]
    if isinstance(node, ast.arg):
        return []
    return list(ast.iter_child_nodes(node))


def parameters_of(node: ast.AST) -> list[Any]:
    """Type parameters, `def f[T](...)`: since Python 3.12."""
    return getattr(node, "type_params", None) or []


def arguments_of(arguments: ast.arguments) -> list[ast.arg]:
    extra = [each for each in (arguments.vararg, arguments.kwarg) if each]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *extra]


def defaults_of(arguments: ast.arguments) -> list[ast.expr]:
    return [*arguments.defaults, *(each for each in arguments.kw_defaults if each is not None)]


def annotations_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr]:
    found = [each.annotation for each in arguments_of(node.args)]
    return [each for each in [*found, node.returns] if each is not None]
