from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from notebooks_app.models import Notebook

Browse = Callable[..., Client]


def test_whoever_creates_it_owns_it(ada: User, browse: Browse) -> None:
    response = browse(ada).post("/notebooks/", {"title": "  Forecast ✓ "})
    notebook = Notebook.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/notebooks/{notebook.pk}/")
    assert (notebook.title, notebook.owner) == ("Forecast ✓", ada)
    assert notebook.sessions.get().kind == "shared"
    assert notebook.cells.get().cell_type == "python"


def test_it_opens(ada: User, browse: Browse) -> None:
    response = browse(ada).post("/notebooks/", {"title": "Forecast"}, follow=True)
    assert response.status_code == 200
    assert "Forecast" in response.content.decode()


@pytest.mark.parametrize(
    ("title", "reason"),
    [
        ("", "This field is required."),
        ("   ", "This field is required."),
        ("x" * 201, "at most 200 characters"),
        ("two\nlines", "one line of text"),
        ("zero\0", "Null characters are not allowed."),
    ],
)
def test_a_title_that_is_none_is_refused_with_a_reason(title: str, reason: str, ada: User, browse: Browse) -> None:
    response = browse(ada).post("/notebooks/", {"title": title}, follow=True)
    assert not Notebook.objects.exists()
    [message] = response.context["messages"]
    assert reason in str(message)


def test_the_longest_title(ada: User, browse: Browse) -> None:
    browse(ada).post("/notebooks/", {"title": "x" * 200})
    assert Notebook.objects.get().title == "x" * 200


def test_get_creates_nothing(ada: User, browse: Browse) -> None:
    assert browse(ada).get("/notebooks/").status_code == 405
    assert not Notebook.objects.exists()


def test_a_guest_creates_nothing(db: None, browse: Browse) -> None:
    assert browse().post("/notebooks/", {"title": "x"})["Location"].startswith("/accounts/login/")
    assert not Notebook.objects.exists()


def test_another_site_creates_nothing(ada: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    assert client.post("/notebooks/", {"title": "x"}).status_code == 403
    assert not Notebook.objects.exists()
