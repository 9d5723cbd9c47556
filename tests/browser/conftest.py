"""One Chromium for each test process; each person in a window of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from tests.support import browser as chromium
from tests.support.page import NotebookPage
from tests.support.portal import Portal
from tests.support.world import World

Visit = Callable[..., Awaitable[NotebookPage]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    path = chromium.find()
    if path is None:
        if chromium.required():
            pytest.fail(f"No Chromium was found: {chromium.ADVICE}.")
        pytest.skip(f"No Chromium was found: {chromium.ADVICE}.")
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=path, args=chromium.ARGUMENTS)
        yield opened
        await opened.close()


@pytest_asyncio.fixture(loop_scope="session")
async def window(browser: Browser, portal: Portal, world: World) -> AsyncIterator[Callable[..., Awaitable[Any]]]:
    """`await window("owner")`: an empty page of somebody who has logged in; None: of nobody."""
    contexts = []

    async def opened(role: str | None = "owner", **options: Any) -> Any:
        context = await browser.new_context(base_url=portal.url, viewport={"width": 1280, "height": 900}, **options)
        contexts.append(context)
        if role is not None:
            await context.add_cookies([{"name": "sessionid", "value": world.cookie(role), "url": portal.url}])
        return await context.new_page()

    yield opened
    for context in contexts:
        await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def visit(window: Callable[..., Awaitable[Any]], portal: Portal) -> AsyncIterator[Visit]:
    """`await visit(notebook, "colleague")`: the notebook's page. A page that complains fails its test."""
    pages: list[NotebookPage] = []

    async def visited(notebook: Any, role: str = "owner", **options: Any) -> NotebookPage:
        page = NotebookPage(await window(role, **options), f"{portal.url}/notebooks/{notebook.pk}/")
        pages.append(page)
        return await page.open()

    yield visited
    problems = [problem for page in pages for problem in page.problems]
    assert not problems, problems
