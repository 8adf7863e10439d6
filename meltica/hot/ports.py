"""What every gate offers, whatever it is made of: Python, Cython, another process, a card.

Integers throughout: prices in ticks, quantities in lots, values in nanos of the settlement currency (1e-9), times in
nanoseconds since 1970. An argument outside its table or range is the caller's fault and raises ValueError (or
OverflowError where it does not even fit the field); the gate is then unchanged. An order is never "wrong" in that
sense: it passes or is refused with a number.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Reasons = npt.NDArray[np.int8]
Masks = npt.NDArray[np.uint64]
# What export_state() gives: plain ints and lists, fit for JSON. meltica.hot.state names the columns.
GateState = dict[str, Any]


class Intent(Protocol):
    """An order intent of any backend: its 64 bytes are what counts."""

    def to_bytes(self) -> bytes: ...


class RiskGate(Protocol):
    """The pre-trade risk gate. docs/risk_checks.md has the checks; tests/conformance/gate_suite.py has the judge."""

    # Of the last check(): bit n set = check n fired; the price at which a passed NEW or REPLACE is reserved, else 0.
    @property
    def fired_mask(self) -> int: ...
    @property
    def reserved_price_ticks(self) -> int: ...

    def check(self, intent: Any, /) -> int:
        """The lowest fired check, or PASS (-1). A passed NEW or REPLACE is reserved; a refused one leaves no trace."""

    def check_batch(self, records: bytes | npt.NDArray[np.void], /) -> tuple[Reasons, Masks]:
        """The same for many 64-byte records one after another."""

    # Limits. A row that was never set, and each limit of 0, blocks.
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
        """The whole row; value_per_tick_lot_nanos cannot change while lots are open in the instrument."""

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

    # The market and the kill switch.
    def set_reference(self, instrument_id: int, price_ticks: int, time_ns: int) -> None:
        """The last one counts, whatever its time; price 0 takes the reference away."""

    def set_halted(self, instrument_id: int, halted: bool) -> None: ...

    def kill(self, account_id: int | None = None) -> None:
        """Engages the switch of one account, or the global one. Nothing but unkill() releases it."""

    def unkill(self, account_id: int | None = None) -> None: ...

    @property
    def killed(self) -> bool:
        """The global switch."""

    def account_killed(self, account_id: int) -> bool: ...

    # What became of passed orders. Each takes the price that check() reserved.
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
        """Lots go from open to position. More than is open: the position takes all, open stops at 0, a fault counts."""

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
        """Lots are open no longer (cancel, reject, expiry). More than is open: open stops at 0, a fault counts."""

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
        """Recovery: an order that already works, without checks."""

    def adjust_position(self, account_id: int, instrument_id: int, delta_lots: int) -> None: ...

    # Looking inside.
    def counters(self) -> dict[str, Any]:
        """passed and rejected (by first reason) and fired, per check or action number; faults of the bookkeeping."""

    def state_digest(self) -> str:
        """SHA-256 over the state without the counters; the same for two gates in the same state."""

    def export_state(self) -> GateState: ...

    def import_state(self, state: Mapping[str, Any], /) -> None:
        """Replaces everything; ValueError (and no change) when it does not fit this gate's tables."""
