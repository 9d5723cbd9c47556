"""Values and displays as MIME bundles: figures, odd objects, limits."""

from __future__ import annotations

import asyncio

import pytest

from kernel.protocol import PLOTLY
from tests.launch.support import Kernel

pytestmark = pytest.mark.asyncio(loop_scope="session")

PNG = b"\x89PNG\r\n\x1a\n"


async def test_an_object_shows_itself_in_every_form_it_has(kernel: Kernel) -> None:
    outcome = await kernel.run(
        "class C:\n    def __repr__(self): return 'plain'\n    def _repr_html_(self): return '<b>html</b>'\n"
        "    def _repr_png_(self): return b'\\x89PNG'\n    def _repr_json_(self): return {'a': (1, 2)}\nC()"
    )
    assert outcome.output == {
        "text/plain": "plain",
        "text/html": "<b>html</b>",
        "image/png": b"\x89PNG",
        "application/json": {"a": [1, 2]},
    }


async def test_a_mimebundle_is_taken_as_it_is_less_what_is_no_data(kernel: Kernel) -> None:
    outcome = await kernel.run(
        "class C:\n    def _repr_mimebundle_(self, include=None, exclude=None):\n"
        "        return {'text/html': ['<i>', 'x</i>'], 'image/png': 'iVBORw==', 'image/jpeg': 'no base64!', 5: 'x',"
        " 'application/json': {'d': __import__('datetime').date(2024, 1, 2)}, 'text/x': object()}\nC()"
    )
    assert outcome.output["text/html"] == "<i>x</i>"
    assert outcome.output["image/png"] == PNG[:4]
    assert outcome.output["application/json"] == {"d": "2024-01-02"}
    assert set(outcome.output) == {"text/html", "image/png", "application/json", "text/plain"}


async def test_displays_can_be_updated(kernel: Kernel) -> None:
    outcome = await kernel.run(
        "handle = display('one', display_id=True)\nhandle.update('two')\n"
        "from IPython.display import display as other, update_display\n"
        "other('three', display_id='mine')\nupdate_display('four', display_id='mine');"
    )
    one, two, three, four = outcome.displays
    assert one.display_id == two.display_id != ""
    assert (three.display_id, four.display_id) == ("mine", "mine")
    assert [event.update for event in outcome.displays] == [False, True, False, True]
    assert [event.bundle["text/plain"] for event in outcome.displays] == ["'one'", "'two'", "'three'", "'four'"]


async def test_a_later_cell_updates_a_display_of_an_earlier_one(kernel: Kernel) -> None:
    first = await kernel.run("handle = display('one', display_id='d')", "a")
    later = await kernel.run("handle.update('two')", "b")
    assert later.displays[0].display_id == first.displays[0].display_id
    assert later.displays[0].update


async def test_ipythons_display_objects(kernel: Kernel) -> None:
    outcome = await kernel.run(
        "from IPython.display import HTML, Markdown, Image, publish_display_data, clear_output\n"
        "display(HTML('<b>x</b>'), Markdown('**x**'))\n"
        "publish_display_data({'text/plain': 'raw', 'text/html': '<p>raw</p>'})\n"
        "clear_output()"
    )
    html, markdown, raw = (event.bundle for event in outcome.displays)
    assert html["text/html"] == "<b>x</b>"
    assert markdown["text/markdown"] == "**x**"
    assert raw == {"text/plain": "raw", "text/html": "<p>raw</p>"}
    assert any("clear_output() does nothing here" in hint for hint in outcome.finished.hints)


async def test_several_matplotlib_figures_of_one_cell_are_all_shown_once(kernel: Kernel) -> None:
    outcome = await kernel.run(
        "import matplotlib.pyplot as plt\n"
        "plt.plot([1, 2])\nplt.show()\nprint('between')\n"
        "fig, axes = plt.subplots(1, 2)\nplt.show()\n"
        "plt.figure(); plt.plot([1]);\n"
        "plt.figure(); plt.plot([2]);"
    )
    assert [event.bundle["text/plain"] for event in outcome.displays] == [
        "matplotlib Figure with 1 Axes",
        "matplotlib Figure with 2 Axes",
        "matplotlib Figure with 1 Axes",
        "matplotlib Figure with 1 Axes",
    ]
    assert all(event.bundle["image/png"].startswith(PNG) for event in outcome.displays)
    assert (await kernel.run("plt.get_fignums()", "b")).displays == []


async def test_a_figure_that_is_the_value_is_shown_as_the_value_alone(kernel: Kernel) -> None:
    outcome = await kernel.run("import matplotlib.pyplot as plt\nfig, ax = plt.subplots(figsize=(4, 3))\nfig")
    assert outcome.output["image/png"].startswith(PNG)
    assert outcome.displays == []
    size = outcome.output["application/vnd.cascade.size+json"]
    assert 200 < size["width"] < 450
    shown = await kernel.run("fig, ax = plt.subplots()\ndisplay(fig)\nNone", "b")
    assert len(shown.displays) == 1
    shown = await kernel.run("fig, ax = plt.subplots()\nfig.show();", "c")
    assert len(shown.displays) == 1


