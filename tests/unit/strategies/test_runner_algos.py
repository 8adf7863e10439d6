"""Orders that go out in slices, as a strategy asks for them and hears of them: on a whole floor, and in a replay."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from meltica.domain.algo_commands import AmendAlgo, PauseAlgo, ResumeAlgo, SubmitAlgo
from meltica.domain.commands import CancelOrder
from meltica.domain.errors import FieldError
from meltica.domain.events import CommandRefused
from meltica.domain.lifecycle import OrderStatus, is_working, status
from meltica.domain.market import BookUpdate, MarketTrade
from meltica.domain.order import Side, TimeInForce
from meltica.domain.order_events import OrderFilled, OrderHeld, OrderReported, OrderSubmitted
from meltica.domain.parent import Phase
from meltica.domain.parent_events import AlgoMoved, AlgoStarted
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.domain.schedule import ChildStyle, Schedule, ScheduleKind
from meltica.strategies.examples.accumulator import Accumulator, AccumulatorParameters
from meltica.strategies.runner import StrategyRunner
from meltica.strategies.sdk import (
    Algo,
    AtEnd,
    CatchUp,
    Context,
    Order,
    Parameters,
    Strategy,
    iceberg,
    pov,
    shortfall,
    twap,
    vwap,
)
from tests.unit.strategies.algo_floor import AlgoFloor
from tests.unit.strategies.diary import Desk
from tests.unit.strategies.floor import SECOND_NS
from tests.unit.venues.orders import BTC

NAME = BTC.instrument
BID, ASK = 100, 102
DEPTH = 1_000


class Asking(Strategy[Parameters]):
    """Does what it is told at the first book, and writes down what it hears."""

    def __init__(self, ask: Any) -> None:
        super().__init__(Parameters())
        self.ask = ask
        self.heard: list[str] = []
        self.algos: list[Algo] = []

    def instruments(self):
        return (NAME,)

    def on_top_of_book(self, context, top):
        ask, self.ask = self.ask, None
        if ask is not None:
            ask(context)

    def on_algo(self, context, algo):
        self.algos.append(algo)
        self.heard.append(f"{algo.phase.value} {algo.order.cumulative_lots} of {algo.order.quantity_lots}")

    def on_filled(self, context, fill):
        self.heard.append(f"filled {fill.quantity_lots}")

    def on_accepted(self, context, order):
        self.heard.append(f"accepted {order.order_id}")

    def on_canceled(self, context, order):
        self.heard.append(f"canceled {order.order_id} {status(order).value}")

    def on_rejected(self, context, order, why):
        self.heard.append(f"rejected {order.order_id} {why}")

    def on_request_refused(self, context, order, why):
        self.heard.append(f"refused {order.order_id} {why}")


def book(time_ns: int, bid: int = BID, ask: int = ASK, lots: int = DEPTH) -> BookUpdate:
    return BookUpdate(NAME, time_ns, ((bid, lots),), ((ask, lots),), snapshot=True)


class Day:
    def __init__(self, ask: Any) -> None:
        self.asking = Asking(ask)
        self.floor = AlgoFloor(BTC, self.asking)
        self.begin_ns = self.floor.now_ns + SECOND_NS
        self.floor._execute(self.floor.runner.start(self.floor.now_ns))
        self.floor.see(book(self.begin_ns))

    def at(self, seconds: float, **market: int) -> None:
        self.floor.see(book(self.begin_ns + int(seconds * SECOND_NS), **market))

    def do(self, action: Any) -> None:
        """As in a callback, now."""
        runner = self.floor.runner
        self.floor._execute(runner._run(self.floor.now_ns, action, runner._desk))

    @property
    def order(self) -> Order:
        """The engine's own."""
        return next(order for order in self.floor.bench.engine.state.orders() if not order.parent_id)

    @property
    def slices(self) -> list[Order]:
        return [order for order in self.floor.bench.engine.state.orders() if order.parent_id]


