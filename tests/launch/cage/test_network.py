"""What a kernel reaches of the network: what an administrator allows."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from kernel.launch.cage.policy import Rules
from kernel.launch.local import LocalRuntime
from tests.launch.support import Kernel

pytestmark = pytest.mark.asyncio(loop_scope="session")

REACH = """
import socket
def reach(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 5): return "reached"
    except PermissionError: return "refused"
    except OSError as error: return "off" if error.errno == 97 else repr(error)
def datagram():
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s: s.sendto(b"!", ("127.0.0.1", 9)); return "sent"
    except OSError: return "refused"
"""


@pytest.fixture
def ports() -> Iterator[tuple[int, int]]:
    """Two that are listened on."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        yield one.getsockname()[1], other.getsockname()[1]


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("on", ("reached", "reached", "sent")),
        ("one port", ("reached", "refused", "refused")),
        ("off", ("off", "off", "refused")),
    ],
)
async def test_a_kernel_reaches_what_is_allowed(
    tmp_path: Path, ports: tuple[int, int], network: str, expected: tuple[str, str, str]
) -> None:
    allowed: Literal["on", "off"] | tuple[int, ...] = ports[:1]
    if network == "on":
        allowed = "on"
    elif network == "off":
        allowed = "off"
    runtime = LocalRuntime(tmp_path, modules=("json",), rules=Rules(network=allowed))
    kernel = await Kernel.start(runtime)
    await kernel.run(REACH)
    assert await kernel.value(f"reach({ports[0]}), reach({ports[1]}), datagram()") == repr(expected)
    assert await kernel.value("import asyncio; await asyncio.sleep(0, 'loops work')") == "'loops work'"
    await runtime.close()
