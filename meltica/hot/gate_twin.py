"""The risk gate in plain Python: the golden model, and the backend `python`. docs/risk_checks.md has the rules."""

import struct
from collections import deque
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from meltica.hot import layout_gen as lay
from meltica.hot.bounds import Bounds
from meltica.hot.layout_gen import STATE_VERSION, Action, KillScope, OrderIntentRecord, Record
from meltica.hot.own_book_twin import SelfMatchVerdict, WorkingOrder
from meltica.hot.ports import GateState, Intent, Masks, Reasons
from meltica.hot.rows_twin import (
    ACCOUNT_BREAKERS,
    INT64_MAX,
    AccountRow,
    FirmRow,
    InstrumentRow,
    PortRow,
    PositionRow,
    StrategyRow,
    value_nanos,
)
from meltica.hot.rulebook_gen import PASS, Check
from meltica.hot.rules_twin import Case, Recent, judge, malformed, opens_an_order, recent_of, rests
from meltica.hot.state import COLUMNS, digest
from meltica.hot.tell_twin import Tables, within

_WORKING_ORDER = struct.Struct("<6q")
CHECK_NUMBERS = 64
TABLE_BOUND = 2**22  # Position rows; the compiled gate holds them all (256 MiB)
MAX_DUPLICATE_DEPTH = 64  # A check looks at each of them: bounded work per order
_NOT_ALONE = ~(1 << Check.SELF_MATCH)
_NO_INSTRUMENT, _NO_ACCOUNT, _NO_STRATEGY, _NO_PORT = InstrumentRow(), AccountRow(), StrategyRow(), PortRow()


