"""SQL text with `{expressions}` -> a statement with numbered parameters.

A brace in a string, a quoted identifier, a dollar-quoted body or a comment is text; `{{` and `}}` stand for one brace.
A lone `}` is text too. Everything here takes time in proportion to the text, but for Python's own parsing.
"""

from __future__ import annotations

import ast
import re
import warnings

import msgspec

from .names import Problem
from .parsing import FILENAME
from .problems import place

_TEXT = re.compile(
    r"""
      --[^\r\n]*
    | [eE]'[^'\\]*(?:(?:\\.|'')[^'\\]*)*(?:'|\\?\Z)
    | '[^']*(?:''[^']*)*(?:'|\Z)
    | "[^"]*(?:""[^"]*)*(?:"|\Z)
    | (?<![\w$])\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
_INTERESTING = re.compile(r"""(?<![\w$])[eE]'|[{}'"$]|--|/\*""")
_COMMENT_EDGE = re.compile(r"/\*|\*/")

_PYTHON = re.compile(
    r"""
      \"{3}[^"\\]*(?:(?:\\.|"(?!""))[^"\\]*)*(?:\"{3}|\\?\Z)
    | '{3}[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*(?:'{3}|\\?\Z)
    | "[^"\\\n]*(?:\\.[^"\\\n]*)*"?
    | '[^'\\\n]*(?:\\.[^'\\\n]*)*'?
    | \#[^\n]*
    | [()\[\]{}]
    """,
    re.VERBOSE | re.DOTALL,
)
"""What decides where a Python expression ends: strings (their prefix changes nothing), comments and brackets."""
_CLOSING = {"(": ")", "[": "]", "{": "}"}


class TemplateError(Exception):
    """The braces do not make sense; `problem` says where."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class Template(msgspec.Struct, frozen=True):
    """`statement` has `$1`, `$2`, ... where `expressions`, Python's, stood; equal expressions share a number."""

    statement: str
    expressions: tuple[str, ...] = ()


def split(source: str) -> Template:
    """Raises TemplateError for a brace that is not closed, or around what is no Python expression."""
    return split_placed(source)[0]


def split_placed(source: str) -> tuple[Template, tuple[int, ...]]:
    """As `split`, and where in the text each of the expressions stands first."""
    parts: list[str] = []
    numbers: dict[str, int] = {}
    places: list[int] = []
    position = 0
    while found := _INTERESTING.search(source, position):
        parts.append(source[position : found.start()])
        position = found.start()
        token = found[0]
        if token == "{" and not source.startswith("{{", position):
            start, end = _expression(source, position)
            expression = source[start:end]
            if expression not in numbers:
                numbers[expression] = len(numbers) + 1
                places.append(start)
            parts.append(f"${numbers[expression]}")
            position = source.index("}", end) + 1
            continue
        end = _text_end(source, position, token)
        parts.append(token if token in "{}" else source[position:end])
        position = end
    parts.append(source[position:])
    return Template("".join(parts), tuple(numbers)), tuple(places)


def _text_end(source: str, position: int, token: str) -> int:
    """Where what begins here, and holds no expression, ends."""
    if token in "{}":
        return position + (2 if source.startswith(token * 2, position) else 1)
    if token == "/*":
        return comment_end(source, position + 2)
    found = _TEXT.match(source, position)
    return found.end() if found and found.end() > position else position + len(token)


def comment_end(source: str, position: int) -> int:
    """Where a comment ends whose opening mark ends at `position`: comments of SQL nest."""
    depth = 1
    while depth:
        found = _COMMENT_EDGE.search(source, position)
        if found is None:
            return len(source)
        depth += 1 if found[0] == "/*" else -1
        position = found.end()
    return position


def _expression(source: str, opening: int) -> tuple[int, int]:
    """Where the expression begins and ends whose brace opens at `opening`, blanks around it aside.

    It ends at the brace that closes the opening one by Python's own rules: braces in sets, dictionaries and strings
    are part of it.
    """
    end = _closing(source, opening)
    text = source[opening + 1 : end]
    if not text.strip():
        raise _error(source, opening, "There is nothing between the braces: write a Python expression, or `{{}}`.")
    start = end - len(text.lstrip())
    stop = start + len(text.strip())
    if not _is_expression(source[start:stop]):
        raise _invalid(source, opening, end)
    return start, stop


def _closing(source: str, opening: int) -> int:
    expected = ["}"]
    for found in _PYTHON.finditer(source, opening + 1):
        token = found[0]
        if closing := _CLOSING.get(token):
            expected.append(closing)
        elif token in ")]}":
            if expected.pop() != token:
                raise _invalid(source, opening, found.start())
            if not expected:
                return found.start()
    raise _error(source, opening, "This `{` is not closed: close it with `}`, or write `{{` for a brace.")


def _is_expression(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = compile(f"({text}\n)", FILENAME, "eval", flags=ast.PyCF_ONLY_AST, dont_inherit=True)
    except (SyntaxError, ValueError, MemoryError, RecursionError, OverflowError, SystemError):
        return False
    assert isinstance(tree, ast.Expression)
    only_comments = isinstance(tree.body, ast.Tuple) and not tree.body.elts and tree.body.col_offset == 0
    return not only_comments


def _invalid(source: str, opening: int, end: int) -> TemplateError:
    inside = " ".join(source[opening + 1 : end].split())
    inside = inside if len(inside) <= 60 else f"{inside[:60]}…"
    return _error(source, opening, f"`{inside}` is no Python expression: write `{{{{` for a brace of SQL.")


def _error(source: str, position: int, message: str) -> TemplateError:
    line, column = place(source, position)
    return TemplateError(Problem(code="template", message=message, line=line, column=column))
