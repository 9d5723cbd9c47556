"""How a cell's text is cut."""

from __future__ import annotations

import pytest

from kernel.sql.script import Statement, split, tokens


def texts(source: str) -> list[str]:
    return [statement.text for statement in split(source)]


def one(source: str) -> Statement:
    (statement,) = split(source)
    return statement


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("", []),
        (" ;; -- nothing\n/* nor here */ ;", []),
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1; SELECT 2;", ["SELECT 1", "SELECT 2"]),
        ("SELECT ';' ; SELECT \";\"", ["SELECT ';'", 'SELECT ";"']),
        ("SELECT 'it''s;'; x", ["SELECT 'it''s;'", "x"]),
        (r"SELECT E'\';'; x", [r"SELECT E'\';'", "x"]),
        (r"SELECT '\'; x", [r"SELECT '\'", "x"]),
        ("SELECT $$;$$; x", ["SELECT $$;$$", "x"]),
        ("SELECT $a$;$$;$a$; x", ["SELECT $a$;$$;$a$", "x"]),
        ("SELECT 1 -- a;b\n, 2; x", ["SELECT 1 -- a;b\n, 2", "x"]),
        ("SELECT /* ; /* ; */ ; */ 1; x", ["SELECT /* ; /* ; */ ; */ 1", "x"]),
        ("SELECT 'open; x", ["SELECT 'open; x"]),
        ("SELECT /* open; x", ["SELECT /* open; x"]),
        ("SELECT $q$ open; x", ["SELECT $q$ open; x"]),
        ("CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2); x",
         ["CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)", "x"]),
        ("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 END; END; x",
         ["CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 END; END", "x"]),
        ("SELECT a$b$; x", ["SELECT a$b$", "x"]),
    ],
)  # fmt: skip
def test_statements(source: str, expected: list[str]) -> None:
    assert texts(source) == expected


def test_tokens_are_the_whole_text() -> None:
    source = "SELECT E'a\\'', \"b\"\"\", $1, $x$ $x$ /* /* */ */ -- end\n FROM t WHERE ä = .5e3 AND '"
    assert "".join(token for _, token in tokens(source)) == source


def test_lines() -> None:
    first, second = split("\n-- one\n\nSELECT 'a\nb';\n\n  SELECT 2")
    assert (first.line, second.line) == (4, 7)


@pytest.mark.parametrize(
    ("source", "text", "parameters"),
    [
        ("SELECT $1, $2, $1", "SELECT $1, $2, $1", (1, 2)),
        ("SELECT $3, $1", "SELECT $1, $2", (3, 1)),
        ("SELECT '$1', \"$2\", $$ $3 $$ -- $4", "SELECT '$1', \"$2\", $$ $3 $$ -- $4", ()),
        ("SELECT a$1", "SELECT a$1", ()),
        ("x WHERE $2 IS NULL OR a = $2", "x WHERE $1::text IS NULL OR a = $2", (2, 2)),
        ("x WHERE ($1 is /* really */ not\nnull)", "x WHERE ($1::text is /* really */ not\nnull)", (1,)),
        ("x WHERE $1 IS NULL AND $1 IS NOT NULL", "x WHERE $1::text IS NULL AND $1::text IS NOT NULL", (1,)),
        ("x WHERE a = $1 IS NULL", "x WHERE a = $1 IS NULL", (1,)),
        ("x WHERE $1 IS TRUE", "x WHERE $1 IS TRUE", (1,)),
        ("x WHERE $1 IS NOT DISTINCT FROM NULL", "x WHERE $1 IS NOT DISTINCT FROM NULL", (1,)),
    ],
)
def test_parameters_are_numbered_for_each_statement(source: str, text: str, parameters: tuple[int, ...]) -> None:
    statement = one(source)
    assert (statement.text, statement.parameters) == (text, parameters)


def test_each_statement_has_its_own_numbers() -> None:
    assert [(s.text, s.parameters) for s in split("A $2; B $1, $2")] == [("A $1", (2,)), ("B $1, $2", (1, 2))]


@pytest.mark.parametrize(
    "source",
    [
        "BEGIN", "begin", "START TRANSACTION", "COMMIT", "commit and chain", "END", "ROLLBACK TO x", "ABORT",
        "SAVEPOINT a", "RELEASE a", "PREPARE TRANSACTION 'x'", "SET TRANSACTION READ WRITE",
        "SET LOCAL TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
        "/* x */ COMMIT", "-- x\nCOMMIT", "COMMIT PREPARED 'x'",
    ],
)  # fmt: skip
def test_what_controls_the_transaction(source: str) -> None:
    assert one(source).controls_transaction


@pytest.mark.parametrize(
    "source", ["SELECT 1", "PREPARE p AS SELECT 1", "SET search_path = x", '"COMMIT"', "(SELECT 1)"]
)
def test_what_does_not(source: str) -> None:
    assert not one(source).controls_transaction


@pytest.mark.parametrize(
    ("source", "query"),
    [
        ("SELECT 1", True),
        ("((SELECT 1) UNION VALUES (2))", True),
        ("WITH a AS (SELECT 1) TABLE a", True),
        ("WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a", False),
        ("SELECT 1 INTO t", False),
        ("SELECT 1 FROM t FOR UPDATE", False),
        ("EXPLAIN SELECT 1", False),
        ("INSERT INTO t VALUES (1)", False),
        ("SELECT \"into\", 'insert' FROM t", True),
    ],
)
def test_what_can_stand_as_a_subquery(source: str, query: bool) -> None:
    assert one(source).is_query is query


def test_copy() -> None:
    assert one("COPY t FROM STDIN").copies
    assert one("copy (select 1) to stdout (format csv)").copies
    assert not one("COPY t TO '/tmp/x'").copies