async def test_figures_of_a_cell_that_fails_do_not_appear_in_the_next(kernel: Kernel) -> None:
    assert (await kernel.run("import matplotlib.pyplot as plt\nplt.plot([1])\n1/0", "a")).displays == []
    assert (await kernel.run("import matplotlib.pyplot as plt\nprint(1)", "b")).displays == []


async def test_a_plotly_figure_is_json(kernel: Kernel) -> None:
    outcome = await kernel.run(
        "import plotly.express as px\nfigure = px.scatter(x=[1, 2], y=[3, 4])\nfigure.show()\nfigure"
    )
    for bundle in (outcome.displays[0].bundle, outcome.output):
        figure = bundle[PLOTLY]
        assert figure["data"][0]["type"] == "scatter"
        assert set(figure) >= {"data", "layout"}
        assert set(bundle) == {"text/plain", PLOTLY}


async def test_a_figure_that_cannot_be_drawn_says_so(kernel: Kernel) -> None:
    outcome = await kernel.run(
        "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.set_title('$\\\\frac{$')\nfig"
    )
    assert "It cannot be shown: ValueError" in outcome.text


ODD = "class Odd(Exception):\n    def __str__(self): raise SystemExit(1)\n"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("def __repr__(self): raise ValueError('no')", "<C: its repr() raised ValueError: no>"),
        ("def __repr__(self): raise SystemExit(1)", "<C: its repr() raised SystemExit: 1>"),
        ("def __repr__(self): return 5", "<C: its repr() raised TypeError: __repr__ returned non-string (type int)>"),
        ("def __repr__(self): return repr(self)", "<C: it is nested too deeply to be shown>"),
        ("def _repr_html_(self): raise ValueError('no')\n    def __repr__(self): return 'fine'", "fine"),
        ("def _repr_mimebundle_(self, **_): raise ValueError('no')\n    def __repr__(self): return 'fine'", "fine"),
        ("def _repr_html_(self): return 5\n    def __repr__(self): return 'fine'", "fine"),
        ("def __getattr__(self, name): raise RuntimeError(name)\n    def __repr__(self): return 'fine'", "fine"),
        ("def _repr_html_(self): raise SystemExit(1)\n    def __repr__(self): return 'fine'",
         "fine\n[It cannot be shown: SystemExit: 1]"),
        ("def __repr__(self): raise Odd", "<C: its repr() raised Odd>"),
        ("def __repr__(self): print('once'); return 'fine'", "fine"),
    ],
)  # fmt: skip
async def test_odd_objects_are_shown_as_well_as_they_can_be(kernel: Kernel, body: str, text: str) -> None:
    outcome = await kernel.run(f"{ODD}class C:\n    {body}\nc = C()\nc")
    assert outcome.text == text
    assert "text/html" not in outcome.output
    assert outcome.stdout in ("", "once\n")
    assert await kernel.value("1 + 1") == "2"


async def test_a_failing_html_form_tells_its_author(kernel: Kernel) -> None:
    outcome = await kernel.run("class C:\n    def _repr_html_(self): raise ValueError('no html')\nC()")
    assert "no html" in outcome.stderr


async def test_a_huge_repr_is_cut_and_says_so(kernel: Kernel) -> None:
    outcome = await kernel.run("class C:\n    def __repr__(self): return 'y' * 50_000_000\nC()")
    assert len(outcome.text) < 110_000
    assert "[Output cut: only the first 100 kB are shown.]" in outcome.text
    assert len((await kernel.run("'y' * 50_000_000")).text) < 110_000
    assert len((await kernel.run("list(range(10_000_000))")).text) < 110_000
    assert "(50,000,000 bytes in all)" in (await kernel.run("b'y' * 50_000_000")).text
    assert len((await kernel.run("{i: 'z' * 1000 for i in range(5000)}")).text) < 110_000


async def test_an_output_too_large_for_a_page_is_replaced_by_a_notice(kernel: Kernel) -> None:
    outcome = await kernel.run("from IPython.display import HTML\nHTML('x' * 80_000_000)")
    assert set(outcome.output) == {"text/plain"}
    assert "[This output is 80.0 MB; a page shows at most 16.8 MB." in outcome.text


async def test_too_many_displays_are_cut_and_the_page_is_told(kernel: Kernel) -> None:
    outcome = await kernel.run("for i in range(1500): display(i)")
    assert len(outcome.displays) == 1000
    assert "[500 more displays were not shown: a cell shows at most 1000" in outcome.stderr
    outcome = await kernel.run("handle = display(0, display_id='d')\nfor i in range(1500): handle.update(i)")
    assert outcome.displays[-1].bundle["text/plain"] == "1499"


async def test_displays_of_a_self_displaying_object(kernel: Kernel) -> None:
    outcome = await kernel.run("class C:\n    def _ipython_display_(self): print('myself')\nC()")
    assert outcome.stdout == "myself\n"
    assert outcome.finished.output is None


async def test_display_after_the_cell_ended_is_refused_in_the_thread_alone(kernel: Kernel) -> None:
    await kernel.run(
        "import threading, time\ncaught = []\ndef late():\n    time.sleep(0.1)\n    try: display(1)\n"
        "    except RuntimeError as e: caught.append(str(e))\nthread = threading.Thread(target=late)\nthread.start()"
    )
    await asyncio.sleep(0.2)
    assert await kernel.value("caught") == "['display() works only while a cell runs.']"
