"""The books beside a gate that is elsewhere: each call changes them first, then is told to the gate as a record."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import msgspec

from meltica.hot import Gate
from meltica.hot.layout_gen import (
    AdjustRecord,
    FillRecord,
    KillRecord,
    KillScope,
    ProfitAndLossRecord,
    QuoteRecord,
    Record,
    ReferencePriceRecord,
    ReleaseRecord,
    ReserveRecord,
)
from meltica.hot.ports import GateState
from meltica.links.frames import GateShape


class Books(ABC):
    """The calls of meltica.hot.ports.RiskGate that have no result, and those that look inside.

    A bad call raises ValueError here, before anything is told. ``_tell`` must not raise: what the books took over has
    happened.
    """

    def __init__(self, shape: GateShape) -> None:
        self.shape = shape
        self.books = Gate(**msgspec.structs.asdict(shape))

    @abstractmethod
    def _tell(self, record: Record, *, at_once: bool = False) -> None:
        """Passes it on, with all that was told before it; at the latest with the next question."""

    def tell(self, record: Record) -> None:
        """A kill switch that is engaged is sent at once, with all that was queued before it."""
        self.books.tell(record)
        self._tell(record, at_once=isinstance(record, KillRecord))

    # The same by name, as the engine calls them for each event

    def set_reference(self, instrument_id: int, price_ticks: int, time_ns: int) -> None:
        self.books.set_reference(instrument_id, price_ticks, time_ns)
        self._tell(ReferencePriceRecord(instrument_id, price_ticks, time_ns))

    def set_quote(  # noqa: PLR0917 - the record's fields
        self, instrument_id: int, bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int, time_ns: int
    ) -> None:
        quote = bid_ticks, bid_lots, ask_ticks, ask_lots, time_ns
        self.books.set_quote(instrument_id, *quote)
        self._tell(QuoteRecord(instrument_id, *quote))

    def set_profit(self, account_id: int, pnl_nanos: int, time_ns: int) -> None:
        self.books.set_profit(account_id, pnl_nanos, time_ns)
        self._tell(ProfitAndLossRecord(account_id, pnl_nanos, time_ns))

    def kill(self, scope: int = KillScope.GLOBAL, id: int = 0) -> None:  # noqa: A002 - as in the record
        self.books.kill(scope, id)
        self._tell(KillRecord(scope, 1, id, time_ns=0), at_once=True)

    def unkill(self, scope: int = KillScope.GLOBAL, id: int = 0) -> None:  # noqa: A002 - as in the record
        self.books.unkill(scope, id)
        self._tell(KillRecord(scope, 0, id, time_ns=0), at_once=True)

    def fill(
        self,
        account_id: int,
        instrument_id: int,
        side: int,
        quantity_lots: int,
        reserved_price_ticks: int,
        *,
        closes: bool,
        order_id: int = 0,
        strategy_id: int = 0,
    ) -> None:
        lots, price = quantity_lots, reserved_price_ticks
        self.books.fill(
            account_id, instrument_id, side, lots, price, closes=closes, order_id=order_id, strategy_id=strategy_id
        )
        self._tell(FillRecord(account_id, instrument_id, side, int(bool(closes)), strategy_id, order_id, lots, price))

    def release(
        self,
        account_id: int,
        instrument_id: int,
        side: int,
        quantity_lots: int,
        reserved_price_ticks: int,
        *,
        closes: bool,
        order_id: int = 0,
        strategy_id: int = 0,
    ) -> None:
        lots, price = quantity_lots, reserved_price_ticks
        self.books.release(
            account_id, instrument_id, side, lots, price, closes=closes, order_id=order_id, strategy_id=strategy_id
        )
        self._tell(
            ReleaseRecord(account_id, instrument_id, side, int(bool(closes)), strategy_id, order_id, lots, price)
        )

    def reserve(
        self,
        account_id: int,
        instrument_id: int,
        side: int,
        quantity_lots: int,
        reserved_price_ticks: int,
        *,
        opens: bool = True,
        order_id: int = 0,
        strategy_id: int = 0,
    ) -> None:
        lots, price = quantity_lots, reserved_price_ticks
        self.books.reserve(
            account_id, instrument_id, side, lots, price, opens=opens, order_id=order_id, strategy_id=strategy_id
        )
        self._tell(ReserveRecord(account_id, instrument_id, side, int(bool(opens)), strategy_id, order_id, lots, price))

    def adjust_position(self, account_id: int, instrument_id: int, delta_lots: int) -> None:
        self.books.adjust_position(account_id, instrument_id, delta_lots)
        self._tell(AdjustRecord(account_id, instrument_id, delta_lots))

    # Looking inside

    @property
    def killed(self) -> bool:
        return self.books.killed

    def switch_engaged(self, scope: int, id: int) -> bool:  # noqa: A002 - as in the record
        return self.books.switch_engaged(scope, id)

    def breakers(self, account_id: int) -> list[str]:
        return self.books.breakers(account_id)

    def self_matches(self) -> list[tuple[int, int]]:
        """Of the last check: the books judge with the gate, and are held against it."""
        return self.books.self_matches()

    def counters(self) -> dict[str, Any]:
        return self.books.counters()

    def state_digest(self) -> str:
        return self.books.state_digest()

    def export_state(self) -> GateState:
        return self.books.export_state()

    def export_tables(self) -> GateState:
        return self.books.export_tables()

    def working_orders(self) -> bytes:
        return self.books.working_orders()
