"""An async source in frames: what is ready goes together, silence becomes a heartbeat, a drain ends it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from typing import Final, TypeVar

from meltica.control.errors import RefusedError
from meltica.domain.ports import Gateway

MOST: Final = 256
"""Items in one frame, and items that wait for a slow reader; then the source waits too."""
HEARTBEAT_S: Final = 5.0
"""A reader that hears nothing for a few of these knows that the connection is dead."""

Item = TypeVar("Item")


class Batches:
    """Frames of any source. ``stop`` ends every stream of the server."""

    def __init__(self, stop: asyncio.Event, *, most: int = MOST, heartbeat_s: float = HEARTBEAT_S) -> None:
        self._stop = stop
        self._most = most
        self._heartbeat_s = heartbeat_s

    async def of(self, source: AsyncIterator[Item]) -> AsyncIterator[list[Item]]:
        """Items in order, at most ``most`` a frame; an empty frame after ``heartbeat_s`` without any.

        Ends with the source (and its error), or when ``stop`` is set and what was ready is given out.
        """
        waiting: list[Item] = []
        ready, room = asyncio.Event(), asyncio.Event()
        pump = asyncio.ensure_future(_pump(source, waiting, ready, room, self._most))
        stopped = asyncio.ensure_future(self._stop.wait())
        for task in (pump, stopped):
            task.add_done_callback(lambda _: ready.set())
        try:
            while True:
                if not waiting and not pump.done() and not stopped.done():
                    ready.clear()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(self._heartbeat_s):
                            await ready.wait()
                batch, waiting[:] = waiting[:], []
                room.set()
                if batch or not (pump.done() or stopped.done()):
                    yield batch
                if stopped.done():
                    return
                if pump.done() and not waiting:
                    pump.result()
                    return
        finally:
            for task in (pump, stopped):
                task.cancel()
            await asyncio.gather(pump, stopped, return_exceptions=True)


async def _pump(
    source: AsyncIterator[Item], waiting: list[Item], ready: asyncio.Event, room: asyncio.Event, most: int
) -> None:
    try:
        async for item in source:
            while len(waiting) >= most:
                room.clear()
                await room.wait()
            waiting.append(item)
            ready.set()
    finally:
        if isinstance(source, AsyncGenerator):
            await source.aclose()  # Now, not when the garbage collector comes by: it may hold a place in a queue.


async def start_of(gateway: Gateway, after: int | None) -> int:
    """Where a stream begins: after the given entry; None: after the newest durable one.

    :raises RefusedError: AFTER_THE_END.
    """
    head = await gateway.settled()
    if after is None:
        return head
    if after > head:
        raise RefusedError("AFTER_THE_END", f"after_sequence {after} is after the newest entry {head}")
    return after
