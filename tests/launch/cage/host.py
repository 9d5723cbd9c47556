"""A portal in small, to be attacked: `python -m tests.launch.cage.host KIND SECRET`, with names of trials on its input.

It starts as root; KIND is `root`, or `ordinary`, which gives root's rights up first, or `bare`, which is an ordinary
user who may make no namespaces. On its output is what the trials
came to, by name: `got`, or the error. The first line of input is a list of names, all in JSON.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from kernel.launch.cage import mounts, system
from kernel.launch.cage.policy import Limits, Rules, installation
from kernel.launch.contract import Exit
from kernel.launch.local import LocalRuntime
from kernel.launch.nursery import ROOT
from kernel.protocol import Finished
from tests.launch.cage.trials import HELP, TRIALS
from tests.launch.support import Kernel

SECRET = "s3cr3t-of-the-portal"
ORDINARY = 4_321
FILES = 512


def become_ordinary(namespaces: bool) -> None:
    """A user that may read the Python installation, wherever root keeps it; perhaps one that may make no namespaces."""
    if not namespaces:
        _forbid_namespaces()
    system.unshare(0x00020000)
    system.mount(None, "/", None, 16384 | (1 << 18))
    mounts._open_ways([path for each in (*installation(), str(ROOT)) for path in (each, os.path.realpath(each))])
    os.setgroups([])
    os.setresgid(ORDINARY, ORDINARY, ORDINARY)
    os.setresuid(ORDINARY, ORDINARY, ORDINARY)
    system.prctl(system.PR_SET_DUMPABLE, 1)


def _forbid_namespaces() -> None:
    """In a user namespace of our own we say how many there may be in it. Its users are those outside."""
    mine, theirs = os.pipe()
    parent = os.getpid()
    if not (helper := os.fork()):
        os.close(theirs)
        if not os.read(mine, 1):
            os._exit(1)
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{parent}/{name}").write_text("0 0 100000")
        os._exit(0)
    system.unshare(0x10000000)
    os.write(theirs, b"!")
    os.waitpid(helper, 0)
    Path("/proc/sys/user/max_user_namespaces").write_text("0")


@contextlib.contextmanager
def portal(data: Path) -> Iterator[dict[str, Any]]:
    """What there is to attack: files, processes, sockets, memory. SECRET is in all of them."""
    key, spare = data / "secret_key", data / "spare"
    for path in (key, spare):
        path.touch(0o600)
        path.write_text(SECRET)
    shared = Path(f"/dev/shm/portal-{os.getpid()}")
    shared.touch(0o600)
    shared.write_text(SECRET)
    memory = ctypes.create_string_buffer(f"{SECRET} in memory".encode())
    with contextlib.ExitStack() as stack:
        listening, abstract = (stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(2))
        datagrams = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        for bound, name in ((listening, f"{data}/s"), (abstract, f"\0cage-{os.getpid()}"), (datagrams, f"{data}/d")):
            bound.bind(name)
        listening.listen(100)
        abstract.listen(100)
        victim, witness = (subprocess.Popen(["sleep", "600"]) for _ in range(2))
        stack.callback(shared.unlink)
        stack.callback(victim.kill)
        stack.callback(witness.kill)
        yield {
            "secret": SECRET, "key": str(key), "spare": str(spare), "data": str(data), "shared": str(shared),
            "settings": str(ROOT / "notebookproject/settings.py"), "open_folder": "/tmp", "host": os.getpid(),
            "memory": memory.value.decode(), "address": ctypes.addressof(memory), "listening": f"{data}/s",
            "abstract": f"cage-{os.getpid()}", "datagrams": f"{data}/d", "victim": victim.pid, "witness": witness.pid,
            "installed": str(data) if os.geteuid() else sysconfig.get_path("purelib"), "files": FILES,
        }  # fmt: skip


async def attack(runtime: LocalRuntime, there: dict[str, Any], names: list[str]) -> dict[str, str]:
    """What each trial came to."""
    other = await Kernel.start(runtime, "other")
    await other.run("open('mine.txt', 'w').write('mine')")
    zygote = runtime._zygotes.pid
    assert zygote is not None
    place = runtime._kernels[other.handle.kernel].place
    there = there | {
        "other": other.handle.pid, "zygote": zygote, "other_file": f"{place.work}/mine.txt",
        "other_temporary": place.temporary,
    }  # fmt: skip
    kernel = await Kernel.start(runtime, "hostile")
    await kernel.run(f"{HELP}\nT = {there!r}", "help")
    found = {}
    for name in names:
        outcome = await kernel.run(TRIALS[name].code, "trial")
        error = outcome.finished.error
        found[name] = f"{error.name}: {error.message}" if error else f"got {outcome.text}"
    await asyncio.sleep(0.1)
    found["have the system kill it"] = f"got {psutil.Process(there['witness']).status() == psutil.STATUS_ZOMBIE}"
    for each in (kernel, other):
        await each.stop()
    return found


async def main(directory: Path, names: list[str]) -> dict[str, Any]:
    """The trials in both kinds of kernels, and what the cage says of itself."""
    rules = Rules(limits=Limits(files=FILES))
    found: dict[str, Any] = {}
    for kind, given in (("caged", rules), ("free", None)):
        runtime = LocalRuntime(directory / kind, modules=("json",), rules=given)
        with portal(directory) as there:
            found[kind] = await attack(runtime, there, names)
        for name in ("s", "d"):
            (directory / name).unlink()
        if given is not None:
            confinement = await runtime.confinement()
            found["parts"] = {part.name: [part.active, part.essential, part.why] for part in confinement.parts}
        await runtime.close()
    found["required"] = await required(directory)
    return found


async def required(directory: Path) -> str:
    """What becomes of a kernel that must be confined completely."""
    runtime = LocalRuntime(directory / "required", modules=("json",), rules=Rules(required=True))
    kernel = await Kernel.start(runtime)
    kernel.execute("'it runs'")
    await asyncio.wait({asyncio.create_task(kernel.seen(Finished)), asyncio.create_task(kernel.exit())}, timeout=10,
                       return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
    last = kernel.log[-1]
    await runtime.close()
    return last.reason if isinstance(last, Exit) else "it runs"


if __name__ == "__main__":
    if sys.argv[1] != "root":
        become_ordinary(namespaces=sys.argv[1] == "ordinary")
    os.environ["CASCADE_SECRET_KEY"] = SECRET
    home = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        print(json.dumps(asyncio.run(main(home, json.loads(sys.stdin.readline())))))
    finally:
        shutil.rmtree(home, ignore_errors=True)
