"""Which global names a syntax tree binds, deletes and reads, by CPython's scoping rules.

`symtable` would be the one to ask, but since Python 3.12 it shows the variables of comprehensions as if the scope
around them had bound them, and it never tells what binds a name, nor whether a class body reads a global name before
it binds its own. So names are resolved here, and the tests compare the answers with `symtable` where it is exact.
Nothing here recurses: the depth of the code is not the depth of our stack.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from .bodies import early_reads
from .mutations import Mutation, mutations
from .problems import too_deep
from .walking import (
    COMPREHENSIONS,
    FUNCTIONS,
    TYPE_ALIAS,
    Manner,
    annotations_of,
    arguments_of,
    bindings,
    parameters_of,
    walk,
)

Kind = Literal["module", "function", "class", "comprehension", "parameters"]
MAX_COMPREHENSIONS = 20  # nested in each other: CPython's own limit for blocks that it compiles into one function


@dataclass(slots=True)
class Globals:
    """What a module does with its global names. `deleted` maps to the first place that does.

    `mutated` are the objects that it changes in place, in the order of the text and of the scopes.
    """

    bound: set[str] = field(default_factory=set)
    passing: set[str] = field(default_factory=set)
    read: set[str] = field(default_factory=set)
    deleted: dict[str, ast.AST] = field(default_factory=dict)
    mutated: list[Mutation] = field(default_factory=list)


@dataclass(slots=True)
class _Scope:
    kind: Kind
    nodes: list[ast.AST]
    parent: _Scope | None = None
    owner: str = ""  # the class whose name mangles `__x`
    nested: int = 0  # comprehensions around
    bound: set[str] = field(default_factory=set)
    declared_global: set[str] = field(default_factory=set)
    declared_nonlocal: set[str] = field(default_factory=set)
    touched: list[tuple[str, Manner, ast.AST]] = field(default_factory=list)
    read: set[str] = field(default_factory=set)
    mutated: list[Mutation] = field(default_factory=list)
    early: set[str] = field(default_factory=set)  # read by a class body that may not have bound them yet

    def name(self, name: str) -> str:
        """`__x` in a class is `_Class__x`."""
        owner = self.owner.lstrip("_")
        mangled = owner and name.startswith("__") and not name.endswith("__") and "." not in name
        return f"_{owner}{name}" if mangled else name

    def is_global(self, name: str) -> bool:
        """Whether a name that is used here is the module's."""
        if name in self.early and name in self.bound and name not in self.declared_nonlocal:
            return True  # a class body looks for what it binds itself in the module, past any function around it
        scope: _Scope | None = self
        while scope is not None and scope.kind != "module":
            if scope.kind == "class" and scope is not self and name == "__class__":
                return False
            if scope is self or scope.kind != "class" or self._sees_class(scope):
                if name in scope.declared_global:
                    return True
                if name in scope.bound and name not in scope.declared_nonlocal:
                    return False
            scope = scope.parent
        return True

    def _sees_class(self, scope: _Scope) -> bool:
        """Type parameters see the class around them; functions do not."""
        return self.kind == "parameters" and self.parent is scope


def global_names(tree: ast.Module) -> Globals:
    """Raises Refused (`too_deep`)."""
    scopes = [_Scope("module", list(tree.body))]
    for scope in scopes:  # grows meanwhile: parents come before what is nested in them
        _collect(scope, scopes)
    found = Globals()
    for scope in scopes:
        for name, manner, node in scope.touched:
            if scope.kind == "module" or name in scope.declared_global:
                _record(found, name, manner, node)
        found.read.update(name for name in scope.read if scope.is_global(name))
        found.mutated += [each for each in scope.mutated if scope.is_global(scope.name(each.name))]
    return found


def _record(found: Globals, name: str, manner: Manner, node: ast.AST) -> None:
    if manner == "bind":
        found.bound.add(name)
    elif manner == "passing":
        found.passing.add(name)
    elif manner == "delete":
        found.deleted.setdefault(name, node)


# One scope --------------------------------------------------------------------------------------------------------


def _collect(scope: _Scope, scopes: list[_Scope]) -> None:
    """Read the names of one scope, and append the scopes that are nested in it."""
    for node in walk(scope.nodes):
        scope.mutated += mutations(node)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            scope.read.add(scope.name(node.id))
        elif isinstance(node, ast.Global):
            scope.declared_global.update(map(scope.name, node.names))
        elif isinstance(node, ast.Nonlocal):
            scope.declared_nonlocal.update(map(scope.name, node.names))
        elif isinstance(node, ast.NamedExpr):
            _touch(_around_comprehensions(scope), node.target.id, "bind", node)
        elif isinstance(node, ast.arg):
            scope.bound.add(scope.name(node.arg))
        else:
            for name, manner in bindings(node):
                _touch(scope, name, manner, node)
            scopes.extend(_nested(scope, node))
    if scope.kind == "class":
        scope.early = {scope.name(name) for name in early_reads(scope.nodes)}
        scope.read -= {name for name, manner, _ in scope.touched if manner == "bind"}
        scope.read |= scope.early


def _touch(scope: _Scope, name: str, manner: Manner, node: ast.AST) -> None:
    name = scope.name(name)
    scope.touched.append((name, manner, node))
    if manner != "declare" or scope.kind != "class":
        scope.bound.add(name)


def _around_comprehensions(scope: _Scope) -> _Scope:
    while scope.kind == "comprehension" and scope.parent is not None:
        scope = scope.parent
    return scope


def _nested(scope: _Scope, node: ast.AST) -> Iterator[_Scope]:
    """The scopes that a node opens."""
    outer = scope
    if parameters := parameters_of(node):
        bounds = [child for each in parameters for child in ast.iter_child_nodes(each)]
        outer = _Scope("parameters", bounds, scope, scope.owner, scope.nested)
        outer.bound.update(each.name for each in parameters)
        if isinstance(node, FUNCTIONS):
            outer.nodes += annotations_of(node)
        elif isinstance(node, ast.ClassDef):
            outer.nodes += [*node.bases, *node.keywords]
        yield outer
    if isinstance(node, FUNCTIONS):
        yield _Scope("function", [*arguments_of(node.args), *node.body], outer, scope.owner, scope.nested)
    elif isinstance(node, ast.Lambda):
        yield _Scope("function", [*arguments_of(node.args), node.body], outer, scope.owner, scope.nested)
    elif isinstance(node, ast.ClassDef):
        yield _Scope("class", list(node.body), outer, node.name, scope.nested)
    elif isinstance(node, COMPREHENSIONS):
        yield _comprehension(scope, node)
    elif TYPE_ALIAS and isinstance(node, TYPE_ALIAS):
        yield _Scope("parameters", [node.value], outer, scope.owner, scope.nested)  # type: ignore[attr-defined]


def _comprehension(scope: _Scope, node: Any) -> _Scope:
    if scope.nested >= MAX_COMPREHENSIONS:
        raise too_deep()
    first, *others = node.generators
    values = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    nodes = [first.target, *first.ifs, *others, *values]
    return _Scope("comprehension", nodes, scope, scope.owner, scope.nested + 1)
