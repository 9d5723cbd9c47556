"""A cell's source, compiled: what to run, whose value is the output, and which names it may bind."""

from __future__ import annotations

import ast
import symtable
import warnings
from dataclasses import dataclass, field
from functools import lru_cache
from types import CodeType

from kernel.analysis.mutations import Mutation
from kernel.analysis.problems import Refused
from kernel.analysis.scopes import Globals, global_names
from kernel.process.imports import Imported, imported_names, only_imports
from kernel.process.private import make_private, private_name, restore_names

KEPT = 2000
"""Programs that are kept, of texts of up to `SMALL` characters."""
SMALL = 8192


@dataclass(frozen=True, slots=True)
class Program:
    """`body` runs first; `value`, the last expression, is the cell's output (None: there is none to show).

    `names` are the global names that the code may bind, from within functions too, as they are called in the
    namespace; `imports` those of them that an import statement binds, and `sources` says from where.
    `reads` and `mutated` are names as the user wrote them; `only_imports`: the code computes nothing of its own.
    """

    body: CodeType | None
    value: CodeType | None
    names: frozenset[str]
    imports: frozenset[str]
    sources: dict[str, Imported] = field(default_factory=dict)
    reads: frozenset[str] = frozenset()
    mutated: tuple[Mutation, ...] = ()
    only_imports: bool = False


def compile_cell(source: str, filename: str, cell: str) -> Program:
    """Raises SyntaxError (or ValueError, MemoryError, RecursionError for sources that Python itself refuses).

    In a cascade most cells run again with the text that they had, so the last programs are kept, with the warnings of
    the compiler, which are said each time.
    """
    program, said = (_kept if len(source) <= SMALL else _compiled)(source, filename, cell)
    for warning in said:
        warnings.warn_explicit(warning.message, warning.category, filename, warning.lineno)
    return program


def _compiled(source: str, filename: str, cell: str) -> tuple[Program, list[warnings.WarningMessage]]:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        program = _program(source, filename, cell)
    return program, said


_kept = lru_cache(maxsize=KEPT)(_compiled)


def _program(source: str, filename: str, cell: str) -> Program:
    names, imports = _bindings(source, filename, cell)
    tree = ast.parse(source, filename)
    found = _globals(tree)
    sources = {private_name(name, cell): each for name, each in imported_names(tree).items()}
    computes_nothing = only_imports(tree)
    shown = _shown(tree, source)
    private = make_private(tree, source, cell)
    last = tree.body.pop() if shown else None
    body = _compile(tree, filename, private) if tree.body else None
    value = _compile(ast.Expression(last.value), filename, private) if isinstance(last, ast.Expr) else None
    return Program(body, value, names, imports, sources, frozenset(found.read), tuple(found.mutated), computes_nothing)


def _globals(tree: ast.Module) -> Globals:
    """What the analysis finds; nothing in a tree that it refuses and Python does not."""
    try:
        return global_names(tree)
    except Refused:
        return Globals()


def _compile(tree: ast.Module | ast.Expression, filename: str, private: bool) -> CodeType:
    mode = "exec" if isinstance(tree, ast.Module) else "eval"
    code: CodeType = compile(tree, filename, mode, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    return restore_names(code) if private else code


def _shown(tree: ast.Module, source: str) -> bool:
    """Whether the last statement is an expression that no semicolon follows."""
    if not tree.body or not isinstance(last := tree.body[-1], ast.Expr):
        return False
    line, column = last.end_lineno or 0, last.end_col_offset or 0
    rest = source.split("\n")[line - 1].encode("utf-8", "surrogatepass")[column:]
    return not rest.lstrip().startswith(b";")


def _bindings(source: str, filename: str, cell: str) -> tuple[frozenset[str], frozenset[str]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # compiling says the same again, once
        table = symtable.symtable(source, filename, "exec")
    assigned: set[str] = set()
    imported: set[str] = set()
    pending = [table]
    while pending:
        scope = pending.pop()
        for symbol in scope.get_symbols():
            if scope is table or symbol.is_declared_global():
                if symbol.is_imported():
                    imported.add(private_name(symbol.get_name(), cell))
                elif symbol.is_assigned():
                    assigned.add(private_name(symbol.get_name(), cell))
        pending.extend(scope.get_children())
    return frozenset(assigned | imported), frozenset(imported)
