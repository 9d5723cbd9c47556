"""Events to frames: JSON lists for programs, HTML fragments and JSON for pages. Rendered once per broadcast."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import UNSET

from notebooks_app.rendering import fragments
from notebooks_app.rendering.ansi import Continuation

from .events import (
    BroadcastEvent,
    CellConfigured,
    CellCreated,
    CellDeleted,
    CellOutput,
    CellProgress,
    CellSnapshot,
    CellStatus,
    CellStream,
    CellUpdated,
)
from .snapshot import snapshot
from .state import State

AT_MOST = 10
"""Fragments in one HTML frame: Chromium swaps 1,000 in one frame in 2.6 s, ten a frame in 0.15 s."""
EVENTS_AT_MOST = 200
BYTES_AT_MOST = 1 << 20

_encoder = msgspec.json.Encoder()
_HTML = (CellCreated, CellStatus, CellOutput, CellStream, CellProgress)
_Shown = CellCreated | CellStatus | CellOutput | CellStream | CellProgress | CellConfigured | CellUpdated


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
    batch. A text is appended, except where the batch shows the whole output anyway: at an execution's first text,
    and where the text acts on what is there (a carriage return, a colour that goes on).
    """

    def __init__(self) -> None:
        self._live: dict[str, int] = {}  # cell -> the execution whose texts and progress the pages show
        self._texts: dict[str, Continuation] = {}

    def batch(self, events: Sequence[BroadcastEvent], state: State) -> HtmlBatch:
        """A batch about to leave: all its events, and the state after the last."""
        whole: set[str] = set()
        for event in events:
            if isinstance(event, CellOutput | CellDeleted):
                whole.add(event.cell_id)
                self._forget(event.cell_id)
            elif isinstance(event, CellStream) and self._breaks(event):
                whole.add(event.cell_id)
        for event in events:
            if isinstance(event, CellStream | CellProgress | CellStatus):
                self._follow(event, state, whole)
        return HtmlBatch(state, whole, {event.cell_id for event in events if isinstance(event, CellStatus)})

    def _breaks(self, event: CellStream) -> bool:
        return self._texts.setdefault(event.cell_id, Continuation()).breaks(event.text)

    def _follow(self, event: CellStream | CellProgress | CellStatus, state: State, whole: set[str]) -> None:
        """Show the whole output if another execution counts than the one that the pages show, or none."""
        cell = event.cell_id
        if isinstance(event, CellStatus) and cell not in self._live:
            return
        execution = state.active.get(cell)
        if execution is None:
            whole.add(cell)
            self._forget(cell)
        elif self._live.get(cell) != execution:
            whole.add(cell)
            self._live[cell] = execution

    def _forget(self, cell: str) -> None:
        self._live.pop(cell, None)
        self._texts.pop(cell, None)


class HtmlBatch:
    """The events of one batch may be rendered in several portions, with answers between them."""

    def __init__(self, state: State, whole: set[str], statuses: set[str]) -> None:
        self._state = state
        self._whole = whole
        self._statuses = statuses  # cells whose status changes within the batch: it is shown with the output
        self._done: set[tuple[str, str]] = set()

    def show_again(self) -> None:
        """Somebody is being told an earlier state: what follows repeats what was shown of a later one."""
        self._done.clear()

    def render(self, events: Iterable[BroadcastEvent]) -> list[str]:
        frames: list[str] = []
        run: list[_Shown] = []
        for event in events:
            if isinstance(event, _HTML):
                run.append(event)
                continue
            frames += self._html(run)
            run = []
            frames.append(json_text(event))
            if isinstance(event, CellConfigured | CellUpdated) and self._has_looks(event):
                run.append(event)
        return frames + self._html(run)

    def _has_looks(self, event: CellConfigured | CellUpdated) -> bool:
        """Whether what is told as JSON changes fragments too: settings show in the status, text cells are rendered."""
        cell = self._state.cells.get(event.cell_id)
        return cell is not None and (isinstance(event, CellConfigured) or cell.type == "markdown")

    def _html(self, run: list[_Shown]) -> list[str]:
        frames: list[str] = []
        pending: list[str] = []
        first = run[0].sequence if run else 0
        for event in run:
            new = self._fragments(event)
            if pending and len(pending) + len(new) > AT_MOST:
                frames.append(fragments.frame_html(first, event.sequence - 1, pending))
                pending, first = [], event.sequence
            pending += new
        if run:
            frames.append(fragments.frame_html(first, run[-1].sequence, pending))
        return frames

    def _fragments(self, event: _Shown) -> list[str]:
        """What one event adds: nothing if the batch has shown it already, or its cell is gone."""
        if isinstance(event, CellCreated):
            return self._created(event.cell.id)
        cell = event.cell_id
        if cell not in self._state.cells:
            return []
        if isinstance(event, CellStatus):
            return self._once(cell, "status") + (self._once(cell, "output") if cell in self._whole else [])
        if isinstance(event, CellConfigured):
            return self._once(cell, "status") + (self._once(cell, "output") if event.cell_type is not UNSET else [])
        if isinstance(event, CellOutput | CellUpdated) or cell in self._whole:
            return (self._once(cell, "status") if cell in self._statuses else []) + self._once(cell, "output")
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
    """What a stored page lacks: statuses and outputs of the cells that are queued or running.

    A failure that runs again does not block its readers meanwhile, which is not stored either.
    """
    frames = []
    again = [cell for cell in state.active if cell in state.outcomes and state.outcomes[cell].status == "error"]
    live = {*state.active, *state.topology.descendants(again)}
    cells = [cell for cell in state.order if cell in live]
    for start in range(0, len(cells), AT_MOST // 2):
        shown = [snapshot(state, cell) for cell in cells[start : start + AT_MOST // 2]]
        parts = [html for cell in shown for html in _parts(cell)]
        frames.append(fragments.frame_html(sequence, sequence, parts))
    return frames


def _parts(cell: CellSnapshot) -> list[str]:
    return [fragments.status_html(cell, oob=True), fragments.output_html(cell, oob=True)]
