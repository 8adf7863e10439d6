"""Orders that wait for the venue's mark price, on the paper venue: what fires them, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from meltica.domain.cash import SplitInstrument
from meltica.domain.commands import SeeMarket
from meltica.domain.events import CommandRefused, Event
from meltica.domain.lifecycle import OrderStatus, status
from meltica.domain.market import BookUpdate
from meltica.domain.order import Order, OrderType, Side, TimeInForce
from meltica.domain.order_events import OrderReleased
from meltica.domain.terms import Held, Terms, TriggerSource
from meltica.venues.paper.capabilities import capabilities
from tests.engines import BTC, MARK_TICKS, SECOND
from tests.unit.app.live import TARA, VENUE, submit
from tests.unit.app.paper_live import PaperLive

MID = MARK_TICKS
TRIGGER = MID - 10


@pytest.fixture
async def live(tmp_path: Path) -> PaperLive:
    return PaperLive(tmp_path)


def stop(live: PaperLive, trigger: int = TRIGGER) -> Order:
    terms = Terms(trigger_ticks=trigger, trigger_source=TriggerSource.MARK)
    return live.submit(terms, side=Side.SELL, order_type=OrderType.STOP)


def released(events: list[Event]) -> list[OrderReleased]:
    return [event for event in events if isinstance(event, OrderReleased)]


async def test_it_fires_on_the_mark_and_not_on_a_spike_of_trades_or_of_the_book(live: PaperLive) -> None:
    order = stop(live)
    assert live.mark(MID) == []
    assert live.trade(TRIGGER - 500, lots=1) == []
    assert live.book(TRIGGER - 502, TRIGGER - 500) == []
    assert live.book() == []
    assert order.held is Held.TRIGGER
    assert live.mark(TRIGGER + 1) == []
    (event,) = released(live.mark(TRIGGER))
    assert f"by MARK: bid {(MID - 1) / 100:.2f}" in event.reason
    assert event.reason.endswith(f"mark {TRIGGER / 100:.2f}")
    assert status(order) is OrderStatus.FILLED
    assert order.cumulative_value == 100 * (MID - 1), "at the market's price, wherever the mark is"


@pytest.mark.parametrize(("side", "mark", "fires"), [
    (Side.SELL, (TRIGGER, True), False),
    (Side.SELL, (TRIGGER - 1, True), True),
    (Side.BUY, (TRIGGER - 1, True), False),
    (Side.BUY, (TRIGGER, True), True),
])  # fmt: skip
async def test_a_mark_that_is_finer_than_the_grid(
    live: PaperLive, side: Side, mark: tuple[int, bool], fires: bool
) -> None:
    terms = Terms(trigger_ticks=TRIGGER, trigger_source=TriggerSource.MARK)
    live.submit(terms, side=side, order_type=OrderType.STOP)
    assert bool(released(live.mark(mark[0], between=mark[1]))) == fires


async def test_a_stale_mark_fires_nothing_though_the_book_goes_on(live: PaperLive) -> None:
    live.mark(TRIGGER)
    live.clock.time_ns += 2 * SECOND
    live.book()
    order = stop(live)
    assert live.book(MID - 2, MID) == []
    assert order.held is Held.TRIGGER
    assert len(released(live.mark(TRIGGER))) == 1


async def test_a_fresh_mark_with_a_stale_book_waits_for_a_price_that_the_gate_believes(live: PaperLive) -> None:
    order = stop(live)
    live.clock.time_ns += 2 * SECOND
    assert released(live.mark(TRIGGER)) == []
    assert order.held is Held.RELEASE
    assert len(released(live.book(MID, MID + 2))) == 1


async def test_a_mark_of_before_a_gap_fires_nothing_after_it(live: PaperLive) -> None:
    live.mark(MID)
    order = stop(live)
    live.gap()
    assert released(live.mark(TRIGGER - 5)) == [], "nothing fires while the book has a gap"
    live.gap()
    assert released(live.book()) == []
    assert order.held is Held.TRIGGER
    assert len(released(live.mark(TRIGGER - 5))) == 1


async def test_a_mark_that_came_during_the_gap_fires_with_the_snapshot(live: PaperLive) -> None:
    order = stop(live)
    live.gap()
    assert live.mark(TRIGGER - 5) == []
    live.market(BookUpdate(BTC, 0, ((MID - 5, 7),), ((MID + 5, 7),)))
    assert order.held is Held.TRIGGER
    assert len(released(live.book())) == 1


async def test_it_survives_a_restart_and_fires_on_the_first_mark_beyond_it(live: PaperLive) -> None:
    number = stop(live).order_id
    live.mark(MID)
    live.start()
    assert live.order(number).held is Held.TRIGGER
    assert released(live.book(TRIGGER - 50, TRIGGER - 48)) == [], "of the time before the restart no mark is known"
    (event,) = released(live.mark(TRIGGER - 30))
    assert event.order_id == number
    assert status(live.order(number)) is OrderStatus.FILLED


async def test_the_mark_that_decides_is_in_the_journal(live: PaperLive) -> None:
    stop(live)
    before = len(live.journal.entries)
    live.mark(TRIGGER - 1, between=True)
    bodies = [record.input.body for record in live.journal.records()[before:]]
    (seen,) = [body for body in bodies if isinstance(body, SeeMarket)]
    assert (seen.quote.mark_ticks, seen.quote.mark_between) == (TRIGGER - 1, True)
    (event,) = [e for record in live.journal.records() for e in record.events if isinstance(e, OrderReleased)]
    assert event.reason.endswith(f"mark {(TRIGGER - 1) / 100:.2f} to {TRIGGER / 100:.2f}")


@pytest.mark.parametrize("marks", [(), ("ETH/USDT@BINANCE",)])
async def test_where_no_mark_is_published_it_is_refused_with_field_and_reason(
    tmp_path: Path, marks: tuple[str, ...]
) -> None:
    live = PaperLive(tmp_path, capabilities(VENUE, mark_prices=marks))
    terms = Terms(trigger_ticks=TRIGGER, trigger_source=TriggerSource.MARK)
    live.gateway.take(submit("m", terms=terms, side=Side.SELL, order_type=OrderType.STOP, price_ticks=None))
    (refused,) = live.journal.records()[-1].events
    assert isinstance(refused, CommandRefused)
    assert (refused.reason, refused.field) == ("NO_MARK_PRICE", "terms.trigger_source")
    assert ("of BTC/USDT@BINANCE" in refused.text) == bool(marks)


async def test_after_a_split_a_market_that_rests_is_not_valued_in_old_units(live: PaperLive) -> None:
    """Its book is still that of before: each second the gateway would say so, and the account lose three quarters."""
    live.submit(order_type=OrderType.MARKET, time_in_force=TimeInForce.IOC)
    state, worth = live.gateway.state, live.gateway.state.worth.total_nanos("main")
    live.gateway.take(
        SplitInstrument(request_id="s", actor=TARA, instrument=BTC, numerator=1, denominator=4, reason="one for four")
    )
    live.settle()
    entries = len(live.journal.entries)
    live.clock.time_ns += SECOND
    live.gateway.revalue()
    assert len(live.journal.entries) == entries, "nothing has moved"
    live.submit(order_type=OrderType.LIMIT, price_ticks=MID, side=Side.BUY)
    assert state.tables.prices[BTC] == 4 * MID
    assert state.worth.total_nanos("main") == worth
    live.book(4 * MID - 9, 4 * MID + 9)
    live.gateway.revalue()
    live.book(4 * MID - 11, 4 * MID + 9)
    live.gateway.revalue()
    assert state.tables.prices[BTC] == 4 * MID - 1