class Gate:
    """See meltica.hot.ports.RiskGate."""

    def __init__(  # noqa: PLR0917 - the sizes, all of which may be given by place
        self,
        max_instruments: int = 1024,
        max_accounts: int = 16,
        duplicate_depth: int = 16,
        reference_future_tolerance_ns: int = 1_000_000,
        max_strategies: int = 256,
        max_working_orders: int = 65_536,
        leased: bool = False,
        bounds: Bounds | None = None,
    ) -> None:
        self.max_instruments = within("max_instruments", max_instruments, 1, 2**20)
        self.max_accounts = within("max_accounts", max_accounts, 1, 2**16)
        within("position rows", max_instruments * max_accounts, 1, TABLE_BOUND)
        self.duplicate_depth = within("duplicate_depth", duplicate_depth, 1, MAX_DUPLICATE_DEPTH)
        self._tolerance_ns = within("reference_future_tolerance_ns", reference_future_tolerance_ns, 0, INT64_MAX)
        self.max_strategies = within("max_strategies", max_strategies, 1, 2**16)
        self.max_working_orders = within("max_working_orders", max_working_orders, 1, 2**20)
        self.leased = bool(leased)
        self.bounds = bounds or Bounds()
        self.fired_mask = self.reserved_price_ticks = self.allowed_lots = 0
        self._listed: list[tuple[int, int]] = []
        self._tables = Tables(max_instruments, max_accounts, max_strategies, max_working_orders, self.bounds)
        self._recent: list[deque[Recent]] = [deque(maxlen=duplicate_depth) for _ in range(max_accounts)]
        self._passed = [0] * (max(Action) + 1)
        self._rejected = [0] * CHECK_NUMBERS
        self._fired = [0] * CHECK_NUMBERS

    # --- the check ---

    def check(self, intent: Intent, /) -> int:
        return self._check(intent.to_bytes())

    def self_matches(self) -> list[tuple[int, int]]:
        return list(self._listed)

    def _check(self, data: bytes) -> int:
        order = _read(data)
        self.fired_mask = self.reserved_price_ticks = self.allowed_lots = 0
        self._listed = []
        if malformed(order):
            return self._refuse(1 << Check.MALFORMED)
        if order.action == Action.CANCEL:
            self._passed[Action.CANCEL] += 1
            return PASS
        case = self._case(order)
        fired, own = judge(case), case.self_match()
        if not fired & _NOT_ALONE:
            self._listed = own.listed
        return self._refuse(fired) if fired else self._pass(case, own)

    def _case(self, order: OrderIntentRecord) -> Case:
        tables = self._tables
        has_account = order.account_id < self.max_accounts
        return Case(
            order,
            killed=tables.killed,
            lease_until_ns=tables.lease_until_ns if self.leased else None,
            firm=tables.firm,
            account=tables.accounts[order.account_id] if has_account else _NO_ACCOUNT,
            strategy=tables.strategies[order.strategy_id] if order.strategy_id < self.max_strategies else _NO_STRATEGY,
            port=tables.ports[order.port_id] if order.port_id < self.bounds.ports else _NO_PORT,
            instrument=(
                tables.instruments[order.instrument_id]
                if order.instrument_id < self.max_instruments
                else _NO_INSTRUMENT
            ),
            position=tables.positions.get((order.account_id, order.instrument_id)) or PositionRow(),
            recent=list(self._recent[order.account_id]) if has_account else [],
            own_book=tables.own_book,
            group_of=lambda account_id: tables.accounts[account_id].self_match_group,
            future_tolerance_ns=self._tolerance_ns,
            bounds=self.bounds,
        )

    def _refuse(self, fired: int) -> int:
        reason = (fired & -fired).bit_length() - 1
        self.fired_mask = fired
        self._rejected[reason] += 1
        for number in range(CHECK_NUMBERS):
            self._fired[number] += fired >> number & 1
        return reason

    def _pass(self, case: Case, own: SelfMatchVerdict) -> int:
        order, tables = case.order, self._tables
        lessened = order.quantity_lots - own.allowed_lots
        added_lots, added_value = case.added_lots - lessened, case.added_value
        if lessened:
            unit = case.instrument.value_per_tick_lot_nanos
            added_value = value_nanos(case.price_ticks, own.allowed_lots, unit) - case.working_value
        tables.position(order.account_id, order.instrument_id).add_open_lots(order.side, added_lots)
        case.instrument.day_lots += max(0, added_lots)
        for exposed in (case.firm, case.account, case.strategy):
            exposed.open_value_nanos += added_value
        for metered in (case.firm, case.account, case.strategy, case.port, case.instrument):
            metered.take_token(order.time_ns)
        case.account.open_orders += opens_an_order(order)
        case.firm.open_orders += opens_an_order(order)
        if order.action == Action.NEW:
            case.port.last_order_id = order.order_id
            self._recent[order.account_id].append(recent_of(order))
        self._keep(order, own.allowed_lots)
        self.reserved_price_ticks, self.allowed_lots = case.price_ticks, own.allowed_lots
        self._passed[order.action] += 1
        return PASS

    def _keep(self, order: OrderIntentRecord, lots: int) -> None:
        """Among the own working orders, or not among them any more (a REPLACE that does not rest)."""
        own_book = self._tables.own_book
        own_book.remove(order.order_id)
        if rests(order):
            keys = (order.account_id, order.instrument_id, order.side)
            own_book.put(WorkingOrder(order.order_id, *keys, order.price_ticks, lots))

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

    # --- everything else is a record ---

    def tell(self, record: Record, /) -> None:
        self._tables.tell(record)

    def set_reference(self, instrument_id: int, price_ticks: int, time_ns: int) -> None:
        self.tell(lay.ReferencePriceRecord(instrument_id, price_ticks, time_ns))

    def set_quote(  # noqa: PLR0917 - the record's fields
        self, instrument_id: int, bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int, time_ns: int
    ) -> None:
        self.tell(lay.QuoteRecord(instrument_id, bid_ticks, bid_lots, ask_ticks, ask_lots, time_ns))

    def set_profit(self, account_id: int, pnl_nanos: int, time_ns: int) -> None:
        self.tell(lay.ProfitAndLossRecord(account_id, pnl_nanos, time_ns))

    def kill(self, scope: int = KillScope.GLOBAL, id: int = 0) -> None:  # noqa: A002 - the record's name for it
        self.tell(lay.KillRecord(scope, 1, id, 0))

    def unkill(self, scope: int = KillScope.GLOBAL, id: int = 0) -> None:  # noqa: A002 - the record's name for it
        self.tell(lay.KillRecord(scope, 0, id, 0))

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
        keys = (account_id, instrument_id, side, int(closes), strategy_id, order_id)
        self.tell(lay.FillRecord(*keys, quantity_lots, reserved_price_ticks))

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
        keys = (account_id, instrument_id, side, int(closes), strategy_id, order_id)
        self.tell(lay.ReleaseRecord(*keys, quantity_lots, reserved_price_ticks))

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
        keys = (account_id, instrument_id, side, int(opens), strategy_id, order_id)
        self.tell(lay.ReserveRecord(*keys, quantity_lots, reserved_price_ticks))

    def adjust_position(self, account_id: int, instrument_id: int, delta_lots: int) -> None:
        self.tell(lay.AdjustRecord(account_id, instrument_id, delta_lots))

    # --- looking inside ---

    @property
    def killed(self) -> bool:
        return self._tables.killed

    def switch_engaged(self, scope: int, id: int) -> bool:  # noqa: A002 - the record's name for it
        if within("scope", scope, 1, max(KillScope)) == KillScope.GLOBAL:
            within("id", id, 0, 0)
            return self.killed
        return bool(self._tables.switchable(scope, id).killed)

    def breakers(self, account_id: int) -> list[str]:
        latched = self._tables.account(account_id).latched
        return [breaker.name for breaker in ACCOUNT_BREAKERS if latched >> breaker & 1]

    def counters(self) -> dict[str, Any]:
        return {
            "passed": list(self._passed),
            "rejected": list(self._rejected),
            "fired": list(self._fired),
            "faults": self._tables.faults,
        }

    def state_digest(self) -> str:
        return digest(self.export_state())

    def export_state(self) -> GateState:
        orders = sorted(self._tables.own_book.orders.items())
        return self.export_tables() | {"orders": [list(_values(order)) for _, order in orders]}

    def working_orders(self) -> bytes:
        orders = self._tables.own_book.orders.values()
        return b"".join([_WORKING_ORDER.pack(*_values(order)) for order in orders])

    def export_tables(self) -> GateState:
        tables = self._tables
        positions = sorted((*key, *_values(row)) for key, row in tables.positions.items())
        return {
            "version": STATE_VERSION,
            "killed": int(tables.killed),
            "lease_until_ns": tables.lease_until_ns,
            **{table: [list(row) for row in _filled(rows)] for table, (rows, _) in self._numbered(tables).items()},
            "positions": [list(row) for row in positions if any(row[2:])],
            "orders": [],
            "recent": [[account, *row] for account, ring in enumerate(self._recent) for row in ring],
            "counters": self.counters(),
        }

    @staticmethod
    def _numbered(tables: Tables) -> dict[str, tuple[list[Any], Callable[..., Any]]]:
        """The tables whose rows have one number, and what a row is made of."""
        return {
            "firm": (tables.firms, FirmRow),
            "instruments": (tables.instruments, InstrumentRow),
            "accounts": (tables.accounts, AccountRow),
            "strategies": (tables.strategies, StrategyRow),
            "ports": (tables.ports, PortRow),
        }

    def import_state(self, state: Mapping[str, Any], /) -> None:
        sizes = (self.max_instruments, self.max_accounts, self.duplicate_depth, self._tolerance_ns)
        fresh = Gate(*sizes, self.max_strategies, self.max_working_orders, self.leased, self.bounds)
        fresh._load(state)
        self.__dict__.update(fresh.__dict__)

    def _load(self, state: Mapping[str, Any]) -> None:
        if state["version"] != STATE_VERSION:
            raise ValueError(f"state version {state['version']} is not {STATE_VERSION}")
        for table, columns in COLUMNS.items():
            if any(len(row) != len(columns) for row in state[table]):
                raise ValueError(f"a row of {table} has not {len(columns)} columns")
        tables = self._tables
        tables.killed, tables.lease_until_ns = bool(state["killed"]), int(state["lease_until_ns"])
        for table, (rows, row_class) in self._numbered(tables).items():
            for number, *row in state[table]:
                rows[within(COLUMNS[table][0], number, 0, len(rows) - 1)] = row_class(*row)
        for account_id, instrument_id, *row in state["positions"]:
            tables.position(account_id, instrument_id)
            tables.positions[account_id, instrument_id] = PositionRow(*row)
        self._load_orders(state)
        counters = state["counters"]
        self._passed, tables.faults = list(counters["passed"]), int(counters["faults"])
        self._rejected, self._fired = list(counters["rejected"]), list(counters["fired"])

    def _load_orders(self, state: Mapping[str, Any]) -> None:
        tables = self._tables
        for row in state["orders"]:
            order = WorkingOrder(*row)
            tables.position(order.account_id, order.instrument_id)
            within("order_id", order.order_id, 1, 2**64 - 1)
            if tables.own_book.is_full or tables.own_book.get(order.order_id) is not None:
                raise ValueError(f"no place for working order {order.order_id}")
            tables.own_book.put(order)
        for account_id, *recent in state["recent"]:
            tables.account(account_id)
            instrument_id, side, lots, price, time_ns = recent
            self._recent[account_id].append((instrument_id, side, lots, price, time_ns))


def _read(data: bytes) -> OrderIntentRecord:
    type_id, *rest = OrderIntentRecord.CODEC.unpack(data)
    return OrderIntentRecord(*[*rest, type_id])


def _filled(rows: Sequence[Any]) -> Iterator[tuple[int, ...]]:
    """(id, fields...) of the rows that are not empty."""
    for number, row in enumerate(rows):
        values = _values(row)
        if any(values):
            yield (number, *values)


def _values(row: Any) -> tuple[int, ...]:
    values: tuple[int, ...] = _reader(cast("Hashable", type(row)))(row)
    return values


@cache
def _reader(row_class: Hashable) -> "attrgetter[tuple[int, ...]]":
    """Of all fields of a row; dataclasses.astuple copies each value, which takes ten times as long."""
    return attrgetter(*[one.name for one in fields(cast("Any", row_class))])
