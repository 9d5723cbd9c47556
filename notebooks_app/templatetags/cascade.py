"""What templates need beside Django's own."""

from __future__ import annotations

from datetime import UTC, datetime

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
def moment(seconds: float) -> datetime:
    """Seconds since 1970 as a date and time."""
    return datetime.fromtimestamp(seconds, UTC)


@register.filter
def mebibytes(count: int) -> str:
    """Bytes as people compare them: '9.6 MiB', '128 MiB', '1.5 GiB'."""
    size = count / 2**20
    if size >= 1024:
        return f"{size / 1024:.1f} GiB"
    return f"{size:.1f} MiB" if size < 10 else f"{size:.0f} MiB"


@register.filter
def undo_id(tags: str) -> str:
    """The notebook that a message offers to bring back, or ''."""
    words = (tags or "").split()
    return words[words.index("undo") + 1] if "undo" in words[:-1] else ""
