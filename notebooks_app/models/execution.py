"""The last finished execution of a cell in a session, and the parts of its output that have an address."""

from __future__ import annotations

import uuid

from django.db import models


class Execution(models.Model):
    """`record` is what it stood on, `content` what it showed, both msgpack (see `live/records.py`)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    session = models.ForeignKey("Session", on_delete=models.CASCADE, related_name="executions_finished")
    cell = models.ForeignKey("Cell", on_delete=models.CASCADE, related_name="executions")
    number = models.BigIntegerField()
    run = models.TextField(default="", blank=True)
    status = models.TextField()
    record = models.BinaryField()
    content = models.BinaryField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField()
    duration = models.FloatField(default=0.0)

    class Meta:
        db_table = "execution"
        constraints = [models.UniqueConstraint(fields=["session", "cell"], name="one_outcome_per_cell")]

    def __str__(self) -> str:
        return f"execution {self.number}"


class Output(models.Model):
    """Served at `/outputs/<id>/`. `path` says where in the execution's content the part is."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    execution = models.ForeignKey("Execution", on_delete=models.CASCADE, related_name="outputs")
    mime = models.TextField()
    path = models.TextField()

    class Meta:
        db_table = "output"

    def __str__(self) -> str:
        return f"{self.mime} at {self.path}"
