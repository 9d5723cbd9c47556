"""A notebook's page: rendered from what is stored, for who may see it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from notebooks_app.models import Notebook

Browse = Callable[..., Client]


@pytest.mark.parametrize(
    ("name", "role"), [("ada", "owner"), ("grace", "editor"), ("vera", "viewer"), ("root", "owner")]
)
def test_who_may_see_it(
    name: str, role: str, notebook: Notebook, browse: Browse, request: pytest.FixtureRequest
) -> None:
    response = browse(request.getfixturevalue(name)).get(f"/notebooks/{notebook.pk}/")
    assert response.status_code == 200
    page = response.content.decode()
    assert f'data-role="{role}"' in page
    assert page.count('class="cell"') == 3
    assert "price = 3" in page and ("Sales</h1>" in page)


def test_who_may_not(notebook: Notebook, sam: User, browse: Browse) -> None:
    address = f"/notebooks/{notebook.pk}/"
    assert browse(sam).get(address).status_code == 404
    response = browse().get(address)
    assert response.status_code == 302 and response["Location"].startswith("/accounts/login/?next=")
    assert browse(sam).get("/notebooks/00000000-0000-4000-8000-000000000000/").status_code == 404


def test_a_deleted_notebook_is_not_there(notebook: Notebook, ada: User, browse: Browse) -> None:
    browse(ada).post(f"/notebooks/{notebook.pk}/delete/")
    assert browse(ada).get(f"/notebooks/{notebook.pk}/").status_code == 404


def test_code_is_text_on_the_page(ada: User, browse: Browse) -> None:
    evil = "</pre><script>alert(1)</script>"
    notebook = Notebook.create(evil, ada, [{"cell_type": kind, "code": evil} for kind in ("python", "sql", "markdown")])
    page = browse(ada).get(f"/notebooks/{notebook.pk}/").content.decode()
    assert "<script>alert" not in page
    assert page.count("&lt;script&gt;") >= 4


def test_the_page_forbids_inline_scripts_and_eval(notebook: Notebook, ada: User, browse: Browse) -> None:
    response = browse(ada).get(f"/notebooks/{notebook.pk}/")
    policy = response["Content-Security-Policy"]
    assert "script-src 'self';" in policy and "eval" not in policy
    page = response.content.decode()
    assert page.count("<script") == page.count("<script src=") + page.count('<script type="module" src=')


def test_opening_starts_nothing(notebook: Notebook, ada: User, browse: Browse) -> None:
    browse(ada).get(f"/notebooks/{notebook.pk}/")
    session = notebook.sessions.get()
    assert (session.holder, session.kernel_handle, session.executions) == ("", "", 0)


def test_a_page_costs_no_query_for_each_cell(
    ada: User, browse: Browse, django_assert_max_num_queries: Callable[..., object]
) -> None:
    notebook = Notebook.create("Long", ada, [{"cell_type": "python", "code": f"x{n} = {n}"} for n in range(200)])
    client = browse(ada)
    with django_assert_max_num_queries(10):
        assert client.get(f"/notebooks/{notebook.pk}/").content.count(b'class="cell"') == 200


def test_rows_of_a_notebook_that_is_not_live_say_so(notebook: Notebook, ada: User, sam: User, browse: Browse) -> None:
    cell = notebook.cells.order_by("position")[1]
    address = f"/cells/{cell.pk}/rows/?table=1&offset=50&limit=50"
    response = browse(ada).get(address)
    assert response.status_code == 200 and "run the cell again" in response.content.decode()
    assert browse(sam).get(address).status_code == 404
    assert browse().get(address).status_code == 302
    assert browse(ada).get("/cells/00000000-0000-4000-8000-000000000000/rows/").status_code == 404
