"""A gateway's desk and gates' desks on one virtual clock; the wires between them can be cut, slowed and garbled."""

from __future__ import annotations

from collections.abc import Callable

from meltica.hot.layout_gen import AdjustRecord, DropCopyRecord, DropKind, LeaseRecord, ReferencePriceRecord
from meltica.links.control_link_arming import Arming
from meltica.links.control_link_desk import ControlDesk, Published, Routed
from meltica.links.control_link_messages import DROP_BYTES
from meltica.links.control_link_session import Changed, Dropped, Joined, Notice, Refused, Reported, Seat, Standing
from meltica.links.hot_link_desk import HotDesk

MS = 1_000_000
LEASE_NS = 250 * MS
BEAT_NS = LEASE_NS // 5
BEGIN_NS = 1_000_000 * MS
KEYS = {name: (name * 40)[:40].encode() for name in "abc"}


def price(instrument: int, ticks: int) -> bytes:
    return ReferencePriceRecord(instrument_id=instrument, price_ticks=ticks, time_ns=1).to_bytes()


def adjust(lots: int) -> bytes:
    return AdjustRecord(account_id=0, instrument_id=0, delta_lots=lots).to_bytes()


def drop(sequence: int) -> bytes:
    fields = dict.fromkeys(DropCopyRecord.__slots__, 0)
    fields |= {
        "type_id": DropCopyRecord.TYPE_ID,
        "kind": DropKind.SENT,
        "sequence_number": sequence,
        "order_id": sequence,
    }
    return DropCopyRecord(**fields).to_bytes()


class Store:
    """Drop copies in memory; ``forget`` lets go of old ones, as a ring does."""

    def __init__(self) -> None:
        self._first, self._records = 1, []

    def first(self) -> int:
        return self._first

    def next(self) -> int:
        return self._first + len(self._records)

    def read(self, first_sequence: int, count: int) -> bytes:
        at = first_sequence - self._first
        return b"" if at < 0 else b"".join(self._records[at : at + count])

    def write(self, count: int) -> tuple[int, bytes]:
        first = self.next()
        self._records += [drop(first + n) for n in range(count)]
        return first, b"".join(self._records[-count:])

    def forget(self, before: int) -> None:
        del self._records[: before - self._first]
        self._first = before


class HotSide:
    """A gate: its desk, its store, what it was told, and a wire each way."""

    def __init__(self, name: str, epoch: int, store: Store | None = None) -> None:
        self.name = name
        self.store = store or Store()
        self.desk = HotDesk(name, gate_epoch=epoch, drops=self.store, pid=7)
        self.key = KEYS[name].decode()
        self.told: list[bytes] = []
        self.leases: list[int] = []
        self.stopped = False
        self.deaf = self.mute = self.unsubscribed = False
        """Nothing of the gateway's answers, nothing to it, nothing of the stream gets through."""

    def passes(self, now_ns: int) -> bool:
        """Would an order of this moment pass the lease?"""
        return not now_ns > self.desk.lease_until_ns


