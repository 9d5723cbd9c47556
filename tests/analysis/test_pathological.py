"""Sources that are made to hurt: always an answer, in bounded time.

Python's own parser decides how long Python takes, so what is long goes through `AnalysisProcess` as in the portal;
SQL is bounded wherever it is analysed.
"""

from __future__ import annotations

import time

import pytest

from kernel.analysis import analyse
from kernel.analysis.isolated import SMALL, AnalysisProcess
from kernel.analysis.problems import MAX_SOURCE

PYTHON: dict[str, str] = {
    "f-string": "x = f'" + "{a}" * 80_000 + "'",
    "f-strings in each other": "f\"{f'" * 1000,
    "attributes": "a" + ".a" * 131_000,
    "attributes and an error": "a" + ".a" * 131_000 + ".",
    "sums": "a" + "+a" * 131_000,
    "items": "a" + "[a]" * 80_000,
    "calls": "a" + "()" * 130_000,
    "parentheses": "(" * 10_000 + ")" * 10_000,
    "open parentheses": "(" * 10_000,
    "mixed brackets": "([{" * 60 + "1" + "}])" * 60,
    "minus": "-" * 250_000 + "1",
    "not": "not " * 60_000 + "1",
    "conditions": "1 if 1 else " * 20_000 + "1",
    "lambdas": "lambda: " * 30_000 + "1",
    "ifs in each other": "\n".join(" " * depth + "if 1:" for depth in range(99)) + "\n" + " " * 99 + "pass",
    "functions in each other": "\n".join(" " * depth + f"def f{depth}():" for depth in range(90))
    + "\n"
    + " " * 90
    + "x",
    "classes in each other": "\n".join(" " * depth + "class A:" for depth in range(90)) + "\n" + " " * 90 + "x",
    "elif": "if 1: pass\n" + "elif 1: pass\n" * 19_000,
    "comprehensions": "[" * 25 + "x" + " for x in y]" * 25,
    "comprehensions within the iterable": "[x for x in " * 150 + "y" + "]" * 150,
    "targets": "a = " * 65_000 + "1",
    "statements": "x=1\n" * 65_000,
    "names": "\n".join(f"x{number}=y{number}" for number in range(17_000)),
    "reads in a class": "class A:\n" + "".join(f" x{number}=x{number}\n" for number in range(15_000)),
    "decorators": "@a\n" * 80_000 + "def f(): pass",
    "strings": "x = " + "'a' " * 60_000,
    "digits": "x = " + "9" * 200_000,
    "one name": "x" * MAX_SOURCE,
    "an open string": "x = '" + "a" * 250_000,
    "magics": "%time x\n" * 30_000,
    "magics after code": ("x = 1\n" * 3_000 + "%time x\n") * 9 + ")",
    "questions": "x?\n" * 80_000,
    "assignments to a shell": "a" * 130_000 + " " * 130_000 + "!",
    "backslashes": "\\\n" * 130_000,
    "blanks": " " * MAX_SOURCE,
    "tabs": "\n".join("\t" * depth + "if 1:" for depth in range(300)),
    "null": "x = 1\0" * 40_000,
    "surrogates": "\ud800" * 80_000,
    "too long": "x" * 2_000_000,
    "control characters": "".join(map(chr, range(1, 32))) * 3_000,
    "emoji": "x = '" + "\U0001f600" * 60_000 + "'",
}

SQL: dict[str, str] = {
    "parentheses": "select " + "(" * 4_000 + "1" + ")" * 4_000,
    "many parentheses": "select " + "(" * 100_000 + ")" * 100_000,
    "few parentheses": "select " + "(" * 25 + "1" + ")" * 25,
    "open parentheses": "select " + "(" * 300,
    "open joins": "select * from " + "(" * 60 + "a",
    "joins": "select * from " + "(" * 200 + "a" + ")" * 200,
    "subqueries": "select * from (" * 900 + "select 1" + ")" * 900,
    "sums": "select " + "a+" * 120_000 + "a",
    "short sums": "select " + "a+" * 7_000 + "a",
    "not": "select " + "not " * 4_000 + "1",
    "minus": "select " + "- " * 8_000 + "1",
    "cases": "select " + "case when a then " * 900,
    "casts": "select 1" + "::int" * 3_000,
    "functions": "select " + "f(" * 3_000 + ")" * 3_000,
    "tuples": "select " + "(a, " * 4_000,
    "arrays": "select " + "[" * 8_000,
    "structs": "select cast(a as " + "struct<a " * 1_500,
    "intervals": "select " + "interval " * 1_500,
    "unions": " union ".join(["select 1 from a"] * 900),
    "ctes": "with " + ",".join(f"a{n} as (select 1 from a{n - 1})" for n in range(450)) + " select 1 from a1",
    "statements": "select 1 from a;" * 16_000,
    "some statements": "select 1 from a;" * 1_000,
    "create": "create " * 30_000,
    "from": "from " * 50_000,
    "with": "with a as (" * 20_000,
    "commas": "from " + "a, " * 80_000,
    "dots": "from " + "a." * 120_000,
    "blanks": "from" + " " * 250_000 + "a",
    "copy": "copy a " * 35_000,
    "copied list": "copy " + "a," * 40_000 + " to" * 40_000,
    "table": "table " * 40_000,
    "tables": "table a, " * 25_000,
    "functions in each other": "from f(" * 30_000,
    "closed functions in each other": "from f(" * 20_000 + "), a" * 20_000,
    "copy to": "copy a to " * 25_000,
    "copy from": "copy " + "from " * 50_000,
    "quotes": "'" * 200_001,
    "identifiers": 'from "a' * 30_000,
    "comments": "/*" * 100_000,
    "closed comments": "/**/" * 60_000,
    "dollars": "".join(f"$a{number}$ " for number in range(30_000)),
    "braces": "{" * 200_001,
    "placeholders": "select " + "{x}," * 60_000,
    "other placeholders": " ".join(f"{{x{number}}}" for number in range(25_000)),
    "an expression": "select {" + "a+" * 100_000 + "a}",
    "a wrong expression": "select {" + "a " * 100_000 + "}",
    "an open expression": "select {" + "}" * 2 + "{(" * 80_000,
    "null": "select 1\0",
    "surrogates": "select '\ud800'",
}


@pytest.mark.parametrize("name", PYTHON)
async def test_python(name: str) -> None:
    process = AnalysisProcess()
    try:
        began = time.monotonic()
        names = await process.analyse("python", PYTHON[name])
        assert time.monotonic() - began < 6  # 2 s, and two starts
    finally:
        await process.close()
    assert names.problem is None or not names.defines | names.references


@pytest.mark.parametrize("name", PYTHON)
def test_small_python(name: str) -> None:
    """What is analysed in the portal itself: the same, cut to what counts as small."""
    source = PYTHON[name].encode("utf-8", "surrogatepass")[:SMALL].decode("utf-8", "surrogateescape")
    began = time.monotonic()
    analyse("python", source)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("dataframes", [False, True])
@pytest.mark.parametrize("name", SQL)
def test_sql(name: str, dataframes: bool) -> None:
    began = time.monotonic()
    names = analyse("sql", SQL[name], output_name="out", dataframes=dataframes)
    assert time.monotonic() - began < 2.5
    assert names.problem is not None or names.defines == {"out"}


def test_the_same_answer_wherever_it_is_asked_for() -> None:
    """How deep the caller's stack is decides nothing."""
    source = "x = a" + ".a" * 700

    def deeper(levels: int) -> object:
        return deeper(levels - 1) if levels else analyse("python", source + " " * levels)

    assert deeper(1) == deeper(300) == analyse("python", source)
