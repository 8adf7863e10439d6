"""The ledger beside a journal on disk: from the beginning, from a checkpoint, from one that can't be trusted."""

from __future__ import annotations

import asyncio
import logging

import pytest

from meltica.app.ledger_keeper import CHECKPOINT_NAME, LedgerKeeper, recovered
from meltica.domain.cash import BookCash, CashKind
from meltica.domain.commands import SubmitOrder
from meltica.domain.errors import NotAcceptingError
from meltica.domain.inputs import Record, encode_record
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.order_events import TradeCorrected
from meltica.domain.reports import ExecType
from meltica.journal.reader import SqliteReader
from meltica.journal.store import SqliteStore
from meltica.journal.writer import GroupCommitWriter
from meltica.ledger import checkpoint
from meltica.ledger.ledger import Ledger
from tests.engines import BTC
from tests.unit.control.memory_gateway import MemoryGateway


def deposit(number: int, **wrong) -> BookCash:
    fields = {"account": "main", "kind": CashKind.DEPOSIT, "currency": "USDT", "nanos": 10**9, "reason": "seed"}
    return BookCash(request_id=f"d{number}", actor="system:test", **{**fields, **wrong})


async def written(path, gateway: MemoryGateway, first: int = 0) -> None:
    """The gateway's journal on disk, from its entry ``first`` on."""

    def fail(error: BaseException) -> None:
        raise error

    async with GroupCommitWriter(SqliteStore(path), fail, lambda _: None) as writer:
        for entry, record in gateway.journal[first:]:
            sequence = writer.append(encode_record(record), entry.time_ns)
        await writer.durable(sequence)


@pytest.fixture
async def world(tmp_path):
    gateway = MemoryGateway()
    for number in range(20):
        gateway.step(deposit(number))
    await written(tmp_path / "journal", gateway)
    return gateway, tmp_path


def keeper_of(folder) -> tuple[LedgerKeeper, SqliteReader]:
    source = SqliteReader(folder / "journal")
    path = folder / CHECKPOINT_NAME
    return recovered(source, path), source


def digest_of(keeper: LedgerKeeper) -> str:
    return checkpoint.digest(keeper._ledger)


async def test_a_checkpoint_gives_the_same_ledger_as_the_whole_journal(world, caplog):
    gateway, folder = world
    keeper, source = keeper_of(folder)
    assert digest_of(keeper) == digest_of(gateway.accounting)
    await keeper.save()
    source.close()
    saved = checkpoint.opened((folder / CHECKPOINT_NAME).read_bytes())
    assert saved.sequence == gateway.accounting.sequence
    for number in range(20, 25):
        gateway.step(deposit(number))
    await written(folder / "journal", gateway, first=saved.sequence)
    again, source = keeper_of(folder)
    assert digest_of(again) == digest_of(gateway.accounting)
    assert not caplog.records, "no warning"
    source.close()


@pytest.mark.parametrize("fault", ["empty", "cut", "flipped", "other journal", "beyond the end"])
async def test_one_that_cant_be_trusted_is_passed_over(world, fault, caplog):
    gateway, folder = world
    keeper, source = keeper_of(folder)
    await keeper.save()
    path = folder / CHECKPOINT_NAME
    data = path.read_bytes()
    match fault:
        case "empty":
            path.write_bytes(b"")
        case "cut":
            path.write_bytes(data[:-1])
        case "flipped":
            path.write_bytes(data[:200] + bytes([data[200] ^ 1]) + data[201:])
        case "other journal":
            path.write_bytes(checkpoint.encode(keeper._ledger, b"another"))
        case _:
            gateway.step(deposit(99))
            path.write_bytes(checkpoint.encode(gateway.accounting._ledger, b"any"))
            gateway.journal.pop()
    with caplog.at_level(logging.WARNING):
        again = recovered(source, path)
    assert "rebuilt from the journal" in caplog.text
    assert digest_of(again) == digest_of(keeper)
    source.close()


async def test_the_checkpoint_of_another_journal_is_passed_over(world, tmp_path_factory, caplog):
    gateway, folder = world
    other = tmp_path_factory.mktemp("other")
    await written(other / "journal", gateway)  # The same records, and yet another journal.
    keeper, source = keeper_of(folder)
    await keeper.save()
    (other / CHECKPOINT_NAME).write_bytes((folder / CHECKPOINT_NAME).read_bytes())
    again, others = keeper_of(other)
    assert "rebuilt from the journal" in caplog.text
    assert digest_of(again) == digest_of(keeper)
    source.close()
    others.close()


async def test_it_follows_and_those_who_wait_are_told():
    gateway = MemoryGateway()
    keeper = LedgerKeeper(Ledger())
    following = asyncio.create_task(keeper.catch_up(gateway))
    await keeper.booked(len(gateway.journal))
    waiting = asyncio.create_task(keeper.booked(len(gateway.journal) + 1))
    await asyncio.sleep(0)
    assert not waiting.done()
    gateway.step(deposit(1))
    keeper.take(len(gateway.journal), *_last(gateway))
    await asyncio.wait_for(waiting, 5)
    assert keeper.summary("main").balances[0].cash == 10**9
    keeper.take(len(gateway.journal), *_last(gateway))
    assert keeper.summary("main").balances[0].cash == 10**9, "once"
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)


