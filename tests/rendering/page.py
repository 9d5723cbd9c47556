"""A page that is open: takes frames as htmx and `static/notebook/` do, and compares itself with one rendered afresh."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from notebooks_app.live.frames import AT_MOST
from notebooks_app.live.snapshot import snapshots
from notebooks_app.live.state import State
from notebooks_app.live.text import parse as parse_changes
from notebooks_app.live.text import utf16_length
from notebooks_app.rendering.fragments import cell_html

from .dom import Element, look, parse


def rendered(state: State) -> Element:
    """The cells as the server renders them into a page."""
    cells = Element("div", {"id": "cells"})
    for snapshot in snapshots(state):
        (article,) = parse(cell_html(snapshot)).elements()
        cells.append(article)
    return cells


class Page:
    """`covered` is the last sequence that the page knows."""

    def __init__(self, state: State) -> None:
        self.cells = rendered(state)
        self.covered = state.sequence
        self.html_frames = 0

    def article(self, cell: str) -> Element | None:
        return self.cells.by_id(f"cell-{cell}")

    def take(self, texts: Iterable[str]) -> None:
        for text in texts:
            if text.startswith("<"):
                self._html(text)
            else:
                data = json.loads(text)
                for event in data if isinstance(data, list) else [data]:
                    self._json(event)

    # HTML: htmx's out-of-band swaps ---------------------------------------------------------------------------

    def _html(self, text: str) -> None:
        self.html_frames += 1
        head, *fragments = parse(text).elements()
        assert text.startswith('<div id="frame" ') and head.attributes["hx-swap-oob"] == "true"
        first, last = int(head.attributes["data-from"]), int(head.attributes["data-to"])
        assert first <= last and first <= self.covered + 1 and last >= self.covered, (first, last, self.covered)
        self.covered = last
        assert len(fragments) <= AT_MOST
        for fragment in fragments:
            self._swap(fragment)
        self._order()

    def _swap(self, fragment: Element) -> None:
        how = fragment.attributes.pop("hx-swap-oob")
        assert not fragment.by_attribute("hx-swap-oob"), "htmx would swap what is inside too"
        key = fragment.attributes["id"] if how == "true" else how.removeprefix("beforeend:#")
        target = self.cells.by_id(key)
        assert target is not None, f"nothing on the page has the id {key}"
        if how == "true":
            assert not fragment.by_attribute("data-editor"), "a fragment replaces an editor"
            target.replace(fragment)
        else:
            for child in fragment.children:
                target.append(child)

    def _order(self) -> None:
        """As in cells.js: in the order of positions, each cell once."""
        kept: dict[str, Element] = {}
        for article in self.cells.elements():
            kept.setdefault(article.attributes["id"], article)
        self.cells.children = sorted(kept.values(), key=lambda each: each.attributes["data-position"])

    # JSON: what our own modules do ----------------------------------------------------------------------------

    def _json(self, event: dict[str, Any]) -> None:
        if "sequence" in event:
            assert event["sequence"] == self.covered + 1, (event, self.covered)
            self.covered = event["sequence"]
        handler = getattr(self, "_" + event["type"], None)
        article = self.article(event.get("cellId", ""))
        if handler is not None and article is not None:
            handler(article, event)

    def _cell_deleted(self, article: Element, event: dict[str, Any]) -> None:
        article.remove()

    def _cell_moved(self, article: Element, event: dict[str, Any]) -> None:
        article.attributes["data-position"] = event["position"]
        self._order()

    def _cell_configured(self, article: Element, event: dict[str, Any]) -> None:
        attributes = article.attributes
        if "cellType" in event:
            attributes["data-type"] = event["cellType"]
        for key, name in (("disabled", "disabled"), ("manual", "manual"), ("codeHidden", "code-hidden")):
            if key in event:
                attributes[f"data-{name}"] = "true" if event[key] else "false"
        if "outputName" in event:
            attributes["data-output-name"] = event["outputName"]
        if "connectionId" in event:
            attributes["data-connection"] = event["connectionId"] or ""
        _reflect(article)

    def _cell_updated(self, article: Element, event: dict[str, Any]) -> None:
        if event["version"] <= int(article.attributes["data-version"]):
            return
        article.attributes["data-version"] = str(event["version"])
        (before,) = article.by_class("code-before")
        code = event.get("code", before.text)
        for update in event.get("changes", []):
            code = parse_changes(update["changes"], utf16_length(code)).apply(code)
        before.children = [code] if code else []

    # Comparing ------------------------------------------------------------------------------------------------

    def assert_like(self, state: State) -> None:
        """The page is what the server would render now."""
        fresh = rendered(state)
        assert self.covered == state.sequence
        mine, theirs = self.cells.elements(), fresh.elements()
        assert [each.attributes["id"] for each in mine] == [each.attributes["id"] for each in theirs]
        for one, other in zip(mine, theirs, strict=True):
            assert _whole(one) == _whole(other)


# the height of an editor that is not there yet is set once, when a cell comes
_SET_ONCE = frozenset({"style"})


def _whole(article: Element) -> object:
    return look(article, _SET_ONCE)


def _reflect(article: Element) -> None:
    """Controls show what the attributes say."""
    attributes = article.attributes
    (types,) = article.by_attribute("data-setting", "cellType")
    for option in types.by_tag("option"):
        option.attributes.pop("selected", None)
        if option.attributes["value"] == attributes["data-type"]:
            option.attributes["selected"] = ""
            attributes["aria-label"] = f"{option.text} cell"
    (name,) = article.by_attribute("data-setting", "outputName")
    name.attributes["value"] = attributes["data-output-name"]
    for action, attribute, on, off in (
        ("hide", "data-code-hidden", "Show code", "Hide code"),
        ("manual", "data-manual", "Run automatically", "Run only by hand"),
        ("disable", "data-disabled", "Enable", "Disable"),
    ):
        (button,) = article.by_attribute("data-action", action)
        button.children = [on if attributes[attribute] == "true" else off]
