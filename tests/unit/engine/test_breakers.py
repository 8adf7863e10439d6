"""Circuit breakers: they trip on what the journal tells, say so, and let go of nothing by mistake."""

from __future__ import annotations

import datetime as dt
import re

import msgspec
import pytest

from meltica.domain.breakers import Breaker
from meltica.domain.commands import ApproveProposal, BeginDay, RearmBreaker, Revalue, SetLimits
from meltica.domain.events import BreakerRearmed, BreakerTripped, DayBegan, ProposalClosed, ProposalMade
from meltica.domain.order import Side
from meltica.domain.order_events import OrderDenied, OrderSubmitted
from meltica.domain.reports import ExecType
from meltica.engine.snapshot import snapshot
from tests.engines import BTC, MARK_TICKS, SECOND, TestBench
from tests.unit.engine.test_fills import tell
from tests.unit.engine.test_orders import fill
from tests.unit.engine.watch import ADA, BOB, only, refused

LOTS = 1_000
TICK_NANOS = LOTS * 100
"""What a move by one tick makes of LOTS."""


def bench_of(backend: str, **limits: int) -> TestBench:
    """Long LOTS, at the mark."""
    bench = TestBench(backend, **limits)
    fill(bench, bench.submitted(quantity_lots=LOTS), LOTS, "open")
    return bench


@pytest.fixture(params=["python", "cython"])
def backend(request):
    return request.param


def revalue(bench, ticks):
    bench.mark_ticks = MARK_TICKS + ticks
    return bench.step(Revalue(request_id="", actor="system:test"))


def rearm(bench, breaker, actor=ADA, **whose):
    whose = whose or {"account": "main"}
    return RearmBreaker(request_id=bench.request(), actor=actor, reason="looked at it", breaker=breaker, **whose)


def approve(bench, made, actor=BOB):
    return bench.step(ApproveProposal(request_id=bench.request(), actor=actor, proposal_id=made.proposal_id))


def pnl(bench):
    (profit,) = bench.engine.state.day_profits()
    return profit.pnl_nanos


def test_a_loss_on_what_is_held_trips_without_an_order(backend):
    bench = bench_of(backend, max_daily_loss_nanos=5 * TICK_NANOS)
    assert revalue(bench, -4) == ()
    event = only(revalue(bench, -5), BreakerTripped)
    assert (event.breaker, event.account, event.strategy, event.epoch) == (Breaker.DAILY_LOSS, "main", "", 1)
    assert "-0.0005" in event.text
    assert pnl(bench) == -5 * TICK_NANOS
    denied = only(bench.submit(price_ticks=MARK_TICKS - 5), OrderDenied)
    assert denied.reason == "DAILY_LOSS"
    assert "0.0005" in denied.text
    assert revalue(bench, 3) == (), "it is latched, whatever the market does"
    assert only(bench.submit(), OrderDenied).reason == "DAILY_LOSS"


def test_an_order_trips_it_by_the_price_it_brings_and_is_refused(backend):
    bench = bench_of(backend, max_daily_loss_nanos=5 * TICK_NANOS)
    bench.mark_ticks -= 6
    tripped, denied = bench.submit(price_ticks=MARK_TICKS - 6)
    assert (type(tripped), type(denied), denied.reason) == (BreakerTripped, OrderDenied, "DAILY_LOSS")


def test_fees_and_realised_losses_count(backend):
    bench = bench_of(backend, max_daily_loss_nanos=10 * TICK_NANOS)
    order = bench.submitted(Side.SELL, LOTS, MARK_TICKS)
    events = fill(bench, order, LOTS, "close", MARK_TICKS - 9, fee_nanos=TICK_NANOS)
    assert [type(event).__name__ for event in events] == ["OrderFilled", "BreakerTripped"]
    assert pnl(bench) == -10 * TICK_NANOS


def test_the_way_out_stays_open(backend):
    bench = bench_of(backend, max_daily_loss_nanos=TICK_NANOS)
    revalue(bench, -1)
    assert only(bench.submit(Side.SELL, 10, MARK_TICKS), OrderDenied).reason == "DAILY_LOSS"
    only(bench.submit(Side.SELL, LOTS, MARK_TICKS, reduce_only=True), OrderSubmitted)


