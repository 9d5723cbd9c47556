from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from notebooks_app.models import Connection, Membership, Notebook, Statement
from notebooks_app.secrets import decrypt

Browse = Callable[..., Client]
URL = "postgresql://analyst:swordfish@db.example:5432/warehouse"
CONNECTIONS = "/admin/notebooks_app/connection/"
NOTEBOOKS = "/admin/notebooks_app/notebook/"


def _connection(**changed: object) -> dict[str, object]:
    fields = {"name": "Warehouse", "url": URL, "statement_timeout": 60, "row_limit": 1000, "pool_size": 4}
    return {**fields, "read_only": "on", **changed}


def _notebook(notebook: Notebook, **changed: object) -> dict[str, object]:
    inline = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
    return {"title": notebook.title, "owner": notebook.owner.pk, **inline, **changed}


@pytest.mark.parametrize("what", ["notebook", "connection", "statement", "session"])
def test_every_list_opens(what: str, notebook: Notebook, root: User, browse: Browse) -> None:
    assert browse(root).get(f"/admin/notebooks_app/{what}/").status_code == 200


@pytest.mark.parametrize("what", ["user", "group"])
def test_people_and_groups(what: str, root: User, browse: Browse) -> None:
    assert browse(root).get(f"/admin/auth/{what}/add/").status_code == 200


def test_it_is_for_staff(ada: User, browse: Browse) -> None:
    assert browse(ada).get("/admin/").status_code == 302


def test_a_connection_is_stored_encrypted(root: User, browse: Browse) -> None:
    assert browse(root).post(f"{CONNECTIONS}add/", _connection()).status_code == 302
    connection = Connection.objects.get()
    assert "swordfish" not in connection.secret
    assert decrypt(connection.secret) == URL
    assert connection.read_only


def test_a_connection_is_never_shown_again(root: User, browse: Browse) -> None:
    client = browse(root)
    client.post(f"{CONNECTIONS}add/", _connection())
    connection = Connection.objects.get()
    for address in (CONNECTIONS, f"{CONNECTIONS}{connection.pk}/change/", f"{CONNECTIONS}{connection.pk}/history/"):
        page = client.get(address).content.decode()
        assert "swordfish" not in page
        assert "db.example" not in page
        assert connection.secret not in page


def test_a_blank_url_keeps_the_stored_one(root: User, browse: Browse) -> None:
    client = browse(root)
    client.post(f"{CONNECTIONS}add/", _connection())
    before = Connection.objects.get()
    client.post(f"{CONNECTIONS}{before.pk}/change/", _connection(url="", name="Archive"))
    after = Connection.objects.get()
    assert (after.name, after.secret) == ("Archive", before.secret)


def test_another_url_replaces_it(root: User, browse: Browse) -> None:
    client = browse(root)
    client.post(f"{CONNECTIONS}add/", _connection())
    other = URL.replace("warehouse", "archive")
    client.post(f"{CONNECTIONS}{Connection.objects.get().pk}/change/", _connection(url=other))
    assert decrypt(Connection.objects.get().secret) == other


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "A new connection needs its URL."),
        ("mysql://analyst:swordfish@db.example/warehouse", "has to begin with postgresql://"),
        (f"{URL}?service=other", "The parameter service is not available"),
    ],
)
def test_a_bad_url_is_refused_and_not_repeated(url: str, reason: str, root: User, browse: Browse) -> None:
    page = browse(root).post(f"{CONNECTIONS}add/", _connection(url=url)).content.decode()
    assert reason in page
    assert "swordfish" not in page
    assert not Connection.objects.exists()


@pytest.mark.parametrize("limit", ["statement_timeout", "row_limit", "pool_size"])
def test_limits_are_at_least_one(limit: str, root: User, browse: Browse) -> None:
    assert browse(root).post(f"{CONNECTIONS}add/", _connection(**{limit: 0})).status_code == 200
    assert not Connection.objects.exists()


def test_a_notebook_gets_another_owner(notebook: Notebook, sam: User, root: User, browse: Browse) -> None:
    sent = _notebook(notebook, owner=sam.pk)
    assert browse(root).post(f"{NOTEBOOKS}{notebook.pk}/change/", sent).status_code == 302
    notebook.refresh_from_db()
    assert notebook.owner == sam


