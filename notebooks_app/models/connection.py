"""A shared Postgres connection, managed by administrators."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone


class Connection(models.Model):
    """`secret` is the encrypted URL: it is never shown again. Who may use it: everyone, or these people and groups."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.TextField(unique=True)
    secret = models.TextField(editable=False)
    read_only = models.BooleanField(default=True)
    statement_timeout = models.FloatField("statement timeout in seconds", default=60, validators=[MinValueValidator(1)])
    row_limit = models.IntegerField("most rows of a result", default=1_000_000, validators=[MinValueValidator(1)])
    pool_size = models.IntegerField("most statements at once", default=4, validators=[MinValueValidator(1)])
    users = models.ManyToManyField(settings.AUTH_USER_MODEL, blank=True, related_name="+")
    groups = models.ManyToManyField("auth.Group", blank=True, related_name="+")
    everyone = models.BooleanField("everyone who logs in may use it", default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "connection"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
