"""`split`: where placeholders are, and where braces are only text."""

from __future__ import annotations

import time

import pytest

from kernel.analysis.sql import Template, TemplateError, split

# source | statement | expressions
CASES: list[tuple[str, str, tuple[str, ...]]] = [
    ("", "", ()),
    ("select 1", "select 1", ()),
    ("select {x}", "select $1", ("x",)),
    ("{x}", "$1", ("x",)),
    ("select {x}, {y}", "select $1, $2", ("x", "y")),
    ("select {x}, {y}, {x}", "select $1, $2, $1", ("x", "y")),
    ("select { x }, {x}", "select $1, $1", ("x",)),
    ("select {\n x\n}", "select $1", ("x",)),
    ("select {x}{y}", "select $1$2", ("x", "y")),
    ("select {a.b(c)[0]}", "select $1", ("a.b(c)[0]",)),
    ("select {a[1:2]}", "select $1", ("a[1:2]",)),
    ("select {lambda: 1}", "select $1", ("lambda: 1",)),
    ("select { {1: 2}[x] }", "select $1", ("{1: 2}[x]",)),
    ("select { {1, 2} }", "select $1", ("{1, 2}",)),
    ("select { {k: v for k, v in d.items()} }", "select $1", ("{k: v for k, v in d.items()}",)),
    ("select {d['}']}", "select $1", ("d['}']",)),
    ('select {d["}"]}', "select $1", ('d["}"]',)),
    ("select {d['{']}", "select $1", ("d['{']",)),
    ("select {d['\\'}']}", "select $1", ("d['\\'}']",)),
    ('select {"""a}"b"""}', "select $1", ('"""a}"b"""',)),
    ("select {'''a}'b'''}", "select $1", ("'''a}'b'''",)),
    ("select {f'{x}'}", "select $1", ("f'{x}'",)),
    ("select {f'{x:>{n}}'}", "select $1", ("f'{x:>{n}}'",)),
    ("select {[i for i in (1, 2)]}", "select $1", ("[i for i in (1, 2)]",)),
    ("select {a, b}", "select $1", ("a, b",)),
    ("select {a\n + b}", "select $1", ("a\n + b",)),
    ("select {a  # }\n}", "select $1", ("a  # }",)),
    ("select {x if y else z}", "select $1", ("x if y else z",)),
    ("select {await f()}", "select $1", ("await f()",)),
    ("select {é}", "select $1", ("é",)),
    # literal braces
    ("select {{x}}", "select {x}", ()),
    ("select {{{x}}}", "select {$1}", ("x",)),
    ("select {{}}", "select {}", ()),
    ("select {{'a': {x}}}", "select {'a': $1}", ("x",)),
    ("select }", "select }", ()),
    ("select }}", "select }", ()),
    ("select {x} }", "select $1 }", ("x",)),
    # text
    ("select '{x}'", "select '{x}'", ()),
    ("select '{{x}}'", "select '{{x}}'", ()),
    ("select 'it''s {x}', {y}", "select 'it''s {x}', $1", ("y",)),
    ("select '\\', {x}", "select '\\', $1", ("x",)),
    ("select e'\\'{x}', {y}", "select e'\\'{x}', $1", ("y",)),
    ("select E'\\\\', {y}", "select E'\\\\', $1", ("y",)),
    ("select E'a''{x}', {y}", "select E'a''{x}', $1", ("y",)),
    ("select date'\\', {y}", "select date'\\', $1", ("y",)),
    ("select U&'{x}', b'{x}', {y}", "select U&'{x}', b'{x}', $1", ("y",)),
    ('select "{x}", {y}', 'select "{x}", $1', ("y",)),
    ('select "a""{x}", {y}', 'select "a""{x}", $1', ("y",)),
    ("select {x} -- {y}", "select $1 -- {y}", ("x",)),
    ("select -- {y}\n{x}", "select -- {y}\n$1", ("x",)),
    ("select -- it's\n{x}", "select -- it's\n$1", ("x",)),
    ("select /* {y} */ {x}", "select /* {y} */ $1", ("x",)),
    ("select /* /* {y} */ {z} */ {x}", "select /* /* {y} */ {z} */ $1", ("x",)),
    ("select /* it's */ {x}", "select /* it's */ $1", ("x",)),
    ("select /* {x}", "select /* {x}", ()),
    ("select '/*', {x}, '*/'", "select '/*', $1, '*/'", ("x",)),
    ("select '--', {x}", "select '--', $1", ("x",)),
    ("select $${x}$$, {y}", "select $${x}$$, $1", ("y",)),
    ("select $a${x} $$ $b$ $a$, {y}", "select $a${x} $$ $b$ $a$, $1", ("y",)),
    ("select $a${x}", "select $a${x}", ()),
    ("select a$b${x}", "select a$b$$1", ("x",)),
    ("select $1, {x}", "select $1, $1", ("x",)),
    ("select '{x}", "select '{x}", ()),
    ('select "{x}', 'select "{x}', ()),
    ("select a->>'k', {x}", "select a->>'k', $1", ("x",)),
    ("select a - -1 / {x}", "select a - -1 / $1", ("x",)),
]