class World:
    def __init__(self, *gates: str, arming: Arming | None = None, lease_ns: int = LEASE_NS) -> None:
        self.now_ns = BEGIN_NS
        self.arming, self.lease_ns = arming, lease_ns
        self.stream_epoch = 0
        self.gateway_stopped = False
        self.kept: dict[str, bytes] = dict.fromkeys(gates, b"")
        """What the gateway has of each gate's drop copies, in the order in which they came."""
        self.epochs = dict.fromkeys(gates, 0)
        self.notices: list[Notice] = []
        self.keeps = self.admits = True
        """Drop copies become durable at once; gates are admitted at once."""
        self.base: list[bytes] = []
        self.touched: Callable[[bytes], list[bytes]] = lambda message: [message]
        """What becomes of a published message: none, one or several."""
        self.desk = self.new_desk()
        self.gates = {name: HotSide(name, 1) for name in gates}

    def new_desk(self, down_since_ns: int | None = None, origin: int = 0) -> ControlDesk:
        self.stream_epoch += 1
        seats = [
            Seat(name, KEYS[name], self.epochs[name], 1 + len(self.kept[name]) // DROP_BYTES) for name in self.epochs
        ]
        return ControlDesk(
            seats,
            stream_epoch=self.stream_epoch,
            now_ns=self.now_ns,
            lease_ns=self.lease_ns,
            arming=self.arming,
            down_since_ns=down_since_ns,
            origin=origin,
        )

    def restart_gateway(self, down_ns: int = 0, origin: int = 0) -> None:
        """A new desk with what the journal knows; the gates see nothing but silence meanwhile."""
        since = self.now_ns
        self.gateway_stopped = True
        self.run(down_ns)
        self.gateway_stopped = False
        self.desk = self.new_desk(since, origin)

    def run(self, duration_ns: int, step_ns: int = MS) -> None:
        end_ns = self.now_ns + duration_ns
        while self.now_ns < end_ns:
            self.now_ns += step_ns
            self.turn()

    def until(self, condition: Callable[[], bool], within_ns: int = 5_000 * MS) -> int:
        """How long it took."""
        begin = self.now_ns
        while not condition():
            assert self.now_ns - begin < within_ns, "it did not happen in time"
            self.run(MS)
        return self.now_ns - begin

    def turn(self) -> None:
        for gate in self.gates.values():
            if not gate.stopped:
                gate.desk.due(self.now_ns)
                self.move_up(gate)
        if not self.gateway_stopped:
            self.desk.pulse(self.now_ns)
            self.desk.due(self.now_ns)
            self.settle()
        for gate in self.gates.values():
            self.hand_out(gate)

    def move_up(self, gate: HotSide) -> None:
        while gate.desk.outgoing:
            message = gate.desk.outgoing.popleft()
            if not self.gateway_stopped and not gate.mute:
                self.desk.receive(gate.name.encode(), gate.key, message, self.now_ns)

    def settle(self) -> None:
        while self.desk.notices or self.desk.outbox:
            while self.desk.outbox:
                self.deliver(self.desk.outbox.popleft())
            while self.desk.notices:
                self.take(self.desk.notices.popleft())

    def take(self, notice: Notice) -> None:
        self.notices.append(notice)
        if isinstance(notice, Dropped) and self.keeps:
            self.kept[notice.gate] += notice.records
            self.desk.keep(notice.gate, notice.first + len(notice.records) // DROP_BYTES)
        if isinstance(notice, Joined) and self.admits:
            self.epochs[notice.gate] = notice.gate_epoch
            self.desk.admit(notice.gate, notice.gate_epoch, self.base)

    def deliver(self, message: Routed | Published) -> None:
        for gate in self.gates.values():
            if isinstance(message, Published):
                through = message.topic == f"gate/{gate.name}/".encode() and not gate.unsubscribed
                messages = self.touched(message.message) if through else []
            else:
                messages = [message.message] if message.peer == gate.name.encode() and not gate.deaf else []
            for part in messages:
                if not gate.stopped:
                    gate.desk.receive(part, self.now_ns)
            self.move_up(gate)

    @staticmethod
    def hand_out(gate: HotSide) -> None:
        while not gate.stopped and gate.desk.records:
            record = gate.desk.records.popleft()
            if int.from_bytes(record[:2], "little") == LeaseRecord.TYPE_ID:
                gate.leases.append(LeaseRecord.from_bytes(record).until_ns)
            else:
                gate.told.append(record)

    # What tests ask

    def standing(self, gate: str = "a") -> Standing:
        return next(status.standing for status in self.desk.status() if status.gate == gate)

    def armed(self, gate: str = "a") -> bool:
        return self.standing(gate) is Standing.ARMED and self.gates[gate].passes(self.now_ns)

    def copies(self, gate: str = "a") -> list[int]:
        data = self.kept[gate]
        parts = [data[at : at + DROP_BYTES] for at in range(0, len(data), DROP_BYTES)]
        return [DropCopyRecord.from_bytes(part).sequence_number for part in parts]

    def changes(self, gate: str = "a") -> list[Standing]:
        return [n.standing for n in self.notices if isinstance(n, Changed) and n.gate == gate]

    def reports(self) -> list[Reported]:
        return [n for n in self.notices if isinstance(n, Reported)]

    def refusals(self) -> list[Refused]:
        return [n for n in self.notices if isinstance(n, Refused)]


def armed_world(**options: object) -> World:
    world = World("a", **options)
    world.desk.tell("a", [price(0, 100), price(1, 200)])
    world.until(world.armed)
    return world
