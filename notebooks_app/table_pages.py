"""Pages of tables, answered on the event loop: one after the other while somebody scrolls, so each must be quick.

Whatever is not plainly allowed (no login, no access, another method or host) is left to Django, which refuses it.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.gzip import GZipMiddleware
from django.middleware.security import SecurityMiddleware
from django.urls import path
from django.utils.cache import patch_vary_headers

from notebookproject.content_security import ContentSecurityPolicyMiddleware

from .live import host
from .live.tables import Wanted
from .rendering import fragments
from .signed_in import admitted, session_key

PAGE = 50
"""Rows of a table fetched at once."""

_ADDRESS = path("cells/<uuid:cell_id>/rows/", lambda request, cell_id: HttpResponse()).pattern


class TablePages:
    """An ASGI application before Django's `pages`."""

    def __init__(self, pages: Any) -> None:
        self._pages = pages

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        found = _ADDRESS.match(scope["path"].removeprefix("/")) if scope["method"] == "GET" else None
        response = await _response(scope, str(found[2]["cell_id"])) if found else None
        if response is None:
            await self._pages(scope, receive, send)
            return
        headers = [(name.encode("latin1"), value.encode("latin1")) for name, value in response.items()]
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": response.content})


async def _response(scope: dict[str, Any], cell: str) -> HttpResponse | None:
    """None: for Django to refuse."""
    live = host.current()
    if live is None or scope.get("root_path"):
        return None
    async with live.pool.connection() as connection:
        found = await admitted(connection, session_key(scope["headers"]), cell=cell)
    if found is None:
        return None
    try:
        request = ASGIRequest(scope, BytesIO())
        request.get_host()
        wanted = _wanted(request)
    except SuspiciousOperation:
        return None
    rows = await live.tables.page(found[1], wanted)
    return _dressed(request, HttpResponse(fragments.rows_html(cell, rows, request.GET.dict())))


def _wanted(request: HttpRequest) -> Wanted:
    return Wanted(
        table=request.GET.get("table", ""),
        offset=_number(request, "offset", 0, 10**12),
        limit=_number(request, "limit", PAGE, 500),
        sort=_number(request, "sort", 0, 10_000) if request.GET.get("sort") else None,
        descending=request.GET.get("descending") == "1",
    )


def _number(request: HttpRequest, name: str, default: int, most: int) -> int:
    value = request.GET.get(name, "")
    return min(int(value), most) if value.isdecimal() and len(value) < 16 else default


def _dressed(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The response with the headers that the portal's middleware gives: those of its classes that wait for nothing."""
    patch_vary_headers(response, ("Cookie",))
    chain: Any = XFrameOptionsMiddleware(lambda _: response)
    for middleware in (CommonMiddleware, GZipMiddleware, ContentSecurityPolicyMiddleware, SecurityMiddleware):
        chain = middleware(chain)
    dressed: HttpResponse = chain(request)
    return dressed
