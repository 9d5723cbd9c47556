"""Type, stop, and what depends on it runs."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import expect

from tests.support.world import World

from .conftest import Visit

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_type_and_stop_and_the_dependents_run(world: World, visit: Visit) -> None:
    page = await visit(world.notebook("a = 1", "b = a + 1\nb", "other = 5\nother"))
    await page.edit(1, "a = 41")
    await page.shows(1, "success", "fresh")
    await page.prints(2, "42")
    await page.shows(3, "idle")


async def test_leave_before_and_it_is_saved_and_nothing_runs(world: World, visit: Visit) -> None:
    notebook = world.notebook("a = 1", "b = a\nb")
    page = await visit(notebook)
    await page.edit(1, "a = 2")
    await page.leave()
    await expect(page.page.locator("#saved")).to_have_text("Saved")
    await asyncio.sleep(2.2)
    await page.shows(1, "idle")
    assert notebook.cells.order_by("position").first().code == "a = 2"


async def test_the_run_button_runs_at_once(world: World, visit: Visit) -> None:
    page = await visit(world.notebook("a = 1\na", auto_run_delay=600))
    await page.edit(1, "a = 7\na")
    await page.button(1, "run").click()
    await page.prints(1, "7")


async def test_the_delay_and_the_mode_are_settings_in_the_page(world: World, visit: Visit) -> None:
    notebook = world.notebook("a = 1", "b = a\nb")
    page = await visit(notebook)
    other = await visit(notebook, "colleague")
    await page.page.get_by_label("Run after").fill("0.2")
    await page.page.keyboard.press("Enter")
    await page.page.get_by_label("Dependents").select_option("lazy")
    await expect(other.page.get_by_label("Dependents")).to_have_value("lazy")
    await expect(other.page.get_by_label("Run after")).to_have_value("0.2")
    await page.run_all()
    await page.prints(2, "1")
    await page.edit(1, "a = 2")
    await page.shows(1, "success", "fresh", wait=1.4)
    await page.shows(2, "success", "stale")
    await expect(page.cell(2).get_by_text("Stale")).to_be_visible()
    await page.page.get_by_role("button", name="Run stale").click()
    await page.prints(2, "2")
    await page.shows(2, "success", "fresh")


async def test_status_duration_and_freshness_of_each_cell(world: World, visit: Visit) -> None:
    page = await visit(world.notebook("import time\ntime.sleep(2.5)\nx = 1", "y = x\ny"))
    await page.shows(1, "idle", "")
    await page.run_all()
    await page.shows(1, "running")
    await page.shows(2, "queued")
    await expect(page.status(2)).to_contain_text("Queued, next")
    await expect(page.status(1)).to_contain_text(re.compile(r"Running \d\.\d s"))
    await page.shows(2, "success", "fresh")
    await expect(page.status(1).locator(".duration")).to_contain_text("2.5 s")


async def test_interrupt_and_restart(world: World, visit: Visit) -> None:
    page = await visit(world.notebook("import time\nx = 1\ntime.sleep(60)", "y = 2\ny"))
    await page.run_all()
    await page.shows(1, "running")
    await page.page.get_by_role("button", name="Interrupt").click()
    await page.shows(1, "interrupted")
    await page.shows(2, "idle")
    await page.button(2, "run").click()
    await page.prints(2, "2")
    await page.page.locator("summary", has_text="Kernel").click()
    await page.page.get_by_role("menuitem", name="Restart the kernel").click()
    await page.shows(2, "success", "saved")
    await expect(page.page.locator("#kernel-word")).to_have_text("No kernel")
    await expect(page.page.locator("#kernel-reason")).to_contain_text("its values are gone, the outputs are saved")
    await page.page.reload()
    await expect(page.page.locator("#kernel-reason")).to_contain_text("its values are gone, the outputs are saved")
    await page.button(2, "run").click()
    await page.shows(2, "success", "fresh")
    await expect(page.page.locator("#kernel-reason")).to_be_hidden()


async def test_a_dead_kernel_is_said_on_the_page(world: World, visit: Visit) -> None:
    page = await visit(world.notebook("import os\nos.kill(os.getpid(), 9)", "1 + 1"))
    await page.button(1, "run").click()
    await expect(page.page.locator("#kernel-reason")).to_contain_text("killed")
    await expect(page.page.locator("#kernel-word")).to_have_text("Kernel stopped")
    await page.button(2, "run").click()
    await page.prints(2, "2")
    await expect(page.page.locator("#kernel-reason")).to_be_hidden()


async def test_renaming_shows_errors_downstream_and_renaming_back_heals(world: World, visit: Visit) -> None:
    page = await visit(world.notebook("x = 1", "y = x + 1\ny", auto_run_delay=0.2))
    await page.run_all()
    await page.prints(2, "2")
    await page.edit(1, "z = 1")
    await page.shows(2, "error")
    await page.prints(2, "NameError")
    await page.prints(2, "cell 1")
    await page.edit(1, "x = 1")
    await page.shows(2, "success", "fresh")
    await page.prints(2, "2")


async def test_a_cycle_shows_its_path_and_duplicates_name_each_other(world: World, visit: Visit) -> None:
    page = await visit(world.notebook("a = 1", "b = a", "c = 1", auto_run_delay=0.2))
    await page.edit(1, "a = b")
    await page.shows(1, "invalid")
    await expect(page.status(1)).to_contain_text("a -> b -> a")
    await expect(page.status(1).locator(".reason")).to_be_visible()
    await page.edit(1, "a = 1")
    await page.shows(1, "success")
    await page.edit(3, "a = 2")
    await page.shows(1, "invalid")
    await expect(page.status(1)).to_contain_text("cell 3")
    await expect(page.status(3)).to_contain_text("cell 1")
    await page.edit(3, "c = 2")
    await page.shows(1, "success")


async def test_an_invalid_name_in_passing_does_not_flash(world: World, visit: Visit) -> None:
    page = await visit(world.notebook("df = 1", "other = 2", auto_run_delay=2))
    await page.edit(2, "df = 2")
    await page.shows(1, "invalid")
    await expect(page.status(1).locator(".status-word")).to_be_hidden()
    await page.edit(2, "df2 = 2")
    await page.shows(1, "idle")


async def test_stubborn_code_is_offered_to_be_ended(world: World, visit: Visit) -> None:
    code = "import time\nwhile True:\n    try:\n        time.sleep(0.1)\n    except KeyboardInterrupt:\n        pass"
    page = await visit(world.notebook(code, "2 + 2"))
    await page.button(1, "run").click()
    await page.shows(1, "running")
    await page.page.get_by_role("button", name="Interrupt").click()
    offer = page.page.locator("#kernel-reason")
    await expect(offer).to_contain_text("does not react", timeout=15_000)
    await offer.get_by_role("button", name="Restart the kernel").click()
    await expect(offer).to_contain_text("The kernel was restarted")
    await expect(offer.get_by_role("button")).to_be_hidden()
    await page.button(2, "run").click()
    await page.prints(2, "4")
