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

from meltica.hot.layout_gen import KillScope, Record

Reasons = npt.NDArray[np.int8]
Masks = npt.NDArray[np.uint64]
# What export_state() gives: plain ints and lists, fit for JSON. meltica.hot.state names the columns.
GateState = dict[str, Any]


class Intent(Protocol):
    """An order intent of any backend: its 64 bytes are what counts."""

    def to_bytes(self) -> bytes: ...


class RiskGate(Protocol):
    """The pre-trade risk gate. docs/risk_checks.md has the checks; tests/conformance/gate_suite.py has the judge.

    Gate(max_instruments=1024, max_accounts=16, duplicate_depth=16, reference_future_tolerance_ns=1_000_000,
    max_strategies=256, max_working_orders=65_536, leased=False, bounds=None): meltica.hot.bounds has the bounds.
    """

    # Of the last check(): bit n set = check n fired; the price at which a passed NEW or REPLACE is reserved, else 0;
    # the lots that may leave (self-match prevention may lessen them), 0 when refused.
    @property
    def fired_mask(self) -> int: ...
    @property
    def reserved_price_ticks(self) -> int: ...
    @property
    def allowed_lots(self) -> int: ...

    def check(self, intent: Any, /) -> int:
        """The lowest fired check, or PASS (-1). A passed NEW or REPLACE is reserved; a refused one leaves no trace."""

    def self_matches(self) -> list[tuple[int, int]]:
        """Of the last check(): (order_id, leaves_lots) of own working orders to cancel (0) or reduce, best price first.

        Nothing about them has moved: they are what they were until a REPLACE, Fill or Release says so.
        """

    def check_batch(self, records: bytes | npt.NDArray[np.void], /) -> tuple[Reasons, Masks]:
        """The same for many 64-byte records one after another."""

    def tell(self, record: Record, /) -> None:
        """Every other change: limits, marks, market, fills, switches, lease, credit, PnL.

        ValueError (and no change) when a value is out of range or the record is none of the gate's.
        """

    # The same as the record, for those who have no record in their hands.
    def set_reference(self, instrument_id: int, price_ticks: int, time_ns: int) -> None:
        """The last one counts, whatever its time; price 0 takes the reference away."""

    def set_quote(  # noqa: PLR0917 - the record's fields
        self, instrument_id: int, bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int, time_ns: int
    ) -> None:
        """The market's best; a side with 0 lots is none."""

    def set_profit(self, account_id: int, pnl_nanos: int, time_ns: int) -> None:
        """ProfitAndLoss: what the account has earned since the trading day began; may trip its breakers."""

    def kill(self, scope: int = KillScope.GLOBAL, id: int = 0) -> None:  # noqa: A002 - the record's name for it
        """Engages a switch. Nothing but unkill() releases it."""

    def unkill(self, scope: int = KillScope.GLOBAL, id: int = 0) -> None: ...  # noqa: A002 - the record's name for it

    # What became of passed orders. Each takes the price that check() reserved; order_id 0: which one is not known.
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
        order_id: int = 0,
        strategy_id: int = 0,
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
        order_id: int = 0,
        strategy_id: int = 0,
    ) -> None:
        """Recovery: an order that already works, without checks; order_id 0 unless it is a LIMIT that rests."""

    def adjust_position(self, account_id: int, instrument_id: int, delta_lots: int) -> None: ...

    # Looking inside.
    @property
    def killed(self) -> bool:
        """The global switch."""

    def switch_engaged(self, scope: int, id: int) -> bool:  # noqa: A002 - the record's name for it
        """Any switch; GLOBAL has the id 0."""

    def breakers(self, account_id: int) -> list[str]:
        """The latched ones, by name; one that a timed re-arm lets pass is still latched."""

    def counters(self) -> dict[str, Any]:
        """passed and rejected (by first reason) and fired, per check or action number; faults of the bookkeeping."""

    def state_digest(self) -> str:
        """SHA-256 over the state without the counters; the same for two gates in the same state."""

    def export_state(self) -> GateState: ...

    def export_tables(self) -> GateState:
        """The same but for the own working orders, whose list is empty: what is small."""

    def working_orders(self) -> bytes:
        """The own working orders, in no order: the columns of their exported rows, 8 bytes each, little-endian."""

    def import_state(self, state: Mapping[str, Any], /) -> None:
        """Replaces everything; ValueError (and no change) when it does not fit this gate's tables."""
