"""A day with orders that belong together: steps in few words, and how each order stands afterwards."""

from __future__ import annotations

from typing import Any

from meltica.domain.commands import (
    AmendOrder,
    CancelOrder,
    EngageKillSwitch,
    GateState,
    ReportGate,
    SeeMarket,
    SubmitOrder,
    SubmitOrderList,
)
from meltica.domain.events import Event
from meltica.domain.groups import Group, Link, Sizing
from meltica.domain.market import Quote, TradingStatus
from meltica.domain.order import Order, OrderType, PendingKind, Side, TimeInForce
from meltica.domain.reports import ExecType, ExecutionReport, OrderCancelReject, OutcomeUnknown
from meltica.domain.terms import Held, Terms
from meltica.engine.contingent.contingent import leaves_after
from tests.engines import BTC, MARK_TICKS, TestBench

TARA = "spiffe://meltica.example/person/tara"
VENUE = "BINANCE"
HELD_WORDS = {
    Held.PARENT: "waits",
    Held.TRIGGER: "stop",
    Held.SIBLING: "fired, waits",
    Held.RELEASE: "ready",
}


def leg(side: Side = Side.BUY, lots: int = 100, price: int | None = MARK_TICKS, **kw: Any) -> SubmitOrder:
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    more: dict[str, Any] = {
        "order_type": kind,
        "time_in_force": TimeInForce.IOC if price is None else TimeInForce.GTC,
        "instrument": BTC,
        "account": "main",
        "strategy": "manual",
    }
    return SubmitOrder(request_id="", actor="", side=side, quantity_lots=lots, price_ticks=price, **(more | kw))


def stop(side: Side, ticks: int, lots: int = 100, limit: int | None = None, **kw: Any) -> SubmitOrder:
    kind = OrderType.STOP if limit is None else OrderType.STOP_LIMIT
    tif = TimeInForce.GTC
    return leg(side, lots, limit, order_type=kind, time_in_force=tif, terms=Terms(trigger_ticks=ticks), **kw)


def take_profit(**kw: Any) -> SubmitOrder:
    return leg(Side.SELL, price=MARK_TICKS + 1_000, **kw)


def stop_loss(**kw: Any) -> SubmitOrder:
    return stop(Side.SELL, MARK_TICKS - 1_000, **kw)


