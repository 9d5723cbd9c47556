"""The kernel's two ends of its socket: commands come in, numbered events go out and are kept until acknowledged."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
from array import array
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from kernel import protocol
from kernel.process.interrupts import Interrupts

HOST_GONE = 0  # the status with which a kernel ends when its host is no longer there
BROKEN = 3  # ... and when the host said something that is not part of the protocol
AT_ONCE = 16  # frames that one system call sends
CHUNK = 256 * 1024  # bytes read at a time
DESCRIPTORS = 16  # ... and descriptors
RECEIVING = socket.MSG_DONTWAIT | getattr(socket, "MSG_CMSG_CLOEXEC", 0)


# made once, before kernels are forked: what it takes to make them is shared memory then
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(protocol.Command)


class TooLarge(ValueError):
    """An event that does not fit into one frame."""


class Outbox:
    """Events: numbered from 1, sent in order, kept until acknowledged.

    `post` waits while the socket is full, which is how a slow host slows the kernel down. An interrupt may end that
    wait, but never tears a frame: what is left of it goes out first the next time. Any thread may post.
    """

    def __init__(self, sock: socket.socket, interrupts: Interrupts) -> None:
        self._sock = sock
        self._interrupts = interrupts
        self._lock = threading.RLock()
        self._next = 1
        self._kept: deque[tuple[int, bytes]] = deque()
        self._unsent: deque[memoryview] = deque()
        self._connected = True

    def post(self, kind: type[Any], *, hold: bool = False, **fields: Any) -> int:
        """Send an event of this kind and return its number. Raises TooLarge, and nothing is sent then.

        One that is held leaves with the next one, which must be due at once.
        """
        if not self._connected:
            return 0
        with self._interrupts, self._lock:
            number = self._next
            frame = self._frame(kind(number=number, **fields))
            self._next += 1
            self._kept.append((number, frame))
            self._unsent.append(memoryview(frame))
        if not hold:
            self.flush()
        return number

    def flush(self) -> None:
        """Send what is left to send, waiting for room."""
        while not self._send():
            poll = select.poll()
            poll.register(self._sock, select.POLLOUT)
            poll.poll()

    def acknowledge(self, number: int) -> None:
        with self._lock:
            while self._kept and self._kept[0][0] <= number:
                self._kept.popleft()

    def resend(self, after: int) -> None:
        """Send again what was not acknowledged, from number `after` + 1 on; a frame under way is finished first."""
        self.flush()
        with self._interrupts, self._lock:
            self._unsent.extend(memoryview(frame) for number, frame in self._kept if number > after)
        self.flush()

    def disconnect(self) -> None:
        """In a process that user code forked: it shares the socket and must not write to it."""
        self._connected = False
        self._lock = threading.RLock()
        self._unsent.clear()

    def _send(self) -> bool:
        with self._interrupts, self._lock:
            while self._unsent:
                try:
                    frames = list(islice(self._unsent, AT_ONCE))
                    sent = self._sock.sendmsg(frames, (), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
                except BlockingIOError:
                    return False
                except OSError:
                    os._exit(HOST_GONE)
                while self._unsent and sent >= len(self._unsent[0]):
                    sent -= len(self._unsent.popleft())
                if sent:
                    self._unsent[0] = self._unsent[0][sent:]
        return True

    def _frame(self, event: msgspec.Struct) -> bytes:
        try:
            data = _encoder.encode(event)
        except UnicodeEncodeError:  # lone surrogates, which msgpack cannot carry
            data = _encoder.encode(_scrub(msgspec.to_builtins(event, builtin_types=(bytes,))))
        if len(data) > protocol.MAX_FRAME:
            raise TooLarge(f"{len(data) / 1e6:.1f} MB are more than one message can hold.")
        return len(data).to_bytes(4, "big") + data


def _scrub(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_scrub(key): _scrub(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_scrub(item) for item in value]
    return value


def _receive(sock: socket.socket) -> tuple[bytes, array[int]]:
    """What is there, with the descriptors that came with it. (`socket.recv_fds` of Python 3.11 ignores its flags.)"""
    descriptors = array("i")
    data, ancillary, _, _ = sock.recvmsg(CHUNK, socket.CMSG_SPACE(DESCRIPTORS * descriptors.itemsize), RECEIVING)
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
    return data, descriptors


class Reply(NamedTuple):
    """The broker's reply, with the descriptor of the memory that its data are in, if they are."""

    reply: protocol.SqlReply
    memory: int | None

    def close(self) -> None:
        if self.memory is not None:
            os.close(self.memory)


