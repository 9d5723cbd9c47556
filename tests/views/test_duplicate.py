from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from notebooks_app.models import Connection, Membership, Notebook

from .conftest import CELLS

Browse = Callable[..., Client]


@pytest.fixture
def address(notebook: Notebook) -> str:
    return f"/notebooks/{notebook.pk}/duplicate/"


def _copy(client: Client, address: str, original: Notebook) -> Notebook:
    response = client.post(address)
    copy = Notebook.objects.exclude(pk=original.pk).get()
    assert (response.status_code, response["Location"]) == (302, f"/notebooks/{copy.pk}/")
    return copy


@pytest.mark.parametrize("name", ["ada", "grace", "vera", "root"])
def test_whoever_sees_it_may_have_a_copy(
    name: str, address: str, notebook: Notebook, browse: Browse, request: pytest.FixtureRequest
) -> None:
    person = request.getfixturevalue(name)
    copy = _copy(browse(person), address, notebook)
    assert (copy.title, copy.owner) == ("Copy of Sales", person)
    assert list(copy.cells.order_by("position").values(*CELLS[1], "output_name", "connection")) == list(
        notebook.cells.order_by("position").values(*CELLS[1], "output_name", "connection")
    )


def test_the_copy_is_a_notebook_of_its_own(address: str, notebook: Notebook, vera: User, browse: Browse) -> None:
    copy = _copy(browse(vera), address, notebook)
    assert not copy.memberships.exists()
    assert copy.sessions.count() == 1
    assert not set(copy.cells.values_list("pk", flat=True)) & set(notebook.cells.values_list("pk", flat=True))


def test_settings_go_along(address: str, notebook: Notebook, ada: User, browse: Browse) -> None:
    Notebook.objects.filter(pk=notebook.pk).update(execution_mode="lazy", auto_run_delay=0.5)
    copy = _copy(browse(ada), address, notebook)
    assert (copy.execution_mode, copy.auto_run_delay) == ("lazy", 0.5)


def test_deleted_cells_stay_behind(address: str, notebook: Notebook, ada: User, browse: Browse) -> None:
    notebook.cells.filter(cell_type="python").update(deleted_at=timezone.now())
    copy = _copy(browse(ada), address, notebook)
    assert [cell.cell_type for cell in copy.cells.order_by("position")] == ["markdown", "sql"]


def test_an_empty_notebook_stays_empty(address: str, notebook: Notebook, ada: User, browse: Browse) -> None:
    notebook.cells.all().delete()
    assert not _copy(browse(ada), address, notebook).cells.exists()


@pytest.mark.parametrize(("name", "copied"), [("ada", True), ("root", True), ("grace", False), ("vera", False)])
def test_the_password_goes_along_with_owners_only(
    name: str, copied: bool, address: str, notebook: Notebook, browse: Browse, request: pytest.FixtureRequest
) -> None:
    Notebook.objects.filter(pk=notebook.pk).update(connection_secret="encrypted")
    copy = _copy(browse(request.getfixturevalue(name)), address, notebook)
    assert copy.connection_secret == ("encrypted" if copied else "")


@pytest.mark.parametrize("usable", [True, False])
def test_a_shared_connection_goes_along_if_one_may_use_it(
    usable: bool, address: str, notebook: Notebook, vera: User, browse: Browse
) -> None:
    connection = Connection.objects.create(name="Warehouse", secret="encrypted", everyone=usable)
    Notebook.objects.filter(pk=notebook.pk).update(connection=connection)
    assert _copy(browse(vera), address, notebook).connection == (connection if usable else None)


def test_a_long_title_is_cut(address: str, notebook: Notebook, ada: User, browse: Browse) -> None:
    Notebook.objects.filter(pk=notebook.pk).update(title="x" * 200)
    assert _copy(browse(ada), address, notebook).title == "Copy of " + "x" * 192


def test_a_stranger_has_no_copy(address: str, notebook: Notebook, sam: User, browse: Browse) -> None:
    assert browse(sam).post(address).status_code == 404
    assert Notebook.objects.count() == 1


def test_access_by_group_is_enough(address: str, notebook: Notebook, sam: User, browse: Browse) -> None:
    group = sam.groups.create(name="data")
    Membership.objects.create(notebook=notebook, group=group, role="viewer")
    assert _copy(browse(sam), address, notebook).owner == sam


def test_get_copies_nothing(address: str, ada: User, browse: Browse) -> None:
    assert browse(ada).get(address).status_code == 405
    assert Notebook.objects.count() == 1