def _last(gateway: MemoryGateway):
    entry, record = gateway.journal[-1]
    return entry.time_ns, record


async def test_what_comes_while_a_checkpoint_is_taken_is_booked_after_it(world):
    gateway, folder = world
    keeper, source = keeper_of(folder)
    before = keeper.sequence
    saving = asyncio.create_task(keeper.save())
    await asyncio.sleep(0)
    gateway.step(deposit(77))
    keeper.take(len(gateway.journal), *_last(gateway))
    assert keeper.sequence == before, "not under its hands"
    await saving
    assert keeper.sequence == before + 1
    assert checkpoint.opened((folder / CHECKPOINT_NAME).read_bytes()).sequence == before
    assert digest_of(keeper) == digest_of(gateway.accounting)
    source.close()


async def test_a_disk_that_takes_no_checkpoint_stops_nothing(world, caplog):
    _, folder = world
    keeper, source = keeper_of(folder)
    keeper._path = folder / "missing" / "ledger"
    await keeper.save()
    assert "no checkpoint of the ledger was saved" in caplog.text
    await keeper.booked(keeper.sequence)
    source.close()


async def test_a_ledger_that_failed_says_so_to_everybody(caplog):
    gateway = MemoryGateway()
    keeper = LedgerKeeper(Ledger())
    for entry, record in gateway.journal:
        keeper.take(entry.sequence, entry.time_ns, record)
    keeper._ledger.tables.instruments.clear()
    waiting = asyncio.create_task(keeper.booked(10**6))
    await asyncio.sleep(0)
    gateway.step(deposit(1, kind=CashKind.FEE, instrument=BTC))
    keeper.take(len(gateway.journal), *_last(gateway))
    with pytest.raises(NotAcceptingError, match="the ledger stopped at journal entry"):
        await asyncio.wait_for(waiting, 5)
    with pytest.raises(NotAcceptingError):
        await keeper.booked(0)
    with pytest.raises(NotAcceptingError):
        await anext(keeper.changes())
    assert "trading goes on" in caplog.text


async def test_a_start_after_an_entry_that_cant_be_booked_has_no_books_and_goes_on(world, caplog):
    gateway, folder = world
    entry, record = gateway.journal[-1]
    fill = TradeCorrected(
        order_id=1,
        account="main",
        instrument=BTC,
        reference_execution_id="nobody's",
        execution_id="e2",
        quantity_lots=1,
        price_ticks=1,
        fee_nanos=0,
        cumulative_lots=1,
        leaves_lots=0,
        time_ns=entry.time_ns,
    )
    gateway.journal.append((entry, Record(record.input, (fill,))))
    await written(folder / "journal", gateway, first=len(gateway.journal) - 1)
    keeper, source = keeper_of(folder)
    with pytest.raises(NotAcceptingError, match="the ledger stopped at journal entry"):
        await keeper.booked(0)
    assert keeper.custody("BINANCE", "main", "USDT") is None
    keeper.take(keeper.sequence + 1, entry.time_ns, record)
    await keeper.save()
    assert not (folder / CHECKPOINT_NAME).exists(), "half of an entry may be booked in it"
    assert "trading goes on" in caplog.text
    source.close()


async def test_a_long_correction_is_made_aside_and_everybody_waits_for_it():
    gateway = MemoryGateway()
    order = gateway.step(submit()).events[0]
    for number in range(40):
        gateway.fill(order.client_order_id, f"x{number}", 10, 6_000_000 + number)
    keeper = LedgerKeeper(Ledger(), long_rows=30)
    for entry, record in gateway.journal:
        keeper.take(entry.sequence, entry.time_ns, record)
    for number in (1, 2):
        gateway.report(
            order.client_order_id,
            ExecType.TRADE_CANCEL,
            execution_id=f"b{number}",
            reference_execution_id=f"x{number}",
        )
        keeper.take(len(gateway.journal), *_last(gateway))
    gateway.step(deposit(1))
    keeper.take(len(gateway.journal), *_last(gateway))
    assert keeper.sequence < len(gateway.journal), "it takes its time"
    looking = asyncio.create_task(keeper.booked(0))
    await asyncio.sleep(0)
    assert not looking.done(), "nobody looks at a ledger that a thread is at work on"
    changes = keeper.changes()
    waiting = asyncio.ensure_future(anext(changes))
    await asyncio.wait_for(keeper.booked(len(gateway.journal)), 10)
    assert await asyncio.wait_for(waiting, 10) <= len(gateway.journal)
    assert digest_of(keeper) == digest_of(gateway.accounting)
    assert keeper.positions("main", "", by_strategy=False)[0].lots == 380


def submit() -> SubmitOrder:
    return SubmitOrder(
        request_id="o",
        actor="system:test",
        account="main",
        strategy="a",
        instrument=BTC,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        quantity_lots=1000,
        price_ticks=6_000_000,
    )
