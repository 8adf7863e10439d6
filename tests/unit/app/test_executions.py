"""What the driver writes down beside its records, and the figures that are kept from them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from meltica.app.execution_keeper import ExecutionKeeper
from meltica.domain.commands import CancelOrder
from meltica.domain.errors import NotAcceptingError
from meltica.domain.execution import ExecutionFilter, GroupBy, Outcome, Stage
from meltica.domain.inputs import Record
from meltica.domain.market import BookInvalid, MarketTrade, MarkPrice
from meltica.domain.order_events import OrderSubmitted
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.domain.sight import Sight
from tests.engines import BTC, MARK_TICKS
from tests.unit.app.live import TARA, VENUE, Live, book, engage, submit, turns

ALL = ExecutionFilter()


@pytest.fixture
async def live(tmp_path: Path) -> Live:
    found = Live(tmp_path)
    found.open_up()
    return found


def report(live: Live, order_id: int, exec_type: ExecType, **facts: object) -> Record:
    said = ExecutionReport(venue=VENUE, client_order_id=f"m{order_id}", exec_type=exec_type, **facts)
    live.gateway.reported([said])
    live.journal.commit()
    return live.journal.records()[-1]


def fill(live: Live, order_id: int, name: str, lots: int = 40) -> Record:
    facts = {"execution_id": name, "last_quantity_lots": lots, "last_price_ticks": MARK_TICKS}
    return report(live, order_id, ExecType.TRADE, **facts)


async def test_the_market_is_seen_where_an_order_began_was_filled_or_ended_and_nowhere_else(live: Live) -> None:
    live.gateway.take(submit("r1"))
    assert live.journal.records()[-1].sights == (), "the prices stand in the input's mark"
    live.journal.commit()
    assert report(live, 1, ExecType.NEW).sights == ()
    live.gateway.on_market(book(1, MARK_TICKS - 5, MARK_TICKS + 3))
    levels = {"bid": (MARK_TICKS - 5, 10), "ask": (MARK_TICKS + 3, 10)}
    assert fill(live, 1, "a").sights == (Sight(instrument=BTC, **levels),)
    live.gateway.take(CancelOrder(request_id="r2", actor=TARA, order_id=1))
    assert live.journal.records()[-1].sights == ()
    assert report(live, 1, ExecType.CANCELED).sights == (Sight(instrument=BTC, **levels),)
    assert report(live, 1, ExecType.CANCELED).sights == (), "told again"


async def test_the_venues_mark_price_is_seen_too(live: Live) -> None:
    live.gateway.take(submit("r1"))
    live.gateway.on_market(MarkPrice(BTC, 1, MARK_TICKS + 2, between=True))
    (seen,) = fill(live, 1, "a").sights
    assert (seen.bid, seen.mark_ticks) == ((MARK_TICKS - 1, 10), MARK_TICKS + 2)


async def test_a_book_that_can_t_be_trusted_is_not_seen(live: Live) -> None:
    live.gateway.take(submit("r1"))
    live.gateway.on_market(BookInvalid(BTC, 1, "gap"))
    assert fill(live, 1, "a").sights == (Sight(instrument=BTC),)


async def test_what_others_traded_is_told_once(live: Live) -> None:
    live.gateway.on_market(MarketTrade(BTC, 1, 500, 3))
    live.gateway.take(submit("r1"))
    live.gateway.take(submit("r2"))
    first, second = live.journal.records()[-2:]
    assert first.sights == (Sight(instrument=BTC, traded_lots=3, traded_value=1_500),)
    assert second.sights == ()
    live.gateway.on_market(MarketTrade(BTC, 1, 7, 2))
    (seen,) = fill(live, 1, "a").sights
    assert (seen.traded_lots, seen.traded_value) == (2, 14)
    assert seen.last_ticks is None, "with a two-sided book nobody asks for it"


async def test_when_an_order_left_is_told_with_the_first_that_is_heard_of_it(live: Live) -> None:
    live.gateway.take(submit("r1"))
    before = live.journal.records()[-1].input.time_ns
    live.journal.commit()
    record = report(live, 1, ExecType.NEW)
    (left,) = record.dispatches
    assert left.order_id == 1
    assert before < left.stepped_ns < left.durable_ns < left.sent_ns < record.input.time_ns
    assert fill(live, 1, "a").dispatches == ()


async def test_an_order_that_was_withheld_did_not_leave(live: Live) -> None:
    live.gateway.take(submit("r1"))
    live.gateway.take(engage("k1"))
    live.journal.commit()
    assert all(not record.dispatches for record in live.journal.records())
    assert not live.told(OrderSubmitted)


async def test_the_keeper_tells_what_is_durable(live: Live) -> None:
    keeper = ExecutionKeeper(live.journal.durable_seq)
    await caught_up(live, keeper)
    live.gateway.keep(keeper)
    live.gateway.take(submit("r1"))
    assert keeper.order(1) is None
    live.journal.commit()
    report(live, 1, ExecType.NEW)
    fill(live, 1, "a", 100)
    found = keeper.order(1)
    assert found is not None
    assert (found.outcome, found.arrival_half_ticks) == (Outcome.FILLED, 2 * MARK_TICKS)
    assert keeper.sequence == live.journal.durable_seq
    stages = {row.stage for row in keeper.summaries(GroupBy.STRATEGY, ALL)[0].stages}
    assert stages == set(Stage) - {Stage.COMMAND, Stage.HELD, Stage.LAST_FILL, Stage.WHOLE}


async def caught_up(live: Live, keeper: ExecutionKeeper) -> None:
    task = asyncio.create_task(keeper.catch_up(live.gateway.records(0)))
    await turns(200)
    task.cancel()


async def test_the_past_is_caught_up_with_while_the_gateway_trades(live: Live) -> None:
    for number in range(60):
        live.gateway.take(submit(f"r{number}"))
    live.journal.commit()
    keeper = ExecutionKeeper(live.journal.durable_seq)
    live.gateway.keep(keeper)
    with pytest.raises(NotAcceptingError, match="at journal entry 0 of"):
        keeper.order(1)
    task = asyncio.create_task(keeper.catch_up(live.gateway.records(0)))
    await turns(2)
    assert 0 < keeper.sequence < live.journal.durable_seq, "a slice at a time"
    fill(live, 1, "now", 100)
    await turns(200)
    assert keeper.sequence == live.journal.durable_seq
    fill(live, 2, "then", 100)
    await turns(5)
    assert task.done(), "what happens now follows the past"
    assert keeper.summaries(GroupBy.ACCOUNT, ALL)[0].filled == 2
    assert [row.order_id for row in keeper.orders(ALL, 0, 2)] == [1, 2]


async def test_a_fault_stops_the_figures_and_nothing_else(live: Live) -> None:
    keeper = ExecutionKeeper(live.journal.durable_seq)
    await caught_up(live, keeper)
    live.gateway.keep(keeper)
    keeper._executions._kept.marks = None
    live.gateway.take(submit("r1"))
    live.journal.commit()
    report(live, 1, ExecType.NEW)
    with pytest.raises(NotAcceptingError, match="there are no execution figures: journal entry"):
        keeper.order(1)
    assert live.told(OrderSubmitted) == [1]
    assert not live.failures
