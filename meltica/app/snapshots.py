"""When a snapshot is made, and how it reaches the journal: part by part, between the engine's steps."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from meltica.engine.engine import Engine
from meltica.engine.saving import FORMAT, Saving
from meltica.journal.port import PartRef
from meltica.journal.writer import GroupCommitWriter

LOG = logging.getLogger("meltica.snapshots")

OPEN_ORDERS_A_STEP: Final = 1
"""A snapshot writes all open orders again, so with many of them it is made less often: not before as many entries."""


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
            self._next = sequence + max(self._every, OPEN_ORDERS_A_STEP * len(self._engine.state.reservations))
            if sequence > 0:
                await self._save(Saving(self._engine))

    async def _save(self, saving: Saving) -> None:
        try:
            kept: list[PartRef] = [*self._kept()]
            own: list[PartRef] = []
            for part in saving.parts():
                ref = await self._writer.save_part(saving.sequence, part.state, kept=part.kept)
                (kept if part.kept else own).append(ref)
            root = saving.root(len(kept))
            await self._writer.save_snapshot(saving.sequence, FORMAT, root, [*kept, *own])
        except BaseException:
            saving.give_up()
            raise
        saving.end(kept)

    def _kept(self) -> tuple[PartRef, ...]:
        unsaved = self._engine.state.unsaved
        return () if unsaved is None else unsaved.kept

    def _done(self, task: asyncio.Task[None]) -> None:
        """Without a snapshot recovery takes longer, and nothing is lost: the operators are told, and that is all."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            LOG.error("no snapshot was saved: %r", error)
