"""`make run`'s command on a fresh data directory: what a newcomer and an operator see."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.portal import QUICK, ROOT, Portal, free_port


def left_behind(directory: Path) -> list[str]:
    """Processes that have to do with this data directory."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd", "environ"]):
        information = process.info
        words = " ".join(information["cmdline"] or []) + str(information["cwd"]) + str(information["environ"])
        if str(directory) in words and process.status() != psutil.STATUS_ZOMBIE:
            found.append(" ".join(information["cmdline"] or []))
    return found


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="cascade-start-") as path:
        yield Path(path) / "data"


def test_the_first_start_the_second_and_the_end(directory: Path) -> None:
    portal = Portal(directory).start()
    passwords = re.findall(r"password '([^']+)'", portal.said)
    assert len(passwords) == 1 and len(passwords[0]) >= 12
    assert f"http://127.0.0.1:{portal.port}/" in portal.said
    for secret in ("postgres/settings.json", "secret_key"):
        assert stat.S_IMODE((directory / secret).stat().st_mode) == 0o600
    assert portal.stop() == 0
    assert "Traceback" not in portal.said and "rror" not in portal.said
    assert left_behind(directory) == []

    again = Portal(directory, **QUICK)
    began = time.monotonic()
    again.start()
    assert time.monotonic() - began < 30
    assert portal.said.count("password '") == 1
    assert again.stop(signal.SIGTERM) == 0
    assert "Traceback" not in again.said
    assert left_behind(directory) == []


def test_killed_without_warning_it_starts_again_and_has_lost_nothing(directory: Path) -> None:
    account = {"CASCADE_ADMIN_USERNAME": "root", "CASCADE_ADMIN_PASSWORD": "a password of ours"}
    portal = Portal(directory, **QUICK, **account).start()
    assert "password" not in portal.said.replace("CASCADE_ADMIN_PASSWORD", "")
    assert portal.process is not None
    portal.process.kill()
    portal.process.wait()
    again = Portal(directory, **QUICK).start()
    assert again.stop() == 0
    assert left_behind(directory) == []


def run(**environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("CASCADE_", "DJANGO_"))}
    return subprocess.run(
        [sys.executable, "-m", "notebookproject.launch"],
        cwd=ROOT,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def one_line(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 1, result
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("cascade: ")
    return lines[0]


def test_a_port_in_use(directory: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        said = one_line(run(PORT=port, CASCADE_DATA_DIR=str(directory)))
    assert port in said and "PORT" in said


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"PORT": "eighty"}, ["PORT", "eighty"]),
        ({"PORT": "99999"}, ["PORT", "65535"]),
        ({"HOST": "not.a.host.invalid"}, ["HOST"]),
        ({"DATABASE_URL": "postgresql://nobody:secret@127.0.0.1:1/nothing"}, ["DATABASE_URL", "reached"]),
        ({"DATABASE_URL": "nonsense"}, ["DATABASE_URL"]),
        ({"REDIS_URL": "http://localhost"}, ["REDIS_URL"]),
        ({"CASCADE_KERNEL_PACKAGES": "numpy, --pandas"}, ["CASCADE_KERNEL_PACKAGES", "'--pandas'"]),
        ({"CASCADE_CULL_IDLE_AFTER": "soon"}, ["CASCADE_CULL_IDLE_AFTER", "'soon'"]),
        ({"CASCADE_CULL_IDLE_WATCHED_AFTER": "-1"}, ["CASCADE_CULL_IDLE_WATCHED_AFTER", "'-1'"]),
        ({"CASCADE_DATA_DIR": "/proc/cascade"}, ["CASCADE_DATA_DIR", "/proc/cascade"]),
        ({"CASCADE_DATA_DIR": "/dev/null/x"}, ["CASCADE_DATA_DIR"]),
        ({"CASCADE_KERNEL_MEMORY": "plenty"}, ["CASCADE_KERNEL_MEMORY", "plenty", "2G"]),
        ({"CASCADE_KERNEL_MEMORY": "10M"}, ["CASCADE_KERNEL_MEMORY", "256M"]),
        ({"CASCADE_KERNEL_PROCESSES": "-1"}, ["CASCADE_KERNEL_PROCESSES", "whole number"]),
        ({"CASCADE_KERNEL_NETWORK": "443,https"}, ["CASCADE_KERNEL_NETWORK", "ports"]),
        ({"CASCADE_REQUIRE_CAGE": "perhaps"}, ["CASCADE_REQUIRE_CAGE", "1 or 0"]),
    ],
)
def test_a_wrong_value_ends_with_one_line_that_says_how_to_mend_it(
    directory: Path, environment: dict[str, str], words: list[str]
) -> None:
    said = one_line(run(**{"PORT": str(free_port()), "CASCADE_DATA_DIR": str(directory)} | environment))
    assert all(word in said for word in words), said
    assert "secret@" not in said


def test_redis_that_does_not_answer(directory: Path, database_url: str) -> None:
    said = one_line(
        run(
            PORT=str(free_port()),
            CASCADE_DATA_DIR=str(directory),
            DATABASE_URL=database_url,
            REDIS_URL="redis://127.0.0.1:1",
        )
    )
    assert "Redis cannot be reached" in said


def test_two_portals_on_one_data_directory(directory: Path, database_url: str) -> None:
    first = Portal(directory, DATABASE_URL=database_url, **QUICK).start()
    try:
        said = one_line(run(PORT=str(free_port()), CASCADE_DATA_DIR=str(directory), DATABASE_URL=database_url))
        assert "Another portal" in said
    finally:
        first.stop()
