"""Class bodies, in the order in which they run: what they read before they have bound it is the module's."""

from __future__ import annotations

import pytest

from kernel.analysis import analyse

# body | references
BODIES: list[tuple[str, str]] = [
    ("x = x", "x"),
    ("x = 1; y = x", ""),
    ("x += 1", "x"),
    ("x: A = x", "A x"),
    ("import x; y = x", ""),
    ("a[x], x = 1, 2", "a x"),
    ("x, a[x] = 1, 2", "a"),
    # loops
    ("for x in (x, 8): pass", "x"),
    ("for x in a: y = x\n else: z = 1", "a"),
    ("for x in a: y = x\n for x in b: z = x", "a b"),
    ("for x in a: pass\n y = x", "a"),
    ("while (x := a): y = x", "a"),
    # walrus
    ("y = (x := 1) + x", ""),
    ("y = x + (x := 1)", "x"),
    ("if x and (x := 1): pass", "x"),
    ("if (x := 1) and x: pass", ""),
    # with, try, match
    ("with a as x, x as y: z = y", "a"),
    ("with x as x: pass", "x"),
    ("with a: x = 1\n y = x", "a"),
    ("try: pass\n except E as e: y = e", "E"),
    ("e = 1\n try: pass\n except E as e: pass\n y = e", "E e"),
    ("try: pass\n except e as e: pass", "e"),
    ("match a:\n  case [x, y] if x: z = y", "a"),
    ("match a:\n  case x.y as x: pass", "a x"),
    ("match a:\n  case C(x) | [x]: y = x\n  case _: z = x", "C a x"),
    # del
    ("x = 1\n del x\n y = x", "x"),
    ("x = 1\n if a: del x\n y = x", "a x"),
    # functions in it
    ("@x\n def x(self): pass", "x"),
    ("x = 1\n @x\n def x(self): pass", ""),
    ("def x(self, y=x): pass", "x"),
    ("x = 1\n def y(self): return x", "x"),
    ("x = 1\n y = [x for _ in x]", "x"),
    ("x = 1\n y = [a for a in x]", ""),
    ("x = 1\n y = lambda a=x: a", ""),
    ("x = 1\n y = lambda: x", "x"),
]


@pytest.mark.parametrize(("body", "references"), BODIES)
def test_a_class_body(body: str, references: str) -> None:
    names = analyse("python", f"class Class:\n {body}")
    assert names.problem is None
    assert names.references == frozenset(references.split())
    assert names.defines == {"Class"}
