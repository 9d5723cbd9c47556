"""MIME bundles as HTML. What comes from a kernel is data: nothing of it becomes markup of the page."""

from __future__ import annotations

import math
from typing import Any

import pytest

from kernel.protocol import PLOTLY, TABLE, Rows
from notebooks_app.live.events import CellSnapshot, ErrorInfo, ProgressState, StreamText
from notebooks_app.live.output_ids import is_served, output_ids, part
from notebooks_app.rendering.fragments import cell_html, output_html, progress_html, rows_html, status_html, stream_html
from notebooks_app.rendering.markdown import markdown_html
from notebooks_app.rendering.outputs import LONG, SIZE, UNREADABLE, bundle_html

from .dom import Element, parse

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&"
CELL = "00000000-0000-4000-8000-000000000001"


def html_of(bundle: dict[str, Any], place: str = "value") -> Element:
    ids = output_ids(bundle, []) if place == "value" else output_ids(None, [bundle])
    return parse(bundle_html(bundle, place, ids, CELL))


def snapshot(**fields: Any) -> CellSnapshot:
    base: dict[str, Any] = {
        "id": CELL,
        "type": "python",
        "code": "x",
        "version": 1,
        "position": "a0",
        "status": "success",
    }
    base |= {"freshness": "fresh", "reason": None, "output_name": "", "disabled": False, "manual": False}
    base |= {"code_hidden": False, "connection_id": None}
    return CellSnapshot(**base | fields)


def assert_harmless(root: Element) -> None:
    """No markup of somebody else's: no scripts, no handlers, nothing for htmx or for our own modules."""
    for each in root.walk():
        assert each.tag not in ("script", "object", "embed", "style", "form", "base", "meta", "link", "svg")
        for name, value in each.attributes.items():
            assert not name.startswith("on"), each
            assert not value.strip().lower().startswith(("javascript:", "vbscript:")), each
        assert each.attributes.get("src", "/outputs/").startswith(("/outputs/", "data:image/"))


# Tables -----------------------------------------------------------------------------------------------------------


def table(**fields: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "id": "t1",
        "columns": [
            {"name": "", "dtype": "int64", "kind": "number"},
            {"name": "amount", "dtype": "float64", "kind": "number"},
            {"name": EVIL, "dtype": EVIL, "kind": "text"},
        ],
        "rows": [["0", "1.5", "a"], ["1", None, EVIL], ["2", "-3", ""]],
        "offset": 0,
        "total": 3,
        "index_columns": 1,
    }
    return base | fields


def test_a_table_with_nulls_and_numbers() -> None:
    root = html_of({TABLE: table(), "text/plain": "frame"})
    head = root.by_tag("thead")[0].by_tag("th")
    assert [each.text for each in head] == ["", "amount", EVIL]
    assert [each.attributes["class"] for each in head] == ["index", "number", "text"]
    rows = [[cell.text for cell in row.elements()] for row in root.by_tag("tbody")[0].elements()]
    assert rows == [["0", "1.5", "a"], ["1", "null", EVIL], ["2", "-3", ""]]
    (missing,) = root.by_class("missing")
    assert missing.text == "null" and "number" in missing.attributes["class"]
    assert root.by_tag("tbody")[0].by_tag("th")[0].attributes["scope"] == "row"
    assert "3 rows × 2 columns" in root.text
    assert_harmless(root)


def test_a_long_table_has_a_pager_that_asks_for_this_cells_rows() -> None:
    root = html_of({TABLE: table(total=1_000_000), "text/plain": ""})
    assert "1,000,000 rows" in root.text and "1 to 3" in root.text
    (pager,) = root.by_class("pager")
    earlier, later = pager.by_tag("button")
    assert "disabled" in earlier.attributes and "disabled" not in later.attributes
    assert later.attributes["hx-get"] == f"/cells/{CELL}/rows/?table=t1&offset=3&limit=50"


def test_a_page_of_rows_keeps_its_order_and_says_why_there_is_none() -> None:
    rows = Rows(number=1, request="r", table=None, error=EVIL)
    note = parse(rows_html(CELL, rows, {}))
    assert note.text == EVIL and not note.by_tag("script")
    root = html_of({TABLE: table(id="", total=10, hidden_columns=7), "text/plain": ""})
    assert not root.by_class("pager") and "the first 3 are shown" in root.text and "the last 7 columns" in root.text


# Figures, images, frames ------------------------------------------------------------------------------------------


def test_plotly_is_fetched_and_drawn() -> None:
    root = html_of({PLOTLY: {"data": [{"x": [EVIL]}], "layout": {"height": 300}}, "text/plain": EVIL})
    (figure,) = root.by_class("figure")
    assert figure.attributes["data-plotly"].startswith("/outputs/") and "300px" in figure.attributes["style"]
    assert EVIL not in root.text
    assert_harmless(root)


