from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from notebooks_app.models import Notebook

from .conftest import PASSWORD

Browse = Callable[..., Client]
LOGIN = "/accounts/login/"
ELSEWHERE = "a quite different phrase"


def test_logging_in_leads_to_the_library(ada: User, browse: Browse) -> None:
    response = browse().post(LOGIN, {"username": "ada", "password": PASSWORD})
    assert (response.status_code, response["Location"]) == (302, "/")


def test_logging_in_leads_to_where_one_wanted_to_go(notebook: Notebook, browse: Browse) -> None:
    address = f"/notebooks/{notebook.pk}/"
    client = browse()
    page = client.get(address, follow=True)
    assert f'name="next" value="{address}"' in page.content.decode()
    response = client.post(LOGIN, {"username": "ada", "password": PASSWORD, "next": address})
    assert response["Location"] == address


def test_logging_in_does_not_lead_to_another_site(ada: User, browse: Browse) -> None:
    sent = {"username": "ada", "password": PASSWORD, "next": "https://elsewhere.example/"}
    assert browse().post(LOGIN, sent)["Location"] == "/"


@pytest.mark.parametrize(("name", "password"), [("ada", "wrong"), ("nobody", PASSWORD), ("sam", PASSWORD)])
def test_a_failed_login_does_not_say_what_was_wrong(
    name: str, password: str, ada: User, sam: User, browse: Browse
) -> None:
    User.objects.filter(pk=sam.pk).update(is_active=False)
    response = browse().post(LOGIN, {"username": name, "password": password})
    assert response.status_code == 200
    assert "Please enter a correct username and password." in response.content.decode()


def test_who_is_logged_in_is_not_asked_again(ada: User, browse: Browse) -> None:
    assert browse(ada).get(LOGIN)["Location"] == "/"


def test_logging_out_takes_a_post(ada: User, browse: Browse) -> None:
    client = browse(ada)
    assert client.get("/accounts/logout/").status_code == 405
    assert client.post("/accounts/logout/")["Location"] == LOGIN
    assert client.get("/")["Location"].startswith(LOGIN)


def test_changing_the_password(ada: User, browse: Browse) -> None:
    client = browse(ada)
    sent = {"old_password": PASSWORD, "new_password1": ELSEWHERE, "new_password2": ELSEWHERE}
    page = client.post("/accounts/password/", sent, follow=True)
    assert "Your password has been changed." in page.content.decode()
    assert page.context["user"] == ada
    assert client.login(username="ada", password=ELSEWHERE)


@pytest.mark.parametrize(
    ("old", "new", "again"),
    [("wrong", ELSEWHERE, ELSEWHERE), (PASSWORD, "12345678", "12345678"), (PASSWORD, ELSEWHERE, "another")],
)
def test_a_bad_change_of_password_keeps_the_old_one(old: str, new: str, again: str, ada: User, browse: Browse) -> None:
    client = browse(ada)
    page = client.post("/accounts/password/", {"old_password": old, "new_password1": new, "new_password2": again})
    assert 'role="alert"' in page.content.decode()
    assert client.login(username="ada", password=PASSWORD)


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/accounts/password/",
        "/notebooks/{id}/",
        "/notebooks/{id}/rename/",
        "/notebooks/{id}/delete/",
        "/notebooks/{id}/sharing/",
        "/cells/{id}/rows/",
        "/outputs/{id}/",
    ],
)
def test_everything_else_needs_a_login(address: str, notebook: Notebook, browse: Browse) -> None:
    response = browse().get(address.format(id=notebook.pk))
    assert response.status_code == 302
    assert response["Location"].startswith(LOGIN)


def test_the_menu_leads_staff_to_the_administration(ada: User, root: User, browse: Browse) -> None:
    assert 'href="/admin/"' not in browse(ada).get("/").content.decode()
    assert 'href="/admin/"' in browse(root).get("/").content.decode()
