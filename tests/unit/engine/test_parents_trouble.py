"""Parent orders when something goes wrong: refusals, no market, busts after the end, restarts, a gate cut off."""

from __future__ import annotations

from itertools import pairwise

import pytest

from meltica.domain import lifecycle
from meltica.domain.commands import (
    AmendOrder,
    GateState,
    ReportGate,
    Wake,
)
from meltica.domain.errors import GateUnreachableError
from meltica.domain.lifecycle import OrderStatus
from meltica.domain.order import Side, TimeInForce
from meltica.domain.parent import Phase
from meltica.domain.reports import ExecType
from meltica.domain.schedule import AtEnd, CatchUp, ChildStyle
from meltica.engine.parents.parents import BACKOFF_NS, REFUSALS_MAX
from tests.engines import MARK_TICKS, SECOND
from tests.unit.engine.algos import (
    T0,
    TARA,
    AlgoBench,
    cancels,
    iceberg,
    pause,
    pov,
    resume,
    status,
    twap,
)

SLICE = 10 * SECOND


@pytest.fixture(params=["python", "cython"])
def bench(request):
    return AlgoBench(request.param)


def test_a_child_that_the_gate_refuses_is_tried_again_and_then_it_pauses(bench):
    small = AlgoBench(bench.backend.__name__.rpartition("_")[2], max_quantity_lots=50)
    order = small.begin(twap(), 1000)
    small.at(T0)
    (child,) = small.children(order)
    assert (status(child), child.parent_id) == (OrderStatus.REJECTED, order.order_id)
    tried = [small.now_ns]
    while small.parent(order).phase is Phase.RUNNING:
        small.at(small.engine.state.next_due_ns())
        tried.append(small.now_ns)
    assert len(small.children(order)) == REFUSALS_MAX
    assert [b - a >= BACKOFF_NS for a, b in pairwise(tried)] == [True] * (len(tried) - 1)
    assert small.parent(order).reason.startswith("5 children refused in a row: MAX_QUANTITY")
    assert order.ended is None
    resume(small, order)
    assert len(small.children(order)) == REFUSALS_MAX + 1


def test_a_child_that_the_venue_rejects(bench):
    order = bench.begin(twap(), 1000)
    bench.at(T0)
    for number in range(1, REFUSALS_MAX + 1):
        assert len(bench.children(order)) == number
        bench.report(bench.children(order)[-1], ExecType.REJECTED, text="no")
        assert len(bench.children(order)) == number  # Not at once.
        if number < REFUSALS_MAX:
            bench.at(bench.engine.state.next_due_ns())
    assert bench.parent(order).phase is Phase.PAUSED
    assert "no" in bench.parent(order).reason


def test_one_that_is_accepted_ends_the_row(bench):
    order = bench.begin(twap(), 1000)
    bench.at(T0)
    for _ in range(3 * REFUSALS_MAX):
        bench.report(bench.children(order)[-1], ExecType.REJECTED, text="no")
        bench.at(bench.now_ns + 4 * BACKOFF_NS)
        bench.report(bench.children(order)[-1], ExecType.NEW)
        assert bench.parent(order).refusals == 0
        bench.report(bench.children(order)[-1], ExecType.CANCELED)
        bench.at(bench.now_ns + 4 * BACKOFF_NS)
        if bench.parent(order).phase is not Phase.RUNNING:
            break
    assert bench.parent(order).reason == "the schedule's end came before all was filled"


@pytest.mark.parametrize("how", ["stale", "unknown", "one-sided", "gate lost"])
def test_without_a_market_it_waits(bench, how):
    order = bench.begin(twap(), 1000)
    if how == "stale":
        bench.mark_age_ns = 5 * SECOND
    elif how == "unknown":
        bench.mark_known = False
    elif how == "one-sided":
        bench.bid = None
    else:
        bench.step(ReportGate(request_id="", actor="system:x", state=GateState.LOST, reason="gone"))
    bench.at(T0 + 5 * SECOND)
    assert bench.sent(order) == []
    assert bench.parent(order).reason
    bench.mark_age_ns, bench.mark_known, bench.bid = 0, True, (MARK_TICKS - 1, 50)
    if how == "gate lost":
        bench.step(ReportGate(request_id="", actor="system:x", state=GateState.REGAINED))
    bench.at(T0 + 9 * SECOND)
    assert bench.sent(order) == [100]
    assert bench.parent(order).waits == 0


def test_an_immediate_child_that_finds_nobody_is_not_sent_again_at_once(bench):
    order = bench.begin(twap(style=ChildStyle.MARKET), 1000)
    bench.at(T0)
    bench.report(bench.children(order)[0], ExecType.EXPIRED)
    assert bench.sent(order) == [100]
    bench.at(bench.now_ns + BACKOFF_NS)
    assert bench.sent(order) == [100, 100]


def test_when_the_venues_day_is_over_so_is_an_order_of_the_day(bench):
    order = bench.begin(twap(), 1000, time_in_force=TimeInForce.DAY)
    bench.at(T0)
    bench.report(bench.children(order)[0], ExecType.EXPIRED)
    assert status(order) is OrderStatus.EXPIRED
    bench.at(T0 + 50 * SECOND)
    assert bench.sent(order) == [100]


