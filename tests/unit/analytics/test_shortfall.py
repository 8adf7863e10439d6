"""Implementation shortfall: numbers of the textbooks typed in, and the parts of each order."""

from __future__ import annotations

import pytest

from meltica.domain.cash import InstrumentSplit, SplitInstrument
from meltica.domain.execution import Cost, GroupBy, Outcome, Shortfall
from meltica.domain.inputs import Input, Record, decode_record, encode_record
from meltica.domain.market import Mark
from meltica.domain.order import Side
from meltica.domain.order_events import OrderSubmitted
from meltica.domain.reports import ExecType
from meltica.domain.terms import Held
from tests.unit.analytics.days import ALL, SECOND, STOCK, Day, mid_at

DOLLAR = 2 * 10**9
"""In half nanos."""
CENT = DOLLAR // 100


def dollars(shortfall: Shortfall | None) -> tuple[float, ...]:
    assert shortfall is not None
    parts = (shortfall.delay, shortfall.impact, shortfall.opportunity, shortfall.fees, shortfall.total)
    return tuple(part / DOLLAR for part in parts)


def test_a_purchase_of_which_a_part_was_missed() -> None:
    """The CFA curriculum's example: 1,000 shares wanted at 40.00, the market at 40.04 when the order got there, 700
    bought at 40.05 for a commission of 17, the rest cancelled at 40.08: 0.07 % + 0.0175 % + 0.06 % + 0.0425 %."""
    day = Day()
    day.submit(1, (4003, 4005), decision_ticks=4000)
    day.fill(1, "a", 700, 4005, (4004, 4006), fee_nanos=17 * 10**9)
    day.tell(1, ExecType.CANCELED, (4007, 4009))
    found = day.order(1)
    assert dollars(found.shortfall) == (28, 7, 24, 17, 76)
    assert found.shortfall is not None
    assert found.shortfall.paper == 40_000 * DOLLAR
    whole = found.shortfall
    parts = [
        whole.of(part).micro_bps for part in (whole.delay, whole.impact, whole.opportunity, whole.fees, whole.total)
    ]
    assert parts == [7_000_000, 1_750_000, 6_000_000, 4_250_000, 19_000_000], "millionths of a basis point"
    assert found.outcome is Outcome.CANCELED


def test_a_sale_in_a_falling_market() -> None:
    """5,000 shares to be sold at 40.00; the market was at 39.50 when the order was given, 4,000 were sold at 39.70 for
    a commission of 75, the rest cancelled at 39.00: 2,275 of 200,000."""
    day = Day()
    day.submit(1, (3949, 3951), side=Side.SELL, quantity_lots=5000, decision_ticks=4000)
    day.fill(1, "a", 4000, 3970, (3969, 3971), fee_nanos=75 * 10**9)
    day.tell(1, ExecType.CANCELED, (3899, 3901))
    assert dollars(day.order(1).shortfall) == (2000, -800, 1000, 75, 2275)
    assert day.only().shortfall.of(day.only().shortfall.total).micro_bps == 113_750_000


def test_without_a_decision_price_it_is_the_arrival_price() -> None:
    day = Day()
    day.submit(1, (3999, 4002))
    assert day.order(1).decision_half_ticks == day.order(1).arrival_half_ticks == 8001, "the mid lies between two ticks"
    day.fill(1, "a", 1000, 4002, (3999, 4002))
    assert day.order(1).shortfall == Shortfall(impact=1500 * CENT, paper=4_000_500 * CENT)
    assert day.order(1).outcome is Outcome.FILLED


def test_what_may_still_be_filled_is_not_missed_yet() -> None:
    day = Day()
    day.submit(1, (3999, 4001))
    assert day.order(1).shortfall == Shortfall()
    day.fill(1, "a", 400, 4001, (3999, 4001))
    assert day.order(1).shortfall == Shortfall(impact=400 * CENT, paper=400 * 4000 * CENT)
    day.tell(1, ExecType.EXPIRED, (4009, 4011))
    opportunity, paper = 600 * 10 * CENT, 1000 * 4000 * CENT
    assert day.order(1).shortfall == Shortfall(impact=400 * CENT, opportunity=opportunity, paper=paper)


