"""Submit, amend, cancel: what each changes, and that it changes nothing else."""

from __future__ import annotations

from decimal import Decimal

import pytest

from meltica.domain import lifecycle
from meltica.domain.commands import AmendOrder, CancelAllOrders, CancelOrder
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.order_events import AmendDenied, CancelRequested, OrderDenied, OrderSubmitted, ReplaceRequested
from meltica.domain.reports import ExecType, ExecutionReport, OrderCancelReject
from meltica.hot.state import COLUMNS
from tests.engines import BTC, MARK_TICKS, TestBench, instrument
from tests.unit.engine.watch import ADA, changed, facts, only, refused

ETH = "ETH/USDT@BINANCE"
ORDERED = {"orders", "next_order_id", "ids"}


def tell(bench, kind, order, name=None, **told):
    report = ExecutionReport(venue="BINANCE", client_order_id=name or order.client_order_id, exec_type=kind, **told)
    return bench.step(report)


def fill(bench, order, lots, execution_id, price=MARK_TICKS, **told):
    told = {"last_quantity_lots": lots, "last_price_ticks": price, "execution_id": execution_id, **told}
    return tell(bench, ExecType.TRADE, order, **told)


def amend(bench, order, quantity=None, price=None, **kw):
    request = {"request_id": bench.request(), "actor": ADA, "order_id": order.order_id}
    return bench.step(AmendOrder(**request, quantity_lots=quantity, price_ticks=price, **kw))


def cancel(bench, order, **kw):
    return bench.step(CancelOrder(request_id=bench.request(), actor=ADA, order_id=order.order_id, **kw))


def held(bench, account="main"):
    """(orders, value in nanos, buy lots, sell lots of BTC) that the gate holds for the account."""
    state = bench.gate.export_state()
    row = bench.engine.state.tables.accounts[account]
    of_account = next(named("accounts", r) for r in state["accounts"] if r[0] == row)
    of_position = next((named("positions", r) for r in state["positions"] if r[:2] == [row, 1]), {})
    lots = (of_position.get(f"open_{side}_lots", 0) for side in ("buy", "sell"))
    return of_account["open_orders"], of_account["open_value_nanos"], *lots


def named(table, row):
    return dict(zip(COLUMNS[table], row, strict=True))


@pytest.fixture(params=["python", "cython"])
def bench(request):
    return TestBench(request.param)


def test_an_order_that_passes_is_held_and_sent(bench):
    before = facts(bench)
    event = only(bench.submit(quantity_lots=100, post_only=True), OrderSubmitted)
    assert changed(before, facts(bench)) == ORDERED | {"gate", "working"}
    order = bench.engine.state.order(event.order_id)
    assert (order.client_order_id, order.quantity_lots, order.price_ticks, order.post_only) == (
        "m1",
        100,
        MARK_TICKS,
        True,
    )
    assert held(bench) == (1, MARK_TICKS * 100 * 100, 100, 0)
    assert lifecycle.status(order).value == "PendingNew"


def test_a_market_order_is_held_at_the_worst_price_of_the_collar():
    bench = TestBench(collar_bps=100)
    order = bench.submitted(Side.BUY, 100, None)
    assert order.reserved_price_ticks == MARK_TICKS * 101 // 100
    assert held(bench) == (1, order.reserved_price_ticks * 100 * 100, 100, 0)


@pytest.mark.parametrize("tif", [TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK])
def test_forms_that_are_allowed(bench, tif):
    only(bench.submit(time_in_force=tif), OrderSubmitted)
    only(bench.submit(price_ticks=None, time_in_force=tif), OrderSubmitted)
    assert bench.submit(order_type=OrderType.LIMIT)[0].time_in_force is TimeInForce.GTC


def test_a_denied_order_is_remembered_and_holds_nothing():
    bench = TestBench(max_quantity_lots=99)
    before = facts(bench)
    event = only(bench.submit(quantity_lots=100), OrderDenied)
    assert event.reason == "MAX_QUANTITY"
    assert changed(before, facts(bench)) == ORDERED
    assert lifecycle.status(bench.engine.state.order(event.order_id)).value == "Rejected"
    assert held(bench) == (0, 0, 0, 0)