class Inbox:
    """Commands, in order. `Cancel`, `Acknowledge` and `SqlReply` take effect when they are read, the others queue.

    `poll` reads what is there without waiting; the signal handler calls it too, while `next` or `replies` wait, and
    wakes them through a pair of sockets, since it may have read what they wait for.
    """

    def __init__(self, sock: socket.socket, interrupts: Interrupts, acknowledge: Callable[[int], None]) -> None:
        self._sock = sock
        self._interrupts = interrupts
        self._acknowledge = acknowledge
        self._buffer = bytearray()
        self._commands: deque[protocol.Command] = deque()
        self._replies: dict[int, deque[Reply]] = {}
        self._descriptors: deque[int] = deque()
        self._wake, self._waker = socket.socketpair()
        self._wake.setblocking(False)
        self._waker.setblocking(False)
        self._closed = False
        self._broken = ""
        interrupts.poll = self._poll_from_handler

    def next(self) -> protocol.Command | None:
        """The next command, waiting for it; None when the host has gone."""
        while not self._commands and not self._closed:
            self._wait()
        return self._commands.popleft() if self._commands else None

    @property
    def runs_next(self) -> bool:
        """Whether the next command is there already and is to run a cell."""
        return bool(self._commands) and isinstance(self._commands[0], protocol.Execute)

    def poll(self) -> None:
        """Read and sort what has arrived, without waiting."""
        with self._interrupts:
            while not self._closed:
                try:
                    data, descriptors = _receive(self._sock)
                except BlockingIOError:
                    return
                except OSError:
                    data, descriptors = b"", array("i")
                self._closed = not data
                self._descriptors += descriptors
                self._buffer += data
                self._parse()

    def expect(self, request: int) -> None:
        """From now on keep the replies to this request; others are dropped."""
        self._replies[request] = deque()

    def replies(self, request: int) -> Iterator[Reply]:
        """The replies to a request that was announced by `expect`, up to the last one, waiting for each.

        Their descriptors are good until the next one.
        """
        waiting = self._replies[request]
        try:
            while True:
                while not waiting:
                    self._wait()
                    if self._closed and not waiting:
                        os._exit(self.status)
                with contextlib.closing(waiting.popleft()) as received:
                    yield received
                if received.reply.last or received.reply.error:
                    return
        finally:
            with self._interrupts:
                for left in self._replies.pop(request, ()):
                    left.close()

    @property
    def status(self) -> int:
        """With which status to end, once closed."""
        return BROKEN if self._broken else HOST_GONE

    @property
    def broken(self) -> str:
        """What the host sent that is not part of the protocol, or ''."""
        return self._broken

    def _wait(self) -> None:
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        poll.poll()
        with self._interrupts:
            try:
                self._wake.recv(CHUNK)
            except BlockingIOError:
                pass
            self.poll()

    def _poll_from_handler(self) -> None:
        self.poll()
        try:
            self._waker.send(b"!")
        except BlockingIOError:
            pass  # one that waits has been woken already

    def _parse(self) -> None:
        start = 0
        while len(self._buffer) - start >= 4 and not self._broken:
            length = int.from_bytes(self._buffer[start : start + 4], "big")
            if length > protocol.MAX_FRAME:
                return self._break(f"a frame of {length} bytes")
            if len(self._buffer) - start - 4 < length:
                break
            with memoryview(self._buffer) as view:
                self._decode(view[start + 4 : start + 4 + length])
            start += 4 + length
        del self._buffer[:start]

    def _decode(self, data: memoryview) -> None:
        with data:
            try:
                command = _decoder.decode(data)
            except msgspec.MsgspecError as error:
                return self._break(str(error))
        self._sort(command)

    def _break(self, what: str) -> None:
        self._broken, self._closed = what, True
        self._commands.clear()

    def _sort(self, command: protocol.Command) -> None:
        match command:
            case protocol.Cancel():
                self._interrupts.cancel(command.executions)
            case protocol.Acknowledge():
                self._acknowledge(command.number)
            case protocol.SqlReply():
                self._keep(command)
            case _:
                self._commands.append(command)

    def _keep(self, reply: protocol.SqlReply) -> None:
        if reply.shared and not self._descriptors:
            return self._break("a result in memory without its descriptor")
        received = Reply(reply, self._descriptors.popleft() if reply.shared else None)
        if reply.request in self._replies:
            self._replies[reply.request].append(received)
        else:
            received.close()
