"""Group commit for asyncio: one flush for all that arrived while the last one was under way.

seq = writer.append(payload, time_ns)      # at once: ordered and chained, not yet safe
await writer.durable(seq)                  # now it may be acted on: sent, answered, published
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from queue import SimpleQueue
from typing import Any, Final, NamedTuple, Self

from meltica.domain.errors import FieldError
from meltica.journal.chain import entry_hash
from meltica.journal.entry import Entry, Head
from meltica.journal.errors import JournalClosedError, JournalFailedError, JournalFullError
from meltica.journal.port import JournalStore, PartRef
from meltica.journal.snapshots import SNAPSHOTS_KEPT

MAX_COMMIT_ENTRIES: Final = 1_024  # One commit stays below some ten milliseconds, so that the next does not wait long
MAX_PAYLOAD_BYTES: Final = 1 << 20  # A thousand times a usual entry: more is a bug of the caller
ROOM_ENTRIES: Final = 8_192  # Waiting entries at which `has_room` says no: about 0.3 s of work for the disk
MAX_WAITING_ENTRIES: Final = (
    16_384  # Hard stop. The half above ROOM_ENTRIES is for what cannot be refused: fills, kills
)
MAX_WAITING_BYTES: Final = 64 << 20  # The same in memory
_MAX_TIME_NS: Final = 2**63 - 1  # SQLite's and PostgreSQL's integers


class _SnapshotJob(NamedTuple):
    seq: int
    format_version: int
    state: bytes
    parts: tuple[PartRef, ...]
    done: asyncio.Future[None]


class _PartJob(NamedTuple):
    seq: int
    state: bytes
    kept: bool
    done: asyncio.Future[PartRef]


class _Stop(NamedTuple):
    """The last thing in the queue."""


_Other = _SnapshotJob | _PartJob | _Stop
_Item = Entry | _Other


class GroupCommitWriter:
    """Owns the store and the thread that commits. Made, used and closed on one event loop.

    Bounds: a driver asks ``has_room`` *before* it steps the engine with something that may be refused (an order),
    and ``await room()`` slows a producer down; what may not be refused is appended all the same, up to
    ``MAX_WAITING_*``, where ``append`` raises JournalFullError having done nothing.

    Failure is final. After the first error of a write or a flush no further byte is written (a flush that failed
    once may "succeed" the second time although the pages are gone), every waiter and every later ``append`` gets
    JournalFailedError, and ``on_failure`` is called once, on the loop. What was durable before stays durable; the
    rest may or may not be.

    ``on_durable(seq)`` is called on the loop after each commit, in order, before the waiters of that commit run; an
    exception from it is a failure too, since somebody's books would fall behind the log.
    """

    def __init__(
        self,
        store: JournalStore,
        on_failure: Callable[[JournalFailedError], None],
        on_durable: Callable[[int], None] | None = None,
    ) -> None:
        self._store = store
        self._on_failure = on_failure
        self._on_durable = on_durable
        self._loop = asyncio.get_running_loop()
        self._head: Head = store.head()
        self._durable_seq = self._head.seq
        self._waiting_bytes = 0
        self._waiters: list[
            tuple[int, int, asyncio.Future[None]]
        ] = []  # A heap by seq; the count keeps futures uncompared
        self._waiters_made = 0
        self._snapshots: set[asyncio.Future[Any]] = set()
        self._room: asyncio.Event = asyncio.Event()
        self._room.set()
        self._failure: JournalFailedError | None = None
        self._closing = False
        self._stopped: asyncio.Future[None] = self._loop.create_future()
        self._queue: SimpleQueue[_Item] = SimpleQueue()  # Bounded by append, which knows what waits
        self._begin()

    @property
    def head(self) -> Head:
        """The last appended entry, durable or not."""
        return self._head

    @property
    def durable_seq(self) -> int:
        return self._durable_seq

    @property
    def waiting_entries(self) -> int:
        """Appended, not yet durable."""
        return self._head.seq - self._durable_seq

    @property
    def failure(self) -> JournalFailedError | None:
        return self._failure

    @property
    def has_room(self) -> bool:
        return self.waiting_entries < ROOM_ENTRIES and self._waiting_bytes < MAX_WAITING_BYTES // 2

    def append(self, payload: bytes, time_ns: int) -> int:
        """The new entry's seq. Refused without effect: FieldError, JournalFullError, JournalClosedError,
        JournalFailedError."""
        self._refuse_unless_open()
        if not isinstance(payload, bytes) or not 0 < len(payload) <= MAX_PAYLOAD_BYTES:
            raise FieldError("payload", payload, f"1 to {MAX_PAYLOAD_BYTES} bytes are stored")
        if not 0 <= time_ns <= _MAX_TIME_NS:
            raise FieldError("time_ns", time_ns, "nanoseconds since 1970 that fit 63 bits are stored")
        if self.waiting_entries >= MAX_WAITING_ENTRIES or self._waiting_bytes + len(payload) > MAX_WAITING_BYTES:
            raise JournalFullError(
                f"journal {self._store.name}: {self.waiting_entries} entries, {self._waiting_bytes} bytes, "
                "wait for the disk"
            )
        seq = self._head.seq + 1
        digest = entry_hash(self._head.hash, seq, time_ns, payload)
        self._head = Head(seq, digest)
        self._waiting_bytes += len(payload)
        self._queue.put(Entry(seq, time_ns, payload, digest))
        return seq

    async def durable(self, seq: int) -> None:
        """Returns when entry ``seq`` is on the disk. Any number of tasks may wait; cancelling one disturbs no other."""
        if seq <= self._durable_seq:
            return
        if seq > self._head.seq:
            raise FieldError("seq", seq, f"nothing above {self._head.seq} was appended")
        if self._failure is not None:
            raise self._failed()
        waiter = self._loop.create_future()
        self._waiters_made += 1
        heappush(self._waiters, (seq, self._waiters_made, waiter))
        await waiter

    async def flush(self) -> None:
        """Everything appended before this call is durable."""
        await self.durable(self._head.seq)

    async def room(self) -> None:
        """Returns when ``has_room`` is true: back-pressure for whoever can wait."""
        while not self.has_room:
            if self._failure is not None:
                raise self._failed()
            self._room.clear()
            await self._room.wait()

    async def save_snapshot(self, seq: int, format_version: int, state: bytes, parts: Sequence[PartRef] = ()) -> None:
        """``state`` is the engine's after entry ``seq``, with the ``parts`` that were saved before; what was appended
        up to here is committed first. Durable on return."""
        done: asyncio.Future[None] = self._job(seq)
        self._queue.put(_SnapshotJob(seq, format_version, state, tuple(parts), done))
        await done

    async def save_part(self, seq: int, state: bytes, *, kept: bool) -> PartRef:
        """A part of the snapshot of entry ``seq`` that is to come. Durable on return; commits go on in between."""
        done: asyncio.Future[PartRef] = self._job(seq)
        self._queue.put(_PartJob(seq, state, kept, done))
        return await done

    def _job(self, seq: int) -> asyncio.Future[Any]:
        self._refuse_unless_open()
        if not 0 < seq <= self._head.seq:
            raise FieldError("seq", seq, f"entries 1 to {self._head.seq} are known")
        done: asyncio.Future[Any] = self._loop.create_future()
        self._snapshots.add(done)
        done.add_done_callback(self._snapshots.discard)
        return done

    async def close(self) -> None:
        """Flushes, stops the thread, closes the store. Idempotent; after a failure it only waits for the thread."""
        if not self._closing:
            self._closing = True
            self._queue.put(_Stop())
        await asyncio.shield(self._stopped)
        self._ended()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _refuse_unless_open(self) -> None:
        if self._failure is not None:
            raise self._failed()
        if self._closing:
            raise JournalClosedError(f"journal {self._store.name} was closed")

    # ---- the thread; a simulator that has no time of its own puts its turns here instead ----

    def _begin(self) -> None:
        self._thread = threading.Thread(target=self._run, name="journal-commit", daemon=True)
        self._thread.start()

    def _ended(self) -> None:
        self._thread.join()

    # ---- on the loop, told by the thread ----

    def _committed(self, seq: int, size_bytes: int) -> None:
        if self._failure is not None:
            return
        self._durable_seq = seq
        self._waiting_bytes -= size_bytes
        if self._on_durable is not None:
            try:
                self._on_durable(seq)
            except Exception as error:  # noqa: BLE001 - whatever it was, the caller's books now lag behind the log
                self._fail(error)
                return
        waiters = self._waiters
        while waiters and waiters[0][0] <= seq:
            _resolve(heappop(waiters)[2])
        if self.has_room:
            self._room.set()

    def _fail(self, cause: BaseException) -> None:
        if self._failure is not None:
            return
        self._failure = JournalFailedError(self._store.name, cause)
        self._queue.put(_Stop())  # Wakes the thread if it sleeps; it sees the failure before it writes anything
        for waiter in [waiter for _, _, waiter in self._waiters] + list(self._snapshots):
            if not waiter.done():
                waiter.set_exception(self._failed())
        self._waiters.clear()
        self._room.set()
        self._on_failure(self._failure)

    def _failed(self) -> JournalFailedError:
        """A fresh one for each who is told: a shared exception would collect all their tracebacks."""
        assert self._failure is not None  # noqa: S101 - says to mypy what every caller has looked at
        return JournalFailedError(self._store.name, self._failure.cause)

    def _thread_ended(self, cause: BaseException | None) -> None:
        if cause is not None:
            self._fail(cause)
        self._stopped.set_result(None)

    # ---- in the commit thread ----

    def _run(self) -> None:
        cause: BaseException | None = None
        try:
            while self._commit():
                pass
        except BaseException as error:  # noqa: BLE001 - any error here is final, and told to the loop
            cause = error
        self._wind_up(cause)

    def _wind_up(self, cause: BaseException | None) -> None:
        try:
            if cause is None and self._failure is None:
                self._store.close()
        except BaseException as error:  # noqa: BLE001 - as above
            cause = error
        if cause is not None or self._failure is not None:
            with contextlib.suppress(Exception):  # The failure that counts is already known
                self._store.abandon()
        with contextlib.suppress(RuntimeError):  # The loop is closed: nobody is left to tell
            self._loop.call_soon_threadsafe(self._thread_ended, cause)

    def _commit(self) -> bool:
        """What waits, in one transaction; False: it was the last."""
        batch, other = self._next_batch()
        if self._failure is not None:
            return False
        if batch:
            self._store.append(batch)
            size_bytes = sum([len(entry.payload) for entry in batch])
            self._loop.call_soon_threadsafe(self._committed, batch[-1].seq, size_bytes)
        if isinstance(other, _SnapshotJob):
            seq, version, state, parts, done = other
            self._store.save_snapshot(seq, version, state, parts, keep=SNAPSHOTS_KEPT)
            self._loop.call_soon_threadsafe(_resolve, done)
        elif isinstance(other, _PartJob):
            ref = self._store.save_part(other.seq, other.state, kept=other.kept)
            self._loop.call_soon_threadsafe(_resolve, other.done, ref)
        return not isinstance(other, _Stop)

    def _next_batch(self) -> tuple[list[Entry], _Other | None]:
        """Sleeps until there is something, then takes all entries that wait, up to the bound or to what is no entry."""
        batch: list[Entry] = []
        item = self._queue.get()
        while isinstance(item, Entry):
            batch.append(item)
            if len(batch) >= MAX_COMMIT_ENTRIES or self._queue.empty():
                return batch, None
            item = self._queue.get()
        return batch, item


def _resolve(future: asyncio.Future[Any], result: object = None) -> None:
    if not future.done():  # Its task was cancelled
        future.set_result(result)
