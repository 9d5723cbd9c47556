"""The peers' virtual environments: pinned, made once, under the data directory."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

LIBRARIES = tuple(f"{name}=={version(name)}" for name in ("pandas", "numpy", "pyarrow", "psycopg", "psycopg-binary"))
"""The data libraries are the same as ours, so that only the notebooks differ."""


@dataclass(frozen=True)
class Environment:
    """`shown` are the packages whose versions the table states."""

    path: Path
    requirements: tuple[str, ...]
    shown: tuple[str, ...]

    def program(self, name: str) -> str:
        return str(self.path / "bin" / name)

    def ensure(self) -> None:
        """Make and fill it, unless it holds these requirements already."""
        wanted = "\n".join((*self.requirements, *LIBRARIES))
        mark = self.path / "installed.txt"
        if mark.exists() and mark.read_text() == wanted:
            return
        print(f"Installing {self.path.name} for the comparison (once)...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(self.path)], check=True)
        command = [self.program("python"), "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
        subprocess.run([*command, *wanted.split("\n")], check=True)
        mark.write_text(wanted)

    def versions(self) -> str:
        """`name version` of what is shown, as installed."""
        code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
        found = subprocess.run(
            [self.program("python"), "-c", code, *self.shown], capture_output=True, text=True, check=True
        )
        return ", ".join(f"{name} {each}" for name, each in zip(self.shown, found.stdout.split(), strict=True))


def marimo(directory: Path) -> Environment:
    return Environment(directory / "marimo", ("marimo==0.25.2", "sqlalchemy==2.1.9"), ("marimo", "sqlalchemy"))


def jupyter(directory: Path) -> Environment:
    requirements = ("jupyter-server==2.21.1", "ipykernel==7.4.0", "sqlalchemy==2.1.9")
    return Environment(directory / "jupyter", requirements, ("jupyter-server", "ipykernel", "sqlalchemy"))
