"""SQL cells and the notebook's database, in the page."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.support.portal import Portal
from tests.support.world import World

from .conftest import Visit

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_choose_a_database_and_query_it_with_a_bound_value(
    world: World, visit: Visit, sample_url: str, portal: Portal
) -> None:
    shared = world.connection(sample_url)
    notebook = world.notebook(
        "continent = 'Oceania'",
        ("sql", "select name from country where continent = {continent} order by name", "found"),
        "list(found.name)",
        auto_run_delay=0.3,
    )
    page, other = await visit(notebook), await visit(notebook, "colleague")
    await page.page.get_by_role("button", name="Database:").click()
    await page.page.get_by_label("A shared connection").select_option(label=shared.name)
    await page.page.get_by_role("button", name="Connect").click()
    await expect(page.page.locator("#connection-word")).to_have_text(shared.name)
    await expect(other.page.locator("#connection-word")).to_have_text(shared.name)
    await page.run_all()
    await page.prints(2, "New Zealand")
    await page.prints(3, "['Australia', 'New Zealand']")
    await page.edit(1, "continent = 'Europe'")
    await other.prints(3, "'Albania'")


async def test_a_wrong_database_is_said_and_the_present_one_stays(
    world: World, visit: Visit, sample_url: str, portal: Portal
) -> None:
    notebook = world.notebook(("sql", "select count(*) as n from country", "rows"))
    page, other = await visit(notebook), await visit(notebook, "colleague")
    for url, fine in ((sample_url, True), (sample_url.replace("sample-password", "hunter2"), False)):
        await page.page.get_by_role("button", name="Database:").click()
        await page.page.get_by_label("or one of your own").fill(url)
        await page.page.get_by_role("button", name="Connect").click()
        if fine:
            await expect(page.page.locator("#connection-word")).to_contain_text("sample")
    await expect(page.page.locator("#connection-error")).to_contain_text("could not be opened")
    await expect(other.page.locator(".toast.error")).to_contain_text("failed")
    await page.page.get_by_role("button", name="Cancel").click()
    await page.run_all()
    await page.prints(1, "142")
    for each in (page, other):
        html = await each.page.content()
        assert "hunter2" not in html and "sample-password" not in html
    assert "hunter2" not in portal.said
