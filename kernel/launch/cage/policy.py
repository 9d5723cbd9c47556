"""What the cage is made of: what an administrator decides, and what that means for one kernel."""

from __future__ import annotations

import functools
import os
import site
import sys
from pathlib import Path
from typing import Literal

import msgspec

_KERNEL = Path(__file__).resolve().parents[2]

GIB = 1024**3

SYSTEM = (
    "/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin",
    # what the C library looks up: libraries, names of hosts and services, the time zone
    "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/nsswitch.conf", "/etc/resolv.conf", "/etc/hosts",
    "/etc/host.conf", "/etc/gai.conf", "/etc/services", "/etc/protocols", "/etc/localtime", "/etc/timezone",
    # certificates (not the keys beside them), fonts, types of files
    "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/pki/tls/certs", "/etc/pki/tls/cert.pem", "/etc/pki/ca-trust",
    "/etc/ca-certificates", "/etc/fonts", "/etc/mime.types", "/etc/alternatives",
    # what libraries ask about the machine
    "/proc/meminfo", "/proc/cpuinfo", "/proc/stat", "/proc/loadavg", "/proc/uptime", "/proc/version",
    "/proc/filesystems", "/proc/sys/vm", "/proc/sys/kernel/random", "/proc/sys/kernel/pid_max",
    "/proc/sys/fs/pipe-max-size", "/proc/sys/net/core/somaxconn",
    "/sys/fs/cgroup", "/sys/devices/system/cpu", "/sys/devices/system/node",
    "/sys/kernel/mm/transparent_hugepage",
)  # fmt: skip
"""Read-only for every kernel, as far as it is there."""

DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/urandom", "/dev/random")
SHARED_MEMORY = "/dev/shm"


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Caps for one kernel and all that it starts: bytes of memory, processes and threads, bytes on disk, open files."""

    memory: int = 2 * GIB
    processes: int = 512
    disk: int = 5 * GIB
    files: int = 1024


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What an administrator decides.

    `network`: `on` (connect to anything), `off` (no internet sockets), or the TCP ports that may be connected to, of
    any host; then nothing but TCP. `required`: no kernel starts where an essential part of the cage is missing.
    """

    limits: Limits = Limits()
    network: Literal["on", "off"] | tuple[int, ...] = "on"
    required: bool = False


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What one kernel is to be confined to. Beside the system and its own two folders it reads `readable`.

    `user` is the user and group id to take, 0 to keep the present one; `why_not` says why there is none.
    """

    rules: Rules
    readable: tuple[str, ...] = ()
    user: int = 0
    why_not: str = ""


@functools.cache
def installation() -> tuple[str, ...]:
    """This Python, and what it imports from; first to be called in a process with a clean environment."""
    parts = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, *site.getsitepackages()}
    imported = {entry for entry in sys.path if entry and Path(entry) != _KERNEL.parent}
    named = {os.environ.get("SSL_CERT_FILE", ""), os.environ.get("SSL_CERT_DIR", "")}
    libraries = set(os.environ.get("LD_LIBRARY_PATH", "").split(":"))
    found = {path for path in parts | imported | named | libraries if path and os.path.exists(path)}
    return (*sorted(path for path in found if not any(_within(path, other) for other in found)), str(_KERNEL))


def _within(path: str, other: str) -> bool:
    return path.startswith(other.rstrip("/") + "/")
