"""A kernel that attacks: what it tries fails in the cage, and works without it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kernel.launch.environment import clean_environment
from kernel.launch.nursery import ROOT
from tests.launch.cage.host import SECRET
from tests.launch.cage.trials import TRIALS

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="the trials are made as root and as another user")

KINDS = ("root", "ordinary", "bare")

NEEDS_A_VIEW = {"lock everybody out of the portal's files", "change their times"}
"""What only a view of files of its own prevents, where a kernel has the user of the portal."""


@pytest.fixture(scope="session", params=KINDS)
def found(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """What all trials came to: the portal runs as root, or as an ordinary user."""
    names = [name for name, trial in TRIALS.items() if request.param == "root" or not trial.root]
    done = subprocess.run(
        [sys.executable, "-m", "tests.launch.cage.host", request.param, SECRET],
        input=json.dumps(names) + "\n", cwd=ROOT, capture_output=True, text=True, timeout=60,
        env=os.environ | clean_environment(Path("/tmp")) | {"CASCADE_SECRET_KEY": SECRET}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return request.param, json.loads(done.stdout)


@pytest.mark.parametrize("name", TRIALS)
def test_it_fails_in_the_cage_and_works_without(found: tuple[str, dict[str, Any]], name: str) -> None:
    kind, outcomes = found
    if TRIALS[name].root and kind != "root":
        pytest.skip("only root can do this at all")
    if kind == "bare" and name in ("make a namespace", "make one by clone"):
        pytest.skip("nobody can do this here")
    assert outcomes["free"][name] == "got True"
    assert (outcomes["caged"][name] == "got True") == (kind == "bare" and name in NEEDS_A_VIEW)


def test_the_report_says_what_is_missing(found: tuple[str, dict[str, Any]]) -> None:
    kind, outcomes = found
    parts = outcomes["parts"]
    missing = {name: why for name, (active, essential, why) in parts.items() if essential and not active}
    assert missing == ({"own view of files": "No space left on device"} if kind == "bare" else {})
    assert parts["own user"][0] == (kind == "root")
    assert parts["limit of processes"][0] if kind != "bare" else "limit of processes" not in parts


def test_a_kernel_that_must_be_confined_and_cannot_be_does_not_run(found: tuple[str, dict[str, Any]]) -> None:
    kind, outcomes = found
    refused = "The kernel was not started: this machine cannot confine it. The portal's log says what is missing."
    assert outcomes["required"] == (refused if kind == "bare" else "it runs")
