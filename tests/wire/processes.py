"""The kernel processes of a running portal, found by the folder that they work in."""

from __future__ import annotations

import psutil

from notebooks_app.models import Notebook
from tests.support.portal import Portal


def kernels(portal: Portal, notebook: Notebook) -> list[psutil.Process]:
    """Those of a notebook's session."""
    assert portal.process is not None
    folder = str(portal.directory / "kernels" / "work" / str(notebook.sessions.get().pk))
    family = psutil.Process(portal.process.pid).children(recursive=True)
    return [process for process in family if _works_in(process, folder)]


def _works_in(process: psutil.Process, folder: str) -> bool:
    try:
        return bool(process.cwd() == folder)
    except psutil.Error:
        return False
