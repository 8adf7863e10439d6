"""A split restates what limits are judged by, in one input: the engine's positions, the gate's, the price, limits."""

from __future__ import annotations

import random

import pytest

from meltica.domain import cash, lifecycle
from meltica.domain.commands import Revalue, SetLimits
from meltica.domain.events import LimitsChanged, ProposalMade
from meltica.domain.inputs import Input, Record, decode_record, encode_record
from meltica.domain.leases import GateBook, GateFacts, Share
from meltica.domain.limits import InstrumentLimits, PositionLimits, key_of
from meltica.domain.market import Mark
from meltica.domain.order import Side
from meltica.domain.position import Position
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.ledger.ledger import Ledger
from tests.engines import BTC, MARK_TICKS, SECOND, TestBench
from tests.replay.judge import recovered, replayed
from tests.unit.engine.stating import approve
from tests.unit.engine.test_orders import cancel, fill, named, tell
from tests.unit.engine.watch import ADA, refused


@pytest.fixture(params=["python", "cython"])
def bench(request):
    return TestBench(request.param)


def split(bench, numerator, denominator=1, name=BTC):
    facts = {"request_id": bench.request(), "actor": ADA, "reason": "the issuer says so"}
    return cash.SplitInstrument(**facts, instrument=name, numerator=numerator, denominator=denominator)


def traded(bench, side, lots, price=MARK_TICKS, *, fee=0, name=None):
    order = bench.submitted(side, lots, price)
    fill(bench, order, lots, name or f"e{order.order_id}", price=price, fee_nanos=fee)
    return order


def gate_lots(bench):
    return next((named("positions", row)["position_lots"] for row in bench.gate.export_state()["positions"]), 0)


def position(bench):
    return bench.engine.state.position("main", BTC)


def ledger_of(bench) -> Ledger:
    ledger = Ledger()
    for number, (happened, events) in enumerate(bench.history, 1):
        ledger.apply(number, happened.time_ns, decode_record(encode_record(Record(happened, events))))
    return ledger


def assert_agree(bench):
    """The engine's position, the gate's, and the ledger's by average cost."""
    mine, stream = position(bench), ledger_of(bench).stream("main", BTC)
    sums = stream.sums
    assert (mine.lots, mine.cost_nanos, mine.realised_nanos) == (sums.lots, sums.cost, sums.realised - sums.rounding)
    assert mine.realised_nanos - mine.cost_nanos - mine.fees_nanos == ledger_of(bench).custody.nanos(
        "BINANCE", "main", "USDT"
    )