def test_a_drawdown_counts_from_the_best_of_the_day(backend):
    bench = bench_of(backend, max_drawdown_nanos=5 * TICK_NANOS)
    assert revalue(bench, 20) == revalue(bench, 16) == ()
    assert only(revalue(bench, 15), BreakerTripped).breaker is Breaker.DRAWDOWN
    assert only(bench.submit(), OrderDenied).reason == "DRAWDOWN"
    made = only(bench.step(rearm(bench, Breaker.DRAWDOWN)), ProposalMade)
    approve(bench, made)
    only(bench.submit(), OrderSubmitted)
    assert revalue(bench, 11) == ()
    assert only(revalue(bench, 10), BreakerTripped).epoch == 3, "from where it was re-armed"


def test_rearming_takes_a_second_person_and_is_bound_to_this_trip(backend):
    bench = bench_of(backend, max_drawdown_nanos=5 * TICK_NANOS)
    refused(bench, rearm(bench, Breaker.DRAWDOWN), "NOT_TRIPPED")
    revalue(bench, -5)
    first, second = (only(bench.step(rearm(bench, Breaker.DRAWDOWN)), ProposalMade) for _ in range(2))
    body = ApproveProposal(request_id="same", actor=ADA + "/phone", proposal_id=first.proposal_id)
    refused(bench, body, "SAME_PERSON")
    closed, done = approve(bench, first)
    assert (type(closed), type(done)) == (ProposalClosed, BreakerRearmed)
    assert (done.proposer, done.approver, done.epoch) == (ADA, BOB, 2)
    late = ApproveProposal(request_id="late", actor=BOB, proposal_id=second.proposal_id)
    refused(bench, late, "PROPOSAL_OVERTAKEN")


def test_a_daily_loss_that_is_still_there_trips_again_after_rearming(backend):
    bench = bench_of(backend, max_daily_loss_nanos=5 * TICK_NANOS)
    revalue(bench, -5)
    _, rearmed, again = approve(bench, only(bench.step(rearm(bench, Breaker.DAILY_LOSS)), ProposalMade))
    assert (type(rearmed), rearmed.epoch, type(again), again.epoch) == (BreakerRearmed, 2, BreakerTripped, 3)
    assert only(bench.submit(), OrderDenied).reason == "DAILY_LOSS"
    assert revalue(bench, -6) == ()


def test_so_does_one_whose_time_is_up(backend):
    bench = bench_of(backend, max_daily_loss_nanos=5 * TICK_NANOS, rearm_after_ns=60 * SECOND)
    revalue(bench, -5)
    bench.now_ns += 60 * SECOND
    rearmed, again, denied = bench.submit(price_ticks=MARK_TICKS - 5)
    assert [type(event) for event in (rearmed, again, denied)] == [BreakerRearmed, BreakerTripped, OrderDenied]
    assert again.rearm_ns == bench.now_ns + 60 * SECOND


def test_a_new_day_begins_at_nothing_but_breakers_stay(backend):
    bench = bench_of(backend, max_daily_loss_nanos=5 * TICK_NANOS)
    revalue(bench, -5)
    only(bench.step(BeginDay(request_id="", actor="system:trading-day")), DayBegan)
    assert pnl(bench) == 0
    assert only(bench.submit(), OrderDenied).reason == "DAILY_LOSS", "it waits for two persons"
    approve(bench, only(bench.step(rearm(bench, Breaker.DAILY_LOSS)), ProposalMade))
    only(bench.submit(), OrderSubmitted)
    assert revalue(bench, -9) == ()
    assert only(revalue(bench, -10), BreakerTripped).breaker is Breaker.DAILY_LOSS


def test_a_timed_one_lets_go_by_itself_and_says_so(backend):
    bench = bench_of(backend, max_drawdown_nanos=5 * TICK_NANOS, rearm_after_ns=60 * SECOND)
    tripped = only(revalue(bench, -5), BreakerTripped)
    assert tripped.rearm_ns == tripped.time_ns + 60 * SECOND
    bench.now_ns = tripped.rearm_ns - 2_000
    denied = only(bench.submit(price_ticks=MARK_TICKS - 5), OrderDenied)
    assert denied.reason == "DRAWDOWN"
    (told,) = re.findall(r"It lets go by itself at (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC, or by ", denied.text)
    then_ns = int(dt.datetime.fromisoformat(f"{told}+00:00").timestamp()) * SECOND
    assert 0 <= then_ns - tripped.rearm_ns < SECOND, "never earlier than it does"
    rearmed, passed = bench.submit(price_ticks=MARK_TICKS - 5)
    assert (type(rearmed), rearmed.approver, type(passed)) == (BreakerRearmed, "", OrderSubmitted)
    assert bench.now_ns == tripped.rearm_ns


