"""Parent orders: a restart in each phase, what a pause leaves behind, an end that leaves nothing unsaid, splits."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from meltica.domain import cash, lifecycle
from meltica.domain.lifecycle import OrderStatus
from meltica.domain.order import Side
from meltica.domain.order_events import OrderReported
from meltica.domain.parent import Phase
from meltica.domain.parent_events import AlgoMoved
from meltica.domain.schedule import AtEnd, CatchUp, ChildStyle
from meltica.engine.parents.parents import CHILDREN_AT_ONCE
from tests.engines import BTC, MARK_TICKS, SECOND
from tests.unit.engine.algos import T0, AlgoBench, iceberg, pause, pov, resume, shortfall, status, twap

MARKET = ChildStyle.MARKET


@pytest.fixture(params=["python", "cython"])
def bench(request):
    return AlgoBench(request.param)


# A restart in each phase


def running(bench, order):
    assert len(bench.live(order)) == 1


def paused(bench, order):
    pause(bench, order, keep_children=True)


def crossing(bench, order):
    bench.at(T0 + 100 * SECOND)


def closing(bench, order):
    bench.cancel(order)


def done(bench, order):
    bench.fill(bench.live(order)[0], 5)
    bench.at(T0 + 100 * SECOND)
    for _ in range(3):
        for child in bench.live(order):
            bench.cancelled(child) if child.pending else bench.fill(child)


@pytest.mark.parametrize("from_snapshot", [False, True])
@pytest.mark.parametrize(
    ("bring", "phase"),
    [
        (running, Phase.RUNNING),
        (paused, Phase.PAUSED),
        (crossing, Phase.CROSSING),
        (closing, Phase.CLOSING),
        (done, Phase.DONE),
    ],
)
def test_a_restart_in_each_phase_goes_on_as_if_there_had_been_none(bench, bring, phase, from_snapshot):
    """From there on each step is taken by an engine that was never restarted as well, and must be the same."""
    order = bench.begin(twap(at_end=AtEnd.CROSS), 100)
    bench.at(T0)
    bring(bench, order)
    assert bench.parent(order).phase is phase
    bench.restart(from_snapshot=from_snapshot)
    order = bench.engine.state.tables.orders[order.order_id]
    assert bench.parent(order).phase is phase
    if phase is Phase.PAUSED:
        resume(bench, order)
    for number in range(1, 13):
        bench.at(T0 + number * 10 * SECOND)
        for child in bench.live(order):
            bench.cancelled(child) if child.pending else bench.fill(child, min(7, lifecycle.leaves_lots(child)))
    for _ in range(3):  # One that crosses tries once more after a round that filled something.
        for child in bench.live(order):
            bench.cancelled(child)
    assert order.held is None
    assert bench.parent(order).phase in (Phase.DONE, Phase.CLOSING)
    if phase is Phase.DONE:
        child = max(bench.children(order), key=lambda found: found.cumulative_lots)
        bench.bust(child, next(iter(child.executions)))
        assert bench.parent(order).phase is not Phase.DONE, "a bust is seen by the one that was restarted too"


# What a pause leaves behind


def test_what_is_behind_after_a_pause_goes_out_at_once_within_its_bounds(bench):
    order = bench.begin(twap(style=MARKET, slices=50, max_child_lots=20), 1000)
    bench.at(T0)
    bench.fill(bench.live(order)[0])
    pause(bench, order)
    said = bench.at(T0 + 50 * SECOND)
    assert bench.sent(order) == [20], said
    resume(bench, order)
    bench.at(bench.now_ns)
    assert bench.view(order).target_lots == 520
    assert bench.sent(order) == [20] * (1 + CHILDREN_AT_ONCE), "ten at once, and none larger than allowed"
    bench.at(T0 + 51 * SECOND + 10_000_000)
    assert bench.sent(order) == [20] * (1 + 2 * CHILDREN_AT_ONCE), "the next ten a second later"
    for child in bench.live(order):
        bench.fill(child)
    bench.at(T0 + 53 * SECOND)
    view = bench.view(order)
    assert order.cumulative_lots + view.working_lots == view.target_lots == 540, "and then it is with its schedule"


def test_paused_over_its_end_it_ends_and_says_what_it_lacks(bench):
    order = bench.begin(twap(at_end=AtEnd.CROSS), 100)
    bench.at(T0)
    bench.fill(bench.live(order)[0])
    pause(bench, order)
    said = bench.at(T0 + 200 * SECOND)
    (end,) = [event for event in said if isinstance(event, OrderReported)]
    assert (status(order), order.cumulative_lots, lifecycle.leaves_lots(order)) == (OrderStatus.EXPIRED, 10, 0)
    assert "the schedule's end came while it was paused" in end.text


# The end


@pytest.mark.parametrize("at_end", AtEnd)
@pytest.mark.parametrize("catch_up", CatchUp)
@pytest.mark.parametrize("kind", ["twap", "shortfall", "pov", "iceberg"])
def test_at_the_end_nothing_is_left_and_nothing_unsaid(kind, catch_up, at_end):
    """Whatever was filled, refused or lost on the way: it ends, says as what and why, and nothing of it works."""
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - to run it again
    chance = random.Random(seed)
    bench = AlgoBench("python")
    facts = {"end_ns": T0 + 100 * SECOND}
    if kind != "iceberg":
        facts |= {"catch_up": catch_up, "at_end": at_end}
    if kind == "pov":
        facts |= {"style": ChildStyle.LIMIT}
    made = {"twap": twap, "shortfall": shortfall, "pov": pov, "iceberg": iceberg}[kind](**facts)
    order = bench.begin(made, 200, price_ticks=MARK_TICKS + 4)
    traded, phases = 0, []
    for number in range(130):
        phases += [event.phase for event in bench.at(T0 + number * SECOND) if isinstance(event, AlgoMoved)]
        traded += chance.randrange(8)
        bench.trade(traded)
        for child in bench.live(order):
            _hear(bench, chance, child)
        if chance.random() < 0.05:
            (resume if bench.parent(order).phase is Phase.PAUSED else pause)(bench, order)
    for _ in range(5):
        for child in bench.live(order):
            bench.cancelled(child)
    assert order.held is None
    assert bench.live(order) == []
    assert bench.engine.state.next_due_ns() is None, "nobody waits for it any more"
    if order.cumulative_lots >= 200:
        assert status(order) is OrderStatus.FILLED
    else:
        assert status(order) is OrderStatus.EXPIRED
        assert bench.parent(order).reason, "it says why"
    assert order.cumulative_lots == sum(child.cumulative_lots for child in bench.children(order))


def _hear(bench, chance, child):
    match chance.randrange(6):
        case 0 | 1:
            if lifecycle.leaves_lots(child):
                bench.fill(child, chance.randrange(1, lifecycle.leaves_lots(child) + 1))
        case 2 if child.pending:
            bench.cancelled(child)
        case 3 if child.pending:
            bench.refuse_cancel(child)


# Splits


def split(bench, order):
    command = cash.SplitInstrument(
        request_id=bench.request(), actor="spiffe://x/person/olivia", reason="4 for 1", instrument=order.instrument,
        numerator=4, denominator=1,
    )  # fmt: skip
    return bench.step(command)


def test_a_split_waits_for_parents_and_held_orders(bench):
    order = bench.begin(twap(), 100)
    (refused,) = split(bench, order)
    assert refused.reason == "ORDERS_OPEN"
    assert f"order {order.order_id} first: cancel them" in refused.text, "before its first slice, too"
    pause(bench, order)
    assert split(bench, order)[0].reason == "ORDERS_OPEN"
    bench.cancel(order)
    assert isinstance(split(bench, order)[0], cash.InstrumentSplit)


@pytest.mark.parametrize("from_snapshot", [False, True])
def test_what_is_busted_after_a_split_is_not_sent_again_in_old_lots(bench, from_snapshot):
    order = bench.begin(twap(slices=1, style=MARKET), 100)
    bench.at(T0)
    (child,) = bench.live(order)
    first, second = bench.fill(child, 60), bench.fill(child, 40)
    assert bench.parent(order).phase is Phase.DONE
    assert isinstance(split(bench, order)[0], cash.InstrumentSplit)
    bench.restart(from_snapshot=from_snapshot)
    order = bench.engine.state.tables.orders[order.order_id]
    (child,) = bench.children(order)
    bench.bust(child, second)
    assert bench.parent(order).phase is Phase.CLOSING
    assert "before a split" in bench.parent(order).reason
    for live in bench.live(order):
        bench.cancelled(live)
    bench.at(bench.now_ns + 300 * SECOND)
    assert (status(order), bench.sent(order)) == (OrderStatus.CANCELED, [100])
    bench.bust(child, first)
    assert (status(order), order.cumulative_lots, bench.sent(order)) == (OrderStatus.CANCELED, 0, [100])


def test_one_that_began_after_a_split_is_opened_by_a_bust_as_ever(bench):
    before = bench.begin(twap(slices=1, style=MARKET), 10)
    bench.at(T0)
    bench.fill(bench.live(before)[0])
    assert isinstance(split(bench, before)[0], cash.InstrumentSplit)
    order = bench.begin(twap(slices=1, start_ns=bench.now_ns, end_ns=bench.now_ns + 100 * SECOND), 100)
    bench.at(bench.now_ns + 1)
    (child,) = bench.live(order)
    bench.bust(child, bench.fill(child))
    assert bench.parent(order).phase is Phase.RUNNING
    assert (order.side, order.instrument) == (Side.BUY, BTC)


def test_the_papers_first_slices_at_the_paper_s_kappa():
    """Almgren and Chriss, section 3.4: kappa ~ 0.61 a day for lambda = 1e-6, and the holdings that their sinh gives."""
    schedule = shortfall(
        start_ns=T0, end_ns=T0 + 5 * SECOND, slices=5, risk_aversion=Decimal("0.000001"),
        volatility=Decimal("0.95"), temporary_impact=Decimal("0.0000025"), permanent_impact=Decimal("0.00000025"),
    )  # fmt: skip
    bench = AlgoBench("python")
    order = bench.begin(schedule, 1_000_000)
    held = []
    for number in range(5):
        bench.at(T0 + number * SECOND)
        held.append(1_000_000 - bench.view(order).target_lots)
    kappa = float(_acosh(Decimal(1) + Decimal("0.000001") * Decimal("0.95") ** 2 / Decimal("0.000002375") / 2))
    assert 0.60 < kappa < 0.62
    sinh = [_sinh(Decimal(kappa) * (5 - number)) for number in range(6)]
    for number, lots in enumerate(held, 1):
        assert abs(lots - 1_000_000 * sinh[number] / sinh[0]) < 2


def _acosh(x: Decimal) -> Decimal:
    return (x + (x * x - 1).sqrt()).ln()


def _sinh(x: Decimal) -> Decimal:
    return (x.exp() - (-x).exp()) / 2
