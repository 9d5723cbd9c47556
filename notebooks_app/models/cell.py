"""A cell: its text, settings and place on the page."""

from __future__ import annotations

import uuid

from django.db import models


class Cell(models.Model):
    """`position` is a fractional key: it orders the cells of a notebook by plain comparison."""

    class Type(models.TextChoices):
        PYTHON = "python"
        SQL = "sql"
        MARKDOWN = "markdown"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    notebook = models.ForeignKey("Notebook", on_delete=models.CASCADE, related_name="cells")
    cell_type = models.TextField(choices=Type.choices, default=Type.PYTHON)
    code = models.TextField(default="", blank=True)
    version = models.IntegerField(default=0)
    position = models.TextField(db_collation="C")
    disabled = models.BooleanField(default=False)
    manual = models.BooleanField(default=False)
    code_hidden = models.BooleanField(default=False)
    output_name = models.TextField(default="", blank=True)
    connection = models.TextField(default="", blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "cell"
        ordering = ["position"]
        indexes = [models.Index(fields=["notebook", "position"], name="cell_place")]

    def __str__(self) -> str:
        return f"{self.cell_type} cell {self.id}"