def test_an_image_has_a_size_and_a_text() -> None:
    root = html_of({"image/png": b"\x89PNG", SIZE: {"width": 640, "height": 480.0}, "text/plain": EVIL})
    (image,) = root.by_tag("img")
    assert (image.attributes["width"], image.attributes["height"], image.attributes["alt"]) == ("640", "480", EVIL)
    assert image.attributes["src"].startswith("/outputs/")


@pytest.mark.parametrize("mime", ["text/html", "image/svg+xml"])
def test_raw_markup_is_framed_and_never_inline(mime: str) -> None:
    root = html_of({mime: EVIL, "text/plain": "text"})
    (frame,) = root.by_tag("iframe")
    assert frame.attributes["sandbox"] == "allow-scripts" and frame.attributes["src"].startswith("/outputs/")
    assert EVIL not in root.text
    assert_harmless(root)


def test_displays_have_addresses_of_their_own() -> None:
    bundles = [{"text/html": "<b>1</b>"}, {"text/html": "<b>2</b>", "image/png": b"x"}]
    ids = output_ids({"text/html": "value"}, bundles)
    assert sorted(ids) == ["0/text/html", "1/image/png", "1/text/html", "value/text/html"]
    assert len(set(ids.values())) == 4
    assert part({"text/html": "value"}, bundles, "1/text/html") == "<b>2</b>"
    assert part(None, bundles, "value/text/html") is None and part(None, bundles, "7/text/html") is None
    assert not is_served("text/plain") and is_served("image/svg+xml") and is_served(PLOTLY)
    root = parse(output_html(snapshot(displays=tuple(bundles), output={"text/html": "value"}, outputs=ids)))
    shown = [each.attributes["src"] for each in (*root.by_tag("iframe"), *root.by_tag("img"))]
    assert f"/outputs/{ids['1/image/png']}/" in shown and f"/outputs/{ids['value/text/html']}/" in shown


# Text, JSON, LaTeX ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bundle",
    [
        {"text/plain": EVIL},
        {"text/latex": EVIL, "text/plain": ""},
        {"application/json": {EVIL: [EVIL, None, 1]}, "text/plain": ""},
        {"text/plain": "\x1b[31m" + EVIL},
    ],
)
def test_text_is_escaped(bundle: dict[str, Any]) -> None:
    root = html_of(bundle)
    assert "<script>" in root.text
    assert_harmless(root)


def test_long_text_is_folded() -> None:
    assert html_of({"text/plain": "x" * (LONG + 1)}).by_attribute("data-expand")
    assert not html_of({"text/plain": "x"}).by_attribute("data-expand")


@pytest.mark.parametrize(
    "bundle",
    [
        {TABLE: "nothing"},
        {TABLE: {"columns": []}},
        {TABLE: table(rows=[["too", "many", "cells", "here"]])},
        {PLOTLY: {"layout": None}},
        {PLOTLY: {"layout": {"height": math.nan}}},
        {PLOTLY: "text"},
        {"image/png": b"x", SIZE: {"width": math.nan}},
        {"image/png": b"x", SIZE: {"width": math.inf}},
        {"image/png": b"x", SIZE: ["width"]},
        {"text/markdown": 5},
        {"text/plain": None},
        {"unknown/type": 1},
        {},
    ],
)
def test_a_bundle_that_is_not_what_it_claims_to_be_hurts_nobody(bundle: dict[str, Any]) -> None:
    assert_harmless(html_of(bundle))
    assert_harmless(html_of(bundle | {"text/plain": "as text"}))


def test_what_cannot_be_shown_says_so() -> None:
    assert html_of({TABLE: "nothing"}).text == UNREADABLE
    assert html_of({TABLE: "nothing", "text/plain": "as text"}).text == "as text"


