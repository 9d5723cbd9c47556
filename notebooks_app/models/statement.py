"""Every SQL statement that the broker ran."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Statement(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    notebook = models.ForeignKey("Notebook", null=True, on_delete=models.SET_NULL, related_name="statements")
    cell = models.UUIDField(null=True)
    connection_name = models.TextField()
    statement = models.TextField()
    at = models.DateTimeField()
    duration = models.FloatField("seconds", null=True)
    rows = models.BigIntegerField(null=True)
    error = models.TextField(default="", blank=True)

    class Meta:
        db_table = "statement"
        ordering = ["-at"]

    def __str__(self) -> str:
        return self.statement[:80]
