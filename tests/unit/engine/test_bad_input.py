"""Every field of every input set wrong, one at a time: refused by name, no exception, nothing changed."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meltica.domain.commands import (
    AmendOrder,
    ApproveProposal,
    CancelOrder,
    EngageKillSwitch,
    ProposeKillSwitchRelease,
    RegisterInstrument,
    SetLimits,
    SubmitOrder,
)
from meltica.domain.events import CommandRefused
from meltica.domain.inputs import Input, Record, decode_record, encode_record
from meltica.domain.limits import AccountLimits, InstrumentLimits, PositionLimits
from meltica.domain.market import Mark, TradingStatus
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.order_events import AmendDenied, OrderDenied, OrderSubmitted, ReplaceRequested
from meltica.domain.reports import ExecType, ExecutionReport, OrderCancelReject
from meltica.engine.snapshot import snapshot
from tests.engines import BTC, MARK_TICKS, TestBench, instrument
from tests.unit.engine.watch import ADA, BOB, SYSTEM, changed, facts, refused

INT64_MAX = 2**63 - 1
SUBMIT = SubmitOrder(
    request_id="bad",
    actor=ADA,
    account="main",
    strategy="manual",
    instrument=BTC,
    side=Side.BUY,
    order_type=OrderType.LIMIT,
    time_in_force=TimeInForce.GTC,
    quantity_lots=100,
    price_ticks=MARK_TICKS,
)
WRONG_SUBMITS = [
    ({"instrument": "ETH/USDT@BINANCE"}, "UNKNOWN_INSTRUMENT", "instrument"),
    ({"instrument": ""}, "UNKNOWN_INSTRUMENT", "instrument"),
    ({"account": "other"}, "UNKNOWN_ACCOUNT", "account"),
    ({"account": ""}, "UNKNOWN_ACCOUNT", "account"),
    ({"quantity_lots": 0}, "QUANTITY_NOT_POSITIVE", "quantity"),
    ({"quantity_lots": -1}, "QUANTITY_NOT_POSITIVE", "quantity"),
    ({"quantity_lots": -(2**70)}, "QUANTITY_NOT_POSITIVE", "quantity"),
    ({"quantity_lots": 2**63}, "QUANTITY_OUT_OF_RANGE", "quantity"),
    ({"quantity_lots": 2**200}, "QUANTITY_OUT_OF_RANGE", "quantity"),
    ({"quantity_lots": 4}, "QUANTITY_BELOW_MINIMUM", "quantity"),
    ({"price_ticks": None}, "PRICE_REQUIRED", "price"),
    ({"price_ticks": 2**63}, "PRICE_OUT_OF_RANGE", "price"),
    ({"price_ticks": -(2**63)}, "PRICE_OUT_OF_RANGE", "price"),
    ({"price_ticks": 1}, "VALUE_BELOW_MINIMUM", "quantity"),
    ({"order_type": OrderType.MARKET}, "PRICE_NOT_ALLOWED", "price"),
    ({"order_type": OrderType.MARKET, "price_ticks": None}, "MARKET_ORDER_CANNOT_REST", "time_in_force"),
    ({"post_only": True, "time_in_force": TimeInForce.IOC}, "POST_ONLY_NOT_RESTING", "post_only"),
    ({"post_only": True, "time_in_force": TimeInForce.FOK}, "POST_ONLY_NOT_RESTING", "post_only"),
    ({"client_order_id": "taken"}, "DUPLICATE_CLIENT_ORDER_ID", "client_order_id"),
    ({"client_order_id": "taken-by-a-cancel"}, "DUPLICATE_CLIENT_ORDER_ID", "client_order_id"),
]


@pytest.fixture(params=["python", "cython"])
def bench(request):
    it = TestBench(request.param)
    small = instrument("SOL/USDT@BINANCE", 2, min_quantity_lots=5, min_value_nanos=10**6)
    it.open_up(small)
    order = it.submitted(client_order_id="taken", quantity_lots=50)
    body = CancelOrder(request_id="c", actor=ADA, order_id=order.order_id, client_order_id="taken-by-a-cancel")
    it.step(body)
    return it


@pytest.mark.parametrize(("wrong", "reason", "field"), WRONG_SUBMITS, ids=str)
def test_submit(bench, wrong, reason, field):
    command = msgspec.structs.replace(SUBMIT, **({"instrument": "SOL/USDT@BINANCE"} | wrong))
    refused(bench, command, reason, field)


WRONG_AMENDS = [
    ({}, "NOTHING_TO_AMEND", "quantity"),
    ({"order_id": 0, "quantity_lots": 1}, "UNKNOWN_ORDER", "order_id"),
    ({"order_id": -1, "quantity_lots": 1}, "UNKNOWN_ORDER", "order_id"),
    ({"order_id": 2**64, "quantity_lots": 1}, "UNKNOWN_ORDER", "order_id"),
    ({"quantity_lots": 0}, "QUANTITY_NOT_POSITIVE", "quantity"),
    ({"quantity_lots": -5}, "QUANTITY_NOT_POSITIVE", "quantity"),
    ({"quantity_lots": 2**63}, "QUANTITY_OUT_OF_RANGE", "quantity"),
    ({"price_ticks": 0}, "PRICE_OUT_OF_RANGE", "price"),
    ({"price_ticks": -1}, "PRICE_OUT_OF_RANGE", "price"),
    ({"price_ticks": 2**63}, "PRICE_OUT_OF_RANGE", "price"),
    ({"quantity_lots": 1, "price_ticks": -1}, "PRICE_OUT_OF_RANGE", "price"),
    ({"quantity_lots": 60, "client_order_id": "taken"}, "DUPLICATE_CLIENT_ORDER_ID", "client_order_id"),
    ({"quantity_lots": 60, "client_order_id": "other"}, "DUPLICATE_CLIENT_ORDER_ID", "client_order_id"),
]


@pytest.mark.parametrize(("wrong", "reason", "field"), WRONG_AMENDS, ids=str)
def test_amend(bench, wrong, reason, field):
    bench.submitted(client_order_id="other")
    refused(bench, AmendOrder(**({"request_id": "bad", "actor": ADA, "order_id": 1} | wrong)), reason, field)


@pytest.mark.parametrize("order_id", [0, -1, 99, 2**64])
def test_cancel_of_an_unknown_order(bench, order_id):
    refused(bench, CancelOrder(request_id="bad", actor=ADA, order_id=order_id), "UNKNOWN_ORDER", "order_id")


def test_cancel_under_an_id_that_is_taken(bench):
    """Or the reports for one order would be booked on another."""
    bench.submitted(client_order_id="other")
    command = CancelOrder(request_id="bad", actor=ADA, order_id=1, client_order_id="other")
    refused(bench, command, "DUPLICATE_CLIENT_ORDER_ID", "client_order_id")


ROWS = [
    InstrumentLimits(instrument=BTC),
    AccountLimits(account="main"),
    PositionLimits(account="main", instrument=BTC),
]
NUMBERS = [(row, name) for row in ROWS for name in row.__struct_fields__ if type(getattr(row, name)) is int]


@pytest.mark.parametrize("value", [-1, -(2**63), 2**63, 2**200])
@pytest.mark.parametrize(("row", "name"), NUMBERS, ids=[name for _, name in NUMBERS])
def test_limits_out_of_range(bench, row, name, value):
    command = SetLimits(request_id="bad", actor=ADA, limits=msgspec.structs.replace(row, **{name: value}), revision=1)
    refused(bench, command, "LIMIT_OUT_OF_RANGE", name)


@pytest.mark.parametrize(
    ("row", "revision", "reason", "field"),
    [
        (InstrumentLimits(instrument="NO/NE@BINANCE"), 0, "UNKNOWN_INSTRUMENT", "instrument"),
        (PositionLimits(account="main", instrument=""), 0, "UNKNOWN_INSTRUMENT", "instrument"),
        (PositionLimits(account="nobody", instrument=BTC), 0, "UNKNOWN_ACCOUNT", "account"),
        (AccountLimits(account=""), 0, "ACCOUNT_NAME_INVALID", "account"),
        (AccountLimits(account="a|b"), 0, "ACCOUNT_NAME_INVALID", "account"),
        (AccountLimits(account=f"main/positions/{BTC}"), 0, "ACCOUNT_NAME_INVALID", "account"),
        (AccountLimits(account="main"), 0, "REVISION_MISMATCH", "etag"),
        (AccountLimits(account="main"), 2, "REVISION_MISMATCH", "etag"),
        (AccountLimits(account="main"), -1, "REVISION_MISMATCH", "etag"),
        (AccountLimits(account="new"), 1, "REVISION_MISMATCH", "etag"),
    ],
    ids=str,
)
def test_limits_of_nothing_or_against_another_revision(bench, row, revision, reason, field):
    refused(bench, SetLimits(request_id="bad", actor=SYSTEM, limits=row, revision=revision), reason, field)


@pytest.mark.parametrize(
    ("traded", "reason", "field"),
    [
        (instrument(tick_size=Decimal("0.1")), "INSTRUMENT_EXISTS", "instrument"),
        (instrument("A/B@BINANCE", 1), "HANDLE_TAKEN", "handle"),
        (instrument("A/B@BINANCE", 16), "GATE_FULL", "handle"),
        (instrument("BTC/USD:BTC@BINANCE", 9, quote_currency="USD"), "NOT_LINEAR", "quote_currency"),
        (instrument("BTC/USD:BTC-261225-90000-C@OKX", 9, quote_currency="USD"), "NOT_LINEAR", "quote_currency"),
    ],
    ids=["other facts", "handle taken", "no row", "inverse", "inverse option"],
)
def test_instruments(bench, traded, reason, field):
    refused(bench, RegisterInstrument(request_id="bad", actor=SYSTEM, instrument=traded), reason, field)


def test_the_same_instrument_again_is_no_news(bench):
    before = facts(bench)
    assert bench.step(RegisterInstrument(request_id="again", actor=SYSTEM, instrument=instrument())) == ()
    assert changed(before, facts(bench)) == set()


def test_controls_of_nothing(bench):
    common = {"request_id": "bad", "actor": ADA}
    refused(bench, EngageKillSwitch(**common, reason="", account="nobody"), "UNKNOWN_ACCOUNT", "account")
    for account in ("", "main", "nobody"):
        refused(bench, ProposeKillSwitchRelease(**common, reason="", account=account), "NOT_ENGAGED", "account")
    for proposal_id in (0, -1, 1, 2**64):
        refused(bench, ApproveProposal(**common, proposal_id=proposal_id), "UNKNOWN_PROPOSAL", "proposal_id")


def test_an_account_too_many_is_refused_even_when_the_row_was_free_at_the_proposal():
    """Two proposals for the gate's last row: the second approval must not break the fold."""
    bench = TestBench()
    for name in ("b", "c"):
        row = AccountLimits(account=name, enabled=True)
        bench.step(SetLimits(request_id=bench.request(), actor=SYSTEM, limits=row, revision=0))
    for name in ("d", "e"):
        row = AccountLimits(account=name, enabled=True)
        bench.step(SetLimits(request_id=bench.request(), actor=ADA, limits=row, revision=0))
    bench.step(ApproveProposal(request_id="1", actor=BOB, proposal_id=1))
    refused(bench, ApproveProposal(request_id="2", actor=BOB, proposal_id=2), "GATE_FULL", "account")


