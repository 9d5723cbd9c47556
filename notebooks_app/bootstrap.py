"""What a new installation needs: tables, an administrator, the sample database and the demo notebook."""

from __future__ import annotations

import os
import secrets

from django.contrib.auth import get_user_model
from django.core.management import call_command

from notebookproject.postgres import EmbeddedPostgres

from . import demo, sample
from .models import Connection, Notebook
from .secrets import encrypt

SAMPLE = "Gapminder sample"


def prepare(embedded: EmbeddedPostgres | None) -> None:
    """Bring the database up to the code, and fill it if it is new. Doing it again changes nothing."""
    call_command("migrate", verbosity=0, interactive=False)
    administrator = _administrator()
    if embedded is not None:
        connection = _sample(embedded)
        if administrator is not None:
            _demo(administrator, connection)


def _administrator() -> object | None:
    """The first administrator, if there was none: a generated password is printed once."""
    users = get_user_model().objects
    if users.filter(is_superuser=True).exists():
        return None
    name = os.environ.get("CASCADE_ADMIN_USERNAME") or "admin"
    given = os.environ.get("CASCADE_ADMIN_PASSWORD")
    password = given or secrets.token_urlsafe(12)
    user = users.create_superuser(username=name, password=password)
    if not given:
        print(f"The administrator is {name!r}, the password {password!r}: it is not shown again.", flush=True)
    return user


def _sample(embedded: EmbeddedPostgres) -> Connection:
    """The sample database and the shared connection to it; the port may have changed since the last start."""
    settings = embedded.settings
    sample.load(embedded.url("postgres"), settings.sample_password)
    url = embedded.url("sample", "sample", settings.sample_password)
    connection, _ = Connection.objects.get_or_create(name=SAMPLE, defaults={"secret": encrypt(url), "everyone": True})
    connection.secret = encrypt(url)
    connection.save(update_fields=["secret"])
    return connection


def _demo(owner: object, connection: Connection) -> None:
    cells = [
        {"cell_type": kind, "code": code, "output_name": name, "code_hidden": hidden}
        for kind, code, name, hidden in demo.CELLS
    ]
    notebook = Notebook.create(demo.TITLE, owner, cells)
    notebook.connection = connection
    notebook.save(update_fields=["connection"])
