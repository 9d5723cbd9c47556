from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from notebooks_app.models import Notebook

Browse = Callable[..., Client]


@pytest.fixture
def address(notebook: Notebook) -> str:
    return f"/notebooks/{notebook.pk}/rename/"


def test_the_owner_renames(address: str, notebook: Notebook, ada: User, browse: Browse) -> None:
    before = notebook.updated_at
    assert browse(ada).get(address).context["form"].initial == {"title": "Sales"}
    response = browse(ada).post(address, {"title": "Sales 2026"})
    notebook.refresh_from_db()
    assert (response.status_code, response["Location"]) == (302, "/")
    assert notebook.title == "Sales 2026"
    assert notebook.updated_at > before


def test_the_administrator_renames(address: str, notebook: Notebook, root: User, browse: Browse) -> None:
    browse(root).post(address, {"title": "Sales 2026"})
    notebook.refresh_from_db()
    assert notebook.title == "Sales 2026"


def test_an_editor_renames(address: str, notebook: Notebook, grace: User, browse: Browse) -> None:
    browse(grace).post(address, {"title": "Sales 2026"})
    notebook.refresh_from_db()
    assert notebook.title == "Sales 2026"


@pytest.mark.parametrize(("name", "status"), [("vera", 403), ("sam", 404)])
@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_else_does(
    name: str, status: int, method: str, address: str, notebook: Notebook, browse: Browse,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    client = browse(request.getfixturevalue(name))
    assert getattr(client, method)(address, {"title": "Mine"}).status_code == status
    notebook.refresh_from_db()
    assert notebook.title == "Sales"


@pytest.mark.parametrize("title", ["", "x" * 201, "two\nlines"])
def test_a_bad_title_is_shown_with_its_reason(
    title: str, address: str, notebook: Notebook, ada: User, browse: Browse
) -> None:
    response = browse(ada).post(address, {"title": title})
    notebook.refresh_from_db()
    assert response.status_code == 400
    assert 'role="alert"' in response.content.decode()
    assert notebook.title == "Sales"


def test_no_such_notebook(ada: User, browse: Browse) -> None:
    missing = "/notebooks/00000000-0000-4000-8000-000000000000/rename/"
    assert browse(ada).get(missing).status_code == 404
