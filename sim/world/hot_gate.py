"""A hot gate's process: the real gate and the real end of its link, an order loop, a session, and what outlives it."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from meltica import hot
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.order_events import CancelRequested, OrderSubmitted
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.hot.hot_parts import uses
from meltica.hot.layout_gen import (
    AdjustRecord,
    DropCopyRecord,
    DropKind,
    KillRecord,
    LeaseRecord,
    Mark,
    MarkRecord,
    Record,
    ReferencePriceRecord,
    ReserveRecord,
    SymbolRecord,
    read_record,
)
from meltica.hot.rulebook_gen import PASS
from meltica.links.control_link_messages import Kind, Use, unpack
from meltica.links.hot_link_desk import HotDesk
from meltica.links.hot_link_phase import Phase
from sim.world.clock import MINUTE, MS, SECOND
from sim.world.hot_venue import HotLogon
from sim.world.network import Commanded, Connection, LoggedOn, Told

if TYPE_CHECKING:
    from meltica.engine.state import Tables
    from sim.world.hot_link import Plug
    from sim.world.world import World

ACTS_EVERY_S: Final = 1.5
CANCEL_AFTER_NS: Final = SECOND
"""Without a lease for so long, what works is cancelled."""
SHAPE: Final = {"max_instruments": 16, "max_accounts": 4, "max_strategies": 16}
BLANK: Final = dict.fromkeys(DropCopyRecord.__slots__, 0) | {"type_id": DropCopyRecord.TYPE_ID}


class HotDeathError(Exception):
    """The process dies here."""


@dataclass
class Working:
    """An order that left, or was about to: as the process' journal has it."""

    order_id: int
    instrument: str
    account: str
    strategy: str
    side: Side
    lots: int
    price_ticks: int
    held_price_ticks: int
    acknowledged: bool = False
    cancels: int = 0


class Ring:
    """Drop copies in shared memory: they outlive the process."""

    def __init__(self) -> None:
        self.records: list[bytes] = []

    def first(self) -> int:
        return 1

    def next(self) -> int:
        return 1 + len(self.records)

    def read(self, first_sequence: int, count: int) -> bytes:
        return b"".join(self.records[first_sequence - 1 : first_sequence - 1 + count])


class HotMachine:
    """The machine: its disk and shared memory, and the process while there is one."""

    def __init__(self, world: World, name: str, instruments: tuple[str, ...]) -> None:
        self.world, self.name, self.instruments = world, name, instruments
        self.key = name.ljust(40, "k")
        self.dice = random.Random(f"{world.seed}|hot|{name}")
        self.remembers = self.dice.random() < 0.6  # noqa: PLR2004 - the others are told what they have
        self.ring = Ring()
        self.written: list[bytes] = []
        """The journal: a drop copy is there first, then in the ring."""
        self.working: dict[int, Working] = {}
        self.positions: Counter[tuple[str, str]] = Counter()
        self.next_number = 1
        """Of the venue's stream."""
        self.orders = 0
        self.life: HotLife | None = None
        self.lives = 0
        self.dies_in: int | None = None
        """It dies at the so many-th next place where that hurts."""
        self.accounts: dict[str, int] = {}
        self.strategies: dict[str, int] = {}
        self.handles: dict[str, int] = {}

    def learn(self, tables: Tables) -> None:
        """The rows of the gateway's tables, as its settings have them."""
        self.accounts, self.strategies = dict(tables.accounts), dict(tables.strategies)
        self.handles = {name: instrument.handle for name, instrument in tables.instruments.items()}

    @property
    def reads(self) -> bool:
        """Somebody takes what is on its wires."""
        return self.life is not None and self.life.frozen_ns <= self.world.clock.now_ns

    def start(self) -> None:
        self.ring.records += self.written[len(self.ring.records) :]
        self.lives += 1
        self.life = self.world.hot_kind(self)
        self.world.board.plug_in(self.name)
        self.life.begin()

    def heard_link(self, plug: Plug, frame: bytes) -> None:
        if self.life is not None and self.world.board.plugs[self.name] is plug:
            self.life.heard_link(plug, frame)

    # What the world does to it

    def kill(self) -> None:
        """In the middle of something, if it does something soon."""
        self.dies_in = self.dice.randrange(4)
        self.world.clock.after(SECOND, self._kill_now)

    def _kill_now(self) -> None:
        if self.dies_in is not None:
            self.die()

    def die(self) -> None:
        self.dies_in = None
        if self.life is not None:
            self.life.end()
            self.life = None
            self.world.clock.after(self.dice.randrange(200 * MS, 8 * SECOND), self.start)

    def stall(self) -> None:
        """The whole process, or the thread of the link alone: the order loop goes on without it."""
        if self.life is not None:
            self.life.frozen_ns = self.world.clock.now_ns + self.dice.randrange(100 * MS, 8 * SECOND)
            self.life.trades_frozen = self.dice.random() < 0.5  # noqa: PLR2004

    def may_die(self) -> None:
        if self.dies_in is not None:
            self.dies_in -= 1
            if self.dies_in < 0:
                raise HotDeathError


