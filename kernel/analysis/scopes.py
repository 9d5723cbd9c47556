"""Which global names a syntax tree binds, deletes and reads, by CPython's scoping rules.

`symtable` would be the one to ask, but since Python 3.12 it shows the variables of comprehensions as if the scope
around them had bound them, and it never tells what binds a name, nor whether a class body reads a global name before
it binds its own. So names are resolved here, and the tests compare the answers with `symtable` where it is exact.
Nothing here recurses: the depth of the code is not the depth of our stack.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from .problems import too_deep

Kind = Literal["module", "function", "class", "comprehension", "parameters"]
Manner = Literal["bind", "declare", "delete", "passing"]
"""How a statement touches a name: `declare` is `x: A` alone; `passing` are names that their own statement binds for
itself, `except E as x` and `from __future__ import x`."""

MAX_COMPREHENSIONS = 20  # nested in each other: CPython's own limit for blocks that it compiles into one function

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_TYPE_ALIAS: type[ast.AST] | tuple[()] = getattr(ast, "TypeAlias", ())  # since Python 3.12
_BLOCKS = ("body", "orelse", "handlers", "finalbody", "cases")


@dataclass(slots=True)
class Globals:
    """What a module does with its global names. `deleted` maps to the first place that does."""

    bound: set[str] = field(default_factory=set)
    passing: set[str] = field(default_factory=set)
    read: set[str] = field(default_factory=set)
    deleted: dict[str, ast.AST] = field(default_factory=dict)


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
    for node in _walk(scope.nodes):
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
        scope.early = {scope.name(name) for name in _early_reads(scope.nodes)}
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


# Walking ----------------------------------------------------------------------------------------------------------


def _walk(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """The nodes that are evaluated in the same scope; of nested scopes their head and what is evaluated outside."""
    pending = list(nodes)[::-1]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(_here(node)))


def _here(node: ast.AST) -> list[Any]:
    """The children of a node that belong to the node's own scope."""
    if isinstance(node, _FUNCTIONS):
        annotations = [] if _parameters_of(node) else _annotations(node)
        return [*node.decorator_list, *_defaults(node.args), *annotations]
    if isinstance(node, ast.Lambda):
        return _defaults(node.args)
    if isinstance(node, ast.ClassDef):
        return [*node.decorator_list, *([] if _parameters_of(node) else [*node.bases, *node.keywords])]
    if isinstance(node, _COMPREHENSIONS):
        return [node.generators[0].iter]
    if isinstance(node, ast.NamedExpr):
        return [node.value]
    if isinstance(node, ast.AnnAssign) and node.value is None and isinstance(node.target, ast.Name):
        return [node.annotation]
    if _TYPE_ALIAS and isinstance(node, _TYPE_ALIAS):
        return [node.name]  # type: ignore[attr-defined]
    if isinstance(node, ast.arg):
        return []
    return list(ast.iter_child_nodes(node))


def _nested(scope: _Scope, node: ast.AST) -> Iterator[_Scope]:
    """The scopes that a node opens."""
    outer = scope
    if parameters := _parameters_of(node):
        bounds = [child for each in parameters for child in ast.iter_child_nodes(each)]
        outer = _Scope("parameters", bounds, scope, scope.owner, scope.nested)
        outer.bound.update(each.name for each in parameters)
        if isinstance(node, _FUNCTIONS):
            outer.nodes += _annotations(node)
        elif isinstance(node, ast.ClassDef):
            outer.nodes += [*node.bases, *node.keywords]
        yield outer
    if isinstance(node, _FUNCTIONS):
        yield _Scope("function", [*_arguments(node.args), *node.body], outer, scope.owner, scope.nested)
    elif isinstance(node, ast.Lambda):
        yield _Scope("function", [*_arguments(node.args), node.body], outer, scope.owner, scope.nested)
    elif isinstance(node, ast.ClassDef):
        yield _Scope("class", list(node.body), outer, node.name, scope.nested)
    elif isinstance(node, _COMPREHENSIONS):
        yield _comprehension(scope, node)
    elif _TYPE_ALIAS and isinstance(node, _TYPE_ALIAS):
        yield _Scope("parameters", [node.value], outer, scope.owner, scope.nested)  # type: ignore[attr-defined]


def _comprehension(scope: _Scope, node: Any) -> _Scope:
    if scope.nested >= MAX_COMPREHENSIONS:
        raise too_deep()
    first, *others = node.generators
    values = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    nodes = [first.target, *first.ifs, *others, *values]
    return _Scope("comprehension", nodes, scope, scope.owner, scope.nested + 1)


def _parameters_of(node: ast.AST) -> list[Any]:
    """Type parameters, `def f[T](...)`: since Python 3.12."""
    return getattr(node, "type_params", None) or []


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    extra = [each for each in (arguments.vararg, arguments.kwarg) if each]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *extra]


def _defaults(arguments: ast.arguments) -> list[ast.expr]:
    return [*arguments.defaults, *(each for each in arguments.kw_defaults if each is not None)]


def _annotations(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr]:
    found = [each.annotation for each in _arguments(node.args)]
    return [each for each in [*found, node.returns] if each is not None]


# Class bodies -----------------------------------------------------------------------------------------------------


def _early_reads(body: list[ast.AST]) -> set[str]:
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
    if isinstance(statement, (*_FUNCTIONS, ast.ClassDef)):
        return [statement], []
    blocks = [block for name in _BLOCKS if isinstance(block := getattr(statement, name, None), list)]
    if not blocks:
        return [statement], []
    inside = {id(each) for block in blocks for each in block}
    return [child for child in ast.iter_child_nodes(statement) if id(child) not in inside], blocks


def _bound_by(nodes: list[Any]) -> Iterator[str]:
    for node in _walk(nodes):
        if isinstance(node, ast.NamedExpr):
            yield node.target.id
        yield from (name for name, manner in bindings(node) if manner in ("bind", "passing"))


def _read_by(nodes: list[ast.AST]) -> set[str]:
    found = set()
    for node in _walk(nodes):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return found
