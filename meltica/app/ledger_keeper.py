"""Keeps the ledger beside the gateway: books every durable record, and saves a checkpoint so that a start is quick.

The ledger decides nothing. Should it fail, that is logged, and said to everybody who asks for the books; trading goes
on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

from meltica.app import checkpoint_files
from meltica.app.gateway import LiveGateway
from meltica.domain.accounting_port import (
    AccountSummary,
    BookPosition,
    EntryView,
    EquityPoint,
    FeeDifferenceView,
    Statement,
)
from meltica.domain.errors import MelticaError, NotAcceptingError
from meltica.domain.inputs import Record, decode_record
from meltica.domain.ports import Gateway
from meltica.journal.port import JournalSource
from meltica.journal.reader import SqliteReader, entries
from meltica.ledger import checkpoint, views
from meltica.ledger.ledger import Ledger

LOG = logging.getLogger("meltica.ledger")

CHECKPOINT_NAME: Final = "ledger.checkpoint"
SAVE_EVERY: Final = 200_000
"""Journal entries after which a checkpoint is saved: booking so many again takes some seconds."""
CATCH_UP_S: Final = 2.0
"""How long a stop waits for the last records to be booked; what is missing is booked at the next start."""
LONG_ROWS: Final = 20_000
"""Fills that are booked again in a tenth of a second; more are booked in a thread."""
TURN: Final = 32
"""Records booked before everybody else gets a turn: about a millisecond."""


def recovered(source: JournalSource, path: Path) -> LedgerKeeper:
    """From the checkpoint if it can be trusted, else from the beginning; up to the journal's end.

    Where an entry can't be booked the keeper has failed from the start: what stops no trading stops no start either.

    :raises JournalDamagedError: an entry does not follow from the one before it.
    """
    keeper = LedgerKeeper(_from_checkpoint(source, path) or Ledger(), source, path)
    for entry in entries(source, keeper.sequence + 1):
        if not keeper.book(entry.seq, entry.time_ns, decode_record(entry.payload)):
            break
    return keeper


def _from_checkpoint(source: JournalSource, path: Path) -> Ledger | None:
    try:
        found = checkpoint.opened(path.read_bytes())
        place = checkpoint_files.place_of(source, found.sequence)
        if place is None:
            raise checkpoint.CheckpointError(f"it is at entry {found.sequence}, which the journal does not have")  # noqa: TRY301 - one way out
        return checkpoint.decode(found, place)
    except FileNotFoundError:
        return None
    except (OSError, checkpoint.CheckpointError) as error:
        LOG.warning("checkpoint of the ledger passed over, it is rebuilt from the journal: %s", error)
        return None


class LedgerKeeper:
    """Implements ``watcher.Keeper`` and ``domain.accounting_port.Accounting``."""

    def __init__(
        self,
        ledger: Ledger,
        source: JournalSource | None = None,
        path: Path | None = None,
        *,
        long_rows: int = LONG_ROWS,
    ) -> None:
        """Without source and path no checkpoints are saved."""
        self._ledger = ledger
        self._source = source
        self._path = path
        self._saved = ledger.tables.sequence
        self._moved = asyncio.Event()
        self._waiting: list[tuple[int, int, Record]] | None = None
        """What came while a checkpoint is taken, which must not change under its hands, or a long correction."""
        self._long_rows = long_rows
        self._changing = False
        """A thread is at work on the ledger: nobody may look."""
        self._aside: set[asyncio.Task[None]] = set()
        self._failure = ""

    def take(self, sequence: int, time_ns: int, record: Record) -> None:
        """A durable record; one that does not follow is left to ``catch_up``."""
        if self._waiting is not None:
            self._waiting.append((sequence, time_ns, record))
            return
        if sequence != self._ledger.tables.sequence + 1 or self._failure:
            return
        if self._ledger.rebooked(record) > self._long_rows:
            self._waiting, self._changing = [], True
            task = asyncio.get_running_loop().create_task(self._take_aside(sequence, time_ns, record))
            self._aside.add(task)
            task.add_done_callback(self._aside.discard)
        else:
            self.book(sequence, time_ns, record)
            self._tell()

    def book(self, sequence: int, time_ns: int, record: Record) -> bool:
        """At once, whatever it takes. False: it can't be booked, and nothing is from now on."""
        try:
            self._ledger.apply(sequence, time_ns, record)
        except Exception as error:
            self._failure = f"the ledger stopped at journal entry {sequence}: {error!r}"
            LOG.exception("the books are not kept any more from entry %d on; trading goes on", sequence)
        return not self._failure

    async def _take_aside(self, sequence: int, time_ns: int, record: Record) -> None:
        """A correction that books many fills again takes its time in a thread, not the gateway's; others wait."""
        await asyncio.to_thread(self.book, sequence, time_ns, record)
        self._changing = False
        self._resume()

    def _resume(self) -> None:
        """Book what came meanwhile; one of them may be long again."""
        waiting, self._waiting = self._waiting or [], None
        for each in waiting:
            self.take(*each)
        self._tell()

    def _tell(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def catch_up(self, gateway: Gateway) -> None:
        """Book what became durable between the journal's reading and now; returns when what happens now follows it.

        From then on, save a checkpoint from time to time. Until cancelled.
        """
        async for sequence, time_ns, record in gateway.records(self.sequence):
            if sequence <= self.sequence or self._failure:
                break
            self.take(sequence, time_ns, record)
            if sequence % TURN == 0:
                await asyncio.sleep(0)
        while not self._failure:
            await self._moved.wait()
            if self.sequence - self._saved >= SAVE_EVERY and self._waiting is None:
                await self.save()

    async def save(self) -> None:
        """A checkpoint of what is booked now, piece by piece. Without one a start takes longer: no reason to stop."""
        while self._changing and not self._failure:
            await self._moved.wait()
        if self._path is None or self._source is None or self._failure or self._ledger.tables.sequence == 0:
            return
        sequence, self._waiting = self.sequence, []
        place = checkpoint_files.place_of(self._source, sequence)
        parts: list[bytes] = []
        try:
            for part in checkpoint.pieces(self._ledger):
                parts.append(part)
                await asyncio.sleep(0)
        finally:
            self._resume()
        self._saved = sequence  # If it fails now: again after the next so many.
        try:
            await asyncio.to_thread(_write, self._path, sequence, parts, place or b"")
        except OSError as error:
            LOG.error("no checkpoint of the ledger was saved: %s", error)  # noqa: TRY400 - no bug

    # What others read

    @property
    def sequence(self) -> int:
        return self._ledger.tables.sequence

    async def booked(self, sequence: int) -> None:
        while self._ledger.tables.sequence < sequence or self._changing:
            self._refuse_if_failed()
            await self._moved.wait()
        self._refuse_if_failed()

    async def changes(self) -> AsyncIterator[int]:
        while True:
            await self.booked(0)
            moved = self._moved
            yield self._ledger.tables.sequence
            await moved.wait()

    def _refuse_if_failed(self) -> None:
        if self._failure:
            raise NotAcceptingError(self._failure)

    def custody(self, venue: str, account: str, currency: str) -> tuple[int, int] | None:
        """(nanos that the venue should say, the time of the newest journal entry in them); None: can't tell now."""
        if self._failure or self._changing:
            return None
        return self._ledger.custody.nanos(venue, account, currency), self._ledger.tables.time_ns

    def custodies(self, venue: str) -> dict[tuple[str, str], int]:
        """(account, currency) -> nanos, of one venue; what its paper twin goes on with after a restart."""
        return self._ledger.custody.at(venue)

    def accounts(self) -> Sequence[str]:
        return views.accounts(self._ledger)

    def summary(self, account: str) -> AccountSummary | None:
        return views.summary(self._ledger, account)

    def positions(self, account: str, strategy: str, *, by_strategy: bool) -> Sequence[BookPosition]:
        return views.positions(self._ledger, account, strategy, by_strategy=by_strategy)

    def entries(self, account: str, after: int, limit: int) -> tuple[Sequence[EntryView], int]:
        return views.entries(self._ledger, account, after, limit)

    def statements(self, account: str, day: str) -> Sequence[Statement]:
        return views.statements(self._ledger, account, day)

    def differences(self, account: str, after: int, limit: int) -> Sequence[FeeDifferenceView]:
        return views.differences(self._ledger, account, after, limit)

    def equity_curve(self, account: str) -> Sequence[EquityPoint]:
        return views.equity_curve(self._ledger, account)


@contextlib.asynccontextmanager
async def keeping(gateway: LiveGateway, journal: Path, folder: Path) -> AsyncIterator[LedgerKeeper]:
    """The ledger of this journal beside the gateway; at the end a checkpoint is saved in ``folder``."""
    with SqliteReader(journal) as source:
        path = folder / CHECKPOINT_NAME
        keeper = recovered(source, path)
        LOG.info("the books: %d journal entries", keeper.sequence)
        gateway.keep(keeper)
        following = asyncio.create_task(keeper.catch_up(gateway))
        try:
            yield keeper
            with contextlib.suppress(TimeoutError, MelticaError):
                async with asyncio.timeout(CATCH_UP_S):
                    await keeper.booked(await gateway.settled())
        finally:
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following
        await keeper.save()


def _write(path: Path, sequence: int, parts: list[bytes], place: bytes) -> None:
    checkpoint_files.write(path, checkpoint.sealed(sequence, parts, place))
