"""A notebook: its title, settings and owner. Its cells, sessions and members refer to it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone
from fractional_indexing import generate_n_keys_between

if TYPE_CHECKING:
    from notebooks_app.access import Role


class Notebook(models.Model):
    """Deleting one marks it; it can be brought back."""

    class Mode(models.TextChoices):
        AUTO = "auto", "run dependents at once"
        LAZY = "lazy", "mark dependents as stale"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    title = models.TextField()
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="notebooks")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now)
    execution_mode = models.TextField(choices=Mode.choices, default=Mode.AUTO)
    auto_run_delay = models.FloatField("seconds before what was typed runs", default=1.5)
    deleted_at = models.DateTimeField(null=True, blank=True)
    connection = models.ForeignKey("Connection", null=True, blank=True, on_delete=models.SET_NULL)
    connection_secret = models.TextField(default="", blank=True, editable=False)
    connection_version = models.IntegerField(default=0, editable=False)

    role: Role  # set by `access.get_notebook`

    class Meta:
        db_table = "notebook"
        ordering = ["-updated_at"]

    def __str__(self) -> str:
        return self.title

    @classmethod
    def create(cls, title: str, owner: Any, cells: list[dict[str, Any]] | None = None) -> Notebook:
        """A notebook with its shared session and its cells (one empty Python cell unless given)."""
        fields = cells if cells is not None else [{"cell_type": "python"}]
        with transaction.atomic():
            notebook = cls.objects.create(title=title, owner=owner)
            notebook.sessions.create()
            positions = generate_n_keys_between(None, None, len(fields))
            cell = notebook.cells.model
            notebook.cells.bulk_create(
                cell(notebook=notebook, position=position, **each)
                for position, each in zip(positions, fields, strict=True)
            )
        return notebook
