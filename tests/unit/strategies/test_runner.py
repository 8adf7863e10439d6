"""The runner between a strategy and a driver: what goes in, which callback, which commands come out."""

from __future__ import annotations

from typing import Any

import pytest

from meltica.domain.approvals import KillSwitch
from meltica.domain.commands import AmendOrder, CancelOrder, SubmitOrder
from meltica.domain.errors import FieldError
from meltica.domain.events import (
    CancelRequested,
    CommandRefused,
    KillSwitchEngaged,
    KillSwitchReleased,
    OrderDenied,
    OrderFilled,
    OrderReported,
    OrderSubmitted,
    ReplaceRequested,
    RequestRejected,
    TradeCorrected,
)
from meltica.domain.lifecycle import OrderStatus, opened, status
from meltica.domain.market import BookInvalid, BookUpdate, MarketTrade, TradingStatus
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.reports import ExecType
from meltica.strategies.market_view import MarketView
from meltica.strategies.runner import StrategyRunner
from meltica.strategies.sdk import Parameters, Strategy
from tests.unit.venues.orders import BTC

NAME = BTC.instrument
SNAPSHOT = BookUpdate(NAME, 10, ((100, 5), (99, 5)), ((102, 5),), snapshot=True)


class Diary(Strategy[Parameters]):
    """Writes down what it hears, and does what a test told it to do at its next callback."""

    def __init__(self) -> None:
        super().__init__(Parameters())
        self.heard: list[str] = []
        self.todo: list[Any] = []

    def instruments(self):
        return (NAME,)

    def note(self, context, words: str) -> None:
        self.heard.append(f"{context.time_ns} {words}")
        while self.todo:
            self.todo.pop(0)(context)

    def on_start(self, context):
        self.note(context, "start")

    def on_top_of_book(self, context, top):
        self.note(context, f"top {top.bid} {top.ask}")

    def on_book_invalid(self, context, instrument):
        self.note(context, "invalid")

    def on_trade(self, context, trade):
        self.note(context, f"trade {trade.quantity_lots}@{trade.price_ticks}")

    def on_trading_status(self, context, trading_status):
        self.note(context, f"halted {trading_status.halted}")

    def on_accepted(self, context, order):
        self.note(context, f"accepted {order.client_order_id}")

    def on_filled(self, context, fill):
        self.note(context, f"filled {fill.quantity_lots}@{fill.price_ticks}")

    def on_canceled(self, context, order):
        self.note(context, f"canceled {status(order).value}")

    def on_rejected(self, context, order, why):
        self.note(context, f"rejected {why}")

    def on_request_refused(self, context, order, why):
        self.note(context, f"request refused {why}")

    def on_timer(self, context, name):
        self.note(context, f"timer {name}")

    def on_kill(self, context, reason):
        self.note(context, f"kill {reason}")

    def on_release(self, context):
        self.note(context, "release")


class Desk:
    """A runner with its diary, and the engine's events written by hand."""

    def __init__(self, **start: Any) -> None:
        self.diary = Diary()
        self.runner = StrategyRunner(self.diary, {NAME: BTC}, name="diary", account="desk", epoch=4)
        self.runner.start(1, **start)

    def do(self, action: Any, at_ns: int = 20) -> list[Any]:
        """Let the strategy act, at its next callback."""
        self.diary.todo.append(action)
        return self.runner.on_market(MarketTrade(NAME, at_ns, 101, 1))

    def submitted(self, command: SubmitOrder, order_id: int = 1) -> OrderSubmitted:
        return OrderSubmitted(**order_facts(command, order_id), reserved_price_ticks=0)

    def working(self, quantity_lots: int = 10) -> Any:
        """One working order; the domain's view of it."""
        (command,) = self.do(lambda c: c.submit(NAME, Side.BUY, quantity_lots, 100))
        self.runner.on_answer(20, command, [self.submitted(command)])
        self.runner.on_events(21, [reported(ExecType.NEW, command.client_order_id)])
        return self.orders()[0]

    def orders(self) -> list[Any]:
        found: list[Any] = []
        self.do(lambda c: found.extend(c.orders(NAME)), at_ns=0)
        return found