def test_rejects_in_a_row_trip_and_an_acceptance_breaks_the_row(backend):
    bench = TestBench(backend, max_consecutive_rejects=3)
    for kinds in ("RR", "A", "RR", "A", "RRR"):
        for kind in kinds:
            order = bench.submitted()
            events = tell(bench, ExecType.REJECTED if kind == "R" else ExecType.NEW, order)
    assert [type(event).__name__ for event in events] == ["OrderReported", "BreakerTripped"]
    assert (events[1].breaker, "main: 3" in events[1].text) == (Breaker.CONSECUTIVE_REJECTS, True)
    assert only(bench.submit(), OrderDenied).reason == "CONSECUTIVE_REJECTS"
    approve(bench, only(bench.step(rearm(bench, Breaker.CONSECUTIVE_REJECTS)), ProposalMade))
    assert next(iter(bench.engine.state.day_profits())).rejects_in_row == 0
    assert len(tell(bench, ExecType.REJECTED, bench.submitted())) == 1, "counted from 0"


def test_what_never_left_is_no_reject_of_the_venue(backend):
    bench = TestBench(backend, max_consecutive_rejects=1)
    assert len(tell(bench, ExecType.REJECTED, bench.submitted(), unsent=True)) == 1
    only(bench.submit(), OrderSubmitted)


def test_a_strategy_that_trades_and_trades_is_stopped_alone(backend):
    bench = TestBench(backend, max_executions=2, strategies=("wild",))
    order = bench.submitted(quantity_lots=30, strategy="wild")
    assert len(fill(bench, order, 10, "a")) == 1
    _, tripped = fill(bench, order, 10, "b")
    assert (tripped.breaker, tripped.strategy, tripped.account) == (Breaker.REPEATED_EXECUTION, "wild", "")
    assert only(bench.submit(strategy="wild"), OrderDenied).reason == "REPEATED_EXECUTION"
    only(bench.submit(), OrderSubmitted)
    made = only(bench.step(rearm(bench, Breaker.REPEATED_EXECUTION, strategy="wild")), ProposalMade)
    approve(bench, made)
    only(bench.submit(strategy="wild"), OrderSubmitted)
    assert len(fill(bench, order, 10, "c")) == 1


def test_a_tighter_limit_trips_at_once(backend):
    bench = bench_of(backend, strategies=("wild",))
    row, revision = bench.engine.state.tables.limits["strategies/manual"]
    change = msgspec.structs.replace(row, max_executions=1)
    _, tripped = bench.step(SetLimits(request_id="x", actor=ADA, limits=change, revision=revision))
    assert (tripped.breaker, tripped.strategy) == (Breaker.REPEATED_EXECUTION, "manual")


def test_the_profit_in_sums_is_that_of_all_positions_together(backend):
    bench = bench_of(backend)
    for number, (side, lots, price) in enumerate(((Side.SELL, 300, 7), (Side.SELL, 900, 11), (Side.BUY, 150, -3))):
        order = bench.submitted(side, lots, MARK_TICKS + price)
        fill(bench, order, lots, f"e{number}", MARK_TICKS + price, fee_nanos=13)
        revalue(bench, number * 5)
        position = bench.engine.state.position("main", BTC)
        worth = position.realised_nanos - position.fees_nanos + position.unrealised_nanos(bench.mark_ticks, 100)
        assert pnl(bench) == worth


def test_a_restart_forgets_no_breaker_and_no_count(backend):
    bench = bench_of(backend, max_daily_loss_nanos=5 * TICK_NANOS, max_executions=9, max_consecutive_rejects=4)
    tell(bench, ExecType.REJECTED, bench.submitted())
    revalue(bench, -5)
    other = TestBench(backend)
    state = snapshot.decode(snapshot.encode(bench.engine), other.gate)
    assert state.worth.day_nanos("main") == bench.engine.state.worth.day_nanos("main") == -5 * TICK_NANOS
    assert other.gate.state_digest() == bench.gate.state_digest()
    assert {key: value.latched for key, value in state.tables.breakers.items()} == {"DAILY_LOSS|main|": True}
    assert (state.tables.executions_count, state.tables.rejects) == ({"manual": 1}, {"main": 1})
