"""A real portal in a process of its own, as `make run` starts it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STARTING = 90.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


QUICK = {"CASCADE_KERNEL_PACKAGES": "json"}
"""For portals whose kernels have no work to do: nothing is imported for them in advance."""


class Portal:
    """`output` is a file with everything that it printed."""

    def __init__(self, directory: Path, **environment: str) -> None:
        self.port = int(environment.get("PORT") or free_port())
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.output = directory / "portal.log"
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("CASCADE_", "DJANGO_"))}
        for name in ("DATABASE_URL", "REDIS_URL", "HOST"):
            inherited.pop(name, None)
        self.environment = inherited | {"PORT": str(self.port), "CASCADE_DATA_DIR": str(directory)} | environment
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def launch(self) -> subprocess.Popen[bytes]:
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "notebookproject.launch"],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        return self.process

    def start(self) -> Portal:
        """Launch, and return when it answers. Raises RuntimeError with what it said."""
        process = self.launch()
        end = time.monotonic() + STARTING
        while time.monotonic() < end:
            if process.poll() is not None:
                raise RuntimeError(f"The portal ended with status {process.returncode}:\n{self.said}")
            try:
                urllib.request.urlopen(self.url + "/accounts/login/", timeout=5).close()
                if "Cascade is ready" in self.said:
                    return self
            except OSError:
                pass
            time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"The portal did not answer within {STARTING} s:\n{self.said}")

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """The status with which it ended."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