def test_position_price_and_gate_follow_in_the_same_input(bench):
    traded(bench, Side.BUY, 30)
    worth = bench.engine.state.worth.total_nanos("main")
    first, *others = bench.step(split(bench, 4))
    assert isinstance(first, cash.InstrumentSplit)
    assert (position(bench).lots, position(bench).cost_nanos // position(bench).lots) == (120, MARK_TICKS * 100 // 4)
    assert bench.engine.state.tables.prices[BTC] == MARK_TICKS // 4
    assert bench.engine.state.worth.total_nanos("main") == worth, "nobody earned anything"
    assert gate_lots(bench) == 120
    assert all(isinstance(event, ProposalMade) for event in others)
    assert_agree(bench)


def test_a_price_of_before_the_split_does_not_come_back_while_the_market_rests(bench):
    traded(bench, Side.BUY, 30)
    worth, resting = bench.engine.state.worth.total_nanos("main"), Mark(BTC, bench.now_ns, MARK_TICKS)
    bench.step(split(bench, 4))

    def revalue(mark):
        bench.now_ns += SECOND
        happened = Input(bench.now_ns, Revalue(request_id="", actor="system:test"), (mark,))
        bench.history.append((happened, bench.engine.step(happened)))
        return bench.engine.state.tables.prices[BTC], ledger_of(bench).tables.prices[BTC]

    assert revalue(resting) == (MARK_TICKS // 4, MARK_TICKS // 4)
    assert bench.engine.state.worth.total_nanos("main") == worth
    assert revalue(Mark(BTC, bench.now_ns, 0)) == (MARK_TICKS // 4, MARK_TICKS // 4), "no price is none"
    assert revalue(Mark(BTC, bench.now_ns, MARK_TICKS // 4 + 7)) == (MARK_TICKS // 4 + 7, MARK_TICKS // 4 + 7)


def set_lots(bench, **lots):
    tables = bench.engine.state.tables
    for limits in (
        PositionLimits(account="main", instrument=BTC, max_long_lots=lots["long"], max_short_lots=lots["short"]),
    ):
        revision = tables.limits[key_of(limits)][1]
        bench.step(SetLimits(request_id=bench.request(), actor=ADA, limits=limits, revision=revision))


def limits_of(bench, kind):
    return next(one for one, _ in bench.engine.state.tables.limits.values() if isinstance(one, kind))


def test_limits_in_lots_that_shrink_follow_at_once(bench):
    set_lots(bench, long=105, short=9)
    changed = [event for event in bench.step(split(bench, 1, 10)) if isinstance(event, LimitsChanged)]
    assert {type(event.limits) for event in changed} == {InstrumentLimits, PositionLimits}
    found = limits_of(bench, PositionLimits)
    assert (found.max_long_lots, found.max_short_lots) == (10, 0), "whole lots, downwards: shut rather than open"


def test_limits_in_lots_that_grow_take_a_second_person(bench):
    set_lots(bench, long=100, short=10)
    traded(bench, Side.BUY, 100)
    proposals = [event for event in bench.step(split(bench, 2)) if isinstance(event, ProposalMade)]
    assert (limits_of(bench, PositionLimits).max_long_lots, position(bench).lots) == (100, 200)
    assert type(bench.submit(Side.BUY, 1)[0]).__name__ == "OrderDenied", "nobody alone lets more through"
    for made in proposals:
        approve(bench, made.proposal_id)
    found = limits_of(bench, PositionLimits)
    assert (found.max_long_lots, found.max_short_lots) == (200, 20)
    assert type(bench.submit(Side.BUY, 1)[0]).__name__ == "OrderDenied"
    bench.submitted(Side.SELL, 200, MARK_TICKS)


def test_what_is_open_in_old_lots_is_cancelled_first(bench):
    order = bench.submitted(Side.BUY, 10)
    tell(bench, ExecType.NEW, order)
    found = refused(bench, split(bench, 2), "ORDERS_OPEN", "instrument")
    assert "order 1 first: cancel them" in found.text
    cancel(bench, order)
    refused(bench, split(bench, 2), "ORDERS_OPEN", "instrument")
    tell(bench, ExecType.CANCELED, order)
    assert isinstance(bench.step(split(bench, 2))[0], cash.InstrumentSplit)


def test_more_lots_than_a_register_holds_are_refused(bench):
    bench.engine.state.tables.positions["main|" + BTC] = Position(account="main", instrument=BTC, lots=2**59)
    refused(bench, split(bench, 3), "RATIO_OUT_OF_RANGE", "numerator")


def test_lots_that_nothing_is_left_of_are_a_loss_of_what_they_cost(bench):
    traded(bench, Side.BUY, 3)
    cost = position(bench).cost_nanos
    bench.step(split(bench, 1, 10))
    assert (position(bench).lots, position(bench).cost_nanos, position(bench).realised_nanos) == (0, 0, -cost)
    assert gate_lots(bench) == 0
    assert_agree(bench)


def correct(bench, order, name, new, *, lots=0, price=0):
    bench.step(
        ExecutionReport(
            venue="BINANCE",
            client_order_id=order.client_order_id,
            exec_type=ExecType.TRADE_CORRECT if lots else ExecType.TRADE_CANCEL,
            execution_id=new,
            reference_execution_id=name,
            last_quantity_lots=lots,
            last_price_ticks=price,
        )
    )


@pytest.mark.parametrize("restart", [False, True])
def test_a_trade_of_before_a_split_that_is_corrected_later_counts_in_new_lots(bench, restart):
    order = traded(bench, Side.BUY, 10, MARK_TICKS, name="old")
    bench.step(split(bench, 3))
    bench.mark_ticks //= 3
    traded(bench, Side.BUY, 6, MARK_TICKS // 3, name="new")
    assert position(bench).lots == 36
    correct(bench, order, "old", "fixed", lots=8, price=MARK_TICKS + 3)
    assert (position(bench).lots, gate_lots(bench)) == (30, 30)
    assert_agree(bench)
    correct(bench, order, "fixed", "gone")
    assert (position(bench).lots, gate_lots(bench)) == (6, 6)
    assert_agree(bench)
    if restart:
        digest = replayed(bench.history, "python")
        for at in range(0, len(bench.history) + 1, 2):
            assert recovered(bench.history, "python", at // 2, at) == digest


@pytest.mark.parametrize("seed", range(8))
def test_random_days_with_splits_agree_with_the_ledger_and_with_plain_integers(seed):
    """Trades, corrections, busts and splits in any order; lots by plain integers, money by what was paid."""
    chance = random.Random(seed)
    bench = TestBench("python")
    orders, steps = [], []
    for _ in range(60):
        act = chance.random()
        if act < 0.7 or not orders:
            side, lots, price = chance.choice([Side.BUY, Side.SELL]), chance.randint(1, 60), chance.randint(900, 1100)
            order = traded(bench, side, lots, MARK_TICKS + price, fee=chance.randint(-5, 5))
            orders.append([order, f"e{order.order_id}", len(steps)])
            steps.append(("trade", side.sign * lots))
        elif act < 0.85:
            row = chance.choice(orders)
            lots = chance.randint(0, row[0].quantity_lots)
            if steps[row[2]][1]:
                fresh = f"{row[1]}c"
                correct(bench, row[0], row[1], fresh, lots=lots, price=MARK_TICKS)
                if lifecycle.may_trade(row[0]):
                    tell(bench, ExecType.CANCELED, row[0])  # What was corrected away would work again.
                row[1] = fresh
                steps[row[2]] = ("trade", row[0].side.sign * lots)
        else:
            ratio = chance.choice([(2, 1), (3, 2), (1, 2), (1, 7)])
            assert isinstance(bench.step(split(bench, *ratio))[0], cash.InstrumentSplit)
            steps.append(("split", ratio))
        lots = 0
        for what, value in steps:
            lots = lots + value if what == "trade" else (1 if lots > 0 else -1) * (abs(lots) * value[0] // value[1])
        assert position(bench).lots == lots == gate_lots(bench), seed
        assert_agree(bench)
    fills = [x for order, *_ in orders for x in [(order.side.sign, e) for e in order.executions.values()]]
    paid = sum(sign * e.quantity_lots * e.price_ticks * 100 + e.fee_nanos for sign, e in fills)
    at = position(bench)
    assert at.realised_nanos - at.cost_nanos - at.fees_nanos == -paid, seed
    digest = replayed(bench.history, "python")
    assert recovered(bench.history, "python", len(bench.history) // 3, len(bench.history) // 2) == digest


@pytest.mark.parametrize(
    ("facts", "retired", "refuses"),
    [
        (GateFacts(Share(1, 1)), False, True),
        (GateFacts(Share(1, 1)), True, False),
        (GateFacts(Share(1, 1), instruments=(BTC,)), False, True),
        (GateFacts(Share(1, 1), instruments=("ETH/USDT@BINANCE",)), False, False),
    ],
)
def test_while_a_hot_gate_counts_old_lots_nothing_is_split(bench, facts, retired, refuses):
    leases = bench.engine.state.tables.leases
    leases.facts["edge"], leases.gates["edge"] = facts, GateBook(retired=retired)
    if refuses:
        assert "edge" in refused(bench, split(bench, 2), "HOT_GATE_TRADES_IT", "instrument").text
    else:
        assert isinstance(bench.step(split(bench, 2))[0], cash.InstrumentSplit)


def test_a_strategy_that_starts_after_a_split_is_told_new_lots(bench):
    traded(bench, Side.BUY, 7)
    bench.step(split(bench, 3, 2))
    (found,) = bench.engine.state.strategy_positions("manual", "main")
    assert (found.lots, found.cost_nanos) == (10, position(bench).cost_nanos)


def test_a_correction_long_after_a_split_does_not_split_again(bench):
    traded(bench, Side.BUY, 10)
    bench.step(split(bench, 2))
    orders = [traded(bench, Side.BUY, 1) for _ in range(300)]
    last = orders[-1]
    correct(bench, last, f"e{last.order_id}", "fixed", lots=1, price=MARK_TICKS - 1)
    assert (position(bench).lots, gate_lots(bench)) == (320, 320)
    assert_agree(bench)
