"""A session: one kernel's worth of outcomes of a notebook, and the lease of who owns it while it is live."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone


class Session(models.Model):
    """The shared session of a notebook is one of several that it may have.

    `holder`, `epoch` and `expires` are its lease. `sequence` is the last broadcast event that is stored,
    `kernel_epoch` counts its kernels, `executions` its executions; `kernel_reason` says why the last kernel is gone.
    """

    SHARED = "shared"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    notebook = models.ForeignKey("Notebook", on_delete=models.CASCADE, related_name="sessions")
    kind = models.TextField(default=SHARED)
    sequence = models.BigIntegerField(default=0)
    epoch = models.BigIntegerField(default=0)
    holder = models.TextField(default="", blank=True)
    expires = models.DateTimeField(null=True, blank=True)
    kernel_epoch = models.BigIntegerField(default=0)
    kernel_handle = models.TextField(default="", blank=True)
    kernel_reason = models.TextField(default="", blank=True)
    executions = models.BigIntegerField(default=0)

    class Meta:
        db_table = "session"
        constraints = [
            models.UniqueConstraint(fields=["notebook"], condition=models.Q(kind="shared"), name="one_shared_session")
        ]

    def __str__(self) -> str:
        return f"{self.kind} session of {self.notebook}"

    @property
    def running(self) -> bool:
        """Whether a kernel of it lives, as far as is stored."""
        return bool(self.kernel_handle) and self.expires is not None and self.expires > timezone.now()
