"""The card's risk gate in RTL as a gate of meltica.hot.ports.RiskGate, for the judges of the software gates.

Orders take the trigger's path or the host's, records the staging row's; the state is read through the query port.
What a card cannot do is not here: it takes no state over, and it counts no orders (reject_counters does).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from meltica.hot import PASS, Action, Check, KillScope
from meltica.hot import layout_gen as lay
from meltica.hot.bounds import Bounds, card_bounds
from meltica.hot.layout_gen import REASON_PASS, Breaker, OrderIntentRecord, Record, Status, VerdictRecord
from meltica.hot.ports import GateState, Intent, Masks, Reasons
from meltica.hot.state import COLUMNS, digest
from sim.verilated.builder import build
from sim.verilated.rtl_gate_rows import FAULTS, KILLED, PATIENCE, RowReader

MORE_TABLES: Final = {
    "scopes": {KillScope.ACCOUNT: "accounts", KillScope.STRATEGY: "strategies", KillScope.PORT: "ports"}
    | {KillScope.INSTRUMENT: "instruments"},
}
CHECK_NUMBERS: Final = 64
MAX_WORKING_ORDERS: Final = 64
ROW_BYTES: Final = 128
# From the cycle in which an operation enters the gate's pipeline to the one in which its outcome is seen.
VERDICT_LAG: Final = 3
ANSWER_LAG: Final = 5
Table = npt.NDArray[np.void]


@dataclass(frozen=True)
class Played:
    """What became of orders and told rows, in the order in which the gate took them."""

    verdicts: Table  # Verdict records
    orders: Table  # as judged
    crossing: npt.NDArray[np.uint64]  # own orders to cancel, as slots
    verdict_cycle: npt.NDArray[np.uint64]
    statuses: npt.NDArray[np.uint8]  # of each told row
    answer_cycle: npt.NDArray[np.uint64]
    cycles: int


@cache
def gate_module(  # noqa: PLR0917 - the sizes, in the order of RtlGate.sizes
    instruments: int,
    accounts: int,
    strategies: int,
    ports: int,
    working_orders: int,
    duplicate_depth: int,
    tolerance_ns: int,
    *,
    fast: bool = True,
    trace: bool = False,
) -> ModuleType:
    parameters = {
        "Instruments": instruments,
        "Accounts": accounts,
        "Strategies": strategies,
        "Ports": ports,
        "WorkingOrders": working_orders,
        "DuplicateDepth": duplicate_depth,
        "FutureToleranceNs": tolerance_ns,
    }
    return build("risk_gate", parameters=parameters, fast=fast, trace=trace)


class RtlGate(RowReader):
    """See meltica.hot.ports.RiskGate. Bounds are those of the card; their unit of value is the one of this gate."""

    def __init__(  # noqa: PLR0917 - as every gate
        self,
        max_instruments: int = 1024,
        max_accounts: int = 16,
        duplicate_depth: int = 16,
        reference_future_tolerance_ns: int = 1_000_000,
        max_strategies: int = 256,
        max_working_orders: int = MAX_WORKING_ORDERS,
        leased: bool = False,
        bounds: Bounds | None = None,
        *,
        fast: bool = True,
        trace: str = "",
        module: ModuleType | None = None,
        **ports: int,
    ) -> None:
        """`module`: another build of risk_gate, with these sizes; `ports`: its further inputs."""
        bounds = bounds or card_bounds(1)
        if bounds != card_bounds(bounds.value_per_tick_lot_nanos, bounds.ports):
            raise ValueError("a card has the bounds of card_bounds()")
        self.sizes = (max_instruments, max_accounts, max_strategies, bounds.ports, max_working_orders, duplicate_depth)
        self.bounds, self.leased, self.duplicate_depth = bounds, leased, duplicate_depth
        self.max_instruments, self.max_accounts, self.max_strategies = max_instruments, max_accounts, max_strategies
        self.max_working_orders = max_working_orders
        self.module = module or gate_module(*self.sizes, reference_future_tolerance_ns, fast=fast, trace=bool(trace))
        self.model = self.module.Model(trace=trace)
        for name, value in ports.items():
            self.model.set(name, value)
        self.model.unit_nanos_i, self.model.leased_i = bounds.value_per_tick_lot_nanos, int(leased)
        while not self.model.init_done_o:
            self.model.step()
        self.fired_mask = self.reserved_price_ticks = self.allowed_lots = 0
        self._crossing = 0
        self._passed = [0] * (max(Action) + 1)
        self._rejected, self._fired = [0] * CHECK_NUMBERS, [0] * CHECK_NUMBERS
        self._named: dict[str, set[int]] = {table: {0} for table in COLUMNS}

    # --- orders ---

    def check(self, intent: Intent, /) -> int:
        verdict = self._judge(intent.to_bytes())
        self.reserved_price_ticks = int(verdict["reserved_price_ticks"][-1])
        return PASS if verdict["reason"][-1] == REASON_PASS else int(verdict["reason"][-1])

    def check_batch(self, records: bytes | npt.NDArray[np.void], /) -> tuple[Reasons, Masks]:
        data = bytes(records) if isinstance(records, bytes | bytearray | memoryview) else records.tobytes()
        if len(data) % OrderIntentRecord.SIZE:
            raise ValueError(f"{len(data)} bytes are not a whole number of {OrderIntentRecord.SIZE}-byte records")
        verdicts = self._judge(data)
        reasons = verdicts["reason"].astype(np.int16)
        return np.where(reasons == REASON_PASS, PASS, reasons).astype(np.int8), verdicts["fired_mask"].astype(np.uint64)

    def _judge(self, data: bytes) -> Table:
        """In consecutive cycles."""
        orders = np.frombuffer(data, OrderIntentRecord.DTYPE)
        played = self.play(orders, np.zeros((0, ROW_BYTES), np.uint8))
        self.count(played)
        if len(orders):
            last, passed = played.orders[-1], played.verdicts["reason"][-1] == REASON_PASS
            self.fired_mask = int(played.verdicts["fired_mask"][-1])
            self.reserved_price_ticks = int(played.verdicts["reserved_price_ticks"][-1])
            self.allowed_lots = int(last["quantity_lots"]) if passed and last["action"] != Action.CANCEL else 0
            self._crossing = int(played.crossing[-1])
        return played.verdicts

    def self_matches(self) -> list[tuple[int, int]]:
        slots = [slot for slot in range(self.max_working_orders) if self._crossing >> slot & 1]
        found = self._cells("orders", [(slot, column) for slot in slots for column in (0, 3, 4)])
        rows = [found[at : at + 3] for at in range(0, len(found), 3)]
        rows.sort(key=lambda row: (-row[2] if row[1] == lay.Side.BUY else row[2], row[0]))
        return [(row[0], 0) for row in rows]

    def count(self, played: Played) -> None:
        """What the card's reject_counters count."""
        passed = played.verdicts["reason"] == REASON_PASS
        for action in played.orders["action"][passed]:
            self._passed[action] += 1
        for reason, times in zip(*np.unique(played.verdicts["reason"][~passed], return_counts=True), strict=True):
            self._rejected[int(reason)] += int(times)
        for number in range(max(Check) + 1):
            self._fired[number] += int((played.verdicts["fired_mask"] >> np.uint64(number) & np.uint64(1)).sum())
        for table, name in (("instruments", "instrument_id"), ("accounts", "account_id"), ("ports", "port_id")):
            self._named[table].update(np.unique(played.orders[name]).tolist())
        self._named["strategies"].update(np.unique(played.orders["strategy_id"]).tolist())

    # --- in bulk ---

    def play(
        self,
        orders: Table,
        told: npt.NDArray[np.uint8],
        *,
        orders_before: npt.NDArray[np.uint64] | None = None,
        told_before: npt.NDArray[np.uint64] | None = None,
        orders_from: npt.NDArray[np.uint64] | None = None,
        told_from: npt.NDArray[np.uint64] | None = None,
        by_host: npt.NDArray[np.bool_] | None = None,
    ) -> Played:
        """Orders and told rows (of 128 bytes) as fast as they may go.

        told_before[n]    answers that must be there before order n goes; orders_before[n]: verdicts before told row n
        orders_from[n]    cycle before which order n does not go; told_from[n]: the same of a told row
        by_host           which orders take the host's way (each way keeps its own order), else the trigger's
        """
        model, module = self.model, self.module
        verdicts = np.zeros(len(orders), model.dtype("verdict_o", "verdict_order_o", "crossing_o"))
        verdict_cycle, answer_cycle = np.zeros(len(orders), np.uint64), np.zeros(len(told), np.uint64)
        answers = np.zeros(len(told), model.dtype("answer_o"))
        judged = module.Sink(verdicts, valid="verdict_valid_o", came=verdict_cycle)
        answered = module.Sink(answers, valid="answer_valid_o", came=answer_cycle)
        rows = np.zeros(len(told), model.dtype("told_row_i"))
        rows["told_row_i"] = np.ascontiguousarray(told).view("<u4").reshape(len(told), ROW_BYTES // 4)
        waits = {} if orders_before is None else {"needs": orders_before, "after": judged}
        sources = [
            module.Source(rows, valid="told_valid_i", ready="told_ready_o", not_before=told_from, **waits),
            *self._order_sources(orders, answered, told_before, orders_from, by_host),
        ]
        most = PATIENCE + 4 * len(orders) + PATIENCE * len(told)
        latest = [int(times.max()) for times in (orders_from, told_from) if times is not None and len(times)]
        cycles = model.play(sources, [judged, answered], cycles=most + max(latest, default=0))
        if judged.done != len(orders) or answered.done != len(told):
            came = f"{judged.done} of {len(orders)} verdicts, {answered.done} of {len(told)} answers"
            raise RuntimeError(f"{came} after {cycles} cycles")
        return Played(
            np.ascontiguousarray(verdicts["verdict_o"]).view(VerdictRecord.DTYPE).reshape(-1),
            np.ascontiguousarray(verdicts["verdict_order_o"]).view(OrderIntentRecord.DTYPE).reshape(-1),
            verdicts["crossing_o"].astype(np.uint64),
            verdict_cycle,
            np.ascontiguousarray(answers["answer_o"]).view(lay.AnswerRecord.DTYPE).reshape(-1)["status"].copy(),
            answer_cycle,
            cycles,
        )

    def _order_sources(
        self,
        orders: Table,
        answered: Any,
        told_before: npt.NDArray[np.uint64] | None,
        orders_from: npt.NDArray[np.uint64] | None,
        by_host: npt.NDArray[np.bool_] | None,
    ) -> Iterable[Any]:
        host = np.zeros(len(orders), np.bool_) if by_host is None else by_host
        for chosen, order_port in ((~host, "trig_order_i"), (host, "host_order_i")):
            if not chosen.any():
                continue
            some = orders[chosen]
            triggers = order_port == "trig_order_i"
            rows = np.zeros(len(some), self.model.dtype(order_port, *(["trig_key_i"] if triggers else [])))
            rows[order_port] = np.frombuffer(some.tobytes(), "<u4").reshape(len(some), -1)
            way: dict[str, Any] = {"valid": "host_valid_i", "ready": "host_ready_o"}
            if triggers:
                rows["trig_key_i"] = keys_of(some)
                way = {"valid": "trig_valid_i", "lead_valid": "trig_key_valid_i", "lead": ["trig_key_i"]}
            if told_before is not None:
                way |= {"needs": np.ascontiguousarray(told_before[chosen]), "after": answered}
            if orders_from is not None:
                way["not_before"] = np.ascontiguousarray(orders_from[chosen])
            yield self.module.Source(rows, **way)

    # --- records ---

    def tell(self, record: Record, /) -> None:
        try:
            data = record.to_bytes()
        except struct.error as error:
            raise ValueError(f"{type(record).__name__}: {error}") from None
        self._name_rows(data)
        row = np.zeros((1, ROW_BYTES), np.uint8)
        row[0, : len(data)] = np.frombuffer(data, np.uint8)
        status = self.play(np.zeros(0, OrderIntentRecord.DTYPE), row).statuses[0]
        if status != Status.OK:
            raise ValueError(f"{record}: the gate answers {Status(status).name}")

    def _name_rows(self, data: bytes) -> None:
        for table in ("instruments", "accounts", "strategies", "ports"):
            self._named[table].update(ids_of(data, table))

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
        return bool(self.query(0, [(0, KILLED)])[0])

    def switch_engaged(self, scope: int, id: int) -> bool:  # noqa: A002 - the record's name for it
        if not KillScope.GLOBAL <= scope <= max(KillScope):
            raise ValueError(f"scope {scope} is not within 1..{max(KillScope)}")
        rows = dict(
            zip(KillScope, (1, *(self._rows_of(table) for table in MORE_TABLES["scopes"].values())), strict=True)
        )
        if not 0 <= id < rows[KillScope(scope)]:
            raise ValueError(f"id {id} is not within 0..{rows[KillScope(scope)] - 1}")
        if scope == KillScope.GLOBAL:
            return self.killed
        table = MORE_TABLES["scopes"][KillScope(scope)]
        return bool(self._cells(table, [(id, COLUMNS[table].index("killed"))])[0])

    def breakers(self, account_id: int) -> list[str]:
        if not 0 <= account_id < self.max_accounts:
            raise ValueError(f"account_id {account_id} is not within 0..{self.max_accounts - 1}")
        latched = self._cells("accounts", [(account_id, COLUMNS["accounts"].index("latched"))])[0]
        return [breaker.name for breaker in list(Breaker)[:3] if latched >> breaker & 1]

    def counters(self) -> dict[str, Any]:
        faults = self.query(0, [(0, FAULTS)])[0]
        return {
            "passed": list(self._passed),
            "rejected": list(self._rejected),
            "fired": list(self._fired),
            "faults": faults,
        }

    def state_digest(self) -> str:
        return digest(self.export_state())

    def export_state(self) -> GateState:
        return self.exported() | {"counters": self.counters()}

    def import_state(self, state: Mapping[str, Any], /) -> None:  # noqa: ARG002 - as every gate
        raise ValueError("a card takes no state over: it is told what works, and starts with full buckets")


def keys_of(orders: Table) -> npt.NDArray[np.uint32]:
    """order_key_t: instrument, account, strategy, port, the port lowest."""
    instrument, account = orders["instrument_id"].astype(np.uint32), orders["account_id"].astype(np.uint32)
    strategy, port = orders["strategy_id"].astype(np.uint32), orders["port_id"].astype(np.uint32)
    return np.stack([account << 24 | strategy << 8 | port, instrument << 8 | account >> 8, instrument >> 24], axis=1)


def ids_of(data: bytes, table: str) -> list[int]:
    """Rows of a table that a told record may name, wherever its fields are."""
    size, part = len(data), {"instruments": (4, 8), "accounts": (2, 4), "strategies": (2, 4), "ports": (2, 3)}[table]
    places = [part, (4, 8), (10, 12)] if table != "ports" else [part, (4, 8)]
    return [int.from_bytes(data[low:high], "little") for low, high in places if high <= size]