def test_a_title_changes_once_the_rest_is_stored(
    notebook: Notebook, root: User, browse: Browse, django_capture_on_commit_callbacks: Callable[..., object]
) -> None:
    """The coordinator writes it over another connection: it must find nothing locked."""
    with django_capture_on_commit_callbacks(execute=True):
        browse(root).post(f"{NOTEBOOKS}{notebook.pk}/change/", _notebook(notebook, title="Sales 2026"))
        notebook.refresh_from_db()
        assert notebook.title == "Sales"
    notebook.refresh_from_db()
    assert notebook.title == "Sales 2026"


def test_members_are_edited_with_their_notebook(notebook: Notebook, sam: User, root: User, browse: Browse) -> None:
    member = {"memberships-TOTAL_FORMS": 1, "memberships-0-user": sam.pk, "memberships-0-role": "editor"}
    browse(root).post(f"{NOTEBOOKS}{notebook.pk}/change/", _notebook(notebook, **member))
    assert notebook.memberships.get().user == sam


def test_a_member_twice_is_refused(notebook: Notebook, sam: User, root: User, browse: Browse) -> None:
    member = {"memberships-TOTAL_FORMS": 2}
    for number in range(2):
        member |= {f"memberships-{number}-user": sam.pk, f"memberships-{number}-role": "editor"}
    assert browse(root).post(f"{NOTEBOOKS}{notebook.pk}/change/", _notebook(notebook, **member)).status_code == 200
    assert not Membership.objects.exists()


def test_a_notebook_is_deleted_for_good(notebook: Notebook, grace: User, root: User, browse: Browse) -> None:
    response = browse(root).post(f"{NOTEBOOKS}{notebook.pk}/delete/", {"post": "yes"})
    assert response.status_code == 302
    assert not Notebook.objects.exists()


def test_several_are_deleted_at_once(notebook: Notebook, root: User, browse: Browse) -> None:
    sent = {"action": "delete_selected", "_selected_action": [notebook.pk], "post": "yes"}
    browse(root).post(NOTEBOOKS, sent)
    assert not Notebook.objects.exists()


def test_deleted_notebooks_are_brought_back(notebook: Notebook, root: User, browse: Browse) -> None:
    Notebook.objects.update(deleted_at=timezone.now())
    browse(root).post(NOTEBOOKS, {"action": "bring_back", "_selected_action": [notebook.pk]})
    assert Notebook.objects.get().deleted_at is None


def test_who_may_only_look_brings_nothing_back(notebook: Notebook, sam: User, browse: Browse) -> None:
    sam.is_staff = True
    sam.save(update_fields=["is_staff"])
    sam.user_permissions.add(Permission.objects.get(codename="view_notebook"))
    Notebook.objects.update(deleted_at=timezone.now())
    browse(sam).post(NOTEBOOKS, {"action": "bring_back", "_selected_action": [notebook.pk]})
    assert Notebook.objects.get().deleted_at is not None


def test_an_owner_of_notebooks_is_not_deleted(notebook: Notebook, ada: User, root: User, browse: Browse) -> None:
    page = browse(root).post(f"/admin/auth/user/{ada.pk}/delete/", {"post": "yes"})
    assert page.status_code == 200
    assert User.objects.filter(pk=ada.pk).exists()


@pytest.mark.parametrize("what", ["statement", "session"])
def test_records_are_read_only(what: str, notebook: Notebook, root: User, browse: Browse) -> None:
    statement = Statement.objects.create(connection_name="Warehouse", statement="SELECT 1", at=timezone.now())
    key = statement.pk if what == "statement" else notebook.sessions.get().pk
    client, address = browse(root), f"/admin/notebooks_app/{what}/"
    assert client.get(f"{address}add/").status_code == 403
    assert client.get(f"{address}{key}/change/").status_code == 200
    assert client.post(f"{address}{key}/change/", {}).status_code == 403
    assert client.post(f"{address}{key}/delete/", {"post": "yes"}).status_code == 403
