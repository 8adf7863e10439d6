"""A strategy that writes down what it hears, its runner, and the engine's events written by hand."""

from __future__ import annotations

from typing import Any

from meltica.domain.commands import SubmitOrder
from meltica.domain.lifecycle import status
from meltica.domain.market import MarketTrade
from meltica.domain.order import Side
from meltica.domain.order_events import OrderFilled, OrderReported, OrderSubmitted
from meltica.domain.reports import ExecType
from meltica.strategies.runner import StrategyRunner
from meltica.strategies.sdk import Parameters, Strategy
from tests.unit.venues.orders import BTC

NAME = BTC.instrument


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

    def on_mark_price(self, context, mark):
        self.note(context, f"mark {mark.price_ticks}{'+' if mark.between else ''}")

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
