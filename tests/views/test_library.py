from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from notebooks_app.models import Membership, Notebook, Session

Browse = Callable[..., Client]
HTMX = {"HX-Request": "true"}


def _titles(client: Client, query: str = "") -> list[str]:
    return [each.title for each in client.get("/", {"q": query}).context["notebooks"]]


def test_a_guest_is_asked_to_log_in(db: None, browse: Browse) -> None:
    response = browse().get("/")
    assert response.status_code == 302
    assert response["Location"] == "/accounts/login/?next=/"


def test_it_lists_what_one_may_see(
    notebook: Notebook, ada: User, grace: User, vera: User, sam: User, root: User, browse: Browse
) -> None:
    for person in (ada, grace, vera, root):
        assert _titles(browse(person)) == ["Sales"], person
    assert _titles(browse(sam)) == []
    assert "There is no notebook for you yet" in browse(sam).get("/").content.decode()


def test_a_group_opens_it_to_its_people_once(notebook: Notebook, sam: User, browse: Browse) -> None:
    for name in ("data", "finance"):
        group = Group.objects.create(name=name)
        group.user_set.add(sam)
        Membership.objects.create(notebook=notebook, group=group, role="viewer")
    assert _titles(browse(sam)) == ["Sales"]


def test_a_row_says_who_when_and_whether_it_runs(notebook: Notebook, ada: User, browse: Browse) -> None:
    changed = timezone.now() - timedelta(days=2)
    Notebook.objects.filter(pk=notebook.pk).update(updated_at=changed)
    page = browse(ada).get("/").content.decode()
    assert ">ada</td>" in page
    assert f'title="{changed:%-d %B %Y, %H:%M} UTC">2\xa0days ago</time>' in page
    assert 'class="running"' not in page

    now = timezone.now()
    Session.objects.filter(notebook=notebook).update(kernel_handle="a kernel", expires=now + timedelta(minutes=1))
    assert 'class="running"' in browse(ada).get("/").content.decode()
    Session.objects.filter(notebook=notebook).update(expires=now - timedelta(seconds=1))
    assert 'class="running"' not in browse(ada).get("/").content.decode()


def test_the_latest_change_comes_first(notebook: Notebook, ada: User, browse: Browse) -> None:
    Notebook.create("Newer", ada)
    assert _titles(browse(ada)) == ["Newer", "Sales"]
    Notebook.objects.filter(pk=notebook.pk).update(updated_at=timezone.now())
    assert _titles(browse(ada)) == ["Sales", "Newer"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("sal", True),
        ("SALES", True),
        ("ada", True),
        ("price", True),
        ("  sales   price ", True),
        ("sales absent", False),
        ("%", False),
        ("_rice", False),
        ("sales\0", True),
        ("x" * 5000, False),
    ],
)
def test_search(query: str, found: bool, notebook: Notebook, ada: User, browse: Browse) -> None:
    assert _titles(browse(ada), query) == (["Sales"] if found else [])


def test_search_finds_nothing_that_one_may_not_see(notebook: Notebook, sam: User, browse: Browse) -> None:
    assert _titles(browse(sam), "sales") == []


def test_search_leaves_deleted_cells_aside(notebook: Notebook, ada: User, browse: Browse) -> None:
    notebook.cells.filter(code__contains="price = 3").update(deleted_at=timezone.now())
    assert _titles(browse(ada), "3") == []


def test_what_was_searched_is_escaped(notebook: Notebook, ada: User, browse: Browse) -> None:
    page = browse(ada).get("/", {"q": "<b>x"}).content.decode()
    assert "&lt;b&gt;x" in page
    assert "<b>x" not in page


def test_htmx_gets_the_list_alone(notebook: Notebook, ada: User, browse: Browse) -> None:
    response = browse(ada).get("/", {"q": "sales"}, headers=HTMX)
    assert response.content.decode().startswith('<div id="notebooks"')
    assert ">Sales</a>" in response.content.decode()


def test_going_back_gets_the_whole_page(notebook: Notebook, ada: User, browse: Browse) -> None:
    """htmx asks for a page of its history as if for a fragment, and browsers keep both under one address."""
    response = browse(ada).get("/", {"q": "sales"}, headers={**HTMX, "HX-History-Restore-Request": "true"})
    assert response.content.decode().startswith("<!doctype html>")
    assert "HX-Request" in response["Vary"]


def test_what_one_may_do_is_offered(
    notebook: Notebook, ada: User, grace: User, vera: User, root: User, browse: Browse
) -> None:
    def offered(person: User) -> list[bool]:
        page = browse(person).get("/").content.decode()
        return [f"/notebooks/{notebook.pk}/{what}/" in page for what in ("duplicate", "rename", "sharing", "delete")]

    assert offered(ada) == offered(root) == [True] * 4
    assert offered(grace) == [True, True, False, False]
    assert offered(vera) == [True, False, False, False]
    Membership.objects.filter(user=grace).update(role="owner")
    assert offered(grace) == [True] * 4


def test_one_more_notebook_costs_no_more_queries(
    notebook: Notebook, ada: User, browse: Browse, django_assert_max_num_queries: Callable[..., object]
) -> None:
    for number in range(5):
        Notebook.create(f"Number {number}", ada)
    client = browse(ada)
    with django_assert_max_num_queries(5):  # session, user, notebooks, what is owned and what is edited
        client.get("/")


def test_no_page_has_inline_scripts(notebook: Notebook, ada: User, browse: Browse) -> None:
    for address in ("/", "/accounts/password/", f"/notebooks/{notebook.pk}/sharing/"):
        response = browse(ada).get(address)
        assert "script-src 'self';" in response["Content-Security-Policy"]
        page = response.content.decode()
        assert page.count("<script") == page.count("<script src=")
        assert " onclick=" not in page
        assert "<style" not in page
