"""Parts of outputs at addresses of their own: markup in an opaque origin, images and figures as they are."""

from __future__ import annotations

from uuid import UUID

import msgspec
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET

from kernel.protocol import PLOTLY
from notebooks_app.access import get_output
from notebooks_app.live.output_ids import part
from notebooks_app.live.records import decode_content
from notebooks_app.rendering.frames import framed

SANDBOX = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' https: data: blob:; "
    "style-src 'unsafe-inline' https: data:; img-src https: data: blob:; font-src https: data:; "
    "media-src https: data: blob:; connect-src https:; frame-ancestors 'self'"
)
"""Scripts of an output run without an origin: they see no cookie, no storage and nothing of the portal."""

IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"})


@require_GET
@xframe_options_sameorigin
def show(request: HttpRequest, output_id: UUID) -> HttpResponse:
    """One part of the last output of a cell that the user may see; 404 once the cell has another."""
    output = get_output(request.user, output_id)
    content = decode_content(bytes(output.execution.content))
    found = part(content.output, content.displays, output.path)
    if found is None:
        raise Http404("This output has been replaced.")
    return _secured(_response(output.mime, found))


def _response(mime: str, found: object) -> HttpResponse:
    if mime == PLOTLY:
        return HttpResponse(msgspec.json.encode(found), content_type="application/json")
    if mime in IMAGES and isinstance(found, bytes):
        return HttpResponse(found, content_type=mime)
    if mime in ("text/html", "image/svg+xml"):
        text = found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)
        return HttpResponse(framed(text), content_type="text/html; charset=utf-8")
    data = found if isinstance(found, bytes) else str(found).encode()
    return HttpResponse(data, content_type="application/octet-stream")


def _secured(response: HttpResponse) -> HttpResponse:
    response["Content-Security-Policy"] = SANDBOX
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, max-age=31536000, immutable"
    response["Referrer-Policy"] = "no-referrer"
    return response
