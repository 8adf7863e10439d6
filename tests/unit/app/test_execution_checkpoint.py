"""The execution figures beside a journal on disk: with a checkpoint, without, with one that can't be trusted; and
whatever moment the power fails in."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from meltica.analytics import checkpoint
from meltica.app import execution_keeper
from meltica.app.execution_keeper import CHECKPOINT_NAME, ExecutionKeeper
from meltica.domain.commands import SubmitOrder
from meltica.domain.errors import NotAcceptingError
from meltica.domain.execution import ExecutionFilter, GroupBy
from meltica.domain.inputs import Record, decode_record, encode_record
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.journal.reader import SqliteReader, entries
from meltica.journal.store import SqliteStore
from meltica.journal.writer import GroupCommitWriter
from tests.engines import BTC
from tests.unit.control.memory_gateway import MemoryGateway

ALL = ExecutionFilter()
ORDERS = 12


def trade(gateway: MemoryGateway, number: int) -> None:
    """An order, acknowledged and filled: three entries."""
    command = SubmitOrder(
        request_id=f"o{number}",
        actor="system:test",
        account="main",
        strategy="a" if number % 3 else "b",
        instrument=BTC,
        side=Side.BUY if number % 2 else Side.SELL,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        quantity_lots=1000,
        price_ticks=6_000_000,
    )
    client_order_id = gateway.step(command).events[0].client_order_id
    gateway.fill(client_order_id, f"x{number}", 600, 6_000_000 + number)


async def written(path: Path, gateway: MemoryGateway, first: int = 0) -> None:
    """The gateway's journal on disk, from its entry ``first`` on."""

    def fail(error: BaseException) -> None:
        raise error

    async with GroupCommitWriter(SqliteStore(path), fail, lambda _: None) as writer:
        for entry, record in gateway.journal[first:]:
            sequence = writer.append(encode_record(record), entry.time_ns)
        await writer.durable(sequence)


@pytest.fixture
async def world(tmp_path: Path) -> tuple[MemoryGateway, Path]:
    gateway = MemoryGateway()
    for number in range(ORDERS):
        trade(gateway, number)
    await written(tmp_path / "journal", gateway)
    return gateway, tmp_path


