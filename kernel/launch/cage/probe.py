"""Finding out what the cage is made of on this machine: a process closes it around itself, and says.

`python -m kernel.launch.cage.probe PLACE` prints a `Confinement`; both are JSON.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec

from kernel.launch.cage.enclose import enclose
from kernel.launch.cage.report import Confinement, Part
from kernel.launch.environment import clean_environment
from kernel.launch.packets import Place

_ROOT = Path(__file__).resolve().parents[3]
_SECONDS = 30.0


def probe(place: Place, cache: Path) -> Confinement:
    """What holds a kernel at this place. Takes as long as Python takes to start."""
    if place.policy is None:
        return Confinement(parts=(Part(name="cage", active=False, why="kernels are not confined at all"),))
    policy = msgspec.structs.replace(place.policy, rules=msgspec.structs.replace(place.policy.rules, required=False))
    command = [
        sys.executable, "-P", "-m", "kernel.launch.cage.probe",
        msgspec.json.encode(msgspec.structs.replace(place, policy=policy)).decode(),
    ]  # fmt: skip
    environment = clean_environment(cache) | {"PYTHONPATH": str(_ROOT)}
    try:
        done = subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, timeout=_SECONDS, check=False)
        return msgspec.json.decode(done.stdout, type=Confinement)
    except subprocess.TimeoutExpired:
        why = f"trying it took more than {_SECONDS:.0f} s"
    except msgspec.DecodeError:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        why = said[-1] if said else f"the process that tried it ended with status {done.returncode}"
    return Confinement(parts=(Part(name="cage", active=False, why=why),))


if __name__ == "__main__":
    given = msgspec.json.decode(sys.argv[1], type=Place)
    assert given.policy is not None
    os.chdir(given.work)
    sys.stdout.buffer.write(msgspec.json.encode(enclose(given.policy, given.work, given.temporary)))
