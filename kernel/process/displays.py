"""`display(...)` and what IPython's display functions do here: each call is one event, up to a limit that says so."""

from __future__ import annotations

import uuid
from typing import Any

import IPython.core.display_functions as ipython_functions
import IPython.display as ipython_display

from kernel.output.bundle import Presenter, bounded, sanitised
from kernel.output.figures import Figures, is_matplotlib
from kernel.process.channel import Outbox
from kernel.process.streams import Streams
from kernel.protocol import Display, MimeBundle

MAX_DISPLAYS = 1000  # of one execution
MAX_BYTES = 64 * 1024 * 1024  # of one execution's displays, updates included

NOT_CLEARED = "clear_output() does nothing here. Use display(..., display_id=...) and update_display() instead."


class Displays:
    """What the running cell displays."""

    def __init__(self, outbox: Outbox, streams: Streams, presenter: Presenter) -> None:
        self._outbox = outbox
        self._streams = streams
        self._presenter = presenter
        self.figures = Figures(self.show)
        self.hints: list[str] = []
        self._execution: int | None = None
        self._count = self._bytes = 0
        self._left_out = 0

    def begin(self, execution: int) -> None:
        self._execution = execution
        self._count = self._bytes = self._left_out = 0
        self.hints = []
        self.figures.install()

    def end(self) -> None:
        if self._left_out:
            self._streams.write("stderr", f"\n[{self._left_out} more displays were not shown: a cell shows at most "
                                f"{MAX_DISPLAYS}, and {MAX_BYTES // 10**6} MB.]\n")  # fmt: skip
        self._execution = None

    def show(self, value: Any) -> None:
        """One value, as `display(value)` does it."""
        if bundle := self._presenter.bundle(value):
            self._post(bundle, "", False)

    def display(
        self,
        *objects: Any,
        include: Any = None,
        exclude: Any = None,
        metadata: Any = None,
        transient: Any = None,
        display_id: str | bool | None = None,
        raw: bool = False,
        clear: bool = False,
        update: bool = False,
        **_: Any,
    ) -> Any:
        """Show each of the objects. With a `display_id` a handle is returned whose `update(obj)` replaces it."""
        if update and not display_id:
            raise TypeError("display_id required for update_display")
        name = uuid.uuid4().hex if display_id is True else str(display_id or "")
        if not objects and name:
            objects, raw = ({"text/plain": ""},), True
        for value in objects:
            if is_matplotlib(value):
                self.figures.mark(value)
            bundle = bounded(sanitised(value)) if raw else self._presenter.bundle(value, include, exclude)
            if bundle is not None:
                self._post(bundle, name, update)
        return ipython_functions.DisplayHandle(name) if name else None  # type: ignore[no-untyped-call]

    def publish(
        self, data: Any, metadata: Any = None, *, transient: Any = None, update: bool = False, **_: Any
    ) -> None:
        self.display(data, raw=True, display_id=(transient or {}).get("display_id"), update=update)

    def clear(self, wait: bool = False) -> None:
        if NOT_CLEARED not in self.hints:
            self.hints.append(NOT_CLEARED)

    def install(self) -> None:
        """Take the place of IPython's functions, for code that imports them from there."""
        for module in (ipython_functions, ipython_display):
            names = module.__dict__
            names.update(display=self.display, publish_display_data=self.publish, clear_output=self.clear)

    def _post(self, bundle: MimeBundle, name: str, update: bool) -> None:
        if self._execution is None:
            raise RuntimeError("display() works only while a cell runs.")
        size = sum(len(content) if isinstance(content, str | bytes) else 1000 for content in bundle.values())
        self._count += not update
        self._bytes += size
        if self._count > MAX_DISPLAYS or self._bytes > MAX_BYTES:
            self._left_out += 1
            return
        self._streams.flush()
        self._outbox.post(Display, execution=self._execution, bundle=bundle, display_id=name, update=update)
