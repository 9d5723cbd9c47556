"""Figures: plotly as JSON, matplotlib as PNG at twice the resolution, and what `show()` means here."""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Callable
from typing import Any

import msgspec

from kernel.protocol import PLOTLY, MimeBundle

SIZE = "application/vnd.cascade.size+json"
"""A bundle's image as wide and high as it is to be shown, in CSS pixels: {"width", "height"}."""
BACKEND = "module://kernel.output.backend"

Publish = Callable[[Any], None]


def is_plotly(value: object) -> bool:
    loaded = sys.modules.get("plotly.basedatatypes")
    return loaded is not None and isinstance(value, loaded.BaseFigure)


def is_matplotlib(value: object) -> bool:
    loaded = sys.modules.get("matplotlib.figure")
    return loaded is not None and isinstance(value, loaded.Figure)


def plotly_bundle(figure: Any) -> MimeBundle:
    """Plain JSON: {data, layout, frames}; arrays may be base64 typed arrays, as plotly writes them."""
    content: dict[str, Any] = msgspec.json.decode(figure.to_json())
    traces = ", ".join(str(trace.get("type", "trace")) for trace in content.get("data", [])[:10])
    return {"text/plain": f"plotly Figure ({traces or 'empty'})", PLOTLY: content}


def matplotlib_bundle(figure: Any) -> MimeBundle:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=2 * figure.dpi, bbox_inches="tight")
    data = stream.getvalue()
    text = f"matplotlib Figure with {len(figure.axes)} Axes"
    return {"text/plain": text, "image/png": data, SIZE: png_size(data, scale=2)}


def png_size(data: bytes, scale: float = 1) -> dict[str, float]:
    """From the header of a PNG file."""
    width, height = struct.unpack(">II", data[16:24])
    return {"width": width / scale, "height": height / scale}


class Figures:
    """The figures that pyplot holds open: each is shown once, by `show()` or at the end of its cell, then closed."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._shown: set[int] = set()

    def install(self) -> None:
        """Make `plt.show()` and `fig.show()` display here. Only what is imported already is touched."""
        if backend := sys.modules.get("kernel.output.backend"):
            backend.__dict__["publish"] = self._show_open
        if io_module := sys.modules.get("plotly.io"):
            figure = sys.modules["plotly.basedatatypes"].BaseFigure
            figure.show = lambda value, *_, **__: self._publish(value)
            io_module.__dict__["show"] = lambda value, *_, **__: self._publish(value)

    def mark(self, figure: object) -> None:
        """This one has been shown already."""
        self._shown.add(id(figure))

    def end(self, last: object = None) -> None:
        """Show what is still open, except `last`, the cell's value, which is its output."""
        self._show_open(None, last)
        self._shown.clear()

    def discard(self) -> None:
        """Close them all, unseen."""
        self._shown.clear()
        if pyplot := sys.modules.get("matplotlib.pyplot"):
            pyplot.close("all")

    def _show_open(self, only: object = None, last: object = None) -> None:
        pyplot = sys.modules.get("matplotlib.pyplot")
        if pyplot is None:
            return
        for number in pyplot.get_fignums():
            figure = pyplot.figure(number)
            if only is not None and figure is not only:
                continue
            if figure is not last and id(figure) not in self._shown:
                self._publish(figure)
            pyplot.close(figure)
