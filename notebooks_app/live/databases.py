"""Which connection a statement or a notebook may use, and the broker that uses it. Secrets stay here."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from time import time
from uuid import UUID

from msgspec import UNSET

from kernel.protocol import SqlReply
from kernel.sql.broker import Broker, ConnectionSpec, Lent, SqlError, Ticket
from kernel.sql.url import BadUrl, mask, parse
from notebooks_app.access import CONNECTION_SQL
from notebooks_app.secrets import SecretUnreadable, decrypt, encrypt

from . import messages as msg
from . import operations as op
from .effects import Query
from .requests import Origin
from .state import Notebook
from .store import Store

logger = logging.getLogger(__name__)


def masked(secret: str) -> str:
    """An encrypted connection string, fit to be shown."""
    try:
        return mask(decrypt(secret))
    except SecretUnreadable:
        return "(unreadable: the secret key changed; enter the connection again)"


class Databases:
    """Finds connections as the portal stores them, checks who may use them, and runs statements by the broker."""

    def __init__(self, store: Store, broker: Broker) -> None:
        self._store = store
        self._broker = broker

    async def run(self, query: Query, notebook: Notebook) -> AsyncIterator[SqlReply | Lent]:
        """The replies to one statement, an error among them."""
        request = query.request
        try:
            spec = await self._spec(query, notebook)
        except SqlError as error:
            yield SqlReply(request=request.request, error=str(error))
            return
        self._broker.grant(
            Ticket(
                token=request.ticket,
                execution=request.execution,
                session="",
                notebook=notebook.id,
                cell=query.cell,
                user=query.principal,
                connection=spec,
            )
        )
        try:
            async for reply in self._broker.run(request.ticket, request.request, request.statement, request.parameters):
                yield reply
        finally:
            self._broker.revoke(request.ticket)

    async def _spec(self, query: Query, notebook: Notebook) -> ConnectionSpec:
        if query.connection == "own":
            return self._own(notebook)
        return await self._shared(query.connection, query.principal)

    def _own(self, notebook: Notebook) -> ConnectionSpec:
        if not notebook.connection_secret:
            raise SqlError("This notebook has no connection: choose one above the cells.")
        try:
            url = decrypt(notebook.connection_secret)
        except SecretUnreadable as error:
            raise SqlError(f"{error} Enter the notebook's connection again.") from None
        key = f"{notebook.id}/{notebook.connection_version}"
        return ConnectionSpec(key=key, name="the notebook's own connection", url=url, read_only=False)

    async def _shared(self, connection: str, user: int | None) -> ConnectionSpec:
        """A shared connection, if this person may use it. Raises `SqlError`."""
        row = await self._store.one(CONNECTION_SQL, {"user": user, "connection": connection})
        if row is None:
            raise SqlError("This connection does not exist, or you may not use it: ask an administrator for access.")
        try:
            url = decrypt(row["secret"])
        except SecretUnreadable:
            raise SqlError(f"The connection {row['name']} has to be entered again by an administrator.") from None
        return ConnectionSpec(
            key=f"{row['id']}/{row['updated_at'].timestamp()}",
            name=row["name"],
            url=url,
            read_only=row["read_only"],
            statement_timeout=row["statement_timeout"],
            row_limit=row["row_limit"],
            pool_size=row["pool_size"],
        )

    async def try_connection(self, message: msg.UpdateDbConnection, origin: Origin) -> op.Operation:
        """What follows from trying a connection: it changes, or it fails and nothing does."""
        try:
            return await self._try(message, origin)
        except (SqlError, BadUrl) as error:
            return op.ConnectionFailed(at=time(), error=str(error))

    async def _try(self, message: msg.UpdateDbConnection, origin: Origin) -> op.Operation:
        if message.connection_string is UNSET and message.connection_id is UNSET:
            raise SqlError("Give a connectionString, or the connectionId of a shared connection.")
        if isinstance(message.connection_id, UUID):
            spec = await self._shared(str(message.connection_id), origin.by.user)
            await self._broker.test(spec.url)
            return op.ConnectionChanged(by=origin.by, at=time(), connection_id=str(message.connection_id))
        text = (message.connection_string or "").strip() if message.connection_string is not UNSET else ""
        if not text:
            return op.ConnectionChanged(by=origin.by, at=time())
        parse(text)
        await self._broker.test(text)
        return op.ConnectionChanged(by=origin.by, at=time(), connection_string=mask(text), secret=encrypt(text))
