"""Cell-local names: `_x` of one cell is another variable than `_x` of the next.

The syntax tree is rewritten so that a global `_x` becomes `<prefix of the cell>x`. Only global names: a parameter, a
function's local variable, an attribute, a keyword or a name that a class body binds keep theirs.
"""

from __future__ import annotations

import ast
import re
from types import CodeType
from typing import Any

from kernel.output.sources import plain, private_prefix

_CANDIDATE = re.compile(r"(?<![\w.])_(?!_)")


def is_private(name: str) -> bool:
    """Exactly one underscore in front (a lone `_` too)."""
    return name.startswith("_") and not name.startswith("__")


def private_name(name: str, cell: str) -> str:
    return private_prefix(cell) + name[1:] if is_private(name) else name


def make_private(tree: ast.Module, source: str, cell: str) -> bool:
    """Rewrite `tree` in place; returns whether there was anything to rewrite."""
    if not _CANDIDATE.search(source):
        return False
    _Renamer(cell, _bound(tree.body)).visit(tree)
    return True


def restore_names(code: CodeType) -> CodeType:
    """The same code with the functions and classes in it named as the user wrote them."""
    constants = tuple(_restore_constant(value) for value in code.co_consts)
    return code.replace(co_name=plain(code.co_name), co_qualname=plain(code.co_qualname), co_consts=constants)


def _restore_constant(value: Any) -> Any:
    if isinstance(value, CodeType):
        return restore_names(value)
    return plain(value) if isinstance(value, str) else value


class _Scope:
    """A function, class or comprehension: the private names that it binds, and those that it declares global."""

    def __init__(self, kind: str, bindings: _Bindings) -> None:
        self.kind = kind
        self.bound = bindings.bound - bindings.global_ - bindings.nonlocal_
        self.global_ = bindings.global_


class _Bindings(ast.NodeVisitor):
    """Collects the names that one scope binds, leaving out the scopes within it."""

    def __init__(self) -> None:
        self.bound: set[str] = set()
        self.global_: set[str] = set()
        self.nonlocal_: set[str] = set()
        self._comprehension = 0

    def visit_Name(self, node: ast.Name) -> None:
        if not isinstance(node.ctx, ast.Load) and not self._comprehension:
            self.bound.add(node.id)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.bound.add(node.target.id)  # binds outside of comprehensions
        self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.bound.add(node.name)
        for outer in (*node.decorator_list, *_defaults(node.args)):
            self.visit(outer)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.bound.add(node.name)
        for outer in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(outer)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for default in _defaults(node.args):
            self.visit(default)

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> None:
        self._comprehension += 1
        self.generic_visit(node)
        self._comprehension -= 1

    visit_SetComp = visit_GeneratorExp = visit_DictComp = visit_ListComp

    def visit_alias(self, node: ast.alias) -> None:
        self.bound.add(node.asname or node.name.partition(".")[0])

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self._add(node.name)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs | ast.MatchStar) -> None:
        self._add(node.name)
        self.generic_visit(node)

    visit_MatchStar = visit_MatchAs

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self._add(node.rest)
        self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> None:
        self.global_.update(node.names)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self.nonlocal_.update(node.names)

    def _add(self, name: str | None) -> None:
        if name:
            self.bound.add(name)


def _bound(nodes: list[Any]) -> _Bindings:
    bindings = _Bindings()
    for node in nodes:
        bindings.visit(node)
    return bindings


def _defaults(arguments: ast.arguments) -> list[ast.expr]:
    return [*arguments.defaults, *(default for default in arguments.kw_defaults if default is not None)]


def _parameters(arguments: ast.arguments) -> list[ast.arg]:
    extra = [item for item in (arguments.vararg, arguments.kwarg) if item]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *extra]


