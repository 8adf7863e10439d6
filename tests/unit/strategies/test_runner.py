"""The runner between a strategy and a driver: what goes in, which callback, which commands come out."""

from __future__ import annotations

import pytest

from meltica.domain.commands import AmendOrder, CancelOrder, SubmitOrder
from meltica.domain.errors import FieldError
from meltica.domain.events import CommandRefused
from meltica.domain.market import BookInvalid, BookUpdate, MarketTrade, MarkPrice, TradingStatus
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.order_events import CancelRequested, OrderDenied, ReplaceRequested, RequestRejected
from meltica.domain.reports import ExecType
from meltica.strategies.market_view import MarketView
from meltica.strategies.runner import StrategyRunner
from tests.unit.strategies.diary import NAME, Desk, Diary, order_facts, reported
from tests.unit.venues.orders import BTC

SNAPSHOT = BookUpdate(NAME, 10, ((100, 5), (99, 5)), ((102, 5),), snapshot=True)


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

    def test_the_mark_price_is_told_each_time_and_does_not_outlive_a_gap(self):
        desk, seen = Desk(), []
        desk.do(lambda c: seen.append(c.mark_price(NAME)), at_ns=5)
        for event in (
            SNAPSHOT,
            MarkPrice(NAME, 11, 101, between=True),
            MarkPrice(NAME, 12, 101, between=True),
            MarkPrice("ETH/USDT@PAPER", 13, 7),
            BookUpdate(NAME, 14, ((98, 5),)),
        ):
            assert desk.runner.on_market(event) == []
        assert desk.diary.heard[2:] == ["10 top (100, 5) (102, 5)", "11 mark 101+", "12 mark 101+"]
        desk.do(lambda c: seen.append(c.mark_price(NAME)))
        desk.runner.on_market(BookInvalid(NAME, 21, "gap"))
        desk.do(lambda c: seen.append(c.mark_price(NAME)), at_ns=22)
        assert seen == [None, MarkPrice(NAME, 12, 101, between=True), None]

    def test_what_is_asked_for_when_the_mark_price_comes(self):
        desk = Desk()
        desk.diary.todo.append(lambda c: c.submit(NAME, Side.BUY, 3, c.mark_price(NAME).price_ticks))
        (command,) = desk.runner.on_market(MarkPrice(NAME, 11, 99))
        assert (command.price_ticks, command.decided_ns) == (99, 11)

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
            decided_ns=20,
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