def test_working_orders_count_for_the_position(bench):
    """A flaw of the first Meltica: it looked at the position alone."""
    small = TestBench(max_long_lots=150)
    small.submitted(quantity_lots=100)
    assert only(small.submit(quantity_lots=51), OrderDenied).reason == "POSITION_LIMIT"
    only(small.submit(quantity_lots=50), OrderSubmitted)


def test_no_price_no_order():
    """Another: with no reference it measured the order against its own price."""
    bench = TestBench(reference_max_age_ns=0)
    assert only(bench.submit(), OrderDenied).reason == "STALE_REFERENCE"


def test_too_fast_is_refused_not_kept_waiting():
    """And another: the throttle slept."""
    bench = TestBench(messages_per_second=1, message_burst=2)
    answers = [bench.submit()[0] for _ in range(3)]
    assert [type(answer) for answer in answers] == [OrderSubmitted, OrderSubmitted, OrderDenied]
    assert answers[-1].reason == "MESSAGE_RATE"


@pytest.mark.parametrize("taken", ["m2", "m2.1"])
def test_an_id_that_a_caller_took_is_not_made_again(bench, taken):
    """Two orders under one id could not be told apart."""
    bench.submitted(client_order_id=taken)
    order = bench.submitted()
    event = only(cancel(bench, order), CancelRequested)
    assert len({taken, order.client_order_id, event.client_order_id}) == 3
    tell(bench, ExecType.CANCELED, order, event.client_order_id)
    states = [lifecycle.status(bench.engine.state.order(number)).value for number in (1, 2)]
    assert states == ["PendingNew", "Canceled"]


def test_reduce_only_closes_and_never_opens(bench):
    assert only(bench.submit(Side.SELL, 1, reduce_only=True), OrderDenied).reason == "REDUCE_ONLY_WOULD_INCREASE"
    fill(bench, bench.submitted(quantity_lots=100), 100, "e1")
    assert only(bench.submit(Side.BUY, 1, reduce_only=True), OrderDenied).reason == "REDUCE_ONLY_WOULD_INCREASE"
    first = bench.submitted(Side.SELL, 60, reduce_only=True)
    denied = only(bench.submit(Side.SELL, 41, reduce_only=True), OrderDenied)
    assert denied.reason == "REDUCE_ONLY_WOULD_INCREASE"
    assert denied.text == "0.00100 can be closed and 0.00060 is working on that side already", "not in lots"
    only(bench.submit(Side.SELL, 40, reduce_only=True), OrderSubmitted)
    assert only(amend(bench, first, 61), AmendDenied).reason == "POSITION_LIMIT"


def test_an_amendment_holds_the_worst_of_both_until_the_venue_answers(bench):
    order = bench.submitted(quantity_lots=100)
    tell(bench, ExecType.NEW, order)
    first = only(amend(bench, order, 150), ReplaceRequested)
    assert (first.client_order_id, first.original_client_order_id) == ("m1.1", "m1")
    assert held(bench)[2] == 150
    second = only(amend(bench, order, 80), ReplaceRequested)
    assert held(bench)[2] == 150, "the venue may still say yes to the first"
    tell(bench, ExecType.REPLACED, order, first.client_order_id)
    assert (order.quantity_lots, order.client_order_id, held(bench)[2]) == (150, "m1.1", 150)
    tell(bench, ExecType.REPLACED, order, second.client_order_id)
    assert (order.quantity_lots, held(bench)[2]) == (80, 80)
    assert not order.pending


def test_a_refused_amendment_gives_back_what_it_held(bench):
    order = bench.submitted(quantity_lots=100)
    event = only(amend(bench, order, 150, MARK_TICKS + 10), ReplaceRequested)
    assert held(bench)[1] == 150 * (MARK_TICKS + 10) * 100
    bench.step(OrderCancelReject(venue="BINANCE", client_order_id=event.client_order_id))
    assert held(bench) == (1, 100 * MARK_TICKS * 100, 100, 0)


def test_an_amendment_that_the_gate_refuses_changes_nothing():
    bench = TestBench(max_long_lots=120)
    order = bench.submitted(quantity_lots=100)
    before = facts(bench)
    assert only(amend(bench, order, 121), AmendDenied).reason == "POSITION_LIMIT"
    assert changed(before, facts(bench)) == set()


