"""The table of working orders of the OUCH port's twin: symbols, rows, and what a change means for the gate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from meltica.hot.layout_gen import DropCopyRecord, DropKind, SymbolRecord
from meltica.hot.ouch_wire_twin import COUNTERS, MAX_PRICE, MAX_SHARES, NO_FACTS, Facts


@dataclass(slots=True)
class OrderRow:
    """The row of one working order; cython_ext/ouch.pxd says what the fields mean."""

    order_id: int = 0
    price_ticks: int = 0
    quantity_lots: int = 0
    leaves_lots: int = 0
    cum_lots: int = 0
    self_match_lots: int = 0
    held_lots: int = 0
    held_price_ticks: int = 0
    pending_price_ticks: int = 0
    pending_quantity_lots: int = 0
    before_price_ticks: int = 0
    venue_order_id: int = 0
    user_ref_num: int = 0
    pending_user_ref_num: int = 0
    instrument_id: int = 0
    account_id: int = 0
    strategy_id: int = 0
    side: int = 0
    order_type: int = 0
    tif: int = 0
    flags: int = 0
    accepted: int = 0
    is_canceling: int = 0
    in_use: int = 0


ORDER_FIELDS: Final = tuple(field.name for field in fields(OrderRow))


@dataclass(slots=True)
class Report:
    """What becomes a drop-copy record."""

    kind: DropKind = DropKind.RESTATED
    action: int = 0
    reason: int = 0
    last_lots: int = 0
    last_price_ticks: int = 0
    execution_id: int = 0


class OuchTable:
    """At most ``max_orders`` working orders, by their id and by their user reference numbers."""

    def __init__(self, max_orders: int, max_instruments: int) -> None:
        if not 1 <= max_orders <= 1 << 24:
            raise ValueError(f"max_orders {max_orders} is not 1..{1 << 24}")
        if not 1 <= max_instruments <= 1 << 16:
            raise ValueError(f"max_instruments {max_instruments} is not 1..65536")
        self.max_orders = max_orders
        self.max_instruments = max_instruments
        self.next_user_ref_num = self.soup_sequence = 1
        self._symbols: dict[int, SymbolRecord] = {}
        self._by_id: dict[int, OrderRow] = {}
        self._by_ref: dict[int, OrderRow] = {}
        self._counts = dict.fromkeys(COUNTERS, 0)
        self._facts: Facts = NO_FACTS

    @property
    def live_orders(self) -> int:
        return len(self._by_id)

    def set_symbol(self, record: SymbolRecord | bytes, /) -> None:
        data = record if isinstance(record, bytes) else record.to_bytes()
        row = SymbolRecord.from_bytes(data)
        name = data[8:16]
        if row.instrument_id >= self.max_instruments:
            raise ValueError(f"instrument_id {row.instrument_id} is not 0..{self.max_instruments - 1}")
        if not 1 <= row.wire_price_per_tick <= MAX_PRICE:
            raise ValueError(f"wire_price_per_tick {row.wire_price_per_tick} is not 1..{MAX_PRICE}")
        if not 1 <= row.shares_per_lot <= MAX_SHARES:
            raise ValueError(f"shares_per_lot {row.shares_per_lot} is not 1..{MAX_SHARES}")
        if not (name.strip(b" ") and name.isascii() and name.decode("ascii").isprintable()):
            raise ValueError(f"symbol {name!r} is not eight printable characters")
        old = self._symbols.get(row.instrument_id)
        units = (row.wire_price_per_tick, row.shares_per_lot)
        change = old is not None and (old.wire_price_per_tick, old.shares_per_lot) != units
        if change and any(order.instrument_id == row.instrument_id for order in self._by_id.values()):
            raise ValueError(f"instrument_id {row.instrument_id} has working orders: its units can't change")
        self._symbols[row.instrument_id] = row

    def _hold(self, order: OrderRow, fill_lots: int, leaves_lots: int) -> None:
        """The order's leaves change: by a fill, or by what will not trade any more; the facts say it to the gate."""
        if leaves_lots < 0:
            self._counts["overfills"] += 1
            leaves_lots = 0
        order.leaves_lots = leaves_lots
        if not order.in_use:
            return
        held = max(0, order.held_lots - fill_lots)
        release = held if leaves_lots == 0 else 0
        if leaves_lots and not order.pending_user_ref_num:
            release = max(0, held - leaves_lots)
        order.held_lots = held - release
        over = leaves_lots == 0
        self._facts = (
            fill_lots, release, order.held_price_ticks, 0, 0, order.instrument_id, order.account_id, order.side,
            int(over and release == 0), int(over and release > 0),
        )  # fmt: skip

    def _finish(self, order: OrderRow) -> None:
        for number in (order.user_ref_num, order.pending_user_ref_num):
            self._by_ref.pop(number, None)
        del self._by_id[order.order_id]
        order.in_use = 0

    def _ticks(self, order: OrderRow, wire: int) -> int:
        unit = self._symbols[order.instrument_id].wire_price_per_tick if order.in_use else 1
        self._counts["inexact_prices"] += wire % unit != 0
        return (wire & (1 << 63) - 1) if unit == 1 else wire // unit

    def _lots(self, order: OrderRow, shares: int) -> int:
        unit = self._symbols[order.instrument_id].shares_per_lot if order.in_use else 1
        self._counts["odd_shares"] += shares % unit != 0
        return shares // unit

    # State

    def advance_user_ref_num(self, next_user_ref_num: int) -> None:
        if self.next_user_ref_num and next_user_ref_num > self.next_user_ref_num:
            self.next_user_ref_num = next_user_ref_num

    def forget_orders(self) -> None:
        self._by_id.clear()
        self._by_ref.clear()
        self.next_user_ref_num = self.soup_sequence = 1

    def counters(self) -> dict[str, int]:
        return dict(self._counts)

    def export_state(self) -> dict[str, Any]:
        orders = sorted(list(asdict(order).values()) for order in self._by_id.values())
        return {"next_user_ref_num": self.next_user_ref_num, "soup_sequence": self.soup_sequence, "orders": orders}

    def import_state(self, state: Mapping[str, Any], /) -> None:
        rows = [OrderRow(**dict(zip(ORDER_FIELDS, row, strict=True))) for row in state["orders"]]
        refs = [number for row in rows for number in (row.user_ref_num, row.pending_user_ref_num) if number]
        if len(rows) > self.max_orders or len({row.order_id for row in rows}) < len(rows) or len(set(refs)) < len(refs):
            raise ValueError(f"{len(rows)} orders: at most {self.max_orders}, each order id and number once")
        for row in rows:
            if row.instrument_id not in self._symbols:
                raise ValueError(f"instrument_id {row.instrument_id} of order {row.order_id} has no symbol")
            if not row.user_ref_num or row.leaves_lots < 1:
                raise ValueError(f"order {row.order_id} does not work")
        next_ref, sequence = state["next_user_ref_num"], state["soup_sequence"]
        if not (0 <= next_ref < 1 << 32 and 0 <= sequence < 1 << 64):
            raise OverflowError(f"next_user_ref_num {next_ref} or soup_sequence {sequence} does not fit its field")
        self.forget_orders()
        self.next_user_ref_num, self.soup_sequence = next_ref, sequence
        for row in rows:
            row.in_use = 1
            self._by_id[row.order_id] = row
            for number in (row.user_ref_num, row.pending_user_ref_num):
                if number:
                    self._by_ref[number] = row


def record_of(order: OrderRow, report: Report, user_ref_num: int) -> bytes:
    return DropCopyRecord(
        kind=report.kind,
        side=order.side,
        action=report.action,
        reason=report.reason,
        order_type=order.order_type,
        tif=order.tif,
        instrument_id=order.instrument_id,
        account_id=order.account_id,
        strategy_id=order.strategy_id,
        sequence_number=0,
        time_ns=0,
        order_id=order.order_id,
        price_ticks=order.price_ticks,
        quantity_lots=order.quantity_lots,
        leaves_lots=order.leaves_lots,
        last_lots=report.last_lots,
        last_price_ticks=report.last_price_ticks,
        execution_id=report.execution_id,
        venue_order_id=order.venue_order_id,
        fired_mask=0,
        user_ref_num=user_ref_num,
        port_id=0,
        flags=order.flags,
    ).to_bytes()
