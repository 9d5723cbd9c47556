"""What cells show."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from tests.support.world import World

from .conftest import Visit

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

FRAMES = """
import pandas as pd
df = pd.DataFrame({"n": range(1000), "text": ["<b>bold</b>"] * 1000, "gone": [None] * 1000})
df
"""


async def test_frames_and_series_are_tables_with_pages(world: World, visit: Visit) -> None:
    page = await visit(world.notebook(FRAMES, "df['n'].tail(3)"))
    await page.run_all()
    table = page.output(1).locator("table")
    await expect(table.locator("thead")).to_contain_text("text")
    await expect(table.locator("tbody tr").first).to_contain_text("<b>bold</b>")
    await expect(table.locator("tbody tr").first.locator(".missing")).to_be_visible()
    await expect(page.output(1)).to_contain_text("1,000 rows × 3 columns")
    await page.output(1).get_by_role("button", name="Next rows").click()
    await expect(page.output(1)).to_contain_text("51 to 100")
    await page.output(1).get_by_role("button", name="n", exact=True).click()
    await page.output(1).get_by_role("button", name="n ▴").click()
    await expect(table.locator("tbody tr").first).to_contain_text("999")
    await expect(page.output(2).locator("tbody tr")).to_have_count(3)


async def test_plotly_is_drawn_also_with_webgl_traces(world: World, visit: Visit) -> None:
    code = "px.scatter(x=[1, 2, 3], y=[3, 1, 2], title='Three points', render_mode='{}')"
    page = await visit(world.notebook(code.format("svg"), code.format("webgl"), "import plotly.express as px"))
    await page.run_all()
    await expect(page.output(1).locator(".main-svg").first).to_be_visible(timeout=20_000)
    await expect(page.output(1)).to_contain_text("Three points")
    await expect(page.output(1).locator("path.point")).to_have_count(3)
    await expect(page.output(2).locator(".figure")).to_have_attribute("data-drawn", "true", timeout=20_000)


async def test_several_matplotlib_figures_in_one_cell(world: World, visit: Visit) -> None:
    code = (
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.title('one')\nplt.show()\n"
        "plt.figure()\nplt.plot([2, 1])\nplt.show()"
    )
    page = await visit(world.notebook(code))
    await page.run_all()
    images = page.output(1).locator("img")
    await expect(images).to_have_count(2)
    for index in range(2):
        await images.nth(index).scroll_into_view_if_needed()
        await page.until(f"document.querySelectorAll('.output img')[{index}].naturalWidth > 100")


async def test_html_and_svg_run_their_scripts_in_a_frame_that_reaches_nothing(world: World, visit: Visit) -> None:
    code = """
from IPython.display import HTML, SVG, Markdown, display
display(HTML('''<p id=p>before</p><script>
let reach = "nothing";
try { reach = parent.document.title } catch { }
let kept = "nothing";
try { kept = document.cookie + localStorage.length } catch { }
document.getElementById("p").textContent = "script ran, reached " + reach + " and " + kept;
</script>'''))
display(SVG('<svg xmlns="http://www.w3.org/2000/svg" width="40" height="40"><circle r="9" cx="20" cy="20"/></svg>'))
display(Markdown("**strong** <script>document.title = 'HACKED'</script>"))
"""
    page = await visit(world.notebook(code))
    await page.run_all()
    frames = page.output(1).locator("iframe")
    await expect(frames).to_have_count(2)
    assert "/outputs/" in str(await frames.first.get_attribute("src"))
    await frames.first.scroll_into_view_if_needed()
    inner = page.page.frame_locator("iframe").first
    await expect(inner.locator("#p")).to_have_text("script ran, reached nothing and nothing")
    await expect(page.page.frame_locator("iframe").nth(1).locator("circle")).to_be_visible()
    await expect(page.output(1).locator("strong")).to_have_text("strong")
    assert "HACKED" not in await page.page.title()
    page.problems = [each for each in page.problems if "SecurityError" not in each and "sandbox" not in each]


async def test_an_image_is_an_image(world: World, visit: Visit) -> None:
    code = "from PIL import Image\nImage.new('RGB', (80, 40), 'teal')"
    page = await visit(world.notebook(code))
    await page.run_all()
    await page.until("document.querySelector('.output img')?.naturalWidth === 80")


async def test_streams_come_as_they_are_written(world: World, visit: Visit) -> None:
    code = "import sys, time\nprint('first')\nprint('oops', file=sys.stderr)\ntime.sleep(3)\nprint('last')"
    page = await visit(world.notebook(code))
    await page.run_all()
    await page.prints(1, "first")
    await expect(page.output(1).locator(".stderr").first).to_contain_text("oops")
    await page.shows(1, "running")
    assert "last" not in await page.output(1).inner_text()
    await page.prints(1, "last")


async def test_a_traceback_shows_the_users_lines_and_names_the_cell(world: World, visit: Visit) -> None:
    page = await visit(world.notebook("def broken(x):\n    return 1 / x", "broken(0)"))
    await page.run_all()
    error = page.output(2).locator(".error")
    await expect(error).to_contain_text("ZeroDivisionError: division by zero")
    await expect(error).to_contain_text("cell 2, line 1")
    await expect(error).to_contain_text("cell 1, line 2, in broken")
    await expect(error).to_contain_text("return 1 / x")
    assert "kernel/process" not in await error.inner_text()


async def test_a_progress_bar_moves(world: World, visit: Visit) -> None:
    page = await visit(world.notebook("import time\nfor each in progress(range(20), 'work'):\n    time.sleep(0.1)"))
    await page.run_all()
    await expect(page.output(1).locator("progress")).to_be_visible()
    await expect(page.output(1)).to_contain_text("of 20")
    await page.shows(1, "success")


async def test_a_long_output_has_room_of_its_own(world: World, visit: Visit) -> None:
    page = await visit(world.notebook("'\\n'.join(str(n) for n in range(2000))\nprint(*range(3000), sep='\\n')"))
    await page.run_all()
    await page.prints(1, "2999")
    box = await page.output(1).bounding_box()
    assert box is not None and box["height"] < 1000
    await asyncio.sleep(0)


async def test_nothing_overflows_on_a_phone(world: World, visit: Visit) -> None:
    wide = "import pandas as pd\npd.DataFrame({f'column {n}': [n] * 3 for n in range(30)})"
    page = await visit(world.notebook(wide, "print('x' * 500)", "1 / 0", ("markdown", "# Long " * 20)))
    await page.page.set_viewport_size({"width": 360, "height": 740})
    await page.run_all()
    await page.shows(3, "error")
    width = await page.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360
