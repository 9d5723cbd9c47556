"""What every kernel has imported already: paid for once, in the process that kernels are forked from."""

from __future__ import annotations

import gc
import importlib
import os
import sys
import threading
from collections.abc import Iterable
from typing import NamedTuple

from kernel.output.bundle import Presenter
from kernel.output.figures import BACKEND
from kernel.output.tables import Tables


class Preloaded(NamedTuple):
    """Modules that could not be imported, and those that began threads, which a forked kernel would lack."""

    skipped: tuple[str, ...]
    threaded: tuple[str, ...]


def preload(names: Iterable[str]) -> Preloaded:
    """Import these modules and make matplotlib draw onto the page. A missing one is skipped, which a line says."""
    skipped, threaded = [], []
    for name in names:
        before = threads()
        try:
            importlib.import_module(name)
        except Exception as error:
            skipped.append(name)
            print(f"kernel: {name} is not preloaded: {type(error).__name__}: {error}", file=sys.stderr)
        if threads() > before:
            threaded.append(name)
    _use_backend()
    return Preloaded(tuple(skipped), tuple(threaded))


def threads() -> int:
    """How many threads this process has, those of libraries included where the system tells."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()


def warm() -> None:
    """Show one DataFrame, so that the paths to the page are warm, and settle the memory that kernels will share."""
    if pandas := sys.modules.get("pandas"):
        frame = pandas.DataFrame({"number": [1.5, None], "text": ["a", None]})
        Presenter(Tables()).bundle(frame)
    gc.collect()
    gc.freeze()


def _use_backend() -> None:
    if matplotlib := sys.modules.get("matplotlib"):
        matplotlib.use(BACKEND)
        importlib.import_module("matplotlib.pyplot")
        importlib.import_module("kernel.output.backend")
