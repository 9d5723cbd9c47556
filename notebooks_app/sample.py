"""The sample database: Gapminder's countries, as tables that a read-only role may query."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

DATABASE = "sample"
ROLE = "sample"

_TABLES = """
CREATE TABLE country (
    name text PRIMARY KEY,
    code text NOT NULL,
    continent text NOT NULL
);
CREATE TABLE observation (
    country text NOT NULL REFERENCES country,
    year integer NOT NULL,
    population bigint NOT NULL,
    life_expectancy double precision NOT NULL,
    gdp_per_capita double precision NOT NULL,
    PRIMARY KEY (country, year)
);
COMMENT ON TABLE country IS 'The countries of the Gapminder data set, with their ISO code.';
COMMENT ON TABLE observation IS 'One row for each country and fifth year, 1952 to 2007: GDP in US dollars of 2005.';
"""


def load(admin_url: str, password: str) -> None:
    """Make the database, its role and its tables, if they are not there. `admin_url` is a superuser's.

    The role's password is set each time, so that it is the one that the portal keeps.
    """
    with psycopg.connect(admin_url, autocommit=True) as server:
        _role(server, password)
        if not server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        for database in ("postgres", "cascade", DATABASE):
            if server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone():
                server.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))
        server.execute(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(DATABASE), sql.Identifier(ROLE))
        )
    with psycopg.connect(make_conninfo(admin_url, dbname=DATABASE)) as database:
        if not database.execute("SELECT to_regclass('public.observation')").fetchone()[0]:  # type: ignore[index]
            _fill(database)


def _role(server: psycopg.Connection[tuple[object, ...]], password: str) -> None:
    role = sql.Identifier(ROLE)
    if not server.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
        server.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
    server.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, sql.Literal(password)))


def _fill(database: psycopg.Connection[tuple[object, ...]]) -> None:
    """All tables in one transaction: an interrupted start leaves nothing by halves."""
    rows = list(_gapminder())
    database.execute(_TABLES)
    cursor = database.cursor()
    countries = {row["country"]: (row["country"], row["iso_alpha"], row["continent"]) for row in rows}
    with cursor.copy("COPY country FROM STDIN") as copy:
        for country in countries.values():
            copy.write_row(country)
    with cursor.copy("COPY observation FROM STDIN") as copy:
        for row in rows:
            copy.write_row((row["country"], row["year"], row["pop"], row["lifeExp"], row["gdpPercap"]))
    database.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(sql.Identifier(ROLE)))


def _gapminder() -> Iterator[dict[str, str]]:
    """The rows that plotly ships as `plotly.data.gapminder()`, read without importing plotly and pandas."""
    spec = find_spec("plotly")
    assert spec is not None and spec.origin is not None, "plotly is not installed"
    path = Path(spec.origin).parent / "package_data" / "datasets" / "gapminder.csv.gz"
    with gzip.open(path, "rt", newline="") as file:
        yield from csv.DictReader(file)
