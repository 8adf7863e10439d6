"""A venue that lies: it says things twice, too late, wrongly, and takes back what it said. Its books stay true."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, Final

from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.order_events import OrderSubmitted
from meltica.domain.reports import ExecType, ExecutionReport
from sim.world.clock import Clock
from sim.world.exchange import Exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RECENT: Final = 40
"""Reports and executions that it may come back to."""


class Liar:
    def __init__(self, clock: Clock, dice: random.Random, told: Counter[str], prices: Mapping[str, int]) -> None:
        self._clock, self._dice, self._told, self._prices = clock, dice, told, prices
        self._strangers = 0

    def lie(self, exchange: Exchange) -> None:
        """One lie; what a venue can't make good later (it tells nothing again), it does not tell."""
        lies: list[Callable[[Exchange], bool]] = [
            self.says_again,
            self.fills_late,
            self.fills_too_much,
            self.cancels_what_is_over,
            self.speaks_of_nobody,
            self.takes_a_telephone_order,
            self.cancels_unasked,
        ]
        if exchange.tells_again:
            lies += [self.busts, self.corrects, self.busts]
        lie = self._dice.choice(lies)
        if exchange.up and lie(exchange):
            self._told[lie.__name__.replace("_", " ")] += 1

    def says_again(self, exchange: Exchange) -> bool:
        """Acknowledgements, fills, ends: the very same report."""
        if not exchange.stream:
            return False
        exchange.say([self._dice.choice(exchange.stream[-RECENT:])])
        return True

    def fills_late(self, exchange: Exchange) -> bool:
        """It crossed with the cancel: no more than was asked for."""
        over = [order for order in exchange.book.ended_orders()[-RECENT:] if order.leaves_lots > 0]
        if not over:
            return False
        order = self._dice.choice(over)
        lots = self._dice.randint(1, order.leaves_lots)
        exchange.book.fill_late(order, lots, self._prices[order.instrument], self._clock.now_ns)
        exchange.say(exchange.book.due(self._clock.now_ns))
        return True

    def fills_too_much(self, exchange: Exchange) -> bool:
        over = exchange.book.ended_orders()[-RECENT:]
        if not over:
            return False
        order = self._dice.choice(over)
        lots = order.leaves_lots + self._dice.randint(1, 20)
        exchange.book.fill_late(order, max(lots, 1), self._prices[order.instrument], self._clock.now_ns)
        exchange.say(exchange.book.due(self._clock.now_ns))
        return True

    def cancels_what_is_over(self, exchange: Exchange) -> bool:
        over = exchange.book.ended_orders()[-RECENT:]
        if not over:
            return False
        exchange.book.tell_end(self._dice.choice(over), "cancelled, it says")
        exchange.say(exchange.book.due(self._clock.now_ns))
        return True

    def cancels_unasked(self, exchange: Exchange) -> bool:
        if not (working := exchange.book.open_orders()):
            return False
        exchange.cancel(self._dice.choice(working), f"unasked-{self._clock.now_ns}")
        return True

    def speaks_of_nobody(self, exchange: Exchange) -> bool:
        kind = self._dice.choice([ExecType.NEW, ExecType.TRADE, ExecType.CANCELED, ExecType.TRADE_CANCEL])
        report = ExecutionReport(
            venue=exchange.venue,
            client_order_id=f"nobody-{self._dice.randrange(5)}",
            exec_type=kind,
            execution_id=f"nobody-{self._dice.randrange(50)}",
            last_quantity_lots=5,
            last_price_ticks=1_000,
        )
        exchange.say([report])
        return True

    def takes_a_telephone_order(self, exchange: Exchange) -> bool:
        """Somebody trades for the account, and not through the gateway."""
        self._strangers += 1
        name = self._dice.choice(sorted(exchange.book.names()))
        side = self._dice.choice(list(Side))
        order = OrderSubmitted(
            order_id=0,
            client_order_id=f"telephone-{self._strangers}",
            account="main",
            strategy="external",
            instrument=name,
            side=side,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            quantity_lots=self._dice.randrange(1, 30),
            price_ticks=self._prices[name] - side.sign * 5,
            post_only=False,
            reduce_only=False,
            reserved_price_ticks=0,
            actor="telephone",
            time_ns=self._clock.now_ns,
        )
        exchange.telephone(order)
        return True

    def busts(self, exchange: Exchange) -> bool:
        if not (chosen := self._recent_fill(exchange)):
            return False
        exchange.book.correct(chosen, 0, 0, self._clock.now_ns)
        exchange.say(exchange.book.due(self._clock.now_ns))
        return True

    def corrects(self, exchange: Exchange) -> bool:
        if not (chosen := self._recent_fill(exchange)):
            return False
        fill = exchange.book.fills[chosen]
        lots, price = self._dice.randint(1, fill.lots), fill.price_ticks + self._dice.randrange(-3, 4)
        exchange.book.correct(chosen, lots, price, self._clock.now_ns)
        exchange.say(exchange.book.due(self._clock.now_ns))
        return True

    def _recent_fill(self, exchange: Exchange) -> str:
        recent = list(exchange.book.fills)[-RECENT:]
        return self._dice.choice(recent) if recent else ""
