"""What templates need beside Django's own."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString, mark_safe

from kernel.launch.cage.report import Confinement
from notebooks_app.live import gateway
from notebooks_app.live.events import CellSnapshot
from notebooks_app.rendering import fragments

register = template.Library()

_NAMES = {"python": "Python", "sql": "SQL", "markdown": "Text"}


@register.filter
def split_words(text: str) -> list[str]:
    return text.split()


@register.filter
def type_name(cell_type: str) -> str:
    """How people call a type of cell."""
    return _NAMES[cell_type]


@register.simple_tag
def cell(snapshot: CellSnapshot) -> SafeString:
    """A whole cell, by the same function that makes fragments."""
    return mark_safe(fragments.cell_html(snapshot))


@register.simple_tag
def confinement() -> Confinement | None:
    """What holds kernels on this machine, for administrators."""
    return gateway.confinement()


@register.filter
def undo_id(tags: str) -> str:
    """The notebook that a message offers to bring back, or ''."""
    words = (tags or "").split()
    return words[words.index("undo") + 1] if "undo" in words[:-1] else ""
