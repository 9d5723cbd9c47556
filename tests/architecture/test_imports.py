"""Imports point one way: the portal uses the kernel, never the reverse, and no cycle hides in a function."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("kernel", "notebooks_app", "notebookproject")
WEB_MAY_USE = ("kernel.protocol", "kernel.analysis", "kernel.graph", "kernel.sql", "kernel.launch")


def sources(*folders: str) -> list[Path]:
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    assert found
    return [path for path in found if "migrations" not in path.parts]


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path, node: ast.AST) -> Iterator[str]:
    """The absolute names that an import statement names, with the names that it takes from them."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            package = module_of(path).split(".")
            keep = len(package) - node.level + (path.name == "__init__.py")
            base = ".".join([*package[:keep], *([base] if base else [])])
        yield from (f"{base}.{alias.name}" for alias in node.names)


def run_alone(code: str) -> str:
    """In a fresh process, without settings of Django."""
    finished = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


def test_the_kernel_imports_no_django() -> None:
    modules = [module_of(path) for path in sources("kernel") if path.name != "__main__.py"]
    code = f"""
import importlib, sys
for name in {modules!r}:
    importlib.import_module(name)
print(sorted(name for name in sys.modules if name.split(".")[0] in
             ("django", "channels", "daphne", "notebooks_app", "notebookproject")))
"""
    assert run_alone(code) == "[]"


def test_the_kernel_names_no_portal() -> None:
    """Also where an import would come later than at the start."""
    for path in sources("kernel"):
        for node in ast.walk(ast.parse(path.read_text())):
            for name in imported(path, node):
                assert name.split(".")[0] not in ("django", "channels", "notebooks_app", "notebookproject"), path


@pytest.mark.parametrize("folder", ["notebooks_app", "notebookproject"])
def test_web_code_uses_of_the_kernel_only_what_it_may(folder: str) -> None:
    live = ROOT / "notebooks_app" / "live"
    for path in sources(folder):
        if path.is_relative_to(live):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            for name in imported(path, node):
                if name.split(".")[0] == "kernel":
                    assert any(name == each or name.startswith(each + ".") for each in WEB_MAY_USE), (path, name)


def test_the_host_needs_neither_pandas_nor_the_worker() -> None:
    """What user code runs in is imported by the zygote, never by the portal."""
    code = """
import os, sys, tempfile
os.environ.update(DJANGO_SETTINGS_MODULE="notebookproject.settings", CASCADE_SECRET_KEY="k" * 50,
                  CASCADE_DATA_DIR=tempfile.mkdtemp())
import django
django.setup()
import notebooks_app.live.host, notebookproject.asgi, notebookproject.urls
heavy = ("pandas", "matplotlib", "plotly", "duckdb", "IPython")
print(sorted(name for name in sys.modules if name in heavy or name.startswith(("kernel.process", "kernel.output"))))
"""
    assert run_alone(code) == "[]"


@pytest.mark.parametrize("package", PACKAGES)
def test_an_import_inside_a_function_says_why(package: str) -> None:
    """With `noqa: PLC0415` and a reason, which holds for the imports that follow it too."""
    for path in sources(package):
        lines = path.read_text().splitlines()
        for function in ast.walk(ast.parse(path.read_text())):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            reason = ""
            for node in _statements(function):
                if not isinstance(node, ast.Import | ast.ImportFrom):
                    reason = ""
                    continue
                comment = "\n".join(lines[node.lineno - 1 : node.end_lineno]).partition("#")[2]
                place = f"{path.relative_to(ROOT)}:{node.lineno}"
                assert "noqa:" in comment and "PLC0415" in comment, f"{place}: an import in a function"
                reason = comment.partition("PLC0415")[2].strip(" ()#:") or reason
                assert reason, f"{place}: an import in a function, without a reason"


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """The statements of a function, in order; those of functions in it are theirs."""
    for child in ast.iter_child_nodes(node):
        own = not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
        if own and isinstance(child, ast.stmt | ast.excepthandler):
            yield child
            yield from _statements(child)


def test_no_cycle_of_imports_within_the_kernel() -> None:
    """Modules can be laid out in an order, so that none needs a later one (what only types need does not count)."""
    names = {module_of(path): path for path in sources("kernel")}
    needs: dict[str, set[str]] = {}
    for module, path in names.items():
        wanted = needs[module] = set()
        for node in _at_the_start(ast.parse(path.read_text())):
            for name in imported(path, node):
                found = name if name in names else name.rpartition(".")[0]
                if found in names and found != module and not module.startswith(found + "."):
                    wanted.add(found)
    while needs:
        free = {module for module, wanted in needs.items() if not wanted & set(needs)}
        assert free, f"These need each other: {sorted(needs)}"
        needs = {module: wanted for module, wanted in needs.items() if module not in free}


def _at_the_start(tree: ast.Module) -> Iterator[ast.AST]:
    for node in tree.body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield from ast.walk(node)
