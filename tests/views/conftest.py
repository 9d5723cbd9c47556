"""The cast of every view's test: who owns, edits, sees, has no access, and administers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

from notebooks_app.models import Membership, Notebook

PASSWORD = "correct horse battery"
CELLS: list[dict[str, object]] = [
    {"cell_type": "markdown", "code": "# Sales"},
    {"cell_type": "python", "code": "price = 3", "disabled": True, "manual": True, "code_hidden": True},
    {"cell_type": "sql", "code": "SELECT {price}", "output_name": "sales", "connection": "duckdb"},
]


def _person(name: str) -> User:
    return User.objects.create_user(name, password=PASSWORD)


@pytest.fixture
def ada(db: None) -> User:
    """She owns the notebook."""
    return _person("ada")


@pytest.fixture
def notebook(ada: User) -> Notebook:
    return Notebook.create("Sales", ada, CELLS)


@pytest.fixture
def grace(notebook: Notebook) -> User:
    """A colleague who edits it."""
    person = _person("grace")
    Membership.objects.create(notebook=notebook, user=person, role="editor")
    return person


@pytest.fixture
def vera(notebook: Notebook) -> User:
    """A colleague who reads it."""
    person = _person("vera")
    Membership.objects.create(notebook=notebook, user=person, role="viewer")
    return person


@pytest.fixture
def sam(db: None) -> User:
    """He has an account, and no access."""
    return _person("sam")


@pytest.fixture
def root(db: None) -> User:
    """The administrator."""
    return User.objects.create_superuser("root", password=PASSWORD)


@pytest.fixture
def browse() -> Callable[[User | None], Client]:
    """A browser with a person logged in, or nobody."""

    def browse(person: User | None = None) -> Client:
        client = Client()
        if person is not None:
            client.force_login(person)
        return client

    return browse
