"""IPython's `%magic`, `!shell` and `?help` lines: cells are plain Python, so say what to write instead."""

from __future__ import annotations

import re
from collections.abc import Callable

from .names import Problem

_TRIES = 4  # lines to look at: each costs a parse of what stands before it

_LINE = re.compile(
    r"^(?:(?P<before>[ \t]*)(?P<what>%%?[A-Za-z_]\w*|!!?|\?\??[A-Za-z_])"
    r"|(?P<assigned>[ \t]*[A-Za-z_][\w., \t\[\]'\"]*=[ \t]*)(?P<value>%[A-Za-z_]\w*|!)"
    r"|(?P<indent>[ \t]*)%{0,2}[A-Za-z_][\w.*]*(?P<help>\?\??)[ \t]*\r?$)",
    re.MULTILINE,
)

_INSTEAD = {
    "matplotlib": "figures are shown without it, so delete the line",
    "config": "delete the line",
    "load_ext": "delete the line, and import the package instead",
    "reload_ext": "delete the line, and restart the kernel after changing a module",
    "autoreload": "delete the line, and restart the kernel after changing a module",
    "pip": "packages are installed for everyone by the administrator",
    "conda": "packages are installed for everyone by the administrator",
    "time": "measure with `time.perf_counter()`",
    "timeit": "measure with the `timeit` module",
    "sql": "use a SQL cell",
    "markdown": "use a Markdown cell",
    "html": "use `display(...)` with an object that has `_repr_html_`",
    "env": "use `os.environ`",
    "set_env": "use `os.environ`",
    "cd": "use `os.chdir(...)`",
    "pwd": "use `os.getcwd()`",
    "ls": "use `os.listdir()`",
    "run": "use `runpy.run_path(...)`",
    "capture": "use `contextlib.redirect_stdout(...)`",
    "writefile": "use `pathlib.Path(...).write_text(...)`",
    "bash": "use `subprocess.run(...)`",
    "sh": "use `subprocess.run(...)`",
    "system": "use `subprocess.run(...)`",
    "reset": "restart the kernel",
    "who": "use `dir()`",
    "whos": "use `dir()`",
}


def find_magic(source: str, parses: Callable[[str], bool], line: int | None) -> Problem | None:
    """The first line that would be a statement but for its IPython syntax; `source` is known not to parse.

    A line is one if everything before it parses with `pass` in its place: so `%` in a text or within brackets is
    not taken for a magic. The `line` where Python stopped is looked at first.
    """
    for found in _candidates(source, line):
        kept = source[: found.start()] + (found["before"] or found["indent"] or "") + "pass"
        if found["value"]:
            kept = source[: found.start("value")] + "0"
        if parses(kept):
            return _problem(source, found)
    return None


def _candidates(source: str, line: int | None) -> list[re.Match[str]]:
    stopped = sum(len(text) + 1 for text in source.split("\n")[: line - 1]) if line else -1
    found = sorted(_LINE.finditer(source), key=lambda each: each.start() != stopped)
    return found[:_TRIES]


def _problem(source: str, found: re.Match[str]) -> Problem:
    what = found["what"] or found["value"] or found["help"]
    position = next(found.start(group) for group in ("what", "value", "help") if found[group])
    code, message = _explain(what)
    column = position - (source.rfind("\n", 0, position) + 1)
    return Problem(code=code, message=message, line=source.count("\n", 0, position) + 1, column=column)


def _explain(what: str) -> tuple[str, str]:
    if what.startswith("!"):
        return "shell", "`!` runs a shell command in IPython, but cells are plain Python: use `subprocess.run(...)`."
    if what.startswith("?"):
        return "magic", "`?` asks IPython for help, but cells are plain Python: use `help(...)`."
    instead = _INSTEAD.get(what.lstrip("%"), "write it in Python, or delete the line")
    return "magic", f"`{what}` is an IPython magic, but cells are plain Python: {instead}."
