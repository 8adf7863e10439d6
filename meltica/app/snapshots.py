"""When a snapshot is made, and how it reaches the journal: part by part, between the engine's steps."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Final

from meltica.engine.engine import Engine
from meltica.engine.snapshot.saving import FORMAT, Saving
from meltica.journal.port import PartRef
from meltica.journal.writer import GroupCommitWriter

LOG = logging.getLogger("meltica.snapshots")

PARTS_IN_FLIGHT: Final = 2
"""One is encoded while the disk writes the other; more would only fill the memory."""


class Snapshots:
    """Makes one every ``every`` entries; never two at a time."""

    def __init__(self, engine: Engine, writer: GroupCommitWriter, every: int) -> None:
        if engine.state.unsaved is None:
            engine.state.track()
        self._engine = engine
        self._writer = writer
        self._every = every
        saved = 0 if engine.state.unsaved is None else engine.state.unsaved.saved_sequence
        self._next = saved + every
        self._turn = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def stepped(self, sequence: int) -> None:
        """The engine has taken this input, and stands between two steps."""
        if sequence >= self._next and not self._tasks:
            task = asyncio.get_running_loop().create_task(self.save())
            self._tasks.add(task)
            task.add_done_callback(self._done)

    async def save(self) -> None:
        """The state as it is now (or when the one under way is done); durable on return."""
        async with self._turn:
            sequence = self._engine.state.tables.sequence
            # All open orders are written again: with many of them not before as many entries have come
            self._next = sequence + max(self._every, len(self._engine.state.reservations))
            if sequence > 0:
                await store(Saving(self._engine), self._writer)

    def _done(self, task: asyncio.Task[None]) -> None:
        """Without a snapshot recovery takes longer, and nothing is lost: the operators are told, and that is all."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            LOG.error("no snapshot was saved: %r", error)


async def store(saving: Saving, writer: GroupCommitWriter) -> None:
    """All of it; durable on return. After an exception the next snapshot holds what this one should have."""
    kept: list[PartRef] = [*saving.kept_before]
    own: list[PartRef] = []
    waiting: deque[tuple[list[PartRef], asyncio.Task[PartRef]]] = deque()
    try:
        for part in saving.parts():
            storing = asyncio.create_task(writer.save_part(saving.sequence, part.state, kept=part.kept))
            waiting.append((kept if part.kept else own, storing))
            await asyncio.sleep(0)  # The engine's turn, also when the disk is fast
            if len(waiting) >= PARTS_IN_FLIGHT:
                await _settle(waiting)
        while waiting:
            await _settle(waiting)
        await writer.save_snapshot(saving.sequence, FORMAT, saving.root(len(kept)), [*kept, *own])
    except BaseException:
        saving.give_up()
        await asyncio.gather(*[storing for _, storing in waiting], return_exceptions=True)
        raise
    saving.end(kept)
    for _ in saving.let_go():
        await asyncio.sleep(0)  # The engine's turn: forgetting a million is a stop as well


async def _settle(waiting: deque[tuple[list[PartRef], asyncio.Task[PartRef]]]) -> None:
    """The oldest part is stored, and counted."""
    refs, storing = waiting.popleft()
    refs.append(await storing)