def order_facts(command: SubmitOrder, order_id: int) -> dict[str, Any]:
    names = ("client_order_id", "account", "strategy", "instrument", "side", "order_type", "time_in_force")
    names += ("quantity_lots", "price_ticks", "post_only", "reduce_only", "actor")
    return {"order_id": order_id, "time_ns": 20, **{name: getattr(command, name) for name in names}}


def reported(exec_type: ExecType, client_order_id: str, **facts: Any) -> OrderReported:
    return OrderReported(order_id=1, exec_type=exec_type, client_order_id=client_order_id, time_ns=30, **facts)


def filled(quantity_lots: int, execution_id: str, **facts: Any) -> OrderFilled:
    defaults: dict[str, Any] = {
        "order_id": 1,
        "account": "desk",
        "strategy": "diary",
        "instrument": NAME,
        "side": Side.BUY,
        "execution_id": execution_id,
        "quantity_lots": quantity_lots,
        "price_ticks": 100,
        "fee_nanos": 7,
        "maker": True,
        "cumulative_lots": quantity_lots,
        "leaves_lots": 0,
        "sequence": 1,
        "time_ns": 30,
    }
    return OrderFilled(**{**defaults, **facts})


class TestMarket:
    def test_callbacks_in_order_and_only_when_something_changed(self):
        desk = Desk()
        for event in (
            BookUpdate(NAME, 5, ((100, 5),)),  # Before a snapshot: says nothing.
            SNAPSHOT,
            BookUpdate(NAME, 11, ((98, 5),)),  # Below the best: not our business.
            BookUpdate(NAME, 12, ((101, 1),)),
            MarketTrade(NAME, 13, 101, 2),
            BookInvalid(NAME, 14, "gap"),
            TradingStatus(NAME, 15, halted=True),
            BookUpdate("ETH/USDT@PAPER", 16, ((1, 1),), ((2, 1),), snapshot=True),
        ):
            assert desk.runner.on_market(event) == []
        assert desk.diary.heard == [
            "1 start",
            "10 top (100, 5) (102, 5)",
            "12 top (101, 1) (102, 5)",
            "13 trade 2@101",
            "14 invalid",
            "15 halted True",
        ]

    def test_what_the_context_shows(self):
        desk, seen = Desk(), []
        desk.runner.on_market(SNAPSHOT)
        desk.runner.on_market(TradingStatus(NAME, 11, halted=True))
        desk.do(lambda c: seen.extend([c.top(NAME), c.book(NAME, 1), c.halted(NAME), c.last_trade(NAME).price_ticks]))
        top, book, halted, last = seen
        assert (top.mid_ticks, book.bids, book.asks, book.valid, halted, last) == (
            101,
            ((100, 5),),
            ((102, 5),),
            True,
            True,
            101,
        )
        desk.runner.on_market(BookInvalid(NAME, 12, "gap"))
        desk.do(lambda c: seen.extend([c.top(NAME), c.book(NAME, 1).valid]))
        assert seen[-2:] == [None, False]

    def test_a_shared_view_is_not_fed_twice(self):
        view, diary = MarketView([NAME]), Diary()
        runner = StrategyRunner(diary, {NAME: BTC}, name="d", account="desk", epoch=1, view=view)
        runner.start(1)
        view.apply(SNAPSHOT)
        runner.on_market(SNAPSHOT)
        runner.on_market(SNAPSHOT)
        assert diary.heard == ["1 start", "10 top (100, 5) (102, 5)"]

    def test_an_instrument_that_there_is_not(self):
        with pytest.raises(FieldError, match="known are X/Y@Z"):
            StrategyRunner(Diary(), {"X/Y@Z": BTC}, name="d", account="desk", epoch=1)


