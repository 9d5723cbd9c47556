"""The host's end of one kernel's socket: frames in and out, events kept until acknowledged, back-pressure."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from collections.abc import AsyncIterator, Callable

import msgspec

from kernel.launch.conduct import Conduct
from kernel.launch.contract import Exit, KernelGone
from kernel.launch.loans import Loans
from kernel.launch.outgoing import Outgoing
from kernel.memory import Lent
from kernel.protocol import MAX_FRAME, Acknowledge, Command, Event, Stream

MAX_WAITING = 1000  # events; then the socket is not read until half of them are taken
_CHUNK = 256 * 1024  # bytes read at a time

_decoder = msgspec.msgpack.Decoder(Event)
_encoder = msgspec.msgpack.Encoder()


class Link(asyncio.Protocol):
    """One kernel's events and commands.

    `violated(reason)` is called once when the kernel sent what is not part of the protocol, `silent()` once when it
    closed its end. `finish(exit)` comes from the runtime, when the process is known to be gone: it ends `events`.
    """

    def __init__(self, violated: Callable[[str], None], silent: Callable[[], None]) -> None:
        self._violated = violated
        self._silent = silent
        self._transport: asyncio.Transport | None = None
        self._outgoing: Outgoing | None = None
        self._loans = Loans()
        self._buffer = bytearray()
        self._waiting: deque[Event] = deque()
        self._delivered: deque[Event] = deque()
        self._acknowledged = 0
        self._paused = self._broken = self._closed = False
        self._conduct = Conduct()
        self._exit: Exit | None = None
        self._news = asyncio.Event()
        self._consumer: object = None

    # What the runtime calls

    def send(self, commands: tuple[Command | Lent, ...]) -> None:
        if self._exit is not None or self._closed or self._outgoing is None:
            raise KernelGone("The kernel has ended.")
        for command in commands:
            if isinstance(command, Acknowledge):
                self._acknowledge(command.number)
            if not isinstance(command, Lent):
                self._conduct.asked(command)
                self._outgoing.send(_frame(command))
            elif self._loans.accept(command):
                self._outgoing.send(_frame(command.reply), command.memory)

    @property
    def unsent(self) -> int:
        """Bytes of commands that the kernel's socket had no room for yet."""
        return self._outgoing.size if self._outgoing else 0

    @property
    def lent(self) -> int:
        """Bytes of results that the kernel may be reading."""
        return self._loans.size

    def replay(self) -> None:
        """Begin again with the first event that was not acknowledged; an iteration under way ends."""
        self._consumer = None
        self._waiting.extendleft(reversed(self._delivered))
        self._delivered.clear()
        self._news.set()

    async def events(self) -> AsyncIterator[Event | Exit]:
        if self._consumer is not None:
            raise RuntimeError("Another consumer reads this kernel's events. Attach to it first.")
        me = self._consumer = object()
        try:
            while self._consumer is me:
                if self._waiting:
                    event = self._waiting.popleft()
                    self._delivered.append(event)
                    self._resume()
                    yield event
                elif self._exit is not None:
                    yield self._exit
                    return
                else:
                    self._news.clear()
                    await self._news.wait()
        finally:
            if self._consumer is me:
                self._consumer = None

    def complain(self, text: str) -> None:
        """Have this shown where the running cell prints; nowhere if none runs. It is not the kernel that says it."""
        running = self._conduct.running
        if running is not None and self._exit is None:
            self._waiting.append(Stream(number=self._conduct.number, execution=running, stream="stderr", text=text))
            self._news.set()

    def finish(self, exit: Exit) -> None:
        """The process is gone. What it sent before is still delivered."""
        self._exit = exit
        if self._transport is not None:
            self._drain(self._transport)
            self._transport.close()
        self._part()
        self._news.set()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._outgoing = Outgoing(transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        if not self._broken:
            self._buffer += data
            self._parse()

    def connection_lost(self, error: Exception | None) -> None:
        self._closed = True
        self._part()
        self._silent()

    # Within

    def _part(self) -> None:
        """Nothing more is sent."""
        if self._outgoing is not None:
            self._outgoing.close()
        self._outgoing = None
        self._loans.end()

    def _acknowledge(self, number: int) -> None:
        while self._delivered and self._delivered[0].number <= number:
            self._delivered.popleft()

    def _drain(self, transport: asyncio.Transport) -> None:
        """Read what a process that is gone left in its socket: the news of its end may overtake its last words."""
        if self._broken or self._closed or transport.is_closing():
            return
        with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as rest:
            while len(self._buffer) <= MAX_FRAME:
                try:
                    data = rest.recv(_CHUNK, socket.MSG_DONTWAIT)
                except OSError:
                    break
                if not data:
                    break
                self._buffer += data
        self._parse()

    def _resume(self) -> None:
        if self._paused and len(self._waiting) <= MAX_WAITING // 2:
            self._paused = False
            self._parse()
            if not self._paused and self._transport is not None and not self._closed:
                self._transport.resume_reading()

    def _parse(self) -> None:
        start, buffer = 0, self._buffer
        while len(buffer) - start >= 4 and not self._broken:
            if len(self._waiting) >= MAX_WAITING:
                self._pause()
                break
            length = int.from_bytes(buffer[start : start + 4], "big")
            if length > MAX_FRAME:
                return self._break(f"a message of {length:,} bytes")
            if len(buffer) - start - 4 < length:
                break
            self._decode(bytes(buffer[start + 4 : start + 4 + length]))
            start += 4 + length
        del buffer[:start]
        if self._waiting:
            self._news.set()

    def _pause(self) -> None:
        self._paused = True
        if self._transport is not None and not self._closed:
            self._transport.pause_reading()

    def _decode(self, frame: bytes) -> None:
        try:
            event: Event = _decoder.decode(frame)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return self._break(str(error))
        if problem := self._conduct.problem(event, len(frame)):
            return self._break(problem)
        self._loans.heard(event)
        self._waiting.append(event)

    def _break(self, what: str) -> None:
        self._broken = True
        self._buffer.clear()
        self._news.set()
        self._violated(f"The kernel was ended: it sent what is not part of the protocol ({what}).")


def _frame(command: Command) -> bytes:
    data = _encoder.encode(command)
    return len(data).to_bytes(4, "big") + data
