"""A gate with roomy limits, and the words in which its stories are told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import pytest

from meltica.hot import PASS, Action, Check, Side
from meltica.hot import layout_gen as lay
from meltica.hot.intent_twin import OrderIntent
from meltica.hot.layout_gen import CreditScope, Mark, Record, SelfMatch, ShortSale
from meltica.hot.ports import RiskGate
from meltica.hot.state import COLUMNS

T = 1_700_000_000_000_000_000  # now, in every story
SECOND = 1_000_000_000
INT64_MAX = 2**63 - 1
UINT64_MAX = 2**64 - 1
A, OTHER_ACCOUNT = 1, 2
X, OTHER_INSTRUMENT = 3, 4
S, OTHER_STRATEGY = 5, 6
P, OTHER_PORT = 7, 8
RATE: dict[str, Any] = {"messages_per_second": 1_000, "message_burst": 100}
INSTRUMENT: dict[str, Any] = RATE | {
    "enabled": 1,
    "restricted": 0,
    "short_sale": ShortSale.FREE,
    "collar_bps": 1_000,
    "value_per_tick_lot_nanos": 100,
    "max_price_ticks": 20_000,
    "max_quantity_lots": 1_000,
    "max_value_nanos": 10_000_000_000,
    "reference_max_age_ns": SECOND,
    "session_open_ns": 0,
    "session_close_ns": UINT64_MAX,
    "max_day_lots": INT64_MAX,
    "max_impact_percent": 0,
}
ACCOUNT: dict[str, Any] = RATE | {
    "enabled": 1,
    "market_orders_allowed": 1,
    "iso_allowed": 1,
    "short_exempt_allowed": 1,
    "self_match": SelfMatch.CANCEL_NEWEST,
    "max_open_orders": 100,
    "max_consecutive_rejects": 3,
    "max_open_value_nanos": 100_000_000_000,
    "duplicate_window_ns": 0,
    "max_daily_loss_nanos": 1_000,
    "max_drawdown_nanos": 2_000,
    "rearm_after_ns": 0,
}
FIRM: dict[str, Any] = RATE | {"max_open_orders": 1_000, "max_open_value_nanos": 1_000_000_000_000}
STRATEGY: dict[str, Any] = RATE | {
    "enabled": 1,
    "max_open_value_nanos": 100_000_000_000,
    "max_executions": 100,
}
PORT: dict[str, Any] = RATE | {"enabled": 1}
POSITION: dict[str, Any] = {"max_long_lots": 500, "max_short_lots": 500, "located_lots": 0}


@dataclass(frozen=True)
class GateKind:
    """How to make one sort of gate. `make` takes the arguments of Gate; a gate with close() is closed after use."""

    name: str
    make: Callable[..., RiskGate]
    intent: Callable[[bytes], Any]
    restores: bool = True  # whether it can take a state over


@contextmanager
def made(kind: GateKind, **arguments: Any) -> Iterator[RiskGate]:
    gate = kind.make(**arguments)
    try:
        yield gate
    finally:
        if close := getattr(gate, "close", None):
            close()


def record(record_class: type[Record], **values: int) -> Any:
    """With 0 in every field that has no value."""
    names = {one.name for one in fields(record_class)} - {"type_id"}
    return record_class(**(dict.fromkeys(names, 0) | values))


def fired(gate: RiskGate) -> set[Check]:
    return {check for check in Check if gate.fired_mask >> check & 1}


class Desk:
    """Two accounts, instruments, strategies and ports, and a clerk who numbers the orders."""

    def __init__(self, kind: GateKind, gate: RiskGate) -> None:
        self.kind, self.gate, self.last_order_id = kind, gate, 0
        self.firm()
        for port_id in (P, OTHER_PORT):
            self.port(port_id)
            self.mark(Mark.CONNECTED, port_id)
        for strategy_id in (S, OTHER_STRATEGY):
            self.strategy(strategy_id)
        for account_id in (A, OTHER_ACCOUNT):
            self.account(account_id, self_match_group=account_id)
        for instrument_id in (X, OTHER_INSTRUMENT):
            self.instrument(instrument_id)
            gate.set_reference(instrument_id, 10_000, T)
            for account_id in (A, OTHER_ACCOUNT):
                self.limits(account_id, instrument_id)

    # --- what a gate is told ---

    def tell(self, record_class: type[Record], **values: int) -> None:
        self.gate.tell(record(record_class, **values))

    def firm(self, **changes: int) -> None:
        self.tell(lay.FirmLimitsRecord, **(FIRM | changes))

    def instrument(self, instrument_id: int = X, **changes: int) -> None:
        self.tell(lay.InstrumentLimitsRecord, instrument_id=instrument_id, **(INSTRUMENT | changes))

    def account(self, account_id: int = A, **changes: int) -> None:
        usual = ACCOUNT | {"self_match_group": account_id}
        self.tell(lay.AccountLimitsRecord, account_id=account_id, **(usual | changes))

    def strategy(self, strategy_id: int = S, **changes: int) -> None:
        self.tell(lay.StrategyLimitsRecord, strategy_id=strategy_id, **(STRATEGY | changes))

    def port(self, port_id: int = P, **changes: int) -> None:
        self.tell(lay.PortLimitsRecord, port_id=port_id, **(PORT | changes))

    def limits(self, account_id: int = A, instrument_id: int = X, **changes: int) -> None:
        keys = {"account_id": account_id, "instrument_id": instrument_id}
        self.tell(lay.PositionLimitsRecord, **keys, **(POSITION | changes))

    def mark(self, mark: Mark, number: int, on: int = 1) -> None:
        self.tell(lay.MarkRecord, mark=mark, on=on, id=number, time_ns=T)

    def quote(self, bid: tuple[int, int], ask: tuple[int, int], instrument_id: int = X) -> None:
        """(ticks, lots) of each side."""
        sides = {"bid_ticks": bid[0], "bid_lots": bid[1], "ask_ticks": ask[0], "ask_lots": ask[1]}
        self.tell(lay.QuoteRecord, instrument_id=instrument_id, time_ns=T, **sides)

    def credit(self, scope: CreditScope, number: int, delta_nanos: int) -> None:
        self.tell(lay.CreditRecord, scope=scope, id=number, delta_nanos=delta_nanos)

    def pnl(self, nanos: int, time_ns: int = T, account_id: int = A) -> None:
        self.tell(lay.ProfitAndLossRecord, account_id=account_id, pnl_nanos=nanos, time_ns=time_ns)

    def outcome(self, rejected: int, time_ns: int = T, account_id: int = A) -> None:
        self.tell(lay.OutcomeRecord, account_id=account_id, rejected=rejected, time_ns=time_ns)

    def rearm(self, breaker: lay.Breaker, number: int = A, time_ns: int = T) -> None:
        self.tell(lay.RearmRecord, breaker=breaker, id=number, time_ns=time_ns)

    def new_day(self) -> None:
        self.tell(lay.DayResetRecord, time_ns=T)

    # --- orders ---

    def order(self, **fields: Any) -> OrderIntent:
        self.last_order_id += 1
        usual: dict[str, Any] = {
            "action": Action.NEW,
            "side": Side.BUY,
            "instrument_id": X,
            "account_id": A,
            "strategy_id": S,
            "port_id": P,
            "order_id": self.last_order_id,
            "quantity_lots": 10,
            "price_ticks": 10_000,
            "time_ns": T,
        }
        return OrderIntent(**(usual | fields))

    def check(self, order: OrderIntent) -> int:
        return self.gate.check(self.kind.intent(order.to_bytes()))

    def passes(self, **fields: Any) -> int:
        """The reserved price."""
        order = self.order(**fields)
        before = self.gate.counters()
        assert self.check(order) == PASS, f"{order} fired {fired(self.gate)}"
        assert self.gate.fired_mask == 0
        if order.action == Action.CANCEL:
            assert self.gate.allowed_lots == 0
        else:
            assert 0 < self.gate.allowed_lots <= order.quantity_lots
        after = self.gate.counters()
        assert after["passed"][order.action] == before["passed"][order.action] + 1
        assert (after["rejected"], after["fired"]) == (before["rejected"], before["fired"])
        return self.gate.reserved_price_ticks

    def refuses(self, *checks: Check, **fields: Any) -> None:
        """Exactly these checks fire, the lowest is the reason, and nothing but the counters moves."""
        digest, before = self.gate.state_digest(), self.gate.counters()
        assert self.check(self.order(**fields)) == min(checks), fired(self.gate)
        assert fired(self.gate) == set(checks)
        assert self.gate.reserved_price_ticks == self.gate.allowed_lots == 0
        assert self.gate.state_digest() == digest, "a refused order left a trace"
        after = self.gate.counters()
        assert after["passed"] == before["passed"]
        for check in Check:
            assert after["rejected"][check] - before["rejected"][check] == (check == min(checks))
            assert after["fired"][check] - before["fired"][check] == (check in checks)

    def replaces(self, **fields: Any) -> dict[str, Any]:
        """The fields of a REPLACE of the desk's usual order."""
        return {"action": Action.REPLACE, "working_lots": 10, "working_price_ticks": 10_000} | fields

    # --- the state ---

    def column(self, table: str, name: str, *keys: int) -> int:
        """Of the row with these keys; 0 when it is empty."""
        rows = {tuple(row[: len(keys)]): row for row in self.gate.export_state()[table]}
        row = rows.get(keys)
        return 0 if row is None else int(row[COLUMNS[table].index(name)])

    def position(self, account_id: int = A, instrument_id: int = X) -> tuple[int, int, int]:
        """position, open buys, open sells"""
        keys = (account_id, instrument_id)
        names = ("position_lots", "open_buy_lots", "open_sell_lots")
        held, buys, sells = (self.column("positions", name, *keys) for name in names)
        return held, buys, sells

    def open_values(self) -> tuple[int, int, int]:
        """Of the firm, the account and the strategy."""
        rows = (("firm", 0), ("accounts", A), ("strategies", S))
        firm, account, strategy = (self.column(table, "open_value_nanos", key) for table, key in rows)
        return firm, account, strategy

    def open_value(self, account_id: int = A) -> int:
        return self.column("accounts", "open_value_nanos", account_id)

    def open_orders(self, account_id: int = A) -> int:
        return self.column("accounts", "open_orders", account_id)

    def working(self) -> dict[int, int]:
        """Leaves of each own working order."""
        return {row[0]: row[5] for row in self.gate.export_state()["orders"]}


class Stories:
    """What each rule means, told to the gate of a subclass's `kind`."""

    kind: ClassVar[GateKind]

    @pytest.fixture
    def desk(self) -> Iterator[Desk]:
        with made(self.kind) as gate:
            yield Desk(self.kind, gate)