def schedules(end_ns: int) -> dict[str, Schedule]:
    market = {"style": ChildStyle.MARKET}
    almgren = {"risk_aversion": Decimal("0.001"), "volatility": Decimal(1), "temporary_impact": Decimal(1)}
    return {
        "twap": twap(end_ns=end_ns, slices=5, **market),
        "vwap": vwap(end_ns=end_ns, curve_ppm=(500_000, 100_000, 400_000), **market),
        "pov": pov(end_ns=end_ns, rate_ppm=200_000, max_child_lots=10, **market),
        "shortfall": shortfall(end_ns=end_ns, slices=5, **almgren, **market),
        "iceberg": iceberg(display_lots=10, end_ns=end_ns),
    }


@pytest.mark.parametrize("kind", ["twap", "vwap", "pov", "shortfall", "iceberg"])
def test_each_kind_goes_out_and_is_told_of_and_a_replay_is_the_same(kind: str) -> None:
    def ask(context: Context) -> None:
        schedule = schedules(context.time_ns + 50 * SECOND_NS)[kind]
        assert context.submit_algo(NAME, Side.BUY, 50, schedule, 102 if kind == "iceberg" else None)

    day = Day(ask)
    for second in range(1, 60):
        day.floor.see(MarketTrade(NAME, day.begin_ns + second * SECOND_NS, 101, 20))
        day.at(second + 0.5)
    assert (day.order.cumulative_lots, status(day.order)) == (50, OrderStatus.FILLED)
    assert len(day.slices) >= 3
    last = day.asking.algos[-1]
    assert (last.phase, last.order.cumulative_lots, last.working_lots) == (Phase.DONE, 50, 0)
    assert last.slices == tuple(order.order_id for order in day.slices)
    assert last.order.cumulative_value == day.order.cumulative_value
    assert last.order.fees_nanos == day.order.fees_nanos
    assert day.floor.runner.position(NAME).lots == 50
    assert not day.floor.runner.failed
    assert not any("accepted" in line or "canceled" in line for line in day.asking.heard), "slices speak by their fills"
    first = day.asking.heard.index("filled 10") if "filled 10" in day.asking.heard else 1
    assert day.asking.heard[first + 1].startswith("running")
    assert day.floor.replayed() == day.floor.events


def test_a_slice_is_no_order_of_its_own_for_the_strategy() -> None:
    seen: list[tuple[int, int]] = []
    day = Day(lambda c: c.submit_algo(NAME, Side.BUY, 50, schedules(c.time_ns + 50 * SECOND_NS)["iceberg"], 99))
    day.do(lambda c: seen.extend((order.order_id, c.algo(order).working_lots) for order in c.orders(NAME)))
    day.at(2)
    assert len(day.slices) == 1
    assert seen == [(1, 10)]
    day.do(lambda c: c.cancel_all())
    day.at(3)
    cancels = [each.body for each in day.floor.inputs if isinstance(each.body, CancelOrder)]
    assert [cancel.order_id for cancel in cancels] == [1], "its slices go with it"
    day.at(4)
    assert day.asking.heard[-1] == "canceled 1 Canceled"
    assert not any(is_working(order) for order in day.floor.bench.engine.state.orders())
    assert day.floor.replayed() == day.floor.events