class GroupDay:
    """``ids`` are the orders of the newest list, in its order."""

    def __init__(self, backend: str = "python", **limits: Any) -> None:
        self.bench = TestBench(backend, **limits)
        self.ids: list[int] = []
        self._executions = 0
        self.events: tuple[Event, ...] = ()

    def step(self, body: Any) -> tuple[Event, ...]:
        self.events = self.bench.step(body)
        return self.events

    def list(self, link: Link, *orders: SubmitOrder, **kw: Any) -> tuple[Event, ...]:
        first = self.bench.engine.state.tables.next_order_id
        self.ids = list(range(first, first + len(orders)))
        request = {"request_id": self.bench.request(), "actor": TARA}
        return self.step(SubmitOrderList(**request, link=link, orders=orders, **kw))

    def oco(self, *orders: SubmitOrder) -> None:
        self.list(Link.OCO, *(orders or (leg(price=MARK_TICKS - 100), leg(price=MARK_TICKS - 200))))

    def ouo(self, *orders: SubmitOrder) -> None:
        self.list(Link.OUO, *(orders or (take_profit(), stop_loss())))

    def bracket(self, sizing: Sizing = Sizing.PARTIAL) -> None:
        self.list(Link.BRACKET, leg(), take_profit(), stop_loss(), sizing=sizing)

    # What happens

    def order(self, place: int) -> Order:
        return self.bench.engine.state.tables.orders[self.ids[place - 1]]

    @property
    def group(self) -> Group:
        return self.bench.engine.state.tables.groups[self.ids[0]]

    def tell(self, place: int, kind: ExecType, **facts: Any) -> tuple[Event, ...]:
        name = facts.pop("name", self.order(place).client_order_id)
        return self.step(ExecutionReport(venue=VENUE, client_order_id=name, exec_type=kind, **facts))

    def trades(self, place: int, lots: int) -> str:
        self._executions += 1
        name = f"e{self._executions}"
        self.tell(place, ExecType.TRADE, execution_id=name, last_quantity_lots=lots, last_price_ticks=MARK_TICKS)
        return name

    def corrected(self, place: int, name: str, lots: int) -> None:
        self._executions += 1
        kind = ExecType.TRADE_CORRECT if lots else ExecType.TRADE_CANCEL
        facts = {"last_quantity_lots": lots, "last_price_ticks": MARK_TICKS} if lots else {}
        self.tell(place, kind, execution_id=f"e{self._executions}", reference_execution_id=name, **facts)

    def ends(self, place: int, how: ExecType = ExecType.CANCELED) -> None:
        self.tell(place, how)

    def refuses_request(self, place: int) -> None:
        """The venue refuses the newest request about the order."""
        newest = self.order(place).pending[-1].client_order_id
        self.step(OrderCancelReject(venue=VENUE, client_order_id=newest, text="too late"))

    def loses_request(self, place: int) -> None:
        """The connection breaks after the newest request about the order was sent."""
        order = self.order(place)
        name, original = order.pending[-1].client_order_id, order.client_order_id
        self.step(OutcomeUnknown(venue=VENUE, client_order_id=name, original_client_order_id=original, text="lost"))

    def answers_requests(self, place: int) -> None:
        """The venue does what was asked, the oldest first."""
        while pending := self.order(place).pending:
            kind = ExecType.CANCELED if pending[0].kind is PendingKind.CANCEL else ExecType.REPLACED
            self.tell(place, kind, name=pending[0].client_order_id)

    def cancel(self, place: int) -> None:
        self.step(CancelOrder(request_id=self.bench.request(), actor=TARA, order_id=self.ids[place - 1]))

    def amend(self, place: int, **kw: Any) -> None:
        self.step(AmendOrder(request_id=self.bench.request(), actor=TARA, order_id=self.ids[place - 1], **kw))

    def kill(self) -> None:
        self.step(EngageKillSwitch(request_id=self.bench.request(), actor=TARA, reason="test"))

    def gate(self, state: GateState) -> None:
        self.step(ReportGate(request_id=self.bench.request(), actor="system:test", state=state))

    def halts(self, *, on: bool = True) -> None:
        self.step(TradingStatus(BTC, self.bench.now_ns, on, "test"))

    def market(self, ticks: int) -> None:
        self.bench.mark_ticks = ticks
        now = self.bench.now_ns + 1000
        quote = Quote(BTC, now, bid=(ticks - 1, 10), ask=(ticks + 1, 10), last_ticks=ticks)
        self.step(SeeMarket(request_id="", actor="system:market", quote=quote))

    def fall(self) -> None:
        """Through the stop-loss."""
        self.market(MARK_TICKS - 1_500)

    # How they stand

    def stands(self, *more: int) -> list[str]:
        """Of each order of the list: its word, and how much it may still trade once all that was asked is done."""
        tables = self.bench.engine.state.tables
        return [self._word(tables.orders[each]) for each in (*self.ids, *more)]

    @staticmethod
    def _word(order: Order) -> str:
        if order.cumulative_lots >= order.quantity_lots and leaves_after(order) == 0:
            return "filled"
        if order.ended is not None:
            return order.ended.name.lower()
        lots = leaves_after(order)
        if order.held is not None:
            return f"{HELD_WORDS[order.held]} {lots}"
        if lots:
            return f"works {lots}"
        return "ending"

    @property
    def balance(self) -> tuple[int, int]:
        return self.group.overfilled_lots, self.group.uncovered_lots
