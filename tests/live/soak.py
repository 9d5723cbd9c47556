"""`make soak`: the state machine for as long as `CASCADE_SOAK_MINUTES` says, each round with a new seed."""

from __future__ import annotations

import os
import secrets
import sys
import time

import django
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from .machine import Notebook, steps

STEPS = 50
"""At most, in one life of a notebook."""


def explore(number: int, examples: int, shrink: bool = True) -> int:
    """Run the machine from this seed. The steps made; a failure says the seed."""
    before = steps["steps"]
    machine = seed(number)(type(f"Notebook_{number}", (Notebook,), {}))
    chosen = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
        verbosity=Verbosity.normal,
        print_blob=False,
    )
    try:
        run_state_machine_as_test(machine, settings=chosen)
    except BaseException as error:
        error.add_note(f"Seed {number}: python -m tests.live.soak {number} {examples}")
        raise
    return steps["steps"] - before


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    if len(sys.argv) > 1:
        print(
            explore(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 500, shrink=len(sys.argv) < 4), "steps"
        )
        return
    minutes = float(os.environ.get("CASCADE_SOAK_MINUTES", "60"))
    started, total = time.monotonic(), 0
    while time.monotonic() - started < minutes * 60:
        number = secrets.randbelow(2**32)
        total += explore(number, examples=200)
        passed = time.monotonic() - started
        print(f"{total:,} steps in {passed / 60:.1f} min, {total / passed:.0f} a second (seed {number})", flush=True)


if __name__ == "__main__":
    main()
