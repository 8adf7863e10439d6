"""Commands that a caller's deadline can't lose: once begun, they end, whoever still waits for the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from meltica.control.errors import refused
from meltica.domain.commands import Command, SubmitOrderList
from meltica.domain.events import CommandRefused, Event
from meltica.domain.groups import GROUP_ACTOR
from meltica.domain.order_events import AmendDenied, OrderDenied, OrderHeld, OrderSubmitted
from meltica.domain.ports import Answer, Gateway


def _no(event: Event, *, items: bool) -> OrderDenied | AmendDenied | CommandRefused | None:
    """The event, if it refuses the command itself; not what followed from it for a child or a group."""
    if isinstance(event, CommandRefused):
        return event
    if isinstance(event, OrderDenied) and not items and not event.parent_id:
        return event
    return event if isinstance(event, AmendDenied) and not items and event.actor != GROUP_ACTOR else None


def _place(no: Event, events: Sequence[Event], command: Command) -> str:
    """Which of a list's orders the gate refused: they have their numbers in the order of the request."""
    if not (isinstance(no, OrderDenied) and isinstance(command, SubmitOrderList)):
        return ""
    asked = {event.order_id for event in events if isinstance(event, OrderDenied | OrderHeld | OrderSubmitted)}
    return f"orders[{sorted(asked).index(no.order_id)}]"


class DurableCommands:
    """Runs commands shielded from the cancellation of the call that brought them."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._running: set[asyncio.Task[Answer]] = set()

    async def run(self, command: Command, *, items: bool = False, at: str = "") -> Answer:
        """The durable answer. ``items``: it answers each item by itself, those that were refused too. ``at``: where in
        the request the command's fields are.

        :raises RefusedError: the engine said no, durably.
        """
        task = asyncio.ensure_future(self._gateway.execute(command))
        self._running.add(task)
        task.add_done_callback(self._ended)
        answer = await asyncio.shield(task)
        for event in answer.events:
            if (no := _no(event, items=items)) is not None:
                raise refused(no, answer.sequence, at or _place(no, answer.events, command))
        return answer

    async def finish(self) -> None:
        """Wait for what is still running, as a drain does."""
        while self._running:
            await asyncio.wait(self._running)

    def _ended(self, task: asyncio.Task[Answer]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # Seen: if the caller has gone, its error is nobody's; a retry gets the same one.