class TestCommands:
    def test_ids_are_deterministic_and_differ_by_epoch(self):
        (command,) = Desk().do(lambda c: c.submit(NAME, Side.BUY, 3, 100, post_only=True))
        assert command == SubmitOrder(
            request_id="diary-4-1",
            actor="strategy:diary",
            account="desk",
            strategy="diary",
            instrument=NAME,
            side=Side.BUY,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            quantity_lots=3,
            price_ticks=100,
            post_only=True,
            client_order_id="diary-4-1",
        )

    def test_without_a_price_it_is_a_market_order_that_does_not_rest(self):
        (command,) = Desk().do(lambda c: c.submit(NAME, Side.SELL, 3))
        assert (command.order_type, command.time_in_force, command.price_ticks) == (
            OrderType.MARKET,
            TimeInForce.IOC,
            None,
        )

    def test_an_order_on_its_way_is_seen_and_busy(self):
        desk, busy = Desk(), []
        (command,) = desk.do(lambda c: c.submit(NAME, Side.BUY, 3, 100))
        (order,) = desk.orders()
        assert (order.order_id, order.client_order_id) == (0, command.client_order_id)
        assert desk.do(lambda c: busy.extend([c.busy(order), c.cancel(order), c.amend(order, price_ticks=99)])) == []
        assert busy == [True, False, False]

    def test_one_change_at_a_time_but_a_cancel_always(self):
        desk = Desk()
        order = desk.working()
        assert [type(c) for c in desk.do(lambda c: c.amend(order, price_ticks=99))] == [AmendOrder]
        assert desk.do(lambda c: c.amend(order, price_ticks=98)) == []
        (cancel,) = desk.do(lambda c: c.cancel(order))
        assert cancel == CancelOrder(request_id="diary-4-3", actor="strategy:diary", order_id=1)
        assert desk.do(lambda c: c.cancel(order)) == []

    def test_after_the_engine_took_it_it_is_busy_until_the_venue_answers(self):
        desk, busy = Desk(), []
        order = desk.working()
        (amend,) = desk.do(lambda c: c.amend(order, price_ticks=99))
        replace = ReplaceRequested(
            order_id=1,
            client_order_id="r1",
            original_client_order_id=order.client_order_id,
            quantity_lots=10,
            price_ticks=99,
            gate_lots=0,
            reserved_price_ticks=0,
            actor="strategy:diary",
            time_ns=22,
        )
        desk.runner.on_answer(22, amend, [replace])
        desk.runner.on_events(22, [replace])  # Through the other door too: it counts once.
        desk.do(lambda c: busy.append(c.busy(c.orders(NAME)[0])))
        desk.runner.on_events(31, [reported(ExecType.REPLACED, "r1", quantity_lots=10, price_ticks=99)])
        desk.do(lambda c: busy.append(c.busy(c.orders(NAME)[0])), at_ns=32)
        assert busy == [True, False]
        assert desk.orders()[0].price_ticks == 99
        assert "31 accepted r1" in desk.diary.heard

    def test_cancel_all_reaches_those_on_their_way(self):
        desk = Desk()
        (command,) = desk.do(lambda c: c.submit(NAME, Side.BUY, 3, 100))
        assert desk.do(lambda c: c.cancel_all()) == []
        (cancel,) = desk.runner.on_answer(21, command, [desk.submitted(command)])
        assert isinstance(cancel, CancelOrder)
        assert cancel.order_id == 1


