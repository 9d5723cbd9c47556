"""Packages that no zygote can live with: kernels are plain processes, the page says so, and it can be mended there."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.support.pages import administrator, fetch
from tests.support.portal import Portal
from tests.support.wire import Client
from tests.support.world import World


async def test_a_portal_whose_packages_end_the_zygote(tmp_path: Path, world: World, database_url: str) -> None:
    from django.conf import settings

    portal = Portal(
        tmp_path,
        DATABASE_URL=database_url,
        CASCADE_SECRET_KEY=settings.SECRET_KEY,
        CASCADE_KERNEL_PACKAGES="json,tests.launch.deadly",
    ).start()
    try:
        notebook = world.notebook("x = 41\nx")
        administrator(world)
        cookie = world.cookie("administrator")
        client = await Client.connect(portal.url, notebook.pk, world.cookie("owner"))
        assert (await client.run("run_all"))["succeeded"] == 1
        html = ""
        async with asyncio.timeout(20):  # while the next attempt is under way, the page hopes for the best
            while "Plain processes" not in html:
                _, html = await asyncio.to_thread(fetch, portal, "/kernels/", cookie)
        assert "The process that starts kernels has died." in html
        assert "<strong>1 kernel</strong>" in html

        for names, said in (
            ("json, no module", "“no module” is no module"),
            ("tests.launch.deadly", "The packages stay as they were"),
        ):
            status, html = await asyncio.to_thread(fetch, portal, "/kernels/packages/", cookie, {"packages": names})
            assert status == 400 and said in html and names in html

        sent = {"packages": "json, no_such_module, tests.launch.threaded"}
        status, html = await asyncio.to_thread(fetch, portal, "/kernels/packages/", cookie, sent)
        assert status == 200 and "Plain processes" not in html
        assert "that has imported json, tests.launch.threaded." in html
        assert "Could not be imported: no_such_module." in html
        assert "which forked kernels would lack: tests.launch.threaded." in html
        await client.request("restart_kernel", runAll=False)
        assert (await client.run("run_all"))["succeeded"] == 1
        await client.close()
    finally:
        portal.stop()
