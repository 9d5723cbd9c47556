"""What a client is told that asks what it missed: the events since, or the whole notebook."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import UNSET

from .events import Ack, Hello
from .frames import HtmlFrames, json_frames, json_text, present_frames
from .messages import Resync
from .outbox import Reply
from .requests import Origin
from .snapshot import snapshots
from .state import State

if TYPE_CHECKING:
    from .coordinator import Coordinator


def catch_up(coordinator: Coordinator, origin: Origin, message: Resync) -> Callable[[State], Reply]:
    """The answer, made when its turn comes, from the state that was stored by then."""

    def answer(state: State) -> Reply:
        epoch = coordinator.lease.epoch
        events = coordinator.missed(message.since) if message.epoch == epoch else None
        if events is None:
            texts = [json_text(hello(state, epoch, origin, message))]
        elif origin.form == "html":
            texts = HtmlFrames().batch(events, state).render(events)
        else:
            texts = json_frames(events)
        if origin.form == "html":
            texts += present_frames(state, state.sequence)
            if events is not None:
                texts.append(json_text(_kernel(state)))
        if events is not None and message.request_id is not None:
            texts.append(json_text(Ack(request_id=message.request_id)))
        return Reply((origin,), tuple(texts), informs=state.sequence)

    return answer


def _kernel(state: State) -> dict[str, object]:
    """A page is rendered from what is stored, and the kernel's status is not: here it is told, outside of the order."""
    return {"type": "kernel_status", "status": state.kernel.status, "reason": state.kernel.reason}


def hello(state: State, epoch: int, origin: Origin, message: Resync) -> Hello:
    notebook = state.notebook
    return Hello(
        epoch=epoch,
        sequence=state.sequence,
        client_id=message.client_id or origin.by.client,
        role=origin.role,
        kernel=state.kernel.status,
        kernel_reason=state.kernel.reason or "",
        title=notebook.title,
        execution_mode=notebook.mode,
        auto_run_delay=notebook.delay,
        connection_string=notebook.connection_string,
        connection_id=notebook.connection_id,
        cells=snapshots(state),
        request_id=UNSET if message.request_id is None else message.request_id,
    )
