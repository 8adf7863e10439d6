"""An engine with a book, for parent orders: time goes by, volume trades, a venue says what the test says."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

from meltica.domain import lifecycle
from meltica.domain.algo_commands import AmendAlgo, PauseAlgo, ResumeAlgo, SubmitAlgo
from meltica.domain.commands import CancelOrder, SeeMarket, Wake
from meltica.domain.events import Event
from meltica.domain.inputs import Input, Record, decode_record, encode_record
from meltica.domain.lifecycle import OrderStatus
from meltica.domain.market import Level, Mark, Quote
from meltica.domain.order import Order, Side, TimeInForce
from meltica.domain.order_events import CancelRequested
from meltica.domain.parent import AlgoView, Parent
from meltica.domain.reports import ExecType, ExecutionReport, OrderCancelReject
from meltica.domain.schedule import ChildStyle, Schedule, ScheduleKind
from meltica.engine.engine import Engine
from meltica.engine.snapshot import snapshot
from tests.engines import BTC, MARK_TICKS, MAX_ACCOUNTS, MAX_INSTRUMENTS, SECOND, START_NS, TestBench

TARA = "spiffe://meltica.example/person/tara"
VENUE = BTC.partition("@")[2]
T0 = START_NS + 60 * SECOND
"""Schedules of the tests begin here."""


def twap(**facts: Any) -> Schedule:
    defaults = {"kind": ScheduleKind.TWAP, "start_ns": T0, "end_ns": T0 + 100 * SECOND, "slices": 10}
    return Schedule(**{**defaults, **facts})


def shortfall(**facts: Any) -> Schedule:
    factors = {"risk_aversion": Decimal(1), "volatility": Decimal(1), "temporary_impact": Decimal(1)}
    return twap(**{"kind": ScheduleKind.SHORTFALL, **factors, **facts})


def pov(**facts: Any) -> Schedule:
    defaults = {
        "kind": ScheduleKind.POV,
        "start_ns": T0,
        "end_ns": T0 + 1000 * SECOND,
        "rate_ppm": 200_000,
        "max_child_lots": 10,
        "style": ChildStyle.MARKET,
    }
    return Schedule(**{**defaults, **facts})


def iceberg(**facts: Any) -> Schedule:
    defaults = {"kind": ScheduleKind.ICEBERG, "start_ns": T0, "max_child_lots": 30, "style": ChildStyle.LIMIT}
    return Schedule(**{**defaults, **facts})


class AlgoBench(TestBench):
    __test__ = False

    def __init__(self, backend: str = "python", **limits: Any) -> None:
        self.bid: Level | None = (MARK_TICKS - 1, 50)
        self.ask: Level | None = (MARK_TICKS + 1, 50)
        self.mark_known = True
        self.mark_age_ns = 0
        self.shadow: Engine | None = None
        """One that was never restarted, and must go on to do the same."""
        self._executions = itertools.count(1)
        self.records: list[bytes] = []
        super().__init__(backend, **limits)

    def step(self, body: Any, *, after_ns: int = 1000) -> tuple[Event, ...]:
        self.now_ns += after_ns
        seen = self.now_ns - self.mark_age_ns
        names = sorted(self.engine.state.tables.instruments) or [BTC]
        marks = tuple(Mark(name, seen, self.mark_ticks, self.bid, self.ask) for name in names if self.mark_known)
        happened = Input(self.now_ns, body, marks)
        events = self.engine.step(happened)
        if self.shadow is not None:
            assert self.shadow.step(happened) == events, "a restart made another engine of it"
        self.history.append((happened, events))
        self.records.append(encode_record(Record(happened, events)))
        return events

    # What is asked for

    def begin(self, schedule: Schedule, quantity_lots: int = 1000, **facts: Any) -> Order:
        events = self.step(self.submission(schedule, quantity_lots, **facts))
        tables = self.engine.state.tables
        assert tables.next_order_id - 1 in tables.parents, events
        return tables.orders[tables.next_order_id - 1]

    def submission(self, schedule: Schedule, quantity_lots: int = 1000, **facts: Any) -> SubmitAlgo:
        defaults = {"account": "main", "strategy": "manual", "instrument": BTC, "side": Side.BUY, "actor": TARA}
        given = {"request_id": self.request(), "quantity_lots": quantity_lots, "schedule": schedule}
        return SubmitAlgo(**{**defaults, **given, **facts})

    def cancel(self, order: Order) -> tuple[Event, ...]:
        return self.step(CancelOrder(request_id=self.request(), actor=TARA, order_id=order.order_id))

    # Time and market

    def at(self, moment_ns: int) -> tuple[Event, ...]:
        """The driver's clock: wakes the engine whenever it asked for it, up to and with this moment."""
        said: list[Event] = []
        while (due_ns := self.engine.state.next_due_ns()) is not None and due_ns <= moment_ns:
            said += self.step(Wake(request_id="", actor="system:clock"), after_ns=max(due_ns - self.now_ns, 0))
        self.now_ns = max(self.now_ns, moment_ns)
        return tuple(said)

    def trade(self, traded_lots: int) -> tuple[Event, ...]:
        """The market's volume so far, as the driver counts it."""
        quote = Quote(BTC, self.now_ns, self.bid, self.ask, self.mark_ticks, traded_lots=traded_lots)
        if not self.engine.state.watched(quote):
            return ()
        said = self.step(SeeMarket(request_id="", actor="system:market", quote=quote))
        return said + self.at(self.now_ns)

    # What the venue says: at the moment at which the clock stands, so that no alarm rings with it

    def report(self, child: Order, exec_type: ExecType, **facts: Any) -> tuple[Event, ...]:
        report = ExecutionReport(venue=VENUE, client_order_id=child.client_order_id, exec_type=exec_type, **facts)
        said = self.step(report, after_ns=0)
        return said + self.at(self.now_ns)

    def fill(self, child: Order, lots: int | None = None, ticks: int = MARK_TICKS, fee: int = 0) -> str:
        execution_id = f"x{next(self._executions)}"
        quantity = child.quantity_lots - child.cumulative_lots if lots is None else lots
        facts = {"last_quantity_lots": quantity, "last_price_ticks": ticks, "fee_nanos": fee}
        self.report(child, ExecType.TRADE, execution_id=execution_id, **facts)
        return execution_id

    def bust(self, child: Order, execution_id: str) -> tuple[Event, ...]:
        facts = {"execution_id": f"x{next(self._executions)}", "reference_execution_id": execution_id}
        return self.report(child, ExecType.TRADE_CANCEL, **facts)

    def cancelled(self, child: Order) -> tuple[Event, ...]:
        return self.report(child, ExecType.CANCELED)

    def refuse_cancel(self, child: Order) -> tuple[Event, ...]:
        request = child.pending[-1].client_order_id
        said = self.step(OrderCancelReject(venue=VENUE, client_order_id=request, text="too late"), after_ns=0)
        return said + self.at(self.now_ns)

    # What is known

    def parent(self, order: Order) -> Parent:
        return self.engine.state.tables.parents[order.order_id]

    def view(self, order: Order) -> AlgoView:
        found = self.engine.state.algo(order.order_id, self.now_ns)
        assert found is not None
        return found[1]

    def children(self, order: Order) -> list[Order]:
        return [self.engine.state.tables.orders[number] for number in self.view(order).children]

    def live(self, order: Order) -> list[Order]:
        return [self.engine.state.tables.orders[number] for number in self.view(order).live]

    def sent(self, order: Order) -> list[int]:
        return [child.quantity_lots for child in self.children(order)]

    # Restarts

    def restart(self, *, from_snapshot: bool) -> None:
        """Another engine takes over, from the journal or from a snapshot; it must know the same."""
        before = snapshot.digest(self.engine)
        gate = self.backend.Gate(max_instruments=MAX_INSTRUMENTS, max_accounts=MAX_ACCOUNTS)
        state = snapshot.decode(snapshot.encode(self.engine), gate) if from_snapshot else None
        engine = Engine(
            gate,
            max_instruments=MAX_INSTRUMENTS,
            max_accounts=MAX_ACCOUNTS,
            state=state,
            intent=self.backend.OrderIntent,
        )
        if not from_snapshot:
            for number, record in enumerate(self.records, 1):
                engine.absorb(number, decode_record(record))
        assert snapshot.digest(engine) == before
        self.shadow = self.shadow or self.engine
        self.engine, self.gate = engine, gate


def cancels(events: tuple[Event, ...]) -> list[int]:
    return [event.order_id for event in events if isinstance(event, CancelRequested)]


def resting(child: Order) -> bool:
    return child.time_in_force in (TimeInForce.GTC, TimeInForce.DAY)


def status(order: Order) -> OrderStatus:
    return lifecycle.status(order)


def pause(bench: AlgoBench, order: Order, **facts: Any) -> tuple[Event, ...]:
    return bench.step(PauseAlgo(request_id=bench.request(), actor=TARA, order_id=order.order_id, **facts))


def resume(bench: AlgoBench, order: Order) -> tuple[Event, ...]:
    said = bench.step(ResumeAlgo(request_id=bench.request(), actor=TARA, order_id=order.order_id))
    return said + bench.at(bench.now_ns)


def amend(bench: AlgoBench, order: Order, **facts: Any) -> tuple[Event, ...]:
    said = bench.step(AmendAlgo(request_id=bench.request(), actor=TARA, order_id=order.order_id, **facts))
    return said + bench.at(bench.now_ns)