def test_a_fill_after_the_end_was_not_missed_after_all() -> None:
    day = Day()
    day.submit(1, (3999, 4001))
    day.tell(1, ExecType.CANCELED, (4009, 4011))
    day.fill(1, "late", 1000, 4000, (4009, 4011))
    assert day.order(1).shortfall == Shortfall(paper=4_000_000 * CENT)
    assert day.only().filled == 1
    assert day.only().canceled == 0


def test_an_overfill_counts_as_wanted() -> None:
    day = Day()
    day.submit(1, (3999, 4001), quantity_lots=100)
    day.fill(1, "a", 150, 4001, (3999, 4001))
    assert day.order(1).shortfall == Shortfall(impact=150 * CENT, paper=150 * 4000 * CENT)
    assert day.only().ordered == day.only().done == 150 * 4000 * CENT


def test_busts_and_corrections_recompute() -> None:
    day = Day()
    day.submit(1, (3999, 4001), quantity_lots=100)
    day.fill(1, "a", 60, 4001, (3999, 4001), fee_nanos=6)
    day.fill(1, "b", 40, 4003, (4001, 4003), fee_nanos=4, maker=False)
    assert day.order(1).outcome is Outcome.FILLED
    day.correct(1, "b", "c", 40, 4002, fee_nanos=5)
    assert day.order(1).shortfall == Shortfall(impact=140 * CENT, fees=22, paper=100 * 4000 * CENT)
    day.correct(1, "c", "d")
    busted = day.order(1)
    assert (busted.outcome, busted.filled_lots) == (Outcome.WORKING, 60)
    assert busted.shortfall == Shortfall(impact=60 * CENT, fees=12, paper=60 * 4000 * CENT)
    assert busted.last_fill_ns == busted.first_fill_ns
    assert busted.summary.told == 0, "the fill of which the venue said that it took is gone"
    day.correct(1, "a", "e")
    assert day.order(1).shortfall == Shortfall()
    assert (day.order(1).first_fill_ns, day.order(1).last_fill_ns) == (0, 0)
    assert day.only().executions == 0


def test_an_unknown_execution_is_not_corrected() -> None:
    day = Day()
    day.submit(1, (3999, 4001))
    day.fill(1, "a", 10, 4001)
    before = day.order(1)
    day.correct(1, "never", "x", 10, 1)
    assert day.order(1) == before


@pytest.mark.parametrize("seen", [None, (4001, 4001), (4002, 4001)], ids=["no book", "locked", "crossed"])
def test_without_a_sound_book_at_the_fill_there_is_no_slippage_against_it(seen: tuple[int, int] | None) -> None:
    day = Day()
    day.submit(1, (3999, 4001))
    day.fill(1, "a", 10, 4001, seen)
    found = day.only()
    assert found.mid == found.touch == Cost(0, 0)
    assert found.mid.micro_bps is None
    assert found.arrival == Cost(10 * CENT, 10 * 4000 * CENT)


