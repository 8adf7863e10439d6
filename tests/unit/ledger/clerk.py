"""Writes records as the engine would, and books each into a ledger: for tests of the ledger alone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from meltica.domain import cash
from meltica.domain.accounting import AccountBooks, CostMethod, PositionMode, Rate, Share
from meltica.domain.commands import BeginDay, Revalue, Wake
from meltica.domain.events import DayBegan, Event, InstrumentRegistered
from meltica.domain.inputs import Input, Record
from meltica.domain.instrument import Instrument
from meltica.domain.market import Mark
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.order_events import OrderFilled, OrderSubmitted, TradeCorrected
from meltica.ledger.ledger import Ledger

BTC, PERP, AAPL, SAP = "BTC/USDT@BINANCE", "BTC/USDT:USDT@BINANCE", "AAPL@XNAS", "SAP@XETR"
CURRENCIES = {BTC: "USDT", PERP: "USDT", AAPL: "USD", SAP: "EUR"}
SECOND = 1_000_000_000
DAY = 86_400 * SECOND
START_NS = 1_790_000_000 * SECOND
ACTOR = "system:test"


def instrument(name: str, handle: int, **facts: Any) -> Instrument:
    defaults = {"tick_size": Decimal("0.01"), "lot_size": Decimal("0.001" if "/" in name else "1")}
    return Instrument(
        instrument=name,
        handle=handle,
        venue_symbol=name,
        quote_currency=CURRENCIES[name],
        max_price_ticks=10**9,
        max_quantity_lots=10**9,
        **{**defaults, **facts},
    )


class Clerk:
    """Keeps all records, so that a test can book them again."""

    def __init__(self, **facts: Any) -> None:
        self.ledger = Ledger()
        self.records: list[tuple[int, int, Record]] = []
        self.now_ns = START_NS
        self.units: dict[str, int] = {}
        self.sides: dict[int, tuple[str, Side]] = {}
        self._orders = self._executions = 0
        for handle, name in enumerate(CURRENCIES):
            fresh = instrument(name, handle, **facts)
            self.units[name] = fresh.value_per_tick_lot_nanos
            self.book(InstrumentRegistered(instrument=fresh, actor=ACTOR, time_ns=self.now_ns))

    def book(
        self, *events: Event, body: Any = None, marks: dict[str, int] | None = None, after_ns: int = SECOND
    ) -> None:
        self.now_ns += after_ns
        seen = tuple(Mark(name, self.now_ns, ticks) for name, ticks in (marks or {}).items())
        record = Record(Input(self.now_ns, body or Wake(request_id="", actor=ACTOR), seen), events)
        self.records.append((len(self.records) + 1, self.now_ns, record))
        self.ledger.apply(*self.records[-1])

    def again(self) -> Ledger:
        fresh = Ledger()
        for record in self.records:
            fresh.apply(*record)
        return fresh

    def order(self, account: str, name: str, **facts: Any) -> int:
        """An order whose id is told; only for accounts that hedge does the ledger look at it."""
        self._orders += 1
        self.book(
            OrderSubmitted(
                order_id=self._orders,
                client_order_id=f"c{self._orders}",
                account=account,
                strategy=facts.pop("strategy", "s"),
                instrument=name,
                side=facts.pop("side", Side.BUY),
                order_type=OrderType.LIMIT,
                time_in_force=TimeInForce.GTC,
                quantity_lots=1,
                price_ticks=1,
                post_only=False,
                reduce_only=facts.pop("reduce_only", False),
                reserved_price_ticks=1,
                actor=ACTOR,
                time_ns=self.now_ns,
                **facts,
            )
        )
        return self._orders

    def fill(self, account: str, name: str, lots: int, ticks: int, fee: int = 0, **facts: Any) -> str:
        """Signed lots. The execution's id."""
        self._executions += 1
        order_id = facts.pop("order_id", None)
        if order_id is None:
            self._orders += 1
            order_id = self._orders
        execution_id = facts.pop("execution_id", f"x{self._executions}")
        side = Side.BUY if lots > 0 else Side.SELL
        self.sides[order_id] = (name, side)
        self.book(
            OrderFilled(
                order_id=order_id,
                account=account,
                strategy=facts.pop("strategy", "s"),
                instrument=name,
                side=side,
                execution_id=execution_id,
                quantity_lots=abs(lots),
                price_ticks=ticks,
                fee_nanos=fee,
                maker=facts.pop("maker", False),
                cumulative_lots=abs(lots),
                leaves_lots=0,
                sequence=self._executions,
                time_ns=self.now_ns + SECOND,
                **facts,
            )
        )
        return execution_id

    @property
    def last_order(self) -> int:
        return self._orders

    def correct(self, account: str, name: str, order_id: int, ids: tuple[str, str], *now: int) -> None:
        """``ids``: the one that is meant, and the new one. ``now``: unsigned lots (0 busts it), ticks, fee."""
        lots, ticks, fee = (*now, 0)[:3]
        self.book(
            TradeCorrected(
                order_id=order_id,
                account=account,
                instrument=name,
                reference_execution_id=ids[0],
                execution_id=ids[1],
                quantity_lots=lots,
                price_ticks=ticks,
                fee_nanos=fee,
                cumulative_lots=lots,
                leaves_lots=0,
                time_ns=self.now_ns,
            )
        )

    def cash(self, account: str, kind: cash.CashKind, currency: str, nanos: int, **facts: Any) -> None:
        self.book(
            cash.CashBooked(
                account=account,
                kind=kind,
                currency=currency,
                nanos=nanos,
                reason="because",
                actor=ACTOR,
                time_ns=self.now_ns,
                **facts,
            )
        )

    def rate(self, base: str, quote: str, numerator: int, denominator: int = 1) -> None:
        rate = Rate(base=base, quote=quote, numerator=numerator, denominator=denominator, time_ns=self.now_ns)
        self.book(cash.ConversionRateSet(rate=rate, actor=ACTOR, time_ns=self.now_ns))

    def books(
        self,
        account: str,
        method: CostMethod = CostMethod.AVERAGE,
        mode: PositionMode = PositionMode.NETTING,
        base: str = "",
    ) -> None:
        books = AccountBooks(account=account, base_currency=base, method=method, mode=mode)
        self.book(cash.AccountBooksSet(books=books, actor=ACTOR, time_ns=self.now_ns))

    def funding(self, name: str, rate_picos: int, ticks: int) -> None:
        self.book(
            cash.FundingSettled(
                instrument=name, rate_picos=rate_picos, mark_ticks=ticks, actor=ACTOR, time_ns=self.now_ns
            )
        )

    def split(self, name: str, numerator: int, denominator: int) -> None:
        self.book(
            cash.InstrumentSplit(
                instrument=name,
                numerator=numerator,
                denominator=denominator,
                reason="split",
                actor=ACTOR,
                time_ns=self.now_ns,
            )
        )

    def allocate(self, number: int, account: str, name: str, order_id: int, ids: tuple[str, ...], **parts: int) -> None:
        shares = tuple(Share(sub, part) for sub, part in parts.items())
        self.book(
            cash.FillAllocated(
                allocation_id=number,
                order_id=order_id,
                account=account,
                instrument=name,
                executions=ids,
                shares=shares,
                actor=ACTOR,
                time_ns=self.now_ns,
            )
        )

    def reverse(self, number: int) -> None:
        self.book(cash.AllocationReversed(allocation_id=number, reason="no", actor=ACTOR, time_ns=self.now_ns))

    def mark(self, **marks: int) -> None:
        """Instruments by the names of this module's constants."""
        named = {globals()[key]: ticks for key, ticks in marks.items()}
        self.book(body=Revalue(request_id="", actor=ACTOR), marks=named)

    def day(self) -> None:
        """The next day begins."""
        body = BeginDay(request_id="", actor=ACTOR)
        self.book(DayBegan(actor=ACTOR, time_ns=self.now_ns + DAY), body=body, after_ns=DAY)
