"""What the runner keeps: positions, kill switches, timers, failures, and what a restart hands it."""

from __future__ import annotations

import numpy as np
import pytest

from meltica.domain.approvals import KillSwitch
from meltica.domain.commands import CancelOrder
from meltica.domain.events import KillSwitchEngaged, KillSwitchReleased
from meltica.domain.lifecycle import OrderStatus, opened, status
from meltica.domain.market import MarketTrade
from meltica.domain.order import Side
from meltica.domain.order_events import TradeCorrected
from meltica.domain.reports import ExecType
from tests.unit.strategies.diary import NAME, Desk, filled, reported
from tests.unit.venues.orders import BTC


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

    def test_a_fill_after_the_stop_is_told_and_brings_no_new_order(self):
        desk = Desk()
        desk.working(10)
        (cancel,) = desk.runner.stop(29)
        assert isinstance(cancel, CancelOrder)
        desk.diary.todo.append(lambda c: (c.submit(NAME, Side.BUY, 1, 100), c.amend(c.orders(NAME)[0], price_ticks=99)))
        assert desk.runner.on_events(30, [filled(4, "e1")]) == []
        assert desk.runner.position(NAME).lots == 4

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

    @pytest.mark.parametrize("lots", [1.5, 2.0, True, np.int64(3), 2**63, -(2**63)], ids=repr)
    @pytest.mark.parametrize("asks", ["quantity", "price", "amend"])
    def test_a_number_that_is_no_int_of_63_bits_stops_it_before_the_engine_sees_it(self, lots, asks):
        """A float would break the engine's step, and with it the gateway."""
        desk = Desk()
        order = desk.working(10)
        wants = {
            "quantity": lambda c: c.submit(NAME, Side.BUY, lots, 100),
            "price": lambda c: c.submit(NAME, Side.BUY, 5, lots),
            "amend": lambda c: c.amend(order, price_ticks=lots),
        }
        assert [type(command) for command in desk.do(wants[asks])] == [CancelOrder]
        assert "FieldError" in desk.runner.failed

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