HUGE = [-(2**63), -1, 0, 1, 2**31, 2**53, 2**60, 2**60 + 1, 2**62, INT64_MAX - 1, INT64_MAX]


@pytest.mark.parametrize("backend", ["python", "cython"])
@pytest.mark.parametrize("unit", ["0.00001", "1000"])
def test_quantities_and_prices_up_to_the_largest(backend, unit):
    """With limits as wide as they go: each combination passes or is refused, and can be journaled and snapshot."""
    bench = TestBench(
        backend,
        max_quantity_lots=INT64_MAX,
        max_value_nanos=INT64_MAX,
        max_open_value_nanos=INT64_MAX,
        max_long_lots=2**60,
        max_short_lots=2**60,
    )  # fmt: skip - one call, not a page
    wide = instrument("B/B@BINANCE", 3, lot_size=Decimal(unit), max_price_ticks=INT64_MAX, max_quantity_lots=INT64_MAX)
    bench.open_up(
        wide,
        max_quantity_lots=INT64_MAX,
        max_value_nanos=INT64_MAX,
        max_long_lots=2**60,
        max_short_lots=2**60,
        collar_bps=100_000,
    )
    answers = (OrderSubmitted, OrderDenied, CommandRefused, AmendDenied, ReplaceRequested)
    seen = set()
    for lots in HUGE:
        for price in [*HUGE, None]:
            bench.mark_ticks = price or MARK_TICKS
            events = bench.submit(Side.BUY, lots, price, instrument=wide.instrument)
            if isinstance(events[0], OrderSubmitted):
                amend = {"request_id": "a", "actor": ADA, "order_id": events[0].order_id}
                for quantity in (lots + 1, 1, 2**60, INT64_MAX):
                    for new_price in (None, price and price + 1, price and max(1, price // 2)):
                        events += bench.step(AmendOrder(**amend, quantity_lots=quantity, price_ticks=new_price))
            assert all(isinstance(event, answers) for event in events)
            seen.update(type(event) for event in events)
    assert seen >= {OrderSubmitted, OrderDenied, CommandRefused, ReplaceRequested}
    assert bench.gate.counters()["faults"] == 0
    for entry in bench.history:
        assert decode_record(encode_record(Record(*entry))) == Record(*entry)
    assert snapshot.encode(bench.engine)


numbers = st.sampled_from([*HUGE, 2**63, 2**64, 2**70, -(2**70)]) | st.integers(-5, 200)
reports = st.builds(
    ExecutionReport,
    venue=st.sampled_from(["BINANCE", "BINANCE", "BINANCE", "XNAS", ""]),
    client_order_id=st.sampled_from(["one", "one", "two", "three", "", "nobody", "new-name"]),
    original_client_order_id=st.sampled_from(["", "one", "two", "nobody"]),
    exec_type=st.sampled_from(ExecType),
    execution_id=st.sampled_from(["", "a", "b", "c", "d", "e", "f"]),
    reference_execution_id=st.sampled_from(["", "a", "b", "c", "z"]),
    last_quantity_lots=numbers,
    last_price_ticks=numbers,
    fee_nanos=numbers,
    order_quantity_lots=st.none() | numbers,
    price_ticks=st.none() | numbers,
    leaves_lots=st.none() | numbers,
)
rejects = st.builds(
    OrderCancelReject,
    venue=st.sampled_from(["BINANCE", ""]),
    client_order_id=st.sampled_from(["one", "nobody", ""]),
    original_client_order_id=st.sampled_from(["one", "", "nobody"]),
)


@pytest.mark.parametrize("backend", ["python", "cython"])
def test_a_venue_that_says_anything_breaks_nothing(backend):
    @settings(print_blob=True, deadline=None, max_examples=120)
    @given(st.lists(reports | rejects, max_size=30))
    def say(said):
        bench = TestBench(backend)
        for name, side, price in (("one", Side.BUY, 0), ("two", Side.SELL, 9), ("three", Side.BUY, 0)):
            bench.submitted(side, 1_000, MARK_TICKS + price, client_order_id=name)
        bench.submitted(Side.SELL, 10, MARK_TICKS + 9)
        for report in said:
            bench.step(report)
        assert bench.gate.counters()["faults"] == 0
        assert snapshot.encode(bench.engine)
        for entry in bench.history:
            encode_record(Record(*entry))

    say()


@pytest.mark.parametrize("price", [0, -1, -(2**70), 2**60 + 1, 2**70])
def test_a_mark_that_makes_no_sense_is_no_reference(bench, price):
    """The mid of a spread may be negative: nothing passes on it, nothing breaks."""
    bench.mark_ticks = price
    (denied,) = bench.submit()
    assert (type(denied), denied.reason) == (OrderDenied, "PRICE_COLLAR")
    bench.mark_ticks = MARK_TICKS
    assert isinstance(bench.submit()[0], OrderSubmitted)


def test_a_mark_of_no_time_or_of_nothing_known_is_no_reference(bench):
    for time_ns in (-1, 2**64):
        bench.engine.step(Input(bench.now_ns, TradingStatus(BTC, 0, halted=False), (Mark(BTC, time_ns, MARK_TICKS),)))
    bench.engine.step(Input(bench.now_ns, TradingStatus("NO/NE@X", 0, halted=True), (Mark("NO/NE@X", 1, 1),)))
    assert bench.engine.state.tables.halted == {}
