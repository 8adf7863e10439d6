"""A hot gate's process: the real end of its control link around an order loop."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from meltica.hot.hot_parts import uses
from meltica.hot.layout_gen import (
    AdjustRecord,
    KillRecord,
    LeaseRecord,
    Record,
    ReserveRecord,
    SymbolRecord,
    read_record,
)
from meltica.links.control_link_messages import Kind, Use, unpack
from meltica.links.hot_link_desk import HotDesk
from meltica.links.hot_link_phase import Phase
from sim.world.hot_machine import HotMachine
from sim.world.hot_orders import HotOrders

if TYPE_CHECKING:
    from sim.world.hot_link import Plug


class HotLife(HotOrders):
    """From start to death. Its clock is its own. Tests put a faulty desk here, to see that it is found."""

    desk_kind: type[HotDesk] = HotDesk

    def __init__(self, machine: HotMachine) -> None:
        super().__init__(machine)
        self.epoch = self.clock.now_ns + machine.lives
        self.desk = self.desk_kind(
            machine.name,
            gate_epoch=self.epoch,
            drops=machine.ring,
            remembers=machine.remembers and machine.ring.next() > 1,
        )
        self.rows: dict[tuple[Any, ...], Record] = {}
        """What it was told last, by the names of the rows."""
        self._restored = False
        self._awake_ns = 0

    def begin(self) -> None:
        self._tend()
        self.trade()

    # The link

    def _tend(self) -> None:
        """When the desk's time has come."""
        self._awake_ns = 0
        if self.dead:
            return
        if self.frozen():
            self._wake_at(self.frozen_ns)
            return
        self.desk.due(self.now_ns())
        self.pump()

    def heard_link(self, plug: Plug, frame: bytes) -> None:
        if self.frozen():
            self.clock.at(self.frozen_ns, partial(self.machine.heard_link, plug, frame))
            return
        plug.unread = 0
        self.desk.receive(frame, self.now_ns())
        self.pump()

    def pump(self) -> None:
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
        self.machine.ring.forget(desk._drops.kept)  # noqa: SLF001 - as a ring that is written over
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
            self.connect()

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
