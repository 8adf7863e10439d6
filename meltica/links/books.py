"""The books beside a gate that is elsewhere: each call changes them first, then is told to the gate as a record."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import msgspec

from meltica.hot import Gate
from meltica.hot.layout_gen import (
    AccountLimitsRecord,
    AdjustRecord,
    FillRecord,
    HaltRecord,
    InstrumentLimitsRecord,
    KillRecord,
    KillScope,
    PositionLimitsRecord,
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

    # Limits, the market, the kill switch

    def set_instrument(
        self,
        instrument_id: int,
        *,
        enabled: bool,
        restricted: bool,
        halted: bool,
        value_per_tick_lot_nanos: int,
        max_price_ticks: int,
        max_quantity_lots: int,
        max_value_nanos: int,
        collar_bps: int,
        reference_max_age_ns: int,
    ) -> None:
        row = InstrumentLimitsRecord(
            instrument_id=instrument_id,
            enabled=int(bool(enabled)),
            restricted=int(bool(restricted)),
            halted=int(bool(halted)),
            value_per_tick_lot_nanos=value_per_tick_lot_nanos,
            max_price_ticks=max_price_ticks,
            max_quantity_lots=max_quantity_lots,
            max_value_nanos=max_value_nanos,
            collar_bps=collar_bps,
            reference_max_age_ns=reference_max_age_ns,
        )
        self.books.set_instrument(
            instrument_id,
            enabled=enabled,
            restricted=restricted,
            halted=halted,
            value_per_tick_lot_nanos=value_per_tick_lot_nanos,
            max_price_ticks=max_price_ticks,
            max_quantity_lots=max_quantity_lots,
            max_value_nanos=max_value_nanos,
            collar_bps=collar_bps,
            reference_max_age_ns=reference_max_age_ns,
        )
        self._tell(row)

    def set_account(
        self,
        account_id: int,
        *,
        enabled: bool,
        market_orders_allowed: bool,
        max_open_value_nanos: int,
        max_open_orders: int,
        messages_per_second: int,
        message_burst: int,
        duplicate_window_ns: int,
    ) -> None:
        row = AccountLimitsRecord(
            account_id=account_id,
            enabled=int(bool(enabled)),
            market_orders_allowed=int(bool(market_orders_allowed)),
            max_open_value_nanos=max_open_value_nanos,
            max_open_orders=max_open_orders,
            messages_per_second=messages_per_second,
            message_burst=message_burst,
            duplicate_window_ns=duplicate_window_ns,
        )
        self.books.set_account(
            account_id,
            enabled=enabled,
            market_orders_allowed=market_orders_allowed,
            max_open_value_nanos=max_open_value_nanos,
            max_open_orders=max_open_orders,
            messages_per_second=messages_per_second,
            message_burst=message_burst,
            duplicate_window_ns=duplicate_window_ns,
        )
        self._tell(row)

    def set_position_limit(
        self, account_id: int, instrument_id: int, *, max_long_lots: int, max_short_lots: int
    ) -> None:
        self.books.set_position_limit(
            account_id, instrument_id, max_long_lots=max_long_lots, max_short_lots=max_short_lots
        )
        self._tell(PositionLimitsRecord(account_id, instrument_id, max_long_lots, max_short_lots))

    def set_reference(self, instrument_id: int, price_ticks: int, time_ns: int) -> None:
        self.books.set_reference(instrument_id, price_ticks, time_ns)
        self._tell(ReferencePriceRecord(instrument_id, price_ticks, time_ns))

    def set_halted(self, instrument_id: int, halted: bool) -> None:
        self.books.set_halted(instrument_id, halted)
        self._tell(HaltRecord(int(bool(halted)), instrument_id))

    def kill(self, account_id: int | None = None) -> None:
        """Sent at once, with all that was queued before it."""
        self.books.kill(account_id)
        self._switch(account_id, engage=1)

    def unkill(self, account_id: int | None = None) -> None:
        self.books.unkill(account_id)
        self._switch(account_id, engage=0)

    def _switch(self, account_id: int | None, *, engage: int) -> None:
        scope = KillScope.GLOBAL if account_id is None else KillScope.ACCOUNT
        self._tell(KillRecord(scope, engage, account_id or 0, time_ns=0), at_once=True)

    @property
    def killed(self) -> bool:
        return self.books.killed

    def account_killed(self, account_id: int) -> bool:
        return self.books.account_killed(account_id)

    # What became of passed orders

    def fill(
        self,
        account_id: int,
        instrument_id: int,
        side: int,
        quantity_lots: int,
        reserved_price_ticks: int,
        *,
        closes: bool,
    ) -> None:
        self.books.fill(account_id, instrument_id, side, quantity_lots, reserved_price_ticks, closes=closes)
        closing = int(bool(closes))
        self._tell(FillRecord(account_id, instrument_id, side, closing, quantity_lots, reserved_price_ticks))

    def release(
        self,
        account_id: int,
        instrument_id: int,
        side: int,
        quantity_lots: int,
        reserved_price_ticks: int,
        *,
        closes: bool,
    ) -> None:
        self.books.release(account_id, instrument_id, side, quantity_lots, reserved_price_ticks, closes=closes)
        closing = int(bool(closes))
        self._tell(ReleaseRecord(account_id, instrument_id, side, closing, quantity_lots, reserved_price_ticks))

    def reserve(
        self,
        account_id: int,
        instrument_id: int,
        side: int,
        quantity_lots: int,
        reserved_price_ticks: int,
        *,
        opens: bool = True,
    ) -> None:
        self.books.reserve(account_id, instrument_id, side, quantity_lots, reserved_price_ticks, opens=opens)
        opening = int(bool(opens))
        self._tell(ReserveRecord(account_id, instrument_id, side, opening, quantity_lots, reserved_price_ticks))

    def adjust_position(self, account_id: int, instrument_id: int, delta_lots: int) -> None:
        self.books.adjust_position(account_id, instrument_id, delta_lots)
        self._tell(AdjustRecord(account_id, instrument_id, delta_lots))

    # Looking inside

    def counters(self) -> dict[str, Any]:
        return self.books.counters()

    def state_digest(self) -> str:
        return self.books.state_digest()

    def export_state(self) -> GateState:
        return self.books.export_state()
