"""Commands that a caller's deadline can't lose: once begun, they end, whoever still waits for the answer."""

from __future__ import annotations

import asyncio

from meltica.control.errors import refused
from meltica.domain.commands import Command
from meltica.domain.events import CommandRefused
from meltica.domain.order_events import AmendDenied, OrderDenied
from meltica.domain.ports import Answer, Gateway

_REFUSALS = (OrderDenied, AmendDenied, CommandRefused)


class DurableCommands:
    """Runs commands shielded from the cancellation of the call that brought them."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._running: set[asyncio.Task[Answer]] = set()

    async def run(self, command: Command) -> Answer:
        """The durable answer.

        :raises RefusedError: the engine said no, durably.
        """
        task = asyncio.ensure_future(self._gateway.execute(command))
        self._running.add(task)
        task.add_done_callback(self._ended)
        answer = await asyncio.shield(task)
        for event in answer.events:
            if isinstance(event, _REFUSALS) and not (isinstance(event, OrderDenied) and event.parent_id):
                raise refused(event, answer.sequence)
        return answer

    async def finish(self) -> None:
        """Wait for what is still running, as a drain does."""
        while self._running:
            await asyncio.wait(self._running)

    def _ended(self, task: asyncio.Task[Answer]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # Seen: if the caller has gone, its error is nobody's; a retry gets the same one.
