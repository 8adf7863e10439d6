# meltica.hot.ports.RiskGate has the contract.
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from cython_ext.intent import OrderIntent

def within(name: str, value: int, low: int, high: int) -> int: ...

class Gate:
    def __init__(
        self,
        max_instruments: int = 1024,
        max_accounts: int = 16,
        duplicate_depth: int = 16,
        reference_future_tolerance_ns: int = 1_000_000,
    ) -> None: ...
    @property
    def max_instruments(self) -> int: ...
    @property
    def max_accounts(self) -> int: ...
    @property
    def duplicate_depth(self) -> int: ...
    @property
    def fired_mask(self) -> int: ...
    @property
    def reserved_price_ticks(self) -> int: ...
    @property
    def killed(self) -> bool: ...
    def check(self, intent: OrderIntent, /) -> int: ...
    def check_batch(
        self, records: bytes | npt.NDArray[np.void], /
    ) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.uint64]]: ...
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
    ) -> None: ...
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
    ) -> None: ...
    def set_position_limit(
        self, account_id: int, instrument_id: int, *, max_long_lots: int, max_short_lots: int
    ) -> None: ...
    def set_reference(self, instrument_id: int, price_ticks: int, time_ns: int) -> None: ...
    def set_halted(self, instrument_id: int, halted: bool) -> None: ...
    def kill(self, account_id: int | None = None) -> None: ...
    def unkill(self, account_id: int | None = None) -> None: ...
    def account_killed(self, account_id: int) -> bool: ...
    def fill(
        self,
        account_id: int,
        instrument_id: int,
        side: int,
        quantity_lots: int,
        reserved_price_ticks: int,
        *,
        closes: bool,
    ) -> None: ...
    def release(
        self,
        account_id: int,
        instrument_id: int,
        side: int,
        quantity_lots: int,
        reserved_price_ticks: int,
        *,
        closes: bool,
    ) -> None: ...
    def reserve(
        self,
        account_id: int,
        instrument_id: int,
        side: int,
        quantity_lots: int,
        reserved_price_ticks: int,
        *,
        opens: bool = True,
    ) -> None: ...
    def adjust_position(self, account_id: int, instrument_id: int, delta_lots: int) -> None: ...
    def counters(self) -> dict[str, Any]: ...
    def state_digest(self) -> str: ...
    def export_state(self) -> dict[str, Any]: ...
    def import_state(self, state: Mapping[str, Any], /) -> None: ...
