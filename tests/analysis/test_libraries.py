"""The standard library and pandas, each file a cell: no crash, and what `symtable` says is bound is what is defined.

Everything takes a minute and a half on one core: without CASCADE_FUZZ_ALL=1 every twelfth file is read.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import random
import symtable
import sys
import sysconfig
import tokenize
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kernel.analysis import analyse
from kernel.analysis.python import is_private

LARGEST = 256 * 1024
SHARE = 12
SEED = 11
EVERYTHING = os.environ.get("CASCADE_FUZZ_ALL") == "1"


def _root(library: str) -> Path:
    if library == "stdlib":
        return Path(sysconfig.get_path("stdlib"))
    found = importlib.util.find_spec(library)
    if found is None or found.origin is None:
        pytest.skip(f"there is no {library} here")
    return Path(found.origin).parent


def _files(root: Path) -> list[Path]:
    files = sorted(path for path in root.rglob("*.py") if "site-packages" not in path.relative_to(root).parts)
    if EVERYTHING:
        return files
    random.Random(SEED).shuffle(files)
    return files[: len(files) // SHARE]


# What symtable says -------------------------------------------------------------------------------------------------


class _Unbind(ast.NodeTransformer):
    """Takes away what binds no name for good: `except E as x`, `from __future__ import x`, `x: A` alone, `del x`.

    Not in functions and classes, where the same makes a name theirs.
    """

    def visit_FunctionDef(self, node: Any) -> Any:
        return node

    visit_AsyncFunctionDef = visit_ClassDef = visit_Lambda = visit_FunctionDef

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> Any:
        node.name = None
        return self.generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        return ast.Pass() if node.module == "__future__" else node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        return node if node.value else ast.Expr(node.annotation)

    def visit_Delete(self, node: ast.Delete) -> Any:
        return ast.Pass()


def _tables(source: str) -> list[symtable.SymbolTable]:
    found = [symtable.symtable(source, "<cell>", "exec")]
    for table in found:
        found.extend(table.get_children())
    return found


def _bound(tree: ast.Module) -> tuple[set[str], set[str]]:
    """Public names that the module binds; and those of them that, since 3.12, may be a comprehension's alone."""
    tables = _tables(ast.unparse(_Unbind().visit(tree)))
    bound: set[str] = set()
    for table in tables:
        for symbol in table.get_symbols():
            if (table is tables[0] or symbol.is_declared_global()) and (symbol.is_assigned() or symbol.is_imported()):
                bound.add(symbol.get_name())
    uncertain: set[str] = set()
    if sys.version_info >= (3, 12):
        comprehensions = [each for each in ast.walk(tree) if isinstance(each, ast.comprehension)]
        targets = [each for one in comprehensions for each in ast.walk(one.target)]
        uncertain = {each.id for each in targets if isinstance(each, ast.Name)}
    return {name for name in bound if not is_private(name)}, uncertain


def _compare(source: str) -> tuple[str, set[str]]:
    """What the analysis says (`ok` or the problem's code), and where it and symtable disagree."""
    names = analyse("python", source)
    try:
        tree = ast.parse(source)
        compile(source, "<cell>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return "syntax", set() if names.problem is not None else {"<valid>"}
    imports = [each for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)]
    if any(alias.name == "*" for each in imports for alias in each.names):
        return "star_import", set() if names.problem and names.problem.code == "star_import" else {"*"}
    if names.problem is not None:
        return names.problem.code, {"<problem>"}
    assert not names.defines & names.references
    assert not any(map(is_private, names.defines | names.references))
    bound, uncertain = _bound(tree)
    return "ok", (names.defines ^ bound) - (uncertain - names.defines)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.mark.parametrize("library", ["stdlib", "pandas"])
def test_a_library_as_cells(library: str) -> None:
    counts: Counter[str] = Counter()
    wrong = []
    for path in _files(_root(library)):
        if path.stat().st_size > LARGEST:
            counts["large"] += 1
            continue
        try:
            with tokenize.open(path) as file:
                source = file.read()
        except (SyntaxError, UnicodeDecodeError):
            counts["encoding"] += 1
            continue
        verdict, differing = _compare(source)
        counts[verdict] += 1
        if differing:
            wrong.append((str(path), verdict, differing))
    print(library, dict(counts))
    assert wrong == []
    assert counts["ok"] > 80
    assert counts["large"] < 10


# Every form of syntax -----------------------------------------------------------------------------------------------

