"""The bars of tqdm as the progress of the cell: nothing of them is printed. Without tqdm, nothing happens here."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import math
import sys
import time
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from kernel.process.streams import TextStream
from kernel.process.tools import PERIOD, ProgressReports

STANDARD = "tqdm.std"
WIDGETS = "tqdm.notebook"  # needs ipywidgets, which have no place on our page


def install(reports: ProgressReports) -> None:
    """Take hold of tqdm once it is imported, or now if it is there."""
    bars = _Bars(reports)
    sys.meta_path.insert(0, _Finder(bars))
    for name in (STANDARD, WIDGETS):
        if module := sys.modules.get(name):
            bars.change(module)


class _Nowhere:
    """The file of a bar that is shown on the page."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False


class _Bars:
    """Reports bars as `progress()` does; bars within others only as often as the time allows."""

    def __init__(self, reports: ProgressReports) -> None:
        self._reports = reports
        self._due = 0.0

    def change(self, module: ModuleType) -> None:
        if module.__name__ == STANDARD:
            self._change_bar(module.tqdm)
        elif standard := sys.modules.get(STANDARD):
            names = {name: getattr(standard, name, None) for name in ("tqdm", "trange")}
            module.__dict__.update(names, tqdm_notebook=names["tqdm"], tnrange=names["trange"])

    def _change_bar(self, bar: Any) -> None:
        """Everything that draws is replaced in the class itself, so that its subclasses follow."""
        bars = self
        begin, draw, close = bar.__init__, bar.display, bar.close

        def __init__(self: Any, *args: Any, **fields: Any) -> None:
            self._on_page = _is_ours(args[4] if len(args) > 4 else fields.get("file"))
            if self._on_page and len(args) > 4:
                args = (*args[:4], _Nowhere(), *args[5:])
            elif self._on_page and fields.get("disable", False) is not None:  # None: off, where there is no terminal
                fields["file"] = _Nowhere()
            begin(self, *args, **fields)

        def display(self: Any, msg: str | None = None, pos: int | None = None) -> Any:
            if not getattr(self, "_on_page", False):
                return draw(self, msg, pos)
            if msg is None and not getattr(self, "_ended", False):
                bars.report(self)
            return True

        def close_(self: Any) -> None:
            if getattr(self, "_on_page", False) and not getattr(self, "disable", True):
                bars.report(self, last=True)
                self._ended = True
            close(self)

        __init__.__doc__ = begin.__doc__
        bar.__init__, bar.display, bar.close = __init__, display, close_

    def report(self, bar: Any, last: bool = False) -> None:
        first, bar._begun = not getattr(bar, "_begun", False), True
        now = time.monotonic()
        inner = getattr(bar, "pos", 0) != 0
        if now < self._due and (inner or not (first or last)):
            return
        self._due = now + PERIOD
        label = str(getattr(bar, "desc", None) or "").removesuffix(": ")
        self._reports.report(_number(bar.n) or 0, _number(bar.total), label[:200])


def _is_ours(file: Any) -> bool:
    return file is None or isinstance(file, TextStream)


def _number(value: Any) -> float | None:
    """A plain number: they may be numpy's. None for what is none, or endless."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() else number


class _Finder(importlib.abc.MetaPathFinder):
    """Finds modules of tqdm as anybody does, and has them changed once they have run."""

    def __init__(self, bars: _Bars) -> None:
        self._bars = bars

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in (STANDARD, WIDGETS):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader, self._bars)
        return spec


class _Loader(importlib.abc.Loader):
    def __init__(self, real: importlib.abc.Loader, bars: _Bars) -> None:
        self._real = real
        self._bars = bars

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._real.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._real
        module.__loader__ = self._real
        self._real.exec_module(module)
        self._bars.change(module)
