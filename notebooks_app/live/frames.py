"""Events to frames: JSON lists for programs, HTML fragments and JSON for pages. Rendered once per broadcast."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from notebooks_app.rendering import fragments

from .events import BroadcastEvent, CellCreated, CellOutput, CellProgress, CellSnapshot, CellStatus, CellStream
from .snapshot import snapshot
from .state import State

AT_MOST = 10
"""Fragments in one HTML frame: Chromium swaps 1,000 in one frame in 2.6 s, ten a frame in 0.15 s."""
EVENTS_AT_MOST = 200
BYTES_AT_MOST = 1 << 20

_encoder = msgspec.json.Encoder()
_HTML = (CellCreated, CellStatus, CellOutput, CellStream, CellProgress)


def json_text(value: object) -> str:
    return _encoder.encode(value).decode()


def json_frames(events: Iterable[BroadcastEvent]) -> list[str]:
    """Lists of events, in order, of a bounded size."""
    frames: list[str] = []
    pending: list[bytes] = []
    size = 0
    for event in events:
        encoded = _encoder.encode(event)
        if pending and (len(pending) >= EVENTS_AT_MOST or size + len(encoded) > BYTES_AT_MOST):
            frames.append(_list(pending))
            pending, size = [], 0
        pending.append(encoded)
        size += len(encoded)
    if pending:
        frames.append(_list(pending))
    return frames


def _list(encoded: list[bytes]) -> str:
    return (encoded[0] if len(encoded) == 1 else b"[" + b",".join(encoded) + b"]").decode()


class HtmlFrames:
    """Renders batches of events of one session for pages.

    A fragment shows the state at the end of its batch, so that each cell's status and output are rendered once a
    batch. A stream is appended, except where the batch shows the whole output anyway: at an execution's first text.
    """

    def __init__(self) -> None:
        self._streaming: dict[str, int] = {}

    def batch(self, events: Iterable[BroadcastEvent], state: State) -> HtmlBatch:
        """A batch about to leave: all its events, and the state after the last."""
        whole: set[str] = set()
        for event in events:
            if isinstance(event, CellOutput):
                whole.add(event.cell_id)
                self._streaming.pop(event.cell_id, None)
        for event in events:
            if isinstance(event, CellStream):
                execution = state.active.get(event.cell_id)
                if execution is not None and self._streaming.get(event.cell_id) != execution:
                    self._streaming[event.cell_id] = execution
                    whole.add(event.cell_id)
        return HtmlBatch(state, whole)


class HtmlBatch:
    """The events of one batch may be rendered in several portions, with answers between them."""

    def __init__(self, state: State, whole: set[str]) -> None:
        self._state = state
        self._whole = whole
        self._done: set[tuple[str, str]] = set()

    def render(self, events: Iterable[BroadcastEvent]) -> list[str]:
        frames: list[str] = []
        run: list[BroadcastEvent] = []
        for event in events:
            if isinstance(event, _HTML):
                run.append(event)
                continue
            frames += self._html(run)
            run = []
            frames.append(json_text(event))
        return frames + self._html(run)

    def _html(self, run: list[BroadcastEvent]) -> list[str]:
        frames: list[str] = []
        pending: list[str] = []
        first = run[0].sequence if run else 0
        for event in run:
            pending += self._fragments(event)
            if len(pending) >= AT_MOST:
                frames.append(fragments.frame_html(first, event.sequence, pending))
                pending, first = [], event.sequence + 1
        if run and first <= run[-1].sequence:
            frames.append(fragments.frame_html(first, run[-1].sequence, pending))
        return frames

    def _fragments(self, event: BroadcastEvent) -> list[str]:
        """What one event adds: nothing if the batch has shown it already, or its cell is gone."""
        if isinstance(event, CellCreated):
            return self._created(event.cell.id)
        assert isinstance(event, CellStatus | CellOutput | CellStream | CellProgress)
        cell = event.cell_id
        if cell not in self._state.cells:
            return []
        if isinstance(event, CellStatus):
            return self._once(cell, "status")
        if isinstance(event, CellOutput) or cell in self._whole:
            return self._once(cell, "output")
        if isinstance(event, CellStream):
            return [fragments.stream_html(cell, self._state.active.get(cell), event.stream, event.text)]
        return [fragments.progress_html(cell, event.done, event.total, event.label)]

    def _created(self, cell: str) -> list[str]:
        if cell not in self._state.cells:
            return []
        self._done |= {(cell, "status"), (cell, "output")}
        return [fragments.created_html(snapshot(self._state, cell))]

    def _once(self, cell: str, part: str) -> list[str]:
        if (cell, part) in self._done:
            return []
        self._done.add((cell, part))
        render = fragments.status_html if part == "status" else fragments.output_html
        return [render(snapshot(self._state, cell), oob=True)]


def present_frames(state: State, sequence: int) -> list[str]:
    """What a stored page lacks: statuses and outputs of the cells that are queued or running."""
    frames = []
    cells = [cell for cell in state.order if cell in state.active]
    for start in range(0, len(cells), AT_MOST // 2):
        shown = [snapshot(state, cell) for cell in cells[start : start + AT_MOST // 2]]
        parts = [html for cell in shown for html in _parts(cell)]
        frames.append(fragments.frame_html(sequence, sequence, parts))
    return frames


def _parts(cell: CellSnapshot) -> list[str]:
    return [fragments.status_html(cell, oob=True), fragments.output_html(cell, oob=True)]
