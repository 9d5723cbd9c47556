"""What turns a fresh process into a kernel, whether it was forked or started: its own session, files and signals."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from kernel.launch.cage.enclose import NotConfined, enclose
from kernel.launch.packets import Place
from kernel.launch.preload import preload
from kernel.launch.reasons import UNCONFINED
from kernel.process.worker import serve

_INHERITED = 3  # the descriptors 0, 1 and 2 stay
_MAX_DESCRIPTORS = 65536
_ROOT = Path(__file__).resolve().parents[2]


def become_kernel(channel: int, lifeline: int, place: Place, modules: Sequence[str] = ()) -> None:
    """Be a kernel on the socket `channel`; does not return. `lifeline` is a socket that closes when the host ends.

    `modules` are imported in the cage, by a process that has not been forked from one that has them: they may start
    threads, and a thread that is older than the cage would not be in it.
    """
    status = 1
    try:
        _default_signals()
        if os.getpid() != os.getsid(0):
            os.setsid()
        _keep_only(channel, lifeline)
        _die_with(lifeline)
        _settle(place)
        confine(place)
        if modules:
            preload(modules)
        _draw_anew()
        status = serve(socket.socket(fileno=channel))
    except NotConfined as error:
        print(f"kernel: not confined: {error}", file=sys.stderr, flush=True)
        status = UNCONFINED
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def confine(place: Place) -> None:
    """The last step before user code: what this process may still do from here on is decided here.

    It must not need a module that has not been imported before, and there is no other thread yet.
    """
    if place.policy is not None:
        enclose(place.policy, place.work, place.temporary)


def _default_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _keep_only(*descriptors: int) -> None:
    """Close every descriptor but these and the standard three; the standard input is empty."""
    start = _INHERITED
    for kept in sorted(descriptors):
        os.closerange(start, kept)
        start = kept + 1
        os.set_inheritable(kept, False)
    os.closerange(start, _MAX_DESCRIPTORS)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)


def _die_with(lifeline: int) -> None:
    """Have this whole process group killed when the other end of `lifeline` closes, whatever user code is doing.

    The system sends the signal, so neither a thread nor the interpreter is needed for it.
    """
    if not hasattr(fcntl, "F_SETSIG"):
        return
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        if not os.read(lifeline, 1):  # it closed before we listened
            os._exit(0)


def _settle(place: Place) -> None:
    os.umask(0o077)
    os.chdir(place.work)
    os.environ.update(HOME=place.work, PWD=place.work, TMPDIR=place.temporary)
    tempfile.tempdir = None
    sys.argv = [""]
    sys.path[:] = ["", *(entry for entry in sys.path if entry and Path(entry) != _ROOT)]


def _draw_anew() -> None:
    """What the zygote has imported must not be the same in every kernel."""
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()  # otherwise every kernel would draw the same numbers
    if pyarrow := sys.modules.get("pyarrow"):
        pyarrow.set_cpu_count(max(2, len(os.sched_getaffinity(0))))
