"""An exception as the page shows it: the user's own lines, cells by their label, no frame of the kernel's own."""

from __future__ import annotations

import ast
import asyncio
import os
import re
import symtable
import traceback

import kernel
from kernel.output.sources import Sources, plain
from kernel.protocol import Failure, Frame

MAX_TRACEBACK = 100_000  # characters
MAX_MESSAGE = 10_000  # characters
MAX_FRAMES = 100

_OWN = os.path.dirname(os.path.abspath(kernel.__file__)) + os.sep
_MACHINERY = (os.path.dirname(os.path.abspath(asyncio.__file__)) + os.sep, ast.__file__, symtable.__file__, _OWN)
_FILE = re.compile(r'File "(<cell [^"]*>)"')


def describe(error: BaseException, sources: Sources, hint: str = "") -> Failure:
    """The failure to send. `hint` is a sentence that is added to the message. Never raises for an odd exception."""
    try:
        return _describe(error, sources, hint)
    except (Exception, SystemExit) as problem:
        message = f"(this exception cannot be shown: looking at it raised {type(problem).__name__})"
        return Failure(name=type(error).__name__, message=message, traceback="")


def _describe(error: BaseException, sources: Sources, hint: str) -> Failure:
    trace = traceback.TracebackException.from_exception(error, compact=True)
    _cut(trace, sources, set())
    name, message = type(error).__name__, _message(error)
    if hint:
        message = f"{message}. {hint}" if message else hint
    text = plain(_FILE.sub(lambda match: sources.name(match[1]), "".join(trace.format())))
    if hint:
        text = f"{text.rstrip()}. {hint}\n"
    frames = _frames(error, trace, sources)
    if not frames and trace.__cause__ is None and trace.__context__ is None:
        text = ""  # it would only repeat the message: what a database says has no lines of the user's
    return Failure(
        name=name,
        message=shorten(plain(message), MAX_MESSAGE),
        traceback=shorten(text, MAX_TRACEBACK),
        frames=frames,
    )


def shorten(text: str, limit: int) -> str:
    """The beginning and the end of a text that is too long, with a line between them that says so."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half:,} characters are not shown ...]\n{text[-half:]}"


def _message(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return str(error.msg)
    try:
        return str(error)
    except (Exception, SystemExit) as problem:
        return f"(its message cannot be shown: str() raised {type(problem).__name__})"


def _cut(trace: traceback.TracebackException, sources: Sources, seen: set[int]) -> None:
    """Take the kernel's frames, and asyncio's before the first line of a cell, out of a traceback and its causes."""
    if id(trace) in seen:
        return
    seen.add(id(trace))
    trace.stack = traceback.StackSummary.from_list(_own_lines(trace.stack, sources))
    for other in (trace.__cause__, trace.__context__, *(trace.exceptions or ())):
        if other is not None:
            _cut(other, sources, seen)


def _own_lines(stack: list[traceback.FrameSummary], sources: Sources) -> list[traceback.FrameSummary]:
    first = next((index for index, frame in enumerate(stack) if sources.locate(frame.filename)), None)
    if first is None:
        return [frame for frame in stack if not frame.filename.startswith(_MACHINERY)]
    return [frame for frame in stack[first:] if not frame.filename.startswith(_OWN)]


def _frames(error: BaseException, trace: traceback.TracebackException, sources: Sources) -> tuple[Frame, ...]:
    stack = list(trace.stack)
    if len(stack) > MAX_FRAMES:
        stack = stack[: MAX_FRAMES // 2] + stack[-MAX_FRAMES // 2 :]
    frames = [_frame(item.filename, item.lineno, item.name, item.line, sources) for item in stack]
    if isinstance(error, SyntaxError) and error.filename:
        frames.append(_frame(error.filename, error.lineno, "", error.text, sources))
    return tuple(frames)


def _frame(filename: str, line: int | None, function: str, source: str | None, sources: Sources) -> Frame:
    cell, label = sources.locate(filename) or ("", filename)
    text = (source or "").strip()[:1000]
    return Frame(cell=cell, label=label, line=line or 0, function=plain(function), source=text)
