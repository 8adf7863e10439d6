"""What a parent order is told of its children, however late it is heard; and its plan, kept for a while."""

from __future__ import annotations

from meltica.domain.lifecycle import OrderStatus
from meltica.domain.order import Order, OrderType, Side, TimeInForce
from meltica.domain.parent import Parent
from meltica.domain.reports import ExecType
from meltica.engine.parents import families, schedules
from meltica.engine.parents.families import Families
from meltica.engine.parents.parents import CHILDREN_AT_ONCE
from tests.engines import BTC, MARK_TICKS
from tests.unit.engine.algos import T0, AlgoBench, amend, status, twap


def order_of(order_id: int, parent_id: int = 0, working: int = 0) -> Order:
    order = Order(
        order_id=order_id,
        client_order_id=f"m{order_id}",
        account="main",
        strategy="",
        instrument=BTC,
        side=Side.BUY,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        quantity_lots=1000,
        price_ticks=1,
        post_only=False,
        reduce_only=False,
        actor="tara",
        created_ns=T0,
        updated_ns=T0,
    )
    order.parent_id, order.reserved_lots = parent_id, working
    return order


def test_children_that_live_come_oldest_first_also_when_an_old_one_is_reopened():
    children = [order_of(number, parent_id=1, working=5) for number in (2, 3, 4)]
    known = Families({}, {})
    for child in children:
        known.add(child)
    assert known.live(1) == children
    children[0].reserved_lots = children[1].reserved_lots = 0
    assert known.live(1) == children[2:]
    children[1].reserved_lots = 5  # A bust: the venue says that it works again.
    assert known.live(1) == children[2:], "nothing was heard of it"
    known.touch(children[1])
    assert known.live(1) == children[1:]
    children[0].reserved_lots = 5
    known.touch(children[0])
    assert known.live(1) == children
    assert known.children(1) == (2, 3, 4)


def test_a_plan_is_kept_until_order_or_schedule_are_others():
    order, parent = order_of(1), Parent(order_id=1, schedule=twap())
    known = Families({1: order}, {1: parent})
    plan = known.plan(order, parent)
    assert schedules.slice_lots(plan) is schedules.slice_lots(known.plan(order, parent))
    order.quantity_lots = 2000
    assert schedules.due(known.plan(order, parent), T0) == 200
    parent.schedule = twap(slices=2)
    assert schedules.due(known.plan(order, parent), T0) == 1000


def test_plans_that_are_kept_are_bounded():
    known, most = Families({}, {}), families.PLANS_KEPT
    plans = [known.plan(order_of(number), Parent(order_id=number, schedule=twap())) for number in range(1, most + 2)]
    parents = [Parent(order_id=number, schedule=plans[number - 1].schedule) for number in (2, most + 1, 1)]
    assert [known.plan(order_of(each.order_id), each) is plans[each.order_id - 1] for each in parents] == [
        True,
        True,
        False,
    ]


def test_that_a_child_is_acknowledged_makes_nobody_look_at_its_parent():
    bench = AlgoBench()
    order = bench.begin(twap(), 1000)
    bench.at(T0)
    (child,) = bench.live(order)
    bench.engine.state.tables.parents[order.order_id].refusals = 3
    assert len(bench.report(child, ExecType.NEW)) == 1
    assert bench.engine.state.tables.parents[order.order_id].refusals == 0
    bench.fill(child)
    amend(bench, order, quantity_lots=500)
    assert order.cumulative_lots == 100


def test_a_child_that_is_done_for_the_day_ends_its_parent():
    bench = AlgoBench()
    order = bench.begin(twap(), 1000, price_ticks=MARK_TICKS, time_in_force=TimeInForce.DAY)
    bench.at(T0)
    (child,) = bench.live(order)
    bench.report(child, ExecType.DONE_FOR_DAY)
    assert "the venue's day is over" in bench.parent(order).reason
    assert status(order) is OrderStatus.EXPIRED


def test_as_many_children_as_go_out_at_once_leave_nothing_to_wait_for():
    bench = AlgoBench()
    order = bench.begin(twap(max_child_lots=10), CHILDREN_AT_ONCE * 100)
    bench.at(T0)
    assert bench.sent(order) == [10] * CHILDREN_AT_ONCE
    assert (bench.parent(order).waits, bench.parent(order).reason) == (0, "")
