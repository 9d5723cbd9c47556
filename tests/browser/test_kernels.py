"""The page of running kernels keeps itself up to date, and stops one after asking."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import expect

from tests.browser.conftest import Visit
from tests.support.pages import administrator
from tests.support.world import World

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

Window = Callable[..., Awaitable[Any]]


async def test_it_follows_what_happens_and_stops_a_kernel(world: World, visit: Visit, window: Window) -> None:
    title = f"A long story {world.tag}"
    notebook = await visit(world.notebook("x = 1\nx", "import time\ntime.sleep(600)", title=title))
    await notebook.button(1, "run").click()
    await notebook.prints(1, "1")
    administrator(world)
    page = await window("administrator")
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    await page.goto("/")
    await page.locator(".account summary").click()
    await page.get_by_role("link", name="Running kernels").click()
    row = page.get_by_role("row").filter(has_text=title)
    await expect(row).to_contain_text("idle")
    await notebook.button(2, "run").click()
    await expect(row).to_contain_text("running", timeout=15_000)

    stop = row.get_by_role("button", name=f"Stop the kernel of {title}")
    page.once("dialog", lambda dialog: dialog.dismiss())
    await stop.click()
    await expect(row).to_have_count(1)
    asked: list[str] = []

    async def accept(dialog: Any) -> None:
        asked.append(dialog.message)
        await dialog.accept()

    page.once("dialog", accept)
    await stop.click()
    await expect(row).to_have_count(0)
    assert asked == [f"Stop the kernel of “{title}”? Its values are gone then; the outputs stay."]
    await expect(notebook.page.locator("#kernel-reason")).to_contain_text("an administrator, stopped the kernel")
    await notebook.shows(2, "interrupted")
    await notebook.shows(1, "success", "saved")
    assert complaints == []


@pytest.mark.parametrize("colours", ["light", "dark"])
async def test_on_a_narrow_screen_nothing_is_cut_off(world: World, visit: Visit, window: Window, colours: str) -> None:
    notebook = await visit(
        world.notebook("x = 1\nx", title=f"A title that is long enough to need a second line {world.tag}")
    )
    await notebook.run_all()
    await notebook.prints(1, "1")
    administrator(world)
    page = await window("administrator", color_scheme=colours)
    await page.set_viewport_size({"width": 360, "height": 700})
    await page.goto("/kernels/")
    await expect(page.get_by_role("button", name="Stop the kernel of").first).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    label = page.locator("td[data-label=Memory]").first
    assert await label.evaluate("td => getComputedStyle(td, '::before').content") == '"Memory"'
