"""For views and the admin: what they change in a notebook that may be live goes through its coordinator."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from django.contrib.auth.models import AbstractBaseUser
from django.utils import timezone

from kernel.launch.cage.report import Confinement
from notebooks_app.models import Notebook, Session

from .host import Host, current
from .hub import group
from .operations import By
from .reasons import stopped_by
from .survey import Everywhere

Answer = TypeVar("Answer")

TIMEOUT = 15.0
"""Seconds that a view waits for the live part."""
IMPORTING = 70.0
"""The same for packages that are imported: longer than a zygote may take."""


def rename(notebook_id: str, user: AbstractBaseUser, title: str) -> None:
    """Give a notebook another title, for everyone who has it open too."""
    host = current()
    session = _session(notebook_id)
    if host is None or session is None:
        Notebook.objects.filter(pk=notebook_id).update(title=title, updated_at=timezone.now())
        return
    _wait(host, host.directory.rename(session, By(user=user.pk, name=user.get_username()), title))


def close(notebook_id: str, reason: str) -> None:
    """End the live session of a notebook that was deleted, and tell who has it open."""
    host = current()
    session = _session(notebook_id)
    if host is None or session is None:
        return
    _wait(host, _close(host, session, reason))


async def _close(host: Host, session: str, reason: str) -> None:
    message = {"type": "close", "session": session, "code": 4404, "reason": reason}
    await host.hub.layer.group_send(group(session), message)
    await host.hub.tell_everyone({"type": "end", "session": session})


def access_changed(notebook_ids: list[str] | None) -> None:
    """Who may use these notebooks (None: any) changed: sockets look again at once."""
    host = current()
    if host is not None:
        _wait(host, host.hub.tell_everyone({"type": "access", "notebooks": notebook_ids}))


def kernels() -> Everywhere:
    """All kernels that run, in all processes of the portal."""
    host = current()
    return Everywhere() if host is None else _wait(host, host.survey.everywhere())


def stop_kernel(session: str, user: AbstractBaseUser) -> None:
    """End a kernel on an administrator's wish; who has the notebook open is told whose it was."""
    host = current()
    if host is not None:
        name = user.get_full_name() or user.get_username()  # type: ignore[attr-defined]
        _wait(host, host.directory.stop_kernel(session, stopped_by(name)))


def use_packages(modules: Sequence[str]) -> None:
    """Have kernels begin with these modules from now on. Raises KernelNotStarted if they cannot be imported."""
    host = current()
    if host is not None:
        _wait(host, host.survey.use(modules), IMPORTING)


def confinement() -> Confinement | None:
    """What holds kernels on this machine; None where none are started."""
    host = current()
    return None if host is None else _wait(host, host.runtime.confinement())


def _session(notebook_id: str) -> str | None:
    found = Session.objects.filter(notebook_id=notebook_id, kind="shared").values_list("pk", flat=True).first()
    return None if found is None else str(found)


def _wait(host: Host, work: Coroutine[Any, Any, Answer], timeout: float = TIMEOUT) -> Answer:
    """Run on the server's loop; views run in threads of their own."""
    return asyncio.run_coroutine_threadsafe(work, host.loop).result(timeout)