def test_an_amendment_below_what_is_filled_asks_no_gate():
    bench = TestBench(messages_per_second=1, message_burst=1)
    order = bench.submitted(quantity_lots=100)
    fill(bench, order, 60, "e1")
    assert only(amend(bench, order, 70), AmendDenied).reason == "MESSAGE_RATE"
    event = only(amend(bench, order, 50), ReplaceRequested)
    tell(bench, ExecType.REPLACED, order, event.client_order_id)
    assert (order.quantity_lots, lifecycle.status(order).value, held(bench)[0]) == (60, "Filled", 0)


def test_a_cancel_ends_only_with_the_venues_word(bench):
    order = bench.submitted(quantity_lots=100)
    event = only(cancel(bench, order, client_order_id="mine"), CancelRequested)
    assert (event.client_order_id, held(bench)[2]) == ("mine", 100)
    tell(bench, ExecType.PENDING_CANCEL, order, "mine")
    assert lifecycle.status(order).value == "PendingCancel"
    tell(bench, ExecType.CANCELED, order, "mine")
    assert (lifecycle.status(order).value, held(bench)) == ("Canceled", (0, 0, 0, 0))
    command = CancelOrder(request_id="again", actor=ADA, order_id=order.order_id)
    refused(bench, command, "ORDER_TERMINAL", "order_id")
    refused(bench, AmendOrder(request_id="x", actor=ADA, order_id=1, quantity_lots=5), "ORDER_TERMINAL", "order_id")


def test_cancel_all_takes_what_matches_once(bench):
    bench.open_up(instrument(ETH, 2), strategies=("a", "b"))
    bench.open_up(bench.engine.state.instrument(ETH), "second")
    mine = bench.submitted(strategy="a")
    bench.submitted(strategy="b")
    bench.submitted(strategy="a", instrument=ETH)
    bench.submitted(account="second", instrument=ETH)

    def cancelled(**which):
        return [event.order_id for event in bench.step(CancelAllOrders(request_id=bench.request(), actor=ADA, **which))]

    assert cancelled(strategy="nobody") == []
    assert cancelled(account="main", strategy="a", instrument=BTC) == [1]
    assert cancelled(strategy="a") == [3], "the first has its cancel already"
    assert cancelled() == [2, 4]
    assert cancelled() == []
    bench.step(OrderCancelReject(venue="BINANCE", client_order_id=mine.pending[0].client_order_id))
    assert cancelled() == [1], "a refused cancel may be asked again"


def test_a_filled_order_is_reopened_by_a_larger_quantity(bench):
    """FIX C.1.c: what is added is judged and held like a new order."""
    order = bench.submitted(quantity_lots=100)
    fill(bench, order, 100, "e1")
    assert held(bench) == (0, 0, 0, 0)
    event = only(amend(bench, order, 130), ReplaceRequested)
    assert held(bench) == (1, 30 * MARK_TICKS * 100, 30, 0)
    tell(bench, ExecType.REPLACED, order, event.client_order_id)
    assert (lifecycle.status(order).value, lifecycle.leaves_lots(order)) == ("PartiallyFilled", 30)
    small = TestBench(max_long_lots=110)
    order = small.submitted(quantity_lots=100)
    fill(small, order, 100, "e1")
    assert only(amend(small, order, 111), AmendDenied).reason == "POSITION_LIMIT"


def test_a_market_order_that_comes_back_the_next_day_is_held_at_its_price(bench):
    order = bench.submitted(Side.BUY, 100, None)
    before = held(bench)
    tell(bench, ExecType.DONE_FOR_DAY, order, leaves_lots=0)
    assert held(bench) == (0, 0, 0, 0)
    tell(bench, ExecType.RESTATED, order)
    assert held(bench) == before


def test_an_amendment_that_with_the_order_as_it_is_fits_no_register(bench):
    """One lot at a huge price, amended to many lots at a low one: until the answer, both may be true."""
    tiny = instrument("A/B@BINANCE", 5, lot_size=Decimal("0.0000001"), max_price_ticks=2**60)
    bench.mark_ticks = 2**59
    bench.open_up(tiny, max_value_nanos=2**62, collar_bps=100_000)
    order = bench.submitted(Side.BUY, 1, 2**59, instrument="A/B@BINANCE")
    request = AmendOrder(request_id="x", actor=ADA, order_id=order.order_id, quantity_lots=2**10, price_ticks=2**40)
    refused(bench, request, "QUANTITY_OUT_OF_RANGE", "quantity")