def test_slippage_against_mid_and_touch() -> None:
    day = Day()
    day.submit(1, (3999, 4001), quantity_lots=30)
    day.fill(1, "took", 10, 4003, (4000, 4002), maker=False)
    day.fill(1, "made", 10, 4000, (4000, 4003), maker=True)
    day.fill(1, "unsaid", 10, 4001)
    found = day.only()
    assert found.mid == Cost(10 * 2 * CENT - 10 * 3 * CENT // 2, 10 * 4001 * CENT + 10 * 8003 * CENT // 2)
    assert found.touch == Cost(10 * CENT - 30 * CENT, 10 * 4002 * CENT + 10 * 4003 * CENT)
    assert (found.maker, found.told, found.traded) == (40_000 * CENT, 80_030 * CENT, 120_040 * CENT)


def test_a_sale_is_measured_against_the_bid() -> None:
    day = Day()
    day.submit(1, (3999, 4001), side=Side.SELL, quantity_lots=10)
    day.fill(1, "a", 10, 3998, (3999, 4001))
    assert day.only().touch == Cost(10 * CENT, 10 * 3999 * CENT)
    assert day.only().mid == Cost(20 * CENT, 10 * 4000 * CENT)


def test_an_adopted_order_has_no_arrival_price() -> None:
    day = Day()
    day.adopt(1, 100)
    day.fill(1, "a", 50, 4000, (3999, 4001), fee_nanos=9)
    day.tell(1, ExecType.CANCELED, (4009, 4011))
    found = day.order(1)
    assert (found.arrival_half_ticks, found.decision_half_ticks, found.shortfall) == (None, None, None)
    group = day.only()
    assert (group.key, group.unknown, group.orders, group.canceled) == ("external", 1, 1, 1)
    assert (group.shortfall, group.arrival) == (Shortfall(), Cost(0, 0))
    assert group.arrival.micro_bps is None, "unknown is not 0"
    assert (group.traded, group.fees) == (200_000 * CENT, 18), "what was traded is known all the same"
    assert group.mid == Cost(0, 200_000 * CENT)


def test_a_denied_order_is_in_no_cost() -> None:
    day = Day()
    day.deny(1, (3999, 4001), decided_ns=day.now_ns)
    assert day.order(1).shortfall is None
    found = day.only()
    assert (found.orders, found.denied, found.sent, found.ordered, found.unknown) == (0, 1, 0, 0, 0)
    assert found.stages == (), "it went no way to any market"


def test_an_order_that_waited_arrives_when_it_is_released() -> None:
    day = Day()
    day.hold(1, (3999, 4001), Held.TRIGGER, decision_ticks=3000)
    assert day.order(1).arrival_half_ticks is None
    assert (day.only().working, day.only().unknown, day.only().sent) == (1, 1, 0)
    day.release(1, (4099, 4101), 900)
    found = day.order(1)
    assert (found.decision_half_ticks, found.arrival_half_ticks, found.quantity_lots) == (8200, 8200, 900)
    day.fill(1, "a", 900, 4101, (4099, 4101))
    assert day.order(1).shortfall == Shortfall(impact=900 * CENT, paper=900 * 4100 * CENT)


def test_the_slices_of_a_parent_are_its_executions() -> None:
    day = Day()
    day.hold(1, (3999, 4001), Held.SLICES, decision_ticks=3990, quantity_lots=300)
    day.submit(2, (4009, 4011), parent_id=1, quantity_lots=100, decision_ticks=1)
    day.submit(3, (4019, 4021), parent_id=1, quantity_lots=100)
    day.fill(2, "a", 100, 4011, (4009, 4011), maker=False)
    day.fill(3, "b", 50, 4020, (4019, 4021), fee_nanos=7, maker=True)
    day.tell(3, ExecType.REJECTED, (4019, 4021))
    parent, child = day.order(1), day.order(2)
    assert parent.children == (2, 3)
    assert (parent.filled_lots, parent.outcome) == (150, Outcome.HELD)
    delay, impact = 150 * 10 * CENT, (100 * 11 + 50 * 20) * CENT
    assert parent.shortfall == Shortfall(delay=delay, impact=impact, fees=14, paper=150 * 3990 * CENT)
    assert child.shortfall == Shortfall(impact=100 * CENT, paper=100 * 4010 * CENT), "by itself, from its own arrival"
    day.tell(1, ExecType.CANCELED, (4029, 4031))
    missed = 150 * 40 * CENT
    whole = Shortfall(delay=delay, impact=impact, opportunity=missed, fees=14, paper=300 * 3990 * CENT)
    assert day.order(1).shortfall == day.only().shortfall == whole
    group = day.only()
    assert (group.orders, group.sent, group.rejected, group.canceled, group.executions) == (1, 2, 1, 1, 2)
    assert [row.order_id for row in day.books.orders(ALL, 0, 10)] == [1]
    day.correct(3, "b", "c")
    assert day.order(1).filled_lots == 100
    assert day.order(1).last_fill_ns == day.order(2).last_fill_ns


def test_replaced_quantities() -> None:
    day = Day()
    day.submit(1, (3999, 4001), quantity_lots=100)
    day.fill(1, "a", 60, 4000)
    day.tell(1, ExecType.REPLACED, quantity_lots=40)
    assert (day.order(1).quantity_lots, day.order(1).outcome) == (60, Outcome.FILLED), "never below what is filled"
    day.tell(1, ExecType.REPLACED, quantity_lots=200)
    assert (day.order(1).quantity_lots, day.order(1).outcome) == (200, Outcome.WORKING)


def test_a_split_makes_what_was_before_incomparable() -> None:
    day = Day()
    day.submit(1, (3999, 4001), quantity_lots=100)
    day.fill(1, "a", 60, 4000)
    day.tell(1, ExecType.RESTATED, quantity_lots=200, cumulative_lots=120)
    assert (day.order(1).quantity_lots, day.order(1).shortfall) == (140, None)
    assert day.only().unknown == 1


def test_a_price_of_before_a_split_of_the_instrument_is_none_after_it() -> None:
    day = Day()
    day.submit(1, (3999, 4001))
    facts = {"instrument": STOCK, "numerator": 2, "denominator": 1, "reason": "r", "actor": "t"}
    day.record(SplitInstrument(request_id="", **facts), InstrumentSplit(**facts, time_ns=day.now_ns + SECOND))
    resting, command = Mark(STOCK, day.now_ns - SECOND, 4000, (3999, 5), (4001, 5)), day.command()
    event = OrderSubmitted(**day.terms(2, command), reserved_price_ticks=1)
    day.now_ns += SECOND
    day.stored.append(encode_record(Record(Input(day.now_ns, command, (resting,)), (event,))))
    day.books.apply(len(day.stored), day.now_ns, decode_record(day.stored[-1]))
    day.tell(2, ExecType.CANCELED)
    assert (day.order(2).arrival_half_ticks, day.order(2).end_half_ticks) == (None, None)
    day.submit(3, (1999, 2001))
    assert day.order(3).arrival_half_ticks == 4000


def test_done_for_the_day_ends_what_does_not_come_back() -> None:
    day = Day()
    day.submit(1, (3999, 4001))
    day.tell(1, ExecType.DONE_FOR_DAY, (4009, 4011), remainder_survives_day=True)
    assert day.order(1).outcome is Outcome.WORKING
    day.tell(1, ExecType.DONE_FOR_DAY, (4009, 4011), remainder_survives_day=False)
    assert day.order(1).outcome is Outcome.EXPIRED
    assert dollars(day.order(1).shortfall) == (0, 0, 100, 0, 100)


def test_an_order_that_never_left_was_not_sent() -> None:
    day = Day()
    day.submit(1, (3999, 4001))
    day.tell(1, ExecType.REJECTED, (4009, 4011), unsent=True)
    found = day.only(GroupBy.VENUE)
    assert (found.key, found.orders, found.sent, found.rejected) == ("XNAS", 1, 0, 0)
    assert day.order(1).outcome is Outcome.REJECTED
    assert found.shortfall.opportunity == 1000 * 10 * CENT, "it was wanted and missed"


def test_the_end_is_valued_at_the_newest_mark_where_none_came_with_it() -> None:
    day = Day()
    day.submit(1, (3999, 4001))
    day.submit(2, (4019, 4021))
    day.tell(1, ExecType.CANCELED)
    assert day.order(1).end_half_ticks == 8040


def test_mids_between_ticks_are_exact_to_half_a_nano() -> None:
    assert [mid_at(half) for half in (8000, 8001)] == [(3999, 4001), (4000, 4001)]
