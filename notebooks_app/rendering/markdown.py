"""Markdown to HTML that is safe in the page: GitHub's dialect, sanitised."""

from __future__ import annotations

from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from mdit_py_plugins.tasklists import tasklists_plugin
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound


def _highlighted(code: str, language: str, _attributes: str) -> str:
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        return ""
    return str(highlight(code, lexer, HtmlFormatter(nowrap=True, classprefix="hl-")))


_parser = (
    MarkdownIt("commonmark", {"html": True, "linkify": False, "highlight": _highlighted})
    .enable(["table", "strikethrough"])
    .use(tasklists_plugin)
)
_TAGS = nh3.ALLOWED_TAGS | {"input", "details", "summary"}
_ATTRIBUTES = {
    **{tag: set(names) for tag, names in nh3.ALLOWED_ATTRIBUTES.items()},
    "code": {"class"},
    "span": {"class"},
    "li": {"class"},
    "ul": {"class"},
    "input": {"type", "checked", "disabled", "class"},
    "td": {"align", "colspan", "rowspan", "style"},
    "th": {"align", "colspan", "rowspan", "style"},
    "img": {"src", "alt", "title", "width", "height"},
}


def _kept(tag: str, attribute: str, value: str) -> str | None:
    """Ticks of task lists are inert; images come from here or are part of the text; styles align, and no more."""
    if tag == "input" and attribute == "type":
        return value if value == "checkbox" else None
    if tag == "img" and attribute == "src":
        return value if value.startswith(("data:image/", "/")) and not value.startswith("//") else None
    if attribute == "href" and value.strip().lower().startswith("data:"):
        return None
    if attribute == "style":
        return value if value.replace(" ", "").startswith("text-align:") and ";" not in value else None
    return value


@lru_cache(maxsize=2000)
def markdown_html(text: str) -> str:
    """Sanitised HTML. What is typed as HTML stays, as far as it is harmless."""
    return nh3.clean(
        _parser.render(text),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        attribute_filter=_kept,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener noreferrer",
    )
