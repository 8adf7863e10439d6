"""Held orders in the live driver: which market data the engine sees, and what reaches the venue when."""

from __future__ import annotations

from pathlib import Path

import pytest

from meltica.domain.commands import GateState, ReportGate, SeeMarket, Wake
from meltica.domain.errors import GateUnreachableError
from meltica.domain.market import BookInvalid, BookUpdate, MarketEvent, MarketTrade, TradingStatus
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.order_events import OrderReleased, OrderSubmitted, ReplaceRequested
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.domain.terms import Held, Peg, Terms
from tests.engines import BTC, MARK_TICKS, SECOND
from tests.unit.app.live import VENUE, Live, book, names, submit
from tests.unit.app.test_gateway import TroubledGate

MID = MARK_TICKS


@pytest.fixture
async def live(tmp_path: Path) -> Live:
    found = Live(tmp_path)
    found.open_up()
    return found


def stop(live: Live, trigger: int = MID - 10, **fields: object) -> None:
    facts = {"side": Side.SELL, "order_type": OrderType.STOP, "price_ticks": None, **fields}
    live.gateway.take(submit(f"r{len(live.journal.entries)}", terms=Terms(trigger_ticks=trigger), **facts))
    live.journal.commit()


def market(live: Live, event: MarketEvent) -> list[str]:
    """What it put into the journal."""
    before = len(live.journal.entries)
    live.gateway.on_market(event)
    live.journal.commit()
    return [type(record.input.body).__name__ for record in live.journal.records()[before:]]


async def test_market_data_is_no_input_until_it_reaches_a_trigger(live: Live) -> None:
    stop(live)
    for price in (MID, MID + 5, MID - 8):
        assert market(live, book(0, price, price + 2)) == []
    assert market(live, book(0, MID - 10, MID - 8)) == ["SeeMarket"]
    (sent,) = live.venue.told
    assert isinstance(sent, OrderSubmitted)
    assert (sent.order_type, sent.time_in_force, sent.price_ticks) == (OrderType.MARKET, TimeInForce.IOC, None)
    assert market(live, book(0, MID - 20, MID - 18)) == []


async def test_nothing_leaves_before_it_is_durable(live: Live) -> None:
    stop(live)
    live.gateway.on_market(book(0, MID - 10, MID - 8))
    assert live.venue.told == []
    live.journal.commit()
    assert live.told(OrderSubmitted) == [1]


async def test_what_is_already_reached_does_not_wait_for_the_market_to_move(live: Live) -> None:
    stop(live, MID + 50)
    assert live.told(OrderSubmitted) == [1]


async def test_a_gap_and_a_halt_hold_it_back_and_the_snapshot_lets_it_go(live: Live) -> None:
    stop(live)
    assert market(live, BookInvalid(BTC, 0, "a gap")) == ["SetMark"]
    assert market(live, BookUpdate(BTC, 0, ((MID - 30, 5),), ((MID - 28, 5),))) == []
    assert market(live, TradingStatus(BTC, 0, halted=True)) == ["TradingStatus"]
    assert market(live, book(0, MID - 30, MID - 28)) == ["SetMark"]
    assert market(live, TradingStatus(BTC, 0, halted=False)) == ["TradingStatus", "SeeMarket"]
    assert live.told(OrderSubmitted) == [1]


async def test_a_stale_book_fires_nothing_though_trades_go_on(live: Live) -> None:
    live.gateway.on_market(book(0, MID - 30, MID - 28))
    live.clock.time_ns += 2 * SECOND
    stop(live)
    assert market(live, MarketTrade(BTC, 0, MID - 40, 1)) == []
    assert live.gateway.state.held[1].held is Held.TRIGGER


async def test_a_gate_that_stops_answering_while_it_fires(tmp_path: Path) -> None:
    gate = TroubledGate()
    live = Live(tmp_path, gate=gate)
    live.open_up()
    stop(live)
    stop(live, MID - 12)
    gate.trouble = GateUnreachableError("no answer within 5 ms")
    assert market(live, book(0, MID - 20, MID - 18)) == ["ReportGate", "SeeMarket"]
    assert [names(record.events) for record in live.journal.records()[-2:]] == [
        ["GateStateChanged"],
        ["HeldAmended", "HeldAmended"],
    ]
    assert live.venue.told == []
    for price in (MID - 25, MID - 30, MID + 30):
        assert market(live, book(0, price, price + 2)) == []
    gate.trouble = None
    live.gateway.take(ReportGate(request_id="", actor="system:test", state=GateState.REGAINED))
    live.journal.commit()
    assert live.told(OrderSubmitted) == [1, 2]
    assert live.failures == []


async def test_a_gate_that_stops_answering_when_the_clock_rings_is_no_failure(tmp_path: Path) -> None:
    gate = TroubledGate()
    live = Live(tmp_path, gate=gate)
    live.open_up()
    at = live.clock.time_ns + SECOND
    live.gateway.take(submit("r1", time_in_force=TimeInForce.GTD, terms=Terms(expire_ns=at)))
    live.journal.commit()
    live.clock.time_ns = at
    gate.trouble = GateUnreachableError("no answer")
    live.gateway.take(Wake(request_id="", actor="system:clock"))
    live.journal.commit()
    assert names(live.journal.records()[-1].events) == ["CancelRequested"]
    assert live.failures == []


async def test_a_pegged_order_is_shown_the_market_while_it_works(live: Live) -> None:
    terms = Terms(peg=Peg.PRIMARY)
    live.gateway.take(submit("r1", order_type=OrderType.PEGGED, price_ticks=None, terms=terms))
    live.journal.commit()
    (sent,) = live.venue.told
    assert isinstance(sent, OrderSubmitted)
    assert (sent.order_type, sent.price_ticks) == (OrderType.LIMIT, MID - 1)
    live.gateway.reported([ExecutionReport(venue=VENUE, client_order_id="m1", exec_type=ExecType.NEW)])
    live.journal.commit()
    assert live.gateway.state.held == {}
    assert market(live, book(0, MID + 3, MID + 5)) == ["SeeMarket"]
    asked = live.venue.told[-1]
    assert isinstance(asked, ReplaceRequested)
    assert asked.price_ticks == MID + 3


async def test_the_quote_that_decides_is_in_the_journal(live: Live) -> None:
    stop(live)
    market(live, book(0, MID - 10, MID - 8))
    record = live.journal.records()[-1]
    assert isinstance(record.input.body, SeeMarket)
    assert record.input.body.quote.bid == (MID - 10, 10)
    (event,) = record.events
    assert isinstance(event, OrderReleased)
