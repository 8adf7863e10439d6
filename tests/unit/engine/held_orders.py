"""Held orders for tests: a bench whose market is told, and what the engine is asked for in short."""

from __future__ import annotations

from typing import Any

from meltica.domain.capabilities import Capabilities
from meltica.domain.commands import DescribeVenue, SeeMarket
from meltica.domain.events import Event
from meltica.domain.inputs import Input, Record, decode_record, encode_record
from meltica.domain.market import Mark, Quote
from meltica.domain.order import Order, OrderType, Side, TimeInForce
from meltica.domain.order_events import OrderHeld
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.domain.terms import Terms
from meltica.engine.engine import Engine
from meltica.engine.snapshot import snapshot
from tests.engines import BTC, MARK_TICKS, MAX_ACCOUNTS, MAX_INSTRUMENTS, TestBench


class HeldBench(TestBench):
    """Shows a quote as the driver does: only when the engine wants to see it."""

    __test__ = False
    prices_known = True
    """Does the driver have a price to bring along where an order waits for own ones to go?"""

    def step(self, body: Any, *, after_ns: int = 1000) -> tuple[Event, ...]:
        if not self.engine.state.blocked:
            return super().step(body, after_ns=after_ns)
        self.now_ns += after_ns
        marks = (Mark(BTC, self.now_ns, self.mark_ticks),) if self.prices_known else ()
        happened = Input(self.now_ns, body, marks)
        events = self.engine.step(happened)
        self.history.append((happened, events))
        return events

    def quote(
        self,
        bid: int | None = None,
        ask: int | None = None,
        *,
        last: int | None = None,
        mark: int | None = None,
        age_ns: int = 0,
        lots: int = 1000,
        mark_age_ns: int = 0,
        between: bool = False,
    ) -> Quote:
        now_ns = self.now_ns + 1000
        sides = (None if price is None else (price, lots) for price in (bid, ask))
        facts = {"mark_ticks": mark, "mark_ns": now_ns - mark_age_ns, "mark_between": between}
        return Quote(BTC, now_ns - age_ns, *sides, last_ticks=last, **({} if mark is None else facts))

    def show(self, *args: Any, **kw: Any) -> tuple[Event, ...]:
        """() also when the engine did not want to see it."""
        return self.show_quote(self.quote(*args, **kw))

    def show_quote(self, quote: Quote) -> tuple[Event, ...]:
        if not self.engine.state.watched(quote, self.now_ns + 1000):
            return ()
        if quote.bid is not None and quote.ask is not None and quote.bid[0] < quote.ask[0]:
            self.mark_ticks = (quote.bid[0] + quote.ask[0]) // 2
        return self.step(SeeMarket(request_id="", actor="system:market", quote=quote))

    def hold(
        self, kind: OrderType, side: Side = Side.SELL, lots: int = 100, price: int | None = None, **kw: Any
    ) -> Order:
        tif = kw.pop("tif", TimeInForce.GTC)
        flags = {name: kw.pop(name) for name in ("reduce_only", "post_only") if name in kw}
        terms = Terms(**kw) if kw else None
        events = self.submit(side, lots, price, order_type=kind, time_in_force=tif, terms=terms, **flags)
        (event,) = events
        assert isinstance(event, OrderHeld), event
        return self.engine.state.tables.orders[event.order_id]

    def describe(self, **facts: Any) -> tuple[Event, ...]:
        known = Capabilities(venue="BINANCE", **facts)
        return self.step(DescribeVenue(request_id=self.request(), actor="system:test", capabilities=known))

    def step_to(self, now_ns: int) -> None:
        """The clock stands there from now on."""
        self.now_ns = now_ns

    def fill(self, order: Order, lots: int) -> None:
        self.step(
            ExecutionReport(
                venue="BINANCE",
                client_order_id=order.client_order_id,
                exec_type=ExecType.TRADE,
                execution_id=f"x{self.now_ns}",
                last_quantity_lots=lots,
                last_price_ticks=MARK_TICKS,
            )
        )

    def answer(self, order: Order, how: ExecType, client_order_id: str = "", price: int | None = None) -> None:
        """Of the venue, to the order or to what was asked of it."""
        asked = order.pending[0] if order.pending else None
        self.step(
            ExecutionReport(
                venue="BINANCE",
                client_order_id=client_order_id or order.client_order_id,
                exec_type=how,
                price_ticks=price if asked is None or price is not None else asked.price_ticks,
            )
        )

    def recovers(self) -> bool:
        """Does the journal lead to the same state?"""
        return snapshot.digest(self.recovered()) == snapshot.digest(self.engine)

    def recovered(self) -> Engine:
        """Another engine, from the bytes of the journal."""
        gate = self.backend.Gate(max_instruments=MAX_INSTRUMENTS, max_accounts=MAX_ACCOUNTS)
        engine = Engine(
            gate, max_instruments=MAX_INSTRUMENTS, max_accounts=MAX_ACCOUNTS, intent=self.backend.OrderIntent
        )
        for sequence, (happened, events) in enumerate(self.history, start=1):
            engine.absorb(sequence, decode_record(encode_record(Record(happened, events))))
        return engine

    def restored(self) -> Engine:
        """Another engine, from a snapshot."""
        gate = self.backend.Gate(max_instruments=MAX_INSTRUMENTS, max_accounts=MAX_ACCOUNTS)
        state = snapshot.decode(snapshot.encode(self.engine), gate)
        return Engine(
            gate,
            max_instruments=MAX_INSTRUMENTS,
            max_accounts=MAX_ACCOUNTS,
            intent=self.backend.OrderIntent,
            state=state,
        )

    def restart(self, *, by_journal: bool) -> None:
        engine = self.recovered() if by_journal else self.restored()
        assert snapshot.digest(engine) == snapshot.digest(self.engine)
        self.engine, self.gate = engine, engine.gate


MID = MARK_TICKS
