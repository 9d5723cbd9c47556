"""Closing the cage around the present process: what needs rights comes first, then rights are given up, then the rest.

Nothing of it can be undone by the process, nor by what it starts. It must have one thread only yet.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from kernel.launch.cage import landlock, limits, mounts, seccomp, system
from kernel.launch.cage.landlock import CHANGE, IOCTL_DEV, READ, READ_DIR, READ_FILE, WRITE_FILE
from kernel.launch.cage.policy import DEVICES, SHARED_MEMORY, SYSTEM, Policy, installation
from kernel.launch.cage.report import Confinement, Part

_kept: list[int] = []  # this process's own folder in /proc: a rule holds for as long as the system remembers the file


class NotConfined(Exception):
    """An essential part of the cage is missing, and the rules demand it. The text says which."""


def enclose(policy: Policy, work: str, temporary: str) -> Confinement:
    """Confine this process to its two folders and what the policy allows. Raises NotConfined, or OSError."""
    confinement = Confinement(parts=tuple(_Closing(policy, work, temporary).close()))
    if policy.rules.required and not confinement.complete:
        raise NotConfined(confinement.sentence())
    return confinement


class _Closing:
    def __init__(self, policy: Policy, work: str, temporary: str) -> None:
        self._policy = policy
        self._folders = (work, temporary)
        self._own_view = self._own_processes = False
        self._parts: list[Part] = []

    def close(self) -> list[Part]:
        rules, user = self._policy.rules, self._policy.user
        root = os.geteuid() == 0
        self._try("no thread before the cage", _one_thread)
        self._try("limits", lambda: limits.apply(rules.limits))
        self._own_view = self._try("own view of files", self._separate, essential=not user)
        system.bound_capabilities()
        if user:
            _become(user)
        self._parts.append(Part(name="own user", active=bool(user), why=self._policy.why_not, essential=root))
        if user or (self._own_view and not root):
            self._try("limit of processes", lambda: limits.cap_processes(rules.limits), essential=False)
        self._try("no capabilities", system.drop_capabilities)
        self._try("no new privileges", lambda: system.prctl(system.PR_SET_NO_NEW_PRIVS, 1))
        if not user:  # then those who are left by their parents stay in the family, and end with the kernel
            self._try("adopted children", lambda: system.prctl(system.PR_SET_CHILD_SUBREAPER, 1))
        system.prctl(system.PR_SET_DUMPABLE, 1)  # a change of user took it away, and with it /proc/self
        self._landlock()
        self._try("system calls", self._seccomp)
        self._try("processors", limits.give_way)
        return self._parts

    def _try(self, name: str, action: Callable[[], object], essential: bool = True) -> bool:
        why = ""
        try:
            action()
        except OSError as error:
            why = error.strerror or str(error)
        self._parts.append(Part(name=name, active=not why, why=why, essential=essential))
        return not why

    def _separate(self) -> None:
        ways = (*installation(), *self._policy.readable, *self._folders) if self._policy.user else ()
        own_processes = mounts.separate(self._folders, self._policy.rules.limits.memory, ways)
        self._own_processes = own_processes and bool(self._policy.user)
        os.chdir(self._folders[0])  # not where we were: that can no longer be written

    def _landlock(self) -> None:
        version = landlock.abi()
        network = self._policy.rules.network
        files = self._try("files", lambda: self._restrict(version))
        needs = (("signals", 6, not self._policy.user), ("ports", 4, isinstance(network, tuple)))
        for name, since, essential in needs:
            why = "" if files and version >= since else f"Landlock {since} is needed, this system has {version}"
            self._parts.append(Part(name=name, active=not why, why=why, essential=essential))

    def _restrict(self, version: int) -> None:
        if not version:
            raise OSError(0, "this system has no Landlock")
        network = self._policy.rules.network
        rules = landlock.Ruleset(version, connecting=network != "on")
        for path in (*SYSTEM, *installation(), *self._policy.readable):
            rules.allow(path, READ)
        for path in DEVICES:
            rules.allow(path, READ_FILE | WRITE_FILE | IOCTL_DEV)
        for path in self._folders:
            rules.allow(path, READ | CHANGE)
        if self._own_view:
            rules.allow(SHARED_MEMORY, READ | CHANGE)
        elif self._policy.user:  # what is there belongs to others; nobody lists it
            rules.allow(SHARED_MEMORY, (READ | CHANGE) & ~READ_DIR)
        _kept.append(os.open("/proc/self", os.O_PATH | os.O_CLOEXEC))
        rules.allow(_kept[0], READ | WRITE_FILE)
        if self._own_processes:  # then what it starts also has a /proc/self
            rules.allow("/proc", READ)
        if isinstance(network, tuple) and version >= 4:
            rules.allow_connecting(network)
        rules.enforce()

    def _seccomp(self) -> None:
        machine = system.machine()
        if machine is None:
            raise OSError(0, "the numbers of this machine's system calls are not known")
        network = self._policy.rules.network
        seccomp.install(machine, seccomp.program(machine, network != "off", network == "on"))


def _one_thread() -> None:
    if system.threads() != 1:
        raise OSError(0, "the process has several threads already, which the cage does not hold")


def _become(user: int) -> None:
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
