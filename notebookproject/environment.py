"""What the environment says, read once: each wrong value ends with a sentence on what to mend."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from kernel.launch.cage.policy import Limits, Rules
from kernel.launch.environment import module_names

ROOT = Path(__file__).resolve().parent.parent


class Misconfigured(Exception):
    """The text is one line: what is wrong, and how to mend it."""


def data_directory() -> Path:
    """Where everything that Cascade keeps on disk is: `CASCADE_DATA_DIR`, by default `var/`."""
    return Path(os.environ.get("CASCADE_DATA_DIR") or ROOT / "var").expanduser().resolve()


def ensure_data_directory() -> Path:
    path = data_directory()
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".probe"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        raise Misconfigured(
            f"The data directory {path} cannot be written ({error.strerror}): "
            "set CASCADE_DATA_DIR to a directory that can."
        ) from None
    return path


def host() -> str:
    return os.environ.get("HOST") or "127.0.0.1"


def port() -> int:
    text = os.environ.get("PORT") or "8000"
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise Misconfigured(f"PORT is {text!r}, which is no port: set it to a number from 1 to 65535.")
    return int(text)


def secret_key() -> str:
    """`CASCADE_SECRET_KEY`, or one that was made once and is kept in the data directory."""
    given = os.environ.get("CASCADE_SECRET_KEY")
    return given or kept_secret(data_directory() / "secret_key")


def kept_secret(path: Path) -> str:
    """A random text made at the first call and kept in a file that only its owner can read."""
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
        return path.read_text().strip()


def redis_url() -> str:
    url = os.environ.get("REDIS_URL") or ""
    if url and urlsplit(url).scheme not in ("redis", "rediss", "unix"):
        raise Misconfigured("REDIS_URL does not begin with redis://, rediss:// or unix://: correct it, or unset it.")
    return url


def database_url() -> str:
    return os.environ.get("DATABASE_URL") or ""


def words(name: str) -> list[str]:
    """A variable that holds a list, separated by commas."""
    return [word.strip() for word in (os.environ.get(name) or "").split(",") if word.strip()]


def kernel_packages() -> list[str]:
    """`CASCADE_KERNEL_PACKAGES`: modules that kernels have imported when they begin; empty for the common ones."""
    try:
        return module_names(os.environ.get("CASCADE_KERNEL_PACKAGES") or "")
    except ValueError as error:
        raise Misconfigured(
            f"CASCADE_KERNEL_PACKAGES has {str(error)!r}, which is no module's name: "
            "give modules as one imports them, separated by commas, such as numpy,pandas,plotly.express."
        ) from None


def culling() -> tuple[float, float]:
    """Seconds after which an unused kernel is stopped: while nobody has its notebook open, and while somebody has."""
    return _seconds("CASCADE_CULL_IDLE_AFTER", 30 * 60), _seconds("CASCADE_CULL_IDLE_WATCHED_AFTER", 24 * 3600)


def _seconds(name: str, default: float) -> float:
    """A variable that holds a time; 0 means never."""
    text = (os.environ.get(name) or "").strip()
    try:
        value = float(text) if text else default
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise Misconfigured(f"{name} is {text!r}, which is no time: set it to a number of seconds, or to 0 for never.")
    return value


def kernel_rules() -> Rules:
    """What kernels may use and reach: `CASCADE_KERNEL_*`, `CASCADE_REQUIRE_CAGE`."""
    limits = Limits(
        memory=_bytes("CASCADE_KERNEL_MEMORY", Limits().memory, least=256 * MIB),
        disk=_bytes("CASCADE_KERNEL_DISK", Limits().disk, least=16 * MIB),
        processes=_count("CASCADE_KERNEL_PROCESSES", Limits().processes, least=16),
    )
    return Rules(limits=limits, network=_network(), required=_switch("CASCADE_REQUIRE_CAGE"))


MIB = 1024**2
_UNITS = {"K": 1024, "M": MIB, "G": 1024**3, "T": 1024**4}
_SIZE = re.compile(r"(\d+)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)


def _bytes(name: str, otherwise: int, least: int) -> int:
    text = os.environ.get(name) or ""
    found = _SIZE.fullmatch(text.strip()) if text else None
    if text and found is None:
        raise Misconfigured(f"{name} is {text!r}, which is no size: set it to bytes, or to something like 2G or 512M.")
    count = int(found[1]) * _UNITS.get(found[2].upper(), 1) if found else otherwise
    if count < least:
        raise Misconfigured(f"{name} is {text!r}, with which no kernel can work: set it to {least // MIB}M or more.")
    return count


def _count(name: str, otherwise: int, least: int) -> int:
    text = os.environ.get(name) or str(otherwise)
    if not text.isdecimal() or int(text) < least:
        raise Misconfigured(f"{name} is {text!r}: set it to a whole number, {least} or more.")
    return int(text)


def _network() -> Literal["on", "off"] | tuple[int, ...]:
    text = os.environ.get("CASCADE_KERNEL_NETWORK") or "on"
    if text == "on":
        return "on"
    if text == "off":
        return "off"
    ports = [word.strip() for word in text.split(",")]
    if not all(port.isdecimal() and 0 < int(port) < 65536 for port in ports):
        raise Misconfigured(
            f"CASCADE_KERNEL_NETWORK is {text!r}: set it to on, to off, or to the TCP ports that "
            "notebooks may connect to, separated by commas."
        )
    return tuple(int(port) for port in ports)


def _switch(name: str) -> bool:
    text = (os.environ.get(name) or "0").lower()
    if text not in ("0", "1", "no", "yes", "false", "true", "off", "on"):
        raise Misconfigured(f"{name} is {text!r}: set it to 1 or 0.")
    return text in ("1", "yes", "true", "on")
