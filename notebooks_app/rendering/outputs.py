"""MIME bundles to HTML: the richest form that the page can show safely."""

from __future__ import annotations

import json
import logging
from typing import Any

from django.utils.html import escape

from kernel.protocol import PLOTLY, TABLE, MimeBundle

from .ansi import ansi_html, overwritten
from .markdown import markdown_html
from .tables import table_html

logger = logging.getLogger(__name__)

SIZE = "application/vnd.cascade.size+json"
LONG = 4000
"""Characters beyond which a text gets a scroll area of its own, with a button to see all of it."""
UNREADABLE = "This output cannot be shown: its data are not of the type that they claim to be."
_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp")
_FRAMED = ("text/html", "image/svg+xml")


def bundle_html(bundle: MimeBundle, place: str, outputs: dict[str, str], cell_id: str) -> str:
    """One value or display. `place` is `value` or the index of the display, as in the paths of `outputs`.

    Whoever displays a bundle decides what is in it: one that is not what its type says shows as its text.
    """
    try:
        return _richest(bundle, place, outputs, cell_id)
    except Exception:
        logger.debug("A bundle of %s cannot be shown as that.", sorted(bundle), exc_info=True)
        return _text(str(bundle.get("text/plain") or UNREADABLE), "plain")


def _richest(bundle: MimeBundle, place: str, outputs: dict[str, str], cell_id: str) -> str:
    if TABLE in bundle:
        return table_html(bundle[TABLE], cell_id)
    if PLOTLY in bundle and f"{place}/{PLOTLY}" in outputs:
        return _figure(bundle, outputs[f"{place}/{PLOTLY}"])
    for mime in _IMAGES:
        if mime in bundle and f"{place}/{mime}" in outputs:
            return _image(bundle, outputs[f"{place}/{mime}"])
    for mime in _FRAMED:
        if mime in bundle and f"{place}/{mime}" in outputs:
            return _frame(outputs[f"{place}/{mime}"])
    if "text/markdown" in bundle:
        return f'<div class="markdown">{markdown_html(str(bundle["text/markdown"]))}</div>'
    if "text/latex" in bundle:
        return _text(str(bundle["text/latex"]), "latex")
    if "application/json" in bundle:
        return _json(bundle["application/json"])
    return _text(str(bundle.get("text/plain", "")), "plain")


def _figure(bundle: MimeBundle, output_id: str) -> str:
    figure: Any = bundle[PLOTLY]
    height = figure.get("layout", {}).get("height") if isinstance(figure, dict) else None
    pixels = height if isinstance(height, int | float) and 50 < height < 5000 else 450
    return (
        f'<div class="figure" data-plotly="/outputs/{escape(output_id)}/" style="min-height: {int(pixels)}px" '
        'role="img" aria-label="Chart"><span class="loading">Drawing the chart…</span></div>'
    )


def _image(bundle: MimeBundle, output_id: str) -> str:
    size: Any = bundle.get(SIZE)
    dimensions = ""
    if isinstance(size, dict):
        pairs = [(key, size.get(key)) for key in ("width", "height")]
        dimensions = "".join(f' {key}="{int(value)}"' for key, value in pairs if isinstance(value, int | float))
    text = escape(str(bundle.get("text/plain", "Image"))[:200])
    return f'<img class="image" src="/outputs/{escape(output_id)}/" alt="{text}"{dimensions} loading="lazy">'


def _frame(output_id: str) -> str:
    return (
        f'<iframe class="framed" src="/outputs/{escape(output_id)}/" sandbox="allow-scripts" loading="lazy" '
        'title="HTML output"></iframe>'
    )


def _json(value: object) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return f'<details class="json" open><summary>JSON</summary>{_text(text, "plain")}</details>'


def _text(text: str, kind: str) -> str:
    if not text:
        return ""
    return _long(f'<pre class="text {kind}">{ansi_html(text)}</pre>', len(text) > LONG or text.count("\n") > 40)


def _long(html: str, long: bool) -> str:
    if not long:
        return html
    return f'<div class="long">{html}<button type="button" class="quiet expand" data-expand>Show all</button></div>'


def stream_span(stream: str, text: str) -> str:
    return f'<span class="{"stderr" if stream == "stderr" else "stdout"}">{ansi_html(overwritten(text))}</span>'


def error_html(name: str, message: str, traceback: str) -> str:
    """What went wrong, and where, folded."""
    shown = f'<p class="error-line"><strong>{escape(name)}</strong>{": " if message else ""}{escape(message)}</p>'
    if traceback:
        shown += (
            f'<details open><summary>Traceback</summary><pre class="traceback">{ansi_html(traceback)}</pre></details>'
        )
    return f'<div class="error" role="group" aria-label="Error">{shown}</div>'
