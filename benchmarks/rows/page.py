"""The page of a long notebook with outputs, in Chromium."""

from __future__ import annotations

import re
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, async_playwright
from playwright.async_api import Error as BrowserError

from tests.support import browser as chromium

from ..client import Http
from ..contestant import Cannot, Contestant, Failed
from ..measuring import LIMIT, Measure, Row, Sample, Target
from ..peers.cascade import Cascade
from ..peers.limits import Static
from ..peers.marimo import Marimo

PATIENCE = 30_000
"""Milliseconds for a page to become readable."""

_LOOK = """
(() => {
  const wanted = %(wanted)s;
  let done;
  window.readable = new Promise((resolve) => { done = resolve; });
  const look = () => {
    const text = document.body && document.readyState !== "loading" ? document.body.textContent : "";
    if (wanted.every((each) => text.includes(each))) {
      requestAnimationFrame(() => setTimeout(() => done(performance.now())));  // it has been painted then
    } else {
      setTimeout(look, 4);
    }
  };
  look();
})();
"""


def cells(count: int) -> list[str]:
    """Each shows a number of its own; each tenth a DataFrame."""
    frame = "import pandas as _pd\n_pd.DataFrame({'text': [f'shown-%d-{n}' for n in range(9)], 'n': range(9)})"
    return [
        frame % place if place % 10 == 9 else f"v{place} = 'shown-' + '{place}-0'\nv{place}" for place in range(count)
    ]


class OpenPage(Row):
    name = "open_page_200"
    measures = (
        Measure(
            "open_page_200",
            "open the page of a 200-cell notebook with outputs, to everything readable in Chromium",
            10,
            2,
            targets=(Target(2, LIMIT),),
            limit="static copy of the page",
            note="browser cache warm; ours starts no kernel (checked); marimo shows the outputs that it kept in its "
            "session file, tables aside, and starts a kernel",
        ),
    )

    def __init__(self, tiny: bool = False) -> None:
        super().__init__(tiny)
        self._count = 3 if tiny else 200
        self._browser: Browser | None = None
        self._ours: tuple[str, str] = ("", "")

    async def setup(self, contestant: Contestant, stack: AsyncExitStack) -> dict[str, Sample]:
        if isinstance(contestant, Cascade):
            return {"open_page_200": await self._cascade(contestant, stack)}
        if isinstance(contestant, Marimo):
            return {"open_page_200": await self._marimo(contestant, stack)}
        raise Cannot("its server alone has no page, and JupyterLab does not render what is out of sight")

    async def _cascade(self, contestant: Cascade, stack: AsyncExitStack) -> Sample:
        prepared = await contestant.prepare(cells(self._count))
        book = await contestant.open(prepared)
        await book.run_all()
        await book.end_kernel()
        await book.close()
        context = await self._context(stack)
        await context.add_cookies([{"name": "sessionid", "value": contestant.cookie, "url": contestant.url}])
        self._ours = contestant.url, f"/notebooks/{book.notebook}/"
        self._cookie = contestant.cookie

        async def sample() -> float:
            taken = await self._readable(context, "".join(self._ours))
            if await book.has_kernel():
                raise Failed("Opening a page started a kernel.")
            return taken

        return sample

    async def _marimo(self, contestant: Marimo, stack: AsyncExitStack) -> Sample:
        prepared = await contestant.prepare(cells(self._count))
        book = await contestant.open(prepared)
        await book.run_all()
        await book.kept()
        await book.end()
        context = await self._context(stack)

        async def sample() -> float:
            taken = await self._readable(context, f"{contestant.url}/?file={prepared}", tables=False)
            await contestant.end_sessions()
            return taken

        return sample

    async def limit(self, ours: Contestant, stack: AsyncExitStack) -> dict[str, Sample]:
        url, path = self._ours
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cascade-bench-")))
        await copy(Http(url, {"Cookie": f"sessionid={self._cookie}"}), path, directory)
        served = await stack.enter_async_context(Static(directory))
        context = await self._context(stack)
        return {"open_page_200": lambda: self._readable(context, served.url + "/")}

    async def _context(self, stack: AsyncExitStack) -> BrowserContext:
        """A window of its own, with nothing in its cache; all are of one browser."""
        if self._browser is None:
            path = chromium.find()
            if path is None:
                raise Cannot(f"no Chromium was found: {chromium.ADVICE}")
            playwright = await stack.enter_async_context(async_playwright())
            self._browser = await playwright.chromium.launch(executable_path=path, args=chromium.ARGUMENTS)
            stack.push_async_callback(self._browser.close)
        return await self._browser.new_context(viewport={"width": 1280, "height": 900})

    async def _readable(self, context: BrowserContext, address: str, tables: bool = True) -> float:
        """Seconds from the navigation until every cell's output has been painted."""
        wanted = [f"shown-{place}-0" for place in range(self._count) if tables or place % 10 != 9]
        page = await context.new_page()
        page.set_default_timeout(PATIENCE)
        try:
            await page.add_init_script(_LOOK % {"wanted": wanted})
            await page.goto(address, wait_until="commit")
            return float(await page.evaluate("window.readable")) / 1000
        except BrowserError as error:
            raise Failed(f"{address} did not become readable: {error}") from None
        finally:
            await page.close()


async def copy(http: Http, path: str, directory: Path) -> None:
    """The page as the server sends it, without its scripts, and its stylesheets."""
    html = (await http.get(path)).decode()
    html = re.sub(r"<script.*?</script>|<link rel=\"modulepreload\"[^>]*>", "", html, flags=re.DOTALL)
    (directory / "index.html").write_text(html)
    for name in re.findall(r'href="(/static/[^"]+)"', html):
        target = directory / name.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(await http.get(name))
    http.close()