class TestAnswers:
    def test_denied(self):
        desk = Desk()
        (command,) = desk.do(lambda c: c.submit(NAME, Side.BUY, 3, 100))
        denied = OrderDenied(**order_facts(command, 1), reason="PRICE_COLLAR", fired_mask=4, text="too far")
        desk.runner.on_answer(21, command, [denied])
        assert desk.diary.heard[-1] == "21 rejected PRICE_COLLAR: too far"
        assert desk.orders() == []

    def test_refused_commands(self):
        desk = Desk()
        refused = CommandRefused(reason="NOPE", field="", text="no", actor="strategy:diary", time_ns=21)
        (command,) = desk.do(lambda c: c.submit(NAME, Side.BUY, 3, 100))
        desk.runner.on_answer(21, command, [refused])
        assert desk.diary.heard[-1] == "21 rejected NOPE: no"
        assert desk.orders() == []
        order = desk.working()
        (amend,) = desk.do(lambda c: c.amend(order, price_ticks=99))
        desk.runner.on_answer(22, amend, [refused])
        assert desk.diary.heard[-1] == "22 request refused NOPE: no"
        assert len(desk.do(lambda c: c.amend(order, price_ticks=99), at_ns=23)) == 1

    def test_rejected_by_the_venue(self):
        desk = Desk()
        order = desk.working()
        desk.runner.on_events(31, [reported(ExecType.REJECTED, order.client_order_id, text="closed")])
        assert desk.diary.heard[-1] == "31 rejected closed"
        assert desk.orders() == []

    def test_a_cancel_that_came_too_late(self):
        desk = Desk()
        order = desk.working()
        (cancel,) = desk.do(lambda c: c.cancel(order))
        asked = CancelRequested(
            order_id=1,
            client_order_id="x1",
            original_client_order_id=order.client_order_id,
            actor="strategy:diary",
            time_ns=22,
        )
        desk.runner.on_answer(22, cancel, [asked])
        desk.runner.on_events(23, [RequestRejected(order_id=1, client_order_id="x1", text="too late", time_ns=23)])
        assert desk.diary.heard[-1] == "23 request refused too late"
        assert len(desk.do(lambda c: c.cancel(order), at_ns=24)) == 1

    def test_canceled_and_expired(self):
        for how, word in ((ExecType.CANCELED, "Canceled"), (ExecType.EXPIRED, "Expired")):
            desk = Desk()
            order = desk.working()
            desk.runner.on_events(31, [reported(how, order.client_order_id)])
            assert desk.diary.heard[-1] == f"31 canceled {word}"
            assert desk.orders() == []


class TestFills:
    def test_position_and_order_are_there_before_the_callback(self):
        desk, seen = Desk(), []
        desk.working(10)
        desk.diary.todo.append(lambda c: seen.append((c.position(NAME).lots, c.orders(NAME)[0].cumulative_lots)))
        desk.runner.on_events(30, [filled(4, "e1")])
        assert seen == [(4, 4)]
        desk.runner.on_events(31, [filled(6, "e2", price_ticks=99)])
        position = desk.runner.position(NAME)
        assert (position.lots, position.fees_nanos) == (10, 14)
        assert position.cost_nanos == (4 * 100 + 6 * 99) * BTC.value_per_tick_lot_nanos
        assert desk.orders() == []

    def test_once(self):
        desk = Desk()
        desk.working(10)
        for _ in range(3):
            desk.runner.on_events(30, [filled(4, "e1")])
        assert desk.runner.position(NAME).lots == 4
        assert sum("filled" in line for line in desk.diary.heard) == 1

    def test_late_ones_of_orders_that_are_forgotten_count_too(self):
        desk = Desk()
        desk.runner.on_events(30, [filled(4, "e1", order_id=999, side=Side.SELL)])
        assert desk.runner.position(NAME).lots == -4

    def test_those_of_others_do_not(self):
        desk = Desk()
        desk.runner.on_events(30, [filled(4, "e1", strategy="manual")])
        assert desk.runner.position(NAME).lots == 0

    def test_corrections_and_busts(self):
        desk = Desk()
        desk.working(10)
        desk.runner.on_events(30, [filled(4, "e1"), filled(3, "e2")])
        facts = {"order_id": 1, "account": "desk", "instrument": NAME, "cumulative_lots": 0, "leaves_lots": 0}
        facts |= {"time_ns": 31, "price_ticks": 101}
        corrected = TradeCorrected(
            reference_execution_id="e1", execution_id="e1b", quantity_lots=5, fee_nanos=9, **facts
        )
        busted = TradeCorrected(reference_execution_id="e2", execution_id="", quantity_lots=0, fee_nanos=0, **facts)
        desk.runner.on_events(31, [corrected, busted])
        position = desk.runner.position(NAME)
        assert (position.lots, position.fees_nanos) == (5, 9)
        assert desk.orders()[0].cumulative_lots == 5


