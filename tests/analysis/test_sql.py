"""SQL cells: what they define and reference, and which tables they read and write."""

from __future__ import annotations

import pytest

from kernel.analysis import analyse
from kernel.analysis.wording import tables_by_wording

# statement on a connection | tables read | tables written
POSTGRES: list[tuple[str, str, str]] = [
    ("", "", ""),
    ("-- nothing", "", ""),
    ("select 1", "", ""),
    ("values (1)", "", ""),
    ("select * from a", "a", ""),
    ("SELECT * FROM A", "a", ""),
    ('select * from "A"', "A", ""),
    ("select * from s.a", "s.a", ""),
    ("select * from c.s.a", "s.a", ""),
    ('select * from "S".a', "S.a", ""),
    ("select * from public.a", "a", ""),
    ("select * from PUBLIC.A join a on true", "a", ""),
    ("select * from c.public.a", "a", ""),
    ('select * from "public"."A"', "A", ""),
    ('select * from "Public".a', "Public.a", ""),
    ('select * from public."a.b"', "public.a.b", ""),
    ("select * from publics.a, public, main.a", "publics.a public main.a", ""),
    ("with a as (select 1) select * from public.a", "a", ""),
    ("insert into public.a select * from s.b", "s.b", "a"),
    ("create table public.a as select * from public.b", "b", "a"),
    ("drop table public.a, s.b", "", "a s.b"),
    ("copy public.a from stdin", "", "a"),
    ("not sql at all from public.a join s.b", "a s.b", ""),
    ("select * from a, b x, c as y", "a b c", ""),
    ("select * from a join b using (i) left join c on true", "a b c", ""),
    ("select x.i from a x where x.i = 1", "a", ""),
    ("select * from (select * from a) b", "a", ""),
    ("select * from a, lateral (select * from b) c", "a b", ""),
    ("select * from a where i in (select i from b) and exists (select 1 from c)", "a b c", ""),
    ("select (select max(i) from a)", "a", ""),
    ("select 1 from a union all select 2 from b", "a b", ""),
    ("table a", "a", ""),
    ("select * from generate_series(1, 3) g", "", ""),
    ("select extract(year from d), trim(both from x) from a", "a", ""),
    ("select a is distinct from b from c", "c", ""),
    ("select ' from x' from a -- from y\n/* from z */", "a", ""),
    ("select * from a for update", "a", ""),
    ("select * from a where b = {x}", "a", ""),
    ("select a->>'from', a ? 'b' from a", "a", ""),
    # CTEs
    ("with a as (select * from b) select * from a", "b", ""),
    ("with a as (select * from a) select * from a", "a", ""),
    ("with a as (select 1) select * from s.a", "s.a", ""),
    ("with A as (select 1) select * from a", "", ""),
    ("with a as (select * from x), b as (select * from a) select * from b", "x", ""),
    ("with a as (select * from b), b as (select 1) select * from a, b", "b", ""),
    ("with recursive a as (select 1 union select i + 1 from a) select * from a", "", ""),
    ("select * from a where i = (with b as (select * from c) select i from b)", "a c", ""),
    ("with a as (delete from b returning *) select * from a", "b", "b"),
    ("with a as (select 1) insert into b select * from a", "", "b"),
    # Writing
    ("insert into a values (1)", "", "a"),
    ("insert into a (i, j) values (1, 2)", "", "a"),
    ("insert into s.a select * from b", "b", "s.a"),
    ("insert into a select * from a", "a", "a"),
    ("insert into a as x values (1) on conflict (i) do update set i = excluded.i", "", "a"),
    ("insert into a values (1) returning *", "", "a"),
    ("update a set i = 1", "a", "a"),
    ("update a x set i = b.i from b where b.i = x.i", "a b", "a"),
    ("delete from a", "a", "a"),
    ("delete from a using b where a.i = b.i", "a b", "a"),
    ("merge into a using b on a.i = b.i when matched then delete", "a b", "a"),
    ("truncate a, b", "", "a b"),
    ("truncate table a", "", "a"),
    ("create table a (i int)", "", "a"),
    ("create table if not exists s.a (i int references b (i))", "b", "s.a"),
    ("create table a as select * from b", "b", "a"),
    ("create temp table a as table b", "b", "a"),
    ("create table a (like b)", "b", "a"),
    ("create view a as select * from b", "b", "a"),
    ("create or replace view a as select * from b", "b", "a"),
    ("create materialized view a as select * from b", "b", "a"),
    ("refresh materialized view a", "", "a"),
    ("drop table a", "", "a"),
    ("drop table if exists a, s.b cascade", "", "a s.b"),
    ("drop view a", "", "a"),
    ("alter table a add column i int", "", "a"),
    ("alter table a rename to b", "", "a b"),
    ("select * into a from b", "b", "a"),
    ("copy a from stdin", "", "a"),
    ("copy a to stdout", "a", ""),
    # What is no table
    ("create index i on a (b)", "a", ""),
    ("drop index i", "", ""),
    ("drop schema s", "", ""),
    ("create function f() returns int as $$ select 1 from q $$ language sql", "", ""),
    ("call f(1)", "", ""),
    ("begin; commit", "", ""),
    ("set search_path to s", "", ""),
    # Several statements
    ("select * from a; select * from b", "a b", ""),
    ("create table a (i int); insert into a values (1); select * from a, b", "a b", "a"),
    (";;select * from a;;", "a", ""),
    # What sqlglot has no words for
    ("explain analyze insert into a select * from b", "b", "a"),
    ("do $$ begin delete from a; end $$", "a", "a"),
    ("select frm x y z from a w v join b on", "a b", ""),
    ("select (((( from a", "a", ""),
    ("insert into", "", ""),
]

