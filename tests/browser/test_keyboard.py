"""Everything without a mouse."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from tests.support.page import NotebookPage
from tests.support.world import World

from .conftest import Visit

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def focused(page: NotebookPage) -> int:
    """The number of the cell with the focus; 0 for none."""
    return int(
        await page.page.evaluate(
            "[...document.querySelectorAll('#cells > .cell')].indexOf(document.activeElement.closest('.cell')) + 1"
        )
    )


async def editing(page: NotebookPage) -> bool:
    return bool(await page.page.evaluate("!!document.activeElement.closest('.cm-editor')"))


async def test_shift_enter_runs_and_goes_on(world: World, visit: Visit) -> None:
    page = await visit(world.notebook("1 + 1", "2 + 2"))
    await page.code(1).click()
    await page.page.keyboard.press("Shift+Enter")
    await page.prints(1, "2")
    assert await focused(page) == 2
    await page.page.keyboard.press("Shift+Enter")
    await page.prints(2, "4")
    await expect(page.cells).to_have_count(3)


async def test_ctrl_enter_runs_and_stays(world: World, visit: Visit) -> None:
    page = await visit(world.notebook("1 + 1", "2 + 2"))
    await page.code(1).click()
    await page.page.keyboard.press("Control+Enter")
    await page.prints(1, "2")
    assert await focused(page) == 1 and await editing(page)
    assert await page.code(1).inner_text() == "1 + 1"


async def test_alt_enter_runs_and_inserts_below(world: World, visit: Visit) -> None:
    page = await visit(world.notebook("1 + 1", "2 + 2"))
    await page.code(1).click()
    await page.page.keyboard.press("Alt+Enter")
    await page.prints(1, "2")
    await expect(page.cells).to_have_count(3)
    await page.writing()
    assert await focused(page) == 2


async def test_arrows_cross_cells_and_escape_leaves(world: World, visit: Visit) -> None:
    page = await visit(world.notebook("a = 1\nb = 2", "c = 3"))
    await page.code(1).click()
    await page.page.keyboard.press("Control+End")
    await page.page.keyboard.press("ArrowDown")
    assert await focused(page) == 2 and await editing(page)
    await page.page.keyboard.press("ArrowUp")
    assert await focused(page) == 1 and await editing(page)
    await page.page.keyboard.press("Escape")
    assert await focused(page) == 1 and not await editing(page)
    await page.page.keyboard.press("Enter")
    assert await editing(page)


async def test_single_keys_in_command_mode(world: World, visit: Visit) -> None:
    notebook = world.notebook("one = 1", "two = 2")
    page = await visit(notebook)
    first, second = await page.order()
    keyboard = page.page.keyboard
    await page.code(1).click()
    await keyboard.press("Escape")
    await keyboard.press("j")
    assert await focused(page) == 2
    await keyboard.press("k")
    assert await focused(page) == 1
    await keyboard.press("b")
    await expect(page.cells).to_have_count(3)
    await page.writing()
    assert await focused(page) == 2
    await keyboard.press("Escape")
    await keyboard.press("a")
    await expect(page.cells).to_have_count(4)
    await page.writing()
    await keyboard.press("Escape")
    assert (await page.order())[0] == first and (await page.order())[3] == second
    assert await focused(page) == 2
    await keyboard.press("d")
    await keyboard.press("d")
    await expect(page.cells).to_have_count(3)
    await keyboard.press("z")
    await expect(page.cells).to_have_count(4)
    await page.cell(2).focus()
    await keyboard.press("m")
    await expect(page.cell(2)).to_have_attribute("data-type", "markdown")
    await keyboard.press("y")
    await expect(page.cell(2)).to_have_attribute("data-type", "python")
    await keyboard.press("s")
    await expect(page.cell(2)).to_have_attribute("data-type", "sql")
    await keyboard.press("Alt+ArrowDown")
    await expect(page.cell(3)).to_have_attribute("data-type", "sql")
    await keyboard.press("h")
    await expect(page.cell(3)).to_have_attribute("data-code-hidden", "true")


async def test_ctrl_s_saves_and_the_sheet_shows_all_keys(world: World, visit: Visit) -> None:
    notebook = world.notebook("a = 1", auto_run_delay=600)
    page = await visit(notebook)
    await page.edit(1, "a = 99")
    await page.page.keyboard.press("Control+s")
    await expect(page.page.locator("#saved")).to_have_text("Saved")
    assert notebook.cells.get().code == "a = 99"
    await page.page.keyboard.press("Escape")
    await page.page.keyboard.press("?")
    sheet = page.page.get_by_role("dialog", name="Keyboard shortcuts")
    await expect(sheet).to_be_visible()
    for text in ("Run, and go on", "Run, and stay", "Insert above, below", "Delete", "Leave the editor"):
        await expect(sheet).to_contain_text(text)
    await page.page.keyboard.press("Escape")
    await expect(sheet).to_be_hidden()


async def test_a_new_user_without_a_mouse(world: World, visit: Visit) -> None:
    """From the top of an empty notebook to an output, by Tab, Enter and typing alone."""
    page = await visit(world.notebook(""))
    keyboard = page.page.keyboard
    for _ in range(40):
        await keyboard.press("Tab")
        if await page.page.evaluate("document.activeElement.closest('.cell') === document.activeElement"):
            break
        if await editing(page):
            break
    assert await focused(page) == 1
    if not await editing(page):
        await keyboard.press("Enter")
    await keyboard.type("6 * 7")
    await keyboard.press("Shift+Enter")
    await page.prints(1, "42")


async def test_every_control_has_a_name_and_a_visible_focus(world: World, visit: Visit) -> None:
    page = await visit(world.notebook("1", ("sql", "select 1"), ("markdown", "hello")))
    nameless = await page.page.evaluate(
        """() => [...document.querySelectorAll('button, input:not([type=hidden]), select, a, summary')]
          .filter((each) => {
            const text = each.getAttribute('aria-label') || each.textContent.trim() || each.title ||
              [...(each.labels ?? [])].map((label) => label.textContent.trim()).join('') || each.placeholder;
            return !text;
        }).map((each) => each.outerHTML)"""
    )
    assert nameless == []
    invisible = await page.page.evaluate(
        """async () => {
            const found = [];
            for (const each of document.querySelectorAll('button, input, select, a, summary')) {
                if (!each.checkVisibility()) continue;
                each.focus({ focusVisible: true });
                if (document.activeElement !== each) continue;
                const style = getComputedStyle(each);
                if (style.outlineStyle === 'none' && style.boxShadow === 'none') found.push(each.outerHTML);
            }
            return found;
        }"""
    )
    assert invisible == []