class TestKill:
    def engaged(self, account: str = "") -> KillSwitchEngaged:
        return KillSwitchEngaged(account=account, epoch=1, reason="drill", actor="ada", time_ns=40)

    def released(self, account: str = "") -> KillSwitchReleased:
        return KillSwitchReleased(account=account, epoch=2, proposer="ada", approver="bob", time_ns=50)

    def test_nothing_is_sent_but_cancels(self):
        desk, said = Desk(), []
        order = desk.working()
        desk.runner.on_events(40, [self.engaged()])
        assert desk.diary.heard[-1] == "40 kill drill"
        assert desk.do(lambda c: said.extend([c.submit(NAME, Side.BUY, 1, 1), c.amend(order, price_ticks=1)])) == []
        assert said == ["", False]
        assert len(desk.do(lambda c: c.cancel(order))) == 1
        desk.runner.on_events(50, [self.released()])
        assert desk.diary.heard[-1] == "50 release"
        assert len(desk.do(lambda c: c.submit(NAME, Side.BUY, 1, 1))) == 1

    def test_each_switch_holds_alone(self):
        desk = Desk()
        desk.runner.on_events(40, [self.engaged("other"), self.engaged("desk"), self.engaged("")])
        desk.runner.on_events(50, [self.released("")])
        assert desk.runner.killed
        desk.runner.on_events(50, [self.released("other"), self.released("desk")])
        assert not desk.runner.killed
        assert [line for line in desk.diary.heard if "release" in line] == ["50 release"]

    def test_a_start_under_an_engaged_switch(self):
        assert Desk(kill_switches=[KillSwitch(engaged=True)]).runner.killed
        assert Desk(kill_switches=[KillSwitch(account="desk", engaged=True)]).runner.killed
        assert not Desk(kill_switches=[KillSwitch(), KillSwitch(account="other", engaged=True)]).runner.killed


class TestTimers:
    def test_they_fire_once_in_order_and_before_the_market(self):
        desk = Desk()
        desk.do(
            lambda c: (c.set_timer("b", 50), c.set_timer("a", 50), c.set_timer("late", 70), c.set_timer("late", 60))
        )
        assert desk.runner.next_timer_ns() == 50
        desk.runner.on_timer(49)
        desk.runner.on_market(MarketTrade(NAME, 65, 101, 1))
        assert desk.diary.heard[-4:] == ["65 timer a", "65 timer b", "65 timer late", "65 trade 1@101"]
        assert desk.runner.next_timer_ns() is None

    def test_too_many_are_a_leak(self):
        desk = Desk()
        desk.do(lambda c: [c.set_timer(f"t{n}", 1000) for n in range(65)])
        assert "at most 64 timers" in desk.runner.failed


class TestFailure:
    def test_a_strategy_that_raises_is_stopped_and_its_orders_are_cancelled(self):
        desk = Desk()
        desk.working(10)

        def half_a_thought(context):
            context.submit(NAME, Side.BUY, 5, 100)
            raise ZeroDivisionError("oops")

        (cancel,) = desk.do(half_a_thought)
        assert isinstance(cancel, CancelOrder)
        assert desk.runner.failed == "on_trade raised ZeroDivisionError: oops"
        before = list(desk.diary.heard)
        assert desk.do(lambda c: c.submit(NAME, Side.BUY, 5, 100)) == []
        desk.runner.on_events(30, [filled(4, "e1")])
        assert desk.diary.heard == before
        assert desk.runner.position(NAME).lots == 4

    def test_an_order_that_was_on_its_way_is_cancelled_when_it_arrives(self):
        desk = Desk()
        (command,) = desk.do(lambda c: c.submit(NAME, Side.BUY, 3, 100))
        desk.do(lambda _: 1 / 0)
        (cancel,) = desk.runner.on_answer(21, command, [desk.submitted(command)])
        assert isinstance(cancel, CancelOrder)


class TestRestart:
    def test_it_goes_on_with_what_it_had_in_a_copy(self):
        (command,) = Desk().do(lambda c: c.submit(NAME, Side.BUY, 10, 100))
        engines = opened(Desk().submitted(command))
        desk = Desk(orders=[engines])
        (mine,) = desk.orders()
        desk.runner.on_events(30, [reported(ExecType.NEW, command.client_order_id), filled(4, "e1")])
        assert status(mine) is OrderStatus.PARTIALLY_FILLED
        assert status(engines) is OrderStatus.PENDING_NEW, "the engine's own order was changed"
        assert desk.runner.stop(40) == [
            CancelOrder(request_id="diary-4-1", actor="strategy:diary", order_id=1),
        ]
