"""Pages of a running portal, fetched and sent as a browser without JavaScript would."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User

from tests.support.portal import Portal
from tests.support.world import World

TOKEN = "t" * 32


def administrator(world: World) -> Any:
    """Somebody who may do anything; their role is "administrator"."""
    person = world.person("administrator")
    User.objects.filter(pk=person.pk).update(is_staff=True, is_superuser=True)
    return person


def fetch(portal: Portal, path: str, cookie: str, data: dict[str, Any] | None = None) -> tuple[int, str]:
    """Status and text of a page; with `data` it is sent as a form, and redirections are followed."""
    body = None if data is None else urlencode(data | {"csrfmiddlewaretoken": TOKEN}).encode()
    headers = {"Cookie": f"sessionid={cookie}; csrftoken={TOKEN}", "Referer": portal.url}
    try:
        with urllib.request.urlopen(urllib.request.Request(portal.url + path, body, headers), timeout=60) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
