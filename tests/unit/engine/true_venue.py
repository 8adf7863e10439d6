"""An independent model of a venue: it has orders and fills, and loses, repeats, delays what it says of them."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from meltica.domain.commands import CancelOrder
from meltica.domain.order import Side
from meltica.domain.order_events import CancelRequested
from meltica.domain.reports import ExecType, ExecutionReport, OrderNotFound, OutcomeUnknown
from meltica.domain.statements import StatedFill, StatedOrder, StatedPosition, VenueStatement
from tests.engines import BTC, MARK_TICKS, SECOND, TestBench
from tests.unit.engine.watch import ADA

HORIZON_NS = 10 * SECOND
PAGE = 3


@dataclass
class Actual:
    """One order as it is."""

    name: str
    side: Side
    lots: int
    filled: int = 0
    ended: bool = False
    fills: list[tuple[str, int]] = field(default_factory=list)


class TrueVenue:
    """``bench`` is the gateway that talks to it over a line that ``chance`` makes bad."""

    def __init__(self, bench: TestBench, chance: random.Random, bad: float) -> None:
        self.bench, self.chance, self.bad = bench, chance, bad
        self.orders: dict[str, Actual] = {}
        self.on_the_way: list[ExecutionReport] = []
        self.never_arrived: list[str] = []
        self.statements = 0
        self.fills = 0
        self.asked_ns = 0

    # What happens

    def submit(self) -> None:
        side = self.chance.choice([Side.BUY, Side.SELL])
        price = MARK_TICKS - 1_000 if side is Side.BUY else MARK_TICKS + 1_000
        order = self.bench.submitted(side, self.chance.randint(1, 50), price)
        if self.chance.random() < self.bad / 2:
            self.never_arrived.append(order.client_order_id)
            return
        self.orders[order.client_order_id] = Actual(order.client_order_id, order.side, order.quantity_lots)
        self.says(order.client_order_id, ExecType.NEW)

    def stranger(self) -> None:
        """Somebody trades for the account by telephone."""
        name = f"tel-{len(self.orders)}"
        self.orders[name] = Actual(name, self.chance.choice([Side.BUY, Side.SELL]), self.chance.randint(1, 50))
        self.says(name, ExecType.NEW)

    def trade(self) -> None:
        works = [order for order in self.orders.values() if not order.ended and order.filled < order.lots]
        if works:
            order = self.chance.choice(works)
            lots = self.chance.randint(1, order.lots - order.filled)
            self.fills += 1
            order.filled += lots
            order.fills.append((f"e{self.fills}", lots))
            told = {"execution_id": f"e{self.fills}", "last_quantity_lots": lots, "last_price_ticks": MARK_TICKS}
            self.says(order.name, ExecType.TRADE, **told)

    def cancel(self) -> None:
        works = [order for order in self.bench.engine.state.working_orders() if not order.pending]
        if works:
            order = self.chance.choice(works)
            asked = CancelOrder(request_id=self.bench.request(), actor=ADA, order_id=order.order_id)
            for event in self.bench.step(asked):
                there = self.orders.get(order.client_order_id)
                arrived = self.chance.random() > self.bad / 2
                if isinstance(event, CancelRequested) and arrived and there is not None:
                    self.end(there)

    def end(self, order: Actual) -> None:
        if not order.ended and order.filled < order.lots:
            order.ended = True
            self.says(order.name, ExecType.CANCELED)

    def says(self, name: str, kind: ExecType, **told: object) -> None:
        order = self.orders[name]
        facts = {"account": "main", "instrument": BTC, "side": order.side, "order_quantity_lots": order.lots}
        price = MARK_TICKS - 1_000 if order.side is Side.BUY else MARK_TICKS + 1_000
        report = ExecutionReport(
            venue="BINANCE", client_order_id=name, exec_type=kind, price_ticks=price, **{**facts, **told}
        )
        times = 0 if self.chance.random() < self.bad else self.chance.choice([1, 1, 1, 2])
        self.on_the_way += [report] * times

    # What is heard of it

    def deliver(self) -> None:
        if self.on_the_way:
            self.bench.step(self.on_the_way.pop(self.chance.randrange(len(self.on_the_way))))

    def statement(self) -> list[VenueStatement]:
        """All that is so, in parts that are shuffled."""
        self.statements += 1
        self.asked_ns = self.bench.now_ns
        orders = [self._stated(order) for order in self.orders.values()]
        fills = [self._fill(order, *fill) for order in self.orders.values() for fill in order.fills]
        count = max(len(orders), len(fills), 1)
        parts = -(-count // PAGE)
        rows = [
            VenueStatement(
                venue="BINANCE",
                account="main",
                statement_id=f"s{self.statements}",
                part=number + 1,
                parts=parts,
                asked_ns=self.asked_ns,
                orders_complete=True,
                positions_complete=True,
                fills_since_ns=0,
                orders=tuple(orders[number * PAGE : (number + 1) * PAGE]),
                fills=tuple(fills[number * PAGE : (number + 1) * PAGE]),
                positions=(StatedPosition(instrument=BTC, lots=self.position()),) if number == 0 else (),
            )
            for number in range(parts)
        ]
        self.chance.shuffle(rows)
        return rows

    def answer_doubts(self) -> None:
        """What never arrived is looked for, often and late enough."""
        for name in self.never_arrived:
            self.bench.step(OutcomeUnknown(venue="BINANCE", client_order_id=name, text="no answer"))
        for _ in range(3):
            for name in self.never_arrived:
                gone = OrderNotFound(venue="BINANCE", client_order_id=name, horizon_ns=HORIZON_NS)
                self.bench.step(gone, after_ns=HORIZON_NS)

    def position(self) -> int:
        return sum(order.side.sign * order.filled for order in self.orders.values())

    def _stated(self, order: Actual) -> StatedOrder:
        done = order.filled == order.lots
        return StatedOrder(
            client_order_id=order.name,
            instrument=BTC,
            side=order.side,
            quantity_lots=order.lots,
            cumulative_lots=order.filled,
            price_ticks=MARK_TICKS - 1_000 if order.side is Side.BUY else MARK_TICKS + 1_000,
            ended=ExecType.CANCELED if order.ended else ExecType.TRADE if done else None,
        )

    @staticmethod
    def _fill(order: Actual, execution_id: str, lots: int) -> StatedFill:
        return StatedFill(
            client_order_id=order.name,
            execution_id=execution_id,
            instrument=BTC,
            side=order.side,
            quantity_lots=lots,
            price_ticks=MARK_TICKS,
        )
