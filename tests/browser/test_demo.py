"""A newcomer's first minutes: one command, log in, open the demo notebook, change a parameter."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.support.page import NotebookPage
from tests.support.portal import Portal

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

PASSWORD = "the first administrator"


@pytest.fixture
def fresh() -> Iterator[Portal]:
    """With its embedded PostgreSQL, the sample database and the demo notebook."""
    with tempfile.TemporaryDirectory(prefix="cascade-demo-") as directory:
        portal = Portal(Path(directory) / "data", CASCADE_ADMIN_PASSWORD=PASSWORD).start()
        yield portal
        portal.stop()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_demo_notebook(fresh: Portal, browser: Browser, scheme: str) -> None:
    context = await browser.new_context(color_scheme=scheme, viewport={"width": 1280, "height": 900})  # type: ignore[arg-type]
    page = await context.new_page()
    await page.goto(fresh.url)
    await page.get_by_label("Username").fill("admin")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await page.get_by_role("link", name="How long people live").click()
    notebook = NotebookPage(page, page.url)
    await notebook.ready()
    await notebook.run_all()
    runs = [number for number in range(1, 12) if number not in (1, 4, 8)]
    for number in runs:
        await notebook.shows(number, "success", "fresh", wait=30)
    await expect(notebook.output(5)).to_contain_text("Japan")
    await notebook.output(6).scroll_into_view_if_needed()
    await expect(notebook.output(6).locator(".main-svg").first).to_be_visible(timeout=20_000)
    await expect(notebook.output(6)).to_contain_text("Wealth and health in Asia, 2007")
    await expect(notebook.output(7)).to_contain_text("In 2007, a person in Asia could expect to live 69.4 years")
    history = await notebook.output(9).get_attribute("data-execution")

    await notebook.edit(3, "year = 1952")
    await expect(notebook.output(7)).to_contain_text("In 1952, a person in Asia", timeout=20_000)
    await notebook.output(6).scroll_into_view_if_needed()
    await expect(notebook.output(6)).to_contain_text("Wealth and health in Asia, 1952", timeout=20_000)
    assert await notebook.output(9).get_attribute("data-execution") == history

    await notebook.edit(2, 'continent = "Europe"')
    await expect(notebook.output(7)).to_contain_text("In 1952, a person in Europe", timeout=20_000)
    await notebook.shows(10, "success", "fresh")
    await notebook.output(10).locator("img").scroll_into_view_if_needed()
    await notebook.until("document.querySelector('img.image')?.naturalWidth > 300")
    assert notebook.problems == []
    await context.close()