class _Renamer(ast.NodeTransformer):
    def __init__(self, cell: str, module: _Bindings) -> None:
        self._cell = cell
        self._scopes = [_Scope("module", module)]

    def _is_global(self, name: str) -> bool:
        for scope in reversed(self._scopes):
            if scope.kind == "module" or name in scope.global_:
                return True
            if name in scope.bound and (scope.kind != "class" or scope is self._scopes[-1]):
                return False
        return True

    def _new(self, name: str) -> str:
        return private_name(name, self._cell) if is_private(name) and self._is_global(name) else name

    def _within(self, kind: str, bindings: _Bindings, nodes: list[Any]) -> list[Any]:
        self._scopes.append(_Scope(kind, bindings))
        try:
            return [self.visit(node) for node in nodes]
        finally:
            self._scopes.pop()

    def _each(self, nodes: list[Any]) -> list[Any]:
        return [self.visit(node) for node in nodes]

    def _signature(self, arguments: ast.arguments) -> None:
        """Defaults and annotations belong to the scope around the function."""
        arguments.defaults = self._each(arguments.defaults)
        arguments.kw_defaults = [default and self.visit(default) for default in arguments.kw_defaults]
        for parameter in _parameters(arguments):
            if parameter.annotation:
                parameter.annotation = self.visit(parameter.annotation)

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self._new(node.id)
        return node

    def visit_FunctionDef(self, node: Any) -> Any:
        bindings = _bound(node.body)
        bindings.bound.update(parameter.arg for parameter in _parameters(node.args))
        node.decorator_list = self._each(node.decorator_list)
        self._signature(node.args)
        node.returns = node.returns and self.visit(node.returns)
        node.name = self._new(node.name)
        node.body = self._within("function", bindings, node.body)
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        bindings = _bound([node.body])
        bindings.bound.update(parameter.arg for parameter in _parameters(node.args))
        self._signature(node.args)
        [node.body] = self._within("function", bindings, [node.body])
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        node.decorator_list, node.bases = self._each(node.decorator_list), self._each(node.bases)
        node.keywords = self._each(node.keywords)
        bindings = _bound(node.body)
        node.name = self._new(node.name)
        node.body = self._within("class", bindings, node.body)
        return node

    def visit_ListComp(self, node: Any) -> Any:
        """The first iterable is evaluated outside; the rest is a scope that binds the targets."""
        first, targets = node.generators[0], _bound([generator.target for generator in node.generators])
        outer = self.visit(first.iter)
        first.iter = ast.Constant(None)
        fields = ("key", "value") if isinstance(node, ast.DictComp) else ("elt",)
        parts = self._within("function", targets, [*node.generators, *(getattr(node, field) for field in fields)])
        node.generators, values = parts[: len(node.generators)], parts[len(node.generators) :]
        for field, value in zip(fields, values, strict=True):
            setattr(node, field, value)
        node.generators[0].iter = outer
        return node

    visit_SetComp = visit_GeneratorExp = visit_DictComp = visit_ListComp

    def visit_Import(self, node: ast.Import) -> ast.Import:
        """`import _a.b` binds `_a`, so it becomes `import _a.b as <new>, _a as <new>`."""
        names = []
        for alias in node.names:
            top, dot, _ = alias.name.partition(".")
            bound = alias.asname or top
            new = self._new(bound)
            names.append(alias if new == bound else ast.alias(alias.name, new))
            if new != bound and dot and not alias.asname:
                names.append(ast.alias(top, new))
        node.names = [ast.copy_location(alias, node) for alias in names]
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom:
        for alias in node.names:
            bound = alias.asname or alias.name
            if self._new(bound) != bound:
                alias.asname = self._new(bound)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> Any:
        node.name = node.name and self._new(node.name)
        return self.generic_visit(node)

    def visit_MatchAs(self, node: Any) -> Any:
        node.name = node.name and self._new(node.name)
        return self.generic_visit(node)

    visit_MatchStar = visit_MatchAs

    def visit_MatchMapping(self, node: ast.MatchMapping) -> Any:
        node.rest = node.rest and self._new(node.rest)
        return self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> ast.Global:
        node.names = [private_name(name, self._cell) for name in node.names]
        return node
