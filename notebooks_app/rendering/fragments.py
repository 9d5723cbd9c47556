"""Cells and the fragments that keep them up to date. Page and fragment are made by the same functions.

Everything that comes from people or kernels is escaped here: it is text, never markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.template.loader import render_to_string
from django.utils.html import escape

from notebooks_app.live.events import CellSnapshot, ProgressState

from .markdown import markdown_html
from .outputs import bundle_html, error_html, stream_span
from .tables import rows_html

STATUS = {
    "idle": "Not run yet",
    "queued": "Queued",
    "running": "Running",
    "success": "Done",
    "error": "Failed",
    "interrupted": "Interrupted",
    "disabled": "Disabled",
    "invalid": "Cannot run",
    "blocked": "Waiting",
}
_BACKTICKS = re.compile(r"`([^`]+)`")
FRESHNESS = {
    "stale": ("Stale", "The code, or something that it reads, has changed since this ran."),
    "saved": ("Saved", "From an earlier kernel: the values are no longer in memory, the output is up to date."),
}


def frame_html(first: int, last: int, fragments: Iterable[str]) -> str:
    """One HTML frame: the sequences that it covers, then the fragments."""
    head = f'<div id="frame" hx-swap-oob="true" data-from="{first}" data-to="{last}" hidden></div>'
    return head + "".join(fragments)


def cell_html(cell: CellSnapshot) -> str:
    """A whole cell, with its editor's place: for the page and for new cells."""
    return render_to_string(
        "notebook/cell.html",
        {"cell": cell, "lines": cell.code.count("\n") + 1, "status": status_html(cell), "output": output_html(cell)},
    )


def created_html(cell: CellSnapshot) -> str:
    """A new cell; the page puts it in its place by `data-position`."""
    return f'<div hx-swap-oob="beforeend:#cells">{cell_html(cell)}</div>'


def _oob(oob: bool) -> str:
    return ' hx-swap-oob="true"' if oob else ""


def status_html(cell: CellSnapshot, oob: bool = False) -> str:
    """Status, duration, freshness, and whom to blame."""
    if cell.type == "markdown":
        return f'<div id="cell-{cell.id}-status" class="status" data-status="text" data-freshness=""{_oob(oob)}></div>'
    running = cell.status == "running" and cell.started_at is not None
    started = f' data-started="{cell.started_at:.3f}"' if running else ""
    queue = f' data-queue="{cell.queue}"' if cell.queue is not None else ""
    parts = [f'<span class="status-word"{started}>{STATUS[cell.status]}</span>']
    if cell.duration is not None and cell.status in ("success", "error", "interrupted"):
        parts.append(f'<span class="duration">{duration_text(cell.duration)}</span>')
    if cell.freshness in FRESHNESS:
        word, title = FRESHNESS[cell.freshness]
        parts.append(f'<span class="chip {cell.freshness}" title="{title}">{word}</span>')
    if cell.manual:
        parts.append('<span class="chip" title="Runs only when asked for">Manual</span>')
    if cell.reason:
        parts.append(f'<p class="reason">{_with_code(cell.reason)}</p>')
    return (
        f'<div id="cell-{cell.id}-status" class="status" data-status="{cell.status}" '
        f'data-freshness="{cell.freshness or ""}"{queue}{_oob(oob)}>{"".join(parts)}</div>'
    )


def _with_code(sentence: str) -> str:
    """A sentence in which names stand between backticks."""
    return _BACKTICKS.sub(r"<code>\1</code>", escape(sentence))


def duration_text(seconds: float) -> str:
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} µs"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)} min {int(seconds % 60)} s"


def output_html(cell: CellSnapshot, oob: bool = False) -> str:
    """Everything that a cell shows: streams, displays, value, error, hints."""
    execution = "" if cell.execution is None else cell.execution
    head = f'<div id="cell-{cell.id}-output" class="output" data-execution="{execution}"{_oob(oob)}>'
    return head + _output_body(cell) + "</div>"


def _output_body(cell: CellSnapshot) -> str:
    if cell.type == "markdown":
        text = (
            markdown_html(cell.code) if cell.code.strip() else '<p class="faint">Empty text: press Enter to write.</p>'
        )
        return f'<div class="markdown">{text}</div>'
    spans = "".join(stream_span(each.stream, each.text) for each in cell.streams)
    parts = [
        f'<div id="cell-{cell.id}-progress" class="progress-place">{_progress(cell.progress)}</div>',
        f'<pre id="cell-{cell.id}-stream" class="stream" tabindex="-1">{spans}</pre>',
    ]
    for place, display in enumerate(cell.displays):
        parts.append(bundle_html(display, str(place), cell.outputs, cell.id))
    if cell.output is not None:
        parts.append(bundle_html(cell.output, "value", cell.outputs, cell.id))
    if cell.error is not None:
        parts.append(error_html(cell.error.name, cell.error.message, cell.error.traceback))
    parts += [f'<p class="hint">{escape(hint)}</p>' for hint in cell.hints]
    return "".join(parts)


def stream_html(cell_id: str, execution: int | None, stream: str, text: str) -> str:
    """Text to append to what a cell has written."""
    span = stream_span(stream, text)
    return f'<pre hx-swap-oob="beforeend:#cell-{cell_id}-stream" data-execution="{execution or ""}">{span}</pre>'


def progress_html(cell_id: str, done: float, total: float | None, label: str) -> str:
    state = ProgressState(done=done, total=total, label=label)
    return f'<div id="cell-{cell_id}-progress" class="progress-place" hx-swap-oob="true">{_progress(state)}</div>'


def _progress(state: ProgressState | None) -> str:
    if state is None:
        return ""
    label = escape(state.label)
    bounds = f'max="{state.total:g}" value="{state.done:g}" ' if state.total else ""
    done = f"{state.done:g} of {state.total:g}" if state.total else f"{state.done:g}"
    bar = f'<progress {bounds}aria-label="{label or "Progress"}"></progress>'
    return f'<div class="progress">{bar} {label} {done}</div>'


__all__ = [
    "cell_html",
    "created_html",
    "frame_html",
    "output_html",
    "progress_html",
    "rows_html",
    "status_html",
    "stream_html",
]
