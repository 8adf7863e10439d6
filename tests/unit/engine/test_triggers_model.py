"""Held orders against a model that knows no index and no half ticks: random quotes, gaps, halts, restarts.

The model keeps fractions and looks at every order for every quote. Its only other input is what the engine was asked.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from fractions import Fraction

import pytest

from meltica.domain.breakers import MarkKind
from meltica.domain.commands import AmendOrder, CancelOrder, GateState, ReportGate, SeeMarket, SetMark, Wake
from meltica.domain.events import Event
from meltica.domain.market import Quote, TradingStatus
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.order_events import CancelRequested, HeldAmended, OrderReleased
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.domain.terms import Held, OffsetUnit, Terms, TriggerSource
from meltica.engine.snapshot import snapshot
from tests.engines import BTC, MARK_TICKS, SECOND
from tests.unit.engine.held_orders import HeldBench
from tests.unit.engine.watch import SYSTEM

FRESH_NS = SECOND
RARELY = 0.3
"""Of all that could stop the market from being looked at, how much does."""
TYPES = (
    OrderType.STOP,
    OrderType.STOP_LIMIT,
    OrderType.MARKET_IF_TOUCHED,
    OrderType.LIMIT_IF_TOUCHED,
    OrderType.TRAILING_STOP,
    OrderType.TRAILING_STOP_LIMIT,
)
TRAILS = (OrderType.TRAILING_STOP, OrderType.TRAILING_STOP_LIMIT)
WITH_LIMIT = (OrderType.STOP_LIMIT, OrderType.LIMIT_IF_TOUCHED)


@dataclass
class Waiting:
    """One held order as somebody with pencil and paper would keep it."""

    number: int
    kind: OrderType
    buy: bool
    source: TriggerSource
    trigger: int | None
    limit: int | None = None
    offset: int = 0
    bps: bool = False
    activation: int | None = None
    limit_offset: int = 0
    expires: int | None = None
    active: bool = False
    due: int = 0

    def price(self, market: Seen) -> Fraction | None:
        if self.source is TriggerSource.LAST:
            return None if market.last is None else Fraction(market.last)
        if self.source is TriggerSource.MARK:
            return market.mark
        if not market.fresh or market.bid is None or market.ask is None or market.bid >= market.ask:
            return None
        if self.source is TriggerSource.MID:
            return Fraction(market.bid + market.ask, 2)
        return Fraction(market.ask if self.buy else market.bid)

    def fires(self, price: Fraction) -> bool:
        if self.trigger is None:
            return False
        upward = self.buy if "TOUCHED" not in self.kind.name else not self.buy
        return price >= self.trigger if upward else price <= self.trigger

    def follow(self, price: Fraction) -> bool:
        """Move the trigger; False: it stays."""
        if not self.active:
            reached = self.activation is None or (price <= self.activation if self.buy else price >= self.activation)
            if not reached:
                return False
            self.active = True
        away = self._behind(price)
        better = self.trigger is None or (away < self.trigger if self.buy else away > self.trigger)
        if better:
            self.trigger = away
        return better

    def _behind(self, price: Fraction) -> int:
        """The offset is taken from the whole price on the market's far side, and never made smaller by rounding."""
        whole = -(-price.numerator // price.denominator) if self.buy else price.numerator // price.denominator
        distance = Fraction(whole * self.offset, 10_000) if self.bps else Fraction(self.offset)
        behind = whole + distance if self.buy else whole - distance
        return -(-behind.numerator // behind.denominator) if self.buy else behind.numerator // behind.denominator

    def goes_out_at(self) -> int | None:
        if self.kind is OrderType.TRAILING_STOP_LIMIT and self.trigger is not None:
            return max(1, self.trigger + (self.limit_offset if self.buy else -self.limit_offset))
        return self.limit


@dataclass
class Seen:
    bid: int | None
    ask: int | None
    last: int | None
    mark: Fraction | None
    fresh: bool


@dataclass
class Model:
    orders: dict[int, Waiting] = field(default_factory=dict)
    halted: bool = False
    gapped: bool = False
    lost: bool = False
    waited: int = 0
    """How many have had to, so far: who fired first goes out first."""

    def show(self, market: Seen) -> list[tuple[str, int, int | None]]:
        """What must happen, in this order: (released, waits, moved), which order, at which price or trigger."""
        if self.halted or self.gapped:
            return []
        told: list[tuple[str, int, int | None]] = []
        no_book = market.bid is None and market.ask is None
        book = market.bid is not None and market.ask is not None and market.bid < market.ask
        if market.fresh and not self.lost and (no_book or book):
            ready = sorted((one for one in self.orders.values() if one.due), key=lambda one: one.due)
            told += [("released", one.number, one.goes_out_at()) for one in ready]
        fired = []
        for one in self._sorted():
            price = None if one.due else one.price(market)
            if price is not None and one.trigger is not None and one.fires(price):
                fired.append((-abs(price - one.trigger), one.number, one))
        for _, number, one in sorted(fired, key=lambda each: each[:2]):
            waits = self.lost or not market.fresh
            told.append(("waits" if waits else "released", number, one.goes_out_at()))
            self.waited += waits
            one.due = self.waited if waits else 0
        gone = {number for what, number, _ in told if what == "released"}
        for number in gone:
            del self.orders[number]
        for one in self._sorted():
            price = None if one.due or one.kind not in TRAILS else one.price(market)
            if price is not None and one.follow(price):
                told.append(("moved", one.number, one.trigger))
        return told

    def expire(self, now_ns: int) -> list[int]:
        over = sorted(
            (one.expires, one.number) for one in self.orders.values() if one.expires and one.expires <= now_ns
        )
        for _, number in over:
            del self.orders[number]
        return [number for _, number in over]

    def _sorted(self) -> list[Waiting]:
        return [self.orders[number] for number in sorted(self.orders)]


class Walk:
    """A day of random inputs for engine and model."""

    def __init__(self, seed: int, backend: str) -> None:
        self.seed = seed
        self.draw = random.Random(seed)
        self.bench = HeldBench(backend, self_match_group=0, max_open_value_nanos=2**63 - 1)
        self.bench.describe(mark_price=True)
        self.model = Model()
        self.price = MARK_TICKS
        self.last: int | None = None
        self.mark: int | None = None
        self.finer = False
        """Does the mark price lie between two ticks? Where exactly, the engine is not told."""
        self.fired = self.moved = 0

    def run(self, steps: int) -> None:
        ways = (
            *((self.submit, 4), (self.quote, 14), (self.cancel, 1), (self.amend, 1), (self.halt, 1), (self.gap, 1)),
            *((self.gate, 1), (self.restart, 1), (self.wait, 1)),
        )
        for _ in range(steps):
            self._clock()
            self.draw.choices([way for way, _ in ways], [weight for _, weight in ways])[0]()
            held = {order.order_id for order in self.bench.engine.state.held.values()}
            assert held == set(self.model.orders), f"seed {self.seed}"
        assert snapshot.digest(self.bench.recovered()) == snapshot.digest(self.bench.engine), f"seed {self.seed}"

    def submit(self) -> None:
        draw, kind = self.draw, self.draw.choice(TYPES)
        side = draw.choice((Side.BUY, Side.SELL))
        near = self.price + draw.randint(-60, 60)
        terms: dict = {"trigger_source": draw.choice(tuple(TriggerSource))}
        one = Waiting(0, kind, side is Side.BUY, terms["trigger_source"], None)
        if kind in TRAILS:
            one.bps = draw.random() < 0.4
            one.offset = draw.randint(1, 3) if one.bps else draw.randint(1, 40)
            terms["trail_offset"] = one.offset
            terms["trail_unit"] = OffsetUnit.BASIS_POINTS if one.bps else OffsetUnit.TICKS
            if draw.random() < 0.4:
                one.activation = terms["activation_ticks"] = near
            if kind is OrderType.TRAILING_STOP_LIMIT:
                one.limit_offset = terms["limit_offset_ticks"] = draw.randint(0, 9)
        else:
            one.trigger = terms["trigger_ticks"] = near
        if kind in WITH_LIMIT:
            one.limit = near + draw.randint(-5, 5)
        tif = TimeInForce.GTC
        if draw.random() < 0.2:
            tif, one.expires = TimeInForce.GTD, self.bench.now_ns + draw.randint(1, 4) * SECOND
            terms["expire_ns"] = one.expires
        order = self.bench.hold(kind, side, draw.randint(1, 9), one.limit, tif=tif, **terms)
        one.number = order.order_id
        self.model.orders[one.number] = one

    def quote(self) -> None:
        draw = self.draw
        self.price += draw.choice((0, 0, 1, -1, 3, -3, 12, -12, draw.randint(-80, 80)))
        self.bench.mark_ticks = self.price
        bid, ask = self.price - draw.randint(0, 3), self.price + draw.randint(-1, 3)
        sides = (None if draw.random() < 0.06 else bid, None if draw.random() < 0.06 else ask)
        if draw.random() < 0.4:
            self.last = self.price + draw.randint(-4, 4)
        if draw.random() < 0.2:
            self.mark, self.finer = self.price + draw.randint(-4, 4), draw.random() < 0.5
        ages = (0, 0, 0, 0, FRESH_NS, FRESH_NS + 1, 10 * FRESH_NS)
        age_ns, mark_age_ns = draw.choice(ages), draw.choice(ages)
        facts = {"mark": self.mark, "between": self.finer, "mark_age_ns": mark_age_ns}
        quote = self.bench.quote(*sides, last=self.last, age_ns=age_ns, **facts)
        mark = None
        if self.mark is not None and mark_age_ns <= FRESH_NS:
            mark = self.mark + Fraction(draw.randint(1, 99), 100) * self.finer
        self.see(quote, Seen(*sides, self.last, mark, age_ns <= FRESH_NS))

    def see(self, quote: Quote, seen: Seen) -> None:
        wanted = self.bench.engine.state.watched(quote, self.bench.now_ns + 1000)
        expected = self.model.show(seen)
        assert wanted == bool(expected), f"seed {self.seed}: {expected}"
        # Shown although nobody asked, nothing may come of it.
        events = self.bench.step(SeeMarket(request_id="", actor="system:market", quote=quote))
        told = [_told(event) for event in events if not isinstance(event, CancelRequested)]
        assert [each[:2] for each in told] == [each[:2] for each in expected], f"seed {self.seed}"
        prices = [(mine[2], theirs[2]) for mine, theirs in zip(told, expected, strict=True) if mine[2] is not None]
        assert all(mine == theirs for mine, theirs in prices), f"seed {self.seed}: {prices}"
        for event in events:
            if isinstance(event, OrderReleased):
                self.fill(event)
        self.fired += sum(1 for what, *_ in expected if what == "released")
        self.moved += sum(1 for what, *_ in expected if what == "moved")

    def fill(self, event: OrderReleased) -> None:
        """At once: what becomes of it at the venue is not what this is about."""
        order = self.bench.engine.state.tables.orders[event.order_id]
        report = ExecutionReport(
            venue="BINANCE",
            client_order_id=order.client_order_id,
            exec_type=ExecType.TRADE,
            execution_id=f"x{event.order_id}",
            last_quantity_lots=event.quantity_lots,
            last_price_ticks=self.price,
        )
        for follows in self.bench.step(report, after_ns=0):
            if isinstance(follows, OrderReleased):  # It waited for this one, which it would have traded with.
                self.fill(follows)

    def cancel(self) -> None:
        if self.model.orders:
            number = self.draw.choice(sorted(self.model.orders))
            self.bench.step(CancelOrder(request_id=self.bench.request(), actor=SYSTEM, order_id=number))
            del self.model.orders[number]

    def amend(self) -> None:
        fixed = [one for one in self.model.orders.values() if one.kind not in TRAILS and not one.due]
        if not fixed:
            return
        one = self.draw.choice(fixed)
        trigger = self.price + self.draw.randint(-60, 60)
        terms = Terms(trigger_ticks=trigger, trigger_source=one.source, expire_ns=one.expires or 0)
        self.bench.step(AmendOrder(request_id=self.bench.request(), actor=SYSTEM, order_id=one.number, terms=terms))
        one.trigger = trigger

    def _clock(self) -> None:
        over = self.model.expire(self.bench.now_ns + 1000)
        if over:
            events = self.bench.step(Wake(request_id="", actor=SYSTEM))
            assert [event.order_id for event in events] == over, f"seed {self.seed}"  # type: ignore[union-attr]

    def halt(self) -> None:
        self.model.halted = not self.model.halted and self.draw.random() < RARELY
        self.bench.step(TradingStatus(BTC, self.bench.now_ns, halted=self.model.halted))

    def gap(self) -> None:
        self.model.gapped = not self.model.gapped and self.draw.random() < RARELY
        on = self.model.gapped
        self.bench.step(SetMark(request_id="", actor=SYSTEM, mark=MarkKind.GAPPED, name=BTC, on=on, reason="a gap"))

    def gate(self) -> None:
        self.model.lost = not self.model.lost and self.draw.random() < RARELY
        if self.model.lost == bool(self.bench.engine.state.tables.gate_lost):
            return
        state = GateState.LOST if self.model.lost else GateState.REGAINED
        self.bench.step(ReportGate(request_id="", actor=SYSTEM, state=state), after_ns=0)

    def restart(self) -> None:
        self.bench.restart(by_journal=self.draw.random() < 0.5)

    def wait(self) -> None:
        self.bench.now_ns += self.draw.randint(1, 2 * SECOND)


def _told(event: Event) -> tuple[str, int, int | None]:
    match event:
        case OrderReleased():
            return "released", event.order_id, event.price_ticks
        case HeldAmended(held=Held.RELEASE):
            return "waits", event.order_id, event.price_ticks
        case HeldAmended(held=Held.SELF_MATCH):
            return "released", event.order_id, event.price_ticks  # It fired; own orders go first, as judged elsewhere.
        case HeldAmended():
            return "moved", event.order_id, event.terms and event.terms.trigger_ticks
    raise AssertionError(event)


@pytest.mark.parametrize("backend", ["python", "cython"])
@pytest.mark.parametrize("number", range(6))
def test_the_engine_does_what_pencil_and_paper_say(number: int, backend: str) -> None:
    seed = random.randrange(2**32) if number else 20261123
    print(f"seed {seed}")  # noqa: T201 - a failed run can be repeated
    walk = Walk(seed, backend)
    walk.run(400)
    assert walk.fired > 5
    assert walk.moved > 5
