"""When someone's access changes, open sockets look again at once instead of at the next message."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models.signals import m2m_changed, post_delete, post_save
from django.dispatch import receiver

from .live import gateway
from .models import Membership


@receiver([post_save, post_delete], sender=Membership)
def _membership_changed(instance: Membership, **_: Any) -> None:
    notebook = str(instance.notebook_id)
    transaction.on_commit(lambda: gateway.access_changed([notebook]))


@receiver(m2m_changed, sender=get_user_model().groups.through)
def _groups_changed(**_: Any) -> None:
    transaction.on_commit(lambda: gateway.access_changed(None))


@receiver(post_save, sender=get_user_model())
def _user_changed(created: bool, update_fields: Any = None, **_: Any) -> None:
    if not created and update_fields != frozenset({"last_login"}):
        transaction.on_commit(lambda: gateway.access_changed(None))
