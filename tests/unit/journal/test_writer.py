"""Group commit: order, waiting, bounds, and the rule that a failure is final."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest

from meltica.domain.errors import FieldError
from meltica.journal import writer as journal_writer
from meltica.journal.chain import genesis_hash
from meltica.journal.entry import Entry, Head
from meltica.journal.errors import JournalClosedError, JournalFailedError, JournalFullError
from meltica.journal.port import PartRef
from meltica.journal.reader import SqliteReader
from meltica.journal.snapshots import SNAPSHOTS_KEPT, newest_valid
from meltica.journal.store import SqliteStore
from meltica.journal.verify import Report, verify
from meltica.journal.writer import GroupCommitWriter


class HeldStore:
    """A store whose disk the test holds in its hand: a commit ends at ``release``, or fails with ``error``."""

    name = "held"
    journal_id = bytes(16)

    def __init__(self) -> None:
        self.committed: list[list[int]] = []
        self.error: Exception | None = None
        self.ended = ""
        self.calls_after_failure = 0
        self.asked = 0
        self._permits = threading.Semaphore(0)
        self._failed = False

    def head(self) -> Head:
        return Head(0, genesis_hash(self.journal_id))

    def release(self, commits: int = 1) -> None:
        self._permits.release(commits)

    def append(self, entries: Sequence[Entry]) -> None:
        self.calls_after_failure += self._failed
        self.asked += 1
        assert self._permits.acquire(timeout=30)
        if self.error is not None:
            self._failed = True
            raise self.error
        self.committed.append([entry.seq for entry in entries])

    def save_part(self, seq: int, state: bytes, *, kept: bool) -> PartRef:
        self.calls_after_failure += self._failed
        return PartRef(seq, bytes(32))

    def save_snapshot(
        self, seq: int, format_version: int, state: bytes, parts: Sequence[PartRef] = (), *, keep: int
    ) -> None:
        self.calls_after_failure += self._failed

    def source(self) -> SqliteReader:
        raise AssertionError("the writer only writes")

    def close(self) -> None:
        self.ended = "closed"

    def abandon(self) -> None:
        self.ended = "abandoned"


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - what is waited for happens in a thread of the journal
        await asyncio.sleep(0.001)


def block_until(condition: Callable[[], bool]) -> None:
    """Keeps the loop from hearing of it meanwhile."""
    while not condition():
        time.sleep(0.001)


class Told:
    """Everything the writer tells its driver."""

    def __init__(self) -> None:
        self.failures: list[JournalFailedError] = []
        self.durable: list[int] = []


@pytest.fixture
def held() -> HeldStore:
    return HeldStore()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def writer(held: HeldStore, told: Told) -> AsyncIterator[GroupCommitWriter]:
    writer = GroupCommitWriter(held, told.failures.append, told.durable.append)
    yield writer
    held.release(1_000)
    await writer.close()


async def test_append_answers_at_once_and_durable_waits_for_the_flush(writer, held: HeldStore, told: Told) -> None:
    assert [writer.append(b"a", 1), writer.append(b"b", 2)] == [1, 2]
    waiting = asyncio.ensure_future(writer.durable(2))
    await asyncio.sleep(0.05)
    assert (writer.durable_seq, writer.waiting_entries, waiting.done()) == (0, 2, False)
    held.release(2)
    await waiting
    assert (writer.durable_seq, writer.waiting_entries, told.durable[-1]) == (2, 0, 2)


async def test_all_that_arrives_during_a_commit_shares_the_next_one(writer, held: HeldStore, told: Told) -> None:
    writer.append(b"first", 1)
    await until(lambda: held.asked == 1)
    for n in range(50):
        writer.append(b"later %d" % n, 2)
    held.release(2)
    await writer.flush()
    assert held.committed == [[1], list(range(2, 52))]
    assert told.durable == [1, 51]


async def test_a_commit_has_a_bound(writer, held: HeldStore) -> None:
    for _ in range(3_000):
        writer.append(b"x", 1)
    held.release(10)
    await writer.flush()
    assert max(len(commit) for commit in held.committed) <= journal_writer.MAX_COMMIT_ENTRIES
    assert [seq for commit in held.committed for seq in commit] == list(range(1, 3_001))


async def test_waiters_in_any_order_are_woken_exactly_when_theirs_is_durable(writer, held: HeldStore) -> None:
    writer.append(b"1", 1)
    await until(lambda: held.asked == 1)
    writer.append(b"2", 1)
    writer.append(b"3", 1)
    woken: list[int] = []

    async def wait(seq: int) -> None:
        await writer.durable(seq)
        woken.append(seq)

    tasks = [asyncio.create_task(wait(seq)) for seq in (3, 1, 2, 1, 3)]
    held.release()
    await until(lambda: len(woken) == 2)
    assert woken == [1, 1]
    held.release(2)
    await asyncio.gather(*tasks)
    assert sorted(woken) == [1, 1, 2, 3, 3]


async def test_the_driver_hears_of_a_commit_before_its_waiters_run(held: HeldStore) -> None:
    story: list[str] = []
    writer = GroupCommitWriter(held, lambda _: None, lambda seq: story.append(f"durable {seq}"))
    held.release(10)
    await writer.durable(writer.append(b"a", 1))
    story.append("answered 1")
    await writer.close()
    assert story == ["durable 1", "answered 1"]


async def test_cancelling_one_waiter_disturbs_no_other(writer, held: HeldStore) -> None:
    seq = writer.append(b"a", 1)
    gone, stays = asyncio.ensure_future(writer.durable(seq)), asyncio.ensure_future(writer.durable(seq))
    await asyncio.sleep(0)
    gone.cancel()
    held.release()
    await stays
    assert gone.cancelled()


@pytest.mark.parametrize(
    ("payload", "time_ns", "field"),
    [
        (b"", 1, "payload"),
        (b"x" * (journal_writer.MAX_PAYLOAD_BYTES + 1), 1, "payload"),
        ("text", 1, "payload"),
        (bytearray(b"may change"), 1, "payload"),
        (b"x", -1, "time_ns"),
        (b"x", 2**63, "time_ns"),
    ],
)
async def test_what_cannot_be_stored_is_refused_and_changes_nothing(writer, payload, time_ns: int, field: str) -> None:
    before = writer.head
    with pytest.raises(FieldError, match=field):
        writer.append(payload, time_ns)
    assert writer.head == before


async def test_waiting_for_what_was_never_appended_is_refused(writer) -> None:
    with pytest.raises(FieldError, match="nothing above 0"):
        await writer.durable(1)


async def test_the_queue_has_a_soft_and_a_hard_bound(writer, held: HeldStore) -> None:
    while writer.has_room:
        writer.append(b"order", 1)
    assert writer.waiting_entries == journal_writer.ROOM_ENTRIES
    back_pressure = asyncio.ensure_future(writer.room())
    while writer.waiting_entries < journal_writer.MAX_WAITING_ENTRIES:
        writer.append(b"fill", 1)  # What may not be refused still goes in
    head = writer.head
    with pytest.raises(JournalFullError, match="16384 entries"):
        writer.append(b"one too many", 1)
    assert (writer.head, back_pressure.done()) == (head, False)
    held.release(100)
    await back_pressure
    assert writer.has_room


async def test_the_queue_is_bounded_in_bytes_too(writer, held: HeldStore) -> None:
    for _ in range(64):
        writer.append(b"x" * journal_writer.MAX_PAYLOAD_BYTES, 1)
    with pytest.raises(JournalFullError):
        writer.append(b"x", 1)
    assert not writer.has_room
    held.release(100)
    await writer.flush()
    assert writer.has_room


async def test_a_failure_is_final_and_told_once(writer, held: HeldStore, told: Told) -> None:
    held.release()
    await writer.durable(writer.append(b"safe", 1))
    held.error = OSError(5, "Input/output error")
    seqs = [writer.append(b"lost %d" % n, 2) for n in range(10)]
    held.release()
    outcomes = await asyncio.gather(*[writer.durable(seq) for seq in seqs for _ in (1, 2)], return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [JournalFailedError] * 20
    assert len({id(outcome) for outcome in outcomes}) == 20
    with pytest.raises(JournalFailedError, match="Input/output error"):
        writer.append(b"after", 3)
    with pytest.raises(JournalFailedError):
        await writer.durable(5)
    with pytest.raises(JournalFailedError):
        await writer.save_snapshot(1, 1, b"state")
    await writer.durable(1)  # What was durable stays so
    held.error = None
    held.release(100)  # The disk is "good" again: too late
    await writer.close()
    assert (len(told.failures), told.durable, writer.durable_seq) == (1, [1], 1)
    assert (held.committed, held.calls_after_failure, held.ended) == ([[1]], 0, "abandoned")


async def test_room_and_snapshots_end_with_the_failure_too(writer, held: HeldStore) -> None:
    while writer.has_room:
        writer.append(b"x", 1)
    waiting = [asyncio.ensure_future(writer.room()), asyncio.ensure_future(writer.save_snapshot(1, 1, b"state"))]
    await asyncio.sleep(0)
    held.error = sqlite3.OperationalError("database or disk is full")
    held.release()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [JournalFailedError] * 2


async def test_a_driver_that_fails_on_a_commit_stops_the_journal(held: HeldStore) -> None:
    failures: list[JournalFailedError] = []

    def stumble(seq: int) -> None:
        raise KeyError(seq)

    writer = GroupCommitWriter(held, failures.append, stumble)
    held.release(10)
    with pytest.raises(JournalFailedError, match="KeyError"):
        await writer.durable(writer.append(b"a", 1))
    with pytest.raises(JournalFailedError):
        writer.append(b"b", 1)
    await writer.close()
    assert (len(failures), held.ended) == (1, "abandoned")


async def test_after_a_stumble_no_further_commit_begins_and_a_second_fault_is_not_told(held: HeldStore) -> None:
    failures: list[JournalFailedError] = []

    def stumble(seq: int) -> None:
        held.error = OSError(5, "and the disk fails as well")
        raise KeyError(seq)

    writer = GroupCommitWriter(held, failures.append, stumble)
    writer.append(b"first", 1)
    await until(lambda: held.asked == 1)
    for _ in range(3 * journal_writer.MAX_COMMIT_ENTRIES):
        writer.append(b"later", 1)
    held.release()
    block_until(lambda: held.asked == 2)  # One commit is under way when the driver stumbles
    await until(lambda: bool(failures))
    held.release(100)
    await writer.close()
    assert (len(failures), held.asked, held.committed, writer.durable_seq) == (1, 2, [[1]], 1)


async def test_after_a_stumble_what_waits_is_not_written(held: HeldStore) -> None:
    failures: list[JournalFailedError] = []

    def stumble(seq: int) -> None:
        raise KeyError(seq)

    writer = GroupCommitWriter(held, failures.append, stumble)
    writer.append(b"first", 1)
    await until(lambda: held.asked == 1)
    for _ in range(3 * journal_writer.MAX_COMMIT_ENTRIES):
        writer.append(b"later", 1)
    held.release()
    block_until(lambda: held.asked == 2)
    await until(lambda: bool(failures))
    held.release(100)
    await writer.close()
    assert (held.asked, len(held.committed)) == (2, 2)


async def test_close_flushes_and_is_final(held: HeldStore) -> None:
    writer = GroupCommitWriter(held, lambda _: None)
    writer.append(b"a", 1)
    held.release(10)
    await asyncio.gather(writer.close(), writer.close())
    await writer.close()
    assert (held.committed, held.ended) == ([[1]], "closed")
    with pytest.raises(JournalClosedError):
        writer.append(b"b", 1)


async def test_on_a_real_file_many_tasks_write_one_verified_chain(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    durable: list[int] = []
    async with GroupCommitWriter(SqliteStore(path), pytest.fail, durable.append) as writer:

        async def trade(name: int) -> list[tuple[int, bytes]]:
            mine = []
            for n in range(50):
                payload = b"%d/%d" % (name, n)
                seq = writer.append(payload, n)
                await writer.durable(seq)
                assert writer.durable_seq >= seq
                mine.append((seq, payload))
            return mine

        told = dict(pair for pairs in await asyncio.gather(*[trade(name) for name in range(40)]) for pair in pairs)
        head = writer.head
    assert durable == sorted(set(durable))
    report = verify(path, expected_head=head)
    assert (report.ok, report.entries, report.head) == (True, 2_000, head)
    with SqliteReader(path) as source:
        assert {entry.seq: entry.payload for entry in source.read(1, 3_000)} == told


async def test_verify_works_while_it_writes(tmp_path: Path) -> None:
    path = tmp_path / "journal"

    def judge() -> list[Report]:
        reports = [verify(path)]
        while len(reports) < 20 or reports[-1].entries < 200:
            reports.append(verify(path))
        return reports

    async with GroupCommitWriter(SqliteStore(path), pytest.fail) as writer:
        judging = asyncio.create_task(asyncio.to_thread(judge))
        while not judging.done():
            await writer.durable(writer.append(b"x" * 200, 1))
            if writer.durable_seq % 50 == 0:
                await writer.save_snapshot(writer.durable_seq, 1, b"state" * 1_000)
        reports = await judging
    assert [report for report in reports if not report.ok] == []


async def test_the_chain_goes_on_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    for start in (0, 3, 6):
        async with GroupCommitWriter(SqliteStore(path), pytest.fail) as writer:
            assert writer.durable_seq == start
            assert [writer.append(b"x", 1) for _ in range(3)] == [start + 1, start + 2, start + 3]
    assert verify(path).entries == 9


async def test_a_snapshot_follows_the_entries_before_it_and_only_the_newest_stay(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    async with GroupCommitWriter(SqliteStore(path), pytest.fail) as writer:
        for n in range(SNAPSHOTS_KEPT + 3):
            seq = writer.append(b"x", 1)
            await writer.save_snapshot(seq, 1, b"state %d" % n)  # Not awaited durable first: the queue keeps the order
            assert writer.durable_seq == seq
        with pytest.raises(FieldError, match="entries 1 to 6 are known"):
            await writer.save_snapshot(7, 1, b"the future")
    with SqliteReader(path) as source:
        assert source.snapshot_seqs() == [6, 5, 4]
        found = newest_valid(source, format_version=1)
    assert (found.snapshot.seq, found.snapshot.state, found.warnings, found.next_seq) == (6, b"state 5", (), 7)
    assert verify(path).snapshots == SNAPSHOTS_KEPT
