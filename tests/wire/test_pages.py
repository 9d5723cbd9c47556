"""Pages as a browser gets them from a running portal."""

from __future__ import annotations

import http.client

from django.db import connection

from tests.support.portal import Portal
from tests.support.world import World

VISITS = 40


def connections() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        return int(cursor.fetchone()[0])


async def test_pages_leave_no_connections_to_the_database_behind(world: World, portal: Portal) -> None:
    """PostgreSQL has a hundred, and each request is served by a thread of its own."""
    cookie = world.cookie("owner")
    browser = http.client.HTTPConnection("127.0.0.1", portal.port, timeout=20)
    before = connections()
    for _ in range(VISITS):
        browser.request("GET", "/", headers={"Cookie": f"sessionid={cookie}"})
        response = browser.getresponse()
        assert response.status == 200 and response.read()
    assert connections() < before + VISITS // 4
