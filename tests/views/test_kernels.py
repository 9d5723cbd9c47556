"""The page of running kernels is for administrators."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from notebooks_app.models import Notebook
from notebooks_app.templatetags.cascade import mebibytes

Browse = Callable[..., Client]
PAGE = "/kernels/"
PACKAGES = "/kernels/packages/"
LINK = f'href="{PAGE}"'


@pytest.fixture
def stella(db: None) -> User:
    """Staff, without any right as yet."""
    return User.objects.create_user("stella", is_staff=True)


@pytest.mark.parametrize("name", ["ada", "grace", "vera", "sam", "stella"])
def test_it_is_not_there_for_others(
    name: str, notebook: Notebook, browse: Browse, request: pytest.FixtureRequest
) -> None:
    client = browse(request.getfixturevalue(name))
    assert client.get(PAGE).status_code == 404
    assert client.post(f"/kernels/{notebook.sessions.get().pk}/stop/").status_code == 404
    assert client.post(PACKAGES, {"packages": "json"}).status_code == 404
    assert LINK not in client.get("/").content.decode()


def test_a_guest_is_asked_to_log_in(db: None, browse: Browse) -> None:
    assert browse().get(PAGE)["Location"] == f"/accounts/login/?next={PAGE}"


def test_administrators_find_it_in_the_menu_and_in_the_administration(root: User, browse: Browse) -> None:
    client = browse(root)
    assert LINK in client.get("/").content.decode()
    assert LINK in client.get("/admin/").content.decode()
    response = client.get(PAGE)
    assert response.status_code == 200
    assert "No kernel runs. One starts when a cell is to run." in response.content.decode()


def test_staff_with_the_right_may_too(stella: User, browse: Browse) -> None:
    stella.user_permissions.add(
        Permission.objects.get(content_type__app_label="notebooks_app", codename="change_session")
    )
    assert browse(stella).get(PAGE).status_code == 200
    assert LINK in browse(stella).get("/").content.decode()
    stella.is_staff = False
    stella.save(update_fields=["is_staff"])
    assert browse(stella).get(PAGE).status_code == 404


def test_the_part_that_is_fetched_again_is_the_page_s_own(root: User, browse: Browse) -> None:
    client = browse(root)
    part = client.get(PAGE, headers={"HX-Request": "true"})
    assert part.content.decode().startswith('<div id="kernels"')
    assert part.content.decode() in client.get(PAGE).content.decode()
    assert part["Vary"] == client.get(PAGE)["Vary"] and "HX-Request" in part["Vary"]


def test_stopping_what_does_not_run_is_no_error(root: User, browse: Browse) -> None:
    assert browse(root).post(f"/kernels/{uuid.uuid4()}/stop/")["Location"] == PAGE
    assert browse(root).get(f"/kernels/{uuid.uuid4()}/stop/").status_code == 405


def test_what_is_no_module_is_refused(root: User, browse: Browse) -> None:
    assert browse(root).post(PACKAGES, {"packages": ""}).status_code == 400
    assert browse(root).post(PACKAGES, {"packages": "numpy, -c"}).status_code == 400


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0.0 MiB"), (10_066_330, "9.6 MiB"), (134_217_728, "128 MiB"), (1_610_612_736, "1.5 GiB")],
)
def test_memory_in_words(count: int, words: str) -> None:
    assert mebibytes(count) == words
