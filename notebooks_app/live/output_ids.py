"""Which parts of an output are served at `/outputs/<id>/`, and under which ids."""

from __future__ import annotations

from collections.abc import Sequence

from kernel.protocol import PLOTLY, MimeBundle

from .intake import new_id


def is_served(mime: str) -> bool:
    """Markup with scripts of its own, images, and figures: they are fetched, not put into the page."""
    return mime in ("text/html", PLOTLY) or mime.startswith("image/")


def output_ids(value: MimeBundle | None, displays: Sequence[MimeBundle]) -> dict[str, str]:
    """Path (`value/<mime>`, or the index of the display and the MIME type) -> a new id."""
    parts = [("value", value or {}), *((str(index), bundle) for index, bundle in enumerate(displays))]
    return {f"{place}/{mime}": new_id() for place, bundle in parts for mime in bundle if is_served(mime)}


def part(value: MimeBundle | None, displays: Sequence[MimeBundle], path: str) -> object | None:
    """The part of an output at a path; None if there is none."""
    place, mime = path.split("/", 1)
    if place == "value":
        return (value or {}).get(mime)
    index = int(place)
    return displays[index].get(mime) if index < len(displays) else None
