"""Frames and descriptors to a kernel, at a real pair of sockets."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator

import pytest

from kernel.launch.outgoing import Outgoing
from kernel.memory import Memory
from tests.launch.support import eventually

CONTENT = b"what was lent"


@pytest.fixture
def peer() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    with ours, theirs:
        yield ours, theirs


def read(sock: socket.socket) -> tuple[bytes, list[int]]:
    """All that is there."""
    data, found = b"", list[int]()
    while True:
        try:
            more, descriptors, _, _ = socket.recv_fds(sock, 1_000_000, 4)
        except BlockingIOError:
            return data, found
        data += more
        found += descriptors


async def test_a_descriptor_comes_with_its_frame_and_frames_keep_their_order(
    peer: tuple[socket.socket, socket.socket],
) -> None:
    outgoing = Outgoing(peer[0])
    memory = Memory(lambda file: file.write(CONTENT))
    outgoing.send(b"x" * 5_000_000)
    outgoing.send(b"lent", memory)
    outgoing.send(b"last")
    data, descriptors = b"", list[int]()

    def complete() -> bool:
        more, found = read(peer[1])
        nonlocal data
        data += more
        descriptors.extend(found)
        return data.endswith(b"last")

    await eventually(complete)
    assert data == b"x" * 5_000_000 + b"lentlast"
    (descriptor,) = descriptors
    assert os.pread(descriptor, 100, 0) == CONTENT
    os.close(descriptor)
    assert outgoing.size == 0
    outgoing.close()


async def test_what_nobody_waits_for_any_more_is_left_out(peer: tuple[socket.socket, socket.socket]) -> None:
    outgoing = Outgoing(peer[0])
    memory = Memory(lambda file: file.write(CONTENT))
    outgoing.send(b"x" * 1_000_000)
    outgoing.send(b"lent", memory)
    outgoing.send(b"last")
    memory.end()
    data = bytearray()
    await eventually(lambda: data.extend(read(peer[1])[0]) or data.endswith(b"last"))
    assert bytes(data) == b"x" * 1_000_000 + b"last"
    outgoing.close()


async def test_a_peer_that_is_gone_swallows_everything(peer: tuple[socket.socket, socket.socket]) -> None:
    outgoing = Outgoing(peer[0])
    peer[1].close()
    outgoing.send(b"x" * 5_000_000)
    await asyncio.sleep(0)
    outgoing.send(b"last")
    assert outgoing.size == 0
    outgoing.close()
