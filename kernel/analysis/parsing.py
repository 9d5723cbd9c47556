"""Source -> syntax tree, with everything refused that CPython itself refuses."""

from __future__ import annotations

import ast
import warnings
from types import CodeType
from typing import Any

from .magics import find_magic
from .problems import Refused, check_text, refuse, too_deep

FILENAME = "<cell>"
MAX_DEPTH = 800
"""Levels of the syntax tree. CPython's own limit follows the depth of the caller's stack, ours the text alone."""


def parse(source: str) -> ast.Module:
    """Raises Refused. What comes back has not been compiled yet: see `check`."""
    check_text(source)
    try:
        tree = _compile(source, ast.PyCF_ONLY_AST)
    except Refused as refused:
        if problem := find_magic(source, _parses, refused.problem.line):
            raise Refused(problem) from None
        raise
    assert isinstance(tree, ast.Module)
    _check_depth(tree)
    return tree


def check(tree: ast.Module, source: str) -> None:
    """Raises Refused for what only the compiler notices: `return` outside of a function, `nonlocal x` at the top."""
    _compile(tree, 0, source)


def _compile(source: str | ast.Module, flags: int, text: str = "") -> ast.Module | CodeType:
    flags |= ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the kernel shows them when the cell runs
            return compile(source, FILENAME, "exec", flags=flags, dont_inherit=True)  # type: ignore[no-any-return]
    except SyntaxError as error:
        raise _syntax(error, text) from None
    except (ValueError, OverflowError) as error:
        raise refuse("syntax", f"Python cannot read this: {error}.") from None
    except (RecursionError, MemoryError, SystemError):
        raise too_deep() from None


def _syntax(error: SyntaxError, text: str) -> Refused:
    """The compiler counts columns in bytes, the parser in characters; both from 1, and 0 if unknown."""
    line = error.lineno if error.lineno and error.lineno > 0 else None
    column = max(error.offset - 1, 0) if line and error.offset is not None else None
    if text and line and column:
        column = _characters(text, line, column)
    return refuse("syntax", f"Python cannot read this: {error.msg}.", line, column)


def place_of(node: Any, source: str) -> tuple[int, int]:
    """Line and column of a node, in characters: the tree has bytes."""
    return node.lineno, _characters(source, node.lineno, node.col_offset)


def _characters(text: str, line: int, column: int) -> int:
    lines = text.split("\n", line)
    return len(lines[line - 1].encode()[:column].decode(errors="ignore")) if line <= len(lines) else column


def _parses(source: str) -> bool:
    try:
        _compile(source, ast.PyCF_ONLY_AST)
    except Refused:
        return False
    return True


def _check_depth(tree: ast.Module) -> None:
    level: list[ast.AST] = [tree]
    depth = 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise too_deep()
        level = [child for node in level for child in ast.iter_child_nodes(node)]