# source | defines | references
SYNTAX: list[tuple[str, str, str]] = [
    # 3.11
    ("try: a\nexcept* E as x: b\nelse: c = 1\nfinally: d = 1", "c d", "E a b"),
    ("try: pass\nexcept* (E, F): x = 1", "x", "E F"),
    ("def f(*args: *Ts) -> R: pass", "f", "R Ts"),
    ("x = a[*b]", "x", "a b"),
    ("x = a[*b, c:d]", "x", "a b c d"),
    ("a[*b] = c", "", "a b c"),
    ("async def f(): return [[x async for x in a] for y in b]", "f", "a b"),
    # 3.8 to 3.10
    ("def f(a, /, b=c, *, d=e): pass", "f", "c e"),
    ("x = lambda a, /, b=c, *d, e=f, **g: (a, b, d, e, g, h)", "x", "c f h"),
    ("x = f'{a!r:>{b}}{c=}'", "x", "a b c"),
    ("x = f'{(y := a)}'", "x y", "a"),
    ("x = [y := a, y ** 2]", "x y", "a"),
    ("a[x := b]", "x", "a b"),
    ("a[b:(x := c)]", "x", "a b c"),
    ("{x := a, b}", "x", "a b"),
    ("with (a as x, b as (y, *z)): pass", "x y z", "a b"),
    ("@a[b].c(lambda x: x)\ndef f(): pass", "f", "a b"),
    ("@(x := a)\nclass C: pass", "C x", "a"),
    ("def f():\n return *a, *b", "f", "a b"),
    ("for x in *a, *b: pass", "x", "a b"),
    ("match a:\n case [b.c, *_] | {'k': b.c}: pass", "", "a b"),
    ("match a:\n case C(x, k=[y, *z]) as w if d: pass", "w x y z", "C a d"),
    ("match a, *b:\n case {1: x, -1j: y, **z}: pass", "x y z", "a b"),
    ("match a:\n case 'x' | None | -1 + 2j: pass\n case x: pass", "x", "a"),
    ("match = case = type = _ = soft", "case match type", "soft"),
    ("print(*a, sep=b, **c)", "", "a b c print"),
    ("x: A[B] = (yes := C)", "x yes", "A B C"),
    # Names
    ("class C:\n __x = __y\n def f(self): return __z", "C", ""),
    ("class __C:\n __x = 1\n def f(self): return __x", "__C", ""),
    ("ﬁn = ﬂow", "fin", "flow"),
    ("def f():\n global x\n def g():\n  global y\n  y = x\n x = 1", "f x y", ""),
    ("def f():\n x = 1\n class C:\n  nonlocal x\n  x = y\n  z = x", "f", "y"),
    ("def f():\n class C:\n  global x\n  import x", "f x", ""),
    ("class C:\n x = [y for z in z for y in x]", "C", "x z"),
    ("class C(a[0 if b else c].d): pass", "C", "a b c"),
    ("async def f():\n async with a as x, b: pass\n async for y in c: yield y\n await d", "f", "a b c d"),
    ("x = await y", "x", "y"),
    ("async for x in y: pass", "x", "y"),
    ("async with y as x: pass", "x", "y"),
    ("x = [a async for a in b if await c]", "x", "b c"),
]
SYNTAX_312: list[tuple[str, str, str]] = [
    ("type X = A", "X", "A"),
    ("type X[T] = dict[T, A]", "X", "A dict"),
    ("type X = list[X] | A", "X", "A list"),
    ("type X[T: A, *Ts, **P] = [T, *Ts, P, B]", "X", "A B"),
    ("def f[T](a: T, b: A = c) -> T: return T, d", "f", "A c d"),
    ("def f[T: (A, B)](a: T): pass", "f", "A B"),
    ("@a\ndef f[T](): pass", "f", "a"),
    ("async def f[**P](a: P.args): await b", "f", "b"),
    ("class C[T](A[T], metaclass=M): x: T = b", "C", "A M b"),
    ("class C[T]:\n def f[U](self, a: T) -> U: return x", "C", "x"),
    ("class C:\n T = A\n type X = T\n def f[U: T](self): return T", "C", "A T"),
    ("class C:\n type X = Y\n Y = int", "C", "int"),  # the value is evaluated later
    ("def f():\n type X = A\n return X", "f", "A"),
    ("x = f'{a['b']}{f'{c!r:{d}}'}{'\\n'.join(e)}'", "x", "a c d e"),
    ("class C[__T]: x: __T", "C", ""),
    ("type _X = A; y = _X", "y", "A"),
]
SYNTAX_313: list[tuple[str, str, str]] = [
    ("def f[T = A](a: T): pass", "f", "A"),
    ("class C[T: A = B, *Ts = *D, **P = [E]]: pass", "C", "A B D E"),
    ("type X[T = A] = T", "X", "A"),
]
if sys.version_info >= (3, 12):
    SYNTAX += SYNTAX_312
if sys.version_info >= (3, 13):
    SYNTAX += SYNTAX_313


@pytest.mark.parametrize(("source", "defines", "references"), SYNTAX)
def test_every_form_of_syntax(source: str, defines: str, references: str) -> None:
    names = analyse("python", source)
    assert names.problem is None
    assert (names.defines, names.references) == (frozenset(defines.split()), frozenset(references.split()))


@pytest.mark.parametrize("source", [source for source, _, _ in (*SYNTAX_312, *SYNTAX_313)])
def test_newer_syntax_is_a_problem_or_understood(source: str) -> None:
    names = analyse("python", source)
    assert names.problem is None or (names.problem.code == "syntax" and sys.version_info < (3, 13))
