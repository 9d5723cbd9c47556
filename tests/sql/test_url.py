"""Connection strings: what we take, what we refuse and how they are shown."""

from __future__ import annotations

import pytest

from kernel.sql.url import BadUrl, mask, parse


def test_all_parts() -> None:
    target = parse(" postgresql://us%40er:p%3Ass%25@db.example.com:6543/sales%20data?sslmode=require\n")
    assert (target.host, target.port, target.database) == ("db.example.com", 6543, "sales data")
    assert (target.user, target.password, target.sslmode) == ("us@er", "p:ss%", "require")
    assert "p:ss" not in repr(target)


@pytest.mark.parametrize(
    ("url", "host", "port", "password"),
    [
        ("postgres://u@h/d", "h", 5432, ""),
        ("postgresql+psycopg2://u:p@h/d", "h", 5432, "p"),
        ("POSTGRESQL://u:p@H/d", "H", 5432, "p"),
        ("postgresql://u:p@[::1]:7/d", "::1", 7, "p"),
        ("postgresql://u:p:q@h/d", "h", 5432, "p:q"),
        ("postgresql://u:@h/d?sslmode=disable", "h", 5432, ""),
    ],
)
def test_forms(url: str, host: str, port: int, password: str) -> None:
    target = parse(url)
    assert (target.host, target.port, target.password) == (host, port, password)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "empty"),
        ("mysql://u:s3cret@h/d", "begin with postgresql://"),
        ("host=h user=u password=s3cret", "blank"),
        ("h/d", "begin with postgresql://"),
        ("postgresql://h/d", "names no user"),
        ("postgresql://u:s3cret@/d", "names no host"),
        ("postgresql://u:s3cret@h", "names no database"),
        ("postgresql://u:s3cret@h/", "names no database"),
        ("postgresql://u:s3cret@h:0/d", "port"),
        ("postgresql://u:s3cret@h:70000/d", "port"),
        ("postgresql://u:s3cret@h:٣/d", "port"),
        ("postgresql://u:s3cret@a,b/d", "several hosts"),
        ("postgresql://u:s3cret@%2Ftmp/d", "path"),
        ("postgresql://u:s3cret@@h/d", "more than one @"),
        ("postgresql://u:s3cret#x@h/d", "#"),
        ("postgresql://u:s3cret%@h/d", "%"),
        ("postgresql://u:s3cret%ff@h/d", "UTF-8"),
        ("postgresql://u:s3cret%00@h/d", "zero"),
        ("postgresql://u:s3cret@[::1/d", "not a URL"),
        ("postgresql://u:s3cret@h/d?sslmode=maybe", "sslmode"),
        ("postgresql://u:s3cret@h/d?host=/tmp", "host is not available"),
        ("postgresql://u:s3cret@h/d?service=x", "service is not available"),
        ("postgresql://u:s3cret@h/d?passfile=/etc/shadow", "passfile is not available"),
        ("postgresql://u:s3cret@h/d?options=-c%20x", "options is not available"),
        ("postgresql://u:s3cret@h%20host%3Devil/d", "not a host name"),
    ],
)
def test_refusals_contain_no_secret(url: str, reason: str) -> None:
    with pytest.raises(BadUrl) as caught:
        parse(url)
    assert reason in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in mask(url)


def test_mask() -> None:
    assert mask("postgresql://u:s3cret@h:1/d?sslmode=require") == "postgresql://u:***@h:1/d?sslmode=require"
    assert mask("postgresql://u@h/d") == "postgresql://u@h/d"
    assert mask("s3cret") == "***"
