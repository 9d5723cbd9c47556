"""The only way to obtain a notebook: fetch and authorize in one call, for pages and for every socket message."""

from __future__ import annotations

from enum import Enum
from typing import Any, LiteralString
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import connection as database
from django.db.models import Q, QuerySet
from django.http import Http404
from psycopg import AsyncConnection

from .models import Connection, Notebook, Output


class Role(Enum):
    """What a person may do with a notebook. Roles are ordered: each may do what the lower ones may."""

    VIEWER = "viewer"
    EDITOR = "editor"
    OWNER = "owner"

    @property
    def rank(self) -> int:
        return list(Role).index(self)

    def __lt__(self, other: Role) -> bool:
        return self.rank < other.rank

    def __ge__(self, other: Role) -> bool:
        return self.rank >= other.rank


_ROLE: LiteralString = """
CASE
    WHEN u.is_superuser OR n.owner_id = u.id THEN 'owner'
    ELSE (
        SELECT m.role FROM membership m
        WHERE m.notebook_id = n.id AND (
            m.user_id = u.id
            OR m.group_id IN (SELECT group_id FROM auth_user_groups WHERE user_id = u.id)
        )
        ORDER BY array_position(ARRAY['owner', 'editor', 'viewer'], m.role) LIMIT 1
    )
END
"""
ROLE_SQL: LiteralString = f"""
SELECT {_ROLE} AS role FROM notebook n, auth_user u
WHERE n.id = %(notebook)s AND u.id = %(user)s AND u.is_active AND n.deleted_at IS NULL
"""
"""The role of a user in a notebook: one row, null or none if there is no access. The highest of several counts."""

SESSION_SQL: LiteralString = f"""
SELECT u.*, s.id::text AS session, {_ROLE} AS role
FROM auth_user u
LEFT JOIN notebook n ON n.deleted_at IS NULL
    AND n.id = coalesce(%(notebook)s::uuid, (SELECT notebook_id FROM cell WHERE id = %(cell)s::uuid))
LEFT JOIN session s ON s.notebook_id = n.id AND s.kind = 'shared'
WHERE u.id = %(user)s
"""
"""A user, and the shared session of a notebook, or of that of a cell, with the user's role: null if there is none."""

CONNECTION_SQL: LiteralString = """
SELECT c.* FROM connection c, auth_user u
WHERE c.id::text = %(connection)s AND u.id = %(user)s AND u.is_active AND (
    c.everyone OR u.is_superuser
    OR EXISTS (SELECT 1 FROM connection_users g WHERE g.connection_id = c.id AND g.user_id = u.id)
    OR EXISTS (
        SELECT 1 FROM connection_groups g JOIN auth_user_groups a ON a.group_id = g.group_id
        WHERE g.connection_id = c.id AND a.user_id = u.id
    )
)
"""
"""A shared connection, if this user may use it: the twin of `usable_connections` for the live part."""


def get_notebook(user: Any, notebook_id: UUID | str, least: Role) -> Notebook:
    """The notebook with the user's `role` on it.

    Raises `Http404` if the user may not know of it, `PermissionDenied` if the role is too low.
    """
    role = _role(user, notebook_id)
    if role is None:
        raise Http404("There is no such notebook, or you have no access to it.")
    if role < least:
        raise PermissionDenied(f"You need the role of an {least.value} for that: ask the notebook's owner.")
    notebook = Notebook.objects.select_related("owner", "connection").get(pk=notebook_id)
    notebook.role = role
    return notebook


def _role(user: Any, notebook_id: UUID | str) -> Role | None:
    with database.cursor() as cursor:
        cursor.execute(ROLE_SQL, {"notebook": str(notebook_id), "user": user.pk})
        row = cursor.fetchone()
    return Role(row[0]) if row and row[0] else None


async def role_of(connection: AsyncConnection[Any], user_id: int, notebook_id: str) -> Role | None:
    """The same for the socket, over its own asynchronous connection (rows are dictionaries)."""
    cursor = await connection.execute(ROLE_SQL, {"notebook": notebook_id, "user": user_id})
    row = await cursor.fetchone()
    return Role(row["role"]) if row and row["role"] else None


def visible_notebooks(user: Any) -> QuerySet[Notebook]:
    """The notebooks that a user may see, deleted ones aside, latest change first."""
    notebooks = Notebook.objects.filter(deleted_at__isnull=True).select_related("owner").order_by("-updated_at")
    if user.is_superuser:
        return notebooks
    mine = Q(owner=user) | Q(memberships__user=user) | Q(memberships__group__user=user)
    return notebooks.filter(pk__in=Notebook.objects.filter(mine).values("pk"))


def get_deleted_notebook(user: Any, notebook_id: UUID | str) -> Notebook:
    """A deleted notebook of the user's own, to bring it back. Raises `Http404`."""
    notebooks = Notebook.objects.filter(pk=notebook_id, deleted_at__isnull=False)
    if not user.is_superuser:
        member = Q(memberships__user=user) | Q(memberships__group__user=user)
        notebooks = notebooks.filter(Q(owner=user) | (member & Q(memberships__role="owner")))
    notebook = notebooks.distinct().first()
    if notebook is None:
        raise Http404("There is no such deleted notebook.")
    return notebook


def get_output(user: Any, output_id: UUID) -> Output:
    """A part of an output that the user may see. Raises `Http404`."""
    output = Output.objects.select_related("execution__session").filter(pk=output_id).first()
    if output is None or _role(user, output.execution.session.notebook_id) is None:
        raise Http404("There is no such output: its cell has run again, or you have no access to it.")
    return output


def administers_kernels(user: Any) -> bool:
    """Whether a user may see all kernels and stop them: staff with the right to change sessions, and superusers."""
    return bool(user.is_active and user.is_staff and user.has_perm("notebooks_app.change_session"))


def require_kernel_administrator(user: Any) -> None:
    """Raises `Http404` for everyone else."""
    if not administers_kernels(user):
        raise Http404("There is no such page, or it is for administrators.")


def usable_connections(user: Any) -> QuerySet[Connection]:
    """The shared connections that a user may choose."""
    if user.is_superuser:
        return Connection.objects.all()
    allowed = Q(everyone=True) | Q(users=user) | Q(groups__user=user)
    return Connection.objects.filter(allowed).distinct()
