"""The admin against a notebook of a running portal."""

from __future__ import annotations

import urllib.request
from time import monotonic
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User

from tests.support.portal import Portal

TOKEN = "t" * 32


def test_renaming_waits_for_nobody(portal: Portal, world: Any) -> None:
    """Its transaction holds the notebook's row, and the coordinator writes that row over another connection."""
    notebook = world.notebook("x = 1")
    User.objects.filter(pk=world.person("administrator").pk).update(is_staff=True, is_superuser=True)
    cookie = f"sessionid={world.cookie('administrator')}; csrftoken={TOKEN}"
    sent = {"title": "Another", "owner": notebook.owner_id, "csrfmiddlewaretoken": TOKEN}
    inline = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
    request = urllib.request.Request(
        f"{portal.url}/admin/notebooks_app/notebook/{notebook.pk}/change/",
        urlencode(sent | inline).encode(),
        {"Cookie": cookie, "Referer": portal.url},
    )

    start = monotonic()
    urllib.request.urlopen(request, timeout=60).close()
    assert monotonic() - start < 10
    notebook.refresh_from_db()
    assert notebook.title == "Another"


def test_the_start_page_says_how_kernels_are_confined(portal: Portal, world: Any) -> None:
    User.objects.filter(pk=world.person("administrator").pk).update(is_staff=True, is_superuser=True)
    request = urllib.request.Request(
        f"{portal.url}/admin/", headers={"Cookie": f"sessionid={world.cookie('administrator')}"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        page = answer.read().decode()
    assert "Confinement of kernels" in page
    assert ("Complete:" in page) != ("Missing:" in page)
