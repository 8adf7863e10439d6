"""Each reason for which an order is held: it outlives a restart, and goes out after a gap, on the real paper venue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meltica.domain.commands import SubmitOrderList, Wake
from meltica.domain.groups import Link
from meltica.domain.limits import DAY_NS, SelfMatch
from meltica.domain.market import TradingStatus
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.order_events import OrderReleased, OrderSubmitted
from meltica.domain.terms import Held, OffsetUnit, Peg, Terms, TriggerSource
from meltica.venues.paper.capabilities import capabilities
from tests.engines import BTC, MARK_TICKS, SECOND
from tests.unit.app.live import VENUE, submit
from tests.unit.app.paper_live import PaperLive

MID = MARK_TICKS
DOWN = MID - 60
"""Below every trigger of a sale here."""
OPEN, CLOSE = TimeInForce.AT_THE_OPEN, TimeInForce.AT_THE_CLOSE


def held(live: PaperLive, kind: OrderType, tif: TimeInForce = TimeInForce.GTC, price: int | None = None, **terms: Any):
    said = Terms(**terms) if terms else None
    return live.submit(said, side=Side.SELL, order_type=kind, time_in_force=tif, price_ticks=price).order_id


def triggered(kind: OrderType, price: int | None = None, **terms: Any) -> Callable[[PaperLive], int]:
    return lambda live: held(live, kind, price=price, **terms)


def by(source: TriggerSource) -> Callable[[PaperLive], int]:
    return triggered(OrderType.STOP, trigger_ticks=MID - 20, trigger_source=source)


def trailing(**terms: Any) -> Callable[[PaperLive], int]:
    kind = OrderType.TRAILING_STOP_LIMIT if "limit_offset_ticks" in terms else OrderType.TRAILING_STOP
    return triggered(kind, **terms)


def open_order(live: PaperLive) -> int:
    number = held(live, OrderType.LIMIT, OPEN, DOWN - 9)
    live.market(TradingStatus(BTC, 0, halted=True))
    return number


def down(live: PaperLive) -> None:
    live.book(DOWN, DOWN + 2)
    live.trade(DOWN)
    live.mark(DOWN)


def up(live: PaperLive) -> None:
    live.book(MID + 60, MID + 62)


def opens(live: PaperLive) -> None:
    live.market(TradingStatus(BTC, 0, halted=False))
    live.book()


def closes(live: PaperLive) -> None:
    live.clock.time_ns += 59 * SECOND
    live.gateway.take(Wake(request_id="", actor="system:clock"))
    live.book()


CASES: dict[str, tuple[Held, Callable[[PaperLive], int], Callable[[PaperLive], None]]] = {
    "STOP": (Held.TRIGGER, by(TriggerSource.BID_ASK), down),
    "STOP by LAST": (Held.TRIGGER, by(TriggerSource.LAST), down),
    "STOP by MID": (Held.TRIGGER, by(TriggerSource.MID), down),
    "STOP by MARK": (Held.TRIGGER, by(TriggerSource.MARK), down),
    "STOP_LIMIT": (Held.TRIGGER, triggered(OrderType.STOP_LIMIT, DOWN - 9, trigger_ticks=MID - 20), down),
    "MARKET_IF_TOUCHED": (Held.TRIGGER, triggered(OrderType.MARKET_IF_TOUCHED, trigger_ticks=MID + 20), up),
    "LIMIT_IF_TOUCHED": (Held.TRIGGER, triggered(OrderType.LIMIT_IF_TOUCHED, MID, trigger_ticks=MID + 20), up),
    "TRAILING_STOP": (Held.TRIGGER, trailing(trail_offset=30), down),
    "TRAILING_STOP in basis points": (
        Held.TRIGGER,
        trailing(trail_offset=1, trail_unit=OffsetUnit.BASIS_POINTS),
        lambda live: live.book(MID - 700, MID - 698) and None,
    ),
    "TRAILING_STOP_LIMIT": (Held.TRIGGER, trailing(trail_offset=30, limit_offset_ticks=500), down),
    "PEGGED": (Held.REFERENCE, triggered(OrderType.PEGGED, peg=Peg.PRIMARY), down),
    "AT_THE_OPEN": (Held.SESSION, open_order, opens),
    "AT_THE_CLOSE": (Held.SESSION, lambda live: held(live, OrderType.LIMIT, CLOSE, DOWN - 9), closes),
}


def known_at(live_ns: int) -> Any:
    close_ns = (live_ns + 60 * SECOND) % DAY_NS
    return capabilities(VENUE, close_ns, mark_prices=(BTC,))


@pytest.fixture
async def live(tmp_path: Path) -> PaperLive:
    return PaperLive(tmp_path, known_at(1_700_000_000 * SECOND))


def nothing(_live: PaperLive) -> None:
    pass


def restart(live: PaperLive) -> None:
    live.start()


def gap(live: PaperLive) -> None:
    live.gap()


def gap_and_restart(live: PaperLive) -> None:
    live.gap()
    live.start()


@pytest.mark.parametrize("trouble", [nothing, restart, gap, gap_and_restart])
@pytest.mark.parametrize("case", CASES)
async def test_it_goes_out_all_the_same(live: PaperLive, case: str, trouble: Callable[[PaperLive], None]) -> None:
    why, hold, move = CASES[case]
    if why is Held.REFERENCE:
        live.gap()  # So that it does not go out at once.
    number = hold(live)
    assert live.order(number).held is why
    trigger = (live.order(number).terms or Terms()).trigger_ticks
    trouble(live)
    assert live.order(number).held is why
    assert (live.order(number).terms or Terms()).trigger_ticks == trigger, "where it had trailed to"
    move(live)
    order = live.order(number)
    assert (order.held, order.released) == (None, True)
    sent = [e for r in live.journal.records() for e in r.events if isinstance(e, OrderReleased)]
    assert [event.order_id for event in sent] == [number], "once"
    assert order.acknowledged, "the venue has it"
    if why is not Held.REFERENCE:
        assert order.cumulative_lots == 100


TROUBLES = [restart, gap, gap_and_restart]


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_what_waits_for_its_parent(live: PaperLive, trouble: Callable[[PaperLive], None]) -> None:
    parent = submit("", actor="", side=Side.BUY, price_ticks=MID - 5)
    child = submit("", actor="", side=Side.SELL, order_type=OrderType.STOP, price_ticks=None,
                   terms=Terms(trigger_ticks=MID - 20))  # fmt: skip
    both = SubmitOrderList(request_id="list", actor="system:test", link=Link.OTO, orders=(parent, child))
    live.gateway.take(both)
    live.settle()
    assert live.order(2).held is Held.PARENT
    trouble(live)
    assert live.order(2).held is Held.PARENT
    live.book(MID - 10, MID - 5)  # The parent's price is met, the child's trigger is not.
    assert (live.order(1).cumulative_lots, live.order(2).held) == (100, Held.TRIGGER)
    trouble(live)
    down(live)
    assert live.order(2).cumulative_lots == 100


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_what_goes_out_in_slices(live: PaperLive, trouble: Callable[[PaperLive], None]) -> None:
    live.submit(Terms(display_lots=40), side=Side.SELL, price_ticks=MID + 5)
    live.gateway.take(Wake(request_id="", actor="system:clock"))
    live.settle()
    children = [e.order_id for r in live.journal.records() for e in r.events if isinstance(e, OrderSubmitted)]
    assert len(children) == 1
    trouble(live)
    assert live.order(1).held is Held.SLICES
    live.book()
    for _ in range(3):
        live.book(MID + 5, MID + 9)
        live.book()
        live.clock.time_ns += SECOND // 10
        live.gateway.take(Wake(request_id="", actor="system:clock"))
        live.settle()
    assert live.order(1).cumulative_lots == 100


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_what_waits_for_a_price_that_the_gate_believes(
    live: PaperLive, trouble: Callable[[PaperLive], None]
) -> None:
    number = by(TriggerSource.LAST)(live)
    live.clock.time_ns += 2 * SECOND
    live.trade(DOWN)
    assert live.order(number).held is Held.RELEASE
    trouble(live)
    assert live.order(number).held is Held.RELEASE
    live.book(MID + 50, MID + 52)  # Its moment has come, wherever the price is now.
    assert live.order(number).cumulative_lots == 100


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_what_waits_for_own_orders_to_go(tmp_path: Path, trouble: Callable[[PaperLive], None]) -> None:
    live = PaperLive(tmp_path, self_match=SelfMatch.CANCEL_NEWEST)
    own = live.submit(price_ticks=MID - 200).order_id
    number = by(TriggerSource.BID_ASK)(live)
    live.venue.send = lambda command, now_ns: None  # type: ignore[method-assign]  # The line to the venue is down.
    live.book(DOWN, DOWN + 2)
    assert live.order(number).held is Held.SELF_MATCH
    assert live.order(own).pending
    if trouble is gap:
        del live.venue.send  # type: ignore[method-assign]
    trouble(live)
    live.book(DOWN, DOWN + 2)
    live.clock.time_ns += SECOND
    live.gateway.take(Wake(request_id="", actor="system:clock"))
    live.settle()
    live.book(DOWN, DOWN + 2)
    if trouble is gap:
        assert live.order(number).held is Held.SELF_MATCH, "its cancel never came, and nobody said so"
        return
    assert live.order(own).ended is not None, "a restart carries the cancel out"
    assert live.order(number).cumulative_lots == 100
