"""SQL cells through the broker: the kernel never holds a password, and nobody is told one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kernel.memory import NAME
from notebookproject.postgres import EmbeddedPostgres
from notebooks_app.models import Statement
from tests.support.portal import Portal
from tests.support.world import World

from .conftest import Connect

SECRET = "sample-password"


async def test_a_shared_connection_binds_values_and_gives_a_frame(
    world: World, connect: Connect, sample_url: str
) -> None:
    shared = world.connection(sample_url)
    notebook = world.notebook(
        'continent = "Europe"',
        ("sql", "select name from country where continent = {continent} order by name", "countries"),
        "len(countries), type(countries).__name__",
        connection=shared,
    )
    first, query, last = world.cells(notebook)
    client = await connect(notebook, "colleague")
    finished = await client.run("run_all")
    assert finished["succeeded"] == 3
    assert client.last("cell_output", last)["output"]["text/plain"] == "(30, 'DataFrame')"
    await client.request("cell_update", cellId=first, code='continent = "\' or true --"')
    await client.run(cellId=first)
    assert client.last("cell_output", last)["output"]["text/plain"] == "(0, 'DataFrame')"
    statements = Statement.objects.filter(notebook=notebook)
    assert {str(row.cell) for row in statements} == {query}
    assert all(row.user_id == world.person("colleague").pk and row.duration is not None for row in statements)


async def test_a_connection_of_others_may_not_be_used(world: World, connect: Connect, sample_url: str) -> None:
    private = world.connection(sample_url, everyone=False)
    private.users.add(world.person("owner"))
    notebook = world.notebook(("sql", "select 1 as one", "rows"), connection=private)
    owner, colleague = await connect(notebook), await connect(notebook, "colleague")
    assert (await colleague.run("run_all"))["failed"] == 1
    assert "may not use it" in colleague.last("cell_output")["error"]["message"]
    assert (await owner.run("run_all"))["succeeded"] == 1
    error = await colleague.request("update_db_connection", connectionId=str(private.pk))
    assert error["code"] == "connection_failed"


async def test_every_client_hears_of_a_new_connection_and_the_kernel_uses_it(
    world: World, connect: Connect, sample_url: str
) -> None:
    notebook = world.notebook(("sql", "select count(*) as n from country", "rows"), "int(rows.n[0])")
    writer, watcher = await connect(notebook), await connect(notebook, "reader")
    ack = await writer.request("update_db_connection", connectionString=sample_url)
    assert ack["type"] == "ack"
    for client in (writer, watcher):
        event = await client.until(lambda event: event["type"] == "db_connection_updated")
        assert event["status"] == "success" and event["error"] is None
        assert SECRET not in str(event) and "sample" in event["connectionString"]
    assert (await writer.run("run_all"))["succeeded"] == 2
    assert writer.last("cell_output")["output"]["text/plain"] == "142"


async def test_a_failed_connection_rolls_back_and_everyone_is_told(
    world: World, connect: Connect, portal: Portal, sample_url: str
) -> None:
    notebook = world.notebook(("sql", "select 1 as one", "rows"))
    writer, watcher = await connect(notebook), await connect(notebook, "reader")
    await writer.request("update_db_connection", connectionString=sample_url)
    await watcher.until(lambda event: event["type"] == "db_connection_updated")
    for wrong in (
        sample_url.replace(SECRET, "hunter2-wrong"),
        sample_url.replace("/sample", "/nowhere").replace(SECRET, "hunter2-wrong"),
        "postgresql://someone:hunter2-wrong@127.0.0.1:1/db",
    ):
        mark = len(watcher.events)
        error = await writer.request("update_db_connection", connectionString=wrong)
        assert error["type"] == "error" and error["code"] == "connection_failed"
        event = await watcher.until(lambda event: event["type"] == "db_connection_updated", since=mark)
        assert event["status"] == "error" and event["error"]
        assert "sample" in event["connectionString"]
    assert (await writer.run("run_all"))["succeeded"] == 1
    everything = "".join(writer.texts + watcher.texts) + portal.said
    assert "hunter2" not in everything and SECRET not in everything


async def test_the_portals_own_database_is_refused(
    world: World, connect: Connect, postgres: EmbeddedPostgres, database_url: str
) -> None:
    client = await connect(world.notebook("x = 1"))
    for url in (database_url, postgres.url("template1")):
        error = await client.request("update_db_connection", connectionString=url)
        assert error["code"] == "connection_failed" and "portal" in error["message"]


async def test_the_kernel_finds_no_password(world: World, connect: Connect, sample_url: str) -> None:
    shared = world.connection(sample_url)
    search = f"""