class HotLife:
    """From start to death. Its clock is its own."""

    def __init__(self, machine: HotMachine) -> None:
        world = machine.world
        self.machine, self.world, self.clock, self.dice = machine, world, world.clock, machine.dice
        self._off_ns = self.dice.randrange(-60 * MINUTE, 60 * MINUTE)
        self.gate = hot.Gate(**SHAPE, leased=True)
        self.epoch = self.clock.now_ns + machine.lives
        self.desk = HotDesk(
            machine.name,
            gate_epoch=self.epoch,
            drops=machine.ring,
            remembers=machine.remembers and machine.ring.next() > 1,
        )
        self.rows: dict[tuple[Any, ...], Record] = {}
        """What it was told last, by the names of the rows."""
        self.killed: set[tuple[int, int]] = set()
        """Switches that it knows to be engaged: (scope, row)."""
        self.frozen_ns = 0
        self.trades_frozen = False
        self.connection: Connection | None = None
        self.ready = False
        """Logged on, and everything that it had missed is known."""
        self._restored = self._dead = False
        self._swept_lease = False
        self._awake_ns = 0

    def now_ns(self) -> int:
        return self.clock.now_ns + self._off_ns

    def begin(self) -> None:
        self.gate.tell(MarkRecord(Mark.CONNECTED, 1, 0, 0))
        self._tend()
        self.clock.after(self._wait_ns(), self._act)

    def end(self) -> None:
        self._dead = True
        if self.connection is not None:
            self.connection.cut()

    def _wait_ns(self) -> int:
        return int(self.dice.expovariate(1 / ACTS_EVERY_S) * SECOND)

    # The link

    def _frozen(self) -> bool:
        return self.frozen_ns > self.clock.now_ns

    def _tend(self) -> None:
        """When the desk's time has come."""
        self._awake_ns = 0
        if self._dead:
            return
        if self._frozen():
            self._wake_at(self.frozen_ns)
            return
        self.desk.due(self.now_ns())
        self._pump()

    def heard_link(self, plug: Plug, frame: bytes) -> None:
        if self._frozen():
            self.clock.at(self.frozen_ns, partial(self.machine.heard_link, plug, frame))
            return
        plug.unread = 0
        self.desk.receive(frame, self.now_ns())
        self._pump()

    def _pump(self) -> None:
        desk = self.desk
        if desk.records:
            while desk.records:
                self._obey(read_record(desk.records.popleft()))
            desk.report([Use(*one) for one in uses(self.gate)])
        self._begin_session()
        plug, judge = self.world.board.plugs[self.machine.name], self.world.judge
        while desk.outgoing:
            frame = desk.outgoing.popleft()
            header, _ = unpack(frame)
            if header.kind == Kind.BEAT:
                judge.beat(self.machine.name, header.gate_epoch, header.number)
            plug.up.send(frame)
        self._wake_at(desk.next_due_ns() - self._off_ns)

    def _wake_at(self, when_ns: int) -> None:
        if not self._awake_ns or when_ns < self._awake_ns:
            self._awake_ns = max(when_ns, self.clock.now_ns + 1)
            self.clock.at(self._awake_ns, self._tend_if_due)

    def _tend_if_due(self) -> None:
        if self._awake_ns and self._awake_ns <= self.clock.now_ns:
            self._tend()

    def _obey(self, record: Record) -> None:
        if isinstance(record, SymbolRecord):
            return
        self.gate.tell(record)
        if isinstance(record, LeaseRecord):
            self._swept_lease &= not record.until_ns
            return
        self.rows[self.world.judge.row_of(record)] = record
        if isinstance(record, KillRecord):
            switch = record.scope, record.id
            (self.killed.add if record.engage else self.killed.discard)(switch)
            if record.engage:
                self.sweep()

    def _begin_session(self) -> None:
        """Only when the gate has its limits, and what the journal says is open."""
        if self.desk.phase is not Phase.IN_STEP:
            return
        if not self._restored:
            self._restored = True
            if self.machine.remembers:
                for record in self._exposure():
                    self.gate.tell(record)
            self.desk.report([Use(*one) for one in uses(self.gate)])
            self._connect()

    def _exposure(self) -> list[Record]:
        machine = self.machine
        found: list[Record] = [
            AdjustRecord(machine.accounts[account], machine.handles[instrument], lots)
            for (account, instrument), lots in machine.positions.items()
            if lots
        ]
        for order in machine.working.values():
            at = machine.accounts[order.account], machine.handles[order.instrument], order.side, 1
            strategy = machine.strategies[order.strategy]
            found.append(ReserveRecord(*at, strategy, order.order_id, order.lots, order.held_price_ticks))
        return found

    # The venue's session

    def _connect(self) -> None:
        if not self._dead:
            self.connection = Connection(self.clock, self.dice, self, self.world.hot_venue)
            self.connection.up.send(HotLogon(self.machine.name, self.machine.next_number))

    def dropped(self, connection: Connection) -> None:
        if connection is self.connection and not self._dead:
            self.connection, self.ready = None, False
            self.clock.after(self.dice.randrange(SECOND, 3 * SECOND), self._connect)

    def heard(self, connection: Connection, message: Any) -> None:
        if self._dead or connection is not self.connection:
            return
        try:
            if isinstance(message, LoggedOn):
                self._caught_up()
            elif isinstance(message, Told):
                for number, report in enumerate(message.reports, message.first):
                    if number == self.machine.next_number:
                        self._report(report)
        except HotDeathError:
            self.machine.die()

    def _caught_up(self) -> None:
        """Nothing of an earlier connection arrives any more: what the venue has not told of never came."""
        for order in list(self.machine.working.values()):
            order.cancels = 0
            if not order.acknowledged:
                self._over(order, DropKind.REJECTED)
        self.ready = True
        if self.killed or self.world.resting:
            self.sweep()

    def _report(self, report: Any) -> None:
        """One of the venue's, in its order."""
        machine = self.machine
        machine.next_number += 1
        if not isinstance(report, ExecutionReport):
            return
        number = int(report.client_order_id.partition(":")[2].partition(":")[0] or 0)
        if (order := machine.working.get(number)) is None:
            return
        match report.exec_type:
            case ExecType.NEW:
                order.acknowledged = True
                self._note(DropKind.ACCEPTED, order)
            case ExecType.TRADE:
                self._filled(order, report)
            case ExecType.CANCELED | ExecType.EXPIRED | ExecType.REJECTED | ExecType.DONE_FOR_DAY:
                rejected = report.exec_type is ExecType.REJECTED
                self._over(order, DropKind.REJECTED if rejected else DropKind.CANCELED)

    def _filled(self, order: Working, report: ExecutionReport) -> None:
        lots = report.last_quantity_lots
        order.acknowledged = True
        order.lots -= lots
        self.machine.positions[order.account, order.instrument] += order.side.sign * lots
        if order.lots == 0:
            del self.machine.working[order.order_id]
        self.gate.fill(*self._at(order), lots, order.held_price_ticks, closes=order.lots == 0, **self._names(order))
        self._note(
            DropKind.EXECUTED,
            order,
            last_lots=lots,
            last_price_ticks=report.last_price_ticks,
            execution_id=int(report.execution_id.rpartition("-")[2]),
        )

    def _over(self, order: Working, kind: DropKind) -> None:
        del self.machine.working[order.order_id]
        self.gate.release(*self._at(order), order.lots, order.held_price_ticks, closes=True, **self._names(order))
        order.lots = 0
        self._note(kind, order)

    def _at(self, order: Working) -> tuple[int, int, int]:
        return self.machine.accounts[order.account], self.machine.handles[order.instrument], order.side

    def _names(self, order: Working) -> dict[str, int]:
        return {"order_id": order.order_id, "strategy_id": self.machine.strategies[order.strategy]}

    def _note(self, kind: DropKind, order: Working, **more: int) -> None:
        """In the journal, then in the ring, then on its way to the gateway; it may die in between."""
        machine = self.machine
        account, instrument, side = self._at(order)
        fields = {
            "kind": kind,
            "account_id": account,
            "instrument_id": instrument,
            "side": side,
            "action": hot.Action.NEW,
            "order_type": hot.OrderType.LIMIT,
            "sequence_number": len(machine.written) + 1,
            "time_ns": self.now_ns(),
            "price_ticks": order.price_ticks,
            "quantity_lots": order.lots,
            "leaves_lots": order.lots,
            **self._names(order),
        }
        record = DropCopyRecord(**(BLANK | fields | more)).to_bytes()
        machine.written.append(record)
        machine.may_die()
        machine.ring.records.append(record)
        machine.may_die()
        if not self._frozen():
            self.desk.send_drop_copies(machine.ring.next() - 1, record, self.now_ns())
            self._pump()

    # The order loop

    def _act(self) -> None:
        if self._dead:
            return
        self.clock.after(self._wait_ns(), self._act)
        if not self.ready or (self._frozen() and self.trades_frozen):
            return
        try:
            self._watch_lease()
            if self.world.resting:
                return
            if self.dice.random() < 0.7:  # noqa: PLR2004
                for _ in range(self.dice.choice([1, 1, 1, 4])):
                    self._new()
            elif self.machine.working:
                self._cancel(self.dice.choice(list(self.machine.working.values())))
        except HotDeathError:
            self.machine.die()

    def _watch_lease(self) -> None:
        until_ns = self.desk.lease_until_ns
        if self.now_ns() > until_ns + CANCEL_AFTER_NS and not self._swept_lease:
            self._swept_lease = True
            self.sweep()

    def _new(self) -> None:
        machine, dice = self.machine, self.dice
        name, side = dice.choice(machine.instruments), dice.choice(list(Side))
        mid = self.world.market.prices[name]
        price = mid - side.sign * dice.choice([-2, 1, 3, 8])
        machine.orders += 1
        order = Working(
            machine.orders, name, dice.choice(("main", "hedge")), dice.choice(("desk", "manual")), side, 0, price, 0
        )
        self.gate.tell(ReferencePriceRecord(machine.handles[name], mid, self.now_ns()))
        account, instrument, _ = self._at(order)
        intent = hot.OrderIntent(
            action=hot.Action.NEW,
            side=side,
            instrument_id=instrument,
            account_id=account,
            quantity_lots=dice.randrange(1, 80),
            time_ns=self.now_ns(),
            price_ticks=price,
            **self._names(order),
        )
        if (reason := self.gate.check(intent)) != PASS:
            self.world.judge.refused[hot.Check(reason).name] += 1
            return
        order.lots, order.held_price_ticks = self.gate.allowed_lots, self.gate.reserved_price_ticks
        machine.working[order.order_id] = order
        self._note(DropKind.SENT, order)
        self._send_out(order)

    def _send_out(self, order: Working) -> None:
        self.world.judge.leaves(self, order)
        if self.connection is not None:
            self.connection.up.send(Commanded(self._submitted(order)))

    def _submitted(self, order: Working) -> OrderSubmitted:
        return OrderSubmitted(
            order_id=0,
            client_order_id=f"{self.machine.name}:{order.order_id}",
            account=order.account,
            strategy=order.strategy,
            instrument=order.instrument,
            side=order.side,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            quantity_lots=order.lots,
            price_ticks=order.price_ticks,
            post_only=False,
            reduce_only=False,
            reserved_price_ticks=0,
            actor=self.machine.name,
            time_ns=self.clock.now_ns,
        )

    def sweep(self) -> None:
        """Everything that works is cancelled."""
        if self.ready:
            for order in list(self.machine.working.values()):
                if not order.cancels:
                    self._cancel(order)

    def _cancel(self, order: Working) -> None:
        if self.connection is None:
            return
        order.cancels += 1
        name = f"{self.machine.name}:{order.order_id}"
        request = CancelRequested(
            order_id=0,
            client_order_id=f"{name}:c{order.cancels}-{self.clock.now_ns}",
            original_client_order_id=name,
            actor=self.machine.name,
            time_ns=self.clock.now_ns,
        )
        self.connection.up.send(Commanded(request))
