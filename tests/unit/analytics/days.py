"""Journals for the execution figures, record by record, without an engine: a test says what happened."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from meltica.analytics.executions import Executions
from meltica.domain.commands import BeginDay, RegisterInstrument, SubmitOrder
from meltica.domain.events import DayBegan, Event, InstrumentRegistered
from meltica.domain.execution import ExecutionFilter, ExecutionSummary, GroupBy, OrderExecution
from meltica.domain.inputs import Input, Record, decode_record, encode_record
from meltica.domain.instrument import Instrument
from meltica.domain.market import Mark
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.order_events import (
    OrderAdopted,
    OrderDenied,
    OrderFilled,
    OrderHeld,
    OrderReleased,
    OrderReported,
    OrderSubmitted,
    TradeCorrected,
)
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.domain.sight import Dispatch, Sight
from meltica.domain.terms import Held

STOCK = "XYZ@XNAS"
SECOND = 1_000_000_000
START_NS = 1_700_000_000 * SECOND  # 2023-11-14 22:13:20 UTC
ALL = ExecutionFilter()
Book = tuple[int, int] | None
"""(bid, ask) in ticks."""


def instrument(name: str = STOCK, handle: int = 1, **facts: Any) -> Instrument:
    """A share: ticks of a cent, lots of one."""
    defaults: dict[str, Any] = {
        "venue_symbol": name.partition("@")[0],
        "quote_currency": "USD",
        "tick_size": Decimal("0.01"),
        "lot_size": Decimal(1),
        "max_price_ticks": 100_000_000,
        "max_quantity_lots": 1_000_000_000,
    }
    return Instrument(instrument=name, handle=handle, **{**defaults, **facts})


def mid_at(half_ticks: int) -> Book:
    """A book with this mid."""
    return (half_ticks - 1) // 2, (half_ticks + 2) // 2 if half_ticks % 2 == 0 else (half_ticks + 1) // 2


class Day:
    """Each call is one record, a second after the one before."""

    def __init__(self, *instruments: Instrument) -> None:
        self.books = Executions()
        self.stored: list[bytes] = []
        self.now_ns = START_NS
        self.orders: dict[int, OrderSubmitted | OrderHeld] = {}
        for each in instruments or (instrument(),):
            self.record(
                RegisterInstrument(request_id="", actor="t", instrument=each),
                InstrumentRegistered(instrument=each, actor="t", time_ns=self.now_ns),
            )

    def record(
        self,
        body: Any,
        *events: Event,
        seen: Book = None,
        name: str = STOCK,
        left: tuple[Dispatch, ...] = (),
        **tape: int,
    ) -> None:
        self.now_ns += SECOND
        sights: tuple[Sight, ...] = ()
        if seen is not None or tape:
            bid, ask = (None, None) if seen is None else ((seen[0], 5), (seen[1], 5))
            sights = (Sight(instrument=name, bid=bid, ask=ask, **tape),)
        marks: tuple[Mark, ...] = ()
        if isinstance(body, SubmitOrder) and seen is not None:
            marks = (Mark(name, self.now_ns, sum(seen) // 2, (seen[0], 5), (seen[1], 5)),)
            sights = (Sight(instrument=name, **tape),) if tape else ()
        record = Record(Input(self.now_ns, body, marks), events, sights, left)
        self.stored.append(encode_record(record))
        self.books.apply(len(self.stored), self.now_ns, decode_record(self.stored[-1]))

    def begin_day(self) -> None:
        self.record(BeginDay(request_id="", actor="t"), DayBegan(actor="t", time_ns=self.now_ns + SECOND))

    def command(self, **facts: Any) -> SubmitOrder:
        usual: dict[str, Any] = {
            "request_id": "",
            "actor": "t",
            "account": "main",
            "strategy": "s",
            "instrument": STOCK,
            "side": Side.BUY,
            "order_type": OrderType.LIMIT,
            "time_in_force": TimeInForce.DAY,
            "quantity_lots": 1000,
            "price_ticks": 1,
        }
        return SubmitOrder(**{**usual, **facts})

    def submit(
        self, order_id: int, seen: Book, *, parent_id: int = 0, tape: dict[str, int] | None = None, **facts: Any
    ):
        command = self.command(**facts)
        event = OrderSubmitted(**self.terms(order_id, command), reserved_price_ticks=1, parent_id=parent_id)
        self.orders[order_id] = event
        self.record(command, event, seen=seen, name=command.instrument, **(tape or {}))

    def hold(self, order_id: int, seen: Book, held: Held, **facts: Any) -> None:
        command = self.command(**facts)
        event = OrderHeld(**self.terms(order_id, command), held=held)
        self.orders[order_id] = event
        self.record(command, event, seen=seen, name=command.instrument)

    def release(self, order_id: int, seen: Book, lots: int) -> None:
        event = OrderReleased(
            order_id=order_id,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.DAY,
            quantity_lots=lots,
            price_ticks=1,
            reserved_price_ticks=1,
            reason="",
            time_ns=self.now_ns,
        )
        self.record(BeginDay(request_id="", actor="t"), event, seen=seen)

    def deny(self, order_id: int, seen: Book, **facts: Any) -> None:
        command = self.command(**facts)
        event = OrderDenied(**self.terms(order_id, command), reason="MAX_VALUE", fired_mask=1, text="")
        self.record(command, event, seen=seen, name=command.instrument)

    def adopt(self, order_id: int, lots: int) -> None:
        event = OrderAdopted(
            order_id=order_id,
            client_order_id=f"x{order_id}",
            account="main",
            instrument=STOCK,
            side=Side.BUY,
            quantity_lots=lots,
            price_ticks=None,
            venue="XNAS",
            time_ns=self.now_ns,
        )
        self.orders[order_id] = event  # type: ignore[assignment]
        self.record(self.report(order_id), event)

    def terms(self, order_id: int, command: SubmitOrder) -> dict[str, Any]:
        names = (
            "account strategy instrument side order_type time_in_force quantity_lots price_ticks post_only reduce_only"
        )
        facts = {name: getattr(command, name) for name in names.split()}
        return {"order_id": order_id, "client_order_id": f"m{order_id}", "actor": "t", "time_ns": self.now_ns, **facts}

    def report(self, order_id: int, exec_type: ExecType = ExecType.NEW, **facts: Any) -> ExecutionReport:
        return ExecutionReport(venue="XNAS", client_order_id=f"m{order_id}", exec_type=exec_type, **facts)

    def tell(
        self,
        order_id: int,
        exec_type: ExecType,
        seen: Book = None,
        *,
        venue_time_ns: int = 0,
        left: Any = (),
        **facts: Any,
    ) -> None:
        event = OrderReported(
            order_id=order_id, exec_type=exec_type, client_order_id="", time_ns=self.now_ns + SECOND, **facts
        )
        self.record(self.report(order_id, exec_type, venue_time_ns=venue_time_ns), event, seen=seen, left=left)

    def ended(self, order_id: int, exec_type: ExecType) -> tuple[OrderReported]:
        return (OrderReported(order_id=order_id, exec_type=exec_type, client_order_id="", time_ns=self.now_ns),)

    def fill(
        self,
        order_id: int,
        execution_id: str,
        lots: int,
        ticks: int,
        seen: Book = None,
        *,
        fee_nanos: int = 0,
        maker: bool | None = None,
        venue_time_ns: int = 0,
        left: Any = (),
        **tape: int,
    ) -> None:
        order = self.orders[order_id]
        event = OrderFilled(
            order_id=order_id,
            account=order.account,
            strategy=getattr(order, "strategy", "external"),
            instrument=order.instrument,
            side=order.side,
            execution_id=execution_id,
            quantity_lots=lots,
            price_ticks=ticks,
            fee_nanos=fee_nanos,
            maker=maker,
            cumulative_lots=0,
            leaves_lots=0,
            sequence=1,
            time_ns=self.now_ns,
        )
        body = self.report(order_id, ExecType.TRADE, venue_time_ns=venue_time_ns)
        self.record(body, event, seen=seen, name=order.instrument, left=left, **tape)

    def correct(
        self, order_id: int, reference: str, execution_id: str, lots: int = 0, ticks: int = 0, *, fee_nanos: int = 0
    ) -> None:
        event = TradeCorrected(
            order_id=order_id,
            account="main",
            instrument=self.orders[order_id].instrument,
            reference_execution_id=reference,
            execution_id=execution_id,
            quantity_lots=lots,
            price_ticks=ticks,
            fee_nanos=fee_nanos,
            cumulative_lots=0,
            leaves_lots=0,
            time_ns=self.now_ns,
        )
        self.record(self.report(order_id, ExecType.TRADE_CORRECT), event)

    def order(self, order_id: int) -> OrderExecution:
        found = self.books.order(order_id)
        assert found is not None
        return found

    def only(self, by: GroupBy = GroupBy.STRATEGY, chosen: ExecutionFilter = ALL) -> ExecutionSummary:
        (found,) = self.books.summaries(by, chosen)
        return found