class Opened:
    """A keeper beside the journal in a folder, as a start has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source = SqliteReader(folder / "journal")
        self.keeper = ExecutionKeeper(self.source.head().seq, self.source, folder / CHECKPOINT_NAME)
        self.read: list[int] = []

    async def records(self, after: int) -> AsyncIterator[tuple[int, int, Record]]:
        for entry in entries(self.source, after + 1):
            self.read.append(entry.seq)
            yield entry.seq, entry.time_ns, decode_record(entry.payload)

    async def start(self) -> ExecutionKeeper:
        await self.keeper.recall()
        await self.keeper.catch_up(self.records(self.keeper.sequence))
        return self.keeper


async def started(folder: Path) -> Opened:
    opened = Opened(folder)
    await opened.start()
    return opened


def known(keeper: ExecutionKeeper) -> object:
    return keeper.sequence, keeper.summaries(GroupBy.STRATEGY, ALL), keeper.orders(ALL, 0, 1_000)


async def saved(folder: Path) -> bytes:
    opened = await started(folder)
    await opened.keeper.save()
    opened.source.close()
    return (folder / CHECKPOINT_NAME).read_bytes()


async def test_a_start_reads_only_what_came_after_the_checkpoint(world, caplog) -> None:
    gateway, folder = world
    whole = await started(folder)
    assert whole.read[0] == 1
    await whole.keeper.save()
    before = whole.keeper.sequence
    trade(gateway, 99)
    await written(folder / "journal", gateway, first=before)
    again = await started(folder)
    assert again.read == [before + 1, before + 2]
    await whole.keeper.catch_up(whole.records(before))
    assert known(again.keeper) == known(whole.keeper)
    assert not caplog.records, "no warning"
    await again.keeper.save()
    assert checkpoint.SEAL.opened((folder / CHECKPOINT_NAME).read_bytes()).sequence == before + 2


async def test_whenever_the_power_fails_in_a_save_the_figures_are_the_same(world, caplog) -> None:
    """Every image that a save can leave: the new file at any length, beside no old one, an old one, or in its place."""
    gateway, folder = world
    expected = known((await started(folder)).keeper)
    newest = await saved(folder)
    half = MemoryGateway()
    half.journal = gateway.journal[: len(gateway.journal) // 2]
    other = folder / "half"
    other.mkdir()
    path, fresh = folder / CHECKPOINT_NAME, (folder / CHECKPOINT_NAME).with_suffix(".new")
    shorter = ExecutionKeeper(0)
    opened = Opened(folder)
    async for sequence, time_ns, record in opened.records(0):
        if sequence <= len(half.journal):
            shorter.take(sequence, time_ns, record)
    entry = opened.source.read(shorter.sequence, 1)[0]
    older = checkpoint.encode(shorter._executions, opened.source.journal_id + entry.hash)
    chance = random.Random(len(newest))
    lengths = {0, 1, len(newest) - 1, len(newest), *(chance.randrange(len(newest)) for _ in range(20))}
    for length in sorted(lengths):
        for standing in (None, older, newest, newest[:length]):
            path.unlink(missing_ok=True)
            if standing is not None:
                path.write_bytes(standing)
            fresh.write_bytes(newest[:length])
            start = await started(folder)
            assert known(start.keeper) == expected
            first = {None: 1, older: shorter.sequence + 1, newest: None}.get(standing, 1)
            assert start.read[:1] == ([] if first is None else [first])
            await start.keeper.save()
            start.source.close()
            if standing != newest:
                assert checkpoint.SEAL.opened(path.read_bytes()).sequence == start.keeper.sequence
    assert "they are folded anew" in caplog.text


@pytest.mark.parametrize("fault", ["empty", "flipped", "another place", "beyond the end", "no number"])
async def test_one_that_cant_be_trusted_is_passed_over(world, fault, caplog) -> None:
    gateway, folder = world
    expected = known((await started(folder)).keeper)
    data = await saved(folder)
    path = folder / CHECKPOINT_NAME
    figures = checkpoint.decode(data, _place(folder))
    match fault:
        case "empty":
            path.write_bytes(b"")
        case "flipped":
            path.write_bytes(data[:300] + bytes([data[300] ^ 1]) + data[301:])
        case "another place":
            path.write_bytes(checkpoint.encode(figures, b"another"))
        case "no number":
            path.write_bytes(data.replace(b"\xa8sequence" + bytes([figures.sequence]), b"\xa8sequence\xc0"))
        case _:
            trade(gateway, 99)
            entry, record = gateway.journal[-2]
            figures.apply(figures.sequence + 1, entry.time_ns, record)
            path.write_bytes(checkpoint.encode(figures, b"any"))
    with caplog.at_level(logging.WARNING):
        assert known((await started(folder)).keeper) == expected
    assert "they are folded anew" in caplog.text


def _place(folder: Path) -> bytes:
    with SqliteReader(folder / "journal") as source:
        return source.journal_id + source.head().hash


async def test_the_checkpoint_of_another_journal_is_passed_over(world, tmp_path_factory, caplog) -> None:
    gateway, folder = world
    other = tmp_path_factory.mktemp("other")
    await written(other / "journal", gateway)  # The same records, and yet another journal.
    (other / CHECKPOINT_NAME).write_bytes(await saved(folder))
    start = await started(other)
    assert "of another journal" in caplog.text
    assert start.read[0] == 1
    assert known(start.keeper) == known((await started(folder)).keeper)


async def test_figures_go_on_while_they_are_saved(world) -> None:
    gateway, folder = world
    start = await started(folder)
    before = start.keeper.sequence
    saving = asyncio.create_task(start.keeper.save())
    await asyncio.sleep(0)
    trade(gateway, 77)
    for sequence in (before + 1, before + 2):
        entry, record = gateway.journal[sequence - 1]
        start.keeper.take(sequence, entry.time_ns, record)
    assert start.keeper.order(ORDERS + 1) is not None, "nobody waits for a checkpoint"
    await saving
    again = checkpoint.decode((folder / CHECKPOINT_NAME).read_bytes(), _place(folder))
    assert (again.sequence, again.order(ORDERS + 1)) == (before, None)


async def test_one_is_saved_after_so_many_entries(world, monkeypatch) -> None:
    gateway, folder = world
    monkeypatch.setattr(execution_keeper, "SAVE_EVERY", 10)
    start = Opened(folder)
    task = asyncio.create_task(start.keeper.keep_up(start))
    async with asyncio.timeout(10):
        while not (folder / CHECKPOINT_NAME).exists():
            trade(gateway, len(gateway.journal))
            await written(folder / "journal", gateway, first=start.source.head().seq)
            for entry, record in gateway.journal[start.keeper.sequence :]:
                start.keeper.take(entry.sequence, entry.time_ns, record)
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert checkpoint.SEAL.opened((folder / CHECKPOINT_NAME).read_bytes()).sequence >= 10


async def test_a_disk_that_takes_none_or_gives_none_stops_nothing(world, caplog) -> None:
    _, folder = world
    start = await started(folder)
    start.keeper._path = folder / "missing" / "executions"
    await start.keeper.save()
    assert "no checkpoint of the execution figures was saved" in caplog.text
    assert start.keeper.order(1) is not None
    (folder / CHECKPOINT_NAME).mkdir()
    assert (await started(folder)).keeper.order(1) is not None
    assert "they are folded anew" in caplog.text


async def test_the_old_one_stands_until_the_new_one_is_whole(world) -> None:
    gateway, folder = world
    older = await saved(folder)
    beside = folder / "beside"
    beside.hardlink_to(folder / CHECKPOINT_NAME)
    start = await started(folder)
    await start.keeper.save()
    assert (folder / CHECKPOINT_NAME).samefile(beside), "nothing new is not written again"
    trade(gateway, 99)
    await written(folder / "journal", gateway, first=start.keeper.sequence)
    await start.keeper.catch_up(start.records(start.keeper.sequence))
    await start.keeper.save()
    assert beside.read_bytes() == older, "it was replaced, not written over"
    assert (folder / CHECKPOINT_NAME).read_bytes() != older


async def test_a_checkpoint_that_is_behind_takes_nothing_back(world) -> None:
    gateway, folder = world
    await saved(folder)
    trade(gateway, 99)
    late = Opened(folder)
    for entry, record in gateway.journal:
        late.keeper.take(entry.sequence, entry.time_ns, record)
    await late.keeper.recall()
    assert late.keeper.sequence == len(gateway.journal)
    assert late.keeper.order(ORDERS + 1) is not None


async def test_figures_that_failed_are_not_saved(world) -> None:
    gateway, folder = world
    start = await started(folder)
    start.keeper._executions._kept.marks = None
    trade(gateway, 5)
    entry, record = gateway.journal[-2]
    start.keeper.take(start.keeper.sequence + 1, entry.time_ns, record)
    with pytest.raises(NotAcceptingError):
        start.keeper.order(1)
    await start.keeper.save()
    assert not (folder / CHECKPOINT_NAME).exists()
