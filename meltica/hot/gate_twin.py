"""The risk gate in plain Python: the golden model, and the backend `python`. docs/risk_checks.md has the rules."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple
from typing import Any

import numpy as np
import numpy.typing as npt

from meltica.hot.layout_gen import (
    BURST_BOUND,
    COLLAR_BPS_BOUND,
    LOTS_BOUND,
    NANO_TOKENS_PER_MESSAGE,
    STATE_VERSION,
    TICKS_BOUND,
    Action,
    OrderIntentRecord,
    Side,
)
from meltica.hot.ports import GateState, Intent, Masks, Reasons
from meltica.hot.rulebook_gen import PASS, Check
from meltica.hot.rules_twin import (
    INT64_MAX,
    AccountRow,
    Case,
    InstrumentRow,
    PositionRow,
    Recent,
    judge,
    malformed,
    opens_an_order,
    recent_of,
)
from meltica.hot.state import COLUMNS, digest

CHECK_NUMBERS = 64
UINT32_MAX = 2**32 - 1
UINT64_MAX = 2**64 - 1
TABLE_BOUND = 2**22  # Position rows; the compiled gate holds them all (256 MiB)
MAX_DUPLICATE_DEPTH = 64  # A check looks at each of them: bounded work per order
_EMPTY_INSTRUMENT = InstrumentRow()
_EMPTY_ACCOUNT = AccountRow()


def within(name: str, value: int, low: int, high: int) -> int:
    if not isinstance(value, int):
        raise TypeError(f"{name} must be an int, not {type(value).__name__}")
    if not low <= value <= high:
        raise ValueError(f"{name} {value} is not within {low}..{high}")
    return int(value)


class Gate:
    """See meltica.hot.ports.RiskGate."""

    def __init__(
        self,
        max_instruments: int = 1024,
        max_accounts: int = 16,
        duplicate_depth: int = 16,
        reference_future_tolerance_ns: int = 1_000_000,
    ) -> None:
        self.max_instruments = within("max_instruments", max_instruments, 1, 2**20)
        self.max_accounts = within("max_accounts", max_accounts, 1, 2**16)
        within("position rows", max_instruments * max_accounts, 1, TABLE_BOUND)
        self.duplicate_depth = within("duplicate_depth", duplicate_depth, 1, MAX_DUPLICATE_DEPTH)
        self._tolerance_ns = within("reference_future_tolerance_ns", reference_future_tolerance_ns, 0, INT64_MAX)
        self.fired_mask = 0
        self.reserved_price_ticks = 0
        self._clear()

    def _clear(self) -> None:
        self._killed = False
        self._instruments = [InstrumentRow() for _ in range(self.max_instruments)]
        self._accounts = [AccountRow() for _ in range(self.max_accounts)]
        self._positions: dict[tuple[int, int], PositionRow] = {}
        self._recent: list[deque[Recent]] = [deque(maxlen=self.duplicate_depth) for _ in range(self.max_accounts)]
        self._passed = [0] * (max(Action) + 1)
        self._rejected = [0] * CHECK_NUMBERS
        self._fired = [0] * CHECK_NUMBERS
        self._faults = 0

    # --- the check ---

    def check(self, intent: Intent, /) -> int:
        return self._check(intent.to_bytes())

    def _check(self, data: bytes) -> int:
        order = _read(data)
        self.reserved_price_ticks = 0
        if malformed(order):
            return self._refuse(1 << Check.MALFORMED)
        if order.action == Action.CANCEL:
            self.fired_mask = 0
            self._passed[Action.CANCEL] += 1
            return PASS
        case = self._case(order)
        fired = judge(case)
        return self._refuse(fired) if fired else self._pass(case)

    def _case(self, order: OrderIntentRecord) -> Case:
        has_instrument = order.instrument_id < self.max_instruments
        has_account = order.account_id < self.max_accounts
        return Case(
            order,
            killed=self._killed,
            instrument=self._instruments[order.instrument_id] if has_instrument else _EMPTY_INSTRUMENT,
            account=self._accounts[order.account_id] if has_account else _EMPTY_ACCOUNT,
            position=self._positions.get((order.account_id, order.instrument_id)) or PositionRow(),
            recent=list(self._recent[order.account_id]) if has_account else [],
            future_tolerance_ns=self._tolerance_ns,
        )

    def _refuse(self, fired: int) -> int:
        reason = (fired & -fired).bit_length() - 1
        self.fired_mask = fired
        self._rejected[reason] += 1
        for number in range(CHECK_NUMBERS):
            self._fired[number] += fired >> number & 1
        return reason

    def _pass(self, case: Case) -> int:
        order, account = case.order, case.account
        row = self._position(order.account_id, order.instrument_id)
        row.set_open_lots(order.side, row.open_lots(order.side) + case.added_lots)
        account.open_value_nanos += case.added_value
        account.nano_tokens = account.tokens_at(order.time_ns) - NANO_TOKENS_PER_MESSAGE
        account.bucket_time_ns = max(account.bucket_time_ns, order.time_ns)
        account.open_orders += opens_an_order(order)
        if order.action == Action.NEW:
            account.last_order_id = order.order_id
            self._recent[order.account_id].append(recent_of(order))
        self.fired_mask = 0
        self.reserved_price_ticks = case.price_ticks
        self._passed[order.action] += 1
        return PASS

    def check_batch(self, records: bytes | npt.NDArray[np.void], /) -> tuple[Reasons, Masks]:
        data = bytes(records) if isinstance(records, bytes | bytearray | memoryview) else records.tobytes()
        size = OrderIntentRecord.SIZE
        if len(data) % size:
            raise ValueError(f"{len(data)} bytes are not a whole number of {size}-byte records")
        reasons = np.empty(len(data) // size, np.int8)
        masks = np.empty(len(data) // size, np.uint64)
        for at in range(len(reasons)):
            reasons[at] = self._check(data[at * size : (at + 1) * size])
            masks[at] = self.fired_mask
        return reasons, masks

    # --- limits ---

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
        row = self._instrument(instrument_id)
        unit = within("value_per_tick_lot_nanos", value_per_tick_lot_nanos, 0, INT64_MAX)
        if unit != row.value_per_tick_lot_nanos and self._has_open_lots(instrument_id):
            raise ValueError("value_per_tick_lot_nanos cannot change while lots are open in the instrument")
        self._instruments[instrument_id] = InstrumentRow(
            known=1,
            enabled=int(bool(enabled)),
            restricted=int(bool(restricted)),
            halted=int(bool(halted)),
            value_per_tick_lot_nanos=unit,
            max_price_ticks=within("max_price_ticks", max_price_ticks, 0, INT64_MAX),
            max_quantity_lots=within("max_quantity_lots", max_quantity_lots, 0, INT64_MAX),
            max_value_nanos=within("max_value_nanos", max_value_nanos, 0, INT64_MAX),
            collar_bps=within("collar_bps", collar_bps, 0, COLLAR_BPS_BOUND),
            reference_max_age_ns=within("reference_max_age_ns", reference_max_age_ns, 0, UINT64_MAX),
            reference_price_ticks=row.reference_price_ticks,
            reference_time_ns=row.reference_time_ns,
        )

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
        row = self._account(account_id)
        max_open_value = within("max_open_value_nanos", max_open_value_nanos, 0, INT64_MAX)
        open_orders = within("max_open_orders", max_open_orders, 0, UINT32_MAX)
        rate = within("messages_per_second", messages_per_second, 0, UINT32_MAX)
        burst = within("message_burst", message_burst, 0, BURST_BOUND)
        window = within("duplicate_window_ns", duplicate_window_ns, 0, UINT64_MAX)
        full = burst * NANO_TOKENS_PER_MESSAGE
        row.nano_tokens = min(row.nano_tokens, full) if row.known else full
        row.known, row.enabled, row.market_orders_allowed = 1, int(bool(enabled)), int(bool(market_orders_allowed))
        row.max_open_value_nanos, row.max_open_orders = max_open_value, open_orders
        row.messages_per_second, row.message_burst, row.duplicate_window_ns = rate, burst, window

    def set_position_limit(
        self, account_id: int, instrument_id: int, *, max_long_lots: int, max_short_lots: int
    ) -> None:
        row = self._position(account_id, instrument_id)
        long_lots = within("max_long_lots", max_long_lots, 0, LOTS_BOUND)
        row.max_short_lots = within("max_short_lots", max_short_lots, 0, LOTS_BOUND)
        row.max_long_lots = long_lots

    # --- the market and the kill switch ---

    def set_reference(self, instrument_id: int, price_ticks: int, time_ns: int) -> None:
        row = self._instrument(instrument_id)
        price = within("price_ticks", price_ticks, 0, TICKS_BOUND)
        row.reference_time_ns = within("time_ns", time_ns, 0, UINT64_MAX)
        row.reference_price_ticks = price

    def set_halted(self, instrument_id: int, halted: bool) -> None:
        self._instrument(instrument_id).halted = int(bool(halted))

    @property
    def killed(self) -> bool:
        return self._killed

    def account_killed(self, account_id: int) -> bool:
        return bool(self._account(account_id).killed)

    def kill(self, account_id: int | None = None) -> None:
        self._switch(account_id, engaged=True)

    def unkill(self, account_id: int | None = None) -> None:
        self._switch(account_id, engaged=False)

    def _switch(self, account_id: int | None, *, engaged: bool) -> None:
        if account_id is None:
            self._killed = engaged
        else:
            self._account(account_id).killed = int(engaged)

    # --- what became of passed orders ---

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
        within("quantity_lots", quantity_lots, 1, LOTS_BOUND)
        within("side", side, Side.BUY, Side.SELL)
        within("reserved_price_ticks", reserved_price_ticks, 0, TICKS_BOUND)
        self.adjust_position(account_id, instrument_id, quantity_lots if side == Side.BUY else -quantity_lots)
        self.release(account_id, instrument_id, side, quantity_lots, reserved_price_ticks, closes=closes)

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
        row, account = self._position(account_id, instrument_id), self._account(account_id)
        lots = within("quantity_lots", quantity_lots, 0, LOTS_BOUND)
        within("side", side, Side.BUY, Side.SELL)
        price = within("reserved_price_ticks", reserved_price_ticks, 0, TICKS_BOUND)
        value = price * lots * self._instruments[instrument_id].value_per_tick_lot_nanos
        row.set_open_lots(side, self._take(row.open_lots(side), lots))
        account.open_value_nanos = self._take(account.open_value_nanos, value)
        account.open_orders = self._take(account.open_orders, int(bool(closes)))

    def _take(self, stock: int, amount: int) -> int:
        """Never below 0: taking more than is there is a fault of the books, and is counted."""
        if amount > stock:
            self._faults += 1
            return 0
        return stock - amount

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
        row, account = self._position(account_id, instrument_id), self._account(account_id)
        lots = within("quantity_lots", quantity_lots, 0, LOTS_BOUND)
        within("side", side, Side.BUY, Side.SELL)
        price = within("reserved_price_ticks", reserved_price_ticks, 0, TICKS_BOUND)
        value = price * lots * self._instruments[instrument_id].value_per_tick_lot_nanos
        open_value = within("open value", account.open_value_nanos + value, 0, INT64_MAX)
        row.set_open_lots(side, within("open lots", row.open_lots(side) + lots, 0, 2 * LOTS_BOUND))
        account.open_value_nanos = open_value
        account.open_orders += int(bool(opens))

    def adjust_position(self, account_id: int, instrument_id: int, delta_lots: int) -> None:
        row = self._position(account_id, instrument_id)
        within("delta_lots", delta_lots, -2 * LOTS_BOUND, 2 * LOTS_BOUND)
        row.position_lots = within("position", row.position_lots + delta_lots, -LOTS_BOUND, LOTS_BOUND)

    # --- looking inside ---

    def counters(self) -> dict[str, Any]:
        return {
            "passed": list(self._passed),
            "rejected": list(self._rejected),
            "fired": list(self._fired),
            "faults": self._faults,
        }

    def state_digest(self) -> str:
        return digest(self.export_state())

    def export_state(self) -> GateState:
        positions = sorted((*key, *astuple(row)) for key, row in self._positions.items())
        return {
            "version": STATE_VERSION,
            "killed": int(self._killed),
            "instruments": [list(row) for row in _filled(self._instruments)],
            "accounts": [list(row) for row in _filled(self._accounts)],
            "positions": [list(row) for row in positions if any(row[2:])],
            "recent": [[account, *row] for account, ring in enumerate(self._recent) for row in ring],
            "counters": self.counters(),
        }

    def import_state(self, state: Mapping[str, Any], /) -> None:
        fresh = Gate(self.max_instruments, self.max_accounts, self.duplicate_depth, self._tolerance_ns)
        fresh._load(state)
        self.__dict__.update(fresh.__dict__)

    def _load(self, state: Mapping[str, Any]) -> None:
        if state["version"] != STATE_VERSION:
            raise ValueError(f"state version {state['version']} is not {STATE_VERSION}")
        for table, columns in COLUMNS.items():
            if any(len(row) != len(columns) for row in state[table]):
                raise ValueError(f"a row of {table} has not {len(columns)} columns")
        self._killed = bool(state["killed"])
        for number, *row in state["instruments"]:
            self._instruments[within("instrument_id", number, 0, self.max_instruments - 1)] = InstrumentRow(*row)
        for number, *row in state["accounts"]:
            self._accounts[within("account_id", number, 0, self.max_accounts - 1)] = AccountRow(*row)
        for account_id, instrument_id, *row in state["positions"]:
            self._position(account_id, instrument_id)
            self._positions[account_id, instrument_id] = PositionRow(*row)
        for account_id, instrument_id, side, lots, price, time_ns in state["recent"]:
            self._account(account_id)
            self._recent[account_id].append((instrument_id, side, lots, price, time_ns))
        counters = state["counters"]
        self._passed, self._faults = list(counters["passed"]), int(counters["faults"])
        self._rejected, self._fired = list(counters["rejected"]), list(counters["fired"])

    # --- tables ---

    def _instrument(self, instrument_id: int) -> InstrumentRow:
        return self._instruments[within("instrument_id", instrument_id, 0, self.max_instruments - 1)]

    def _account(self, account_id: int) -> AccountRow:
        return self._accounts[within("account_id", account_id, 0, self.max_accounts - 1)]

    def _position(self, account_id: int, instrument_id: int) -> PositionRow:
        self._account(account_id)
        self._instrument(instrument_id)
        return self._positions.setdefault((account_id, instrument_id), PositionRow())

    def _has_open_lots(self, instrument_id: int) -> bool:
        return any(
            row.open_buy_lots or row.open_sell_lots
            for (_, instrument), row in self._positions.items()
            if instrument == instrument_id
        )


def _read(data: bytes) -> OrderIntentRecord:
    type_id, *rest = OrderIntentRecord.CODEC.unpack(data)
    return OrderIntentRecord(*[*rest, type_id])


def _filled(rows: Sequence[InstrumentRow | AccountRow]) -> Iterator[tuple[int, ...]]:
    """(id, fields...) of the rows that are not empty."""
    for number, row in enumerate(rows):
        values = astuple(row)
        if any(values):
            yield (number, *values)
