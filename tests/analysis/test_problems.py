"""What is wrong with a Python cell, and where."""

from __future__ import annotations

import pytest

from kernel.analysis import analyse

# source | code | line | column | part of the message
CASES: list[tuple[str, str, int | None, int | None, str]] = [
    ("x = (", "syntax", 1, 4, "never closed"),
    ("x = 1\n  y = 2", "syntax", 2, None, "unexpected indent"),
    ("if x:\npass", "syntax", 2, 0, "expected an indented block"),
    ("x = = 1", "syntax", 1, 4, "invalid syntax"),
    ("é = = 1", "syntax", 1, 4, "invalid syntax"),
    ("return 1", "syntax", 1, 0, "outside function"),
    ("x = 1\nyield x", "syntax", 2, 0, "outside function"),
    ("break", "syntax", 1, 0, "outside loop"),
    ("é = 1; return 1", "syntax", 1, 7, "outside function"),
    ("nonlocal x", "syntax", 1, 0, "nonlocal"),
    ("x = 1\nglobal x", "syntax", 2, 0, "before global declaration"),
    ("def f(a, a): pass", "syntax", 1, None, "duplicate argument"),
    ("f(a=1, a=2)", "syntax", 1, None, "repeated"),
    ("def f():\n from m import *", "star_import", 2, 1, "import *"),
    ("'\\N{no such}'", "syntax", 1, None, "unicode"),
    ("x = 08", "syntax", 1, None, "leading zeros"),
    ("x = '", "syntax", 1, 4, "unterminated"),
    ("\ufeffx = 1", "syntax", 1, None, "non-printable"),
    ("def f(): await x", "syntax", 1, None, "await"),
    ("from __future__ import nothing", "syntax", 1, None, "nothing"),
    # Star imports
    ("from m import *", "star_import", 1, 0, "`import m`"),
    ("x = 1\nfrom a.b import *", "star_import", 2, 0, "`from a.b import *`"),
    ("é = 1; from m import *", "star_import", 1, 7, "import *"),
    ("from . import *", "star_import", 1, 0, "`from . import *`"),
    ("if x: from m import *", "star_import", 1, 6, "import *"),
    # del of other cells' names
    ("del x", "foreign_del", 1, 4, "`del x`"),
    ("y = 1\ndel y, x", "foreign_del", 2, 7, "`del x`"),
    ("é = 1; del x", "foreign_del", 1, 11, "`del x`"),
    ("del (x)", "foreign_del", 1, 5, "`del x`"),
    ("def f():\n global x\n del x", "foreign_del", 3, 5, "`del x`"),
    ("if a: del x", "foreign_del", 1, 10, "`del x`"),
    ("x += del_; del del_", "foreign_del", 1, 15, "`del del_`"),
    ("def f():\n x = 1\ndel x", "foreign_del", 3, 4, "`del x`"),
    ("[x for x in y]; del x", "foreign_del", 1, 20, "`del x`"),
    # IPython
    ("%matplotlib inline", "magic", 1, 0, "delete the line"),
    ("import x\n%timeit x", "magic", 2, 0, "`timeit` module"),
    ("if x:\n    %time x", "magic", 2, 4, "perf_counter"),
    ("%%sql\nselect 1", "magic", 1, 0, "SQL cell"),
    ("%%bash\necho 'it", "magic", 1, 0, "subprocess"),
    ("%unknown", "magic", 1, 0, "`%unknown`"),
    ("x = %time y", "magic", 1, 4, "perf_counter"),
    ("!ls", "shell", 1, 0, "subprocess"),
    ("!pip install x", "shell", 1, 0, "subprocess"),
    ("x = 1\n  !ls", "syntax", 2, None, ""),
    ("for i in x:\n  !ls", "shell", 2, 2, "subprocess"),
    ("x = !ls", "shell", 1, 4, "subprocess"),
    ("a, b = !ls", "shell", 1, 7, "subprocess"),
    ("?print", "magic", 1, 0, "help"),
    ("print?", "magic", 1, 5, "help"),
    ("a.b??", "magic", 1, 3, "help"),
    ("x = '''\n%time\n'''\n%time x", "magic", 4, 0, "perf_counter"),
    ("x = '''\n" + "!a\n" * 30 + "'''\n%time x", "magic", 33, 0, "perf_counter"),
    ("x = (\n%time x\n", "syntax", 1, 4, "never closed"),
    ("x = 'a?\n", "syntax", 1, 4, "unterminated"),
    # Text
    ("x = 1\n\0", "encoding", 2, 0, "null"),
    ("x = '\ud800'", "encoding", 1, 5, "surrogate"),
    ("#" * (256 * 1024 + 1), "too_long", None, None, "256 KiB"),
    ("#" + "é" * (128 * 1024), "too_long", None, None, "256 KiB"),
    ("x = " + "-" * 2000 + "1", "too_deep", None, None, "nested"),
    ("x = a" + ".a" * 900, "too_deep", None, None, "nested"),
]


@pytest.mark.parametrize(("source", "code", "line", "column", "message"), CASES, ids=lambda each: str(each)[:30])
def test_problem(source: str, code: str, line: int | None, column: int | None, message: str) -> None:
    names = analyse("python", source)
    problem = names.problem
    assert problem is not None
    assert (problem.code, problem.line) == (code, line)
    assert column is None or problem.column == column
    assert message in problem.message
    assert not (names.defines or names.references or names.reads_tables or names.writes_tables)


@pytest.mark.parametrize(
    "source",
    [
        "#" * 256 * 1024,
        "x = a" + ".a" * 300,
        "x = " + "+".join("a" * 300),
        "x = '%time'",
        "x = a\\\n%b",
        "x = a if b else c",
    ],
    ids=lambda each: each[:10],
)
def test_no_problem(source: str) -> None:
    assert analyse("python", source).problem is None
