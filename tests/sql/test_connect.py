"""Opening connections: what is refused, what is said about it, and what the environment has no say in."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from kernel.sql.broker import Broker, SqlError, identity
from kernel.sql.connect import connect
from kernel.sql.url import BadUrl, parse
from notebookproject.postgres import EmbeddedPostgres
from tests.sql.conftest import PASSWORD
from tests.sql.support import Session


async def refusal(broker: Broker, url: str) -> str:
    with pytest.raises(SqlError) as caught:
        await broker.test(url)
    return str(caught.value)


async def test_a_good_one(sql: Session) -> None:
    await sql.broker.test(sql.url)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ((PASSWORD, "wr0ng-pass"), "the user name or the password was refused"),
        (("analyst", "nobody_i_know"), "the user name or the password was refused"),
        (("/analysis", "/no_such_database"), "this database does not exist"),
        (("127.0.0.1", "no-such-host.invalid"), "host"),
    ],
)
async def test_reasons_contain_no_secret(sql: Session, change: tuple[str, str], reason: str) -> None:
    url = sql.url.replace(*change)
    answer = await sql.run("SELECT 1", url=url, name="Sales")
    for text in (await refusal(sql.broker, url), answer.error):
        assert reason in text
        assert "could not be opened" in text
        for secret in (PASSWORD, "wr0ng-pass", "nobody_i_know", "127.0.0.1", "invalid", "postgresql://"):
            assert secret not in text
    assert answer.error.startswith("The connection Sales ")
    (record,) = await sql.recorded()
    assert record.error == answer.error
    assert record.duration is None


async def test_nobody_listens(sql: Session) -> None:
    port = parse(sql.url).port
    text = await refusal(sql.broker, sql.url.replace(f":{port}/", ":1/"))
    assert "nothing answers at this host and port" in text


async def test_bad_urls_are_errors_and_no_exceptions(sql: Session) -> None:
    with pytest.raises(BadUrl):
        await sql.broker.test("nonsense")
    answer = await sql.run("SELECT 1", url="postgresql://user:secret@/x")
    assert answer.error and "secret" not in answer.error
    await sql.recorded()


async def test_the_portals_own_database_is_refused(sql: Session, postgres: EmbeddedPostgres) -> None:
    own = sql.url.replace("/analysis", "/own_portal")
    found = await identity(postgres.url("own_portal"))
    for forbidden in (found, msgspec.structs.replace(found, host="another-name")):
        broker = Broker(record=sql.record, forbidden=forbidden)
        for url in (own, own.replace("127.0.0.1", "localhost"), own.replace("127.0.0.1", "LOCALHOST")):
            assert "portal's own database" in await refusal(broker, url)
        await broker.test(sql.url)
        assert "superuser" in await refusal(broker, postgres.url("analysis"))
        await broker.close()


async def test_the_environment_is_ignored(sql: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "services").write_text("[other]\nhost=192.0.2.1\nuser=service\ndbname=service\noptions=-c jit=off\n")
    (tmp_path / "pgpass").write_text(f"*:*:*:*:{PASSWORD}\n")
    (tmp_path / "pgpass").chmod(0o600)
    hostile = {
        "PGHOST": "192.0.2.1",
        "PGHOSTADDR": "192.0.2.1",
        "PGPORT": "1",
        "PGDATABASE": "postgres",
        "PGUSER": "postgres",
        "PGPASSWORD": PASSWORD,
        "PGPASSFILE": str(tmp_path / "pgpass"),
        "PGSERVICE": "other",
        "PGSERVICEFILE": str(tmp_path / "services"),
        "PGOPTIONS": "-c search_path=elsewhere -c default_transaction_read_only=off",
        "PGAPPNAME": "somebody",
        "PGSSLMODE": "verify-full",
        "PGREQUIREAUTH": "none",
        "PGTARGETSESSIONATTRS": "standby",
        "PGCLIENTENCODING": "LATIN1",
        "PGCONNECT_TIMEOUT": "1",
        "PGTZ": "Asia/Tokyo",
        "PGDATESTYLE": "German",
    }
    for name, value in hostile.items():
        monkeypatch.setenv(name, value)
    answer = await sql.run(
        "SELECT current_database(), current_user, current_setting('application_name'), "
        "current_setting('search_path'), current_setting('client_encoding')"
    )
    assert answer.rows == [("analysis", "analyst", "cascade", '"$user", public', "UTF8")]
    text = await refusal(sql.broker, sql.url.replace(f":{PASSWORD}@", "@"))
    assert "asks for a password" in text


async def test_a_server_that_says_nothing(sql: Session) -> None:
    server = await asyncio.start_server(lambda reader, writer: asyncio.sleep(3600), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    target = parse(f"postgresql://u:p@127.0.0.1:{port}/d?sslmode=disable")
    with pytest.raises(SqlError, match="did not answer in time"):
        await connect(target, None, timeout=0.3)
    server.close()
