"""Frames as clients read them: the same for all, whatever each of them understands of compression."""

from __future__ import annotations

from typing import Any

import pytest
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from tests.support.portal import Portal
from tests.support.wire import Client
from tests.support.world import World

from .conftest import Connect

WINDOWS = (None, 9, 12, 15)


@pytest.mark.parametrize("size", [1, 80, 130, 1100, 65_600, 300_000])
async def test_an_output_reaches_every_client_whole(size: int, world: World, connect: Connect, portal: Portal) -> None:
    notebook = world.notebook(f"import random\nprint(''.join(random.choices('abcdefgh ☃', k={size})))")
    (cell,) = world.cells(notebook)
    owner = await connect(notebook)
    others = []
    for window in WINDOWS:
        deflate = [] if window is None else [ClientPerMessageDeflateFactory(server_max_window_bits=window)]
        options: dict[str, Any] = {"compression": None, "extensions": deflate}
        others.append(await Client.connect(portal.url, notebook.pk, world.cookie("reader"), **options))
        await others[-1].hello()
        assert bool(others[-1].connection.protocol.extensions) == (window is not None)
    await owner.run(cellId=cell)
    said = "".join(event["text"] for event in owner.of("cell_stream", cell))
    assert len(said) == size + 1
    for client in others:
        await client.until(lambda event: event["type"] == "run_finished")
        assert "".join(event["text"] for event in client.of("cell_stream", cell)) == said
        await client.close()


async def test_long_frames_are_compressed_and_short_ones_are_not(world: World, connect: Connect) -> None:
    notebook = world.notebook("print('word ' * 4000)")
    (cell,) = world.cells(notebook)
    client = await connect(notebook)
    (deflate,) = client.connection.protocol.extensions
    frames: list[tuple[bool, int, int]] = []  # compressed, its length as sent, as read
    decode = deflate.decode

    def watched(frame: Any, **options: Any) -> Any:
        compressed, sent = frame.rsv1, len(frame.data)
        decoded = decode(frame, **options)
        frames.append((compressed, sent, len(decoded.data)))
        return decoded

    deflate.decode = watched
    await client.run(cellId=cell)
    assert all(compressed == (length >= 1024) for compressed, _, length in frames)
    assert any(length > 20_000 and sent < 1000 for compressed, sent, length in frames)
