# meltica.hot.ports.RiskGate has the contract.
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from cython_ext.intent import OrderIntent
from meltica.hot.bounds import Bounds

def within(name: str, value: int, low: int, high: int) -> int: ...
def whole_records(records: bytes | npt.NDArray[np.void]) -> memoryview: ...

class Gate:
    def __init__(
        self,
        max_instruments: int = 1024,
        max_accounts: int = 16,
        duplicate_depth: int = 16,
        reference_future_tolerance_ns: int = 1_000_000,
        max_strategies: int = 256,
        max_working_orders: int = 65_536,
        leased: bool = False,
        bounds: Bounds | None = None,
    ) -> None: ...
    @property
    def max_instruments(self) -> int: ...
    @property
    def max_accounts(self) -> int: ...
    @property
    def max_strategies(self) -> int: ...
    @property
    def max_working_orders(self) -> int: ...
    @property
    def duplicate_depth(self) -> int: ...
    @property
    def leased(self) -> bool: ...
    @property
    def fired_mask(self) -> int: ...
    @property
    def reserved_price_ticks(self) -> int: ...
    @property
    def allowed_lots(self) -> int: ...
    @property
    def killed(self) -> bool: ...
    def check(self, intent: OrderIntent, /) -> int: ...
    def self_matches(self) -> list[tuple[int, int]]: ...
    def check_batch(
        self, records: bytes | npt.NDArray[np.void], /
    ) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.uint64]]: ...
    def bench_calls(self, records: bytes | npt.NDArray[np.void], /) -> int: ...
    def tell(self, record: Any, /) -> None: ...
    def set_reference(self, instrument_id: int, price_ticks: int, time_ns: int) -> None: ...
    def kill(self, scope: int = ..., id: int = 0) -> None: ...  # noqa: A002
    def unkill(self, scope: int = ..., id: int = 0) -> None: ...  # noqa: A002
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
        order_id: int = 0,
        strategy_id: int = 0,
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
        order_id: int = 0,
        strategy_id: int = 0,
    ) -> None: ...
    def adjust_position(self, account_id: int, instrument_id: int, delta_lots: int) -> None: ...
    def switch_engaged(self, scope: int, id: int) -> bool: ...  # noqa: A002
    def breakers(self, account_id: int) -> list[str]: ...
    def counters(self) -> dict[str, Any]: ...
    def state_digest(self) -> str: ...
    def export_state(self) -> dict[str, Any]: ...
    def export_tables(self) -> dict[str, Any]: ...
    def working_orders(self) -> bytes: ...
    def import_state(self, state: Mapping[str, Any], /) -> None: ...
