"""Logging in and the library, as somebody new meets them."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import expect

from tests.support.world import PASSWORD, World

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_log_in_change_the_password_and_log_out(world: World, window: Any) -> None:
    person = world.person("newcomer")
    page = await window(None)
    await page.goto("/")
    assert "/accounts/login/" in page.url
    await page.get_by_label("Username").fill(person.username)
    await page.get_by_label("Password").fill("wrong")
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("alert")).to_contain_text("correct username and password")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Notebooks")).to_be_visible()
    await page.locator(".account summary").click()
    await page.get_by_role("link", name="Change password").click()
    await page.get_by_label("Old password").fill(PASSWORD)
    await page.get_by_label("New password:", exact=True).fill("another good one 7")
    await page.get_by_label("New password confirmation").fill("another good one 7")
    await page.get_by_role("button", name="Change password").click()
    await expect(page.get_by_role("status").first).to_contain_text("has been changed")
    await page.locator(".account summary").click()
    await page.get_by_role("button", name="Log out").click()
    await page.goto("/")
    assert "/accounts/login/" in page.url


async def test_create_rename_duplicate_delete_and_undo(world: World, window: Any) -> None:
    page = await window("owner")
    await page.goto("/")
    await page.get_by_label("Title of a new notebook").fill("Quarterly figures")
    await page.get_by_role("button", name="Create").click()
    await expect(page.get_by_label("Title of the notebook")).to_have_value("Quarterly figures")
    await page.goto("/")
    await page.get_by_label("More for Quarterly figures").click()
    await page.get_by_role("link", name="Rename").click()
    await page.get_by_label("Title").fill("Yearly figures")
    await page.get_by_role("button", name="Rename").click()
    await page.get_by_label("More for Yearly figures").click()
    await page.get_by_role("button", name="Duplicate").click()
    await expect(page.get_by_label("Title of the notebook")).to_have_value("Copy of Yearly figures")
    await page.goto("/")
    await page.get_by_label("Search notebooks").fill("copy yearly")
    await expect(page.locator("#notebooks tbody tr")).to_have_count(1)
    await page.get_by_label("More for Copy of Yearly figures").click()
    await page.get_by_role("link", name="Delete").click()
    await page.get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("status").first).to_contain_text("was deleted")
    await expect(page.get_by_role("link", name="Copy of Yearly figures")).to_have_count(0)
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("link", name="Copy of Yearly figures")).to_be_visible()


async def test_the_library_says_what_runs(world: World, window: Any, visit: Any) -> None:
    notebook = world.notebook("x = 1", title="The one that runs")
    page = await visit(notebook)
    await page.run_all()
    await page.shows(1, "success")
    library = await window("reader")
    await library.goto("/")
    row = library.locator("tr", has_text="The one that runs")
    await expect(row).to_contain_text("running")
    await expect(row).to_contain_text(world.person("owner").username)
