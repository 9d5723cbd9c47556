"""Several people in one notebook; nothing is lost."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

import pytest
from playwright.async_api import Page, WebSocketRoute, expect

from tests.support.page import NotebookPage
from tests.support.portal import Portal
from tests.support.world import World

from .conftest import Visit

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_second_browser_sees_everything_at_once(world: World, visit: Visit) -> None:
    notebook = world.notebook("a = 1", "b = a + 1\nb", auto_run_delay=0.3)
    mine, yours = await visit(notebook), await visit(notebook, "reader")
    await yours.page.evaluate("window.stillTheSamePage = true")
    await mine.edit(1, "a = 41")
    await expect(yours.code(1)).to_have_text("a = 41")
    await yours.shows(1, "success", "fresh")
    await yours.prints(2, "42")
    await mine.cell(2).locator('[data-add="python"]').click()
    await expect(yours.cells).to_have_count(3)
    await mine.writing()
    await mine.page.keyboard.insert_text("'new here'")
    await expect(yours.code(3)).to_have_text("'new here'")
    await yours.prints(3, "new here")
    await mine.button(3, "up").click()
    await expect(yours.code(2)).to_have_text("'new here'")
    await mine.menu(1, "delete")
    await expect(yours.cells).to_have_count(2)
    await yours.shows(2, "error")
    assert await yours.page.evaluate("window.stillTheSamePage")


async def test_two_people_type_in_one_cell(world: World, visit: Visit) -> None:
    notebook = world.notebook("middle", auto_run_delay=600)
    one, two = await visit(notebook), await visit(notebook, "colleague")
    await one.code(1).click()
    await two.code(1).click()
    await one.page.keyboard.press("Control+Home")
    await two.page.keyboard.press("Control+End")
    await asyncio.gather(
        one.page.keyboard.type("left ", delay=15),
        two.page.keyboard.type(" right", delay=15),
    )
    for page in (one, two):
        await expect(page.code(1)).to_have_text("left middle right")
        await expect(page.page.locator("#saved")).to_have_text("Saved")
    assert notebook.cells.get().code == "left middle right"
    await expect(one.page.locator(".peer-caret")).to_have_count(1)
    await expect(one.page.locator("#people .face")).to_have_count(1)


async def test_closing_the_last_browser_and_opening_again(world: World, visit: Visit) -> None:
    notebook = world.notebook("print('was here')\nx = 5\nx", "1 / 0", ("markdown", "*text*"))
    page = await visit(notebook)
    await page.run_all()
    await page.shows(2, "error")
    await page.page.close()
    await asyncio.sleep(0.5)
    again = await visit(notebook, "colleague")
    await again.shows(1, "success", "fresh")
    await again.prints(1, "was here")
    await again.prints(1, "5")
    await again.prints(2, "ZeroDivisionError")
    await expect(again.output(3).locator("em")).to_have_text("text")
    assert notebook.sessions.get().executions == 2


async def test_text_that_looks_like_a_fragment_is_never_swapped_in(world: World, visit: Visit) -> None:
    evil = "<div id='title' hx-swap-oob='true'>GONE</div><img src=x onerror=\"document.title='HACKED'\">"
    notebook = world.notebook(f"print({evil!r})\n{evil!r}", ("markdown", evil), auto_run_delay=0.2, title="Safe")
    page, other = await visit(notebook), await visit(notebook, "reader")
    await page.run_all()
    await other.prints(1, "GONE")
    await page.edit(1, f"# {evil}\nraise ValueError({evil!r})")
    await other.shows(1, "error")
    await other.prints(1, "GONE")
    for each in (page, other):
        await expect(each.page.get_by_label("Title of the notebook")).to_have_value("Safe")
        assert "HACKED" not in await each.page.title()


async def test_what_is_typed_while_the_connection_is_lost_is_sent_later(
    world: World, portal: Portal, window: Callable[..., Awaitable[Page]]
) -> None:
    notebook = world.notebook("a = 1", auto_run_delay=600)
    sockets: list[WebSocketRoute] = []
    lost = False

    async def route(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        if lost:
            await socket.close(code=1012)
        else:
            socket.connect_to_server()

    bare = await window("owner")
    await bare.route_web_socket(re.compile("/ws/"), route)
    page = await NotebookPage(bare, f"{portal.url}/notebooks/{notebook.pk}/").open()
    await page.edit(1, "a = 2")
    await expect(page.page.locator("#saved")).to_have_text("Saved")
    lost = True
    await sockets[-1].close(code=1012)
    await page.edit(1, "a = 3  # typed offline")
    await expect(page.page.locator("#saved")).to_have_text("Saving…")
    await expect(page.page.locator("#offline")).to_be_visible()
    lost = False
    await expect(page.page.locator("#saved")).to_have_text("Saved", timeout=30_000)
    await expect(page.page.locator("#offline")).to_be_hidden()
    assert notebook.cells.get().code == "a = 3  # typed offline"
