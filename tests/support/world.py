"""Makes what tests need, committed: other processes see it. Everything has a name of its own."""

from __future__ import annotations

import itertools
import os
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.test import Client as Browser

from notebooks_app.models import Cell, Connection, Membership, Notebook
from notebooks_app.secrets import encrypt

PASSWORD = "correct horse battery"

_numbers = itertools.count(1)


class World:
    """The cast is `owner`, `colleague` (an editor), `reader` (a viewer) and `stranger`; a `newcomer` has a password."""

    def __init__(self) -> None:
        self.tag = f"{os.getpid()}-{next(_numbers)}"
        self._people: dict[str, Any] = {}

    def person(self, role: str) -> Any:
        if role not in self._people:
            users = get_user_model().objects
            password = make_password(PASSWORD, hasher="pbkdf2_sha256") if role == "newcomer" else "!"
            self._people[role] = users.create(username=f"{role}-{self.tag}", password=password)
        return self._people[role]

    def cookie(self, role: str) -> str:
        """A session cookie of somebody who has logged in."""
        browser = Browser()
        browser.force_login(self.person(role))
        return browser.cookies["sessionid"].value

    def notebook(self, *cells: Any, title: str = "A notebook", **settings: Any) -> Notebook:
        """Cells are Python texts, or (type, text) or (type, text, output name)."""
        rows = [_row(cell) for cell in cells]
        notebook = Notebook.create(title, self.person("owner"), rows)
        for name, value in settings.items():
            setattr(notebook, name, value)
        if settings:
            notebook.save(update_fields=list(settings))
        for role, word in (("colleague", "editor"), ("reader", "viewer")):
            Membership.objects.create(notebook=notebook, user=self.person(role), role=word)
        self.person("stranger")
        return notebook

    def cells(self, notebook: Notebook) -> list[str]:
        """Ids in page order."""
        cells = Cell.objects.filter(notebook=notebook, deleted_at=None).order_by("position")
        return [str(key) for key in cells.values_list("pk", flat=True)]

    def connection(self, url: str, **fields: Any) -> Connection:
        fields.setdefault("everyone", True)
        return Connection.objects.create(name=f"warehouse {self.tag} {next(_numbers)}", secret=encrypt(url), **fields)


def _row(cell: Any) -> dict[str, Any]:
    if isinstance(cell, str):
        return {"cell_type": "python", "code": cell}
    kind, code, *name = cell
    return {"cell_type": kind, "code": code, "output_name": name[0] if name else ""}
