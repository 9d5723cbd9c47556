"""The process that kernels are forked from: `python -m kernel.launch.zygote DESCRIPTOR [MODULE ...]`.

It has the common packages imported, runs no user code and no thread of its own, and does three things: it forks a
kernel when the host asks, it tells the host how each of them ended, and it ends (with all its kernels) when the host
has gone. One message is one packet of the socket, so nothing is ever read by halves.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import sys

import msgspec

from kernel.launch.cage import system
from kernel.launch.cage.policy import installation
from kernel.launch.child import become_kernel
from kernel.launch.environment import COMMON
from kernel.launch.family import end_all_of, end_strays
from kernel.launch.packets import MAX_MESSAGE, Fork, Forked, Reaped, Report, Warm
from kernel.launch.preload import Preloaded, preload, threads, warm


class Zygote:
    def __init__(self, host: socket.socket, loaded: Preloaded) -> None:
        self._host = host
        self._loaded = loaded
        self._children: dict[int, int] = {}  # kernels, and the user of each (0: ours)
        self._decoder = msgspec.msgpack.Decoder(Fork)
        self._wake, self._waker = socket.socketpair()
        self._waker.setblocking(False)
        self._wake.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        system.prctl(system.PR_SET_CHILD_SUBREAPER, 1)  # what a kernel leaves behind comes to us

    def run(self) -> None:
        self._report(Warm(skipped=self._loaded.skipped, threaded=self._loaded.threaded, threads=threads()))
        while True:
            ready, _, _ = select.select([self._host, self._wake], [], [])
            if self._wake in ready:
                with contextlib.suppress(BlockingIOError):
                    self._wake.recv(4096)
            self._reap()
            if self._host in ready and not self._serve():
                return self._end()

    def _serve(self) -> bool:
        """Do what the host asks; False when it has gone."""
        try:
            data, descriptors, _, _ = socket.recv_fds(self._host, MAX_MESSAGE, 2)
        except OSError:
            return False
        if not data:
            return False
        try:
            self._fork(self._decoder.decode(data), descriptors)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return True

    def _fork(self, request: Fork, descriptors: list[int]) -> None:
        try:
            pid = os.fork()
        except OSError as error:
            return self._report(Forked(request=request.request, pid=0, error=str(error)))
        if pid == 0:
            become_kernel(descriptors[0], descriptors[1], request.place)
        self._children[pid] = request.place.policy.user if request.place.policy else 0
        self._report(Forked(request=request.request, pid=pid))

    def _reap(self) -> None:
        """Before a kernel is waited for, its process id is still its own: then what it started is ended."""
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            if ended.si_pid in self._children:
                self._end_family(ended.si_pid)
            _, status = os.waitpid(ended.si_pid, 0)
            if self._children.pop(ended.si_pid, None) is not None:
                self._report(Reaped(pid=ended.si_pid, status=os.waitstatus_to_exitcode(status)))

    def _end_family(self, kernel: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(kernel, signal.SIGKILL)
        user = self._children[kernel]
        others = {pid: of for pid, of in self._children.items() if pid != kernel}
        if not user:
            end_strays(others)
        elif user not in others.values():
            end_all_of(user)

    def _report(self, report: Report) -> None:
        with contextlib.suppress(OSError):  # the host has gone, which the next read says too
            self._host.send(msgspec.msgpack.encode(report), socket.MSG_NOSIGNAL)

    def _end(self) -> None:
        for pid in self._children:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        for user in set(self._children.values()):
            end_all_of(user)
        for pid in self._children:  # then all that they leave behind is ours
            os.waitpid(pid, 0)
        end_strays(())


def main(descriptor: int, modules: tuple[str, ...]) -> None:
    host = socket.socket(fileno=descriptor)
    gc.disable()
    loaded = preload(modules)
    installation()  # looked up once for all kernels
    warm()
    gc.enable()
    Zygote(host, loaded).run()


if __name__ == "__main__":
    main(int(sys.argv[1]), tuple(sys.argv[2:]) or COMMON)
