"""Problems as exceptions within the analysis; outside of it they are values."""

from __future__ import annotations

from .names import Problem

MAX_SOURCE = 256 * 1024  # bytes of UTF-8


class Refused(Exception):
    """The source has a problem: there are no names to speak of."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def refuse(code: str, message: str, line: int | None = None, column: int | None = None) -> Refused:
    return Refused(Problem(code=code, message=message, line=line, column=column))


def too_deep() -> Refused:
    return refuse("too_deep", "The code is nested too deeply to be analysed: split it into several statements.")


def check_text(source: str) -> None:
    """Raises Refused for a text that neither Python nor Postgres can read, or that is too long."""
    if (position := source.find("\0")) >= 0:
        raise refuse("encoding", "The text contains a null character: delete it.", *place(source, position))
    try:
        size = len(source.encode())
    except UnicodeEncodeError as error:
        message = "The text contains half of a character (a lone surrogate): delete it and type it again."
        raise refuse("encoding", message, *place(source, error.start)) from None
    if size > MAX_SOURCE:
        message = f"The text is longer than {MAX_SOURCE // 1024} KiB: split it into several cells."
        raise refuse("too_long", message)


def place(source: str, position: int) -> tuple[int, int]:
    """Line (from 1) and column (from 0) of an index into the text."""
    return source.count("\n", 0, position) + 1, position - (source.rfind("\n", 0, position) + 1)