# Markdown ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<b onclick=alert(1)>bold</b>",
        "[link](javascript:alert(1))",
        "[link](JaVaScRiPt:alert(1))",
        "[link](&#106;avascript:alert(1))",
        '<a href="javascript:alert(1)">link</a>',
        '<a href=" javascript:alert(1)">link</a>',
        '<a href="data:text/html,<script>alert(1)</script>">link</a>',
        '<div hx-get="/accounts/logout/" hx-trigger="load">x</div>',
        '<div data-hx-post="/x" data-hx-trigger="load">x</div>',
        '<div hx-swap-oob="true" id="cells">x</div>',
        '<button data-action="delete" data-notebook-action="run-all">x</button>',
        '<div id="cell-1-output" class="cell" data-cell="1">x</div>',
        '<form action="/x"><input name="y"></form>',
        "<iframe src=/accounts/logout/></iframe>",
        "<object data=x></object><embed src=x>",
        "<style>body { display: none }</style>",
        '<p style="position: fixed; inset: 0">x</p>',
        '<td style="text-align: left; position: fixed">x</td>',
        "<svg onload=alert(1)><script>alert(1)</script></svg>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
        "```js\n</code></pre><script>alert(1)</script>\n```",
        "![image](http://tracker.example/x.png)",
        "![image](//tracker.example/x.png)",
        '<base href="http://evil.example/"><meta http-equiv=refresh content="0;url=http://evil.example">',
        "</div></article><script>alert(1)</script>",
    ],
)
def test_markdown_is_sanitised(text: str) -> None:
    root = parse(f'<div id="place">{markdown_html(text)}</div>')
    assert len(root.elements()) == 1, "it got out of its place"
    assert_harmless(root)
    for each in root.elements()[0].walk():
        own = each is root.elements()[0]
        assert own or "id" not in each.attributes
        for name in each.attributes:
            assert not name.startswith(("hx-", "data-", "ws-", "sse-")), each
        assert each.tag not in ("iframe", "form", "button", "textarea", "select")
        style = each.attributes.get("style", "")
        assert "position" not in style and "display" not in style
        assert not each.attributes.get("href", "").lower().startswith("data:")
        assert "tracker" not in each.attributes.get("src", "")
        assert each.attributes.get("class", "") not in ("cell", "status", "output", "editor")


def test_markdown_shows_what_it_should() -> None:
    root = parse(
        markdown_html(
            "# Title\n\n| a | b |\n|:--|--:|\n| 1 | 2 |\n\n- [x] done\n\n```python\nx = 1 < 2\n```\n\n"
            "~~old~~ <details><summary>more</summary>text</details>\n\n[out](https://example.org)"
        )
    )
    assert root.by_tag("h1")[0].text == "Title" and root.by_tag("del") + root.by_tag("s")
    assert root.by_tag("td")[1].attributes["style"].replace(" ", "") == "text-align:right"
    assert "checked" in root.by_tag("input")[0].attributes
    assert root.by_tag("pre")[0].text.strip() == "x = 1 < 2" and root.by_class("hl-o")
    assert root.by_tag("a")[0].attributes["rel"] == "noopener noreferrer"
    assert root.by_tag("summary")[0].text == "more"


def test_a_markdown_output_is_sanitised_too() -> None:
    root = html_of({"text/markdown": "# Hi\n\n" + EVIL, "text/plain": ""})
    assert root.by_tag("h1") and not root.by_tag("script")
    assert_harmless(root)


# Whole cells ------------------------------------------------------------------------------------------------------


def test_every_text_of_a_cell_is_escaped() -> None:
    root = parse(
        cell_html(
            snapshot(
                code=EVIL,
                reason=EVIL,
                output_name=EVIL,
                connection_id=EVIL,
                status="error",
                error=ErrorInfo(name=EVIL, message=EVIL, traceback="\x1b[31m" + EVIL),
                streams=(StreamText(stream="stdout", text=EVIL), StreamText(stream="stderr", text=EVIL)),
                hints=(EVIL,),
                progress=ProgressState(done=1, total=2, label=EVIL),
                displays=({"text/plain": EVIL},),
                output={"text/plain": EVIL},
            )
        )
    )
    assert len(root.elements()) == 1
    assert_harmless(root)
    assert root.by_class("code-before")[0].text == EVIL
    assert root.text.count("<script>") >= 10
    assert root.by_class("error-line")[0].text == f"{EVIL}: {EVIL}"


def test_streams_and_progress_are_escaped() -> None:
    assert_harmless(parse(stream_html(CELL, 1, "stdout", EVIL)))
    assert_harmless(parse(progress_html(CELL, 1, None, EVIL)))
    (bar,) = parse(progress_html(CELL, 3, 10, "Rows")).by_tag("progress")
    assert (bar.attributes["max"], bar.attributes["value"], bar.attributes["aria-label"]) == ("10", "3", "Rows")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0000021, "2 µs"), (0.0123, "12 ms"), (1.25, "1.2 s"), (59.94, "59.9 s"), (135, "2 min 15 s")],
)
def test_durations(seconds: float, text: str) -> None:
    root = parse(status_html(snapshot(duration=seconds)))
    assert root.by_class("duration")[0].text == text


def test_a_status_says_all_there_is_to_say() -> None:
    root = parse(status_html(snapshot(freshness="stale", manual=True, reason="Because.", duration=1.0)))
    assert root.text.startswith("Done") and "Stale" in root.text and "Manual" in root.text and "Because." in root.text
    running = parse(status_html(snapshot(status="running", started_at=12.5)))
    assert running.by_class("status-word")[0].attributes["data-started"] == "12.500"
