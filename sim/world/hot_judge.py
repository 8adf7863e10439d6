"""The judge of the control link: leases, kill switches, slices, and what both ends say when they are at rest."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING, Any, Final

from meltica.domain import lifecycle
from meltica.engine.risk import rows
from meltica.engine.risk.lease_rows import SLICED
from meltica.hot.layout_gen import RECORDS, KillRecord, KillScope, Record
from meltica.hot.state import COLUMNS
from meltica.links.control_link_desk import PULSE_WITHIN_NS
from meltica.links.control_link_messages import BEAT_ANSWER, BeatAnswer, Kind, unpack
from meltica.links.control_link_session import Standing
from meltica.links.control_link_stream import ROWS
from sim.world.clock import MS
from sim.world.frames import LATE_NS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from meltica.domain.order import Order
    from sim.world.hot_gate import HotLife
    from sim.world.hot_machine import HotMachine, Working
    from sim.world.hot_orders import HotOrders
    from sim.world.life import Life
    from sim.world.world import World

KILL: Final = KillRecord.TYPE_ID
SILENT_MOST_NS: Final = PULSE_WITHIN_NS + 300 * MS
"""An engine that shows no life for longer must give no lease; it shows it four times a second."""


class LinkJudge:
    """Hears the wires from outside: what it believes does not come from either desk."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.refused: Counter[str] = Counter()
        """What the hot gates refused, by reason."""
        self.left: dict[str, dict[int, int]] = {}
        """Gate -> order -> lots: everything that ever left."""
        self._beats: dict[tuple[str, int, int], int] = {}
        """(gate, epoch, number of the beat) -> when it left the gate."""
        self._lease_ns: dict[tuple[str, int], int] = {}
        """(gate, epoch) -> until when it may have a lease, by all beats that were ever answered with one."""
        self._engaged_ns: dict[str, dict[tuple[int, int], int]] = {}
        """Gate -> switch -> since when the gateway has been telling it."""
        self._newest: dict[str, int] = {}
        self._published: dict[str, tuple[int, deque[tuple[int, int]]]] = {}
        """Gate -> (life of the gateway, (entry of its stream, when it was published) that it may lack)."""

    # The wires

    def beat(self, gate: str, epoch: int, number: int) -> None:
        self._beats[gate, epoch, number] = self._world.clock.now_ns

    def answered(self, gate: str, message: bytes) -> None:
        header, body = unpack(message)
        if header.kind != Kind.BEAT_ANSWER:
            return
        answer = BeatAnswer._make(BEAT_ANSWER.unpack(body))
        life, now_ns = self._world.life, self._world.clock.now_ns
        if answer.lease_ms and life is not None and life.frozen_ns > now_ns > life.frozen_from_ns + SILENT_MOST_NS:
            stands_ms = (now_ns - life.frozen_from_ns) / MS
            self._world.oracle.broken(f"{gate} is given a lease by an engine that stands still for {stands_ms:.3f} ms")
        left_ns = self._beats.get((gate, header.gate_epoch, header.number))
        if answer.lease_ms and left_ns is not None:
            at = gate, header.gate_epoch
            self._lease_ns[at] = max(self._lease_ns.get(at, 0), left_ns + answer.lease_ms * MS)

    def told(self, gate: str, records: Sequence[bytes]) -> None:
        """The gateway puts these on the gate's stream."""
        for data in records:
            if int.from_bytes(data[:2], "little") == KILL:
                record, engaged = KillRecord.from_bytes(data), self._engaged_ns.setdefault(gate, {})
                if record.engage:
                    engaged.setdefault((record.scope, record.id), self._world.clock.now_ns)
                else:
                    engaged.pop((record.scope, record.id), None)

    def published(self, gate: str, epoch: int, number: int) -> None:
        known, entries = self._published.get(gate, (0, deque()))
        if known != epoch:
            self._published[gate] = epoch, (entries := deque())
        if not entries or entries[-1][0] < number:
            entries.append((number, self._world.clock.now_ns))

    @staticmethod
    def row_of(record: Record) -> tuple[Any, ...]:
        kind = RECORDS[record.type_id].__name__
        return (kind, *(getattr(record, field) for field in ROWS.get(kind, ())))

    # What leaves a gate

    def leaves(self, life: HotOrders, order: Working) -> None:
        machine, now_ns, broken = life.machine, self._world.clock.now_ns, self._world.oracle.broken
        name = f"{machine.name}:{order.order_id}"
        if life is not machine.life:
            broken(f"{name} leaves a life of the gate that is over")
        until_ns = self._lease_ns.get((machine.name, life.epoch), 0)
        if now_ns > until_ns:
            broken(f"{name} leaves {(now_ns - until_ns) / MS:.3f} ms after the gate's last lease")
        if life.epoch < self._newest.get(machine.name, 0):
            broken(f"{name} leaves a gate whose place a later life has taken")
        covers = {
            (KillScope.GLOBAL, 0),
            (KillScope.ACCOUNT, machine.accounts[order.account]),
            (KillScope.STRATEGY, machine.strategies[order.strategy]),
            (KillScope.INSTRUMENT, machine.handles[order.instrument]),
        }
        if known := covers & life.killed:
            broken(f"{name} leaves under a kill switch that the gate knows: {sorted(known)}")
        most_ns = 2 * self._world.lease_ms * MS
        for switch, since_ns in self._engaged_ns.get(machine.name, {}).items():
            if switch in covers and now_ns > since_ns + most_ns:
                broken(f"{name} leaves {(now_ns - since_ns) / MS:.3f} ms after the kill switch {switch} was engaged")
        self._lacks(life, name, now_ns - most_ns)
        if order.order_id in self.left.setdefault(machine.name, {}):
            broken(f"{name} leaves for a second time")
        self.left[machine.name][order.order_id] = order.lots

    def _lacks(self, life: HotOrders, name: str, since_ns: int) -> None:
        """Two leases after something was published a gate holds it, or has no lease any more."""
        epoch, entries = self._published.get(life.machine.name, (0, deque()))
        held = life.desk._held  # noqa: SLF001 - the judge looks at everything
        if held.epoch != epoch:
            return
        while entries and entries[0][0] <= held.number:
            entries.popleft()
        if entries and entries[0][1] < since_ns:
            self._world.oracle.broken(f"{name} leaves a gate that lacks entry {entries[0][0]} of its stream")

    # While it runs

    def inspect(self, life: Life) -> None:
        """No gate holds more of a limit than the engine believes; together they hold no more than there is."""
        state = life.gateway.state
        books = state.tables.leases.gates
        revoking = set(state.leases.revoking())
        for line, limit in state.lease_limits.items():
            if (claimed := state.leases.claimed(line)) > limit and line not in revoking:
                self._world.oracle.broken(f"gates may believe that they have {claimed} of {line}, which is {limit}")
        for name, machine in self._world.board.machines.items():
            hot, book = machine.life, books.get(name)
            if hot is None:
                self._inspect_dead(machine)
            if hot is None or book is None or book.gate_epoch != hot.epoch:
                continue
            for line, held in self._slices(life, hot):
                claim = book.claims.get(line)
                worst = 0 if claim is None else max(claim.in_use, *(amount for _, amount in claim.granted), 0)
                if held > worst:
                    self._world.oracle.broken(f"{name} holds {held} of {line}, the engine believes {worst}")

    def _inspect_dead(self, machine: HotMachine) -> None:
        """No process, for longer than a lease and whatever was on its way: the gateway must know."""
        link, life, now_ns = self._world.board.link, self._world.life, self._world.clock.now_ns
        gone_ns = now_ns - machine.gone_ns
        if link is None or life is None or gone_ns < 2 * self._world.lease_ms * MS + LATE_NS:
            return
        status = next(each for each in link.status() if each.gate == machine.name)
        if status.standing not in (Standing.DEAD, Standing.ABSENT) and life.link_frozen_ns < now_ns - LATE_NS:
            self._world.oracle.broken(f"{machine.name} is gone for {gone_ns / MS:.3f} ms, and {status.standing.value}")

    def _slices(self, life: Life, hot: HotLife) -> list[tuple[str, int]]:
        """Of each line: how much of it the gate was told to be its own."""
        tables, found = life.gateway.state.tables, []
        for key, (limits, _) in tables.limits.items():
            if key.startswith("ports/"):
                continue
            whole = rows.limits_row(tables, limits, 0)
            row = hot.rows.get(self.row_of(whole))
            if row is not None:
                found += [(f"{key}/{field}", getattr(row, field)) for field in SLICED.get(type(whole), ())]
        return found

    def joined(self, gate: str, epoch: int) -> None:
        """The gateway takes this life for the gate: no lease of an earlier one is in force any more."""
        now_ns = self._world.clock.now_ns
        self._newest[gate] = max(epoch, self._newest.get(gate, 0))
        for (name, earlier), until_ns in self._lease_ns.items():
            if name == gate and earlier < epoch and until_ns > now_ns:
                self._world.oracle.broken(f"{gate} joins while an earlier life has a lease for {until_ns - now_ns} ns")

    # When all is quiet

    def unsettled(self, life: Life) -> str:
        """Where the ends of a link differ in a world where nothing goes wrong any more; empty: nowhere."""
        return next(
            (f"{m.name}: {why}" for m in self._world.board.machines.values() if (why := self._unlike(m, life))), ""
        )

    def _unlike(self, machine: HotMachine, life: Life) -> str:
        hot, link = machine.life, self._world.board.link
        if hot is None or link is None:
            return "the gate is not up"
        status = next(each for each in link.status() if each.gate == machine.name)
        if status.standing is not Standing.ARMED or not hot.desk.lease_until_ns:
            return f"the gateway says {status.standing.value} ({status.why}), the gate {hot.desk.phase} {hot.desk.why}"
        if status.applied != status.published or status.kept != machine.ring.next():
            return (
                f"{status.applied} of {status.published} entries applied, {status.kept} of {machine.ring.next()} kept"
            )
        stream = link.desk._sessions[machine.name].stream  # noqa: SLF001 - the judge looks at everything
        told = {self.row_of(record): record.to_bytes() for record in hot.rows.values()}
        for data in stream._rows.sorted():  # noqa: SLF001
            record = RECORDS[int.from_bytes(data[:2], "little")].from_bytes(data)
            if type(record).__name__ != "SymbolRecord" and told.get(self.row_of(record)) != data:
                return f"it does not hold {record}"
        return self._slices_unlike(hot, life) or self._orders_unlike(machine, hot, life)

    def _slices_unlike(self, hot: HotLife, life: Life) -> str:
        book = life.gateway.state.tables.leases.gates[hot.machine.name]
        for line, held in self._slices(life, hot):
            granted = 0 if line not in book.claims else book.claims[line].slice
            if held != granted:
                return f"it holds {held} of {line}, and was granted {granted}"
        return ""

    def _orders_unlike(self, machine: HotMachine, hot: HotLife, life: Life) -> str:
        """Orders, positions and exposure: the venue, the gate's process, the gate, and the engine."""
        state, book = life.gateway.state, self._world.hot_venue.book
        ours = [order for order in state.orders() if order.gate == machine.name]
        engine = {_number(o): lifecycle.leaves_lots(o) for o in ours if lifecycle.is_working(o)}
        here = {order.order_id: order.lots for order in machine.working.values()}
        mine = [order for order in book.open_orders() if order.chain[0].startswith(f"{machine.name}:")]
        there = {int(order.chain[0].split(":")[1]): order.leaves_lots for order in mine}
        if not engine == here == there:
            return f"orders that work: engine {engine}, gate {here}, venue {there}"
        if left := self.left.get(machine.name, {}).keys() - {_number(order) for order in ours}:
            return f"orders that left and are in no book: {sorted(left)[:5]}"
        return self._fills_unlike(machine, ours) or self._gate_unlike(machine, hot, life)

    def _fills_unlike(self, machine: HotMachine, ours: list[Order]) -> str:
        booked = {
            name: (_number(order), order.side, x.quantity_lots, x.price_ticks)
            for order in ours
            for name, x in order.executions.items()
        }
        made = {
            name.rpartition("-")[2]: (int(fill.order.split(":")[1]), fill.side, fill.lots, fill.price_ticks)
            for name, fill in self._world.hot_venue.book.fills.items()
            if fill.order.startswith(f"{machine.name}:")
        }
        if booked == made:
            return ""
        lost, invented = sorted(made.keys() - booked.keys())[:3], sorted(booked.keys() - made.keys())[:3]
        return f"fills lost {lost}, invented {invented}, or different"

    def _gate_unlike(self, machine: HotMachine, hot: HotLife, life: Life) -> str:
        state, tables = life.gateway.state, life.gateway.state.tables
        lots: Counter[tuple[int, int, str]] = Counter()
        for order in state.working_orders():
            if order.gate == machine.name:
                at = tables.accounts[order.account], tables.instruments[order.instrument].handle
                lots[(*at, order.side.name.lower())] += order.reserved_lots
        positions: Counter[tuple[int, int]] = Counter()
        for name, held in tables.hot_lots.items():
            owner, account, instrument = name.split("|")
            if owner == machine.name:
                positions[tables.accounts[account], tables.instruments[instrument].handle] += held
        for values in hot.gate.export_tables()["positions"]:
            row = dict(zip(COLUMNS["positions"], values, strict=True))
            at = row["account_id"], row["instrument_id"]
            gate = row["position_lots"], row["open_buy_lots"], row["open_sell_lots"]
            books = positions.pop(at, 0), lots.pop((*at, "buy"), 0), lots.pop((*at, "sell"), 0)
            if gate != books:
                return f"(position, buys, sells) at {at}: the gate {gate}, the engine {books}"
        left = [at for at, amount in (*lots.items(), *positions.items()) if amount]
        return f"the gate holds nothing at {left}, the engine does" if left else ""


def _number(order: Order) -> int:
    return int(order.client_order_id.rpartition(":")[2])
