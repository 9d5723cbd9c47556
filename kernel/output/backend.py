"""A matplotlib backend: Agg, whose `show()` puts the figures on the page. matplotlib finds it by its module name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg

publish: Callable[[Any], None] = lambda figure: None  # noqa: E731  (set by `Figures.install`; None means all figures)


class FigureManager(FigureManagerBase):
    def show(self) -> None:
        publish(self.canvas.figure)

    @classmethod
    def pyplot_show(cls, *, block: bool | None = None) -> None:
        publish(None)


class FigureCanvas(FigureCanvasAgg):
    manager_class = FigureManager
