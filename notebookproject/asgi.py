"""Pages go to Django, those of tables around it, WebSockets to the consumer."""

from __future__ import annotations

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "notebookproject.settings")
_pages = get_asgi_application()

from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402  (models must be loaded first)
from django.urls import path  # noqa: E402

from notebooks_app.consumers import NotebookConsumer  # noqa: E402
from notebooks_app.table_pages import TablePages  # noqa: E402

from .origin import SameOrigin  # noqa: E402

_sockets = URLRouter([path("ws/notebooks/<uuid:notebook_id>/", NotebookConsumer.as_asgi())])


class _Known:
    """A WebSocket to an address that is not there is closed, not a traceback."""

    async def __call__(self, scope, receive, send):  # type: ignore[no-untyped-def]
        try:
            return await _sockets(scope, receive, send)
        except ValueError as error:
            if "No route found" not in str(error):
                raise
            await send({"type": "websocket.close", "code": 4404})


application = ProtocolTypeRouter({"http": TablePages(_pages), "websocket": SameOrigin(_Known())})
