from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from notebooks_app.models import Membership, Notebook

Browse = Callable[..., Client]


@pytest.fixture
def address(notebook: Notebook) -> str:
    return f"/notebooks/{notebook.pk}/delete/"


@pytest.fixture
def back(notebook: Notebook) -> str:
    return f"/notebooks/{notebook.pk}/undelete/"


def test_it_asks_first(address: str, notebook: Notebook, ada: User, browse: Browse) -> None:
    response = browse(ada).get(address)
    assert "Delete “Sales”?" in response.content.decode()
    notebook.refresh_from_db()
    assert notebook.deleted_at is None


def test_the_owner_deletes_and_undoes(address: str, back: str, notebook: Notebook, ada: User, browse: Browse) -> None:
    client = browse(ada)
    library = client.post(address, follow=True)
    notebook.refresh_from_db()
    assert notebook.deleted_at is not None
    assert list(library.context["notebooks"]) == []
    assert f'action="{back}"' in library.content.decode()
    assert client.get(f"/notebooks/{notebook.pk}/").status_code == 404

    library = client.post(back, follow=True)
    assert [each.title for each in library.context["notebooks"]] == ["Sales"]
    assert notebook.cells.count() == 3
    assert client.get(f"/notebooks/{notebook.pk}/").status_code == 200


@pytest.mark.parametrize(("name", "status"), [("grace", 403), ("vera", 403), ("sam", 404)])
@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_else_deletes(
    name: str, status: int, method: str, address: str, notebook: Notebook, browse: Browse,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    assert getattr(browse(request.getfixturevalue(name)), method)(address).status_code == status
    notebook.refresh_from_db()
    assert notebook.deleted_at is None


@pytest.mark.parametrize("name", ["grace", "vera", "sam"])
def test_nobody_else_brings_it_back(
    name: str, address: str, back: str, notebook: Notebook, ada: User, browse: Browse, request: pytest.FixtureRequest
) -> None:
    browse(ada).post(address)
    assert browse(request.getfixturevalue(name)).post(back).status_code == 404
    notebook.refresh_from_db()
    assert notebook.deleted_at is not None


def test_a_member_with_the_role_of_owner_does_both(
    address: str, back: str, notebook: Notebook, grace: User, browse: Browse
) -> None:
    Membership.objects.filter(user=grace).update(role="owner")
    client = browse(grace)
    assert client.post(address).status_code == 302
    assert client.post(back).status_code == 302
    notebook.refresh_from_db()
    assert notebook.deleted_at is None


def test_the_administrator_does_both(address: str, back: str, notebook: Notebook, root: User, browse: Browse) -> None:
    client = browse(root)
    assert client.post(address).status_code == 302
    assert client.post(back).status_code == 302
    notebook.refresh_from_db()
    assert notebook.deleted_at is None


def test_what_is_not_deleted_is_not_brought_back(back: str, ada: User, browse: Browse) -> None:
    assert browse(ada).post(back).status_code == 404
    assert browse(ada).get(back).status_code == 405


def test_deleting_twice(address: str, ada: User, browse: Browse) -> None:
    client = browse(ada)
    client.post(address)
    assert client.post(address).status_code == 404
