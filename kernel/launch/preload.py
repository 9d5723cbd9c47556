"""What every kernel has imported already: paid for once, in the process that kernels are forked from."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Iterable

from kernel.output.bundle import Presenter
from kernel.output.figures import BACKEND
from kernel.output.tables import Tables


def preload(names: Iterable[str]) -> None:
    """Import these modules and make matplotlib draw onto the page. A missing one is skipped, which a line says."""
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:
            print(f"kernel: {name} is not preloaded: {type(error).__name__}: {error}", file=sys.stderr)
    _use_backend()


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
