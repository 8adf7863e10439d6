"""Pegged orders against a model with pencil and paper: quotes, one-sided books, replaces in flight, fills.

The model knows fractions and what the venue has answered, and looks at every order for every quote. It shares nothing
with the engine: not the index of who waits for which price, nor the arithmetic in half ticks.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from fractions import Fraction

import pytest

from meltica.domain.breakers import MarkKind
from meltica.domain.commands import AmendOrder, CancelOrder, GateState, ReportGate, SeeMarket, SetMark
from meltica.domain.events import Event
from meltica.domain.market import Quote, TradingStatus
from meltica.domain.order import OrderType, Side
from meltica.domain.order_events import AmendDenied, CancelRequested, OrderReleased, ReplaceRequested
from meltica.domain.reports import ExecType, ExecutionReport, OrderCancelReject
from meltica.domain.terms import Peg
from meltica.engine.snapshot import snapshot
from meltica.hot.layout_gen import COLLAR_BPS_BOUND
from tests.engines import BTC, MARK_TICKS, SECOND
from tests.unit.engine.held_orders import HeldBench
from tests.unit.engine.watch import SYSTEM

RARELY = 0.3
MOST = 8
"""Pegged orders at a time."""


@dataclass
class Pegged:
    """One order as its owner would keep it."""

    number: int
    buy: bool
    peg: Peg
    offset: int
    limit: int | None
    lots: int
    filled: int = 0
    price: int | None = None
    """At the venue; None: it has not gone out."""
    asked: tuple[str, str, int, int | None] | None = None
    """(cancel or replace, its id, total lots, price) that has no answer yet."""

    @property
    def open_lots(self) -> int:
        return self.lots - self.filled

    def wanted(self, bid: int, ask: int) -> int:
        match self.peg:
            case Peg.MID:
                at = Fraction(bid + ask, 2)
            case Peg.PRIMARY:
                at = Fraction(bid if self.buy else ask)
            case _:
                at = Fraction(ask if self.buy else bid)
        whole = at.numerator // at.denominator if self.buy else -(-at.numerator // at.denominator)
        price = whole + self.offset
        if self.limit is None:
            return price
        return min(price, self.limit) if self.buy else max(price, self.limit)

    def is_alone(self, bid: tuple[int, int], ask: tuple[int, int]) -> bool:
        """Is the best of its own side nobody but itself, where it follows that?"""
        price, shown = bid if self.buy else ask
        return self.peg is not Peg.MARKET and price == self.price and shown <= self.open_lots


@dataclass
class Model:
    orders: dict[int, Pegged] = field(default_factory=dict)
    halted: bool = False
    gapped: bool = False
    lost: bool = False

    def show(
        self, bid: tuple[int, int] | None, ask: tuple[int, int] | None, *, fresh: bool
    ) -> list[tuple[str, int, int]]:
        """What must happen, in this order: (sent or moved, which order, to which price)."""
        if self.halted or self.gapped or self.lost or not fresh or bid is None or ask is None or bid[0] >= ask[0]:
            return []
        told = []
        for number in sorted(self.orders):
            one = self.orders[number]
            price = one.wanted(bid[0], ask[0])
            if price < 1 or one.asked is not None:
                continue
            if one.price is None:
                told.append(("sent", number, price))
            elif price != one.price and not one.is_alone(bid, ask):
                told.append(("moved", number, price))
        return told


class Walk:
    """A day of random inputs for engine and model. All orders are of one side: own ones never meet."""

    def __init__(self, seed: int, backend: str) -> None:
        self.seed = seed
        self.draw = random.Random(seed)
        self.side = self.draw.choice((Side.BUY, Side.SELL))
        self.bench = HeldBench(backend, max_open_value_nanos=2**63 - 1, collar_bps=COLLAR_BPS_BOUND)
        self.model = Model()
        self.low, self.high = (12, 60) if self.draw.random() < 0.2 else (1, 2 * MARK_TICKS)
        self.price = min(self.high, MARK_TICKS)
        self.newest: tuple[tuple[int, int] | None, tuple[int, int] | None] = (None, None)
        self.executions = 0
        self.count = {"sent": 0, "moved": 0, "alone": 0, "met in flight": 0}

    def run(self, steps: int) -> None:
        ways = (
            *((self.submit, 3), (self.quote, 24), (self.answer, 10), (self.fill, 4), (self.amend, 2), (self.cancel, 1)),
            *((self.halt, 1), (self.gap, 1), (self.gate, 1), (self.restart, 1)),
        )
        for _ in range(steps):
            self.draw.choices([way for way, _ in ways], [weight for _, weight in ways])[0]()
            self.look()
            for one in self.model.orders.values():
                order = self.bench.engine.state.tables.orders[one.number]
                assert (order.held is None, order.price_ticks) == (one.price is not None, one.price), self.where()
        assert snapshot.digest(self.bench.recovered()) == snapshot.digest(self.bench.engine), self.where()

    def where(self) -> str:
        return f"seed {self.seed}"

    # The market

    def quote(self) -> None:
        draw = self.draw
        self.price += draw.choice((0, 0, 1, -1, 1, -1, 5, -5, draw.randint(-60, 60)))
        self.price = min(max(self.price, self.low), self.high)
        self.bench.mark_ticks = self.price
        bid, ask = self.price - draw.randint(0, 4), self.price + draw.randint(-1, 5)
        lots = [draw.randint(1, 60), draw.randint(1, 60)]
        resting = [one for one in self.model.orders.values() if one.price is not None]
        if resting and draw.random() < 0.5:  # Its own level, with little else there or nothing.
            one = draw.choice(resting)
            assert one.price is not None
            bid, ask = (one.price, max(ask, one.price + 1)) if one.buy else (min(bid, one.price - 1), one.price)
            lots[0 if one.buy else 1] = max(1, one.open_lots + draw.choice((-1, 0, 0, 1, 9)))
        sides = [(max(1, bid), lots[0]), (max(1, ask), lots[1])]
        bid_, ask_ = (None if draw.random() < 0.08 else side for side in sides)
        self.newest = bid_, ask_
        self.show(age_ns=draw.choice((0, 0, 0, 0, 0, SECOND, SECOND + 1)))

    def show(self, age_ns: int = 0) -> None:
        bid, ask = self.newest
        quote = Quote(BTC, self.bench.now_ns + 1000 - age_ns, bid, ask)
        expected = self.model.show(bid, ask, fresh=age_ns <= SECOND)
        wanted = self.bench.engine.state.watched(quote, self.bench.now_ns + 1000)
        assert wanted or not expected, f"{self.where()}: nobody would have heard of {expected}"
        if bid is not None and ask is not None:
            self.count["alone"] += sum(one.is_alone(bid, ask) for one in self.model.orders.values())
        self.count["met in flight"] += sum(one.asked is not None for one in self.model.orders.values())
        # Shown although nobody asked, nothing may come of it.
        events = self.bench.step(SeeMarket(request_id="", actor="system:market", quote=quote))
        assert [_told(event) for event in events] == expected, self.where()
        for event, (what, number, price) in zip(events, expected, strict=True):
            one = self.model.orders[number]
            if isinstance(event, ReplaceRequested):
                assert event.quantity_lots == one.lots, self.where()
                one.asked = "replace", event.client_order_id, one.lots, price
            else:
                one.price = price
            self.count[what] += 1

    def look(self) -> None:
        """The driver shows the newest market where an order came or changed, whether it moves or not."""
        while self.bench.engine.state.watch.look():
            self.show()

    # Persons

    def submit(self) -> None:
        if len(self.model.orders) >= MOST:
            return
        draw = self.draw
        peg, offset = draw.choice(tuple(Peg)), draw.choice((0, 0, 1, -1, draw.randint(-9, 9)))
        limit = self.price + draw.randint(-30, 30) if draw.random() < 0.4 else None
        limit = None if limit is None else max(1, limit)
        lots = draw.randint(1, 40)
        terms = {"peg": peg, "peg_offset_ticks": offset, "peg_limit_ticks": limit}
        order = self.bench.hold(OrderType.PEGGED, self.side, lots, **terms)
        self.model.orders[order.order_id] = Pegged(order.order_id, self.side is Side.BUY, peg, offset, limit, lots)

    def amend(self) -> None:
        free = [one for one in self.model.orders.values() if one.price is not None and one.asked is None]
        if not free:
            return
        one = self.draw.choice(free)
        lots = one.filled + self.draw.randint(1, 40)
        command = AmendOrder(request_id=self.bench.request(), actor=SYSTEM, order_id=one.number, quantity_lots=lots)
        (event,) = self.bench.step(command)
        if self.model.lost or self.model.halted or self.model.gapped:
            assert isinstance(event, AmendDenied), f"{self.where()}: {event}"
            return
        assert isinstance(event, ReplaceRequested), f"{self.where()}: {event}"
        one.asked = "replace", event.client_order_id, lots, one.price

    def cancel(self) -> None:
        free = [one for one in self.model.orders.values() if one.asked is None]
        if not free:
            return
        one = self.draw.choice(free)
        command = CancelOrder(request_id=self.bench.request(), actor=SYSTEM, order_id=one.number)
        (event,) = self.bench.step(command)
        if one.price is None:
            del self.model.orders[one.number]
        else:
            assert isinstance(event, CancelRequested), self.where()
            one.asked = "cancel", event.client_order_id, 0, None

    # The venue

    def answer(self) -> None:
        waiting = [one for one in self.model.orders.values() if one.asked is not None]
        if not waiting:
            return
        one = self.draw.choice(waiting)
        assert one.asked is not None
        what, name, lots, price = one.asked
        one.asked = None
        if self.draw.random() < 0.2 or one.open_lots == 0:
            self.bench.step(OrderCancelReject(venue="BINANCE", client_order_id=name, text="no"))
        elif what == "cancel":
            self.report(ExecType.CANCELED, name)
            del self.model.orders[one.number]
            return
        else:
            one.lots, one.price = max(lots, one.filled), price
            self.report(ExecType.REPLACED, name, price_ticks=price, order_quantity_lots=one.lots)
        if one.open_lots == 0:
            del self.model.orders[one.number]

    def fill(self) -> None:
        out = [one for one in self.model.orders.values() if one.price is not None and one.open_lots]
        if not out:
            return
        one = self.draw.choice(out)
        lots = one.open_lots if self.draw.random() < 0.3 else self.draw.randint(1, one.open_lots)
        self.executions += 1
        name = self.bench.engine.state.tables.orders[one.number].client_order_id
        self.report(
            ExecType.TRADE,
            name,
            execution_id=f"x{self.executions}",
            last_quantity_lots=lots,
            last_price_ticks=one.price or 0,
        )
        one.filled += lots
        if one.open_lots == 0 and one.asked is None:
            del self.model.orders[one.number]

    def report(self, how: ExecType, name: str, **facts: object) -> None:
        self.bench.step(ExecutionReport(venue="BINANCE", client_order_id=name, exec_type=how, **facts))  # type: ignore[arg-type]

    # Trouble

    def halt(self) -> None:
        self.model.halted = not self.model.halted and self.draw.random() < RARELY
        self.bench.step(TradingStatus(BTC, self.bench.now_ns, halted=self.model.halted))

    def gap(self) -> None:
        self.model.gapped = not self.model.gapped and self.draw.random() < RARELY
        on = self.model.gapped
        self.bench.step(SetMark(request_id="", actor=SYSTEM, mark=MarkKind.GAPPED, name=BTC, on=on, reason="a gap"))

    def gate(self) -> None:
        self.model.lost = not self.model.lost and self.draw.random() < RARELY
        if self.model.lost != bool(self.bench.engine.state.tables.gate_lost):
            state = GateState.LOST if self.model.lost else GateState.REGAINED
            self.bench.step(ReportGate(request_id="", actor=SYSTEM, state=state), after_ns=0)

    def restart(self) -> None:
        self.bench.restart(by_journal=self.draw.random() < 0.5)


def _told(event: Event) -> tuple[str, int, int | None]:
    match event:
        case OrderReleased():
            return "sent", event.order_id, event.price_ticks
        case ReplaceRequested():
            assert event.actor == "system:peg"
            return "moved", event.order_id, event.price_ticks
    raise AssertionError(event)


@pytest.mark.parametrize("backend", ["python", "cython"])
@pytest.mark.parametrize("number", range(6))
def test_pegged_orders_follow_as_pencil_and_paper_say(number: int, backend: str) -> None:
    seed = random.randrange(2**32) if number else 20261123
    print(f"seed {seed}")  # noqa: T201 - a failed run can be repeated
    walk = Walk(seed, backend)
    walk.run(500)
    few = (("sent", 10), ("moved", 20), ("alone", 10), ("met in flight", 100))
    for what, least in (("sent", 1), ("moved", 1)) if number else few:
        assert walk.count[what] >= least, f"{walk.where()}: {what} {walk.count[what]} times"
