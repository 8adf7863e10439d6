"""Keeps the execution figures beside the running gateway: the journal's past first, then each record as it comes.

The past begins at the checkpoint where one can be trusted. It is folded in slices while the gateway trades, and a new
checkpoint is taken in pieces. A fault in here stops the figures and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

from meltica.analytics import checkpoint
from meltica.analytics.executions import Executions
from meltica.app import checkpoint_files
from meltica.app.gateway import LiveGateway
from meltica.domain.errors import NotAcceptingError
from meltica.domain.execution import ExecutionFilter, ExecutionSummary, GroupBy, OrderExecution
from meltica.domain.inputs import Record
from meltica.domain.ports import Gateway
from meltica.domain.sealed import CheckpointError, Envelope
from meltica.journal.port import JournalSource
from meltica.journal.reader import SqliteReader

LOG = logging.getLogger("meltica.executions")

SLICE: Final = 32
"""Entries of the past between two looks at the rest of the gateway: less than a millisecond."""
CHECKPOINT_NAME: Final = "executions.checkpoint"
SAVE_EVERY: Final = 200_000
"""Journal entries after which a checkpoint is saved: folding so many again takes some seconds."""


class ExecutionKeeper:
    """Implements ``watcher.Keeper`` and ``domain.execution.ExecutionBooks``."""

    def __init__(self, until: int, source: JournalSource | None = None, path: Path | None = None) -> None:
        """``until``: the last entry of the past. Before it is folded there are no figures.

        Without source and path there are no checkpoints."""
        self._executions = Executions()
        self._until = until
        self._source = source
        self._path = path
        self._saved = 0
        self._to_save = asyncio.Event()
        self._moved = asyncio.Event()
        self._failure = ""

    def take(self, sequence: int, time_ns: int, record: Record) -> None:
        """A durable record; one that does not follow is left to ``catch_up``."""
        if sequence == self._executions.sequence + 1 and not self._failure:
            try:
                self._executions.apply(sequence, time_ns, record)
            except Exception as error:
                self._failure = f"journal entry {sequence} can't be taken in: {error!r}"
                LOG.exception("there are no execution figures any more: entry %d", sequence)
            if sequence - self._saved >= SAVE_EVERY:
                self._to_save.set()
            moved, self._moved = self._moved, asyncio.Event()
            moved.set()

    async def keep_up(self, gateway: Gateway) -> None:
        """From the checkpoint or the beginning to now; then save a checkpoint from time to time. Until cancelled."""
        await self.recall()
        await self.catch_up(gateway.records(self.sequence))
        while not self._failure:
            await self._to_save.wait()
            await self.save()
            self._to_save.clear()

    async def recall(self) -> None:
        """Begin where the checkpoint is, if there is one that can be trusted."""
        if self._source is None or self._path is None:
            return
        try:
            found = await self._trusted(self._source, self._path)
            whole = None
            for whole in checkpoint.reading(found):  # noqa: B007 - the last one counts
                await asyncio.sleep(0)
        except FileNotFoundError:
            return
        except (OSError, CheckpointError) as error:
            LOG.warning("checkpoint of the execution figures passed over, they are folded anew: %s", error)
            return
        if whole is not None and whole.sequence > self.sequence:
            self._executions, self._saved = whole, whole.sequence

    @staticmethod
    async def _trusted(source: JournalSource, path: Path) -> Envelope:
        """The disk and the hash in a thread: both may be long, and neither is in the way there."""
        found = checkpoint.SEAL.opened(await asyncio.to_thread(path.read_bytes))
        place = checkpoint_files.place_of(source, found.sequence)
        if place is None:
            raise CheckpointError(f"it is at entry {found.sequence}, which the journal does not have")
        await asyncio.to_thread(checkpoint.SEAL.judge, found, place)
        return found

    async def save(self) -> None:
        """A checkpoint of what is folded now, while the figures go on. Without one a start takes longer."""
        sequence = self.sequence
        if self._source is None or self._path is None or self._failure or sequence == self._saved:
            return
        place = checkpoint_files.place_of(self._source, sequence)
        parts: list[bytes] = []
        for part in checkpoint.pieces(self._executions):
            parts.append(part)
            await asyncio.sleep(0)
        self._saved = sequence  # If it fails now: again after the next so many.
        if self._failure or place is None:
            return
        try:
            await asyncio.to_thread(_write, self._path, sequence, parts, place)
        except OSError as error:
            LOG.error("no checkpoint of the execution figures was saved: %s", error)  # noqa: TRY400 - no bug

    async def catch_up(self, records: AsyncIterator[tuple[int, int, Record]]) -> None:
        """Fold the past; returns when what happens now follows it."""
        async for sequence, time_ns, record in records:
            if sequence <= self._executions.sequence or self._failure:
                return
            self.take(sequence, time_ns, record)
            if sequence % SLICE == 0:
                await asyncio.sleep(0)

    @property
    def sequence(self) -> int:
        return self._executions.sequence

    def order(self, order_id: int) -> OrderExecution | None:
        return self._ready().order(order_id)

    def summaries(self, by: GroupBy, chosen: ExecutionFilter) -> Sequence[ExecutionSummary]:
        return self._ready().summaries(by, chosen)

    def orders(self, chosen: ExecutionFilter, after: int, limit: int) -> Sequence[OrderExecution]:
        return self._ready().orders(chosen, after, limit)

    def group(self, group_id: int) -> tuple[Sequence[ExecutionSummary], Sequence[OrderExecution]] | None:
        return self._ready().group(group_id)

    def ended_after(self, sequence: int) -> int:
        return self._ready().ended_after(sequence)

    def ended(self, row: int, chosen: ExecutionFilter, limit: int) -> tuple[Sequence[OrderExecution], int, int]:
        return self._ready().ended(row, chosen, limit)

    async def changes(self) -> AsyncIterator[int]:
        while True:
            moved = self._moved
            yield self._ready().sequence
            await moved.wait()

    def _ready(self) -> Executions:
        """:raises NotAcceptingError: the figures are not whole."""
        if self._failure:
            raise NotAcceptingError(f"there are no execution figures: {self._failure}")
        if self.sequence < self._until:
            raise NotAcceptingError(f"execution figures are at journal entry {self.sequence} of {self._until}")
        return self._executions


def _write(path: Path, sequence: int, parts: list[bytes], place: bytes) -> None:
    checkpoint_files.write(path, checkpoint.SEAL.sealed(sequence, parts, place))


@contextlib.asynccontextmanager
async def executing(gateway: LiveGateway, journal: Path, folder: Path) -> AsyncIterator[ExecutionKeeper]:
    """The execution figures beside the gateway; at the end a checkpoint is saved in ``folder``."""
    with SqliteReader(journal) as source:
        keeper = ExecutionKeeper(gateway.state.tables.sequence, source, folder / CHECKPOINT_NAME)
        gateway.keep(keeper)
        yield keeper
        await keeper.save()