def test_paused_resumed_amended_and_each_answer_is_waited_for() -> None:
    asked: list[bool] = []

    def change(*actions: Any) -> Any:
        return lambda c: asked.extend(action(c, c.orders(NAME)[0]) for action in actions)

    day = Day(lambda c: c.submit_algo(NAME, Side.BUY, 50, schedules(c.time_ns + 50 * SECOND_NS)["twap"]))
    day.at(12)
    assert day.order.cumulative_lots == 20
    day.do(change(lambda c, o: c.pause_algo(o), lambda c, o: c.pause_algo(o), lambda c, o: c.resume_algo(o)))
    day.at(13)
    assert asked == [True, False, False], "one change at a time"
    day.at(33)
    assert (day.order.cumulative_lots, day.asking.algos[-1].phase) == (20, Phase.PAUSED)
    day.do(change(lambda c, o: c.amend_algo(o), lambda c, o: c.amend_algo(o, quantity_lots=45)))
    day.at(34)
    day.do(change(lambda c, o: c.resume_algo(o)))
    day.at(35)
    day.at(36)
    assert asked[3:] == [False, True, True]
    assert day.order.cumulative_lots == 36, "four fifths of 45: it has caught up"
    day.do(change(lambda c, o: c.resume_algo(o)))
    day.at(36.5)
    assert day.asking.heard[-1].startswith("refused 1 ALGO_NOT_PAUSED")
    day.do(change(lambda c, o: c.amend_algo(o, end_ns=c.time_ns + 2 * SECOND_NS)))
    day.at(37)
    day.at(40)
    kinds = [type(each.body) for each in day.floor.inputs if getattr(each.body, "actor", "").startswith("strategy:")]
    assert kinds == [SubmitAlgo, PauseAlgo, AmendAlgo, ResumeAlgo, ResumeAlgo, AmendAlgo]
    assert day.floor.replayed() == day.floor.events


def test_a_fill_that_is_busted_opens_it_again_also_for_the_strategy() -> None:
    day = Day(lambda c: c.submit_algo(NAME, Side.BUY, 10, twap(end_ns=c.time_ns + 50 * SECOND_NS, slices=1)))
    day.at(1, bid=98, ask=99)
    day.at(2)
    day.floor.see(MarketTrade(NAME, day.begin_ns + 3 * SECOND_NS, 90, 5_000, Side.SELL))
    assert day.asking.algos[-1].phase is Phase.DONE
    (fill,) = [event for event in day.floor.events if isinstance(event, OrderFilled)]
    bust = ExecutionReport(
        venue=BTC.venue,
        client_order_id=day.slices[0].client_order_id,
        exec_type=ExecType.TRADE_CANCEL,
        execution_id="bust",
        reference_execution_id=fill.execution_id,
    )
    day.floor._reports([bust])
    assert (day.asking.algos[-1].phase, day.asking.algos[-1].order.cumulative_lots) == (Phase.RUNNING, 0)
    assert day.asking.algos[-1].working_lots == 10, "the slice works again"
    seen: list[int] = []
    day.do(lambda c: seen.extend(order.order_id for order in c.orders(NAME)))
    day.at(4)
    assert seen == [1]


def test_after_a_restart_it_is_where_it_was() -> None:
    day = Day(lambda c: c.submit_algo(NAME, Side.BUY, 50, schedules(c.time_ns + 50 * SECOND_NS)["iceberg"], 100))
    day.at(1)
    day.floor.see(MarketTrade(NAME, day.begin_ns + 2 * SECOND_NS, 100, DEPTH + 6, Side.SELL))
    day.do(lambda c: c.pause_algo(c.orders(NAME)[0], keep_slices=True))
    day.at(3)
    state = day.floor.bench.engine.state
    again = StrategyRunner(Asking(None), {NAME: BTC}, name="tested", account="desk", epoch=2)
    mine = list(state.open_orders())
    algos = [state.algo(order.order_id, day.floor.now_ns) for order in mine if not order.parent_id]
    again.start(day.floor.now_ns, orders=mine, positions=state.strategy_positions("tested", "desk"), algos=algos)
    (order,) = again._desk.orders(NAME)
    before, after = day.floor.runner._desk.algo(day.floor.runner._desk.own.get(1)), again._desk.algo(order)
    for known in (before, after):
        assert (known.phase, known.reason, known.working_lots) == (Phase.PAUSED, "paused by strategy:tested", 4)
        assert (known.slices, known.schedule) == ((2,), before.schedule)
        assert (known.order.cumulative_lots, known.order.cumulative_value) == (6, 600)
    assert after.schedule.kind is ScheduleKind.ICEBERG