# statement | tables read | tables written, by the words alone
WORDING: list[tuple[str, str, str]] = [
    ('select * from A, b x, s.c as y join "D" using (i) where i', "D a b s.c", ""),
    ("select * from f(1), a", "a", ""),
    ("select extract(year from d), i is distinct from j from a", "a", ""),
    ("select trim(x from (select y from b)) from a", "a b", ""),
    ("select ' from x' from a -- from y\n/* from z */", "a", ""),
    ("with a as (select * from b), c as materialized (select 1) select * from a, c", "b", ""),
    ("insert into a select * from b", "b", "a"),
    ("insert into s.a(i) values (1) on conflict do update set i = 1", "", "s.a"),
    ("update only a set i = 1 from b", "a b", "a"),
    ("delete from only a using b", "a b", "a"),
    ("select * from a for update", "a", ""),
    ("select * from a for no key update of a", "a", ""),
    ("create temp table if not exists a as select * from b", "b", "a"),
    ("create or replace view a as table b", "b", "a"),
    ("drop table if exists a, b cascade", "", "a b"),
    ("alter table only s . a add i int", "", "s.a"),
    ("truncate a, b", "", "a b"),
    ("truncate table only a", "", "a"),
    ("refresh materialized view concurrently a", "", "a"),
    ("copy a (i) from stdin", "", "a"),
    ("copy a to stdout", "a", ""),
    ("copy (select * from a) to stdout", "a", ""),
    ("comment on table a is 'x'; lock table a", "", ""),
    ("select 1; copy a from stdin", "", "a"),
    ("select from where", "", ""),
    ("from", "", ""),
    ("from ,", "", ""),
    (")))", "", ""),
    ('from "', "", ""),
]

