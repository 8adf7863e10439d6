"""What order_tx must do with an order at a given moment: OUCH by the software's port, the rest from here."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field, replace
from enum import IntEnum

from meltica.hot.layout_gen import (
    Action,
    DropCopyRecord,
    FrameTemplateRecord,
    OrderIntentRecord,
    SymbolRecord,
    TcpStateRecord,
)
from meltica.hot.ouch_twin import OuchPort
from sim.rtl.order_tx.frames import Ends, Tcp, compose

ROW_DELAY = 3  # From a row's cycle to the first frame that may begin with it
WORD = 1 << 32
Row = SymbolRecord | FrameTemplateRecord | TcpStateRecord | DropCopyRecord


class Cause(IntEnum):
    """tx_cause_e."""

    NONE = 0
    UNKNOWN_SYMBOL = 2
    UNKNOWN_ORDER = 3
    BAD_QUANTITY = 5
    BAD_PRICE = 6
    BAD_TIF = 7
    DUPLICATE_ORDER = 8
    REPLACE_PENDING = 9
    BAD_ACTION = 10
    BAD_SIDE = 11
    EXHAUSTED = 12
    KILLED = 32
    SESSION_DOWN = 33
    WINDOW = 34
    UNKNOWN_PORT = 35
    OVERFLOW = 36


def text_of(packed: int, size: int) -> str:
    return packed.to_bytes(size, "little").decode("ascii")


@dataclass
class Port:
    """One session: its last template, the numbers that go on, and the software's port with its orders."""

    template: FrameTemplateRecord
    ouch: OuchPort
    up: int
    acknowledgment_number: int
    window: int
    sequence_number: int
    acknowledged: int
    peer_window: int = 0
    identification: int = 0

    @property
    def room(self) -> int:
        in_flight = (self.sequence_number - self.acknowledged) % WORD
        return max(0, self.peer_window - in_flight)

    def ends(self) -> Ends:
        row = self.template
        return Ends(
            row.destination_mac.to_bytes(6, "big"),
            row.source_mac.to_bytes(6, "big"),
            row.source_ip.to_bytes(4, "big"),
            row.destination_ip.to_bytes(4, "big"),
            row.source_port,
            row.destination_port,
            row.vlan,
        )

    def dressed(self, payload: bytes, order: OrderIntentRecord) -> bytes:
        """The two things that the software's port has no setting for: the prefix of the ClOrdID, the cross type."""
        if order.action == Action.CANCEL:
            return payload
        at = 34 if order.action == Action.NEW else 27
        if self.template.client_order_prefix:
            digits = "".join("0123456789ABCDEFGHIJKLMNOPQRSTUV"[order.order_id >> 5 * n & 31] for n in range(5, -1, -1))
            text = self.template.client_order_prefix.to_bytes(8, "little") + digits.encode()
            payload = payload[:at] + text + payload[at + 14 :]
        if order.action == Action.NEW:
            payload = payload[: at - 1] + bytes([self.template.cross_type]) + payload[at:]
        return payload


@dataclass
class Judge:
    ports: int
    orders: int
    instruments: int
    symbols: dict[int, SymbolRecord] = field(default_factory=dict)
    open: dict[int, Port] = field(default_factory=dict)
    places: dict[int, tuple[int, int]] = field(default_factory=dict)
    evicted: int = 0
    kills: list[int] = field(default_factory=list)
    rows: list[tuple[int, Row]] = field(default_factory=list)

    def advance(self, cycle: int) -> None:
        """Rows count for frames that begin in this cycle."""
        while self.rows and self.rows[0][0] + ROW_DELAY <= cycle:
            self._take(self.rows.pop(0)[1])

    def _take(self, row: Row) -> None:
        match row:
            case SymbolRecord():
                self.symbols[row.instrument_id] = row
                for port in self.open.values():
                    port.ouch.set_symbol(row)
            case FrameTemplateRecord():
                self._begin(row)
            case TcpStateRecord() if row.port_id in self.open:
                port = self.open[row.port_id]
                port.up, port.window, port.peer_window = row.up, row.window, row.peer_window
                port.acknowledgment_number, port.acknowledged = row.acknowledgment_number, row.acknowledged
            case _:
                pass  # DropCopy: the port made it, and knows

    def _begin(self, row: FrameTemplateRecord) -> None:
        older = self.open.get(row.port_id)
        ouch = OuchPort(
            firm=text_of(row.firm, 4) if row.firm else "", capacity=chr(row.capacity), display=chr(row.display)
        )
        for symbol in self.symbols.values():
            ouch.set_symbol(symbol)
        if older is not None and 0 < older.ouch.next_user_ref_num <= row.user_ref_num:
            ouch.import_state(older.ouch.export_state())
        ouch.next_user_ref_num = row.user_ref_num
        self.open[row.port_id] = Port(
            row, ouch, row.up, row.acknowledgment_number, row.window, row.sequence_number, row.sequence_number
        )

    def killed_between(self, first: int, last: int) -> bool:
        at = bisect_left(self.kills, first)
        return at < len(self.kills) and self.kills[at] <= last

    def sends(self, order: OrderIntentRecord, passed: int, cycle: int) -> tuple[Cause, bytes]:
        """At the head in this cycle: why it is purged, or its frame. WINDOW of a cancel: it waits."""
        self.advance(cycle)
        risky = order.action != Action.CANCEL
        if risky and self.killed_between(passed, cycle):
            return Cause.KILLED, b""
        port = self.open.get(order.port_id)
        if port is None:
            return Cause.UNKNOWN_PORT, b""
        if not port.up:
            return Cause.SESSION_DOWN, b""
        before = port.ouch.export_state()
        payload = port.ouch.encode_intent(order.to_bytes(), order.quantity_lots)
        if isinstance(payload, int):
            return Cause(-payload), b""
        if len(payload) > port.room:
            port.ouch.import_state(before)
            return Cause.WINDOW, b""
        numbers = Tcp(port.sequence_number, port.acknowledgment_number, port.window, port.identification)
        port.sequence_number = (port.sequence_number + len(payload)) % WORD
        port.identification = (port.identification + 1) % (1 << 16)
        if order.action == Action.NEW:
            self._place(order)
        return Cause.NONE, compose(port.ends(), numbers, port.dressed(payload, order))

    def room_for(self, order: OrderIntentRecord) -> bool:
        port = self.open.get(order.port_id)
        return port is None or not port.up or port.room >= 24

    def _place(self, order: OrderIntentRecord) -> None:
        place, owner = order.order_id % self.orders, (order.port_id, order.order_id)
        older = self.places.get(place)
        self.places[place] = owner
        if older is None or older == owner or older[0] not in self.open:
            return
        ouch = self.open[older[0]].ouch
        state = ouch.export_state()
        kept = [row for row in state["orders"] if row[0] != older[1]]
        self.evicted += len(kept) < len(state["orders"])
        ouch.import_state(state | {"orders": kept})

    def hears(self, port_id: int, packet: bytes) -> DropCopyRecord:
        """The software's port hears the venue; what it makes of it is the card's row."""
        _, record, used, _ = self.open[port_id].ouch.decode_packet(packet)
        assert used == len(packet)
        assert record, packet
        return replace(DropCopyRecord.from_bytes(record), port_id=port_id)
