"""A hot gate's order loop, and its session with the venue: what leaves, what comes back, and the note of each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Final

from meltica import hot
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.order_events import CancelRequested, OrderSubmitted
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.hot.hot_parts import Gate
from meltica.hot.layout_gen import DropCopyRecord, DropKind, Mark, MarkRecord, ReferencePriceRecord
from meltica.hot.rulebook_gen import PASS
from meltica.links.hot_link_desk import HotDesk
from sim.world.clock import MINUTE, MS, SECOND
from sim.world.hot_machine import HotDeathError, HotMachine, Working
from sim.world.hot_venue import HotLogon
from sim.world.network import Commanded, Connection, LoggedOn, Told

ACTS_EVERY_S: Final = 1.5
PROBE_NS: Final = 150 * MS
CANCEL_AFTER_NS: Final = SECOND
"""Without a lease for so long, what works is cancelled."""
BLANK: Final = dict.fromkeys(DropCopyRecord.__slots__, 0) | {"type_id": DropCopyRecord.TYPE_ID}


class HotOrders(ABC):
    """The real gate in a loop of the world's. ``HotLife`` adds the link."""

    desk: HotDesk
    epoch: int
    gate_is_leased = True

    def __init__(self, machine: HotMachine) -> None:
        world = machine.world
        self.machine, self.world, self.clock, self.dice = machine, world, world.clock, machine.dice
        self._off_ns = self.dice.randrange(-60 * MINUTE, 60 * MINUTE)
        self.gate: Any = Gate(max_instruments=16, max_accounts=4, max_strategies=16, leased=self.gate_is_leased)
        self.gate.tell(MarkRecord(Mark.CONNECTED, 1, 0, 0))
        self.killed: set[tuple[int, int]] = set()
        """Switches that it knows to be engaged: (scope, row)."""
        self.frozen_ns = 0
        self.trades_frozen = False
        self.connection: Connection | None = None
        self.ready = False
        """Logged on, and everything that it had missed is known."""
        self.dead = False
        self._swept_lease = False

    def now_ns(self) -> int:
        return self.clock.now_ns + self._off_ns

    def end(self) -> None:
        self.dead = True
        if self.connection is not None:
            self.connection.cut()

    def frozen(self) -> bool:
        return self.frozen_ns > self.clock.now_ns

    @abstractmethod
    def pump(self) -> None:
        """Lets the link do what there is to do."""

    # The venue's session

    def connect(self) -> None:
        if not self.dead:
            self.connection = Connection(self.clock, self.dice, self, self.world.hot_venue)
            self.connection.up.send(HotLogon(self.machine.name, self.machine.next_number))

    def dropped(self, connection: Connection) -> None:
        if connection is self.connection and not self.dead:
            self.connection, self.ready = None, False
            self.clock.after(self.dice.randrange(SECOND, 3 * SECOND), self.connect)

    def heard(self, connection: Connection, message: Any) -> None:
        if self.dead or connection is not self.connection:
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
        self.gate.fill(*self.at(order), lots, order.held_price_ticks, closes=order.lots == 0, **self._names(order))
        self._note(
            DropKind.EXECUTED,
            order,
            last_lots=lots,
            last_price_ticks=report.last_price_ticks,
            execution_id=int(report.execution_id.rpartition("-")[2]),
        )

    def _over(self, order: Working, kind: DropKind) -> None:
        del self.machine.working[order.order_id]
        self.gate.release(*self.at(order), order.lots, order.held_price_ticks, closes=True, **self._names(order))
        order.lots = 0
        self._note(kind, order)

    def at(self, order: Working) -> tuple[int, int, int]:
        return self.machine.accounts[order.account], self.machine.handles[order.instrument], order.side

    def _names(self, order: Working) -> dict[str, int]:
        return {"order_id": order.order_id, "strategy_id": self.machine.strategies[order.strategy]}

    def _note(self, kind: DropKind, order: Working, **more: int) -> None:
        """In the journal, then in the ring, then on its way to the gateway; it may die in between."""
        machine = self.machine
        account, instrument, side = self.at(order)
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
        if not self.frozen():
            self.desk.send_drop_copies(machine.ring.next() - 1, record, self.now_ns())
            self.pump()

    # The order loop

    def trade(self) -> None:
        """Until it is dead."""
        left_ns = self.desk.lease_until_ns - self.now_ns()
        if left_ns > 0 and self.dice.random() < 0.5:  # noqa: PLR2004 - about when a lease would end that is not prolonged
            self.clock.after(max(MS, left_ns + self.dice.randrange(-PROBE_NS, PROBE_NS)), self._act)
        else:
            self.clock.after(int(self.dice.expovariate(1 / ACTS_EVERY_S) * SECOND), self._act)

    def _act(self) -> None:
        if self.dead:
            return
        self.trade()
        if not self.ready or (self.frozen() and self.trades_frozen):
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
        account, instrument, _ = self.at(order)
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
