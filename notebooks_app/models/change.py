"""One durable operation on a notebook: its history."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Change(models.Model):
    notebook = models.ForeignKey("Notebook", on_delete=models.CASCADE, related_name="changes")
    sequence = models.BigIntegerField()
    epoch = models.BigIntegerField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()
    operation = models.JSONField()

    class Meta:
        db_table = "change"
        indexes = [models.Index(fields=["notebook", "sequence"], name="change_order")]

    def __str__(self) -> str:
        return f"change {self.sequence}"