import os
suspicious = lambda key, value: {SECRET[:6]!r} in value or "DATABASE_URL" in key or "CASCADE" in key
found = [key for key, value in os.environ.items() if suspicious(key, value)]
found, "{SECRET[7:]}" in str(globals())
"""
    notebook = world.notebook(("sql", "select 1 as one", "rows"), search, connection=shared)
    client = await connect(notebook)
    await client.run("run_all")
    output: dict[str, Any] = client.last("cell_output", world.cells(notebook)[1])["output"]
    assert output["text/plain"] == "([], False)"
    assert "DATABASE_URL" not in os.environ


async def test_interrupting_cancels_the_statement_on_the_server(
    world: World, connect: Connect, sample_url: str
) -> None:
    notebook = world.notebook(("sql", "select pg_sleep(60)", "rows"), connection=world.connection(sample_url))
    client = await connect(notebook)
    ack = await client.request("run_all")
    await client.until(lambda event: event["type"] == "cell_status" and event["status"] == "running")
    await client.request("interrupt")
    await client.until(lambda event: event["type"] == "run_finished" and event["runId"] == ack["runId"])
    assert client.last("cell_status")["status"] == "interrupted"


async def test_a_large_result_reaches_the_kernel_and_leaves_nothing_in_the_portal(
    world: World, connect: Connect, portal: Portal, sample_url: str
) -> None:
    query = "select i, i::numeric / 4 as price, md5(i::text) as hash from generate_series({first}::int, 100000) i"
    notebook = world.notebook(
        "first = 1",
        ("sql", query, "rows"),
        "len(rows), int(rows.price.sum() * 4) == int(rows.i.sum()), rows['hash'].nunique()",
        connection=world.connection(sample_url),
    )
    client = await connect(notebook)
    finished = await client.run("run_all")
    assert finished["succeeded"] == 3, client.last("cell_output")
    assert client.last("cell_output", world.cells(notebook)[2])["output"]["text/plain"] == "(100000, True, 100000)"
    assert portal.process is not None
    descriptors = [os.readlink(link) for link in Path(f"/proc/{portal.process.pid}/fd").iterdir() if link.is_symlink()]
    assert descriptors and not [link for link in descriptors if NAME in link]


async def test_a_password_with_odd_characters_never_shows(world: World, connect: Connect) -> None:
    password = "p@ss/w:ord'\"<b>"
    client = await connect(world.notebook("x = 1"))
    url = f"postgresql://someone:{quote(password, safe='')}@127.0.0.1:1/db"
    await client.request("update_db_connection", connectionString=url)
    everything = "".join(client.texts)
    assert password not in everything and quote(password, safe="") not in everything


async def test_sql_on_the_notebooks_own_frames(world: World, connect: Connect) -> None:
    notebook = world.notebook(
        "import pandas as pd\nsales = pd.DataFrame({'shop': ['a', 'b', 'a'], 'amount': [1, 2, 3]})\nleast = 2",
        ("sql", "select shop, sum(amount) as total from sales where amount >= {least} group by 1 order by 1", "totals"),
        "totals.to_dict('list')",
    )
    client = await connect(notebook)
    assert (await client.run("run_all"))["succeeded"] == 3
    assert client.last("cell_output")["output"]["text/plain"] == "{'shop': ['a', 'b'], 'total': [3, 2]}"
