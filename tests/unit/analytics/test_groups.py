"""Groups, filters, days, stages, the market's own prices, and what the fold refuses."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meltica import hot
from meltica.analytics.checkpoint import decode, encode
from meltica.analytics.counts import Counts, bounds_of, bucket_of
from meltica.analytics.executions import SETTLE_AT
from meltica.domain.commands import SubmitOrderList, SubmitOrders
from meltica.domain.errors import InvariantError
from meltica.domain.execution import ExecutionFilter, GroupBy, Outcome, Stage, StageFigures
from meltica.domain.execution_text import against_market, basis_points_text
from meltica.domain.groups import Link
from meltica.domain.inputs import decode_record
from meltica.domain.many import Item, ManyAnswered
from meltica.domain.many import Outcome as Done
from meltica.domain.order import Side
from meltica.domain.order_events import OrderSubmitted
from meltica.domain.parent_events import AlgoAmended
from meltica.domain.reports import ExecType
from meltica.domain.schedule import Schedule, ScheduleKind
from meltica.domain.sight import Dispatch
from meltica.domain.terms import Held
from tests.unit.analytics.days import ALL, SECOND, START_NS, Day, instrument

EUR = "XYZ@XPAR"
CENT = 2 * 10**7


def traded(day: Day, order_id: int, **facts: object) -> None:
    day.submit(order_id, (3999, 4001), quantity_lots=10, **facts)
    day.fill(order_id, f"e{order_id}", 10, 4001, (3999, 4001))


def test_a_currency_has_a_row_of_its_own() -> None:
    day = Day(instrument(), instrument(EUR, 2, quote_currency="EUR"))
    traded(day, 1)
    traded(day, 2, instrument=EUR)
    traded(day, 3)
    found = day.books.summaries(GroupBy.STRATEGY, ALL)
    assert [(row.key, row.currency, row.orders) for row in found] == [("s", "EUR", 1), ("s", "USD", 2)]
    assert [row.key for row in day.books.summaries(GroupBy.VENUE, ALL)] == ["XNAS", "XPAR"]


def test_filters() -> None:
    day = Day(instrument(), instrument(EUR, 2))
    traded(day, 1, strategy="a", account="x")
    traded(day, 2, strategy="b", account="y", instrument=EUR)
    day.deny(3, (3999, 4001))
    for chosen, ids in (
        (ALL, [1, 2]),
        (ExecutionFilter(strategy="a"), [1]),
        (ExecutionFilter(account="y"), [2]),
        (ExecutionFilter(venue="XPAR"), [2]),
        (ExecutionFilter(instrument=EUR), [2]),
        (ExecutionFilter(strategy="a", account="y"), []),
    ):
        assert [row.order_id for row in day.books.orders(chosen, 0, 10)] == ids
        assert sum(row.orders for row in day.books.summaries(GroupBy.DAY, chosen)) == len(ids)
    assert [row.order_id for row in day.books.orders(ALL, 1, 10)] == [2]
    assert [row.order_id for row in day.books.orders(ALL, 0, 1)] == [1]


def test_an_order_belongs_to_the_trading_day_in_which_it_began() -> None:
    day = Day()
    traded(day, 1)
    day.submit(2, (3999, 4001))
    day.now_ns += 3 * 3600 * SECOND
    traded(day, 3)  # After midnight, but no trading day began.
    day.begin_day()
    traded(day, 4)
    day.now_ns += 30 * 3600 * SECOND
    traded(day, 5)  # The trading day goes on.
    day.fill(2, "late", 1, 4000)
    days = {row.key: row.orders for row in day.books.summaries(GroupBy.DAY, ALL)}
    assert days == {"2023-11-14": 2, "2023-11-15": 3}
    within = ExecutionFilter(first_day="2023-11-15", last_day="2023-11-15")
    assert [row.order_id for row in day.books.orders(within, 0, 9)] == [3, 4, 5]
    assert day.books.summaries(GroupBy.DAY, ExecutionFilter(first_day="2023-11-16")) == []
    assert day.books.summaries(GroupBy.DAY, ExecutionFilter(last_day="2023-11-13")) == []


def test_groups_of_orders_are_not_asked_for() -> None:
    with pytest.raises(InvariantError, match="no bound"):
        Day().books.summaries(GroupBy.ORDER, ALL)


def test_a_record_that_is_not_the_next_one_is_refused() -> None:
    day = Day()
    with pytest.raises(InvariantError, match="at journal entry 1, and were given 3"):
        day.books.apply(3, START_NS, decode_record(day.stored[0]))
    assert day.books.sequence == 1


def test_every_change_is_in_the_groups_however_many_orders_there_are() -> None:
    day = Day()
    for order_id in range(1, 3 * SETTLE_AT):
        traded(day, order_id, side=Side.SELL if order_id % 3 else Side.BUY)
    day.correct(5, "e5", "b5")
    found = day.only()
    assert (found.orders, found.filled, found.working) == (3 * SETTLE_AT - 1, 3 * SETTLE_AT - 2, 1)
    assert found == decode(encode(day.books)).summaries(GroupBy.STRATEGY, ALL)[0]


def test_the_stages_of_an_order() -> None:
    day = Day()
    day.submit(1, (3999, 4001), quantity_lots=10, decided_ns=day.now_ns + SECOND - 5_000)
    at = day.now_ns
    left = Dispatch(order_id=1, stepped_ns=at + 40, durable_ns=at + 1_000, sent_ns=at + 1_020)
    day.tell(1, ExecType.NEW, left=(left,), venue_time_ns=at + 500)
    day.tell(1, ExecType.NEW, venue_time_ns=1)  # Told again
    day.fill(1, "a", 4, 4001, venue_time_ns=at + 700)
    day.fill(1, "b", 6, 4001)
    found = day.order(1)
    assert (found.decided_ns, found.received_ns, found.stepped_ns) == (at - 5_000, at, at + 40)
    assert (found.durable_ns, found.sent_ns) == (at + 1_000, at + 1_020)
    assert (found.acknowledged_ns, found.venue_acknowledged_ns) == (at + SECOND, at + 500)
    assert (found.first_fill_ns, found.venue_first_fill_ns) == (at + 3 * SECOND, at + 700)
    assert (found.last_fill_ns, found.ended_ns) == (at + 4 * SECOND, at + 4 * SECOND)
    stages = {row.stage: row for row in day.only().stages}
    assert {stage: row.count for stage, row in stages.items()} == dict.fromkeys(set(Stage) - {Stage.HELD}, 1)
    durations = {
        Stage.WHOLE: 3 * SECOND + 5_000,
        Stage.COMMAND: 5_000,
        Stage.ENGINE: 40,
        Stage.DURABLE: 960,
        Stage.SENT: 20,
        Stage.ACKNOWLEDGED: SECOND - 1_020,
        Stage.FIRST_FILL: 2 * SECOND,
        Stage.LAST_FILL: SECOND,
        Stage.TIME_TO_FILL: 3 * SECOND,
        Stage.TIME_TO_COMPLETE: 4 * SECOND,
    }
    for stage, ns in durations.items():
        low, high = stages[stage].p50
        assert low <= ns <= high <= ns + ns // 64, stage
    assert stages[Stage.ENGINE].longest == (40, 40)
    day.correct(1, "b", "x")
    day.correct(1, "a", "y")
    stages_left = {row.stage for row in day.only().stages}
    assert stages_left == {Stage.COMMAND, Stage.ENGINE, Stage.DURABLE, Stage.SENT, Stage.ACKNOWLEDGED}


def test_a_decision_in_the_future_or_of_no_sense_is_not_known() -> None:
    day = Day()
    day.submit(1, (3999, 4001), decided_ns=day.now_ns + 10 * SECOND, decision_ticks=-5)
    assert day.order(1).decided_ns == 0
    assert day.order(1).decision_half_ticks == 8000
    assert day.only().stages == ()


def test_a_venue_that_trades_an_order_without_a_word_before_has_acknowledged_it() -> None:
    day = Day()
    day.submit(1, (3999, 4001), quantity_lots=10)
    day.fill(1, "a", 4, 4001, venue_time_ns=77)
    filled_ns = day.now_ns
    day.tell(1, ExecType.NEW, venue_time_ns=70)
    found = day.order(1)
    assert (found.acknowledged_ns, found.venue_acknowledged_ns) == (filled_ns, 77)
    assert (found.first_fill_ns, found.venue_first_fill_ns) == (filled_ns, 77)


@settings(max_examples=150, deadline=None, print_blob=True)
@given(st.lists(st.integers(0, 10**10), min_size=7, max_size=7), st.booleans(), st.integers(0, 2))
def test_the_stages_add_up_to_the_whole(lengths: list[int], held: bool, unheard: int) -> None:
    """From the decision to the first fill, whatever an order went through; counted in nanoseconds, not in buckets."""
    decided, kept, engine, durable, sent, acknowledged, filled = lengths
    day = Day()
    day.now_ns += decided
    begin = {"quantity_lots": 10, "decided_ns": day.now_ns + SECOND - decided}
    if held:
        day.hold(1, (3999, 4001), Held.TRIGGER, **begin)
        day.now_ns += kept
        day.release(1, (3999, 4001), 10)
    else:
        day.submit(1, (3999, 4001), **begin)
    at = day.now_ns + engine
    left = (Dispatch(order_id=1, stepped_ns=at, durable_ns=at + durable, sent_ns=at + durable + sent),)
    day.now_ns = at + durable + sent
    if unheard == 0:
        day.now_ns += acknowledged
        day.tell(1, ExecType.NEW, left=left)
    day.now_ns += filled
    day.fill(1, "a", 10, 4001, left=left if unheard else ())
    found = day.order(1)
    times = [found.decided_ns, found.received_ns, found.released_ns or found.received_ns, found.stepped_ns]
    times += [found.durable_ns, found.sent_ns, found.acknowledged_ns, found.first_fill_ns]
    assert times == sorted(times)
    stages = {row.stage: row.p50 for row in day.only().stages}
    parts = [Stage.COMMAND, *([Stage.HELD] if held else []), Stage.ENGINE, Stage.DURABLE, Stage.SENT]
    parts += [Stage.ACKNOWLEDGED, Stage.FIRST_FILL]
    assert [stage for stage in stages if stage in parts] == parts, "in order, and none is missing"
    whole = times[-1] - times[0]
    assert whole == sum(lengths) - (0 if held else kept) - (0 if unheard == 0 else acknowledged) + SECOND * (
        2 + held - (unheard > 0)
    )
    assert sum(stages[part][0] for part in parts) <= whole <= sum(stages[part][1] for part in parts)
    assert stages[Stage.WHOLE][0] <= whole <= stages[Stage.WHOLE][1]


def test_clocks_that_disagree_make_no_duration() -> None:
    day = Day()
    day.submit(1, (3999, 4001))
    at = day.now_ns
    day.tell(1, ExecType.NEW, left=(Dispatch(order_id=1, stepped_ns=at + 9, durable_ns=at + 5, sent_ns=at + 6),))
    assert [row.stage for row in day.only().stages] == [Stage.ENGINE, Stage.SENT, Stage.ACKNOWLEDGED]


def test_a_released_order_is_timed_from_its_release() -> None:
    day = Day()
    day.hold(1, (3999, 4001), Held.TRIGGER, quantity_lots=10)
    assert day.order(1).outcome is Outcome.HELD
    day.now_ns += 3600 * SECOND
    day.release(1, (3999, 4001), 10)
    day.fill(1, "a", 10, 4001)
    stages = {row.stage: row.p50 for row in day.only().stages}
    assert stages[Stage.TIME_TO_FILL][0] <= SECOND <= stages[Stage.TIME_TO_FILL][1]
    assert stages[Stage.HELD][0] <= 3601 * SECOND <= stages[Stage.HELD][1]
    assert day.order(1).released_ns == day.order(1).received_ns + 3601 * SECOND


def test_the_market_s_own_average_price() -> None:
    day = Day()
    day.submit(1, (3999, 4001), tape={"traded_lots": 50, "traded_value": 200_000})
    day.submit(2, (3999, 4001))
    day.fill(1, "a", 10, 4001, (3999, 4001), traded_lots=7, traded_value=28_010)
    found = day.order(1)
    assert (found.market_lots, found.market_value) == (7, 28_010), "what was traded before it came is not counted"
    day.tell(1, ExecType.CANCELED, (3999, 4001))
    assert (day.order(1).market_lots, day.order(2).market_lots) == (7, 0)


def test_the_market_is_looked_at_until_the_last_fill_whatever_is_told_later() -> None:
    day = Day()
    day.submit(1, (3999, 4001), quantity_lots=10)
    day.fill(1, "a", 10, 4001, (3999, 4001), traded_lots=7, traded_value=28_010)
    day.submit(2, (4009, 4011), tape={"traded_lots": 90, "traded_value": 361_000})
    day.tell(1, ExecType.CALCULATED, (4009, 4011))
    found = day.order(1)
    assert (found.outcome, found.market_lots, found.ended_ns) == (Outcome.FILLED, 7, found.last_fill_ns)
    day.correct(1, "a", "b")
    found = day.order(1)
    assert (found.outcome, found.end_half_ticks) == (Outcome.EXPIRED, 2 * 4010), "what it lacks now it lacks since then"


def test_what_is_done_for_the_day_ended_then() -> None:
    day = Day()
    day.submit(1, (3999, 4001), quantity_lots=10)
    day.tell(1, ExecType.DONE_FOR_DAY, (4001, 4003), remainder_survives_day=False)
    ended = day.order(1)
    day.tell(1, ExecType.EXPIRED, (4021, 4023))
    again = day.order(1)
    assert (again.shortfall, again.ended_ns) == (ended.shortfall, ended.ended_ns)
    assert ended.shortfall is not None
    assert ended.shortfall.opportunity == 2 * 10 * 2 * 10_000_000


def test_against_the_market_s_average_price_a_sale_is_worse_when_it_is_lower() -> None:
    day = Day()
    for order_id, side in ((1, Side.BUY), (2, Side.SELL)):
        day.submit(order_id, (3999, 4001), side=side)
        day.fill(order_id, f"e{order_id}", 10, 4004, (3999, 4001), traded_lots=5, traded_value=20_000)
    shown = [basis_points_text(against_market(day.order(each))) for each in (1, 2)]
    assert shown == ["10", "-10"]


def test_buckets_are_those_of_the_hot_path_s_histogram() -> None:
    seed = random.randrange(2**32)
    draw = random.Random(seed)
    values = [draw.randrange(2 ** draw.randrange(1, 34)) for _ in range(500)]
    histogram, counts = hot.Histogram(), Counts()
    for value in values:
        histogram.record(value)
        counts.count(bucket_of(value), 1)
    found = counts.figures(Stage.ENGINE)
    assert [found.p50[1], found.p90[1], found.p99[1]] == histogram.quantiles((0.5, 0.9, 0.99)), seed
    values.sort()
    for (low, high), rank in ((found.p50, 250), (found.p90, 450), (found.p99, 495), (found.longest, 500)):
        assert low <= values[rank - 1] <= high, (seed, rank)
    for value in values:
        low, high = bounds_of(bucket_of(value))
        assert low <= value <= high <= low + max(low // 64, 0), seed


def test_counts_can_be_taken_back() -> None:
    counts = Counts()
    for ns in (100, 2**50, 100):
        counts.count(bucket_of(ns), 1)
    counts.count(bucket_of(100), -1)
    low, high = bounds_of(bucket_of(2**50))
    assert (low, high) == (2**50, 2**50 + 2**44 - 1), "hours and days have buckets too"
    assert counts.figures(Stage.ENGINE) == StageFigures(Stage.ENGINE, 2, (100, 100), *((low, high),) * 3)


def test_an_amended_parent_wants_another_quantity() -> None:
    day = Day()
    day.hold(1, (3999, 4001), Held.SLICES, quantity_lots=300)
    amended = AlgoAmended(
        order_id=1,
        quantity_lots=500,
        price_ticks=None,
        schedule=Schedule(kind=ScheduleKind.TWAP, start_ns=day.now_ns, end_ns=day.now_ns + SECOND, slices=2),
        actor="t",
        time_ns=day.now_ns,
    )
    day.record(day.command(), amended)
    assert day.order(1).quantity_lots == 500


def test_the_orders_of_a_list_have_their_own_decisions() -> None:
    day = Day()
    commands = [day.command(client_order_id=f"m{each}", decision_ticks=each * 1000, decided_ns=each) for each in (1, 2)]
    events = [
        OrderSubmitted(**day.terms(each, command), reserved_price_ticks=1) for each, command in enumerate(commands, 1)
    ]
    body = SubmitOrders(request_id="r", actor="t", orders=tuple(commands))
    answered = tuple(Item(outcome=Done.DONE, order_id=each) for each in (1, 2))
    day.record(body, *events, ManyAnswered(items=answered, actor="t", time_ns=day.now_ns), seen=(3999, 4001))
    assert [(day.order(each).decision_half_ticks, day.order(each).decided_ns) for each in (1, 2)] == [
        (2000, 1),
        (4000, 2),
    ]


def test_a_slice_is_no_item_of_the_list_that_its_parent_came_with() -> None:
    day = Day()
    commands = [day.command(decision_ticks=each * 1000) for each in (1, 2)]
    terms = [day.terms(order_id, commands[0]) for order_id in (1, 2, 3)]
    events = [OrderSubmitted(**row, reserved_price_ticks=1, parent_id=at % 2) for at, row in enumerate(terms)]
    day.record(SubmitOrderList(request_id="r", actor="t", link=Link.OCO, orders=tuple(commands)), *events, seen=(1, 3))
    assert [day.order(each).decision_half_ticks for each in (1, 2, 3)] == [2000, 4, 4000]


def test_a_checkpoint_holds_integers_of_any_size() -> None:
    day = Day()
    for order_id in (1, 2):
        day.submit(order_id, (2**61, 2**61 + 2), quantity_lots=2**60)
        day.fill(order_id, f"e{order_id}", 2**60, 2**61, (2**61, 2**61 + 2), traded_lots=2**62, traded_value=2**122)
    again = decode(encode(day.books))
    assert again.summaries(GroupBy.ALL, ALL) == day.books.summaries(GroupBy.ALL, ALL)
    assert again.order(2) == day.books.order(2)
