"""Cells are added, deleted, restored, moved and configured, and so is the notebook."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.support.world import World

from .conftest import Visit

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_add_each_type_and_write_in_it(world: World, visit: Visit) -> None:
    notebook = world.notebook("x = 1", auto_run_delay=0.3)
    page = await visit(notebook)
    await page.cell(1).locator('[data-add="markdown"]').click()
    await expect(page.cells).to_have_count(2)
    await page.writing()
    await page.page.keyboard.insert_text("# A heading\n\nand *text*")
    await page.leave()
    await expect(page.output(2).locator("h1")).to_have_text("A heading")
    await expect(page.output(2).locator("em")).to_have_text("text")
    await page.page.locator('.add-bar.first [data-add="sql"]').click()
    await expect(page.cells).to_have_count(3)
    await expect(page.cell(1)).to_have_attribute("data-type", "sql")
    await expect(page.cell(3).locator(".markdown")).to_be_visible()


async def test_delete_and_undo(world: World, visit: Visit) -> None:
    page = await visit(world.notebook("x = 1", "y = 2"))
    order = await page.order()
    await page.menu(1, "delete")
    await expect(page.cells).to_have_count(1)
    await page.page.locator(".toast").get_by_role("button", name="Undo").click()
    await expect(page.cells).to_have_count(2)
    assert await page.order() == order


async def test_move_by_buttons_keys_and_drag(world: World, visit: Visit) -> None:
    notebook = world.notebook("a = 1", "b = 2", "c = 3")
    page = await visit(notebook)
    a, b, c = await page.order()

    async def settles(*expected: str) -> None:
        await page.until(
            "[...document.querySelectorAll('#cells > .cell')].map(e => e.dataset.cell).join() === '"
            + ",".join(expected)
            + "'"
        )

    await page.cell(1).hover()
    await page.button(1, "down").click()
    await settles(b, a, c)
    await page.cell(3).focus()
    await page.page.keyboard.press("Alt+ArrowUp")
    await settles(b, c, a)
    await page.page.keyboard.press("Alt+ArrowUp")
    await settles(c, b, a)
    await page.cell(3).hover()
    await page.button(3, "drag").drag_to(page.cell(1).locator(".cell-head"), target_position={"x": 5, "y": 2})
    await settles(a, c, b)
    assert world.cells(notebook) == [a, c, b]


async def test_the_type_the_code_and_the_name_of_a_result(world: World, visit: Visit) -> None:
    notebook = world.notebook("select 1 as one", auto_run_delay=600)
    page = await visit(notebook)
    await page.cell(1).hover()
    await page.cell(1).get_by_label("Type of this cell").select_option("sql")
    name = page.cell(1).get_by_label("Name of the result")
    await expect(name).to_be_visible()
    await name.fill("ones")
    await page.page.keyboard.press("Enter")
    await expect(page.cell(1)).to_have_attribute("data-output-name", "ones")
    await page.button(1, "run").click()
    await page.prints(1, "1 row")
    await page.menu(1, "hide")
    await expect(page.cell(1).locator(".editor")).to_be_hidden()
    await expect(page.output(1)).to_be_visible()
    await page.menu(1, "hide")
    await expect(page.cell(1).locator(".editor")).to_be_visible()


async def test_a_bad_result_name_is_refused_and_taken_back(world: World, visit: Visit) -> None:
    page = await visit(world.notebook(("sql", "select 1", "rows")))
    await page.cell(1).hover()
    name = page.cell(1).get_by_label("Name of the result")
    await name.fill("not a name")
    await page.page.keyboard.press("Enter")
    await expect(page.page.locator(".toast.error")).to_contain_text("name")
    await expect(name).to_have_value("rows")


async def test_by_hand_and_disabled(world: World, visit: Visit) -> None:
    page = await visit(world.notebook("a = 1", "b = a\nb"))
    await page.run_all()
    await page.shows(2, "success", "fresh")
    await page.menu(2, "manual")
    await expect(page.status(2)).to_contain_text("Manual")
    await page.edit(1, "a = 5")
    await page.page.keyboard.press("Control+Enter")
    await page.shows(2, "success", "stale")
    await page.menu(1, "disable")
    await page.shows(1, "disabled")
    await expect(page.button(1, "disable")).to_have_text("Enable")


async def test_the_title_is_changed_in_the_page(world: World, visit: Visit) -> None:
    notebook = world.notebook("a = 1", title="Before")
    page, other = await visit(notebook), await visit(notebook, "reader")
    await page.page.get_by_label("Title of the notebook").fill("After")
    await page.page.keyboard.press("Enter")
    await expect(other.page.get_by_label("Title of the notebook")).to_have_value("After")
    await expect(other.page).to_have_title("After · Cascade")


async def test_a_viewer_sees_and_changes_nothing(world: World, visit: Visit) -> None:
    page = await visit(world.notebook("a = 1", ("markdown", "Hello")), "reader")
    await expect(page.page.get_by_role("button", name="Run all")).to_be_hidden()
    await expect(page.button(1, "run")).to_be_hidden()
    await expect(page.page.get_by_label("Title of the notebook")).not_to_be_editable()
    assert await page.code(1).get_attribute("contenteditable") == "false"
    await page.cell(1).focus()
    await page.page.keyboard.press("b")
    await expect(page.cells).to_have_count(2)