class TestByHand:
    """What the engine refuses, and what a strategy must not ask for."""

    def submit(self, desk: Desk, **facts: Any) -> SubmitAlgo:
        schedule = twap(end_ns=10**18, slices=2)
        (command,) = desk.do(lambda c: c.submit_algo(NAME, Side.SELL, 10, schedule, 99, **facts))
        return command

    def test_the_command(self) -> None:
        command = self.submit(
            Desk(), time_in_force=TimeInForce.DAY, post_only=True, reduce_only=True, decision_ticks=98
        )
        assert isinstance(command, SubmitAlgo)
        assert (command.actor, command.strategy, command.account) == ("strategy:diary", "diary", "desk")
        assert (command.side, command.quantity_lots, command.price_ticks) == (Side.SELL, 10, 99)
        assert (command.time_in_force, command.post_only, command.reduce_only) == (TimeInForce.DAY, True, True)
        assert (command.decided_ns, command.decision_ticks) == (20, 98)
        assert command.client_order_id == command.request_id

    def test_one_that_is_refused_is_not_on_its_way_any_more(self) -> None:
        desk = Desk()
        command = self.submit(desk)
        assert [order.order_id for order in desk.orders()] == [0]
        assert desk.runner._desk.algo(desk.orders()[0]) is None
        refused = CommandRefused(
            reason="INVALID_SCHEDULE", field="schedule.slices", text="too many", actor="", time_ns=1
        )
        desk.runner.on_answer(21, command, [refused])
        assert desk.orders() == []
        assert desk.diary.heard[-2] == "21 rejected INVALID_SCHEDULE: too many"

    def test_what_a_failed_callback_asked_for_is_not_sent(self) -> None:
        desk = Desk()

        def fail(context: Any) -> None:
            context.submit_algo(NAME, Side.SELL, 10, twap(end_ns=10**18, slices=2))
            raise RuntimeError("no")

        assert desk.do(fail) == []
        assert desk.runner.failed
        assert desk.runner._desk.orders(NAME) == []

    def test_nothing_under_the_kill_switch_or_after_the_stop(self) -> None:
        desk = Desk()
        desk.runner._desk.engage_kill("")
        schedule = twap(end_ns=10**18, slices=2)
        assert desk.do(lambda c: c.submit_algo(NAME, Side.SELL, 10, schedule)) == []
        desk = Desk()
        order = self.begun(desk)
        desk.runner.stop(30)
        assert desk.do(lambda c: c.pause_algo(order)) == []

    def test_paused_by_somebody_else_is_no_answer(self) -> None:
        desk = Desk()
        order = self.begun(desk)
        (command,) = desk.do(lambda c: c.pause_algo(order, keep_slices=True))
        assert isinstance(command, PauseAlgo)
        assert command.keep_children
        moved = AlgoMoved(order_id=1, phase=Phase.PAUSED, reason="x", actor="spiffe://olivia", time_ns=22)
        desk.runner.on_events(22, [moved])
        assert desk.runner._desk.busy(order)
        refused = CommandRefused(reason="ALGO_NOT_RUNNING", field="order_id", text="it is paused", actor="", time_ns=1)
        desk.runner.on_answer(23, command, [refused])
        assert not desk.runner._desk.busy(order)
        assert desk.diary.heard[-1] == "23 request refused ALGO_NOT_RUNNING: it is paused"
        desk.runner._desk.engage_kill("")
        assert desk.do(lambda c: c.resume_algo(order)) == []
        assert desk.do(lambda c: c.amend_algo(order, quantity_lots=5)) == []
        (command,) = desk.do(lambda c: c.cancel(order))
        assert isinstance(command, CancelOrder)
        assert desk.do(lambda c: c.pause_algo(order)) == [], "its cancel is on its way"

    def begun(self, desk: Desk) -> Order:
        command = self.submit(desk)
        facts = {name: getattr(command, name) for name in OrderHeld.__struct_fields__ if hasattr(command, name)}
        held = OrderHeld(**facts, order_id=1, order_type="LIMIT", held="x", time_ns=20)
        started = AlgoStarted(order_id=1, schedule=command.schedule, actor=command.actor, time_ns=20)
        desk.runner.on_answer(20, command, [held, started])
        return desk.orders()[0]

    @pytest.mark.parametrize(
        "schedule",
        [
            twap(end_ns=1.5, slices=2),  # type: ignore[arg-type]
            twap(end_ns=2**63, slices=2),
            vwap(end_ns=1, curve_ppm=(0.5, 0.5)),  # type: ignore[arg-type]
            shortfall(
                end_ns=1,
                slices=2,
                risk_aversion=0.1,  # type: ignore[arg-type]
                volatility=Decimal(1),
                temporary_impact=Decimal(1),
            ),
        ],
    )
    def test_odd_numbers_never_reach_the_engine(self, schedule: Schedule) -> None:
        desk, errors = Desk(), list[FieldError]()

        def ask(context: Any) -> None:
            with pytest.raises(FieldError) as caught:
                context.submit_algo(NAME, Side.SELL, 10, schedule)
            errors.append(caught.value)

        assert desk.do(ask) == []
        assert errors[0].field.startswith("schedule.")