# statement on the notebook's DataFrames | references
DUCKDB: list[tuple[str, str]] = [
    ("select 1", ""),
    ("select * from df", "df"),
    ("from df", "df"),
    ("FROM Sales s JOIN other ON true", "Sales other"),
    ("select Sales.x from sales", "sales"),
    ('select * from "df"', "df"),
    ("select * from main.df", "df"),
    ("select * from public.df", ""),
    ('select * from "my df"', ""),
    ("select * from df where a = {x}", "df x"),
    ("select * from df as d join d on true", "d df"),
    ("with c as (from df) from C", "df"),
    ("with df as (select * from df) select * from df", "df"),
    ("select * from df where i in (select i from other)", "df other"),
    ("select * exclude (a) from df", "df"),
    ("pivot df on a using sum(b)", "df"),
    ("unpivot df on a into name n value v", "df"),
    ("summarize df", "df"),
    ("describe df", "df"),
    ("select * from df asof join e using (t)", "df e"),
    ("select [x for x in l] from df", "df"),
    ("select list_transform(l, x -> x + 1) from df qualify row_number() over () = 1", "df"),
    ("select * from 'a.csv'", ""),
    ("select * from read_csv('a.csv')", ""),
    ("select * from range(3)", ""),
    ("select * from information_schema.tables", ""),
    ("select * from _df", ""),
    ("create table t as from df; from t", "df"),
    ("copy df to 'a.csv'", "df"),
    ("select * from über", "über"),
    ("garbage from df join e", "df e"),
    ("select * from out", ""),
    ("select * from df, out", "df"),
]


@pytest.mark.parametrize(("source", "reads", "writes"), POSTGRES)
def test_tables(source: str, reads: str, writes: str) -> None:
    names = analyse("sql", source)
    assert names.problem is None
    assert (set(names.reads_tables), set(names.writes_tables)) == (set(reads.split()), set(writes.split()))
    assert names.references == ({"x"} if "{x}" in source else set())


@pytest.mark.parametrize(("source", "reads", "writes"), WORDING)
def test_tables_by_wording(source: str, reads: str, writes: str) -> None:
    found_reads, found_writes = tables_by_wording(source)
    assert (set(found_reads), set(found_writes)) == (set(reads.split()), set(writes.split()))


@pytest.mark.parametrize(("source", "references"), DUCKDB)
def test_dataframes(source: str, references: str) -> None:
    names = analyse("sql", source, output_name="out", dataframes=True)
    assert names.problem is None
    assert (set(names.references), set(names.defines)) == (set(references.split()), {"out"})
    assert not names.reads_tables and not names.writes_tables


@pytest.mark.parametrize(
    ("name", "defines"),
    [("", ""), ("x", "x"), ("é", "é"), ("_x", ""), ("__x", "__x"), ("1x", ""), ("a b", ""), ("class", ""), ("a.b", "")],
)
def test_output_name(name: str, defines: str) -> None:
    assert analyse("sql", "select 1", output_name=name).defines == set(defines.split())


@pytest.mark.parametrize(
    ("source", "references"),
    [
        ("select {x} + {y.a(z)}", "x y z"),
        ("select {[i for i in xs]}", "xs"),
        ("select {len(xs)}", "len xs"),
        ("select {f'{x}'}", "x"),
        ("select {_x}", ""),
        ("select {_x + y}", "y"),
        ("select '{x}', {{y}} -- {z}", ""),
        ("select {out}", ""),
        ("select {True}, {None}", ""),
        ("select {await f(x)}", "f x"),
        ("select {ﬁ}", "fi"),
        ("not sql at all {x} from", "x"),
    ],
)
def test_placeholders(source: str, references: str) -> None:
    names = analyse("sql", source, output_name="out")
    assert (names.problem, set(names.references)) == (None, set(references.split()))


@pytest.mark.parametrize(
    ("source", "code", "line", "column"),
    [
        ("select {", "template", 1, 7),
        ("select\n {a b}", "template", 2, 1),
        ("select {(yield)}", "syntax", 1, 9),
        ("select 1,\n  {a +\n (yield)}", "syntax", 3, 2),
        ("select {(x := 1)}", "template", 1, 8),
        ("select 1\0", "encoding", 1, 8),
        ("select '\ud800'", "encoding", 1, 8),
        ("-" * 300_000, "too_long", None, None),
    ],
)
def test_problems(source: str, code: str, line: int | None, column: int | None) -> None:
    for dataframes in (False, True):
        names = analyse("sql", source, output_name="out", dataframes=dataframes)
        assert names.problem is not None
        assert (names.problem.code, names.problem.line, names.problem.column) == (code, line, column)
        assert not names.defines and not names.references
