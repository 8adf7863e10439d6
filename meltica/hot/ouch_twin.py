"""The OUCH 5.0 port of the Python backend: the same bytes and records as cython_ext/ouch.pyx, readable.

Layouts: Nasdaq, "OUCH 5.0 Order Entry Specification" (May 2024) and "SoupBinTCP 3.00" (February 2017).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

from meltica.hot.layout_gen import Action, DropKind, Flag, OrderIntentRecord, OrderType, Side, TimeInForce
from meltica.hot.ouch_orders_twin import OrderRow, OuchTable, Report, record_of
from meltica.hot.ouch_wire_twin import (
    ANY_SHORT,
    CLORDID_AT,
    FLAG_ISO,
    ID_SIZE,
    LEAST_SIZES,
    MAX_SHARES,
    NO_FACTS,
    SEQUENCE_DIGITS,
    Facts,
    OuchRefusal,
    big_endian,
    cl_ord_id,
    code,
    order_id_of,
    side_code,
    terms,
    tif_code,
    unsequenced,
)
from meltica.hot.ports import Intent

_COPIED: Final = ("order_id", "instrument_id", "account_id", "strategy_id", "side", "order_type", "tif", "flags")


class OuchPort(OuchTable):
    """Intents to packets, packets to drop-copy records, and the facts of working orders between them."""

    def __init__(
        self,
        *,
        max_orders: int = 65_536,
        max_instruments: int = 65_536,
        firm: str = "",
        capacity: str = "P",
        display: str = "Y",
        locates_shares: bool = False,
    ) -> None:
        super().__init__(max_orders, max_instruments)
        self._firm = code("firm", firm, 0, 4)
        self._display = code("display", display, 1, 1)
        self._capacity = code("capacity", capacity, 1, 1)
        self._locates_shares = locates_shares
        self.last_user_ref_num = 0

    # To the venue

    def encode_intent(self, intent: Intent | bytes, allowed_lots: int, reserved_price_ticks: int = 0) -> bytes | int:
        data = intent if isinstance(intent, bytes) else intent.to_bytes()
        order = OrderIntentRecord.CODEC.unpack(data)
        row = dict(zip(OrderIntentRecord.DTYPE.names or (), order, strict=True))
        row["flags"] &= 0xFF
        made: bytes | OuchRefusal
        match row["action"]:
            case Action.NEW:
                made = self._enter(row, allowed_lots, reserved_price_ticks)
            case Action.REPLACE:
                made = self._replace(row, allowed_lots, reserved_price_ticks)
            case Action.CANCEL:
                made = self._cancel(row)
            case _:
                made = OuchRefusal.BAD_ACTION
        if isinstance(made, OuchRefusal):
            return int(made)
        self._counts["sent"] += 1
        return made

    def _enter(self, row: Mapping[str, int], lots: int, reserved_price_ticks: int) -> bytes | OuchRefusal:
        symbol = self._symbols.get(row["instrument_id"])
        wire = terms(symbol, row["order_type"], row["price_ticks"], lots)
        if isinstance(wire, OuchRefusal) or symbol is None:
            return wire if isinstance(wire, OuchRefusal) else OuchRefusal.UNKNOWN_SYMBOL
        short = row["flags"] & ANY_SHORT
        if row["side"] not in (Side.BUY, Side.SELL) or (row["side"] == Side.BUY and short):
            return OuchRefusal.BAD_SIDE
        if row["tif"] not in (TimeInForce.DAY, TimeInForce.IOC):
            return OuchRefusal.BAD_TIF
        if row["order_id"] in self._by_id:
            return OuchRefusal.DUPLICATE_ORDER
        if len(self._by_id) >= self.max_orders:
            return OuchRefusal.TABLE_FULL
        if self.next_user_ref_num == 0:
            return OuchRefusal.EXHAUSTED
        elements = b"\x05\x02" + self._firm.ljust(4) if self._firm else b""
        if row["flags"] & Flag.POST_ONLY:
            elements += b"\x02\x0cP"
        if self._locates_shares and short:
            elements += b"\x02\x19Y"
        body = struct.pack(
            ">cIcI8sQ5c14sH",
            b"O",
            self.next_user_ref_num,
            side_code(row["side"], row["flags"]),
            lots * symbol.shares_per_lot,
            symbol.symbol.to_bytes(8, "little"),
            wire,
            tif_code(row["tif"]),
            self._display,
            self._capacity,
            b"Y" if row["flags"] & FLAG_ISO else b"N",
            b"N",
            cl_ord_id(row["order_id"]).encode("ascii"),
            len(elements),
        )
        price = row["price_ticks"] if row["order_type"] == OrderType.LIMIT else 0
        made = OrderRow(
            price_ticks=price,
            quantity_lots=lots,
            leaves_lots=lots,
            held_lots=lots,
            held_price_ticks=reserved_price_ticks or price,
            user_ref_num=self.next_user_ref_num,
            in_use=1,
            **{name: row[name] for name in _COPIED},
        )
        self._by_id[made.order_id] = self._by_ref[made.user_ref_num] = made
        self._use_ref()
        return unsequenced(body + elements)

    def _replace(self, row: Mapping[str, int], lots: int, reserved_price_ticks: int) -> bytes | OuchRefusal:
        order = self._by_id.get(row["order_id"])
        if order is None or order.is_canceling:
            return OuchRefusal.UNKNOWN_ORDER
        if order.pending_user_ref_num:
            return OuchRefusal.REPLACE_PENDING
        symbol = self._symbols[order.instrument_id]
        # OUCH counts the whole chain: what was executed or taken by self-match prevention belongs to the quantity.
        total = lots + order.cum_lots + order.self_match_lots if 0 < lots <= MAX_SHARES else 0
        wire = terms(symbol, row["order_type"], row["price_ticks"], total)
        if isinstance(wire, OuchRefusal):
            return wire
        if self.next_user_ref_num == 0:
            return OuchRefusal.EXHAUSTED
        body = struct.pack(
            ">cIIIQ3c14sH",
            b"U",
            order.user_ref_num,
            self.next_user_ref_num,
            total * symbol.shares_per_lot,
            wire,
            tif_code(order.tif),
            self._display,
            b"Y" if order.flags & FLAG_ISO else b"N",
            cl_ord_id(order.order_id).encode("ascii"),
            0,
        )
        order.pending_user_ref_num = self.next_user_ref_num
        order.pending_price_ticks = row["price_ticks"] if row["order_type"] == OrderType.LIMIT else 0
        order.pending_quantity_lots = total
        order.before_price_ticks = order.held_price_ticks
        order.held_lots = lots
        order.held_price_ticks = reserved_price_ticks or order.pending_price_ticks
        self._by_ref[order.pending_user_ref_num] = order
        self._use_ref()
        return unsequenced(body)

    def _cancel(self, row: Mapping[str, int]) -> bytes | OuchRefusal:
        order = self._by_id.get(row["order_id"])
        if order is None:
            return OuchRefusal.UNKNOWN_ORDER
        order.is_canceling = 1
        self.last_user_ref_num = order.user_ref_num
        numbers = [number for number in (order.user_ref_num, order.pending_user_ref_num) if number]
        return b"".join(unsequenced(struct.pack(">cII", b"X", number, 0)) for number in numbers)

    def _use_ref(self) -> None:
        self.last_user_ref_num = self.next_user_ref_num
        self.next_user_ref_num = (self.next_user_ref_num + 1) & 0xFFFF_FFFF  # 0: there are none left

    def encode_batch(self, records: bytes) -> tuple[bytes, int]:
        size = OrderIntentRecord.SIZE
        if len(records) % size:
            raise ValueError(f"{len(records)} bytes are no whole number of {size}-byte records")
        made = []
        for at in range(0, len(records), size):
            order = records[at : at + size]
            row = dict(zip(OrderIntentRecord.DTYPE.names or (), OrderIntentRecord.CODEC.unpack(order), strict=True))
            made.append(self.encode_intent(order, row["quantity_lots"]))
        packets = [data for data in made if isinstance(data, bytes)]
        return b"".join(packets), len(made) - len(packets)

    # From the venue

    def decode_batch(self, data: bytes) -> tuple[bytes, int]:
        at = 0
        records: list[bytes] = []
        while True:
            _, record, used, _ = self.decode_packet(data[at:])
            if used == 0:
                return b"".join(records), at
            records.append(record)
            at += used

    def decode_packet(self, data: bytes) -> tuple[int, bytes, int, Facts]:
        if len(data) < 2:  # noqa: PLR2004 - the length itself
            return 0, b"", 0, NO_FACTS
        length = int.from_bytes(data[:2], "big")
        if length == 0:
            return int(OuchRefusal.BAD_FRAME), b"", 0, NO_FACTS
        if len(data) < 2 + length:
            return 0, b"", 0, NO_FACTS
        self._facts = NO_FACTS
        record = self._packet(chr(data[2]), bytes(data[3 : 2 + length]))
        name = "decoded" if isinstance(record, bytes) else "ignored" if record is None else "bad_packets"
        self._counts[name] += 1
        if isinstance(record, bytes):
            return 1, record, 2 + length, self._facts
        return int(record or 0), b"", 2 + length, self._facts

    def _packet(self, kind: str, payload: bytes) -> bytes | OuchRefusal | None:
        if kind == "S":
            self.soup_sequence += 1
            return self._sequenced(payload)
        if kind in "H+":
            return None
        if kind == "A" and len(payload) == 30:  # noqa: PLR2004 - session and sequence number
            number = payload[10:].decode("latin-1").strip(" ")
            if not (number.isascii() and number.isdecimal() and len(number) <= SEQUENCE_DIGITS):
                return OuchRefusal.BAD_PACKET
            self.soup_sequence = int(number)
            return record_of(OrderRow(), Report(DropKind.SESSION_UP), 0)
        if (kind, len(payload)) in (("J", 1), ("Z", 0)):
            return record_of(OrderRow(), Report(DropKind.SESSION_DOWN, reason=payload[0] if payload else ord("Z")), 0)
        return OuchRefusal.BAD_PACKET

    def _sequenced(self, body: bytes) -> bytes | OuchRefusal | None:
        kind = chr(body[0]) if body else ""
        if kind not in LEAST_SIZES or len(body) < LEAST_SIZES[kind]:
            return OuchRefusal.BAD_PACKET
        if kind in "SPXGK":
            return None
        if kind == "Q":
            self.advance_user_ref_num(big_endian(body, 9, 4))
            return None
        order = self._by_ref.get(big_endian(body, 9, 4))
        if order is None:
            self._counts["unknown_refs"] += 1
            order = OrderRow()
            if kind in CLORDID_AT:
                at = CLORDID_AT[kind]
                order.order_id = order_id_of(body[at : at + ID_SIZE].decode("latin-1")) or 0
        report = Report(action=Action.NEW)
        if (bad := getattr(self, f"_take_{kind.lower()}")(body, order, report)) is not None:
            return OuchRefusal(bad)
        record = record_of(order, report, big_endian(body, 13 if kind == "U" else 9, 4))
        if order.in_use and order.leaves_lots == 0:
            self._finish(order)
        return record

    def _take_a(self, body: bytes, order: OrderRow, report: Report) -> None:
        lots = self._lots(order, big_endian(body, 14, 4))
        dead = body[47:48] == b"D"  # accepted and cancelled at once: nothing else will be said of it
        report.kind = DropKind.CANCELED if dead else DropKind.ACCEPTED
        if not order.in_use:
            order.leaves_lots = order.quantity_lots = lots
            order.side = Side.BUY if body[13:14] == b"B" else Side.SELL
        self._take_terms(order, body, 26, 36)
        order.accepted = 1
        self._hold(order, 0, 0 if dead else lots)

    def _take_u(self, body: bytes, order: OrderRow, report: Report) -> OuchRefusal | None:
        lots, number = self._lots(order, big_endian(body, 18, 4)), big_endian(body, 13, 4)
        if order.in_use and (number == 0 or order.pending_user_ref_num != number):
            if number == 0 or number in self._by_ref:
                return OuchRefusal.BAD_PACKET  # the number of another order: believing it would mix the two up
            self._counts["surprises"] += 1
            if self.next_user_ref_num and number >= self.next_user_ref_num:
                self.next_user_ref_num = (number + 1) & 0xFFFF_FFFF  # Ours no more, or two orders would have it
        dead = body[51:52] == b"D"
        report.kind, report.action = DropKind.CANCELED if dead else DropKind.REPLACED, Action.REPLACE
        if not order.in_use:
            order.side = Side.BUY if body[17:18] == b"B" else Side.SELL
        else:
            self._by_ref.pop(order.user_ref_num, None)
            self._by_ref.setdefault(number, order)
            if order.pending_user_ref_num not in (0, number):
                self._by_ref.pop(order.pending_user_ref_num, None)
        order.user_ref_num, order.pending_user_ref_num = number, 0
        order.quantity_lots = lots + order.cum_lots + order.self_match_lots
        self._take_terms(order, body, 30, 40)
        self._hold(order, 0, 0 if dead else lots)
        return None

    def _take_terms(self, order: OrderRow, body: bytes, price_at: int, reference_at: int) -> None:
        if order.order_type != OrderType.MARKET:
            order.price_ticks = self._ticks(order, big_endian(body, price_at, 8))
        order.venue_order_id = big_endian(body, reference_at, 8)

    def _take_j(self, body: bytes, order: OrderRow, report: Report) -> None:
        report.reason = min(big_endian(body, 13, 2), 255)
        if not (order.in_use and order.pending_user_ref_num == big_endian(body, 9, 4)):
            report.kind = DropKind.REJECTED
            self._hold(order, 0, 0)
            return
        # The order lives on as it was; what the gate holds for the replacement goes back to what it was.
        report.kind, report.action = DropKind.CANCEL_REJECTED, Action.REPLACE
        del self._by_ref[order.pending_user_ref_num]
        order.pending_user_ref_num = 0
        self._facts = (
            0, order.held_lots, order.held_price_ticks, order.leaves_lots, order.before_price_ticks,
            order.instrument_id, order.account_id, order.side, 0, 0,
        )  # fmt: skip
        order.held_lots, order.held_price_ticks = order.leaves_lots, order.before_price_ticks

    def _take_e(self, body: bytes, order: OrderRow, report: Report) -> None:
        lots = self._lots(order, big_endian(body, 13, 4))
        report.kind, report.reason, report.last_lots = DropKind.EXECUTED, body[25], lots
        report.last_price_ticks = self._ticks(order, big_endian(body, 17, 8))
        report.execution_id = big_endian(body, 26, 8)
        order.cum_lots += lots
        self._hold(order, lots, order.leaves_lots - lots)

    def _take_c(self, body: bytes, order: OrderRow, report: Report) -> None:
        lots = self._lots(order, big_endian(body, 13, 4))
        report.kind, report.action = DropKind.CANCELED, Action.CANCEL
        report.reason, report.last_lots = body[17], lots
        self._hold(order, 0, order.leaves_lots - lots)

    def _take_d(self, body: bytes, order: OrderRow, report: Report) -> None:
        self._take_c(body, order, report)
        order.self_match_lots += report.last_lots
        report.kind = DropKind.SELF_MATCH_CANCEL
        report.last_price_ticks = self._ticks(order, big_endian(body, 22, 8))

    def _take_b(self, body: bytes, _order: OrderRow, report: Report) -> None:
        report.kind, report.reason, report.execution_id = DropKind.BROKEN, body[21], big_endian(body, 13, 8)

    def _take_f(self, body: bytes, order: OrderRow, report: Report) -> None:
        report.reason, report.execution_id = body[34], big_endian(body, 26, 8)
        report.last_lots = self._lots(order, big_endian(body, 13, 4))
        report.last_price_ticks = self._ticks(order, big_endian(body, 17, 8))

    def _take_i(self, _body: bytes, order: OrderRow, report: Report) -> None:
        report.kind, report.action = DropKind.CANCEL_REJECTED, Action.CANCEL
        order.is_canceling = 0

    def _take_t(self, body: bytes, order: OrderRow, report: Report) -> None:
        report.reason = body[0]
        order.price_ticks = self._ticks(order, big_endian(body, 13, 8))
        order.venue_order_id = big_endian(body, 22, 8)

    def _take_m(self, body: bytes, order: OrderRow, report: Report) -> None:
        report.reason = body[0]
        self._hold(order, 0, self._lots(order, big_endian(body, 14, 4)))

    def _take_r(self, body: bytes, _order: OrderRow, report: Report) -> None:
        report.reason = body[13]
