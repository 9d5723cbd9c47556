"""What a cell prints: sent as it comes, in order, and cut when it is too much."""

from __future__ import annotations

import io
import os
import threading
import time

from kernel.process.channel import Outbox
from kernel.process.descriptors import Descriptors
from kernel.protocol import Stream, StreamName

MAX_TEXT = 1024 * 1024  # bytes of text of one execution, in all
EAGER = 10_000  # events of one execution that are sent write by write; later ones are merged
MERGED_TEXT = 256  # characters that a merged event holds at least, unless time has passed
PAUSES = ((15_000, 0.1), (20_000, 1.0), (1 << 60, 10.0))  # from the n-th event on, seconds between merged ones


class Streams:
    """Texts on their way out. There is no timer: each write leaves at once, up to `EAGER` of them.

    A cell that goes on writing after that has its small writes merged; what is held back is at most `MERGED_TEXT`
    characters and leaves before anything else is sent, before a sleep, and at the end of the cell.
    """

    def __init__(self, outbox: Outbox, descriptors: Descriptors) -> None:
        self._outbox = outbox
        self._descriptors = descriptors
        self._lock = threading.RLock()
        self._execution: int | None = None
        self._held = ""
        self._between: list[tuple[StreamName, str]] = []
        self._reset()

    def begin(self, execution: int) -> None:
        """From here on texts belong to this execution, and those of threads that wrote since the last one ended."""
        self._reset()
        self._execution = execution
        waiting, self._between = self._between, []
        for name, text in waiting:
            self.write(name, text)

    def end(self) -> None:
        self._descriptors.settle()
        self._read_descriptors()
        self._descriptors.trim()
        self.flush()
        if self._dropped:
            self._post("stderr", f"\n[Output cut: {size(self._dropped)} more were not shown. "
                       "Write large results to a file.]\n")  # fmt: skip
        self._execution = None

    def write(self, name: StreamName, text: str) -> None:
        with self._lock:
            if self._execution is None:
                return self._keep(name, text)
            self._read_descriptors()
            self._take(name, text)

    def flush(self) -> None:
        """Send what is held back."""
        with self._lock:
            if self._held and self._execution is not None:
                text, self._held = self._held, ""
                self._post(self._held_name, text)

    def after_fork(self) -> None:
        """In a process that user code forked, the lock of another thread would never be given back."""
        self._lock = threading.RLock()
        self._held = ""

    def _reset(self) -> None:
        self._room = MAX_TEXT
        self._dropped = 0
        self._events = 0
        self._sent_at = 0.0
        self._held = ""
        self._held_name: StreamName = "stdout"

    def _keep(self, name: StreamName, text: str) -> None:
        """Text of a thread while no cell runs: it leaves with the next execution, as far as there is room."""
        if sum(len(item) for _, item in self._between) < MAX_TEXT:
            self._between.append((name, text[:MAX_TEXT]))

    def _read_descriptors(self) -> None:
        for name, text, skipped in self._descriptors.read(self._room):
            self._take(name, text)
            self._dropped += skipped

    def _take(self, name: StreamName, text: str) -> None:
        if self._room <= 0:
            self._dropped += len(text)
            return
        data = text.encode("utf-8", "replace")
        if len(data) > self._room:
            self._dropped += len(data) - self._room
            text = data[: self._room].decode("utf-8", "ignore")
        self._room -= len(data)
        if text:
            self._send(name, text)

    def _send(self, name: StreamName, text: str) -> None:
        if self._events < EAGER:
            return self._post(name, text)
        if self._held and self._held_name != name:
            self.flush()
        self._held, self._held_name = self._held + text, name
        pause = next(seconds for events, seconds in PAUSES if self._events < events)
        if len(self._held) >= MERGED_TEXT or time.monotonic() - self._sent_at > pause:
            self.flush()

    def _post(self, name: StreamName, text: str) -> None:
        self._events += 1
        self._sent_at = time.monotonic()
        self._outbox.post(Stream, execution=self._execution, stream=name, text=text)


class TextStream(io.TextIOBase):
    """`sys.stdout` or `sys.stderr`. In a process that a cell forked it writes to the descriptor instead."""

    def __init__(self, streams: Streams, name: StreamName, descriptor: int) -> None:
        self.name = f"<{name}>"
        self.mode = "w"
        self.buffer = _Bytes(self)
        self._streams = streams
        self._stream = name
        self._descriptor = descriptor
        self._process = os.getpid()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        return "replace"

    @property
    def line_buffering(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def write(self, text: str, /) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if not text:
            return 0
        if os.getpid() == self._process:
            self._streams.write(self._stream, text)
        else:
            os.write(self._descriptor, text.encode("utf-8", "replace"))
        return len(text)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        """Not for user code to close: the next cell prints too."""


class _Bytes(io.RawIOBase):
    """`sys.stdout.buffer`."""

    def __init__(self, text: TextStream) -> None:
        self._text = text

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        content = bytes(memoryview(data))  # type: ignore[arg-type]
        self._text.write(content.decode("utf-8", "replace"))
        return len(content)


def size(count: int) -> str:
    """A number of bytes for people: 104.8 MB."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.1f} {unit}"
    return f"{count} bytes"