class TestAccumulator:
    def floor(self, **parameters: Any) -> AlgoFloor:
        found = AlgoFloor(BTC, Accumulator(AccumulatorParameters(instrument=NAME, **parameters)))
        self.begin_ns = found.now_ns + SECOND_NS
        found._execute(found.runner.start(found.now_ns))
        return found

    @pytest.mark.parametrize("by", ["twap", "pov", "iceberg"])
    def test_it_has_its_target_in_the_end(self, by: str) -> None:
        floor = self.floor(by=by, target_lots=50, slices=5, rate_ppm=300_000)
        for second in range(90):
            floor.see(book(self.begin_ns + second * SECOND_NS))
            floor.see(MarketTrade(NAME, self.begin_ns + second * SECOND_NS + 1, 100, 10, Side.SELL))
        assert floor.runner.position(NAME).lots == 50
        assert len([event for event in floor.events if isinstance(event, OrderHeld)]) == 1, "once"
        assert floor.replayed() == floor.events

    def test_it_pauses_while_the_spread_is_wide(self) -> None:
        floor = self.floor(target_lots=50, slices=5, widest_ticks=8)
        spreads = [2, 2, 9, 9, 7, 7, 6, 2, 2]
        for place, spread in enumerate(spreads):
            floor.see(book(self.begin_ns + place * SECOND_NS, BID, BID + spread))
        phases = [event.phase for event in floor.events if isinstance(event, AlgoMoved)]
        assert phases == [Phase.PAUSED, Phase.RUNNING]
        assert [event.time_ns for event in floor.events if isinstance(event, AlgoMoved)] == [
            self.begin_ns + 2 * SECOND_NS,
            self.begin_ns + 6 * SECOND_NS,
        ]

    def test_one_that_was_cancelled_is_not_begun_again(self) -> None:
        floor = self.floor(target_lots=50, slices=5)
        floor.see(book(self.begin_ns))
        floor._heard(CancelOrder(request_id="c", actor="spiffe://olivia", order_id=1))
        for second in range(1, 5):
            floor.see(book(self.begin_ns + second * SECOND_NS))
        assert len([event for event in floor.events if isinstance(event, OrderHeld)]) == 1
        ends = [event for event in floor.events if isinstance(event, OrderReported) and event.order_id == 1]
        assert [event.exec_type for event in ends] == [ExecType.CANCELED]
        assert [each for each in floor.events if isinstance(each, OrderSubmitted)]


def test_what_the_builders_leave_open_has_its_usual_value() -> None:
    schedule = iceberg(display_lots=3)
    assert (schedule.style, schedule.catch_up, schedule.at_end) == (ChildStyle.LIMIT, CatchUp.KEEP, AtEnd.CANCEL)
    assert pov(end_ns=1, rate_ppm=2, max_child_lots=3, start_ns=4).start_ns == 4
