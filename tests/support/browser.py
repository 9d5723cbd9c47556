"""Finds Chromium, and installs Debian's where that is allowed: `python -m tests.support.browser`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ADVICE = "install Chromium (on Debian: apt-get install chromium), or set CHROMIUM to its path"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def find() -> str | None:
    """The path of a Chromium, or None."""
    return os.environ.get("CHROMIUM") or next((path for name in NAMES if (path := shutil.which(name))), None)


def required() -> bool:
    """Where nobody looks at skipped tests, a missing browser is a failure."""
    return os.environ.get("CI", "").lower() in ("1", "true")


def install() -> bool:
    """Install Debian's Chromium if this user may; says so. Whether there is one now."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return False
    print("Installing Chromium for the browser tests (once)...", flush=True)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]):
        subprocess.run(command, env=environment, **quiet)
    return find() is not None


def main() -> int:
    if find() or install():
        return 0
    if required():
        print(f"cascade: the browser tests need Chromium: {ADVICE}", file=sys.stderr)
        return 1
    print(f"No Chromium was found: the browser tests are skipped. To run them, {ADVICE}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
