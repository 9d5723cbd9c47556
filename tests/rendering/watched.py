"""A session of `tests.live.harness` with a page that is open: after each operation it must be as if opened anew."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kernel import protocol
from notebooks_app.live import operations as op
from notebooks_app.live.effects import Applied, Rejected
from notebooks_app.live.events import BroadcastEvent
from notebooks_app.live.frames import HtmlFrames
from notebooks_app.live.output_ids import output_ids
from tests.live.harness import Session

from .page import Page


class Watched(Session):
    """Every operation is a batch of its own, except within `together`."""

    def __init__(self, mode: str = "auto") -> None:
        super().__init__(mode)
        self.frames = HtmlFrames()
        self.page = Page(self.state)
        self.unsent: list[BroadcastEvent] = []
        self.texts: list[str] = []
        self.held = False

    def do(self, operation: op.Operation) -> Applied | Rejected:
        applied = super().do(operation)
        if isinstance(applied, Applied):
            self.unsent += applied.events
            if not self.held:
                self.send()
        return applied

    def send(self) -> None:
        events, self.unsent = self.unsent, []
        texts = self.frames.batch(events, self.state).render(events)
        self.texts += texts
        self.page.take(texts)
        self.page.assert_like(self.state)

    @contextmanager
    def together(self) -> Iterator[None]:
        """What happens in here leaves as one batch."""
        self.held = True
        yield
        self.held = False
        self.send()

    # What a kernel says besides the harness -------------------------------------------------------------------

    def prints(self, text: str, stream: str = "stdout") -> None:
        self._says(protocol.Stream, stream=stream, text=text)

    def shows(self, bundle: protocol.MimeBundle, **fields: Any) -> None:
        self._says(protocol.Display, bundle=bundle, **fields)

    def progresses(self, done: float, total: float | None = 10, label: str = "") -> None:
        self._says(protocol.Progress, done=done, total=total, label=label)

    def returns(self, output: protocol.MimeBundle | None = None, **fields: Any) -> None:
        """End what runs with this value."""
        command, self.begun = self.begun, None
        assert command is not None and self.kernel is not None
        job = self.state.jobs.get(command.execution)
        displays = [shown.bundle for shown in job.displays] if job else []
        status = fields.pop("status", "success")
        said = self.kernel.finished(command, status, output=output, **fields)
        self.do(
            op.KernelSaid(
                epoch=self.kernel_epoch, event=said, id=str(uuid.uuid4()), outputs=output_ids(output, displays)
            )
        )

    def _says(self, kind: Any, **fields: Any) -> None:
        assert self.begun is not None and self.kernel is not None
        self.said(kind(number=self.kernel.next_number(), execution=self.begun.execution, **fields))