def test_a_cancel_of_one_child_sends_what_it_lacks_again(bench):
    order = bench.begin(twap(), 1000)
    bench.at(T0)
    (child,) = bench.live(order)
    bench.cancel(child)
    bench.cancelled(child)
    assert bench.sent(order) == [100, 100]


def test_a_child_takes_no_amendment_of_its_own(bench):
    order = bench.begin(twap(), 1000)
    bench.at(T0)
    (child,) = bench.live(order)
    (event,) = bench.step(
        AmendOrder(request_id=bench.request(), actor=TARA, order_id=child.order_id, quantity_lots=900)
    )
    assert (event.reason, event.field) == ("CHILD_ORDER", "order_id")
    assert str(order.order_id) in event.text


def test_reduce_only_children_only_reduce(bench):
    order = bench.begin(twap(slices=2), 200, side=Side.SELL, reduce_only=True)
    bench.at(T0)
    (child,) = bench.children(order)
    assert child.refusal == "REDUCE_ONLY_WOULD_INCREASE"


# A bust after the end


def test_a_bust_does_not_bring_back_what_was_cancelled(bench):
    order = bench.begin(twap(slices=1), 100)
    bench.at(T0)
    (child,) = bench.live(order)
    bench.cancel(order)
    execution = bench.fill(child)
    bench.refuse_cancel(child)
    assert bench.parent(order).phase is Phase.DONE
    said = bench.bust(child, execution)
    assert bench.parent(order).phase is Phase.CLOSING
    assert cancels(said) == [child.order_id]
    bench.cancelled(child)
    assert (status(order), bench.sent(order)) == (OrderStatus.CANCELED, [100])


def test_a_bust_brings_it_back_paused_if_it_was_paused(bench):
    order = bench.begin(twap(slices=1), 100)
    bench.at(T0)
    (child,) = bench.live(order)
    pause(bench, order, keep_children=True)
    execution = bench.fill(child)
    assert status(order) is OrderStatus.FILLED
    bench.bust(child, execution)
    assert bench.parent(order).phase is Phase.PAUSED
    assert bench.live(order) == [child]
    bench.cancelled(child)
    assert bench.sent(order) == [100]


def test_a_correction_changes_the_average(bench):
    order = bench.begin(twap(slices=1), 100)
    bench.at(T0)
    (child,) = bench.live(order)
    execution = bench.fill(child, 60, MARK_TICKS)
    facts = {"reference_execution_id": execution, "execution_id": "c1", "last_quantity_lots": 40, "fee_nanos": 5}
    bench.report(child, ExecType.TRADE_CORRECT, last_price_ticks=MARK_TICKS + 9, **facts)
    assert (order.cumulative_lots, order.cumulative_value) == (40, 40 * (MARK_TICKS + 9))
    assert (order.fees_nanos, lifecycle.leaves_lots(order)) == (5, 60)


# Restarts


@pytest.mark.parametrize("from_snapshot", [False, True])
@pytest.mark.parametrize(
    "schedule",
    [
        twap(randomise_ppm=300_000, catch_up=CatchUp.REPRICE, at_end=AtEnd.CROSS),
        pov(randomise_ppm=300_000),
        iceberg(randomise_ppm=300_000),
    ],
)
def test_a_restart_after_each_step_changes_nothing(bench, schedule, from_snapshot):
    """Every step is taken by an engine that has just been recovered, and by one that never was."""
    order = bench.begin(schedule, 200, price_ticks=MARK_TICKS + 4)
    for number in range(60):
        bench.restart(from_snapshot=from_snapshot)
        order = bench.engine.state.tables.orders[order.order_id]
        bench.at(T0 + number * 2 * SECOND)
        bench.trade(number * 20)
        for child in bench.live(order):
            if child.pending:
                bench.cancelled(child)
            elif number % 3 == 0:
                bench.fill(child, max((child.quantity_lots - child.cumulative_lots) // 2, 1))
        if order.held is None:
            break
    assert order.cumulative_lots > 50
    assert len(bench.children(order)) > 3


# The gate in another process


class Unreachable:
    """The gate, until it is cut off."""

    def __init__(self, gate):
        self._gate = gate
        self.cut = False

    def __getattr__(self, name):
        return getattr(self._gate, name)

    def check(self, intent):
        if self.cut:
            raise GateUnreachableError("no answer")
        return self._gate.check(intent)


def test_a_gate_that_does_not_answer_loses_no_slice_and_sends_none_twice(bench):
    order = bench.begin(twap(), 1000)
    gate = Unreachable(bench.gate)
    bench.engine.use_gate(gate)
    gate.cut = True
    bench.now_ns = T0
    with pytest.raises(GateUnreachableError):
        bench.step(Wake(request_id="", actor="system:clock"))
    bench.step(ReportGate(request_id="", actor="system:x", state=GateState.LOST, reason="no answer"))
    bench.at(T0 + 5 * SECOND)
    assert bench.sent(order) == []
    assert "gate" in bench.parent(order).reason
    gate.cut = False
    bench.step(ReportGate(request_id="", actor="system:x", state=GateState.REGAINED))
    bench.at(T0 + 9 * SECOND)
    assert bench.sent(order) == [100]
