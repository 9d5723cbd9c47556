"""SQL text with `{expressions}` -> a statement with numbered parameters.

A brace in a string, a quoted identifier, a dollar-quoted body or a comment is text; `{{` and `}}` stand for one brace.
"""

from __future__ import annotations

import ast
import re

import msgspec

from .names import Problem
from .parsing import FILENAME
from .problems import place

_TEXT = re.compile(
    r"""
      --[^\r\n]*
    | [eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)
    | '(?:[^']|'')*(?:'|\Z)
    | "(?:[^"]|"")*(?:"|\Z)
    | (?<![\w$])\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z)
    """,
    re.VERBOSE | re.DOTALL,
)
_INTERESTING = re.compile(r"""[{}'"$]|--|/\*|[eE]'""")
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_TRIES = 200
"""Closing braces at which an expression may end: each costs a parse."""


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
    parts: list[str] = []
    numbers: dict[str, int] = {}
    position = 0
    while position < len(source):
        found = _INTERESTING.search(source, position)
        if found is None:
            break
        parts.append(source[position : found.start()])
        position = found.start()
        token = found[0]
        if token == "{" and not source.startswith("{{", position):
            expression, position = _expression(source, position)
            parts.append(f"${numbers.setdefault(expression, len(numbers) + 1)}")
            continue
        end = _text_end(source, position, token)
        parts.append(token if token in "{}" else source[position:end])
        position = end
    parts.append(source[position:])
    return Template("".join(parts), tuple(numbers))


def _text_end(source: str, position: int, token: str) -> int:
    """Where what begins here, and holds no expression, ends."""
    if token in "{}":
        return position + (2 if source.startswith(token * 2, position) else 1)
    if token == "/*":
        return _comment_end(source, position + 2)
    found = _TEXT.match(source, position)
    return found.end() if found and found.end() > position else position + len(token)


def _comment_end(source: str, position: int) -> int:
    """Comments nest."""
    depth = 1
    while depth:
        found = _COMMENT_EDGE.search(source, position)
        if found is None:
            return len(source)
        depth += 1 if found[0] == "/*" else -1
        position = found.end()
    return position


def _expression(source: str, start: int) -> tuple[str, int]:
    """The expression whose brace opens at `start`, and where the text goes on.

    It ends at the first closing brace up to which the text is a Python expression: so braces within it, in sets,
    dictionaries and strings, need no rule of their own.
    """
    end = start
    for _ in range(_TRIES):
        end = source.find("}", end + 1)
        if end < 0:
            break
        text = source[start + 1 : end].strip()
        if text and _is_expression(text):
            return text, end + 1
    first = source.find("}", start)
    if first < 0:
        raise _error(source, start, "This `{` is not closed: close it with `}`, or write `{{` for a brace.")
    inside = source[start + 1 : first].strip()
    if not inside:
        raise _error(source, start, "There is nothing between the braces: write a Python expression, or `{{}}`.")
    raise _error(source, start, f"`{inside[:60]}` is no Python expression: write `{{{{` for a brace of SQL.")


def _is_expression(text: str) -> bool:
    try:
        compile(f"({text}\n)", FILENAME, "eval", flags=ast.PyCF_ONLY_AST, dont_inherit=True)
        compile(text.replace("\n", " "), FILENAME, "eval", flags=ast.PyCF_ONLY_AST, dont_inherit=True)
    except (SyntaxError, ValueError, MemoryError, RecursionError, OverflowError):
        return False
    return True


def _error(source: str, position: int, message: str) -> TemplateError:
    line, column = place(source, position)
    return TemplateError(Problem(code="template", message=message, line=line, column=column))
