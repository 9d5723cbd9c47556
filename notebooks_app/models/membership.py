"""Who may use a notebook beside its owner, and how."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Membership(models.Model):
    """A role for one person or for one group."""

    class Role(models.TextChoices):
        VIEWER = "viewer"
        EDITOR = "editor"
        OWNER = "owner"

    notebook = models.ForeignKey("Notebook", on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="memberships"
    )
    group = models.ForeignKey("auth.Group", null=True, blank=True, on_delete=models.CASCADE, related_name="memberships")
    role = models.TextField(choices=Role.choices, default=Role.VIEWER)

    class Meta:
        db_table = "membership"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user__isnull=False, group__isnull=True)
                | models.Q(user__isnull=True, group__isnull=False),
                name="a_person_or_a_group",
                violation_error_message="Choose either a person or a group.",
            ),
            models.UniqueConstraint(fields=["notebook", "user"], name="one_role_per_person"),
            models.UniqueConstraint(fields=["notebook", "group"], name="one_role_per_group"),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.group}: {self.role}"