# source | line | column | part of the message
REFUSED: list[tuple[str, int, int, str]] = [
    ("select {", 1, 7, "not closed"),
    ("select {x", 1, 7, "not closed"),
    ("select\n  {x", 2, 2, "not closed"),
    ("select {d['}", 1, 7, "not closed"),
    ("select {x # }", 1, 7, "not closed"),
    ("select {x where a = 'b}'", 1, 7, "not closed"),
    ("select {r'\\'}", 1, 7, "not closed"),
    ("select {x, {y}", 1, 7, "not closed"),
    ("select {}", 1, 7, "nothing"),
    ("select { \n }", 1, 7, "nothing"),
    ("select {a b}", 1, 7, "`a b` is no Python expression"),
    ("select {'a': 1}", 1, 7, "no Python expression"),
    ("select {x:>10}", 1, 7, "no Python expression"),
    ("select {x!r}", 1, 7, "no Python expression"),
    ("select {x=}", 1, 7, "no Python expression"),
    ("select {x = 1}", 1, 7, "no Python expression"),
    ("select {a) + (b}", 1, 7, "`a` is no Python expression"),
    ("select {(a]}", 1, 7, "no Python expression"),
    ("select {*a}", 1, 7, "no Python expression"),
    ("select {import a}", 1, 7, "no Python expression"),
    ("select {# a\n}", 1, 7, "no Python expression"),
    ("select {a\0}", 1, 7, "no Python expression"),
    ("select {'\ud800'}", 1, 7, "no Python expression"),
    ("select é, '{', {", 1, 15, "not closed"),
]


@pytest.mark.parametrize(("source", "statement", "expressions"), CASES)
def test_split(source: str, statement: str, expressions: tuple[str, ...]) -> None:
    assert split(source) == Template(statement, expressions)


@pytest.mark.parametrize(("source", "line", "column", "message"), REFUSED)
def test_refused(source: str, line: int, column: int, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        split(source)
    problem = caught.value.problem
    assert (problem.code, problem.line, problem.column) == ("template", line, column)
    assert message in problem.message


@pytest.mark.parametrize(
    "source",
    [
        "'" * 200_001,
        "e'" * 100_001,
        '"' * 200_001,
        "$a" * 100_001,
        "$" * 200_001,
        "".join(f"$a{number}$ " for number in range(30_000)),
        "/*" * 100_001,
        "--" * 100_000,
        "{" * 200_001,
        "}" * 200_001,
        "{x" + " }" * 100_000,
        "{1+" * 80_000,
        "{'" + "}" * 200_000,
        "{" + "(" * 200_000,
        "{" + "not " * 500 + "}" * 200,
        "{'''" + "''\\" * 60_000,
        "{" + '"\\' * 100_000,
    ],
    ids=lambda source: source[:8],
)
def test_takes_little_time(source: str) -> None:
    began = time.perf_counter()
    try:
        split(source)
    except TemplateError:
        pass
    assert time.perf_counter() - began < 2
