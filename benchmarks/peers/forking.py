"""`python -m benchmarks.peers.forking DESCRIPTOR CODE MODULE ...`: the limit of a kernel's start.

It imports the modules that kernels have, warms itself as their zygote does, and forks on request. The child runs CODE,
whose last line is an expression, turns its value into the bundle that a page gets, sends it, and ends.
"""

from __future__ import annotations

import ast
import gc
import os
import signal
import socket
import sys

import msgspec
import psutil

from kernel.launch.preload import preload, warm
from kernel.output.bundle import Presenter
from kernel.output.tables import Tables


def main(descriptor: int, code: str, modules: list[str]) -> None:
    host = socket.socket(fileno=descriptor)
    gc.disable()
    preload(modules)
    warm()
    gc.enable()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    host.send(b"warm")
    while request := host.recv(1):
        if os.fork() == 0:
            _show(host, code, request == b"m")
            os._exit(0)


def _show(host: socket.socket, code: str, memory: bool) -> None:
    tree = ast.parse(code)
    value = tree.body.pop()
    assert isinstance(value, ast.Expr)
    namespace: dict[str, object] = {}
    exec(compile(tree, "<cell>", "exec"), namespace)
    shown = eval(compile(ast.Expression(value.value), "<cell>", "eval"), namespace)
    bundle = msgspec.msgpack.encode(Presenter(Tables()).bundle(shown))
    host.send(str(psutil.Process().memory_full_info().uss).encode() if memory else bundle)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
    os._exit(0)  # libraries that are taken down complain of each other
