"""Parent orders against an independent model: random fills, late fills, busts, cancels, refusals, pauses, restarts.

The model knows the venue's side only: which orders it was sent, what it executed, and when; and the words of the docs.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from meltica.domain import lifecycle
from meltica.domain.algo_commands import AmendAlgo, PauseAlgo, ResumeAlgo
from meltica.domain.commands import CancelOrder
from meltica.domain.events import Event
from meltica.domain.lifecycle import OrderStatus
from meltica.domain.order import Order, PendingKind, TimeInForce
from meltica.domain.order_events import OrderDenied, OrderReported, OrderSubmitted
from meltica.domain.parent import Phase
from meltica.domain.reports import ExecType
from meltica.domain.schedule import AtEnd, CatchUp, ChildStyle, Schedule, ScheduleKind
from tests.engines import BTC, MARK_TICKS, SECOND
from tests.unit.engine.algos import T0, TARA, AlgoBench, iceberg, pov, twap

QUANTITY = 100
LENGTH = 100 * SECOND
CURVE = (400_000, 0, 350_000, 250_000)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    kind, largest = draw(st.sampled_from(list(ScheduleKind))), draw(st.sampled_from([0, 4, 30]))
    common: dict[str, Any] = {
        "end_ns": T0 + LENGTH,
        "randomise_ppm": draw(st.sampled_from([0, 300_000])),
        "at_end": draw(st.sampled_from(list(AtEnd))),
    }
    if kind is ScheduleKind.ICEBERG:
        return iceberg(max_child_lots=largest or 9, **common)
    common |= {"catch_up": draw(st.sampled_from(list(CatchUp))), "style": draw(st.sampled_from(list(ChildStyle)))}
    if kind is ScheduleKind.POV:
        return pov(max_child_lots=largest or 9, **common)
    if kind is ScheduleKind.VWAP:
        common |= {"curve_ppm": CURVE, "slices": 2}
    if kind is ScheduleKind.SHORTFALL:
        common |= {"risk_aversion": Decimal(1), "volatility": Decimal(1), "temporary_impact": Decimal(50)}
    return twap(kind=kind, max_child_lots=largest, **common)


class AtVenue:
    """What the venue knows of one order: independent of all that the engine says about it."""

    def __init__(self, asked: int) -> None:
        self.asked = asked
        self.executions: dict[str, tuple[int, int]] = {}
        self.over = False

    @property
    def filled(self) -> int:
        return sum(lots for lots, _ in self.executions.values())

    @property
    def open(self) -> int:
        return 0 if self.over else max(self.asked - self.filled, 0)


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.bench = AlgoBench()
        self.venue: dict[int, AtVenue] = {}
        self.order: Order | None = None
        self.quantity = QUANTITY
        self.end_ns = T0 + LENGTH
        self.paused = self.cancelled = self.amended = False
        self.volume = 0
        self.seen = 0

    @initialize(schedule=schedules())
    def begin(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.order = self.bench.begin(schedule, QUANTITY, price_ticks=MARK_TICKS + 5)
        self.hear()

    # The model hears what was sent; each slice is judged when it goes out.

    def hear(self) -> None:
        history = self.bench.history
        for happened, events in history[self.seen :]:
            for event in events:
                self.judge(happened.time_ns, event)
        self.seen = len(history)
        self.order = self.bench.engine.state.tables.orders[self.order.order_id]

    def judge(self, now_ns: int, event: Event) -> None:
        if isinstance(event, OrderDenied):
            assert event.parent_id == self.order.order_id
            self.venue[event.order_id] = denied = AtVenue(0)
            denied.over = True
        if not isinstance(event, OrderSubmitted):
            return
        assert not self.paused, "it was paused"
        assert not self.cancelled, "it was cancelled"
        under_way = self.done + sum(each.open for each in self.venue.values()) + event.quantity_lots
        assert under_way <= self.quantity, "more was sent than is left"
        assert now_ns >= T0
        most = self.schedule.max_child_lots
        if self.schedule.kind is ScheduleKind.ICEBERG:
            crossing = event.time_in_force is TimeInForce.IOC
            assert crossing or all(each.open == 0 for each in self.venue.values()), "two slices show"
            most += most * self.schedule.randomise_ppm // 1_000_000
        assert most == 0 or event.quantity_lots <= most
        if now_ns < self.end_ns and not self.amended:
            assert under_way <= self.target(now_ns), "ahead of its schedule"
        self.venue[event.order_id] = AtVenue(event.quantity_lots)

    def target(self, now_ns: int) -> int:
        """The docs' words, without randomisation; with it, a slice may be ahead by its half."""
        part = (now_ns - T0) / LENGTH
        match self.schedule.kind:
            case ScheduleKind.TWAP:
                regular = QUANTITY * (int(part * 10) + 1) // 10
                return regular + (3 if self.schedule.randomise_ppm else 0)
            case ScheduleKind.VWAP:
                number = int(part * 8) + 1
                shares = [share / 2 for share in CURVE for _ in range(2)]
                return int(QUANTITY * sum(shares[:number]) / 1_000_000 + 1e-9) + (
                    6 if self.schedule.randomise_ppm else 0
                )
            case ScheduleKind.POV:
                return self.volume // 4
        return QUANTITY

    @property
    def done(self) -> int:
        return sum(each.filled for each in self.venue.values())

    def children(self, *, alive: bool) -> list[int]:
        return [number for number, each in self.venue.items() if (each.open > 0) is alive and each.asked]

    def child(self, number: int) -> Order:
        return self.bench.engine.state.tables.orders[number]

    # What happens

    @rule(seconds=st.integers(1, 30))
    def time_goes_by(self, seconds: int) -> None:
        self.bench.at(self.bench.now_ns + seconds * SECOND)
        self.hear()

    @rule()
    def it_begins(self) -> None:
        self.bench.at(T0)
        self.hear()

    @rule(lots=st.integers(1, 120), again=st.booleans())
    def the_market_trades(self, lots: int, again: bool) -> None:
        if not self.bench.now_ns >= T0:
            return
        if self.schedule.kind is ScheduleKind.POV and self.bench.parent(self.order).counter_lots is None:
            self.counter = 1000
        else:
            self.counter = getattr(self, "counter", 1000) + lots
            self.volume += lots
        if again:
            self.counter = lots  # The driver began anew and has counted this since.
        self.bench.trade(self.counter)
        self.hear()

    @precondition(lambda self: self.children(alive=True))
    @rule(data=st.data(), ticks=st.integers(-3, 3))
    def a_child_trades(self, data: st.DataObject, ticks: int) -> None:
        number = data.draw(st.sampled_from(self.children(alive=True)))
        lots = data.draw(st.integers(1, self.venue[number].open))
        self.execute(number, lots, ticks)

    @precondition(lambda self: self.children(alive=False))
    @rule(data=st.data(), lots=st.integers(1, 5))
    def a_child_that_is_over_trades(self, data: st.DataObject, lots: int) -> None:
        self.execute(data.draw(st.sampled_from(self.children(alive=False))), lots, 0)

    def execute(self, number: int, lots: int, ticks: int) -> None:
        self.clock_first()
        name = f"{number}-{len(self.bench.history)}"
        self.venue[number].executions[name] = lots, MARK_TICKS + ticks
        facts = {
            "execution_id": name,
            "last_quantity_lots": lots,
            "last_price_ticks": MARK_TICKS + ticks,
            "fee_nanos": 2,
        }
        self.bench.report(self.child(number), ExecType.TRADE, **facts)
        self.hear()

    @precondition(lambda self: any(each.executions for each in self.venue.values()))
    @rule(data=st.data())
    def a_trade_is_busted(self, data: st.DataObject) -> None:
        self.clock_first()
        every = [(number, name) for number, each in self.venue.items() for name in each.executions]
        number, name = data.draw(st.sampled_from(every))
        del self.venue[number].executions[name]
        self.bench.bust(self.child(number), name)
        self.hear()

    @precondition(lambda self: any(not self.child(number).acknowledged for number in self.children(alive=True)))
    @rule(data=st.data())
    def a_child_is_acknowledged(self, data: st.DataObject) -> None:
        self.clock_first()
        unheard = [number for number in self.children(alive=True) if not self.child(number).acknowledged]
        said = self.bench.report(self.child(data.draw(st.sampled_from(unheard))), ExecType.NEW)
        assert [type(event) for event in said] == [OrderReported], "nothing follows: no quantity has moved"
        self.hear()

    @precondition(lambda self: self.children(alive=True))
    @rule(data=st.data(), how=st.sampled_from([ExecType.CANCELED, ExecType.EXPIRED, ExecType.REJECTED]))
    def a_child_ends(self, data: st.DataObject, how: ExecType) -> None:
        number = data.draw(st.sampled_from(self.children(alive=True)))
        self.clock_first()
        self.venue[number].over = True
        self.bench.report(self.child(number), how, text="so says the venue")
        self.hear()

    @precondition(lambda self: any(self.child(number).pending for number in self.children(alive=True)))
    @rule(data=st.data())
    def a_cancel_is_refused(self, data: st.DataObject) -> None:
        pending = [number for number in self.children(alive=True) if self.child(number).pending]
        self.bench.refuse_cancel(self.child(data.draw(st.sampled_from(pending))))
        self.hear()

    def clock_first(self) -> None:
        """As the driver does: what the clock brings goes before a command."""
        self.bench.at(self.bench.now_ns + 1000)
        self.hear()

    @precondition(lambda self: self.order is not None and self.order.ended is None)
    @rule(keep=st.booleans())
    def it_is_paused_or_resumed(self, keep: bool) -> None:
        self.clock_first()
        phase, facts = self.bench.parent(self.order).phase, {"actor": TARA, "order_id": self.order.order_id}
        if phase is Phase.RUNNING:
            self.bench.step(PauseAlgo(request_id=self.bench.request(), keep_children=keep, **facts), after_ns=0)
            self.hear()
            self.paused = True
        elif phase is Phase.PAUSED:
            self.paused = False
            self.bench.step(ResumeAlgo(request_id=self.bench.request(), **facts), after_ns=0)
            self.hear()

    @precondition(lambda self: self.order is not None and self.order.ended is None)
    @rule(quantity=st.integers(20, 200))
    def it_is_amended(self, quantity: int) -> None:
        self.clock_first()
        if self.bench.parent(self.order).phase in (Phase.RUNNING, Phase.PAUSED):
            self.amended = True
            self.quantity = max(quantity, self.done)
            facts = {"request_id": self.bench.request(), "actor": TARA, "order_id": self.order.order_id}
            self.bench.step(AmendAlgo(quantity_lots=quantity, **facts), after_ns=0)
            self.hear()

    @precondition(lambda self: self.order is not None and self.order.ended is None and not self.cancelled)
    @rule(really=st.integers(0, 4))
    def it_is_cancelled(self, really: int) -> None:
        self.clock_first()
        if really == 0 and self.order.held is not None:
            self.bench.step(CancelOrder(request_id="", actor=TARA, order_id=self.order.order_id), after_ns=0)
            self.hear()
            self.cancelled = True

    @rule(known=st.booleans())
    def the_market_comes_and_goes(self, known: bool) -> None:
        self.bench.mark_known = known

    @rule(from_snapshot=st.booleans())
    def it_is_restarted(self, from_snapshot: bool) -> None:
        self.bench.restart(from_snapshot=from_snapshot)
        self.order = self.bench.engine.state.tables.orders[self.order.order_id]

    # What always holds

    @invariant()
    def its_facts_are_its_childrens(self) -> None:
        if self.order is None:
            return
        standing = [each for child in self.venue.values() for each in child.executions.values()]
        assert self.order.cumulative_lots == sum(lots for lots, _ in standing)
        assert self.order.cumulative_value == sum(lots * ticks for lots, ticks in standing)
        assert self.order.fees_nanos == 2 * len(standing)
        position = self.bench.engine.state.position("main", BTC)
        assert (0 if position is None else position.lots) == self.order.cumulative_lots
        assert self.bench.parent(self.order).overfilled_lots == max(self.order.cumulative_lots - self.quantity, 0)
        assert self.bench.view(self.order).children == tuple(self.venue)
        assert (
            sum(self.child(number).reserved_lots for number in self.venue) == self.bench.view(self.order).working_lots
        )
        assert self.bench.view(self.order).working_lots == sum(each.open for each in self.venue.values())

    @invariant()
    def its_status_follows(self) -> None:
        if self.order is None:
            return
        if self.paused and self.bench.parent(self.order).phase not in (Phase.PAUSED, Phase.DONE):
            self.paused = False  # Its end came.
        status = lifecycle.status(self.order)
        if self.order.cumulative_lots >= self.quantity:
            assert status is OrderStatus.FILLED
        if self.order.ended is not None:
            assert self.order.held is None
        if self.order.held is None and self.order.ended is None:
            assert status is OrderStatus.FILLED
        due = self.bench.engine.state.next_due_ns()
        assert due is None or due > self.bench.now_ns or self.order.due_ns == due

    def teardown(self) -> None:
        """Whatever has happened: once the venue answers, and its end has come, the parent is over."""
        if self.order is None:
            return
        self.bench.mark_known = True
        self.bench.at(max(self.end_ns, self.bench.now_ns) + SECOND)
        for _ in range(60):
            self.hear()
            for number in self.children(alive=True):
                child = self.child(number)
                asked = any(request.kind is PendingKind.CANCEL for request in child.pending)
                self.clock_first()
                if asked or child.time_in_force is TimeInForce.IOC:
                    self.venue[number].over = True
                    self.bench.report(child, ExecType.CANCELED)
                else:
                    self.execute(number, self.venue[number].open, 0)
            self.bench.at(self.bench.now_ns + SECOND)
        self.hear()
        assert self.order.held is None
        assert self.children(alive=True) == []


TestParents = Machine.TestCase
TestParents.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
