"""A notebook's page in a browser, as somebody who uses it sees it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from playwright.async_api import Locator, Page, expect


class NotebookPage:
    """Cells are counted from 1, as on the page. `problems` holds what the browser complained about."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.problems: list[str] = []
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", self._said)

    def _said(self, message: Any) -> None:
        if message.type == "error":
            self.problems.append(message.text)

    async def open(self) -> NotebookPage:
        await self.page.goto(self.url)
        await self.ready()
        return self

    async def ready(self) -> None:
        await expect(self.page.locator("#saved")).to_have_attribute("data-saved", "true")
        if await self.page.locator("#cells > .cell:not([data-type=markdown])").count():
            await expect(self.page.locator(".cm-editor").first).to_be_visible()

    @property
    def cells(self) -> Locator:
        return self.page.locator("#cells > .cell")

    def cell(self, number: int) -> Locator:
        return self.cells.nth(number - 1)

    def output(self, number: int) -> Locator:
        return self.cell(number).locator(".output")

    def status(self, number: int) -> Locator:
        return self.cell(number).locator(".status")

    def code(self, number: int) -> Locator:
        return self.cell(number).locator(".cm-content")

    def button(self, number: int, action: str) -> Locator:
        return self.cell(number).locator(f'[data-action="{action}"]')

    async def edit(self, number: int, text: str) -> None:
        """Replace what is written in a cell, and stay in it."""
        await self.code(number).click()
        await self.page.keyboard.press("Control+a")
        await self.page.keyboard.insert_text(text)

    async def menu(self, number: int, action: str) -> None:
        await self.cell(number).hover()
        await self.cell(number).locator("summary").click()
        await self.button(number, action).click()

    async def run_all(self) -> None:
        await self.page.get_by_role("button", name="Run all", exact=True).click()

    async def shows(self, number: int, status: str, freshness: str | None = None, wait: float = 15) -> None:
        await expect(self.status(number)).to_have_attribute("data-status", status, timeout=wait * 1000)
        if freshness is not None:
            await expect(self.status(number)).to_have_attribute("data-freshness", freshness, timeout=wait * 1000)

    async def prints(self, number: int, text: str, wait: float = 15) -> None:
        await expect(self.output(number)).to_contain_text(text, timeout=wait * 1000)

    async def leave(self) -> None:
        """Out of the editor: to the title's field."""
        await self.page.locator("#title").focus()

    async def until(self, expression: str, wait: float = 10) -> None:
        """Until a JavaScript expression is true: Playwright's own wait needs eval, which the page forbids."""
        end = time.monotonic() + wait
        while not await self.page.evaluate(f"() => Boolean({expression})"):
            assert time.monotonic() < end, f"Not within {wait} s: {expression}"
            await asyncio.sleep(0.03)

    async def writing(self) -> None:
        """Until an editor has the focus."""
        await self.until("document.activeElement.closest('.cm-editor')")

    async def order(self) -> list[str]:
        return [str(each) for each in await self.cells.evaluate_all("all => all.map(each => each.dataset.cell)")]
