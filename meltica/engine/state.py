"""All that the engine knows. A fold over events: nothing here changes except in ``fold/``."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from heapq import heappop, heappush

import msgspec

from meltica.domain import lifecycle
from meltica.domain.approvals import KillSwitch, Proposal
from meltica.domain.breakers import BreakerState, CreditState, DayProfit, MarkState
from meltica.domain.capabilities import Capabilities
from meltica.domain.cash import AccountingTables
from meltica.domain.corrections import CorrectionKept
from meltica.domain.groups import Group
from meltica.domain.instrument import Instrument
from meltica.domain.leases import LeaseBook, LeaseTables
from meltica.domain.limits import EXTERNAL, MANUAL, OWN_PORT, Limits
from meltica.domain.market import Quote
from meltica.domain.order import Order
from meltica.domain.outcomes import Doubt
from meltica.domain.parent import AlgoView, Parent
from meltica.domain.position import Position
from meltica.domain.statements import Difference, ReconciliationTables, Standing
from meltica.domain.terms import Held
from meltica.engine.held.watch import Watch, is_termed
from meltica.engine.parents.families import Families
from meltica.engine.reconciliation.seen import Seen
from meltica.engine.risk.reservations import Reservations
from meltica.engine.risk.worth import Worth
from meltica.engine.snapshot.unsaved import Unsaved
from meltica.engine.venue.bookings import Bookings
from meltica.engine.venue.early import EarlyCorrections
from meltica.engine.venue.positions import booked

REQUEST_MEMORY = 200_000
"""How many request ids are remembered. A repeat within that many commands gets the first answer, not a second order."""

GLOBAL = ""
"""The kill switch of everything; the others are named by their account, or by their target (``strategies/…``)."""

STRATEGY_ROWS = 256
PORT_ROWS = 256
NO_ROW = 0xFFFF
"""A strategy without a row in the gate: it has no limits, so the gate refuses its orders."""


class Tables(msgspec.Struct, kw_only=True):
    """The part of the state that a snapshot holds; everything else follows from it."""

    sequence: int = 0
    """Inputs taken so far: the number of the last journal entry."""
    time_ns: int = 0
    next_order_id: int = 1
    next_proposal_id: int = 1
    next_execution: int = 1
    instruments: dict[str, Instrument] = {}
    halted: dict[str, str] = {}
    """Instrument -> why the market halted it."""
    accounts: dict[str, int] = {}
    """Account -> its row in the gate."""
    strategies: dict[str, int] = msgspec.field(default_factory=lambda: {MANUAL: 0, EXTERNAL: 1})
    """Strategy -> its row in the gate. Orders of no strategy are the first one's."""
    ports: dict[str, int] = msgspec.field(default_factory=lambda: {OWN_PORT: 0})
    """Order-entry session -> its row in the gate."""
    limits: dict[str, tuple[Limits, int]] = {}
    """Resource name -> (limits, revision)."""
    venues: dict[str, Capabilities] = {}
    """What the venues can do by themselves; one that is missing can MARKET and LIMIT."""
    orders: dict[int, Order] = {}
    parents: dict[int, Parent] = {}
    """Orders that go out in slices."""
    groups: dict[int, Group] = {}
    """Orders that belong together, by the number of their first one."""
    positions: dict[str, Position] = {}
    """``account|instrument`` -> position."""
    fired: dict[int, None] = {}
    """Those whose moment came and that wait for the gate, or for a price to be judged by: the first to fire first."""
    executions: dict[str, int] = {}
    """``venue|account|execution id`` -> order id: what makes a duplicate a duplicate."""
    kill_switches: dict[str, KillSwitch] = {}
    proposals: dict[int, Proposal] = {}
    requests: dict[str, int] = {}
    """request_id -> the journal entry that answered it."""
    gate_lost: str = ""
    """Why the gate does not answer; empty: it does."""
    breakers: dict[str, BreakerState] = {}
    """Those that have tripped once, by ``breaker_key``."""
    marks: dict[str, MarkState] = {}
    credit: dict[str, CreditState] = {}
    executions_count: dict[str, int] = {}
    """Strategy -> its executions since it was last re-armed."""
    rejects: dict[str, int] = {}
    """Account -> the venue's rejects in a row."""
    prices: dict[str, int] = {}
    """Instrument -> the last mark that came with an input."""
    day_start: dict[str, int] = {}
    """Account -> all that it had earned when the trading day began."""
    day_began_ns: int = 0
    leases: LeaseTables = msgspec.field(default_factory=LeaseTables)
    """What hot gates hold of each limit."""
    hot_lots: dict[str, int] = {}
    """``gate|account|instrument`` -> the position that the gate's own orders add up to."""
    hot_spent: dict[str, int] = {}
    """``gate|line`` -> what the gate's orders used up of it for good."""
    early: dict[str, CorrectionKept] = {}
    """``order id|execution id`` -> a correction whose trade has not come yet."""
    accounting: AccountingTables = msgspec.field(default_factory=AccountingTables)
    reconciliation: ReconciliationTables = msgspec.field(default_factory=ReconciliationTables)


class EngineState:
    """The tables, the indexes that follow from them, and what the other rooms may read (``ports.State``)."""

    def __init__(self, tables: Tables | None = None) -> None:
        self.tables = tables if tables is not None else Tables(kill_switches={GLOBAL: KillSwitch()})
        self.by_client_id: dict[tuple[str, str], int] = {}
        self.lease_limits: dict[str, int] = {}
        """Line -> its limit. Kept by the fold."""
        self.leases = LeaseBook(self.lease_limits, self.tables.leases)
        self.reservations = Reservations(self.tables.instruments)
        self.worth = Worth(self.tables.instruments, self.tables.prices, self.tables.day_start)
        for position in self.tables.positions.values():
            self.worth.update(position)
        self.unsaved: Unsaved | None = None
        """What the next snapshot must hold; None: nobody makes one in parts."""
        self.held: dict[int, Order] = {}
        """Orders that the engine keeps for now, by id."""
        self.blocked: dict[int, None] = {}
        """Those of them that fired and wait for own orders to be cancelled."""
        self.alarms: list[tuple[int, int]] = []
        """Heap of (due_ns, order id); what the order itself does not say any more is left behind there."""
        self.request_order: deque[str]
        """Oldest first: that is the one to forget. (The dict's own order costs more and more to find its first.)"""
        self.early = EarlyCorrections(self.tables.early)
        self.bookings: dict[str, Bookings] = {}
        self.seen = Seen()
        """What the parts of statements agreed with."""
        self.queries: list[tuple[int, int, str]] = []
        """Heap of (query_ns, order id, client order id); what is in doubt no more is left behind there."""
        self._uncertain: dict[int, Order] = {}
        """Orders that were in doubt once, by id."""
        self._filled_before: dict[str, list[Order]] = {}
        """``account|instrument`` -> orders with executions of before the restart."""
        self._restarted_at = self.tables.next_execution
        for order in self.tables.orders.values():
            self.index(order)
            self.reservations.restore(order)
            self.keep(order)
            if order.doubts:
                self.watch_doubts(order)
            if order.executions:
                key = position_key(order.account, order.instrument)
                self._filled_before.setdefault(key, []).append(order)
        self.termed = {order.order_id: order for order in self.tables.orders.values() if is_termed(order)}
        """Orders that say more than the ordinary, and may still want something."""
        self.watch = Watch(self.tables, self.termed.values())
        self.families = Families(self.tables.orders, self.tables.parents)
        requests = sorted(self.tables.requests.items(), key=lambda item: item[1])
        self.tables.requests = dict(requests)
        self.request_order = deque(self.tables.requests)

    def track(self) -> None:
        """From now on note what changes, so that a snapshot in parts can be made; the first one holds everything."""
        tables, self.unsaved = self.tables, Unsaved()
        self.unsaved.everything(tables.orders, tables.executions, tables.requests)

    def executed(self, key: str, order_id: int) -> None:
        """The execution is known from now on: told again, it is a duplicate."""
        self.tables.executions[key] = order_id
        if self.unsaved is not None:
            self.unsaved.execution(key, order_id)

    def index(self, order: Order) -> None:
        """Make the order findable under each id that it ever had at its venue."""
        venue = self.tables.instruments[order.instrument].venue
        for client_order_id in (order.client_order_id, *order.chain):
            self.by_client_id[venue, client_order_id] = order.order_id

    def keep(self, order: Order) -> None:
        """Note whether the engine holds the order, and when it wants to look at it."""
        if order.held is not None:
            self.held[order.order_id] = order
        else:
            self.held.pop(order.order_id, None)
        if order.held is Held.SELF_MATCH:
            self.blocked[order.order_id] = None
        else:
            self.blocked.pop(order.order_id, None)
        if order.held is Held.RELEASE:
            self.tables.fired.setdefault(order.order_id)
        else:
            self.tables.fired.pop(order.order_id, None)
        if order.due_ns:
            heappush(self.alarms, (order.due_ns, order.order_id))

    def next_due_ns(self) -> int | None:
        """When the engine wants a ``Wake``; None: it waits for nothing but news."""
        alarm_ns, query = self.next_alarm_ns(), self.next_query()
        if alarm_ns is None or query is None:
            return alarm_ns if query is None else query[0]
        return min(alarm_ns, query[0])

    def next_alarm_ns(self) -> int | None:
        """When it wants to look at an order again."""
        while self.alarms:
            due_ns, order_id = self.alarms[0]
            if self.tables.orders[order_id].due_ns == due_ns:
                return due_ns
            heappop(self.alarms)
        return None

    def uncertain_orders(self) -> list[Order]:
        """Those of which something was sent without a known outcome, oldest first."""
        self._uncertain = {order_id: order for order_id, order in self._uncertain.items() if order.doubts}
        return [self._uncertain[order_id] for order_id in sorted(self._uncertain)]

    def kept_corrections(self) -> list[CorrectionKept]:
        return self.early.all()

    def watch_doubts(self, order: Order) -> None:
        """Note when the venue is to be asked what became of it."""
        self._uncertain[order.order_id] = order
        for doubt in order.doubts:
            entry = doubt.query_ns, order.order_id, doubt.client_order_id
            if doubt.query_ns:
                heappush(self.queries, entry)

    def next_query(self) -> tuple[int, Order, Doubt] | None:
        """(when, about which order, about what) the venue is to be asked next."""
        while self.queries:
            query_ns, order_id, client_order_id = self.queries[0]
            order = self.tables.orders[order_id]
            for doubt in order.doubts:
                if doubt.client_order_id == client_order_id and doubt.query_ns == query_ns:
                    return query_ns, order, doubt
            heappop(self.queries)
        return None

    @property
    def reconciling(self) -> bool:
        """May a report settle a difference? Cheap: asked at each step."""
        tables = self.tables.reconciliation
        return bool(tables.differences or tables.adjustments)

    def differences(self) -> Iterable[Difference]:
        return self.tables.reconciliation.differences.values()

    def standings(self) -> Iterable[Standing]:
        return self.tables.reconciliation.standings.values()

    def bookings_of(self, order: Order) -> Bookings:
        key = position_key(order.account, order.instrument)
        if (found := self.bookings.get(key)) is None:
            position = self.tables.positions.get(key) or Position(account=order.account, instrument=order.instrument)
            instrument, earlier = self.tables.instruments[order.instrument], self._filled_before.pop(key, ())
            splits = self.tables.accounting.splits
            found = self.bookings[key] = Bookings(instrument, position, self._restarted_at, earlier, splits)
        return found

    def watched(self, quote: Quote, now_ns: int | None = None) -> bool:
        """Does an order want to hear of this quote? Asked by the driver for each piece of market data."""
        now_ns = quote.time_ns if now_ns is None else now_ns
        return self.watch.watched(quote, now_ns) or self.families.watched(quote, now_ns)

    def due_instruments(self, now_ns: int) -> set[str]:
        """Those whose market an alarm that rings by now may want to see: the driver brings it with the input."""
        orders = self.tables.orders
        due = (orders[order_id] for due_ns, order_id in self.alarms if due_ns <= now_ns)
        return {order.instrument for order in due if 0 < order.due_ns <= now_ns}

    def algo(self, order_id: int, now_ns: int) -> tuple[Parent, AlgoView] | None:
        """A parent order and how far it is; None: the order does not go out in slices."""
        if (parent := self.tables.parents.get(order_id)) is None:
            return None
        return parent, self.families.view(self.tables.orders[order_id], parent, now_ns)

    def parents(self) -> Iterable[Parent]:
        return self.tables.parents.values()

    def remember_request(self, request_id: str, sequence: int) -> None:
        requests = self.tables.requests
        if request_id in requests:  # Rare: drivers answer a repeat without asking the engine.
            del requests[request_id]
            self.request_order.remove(request_id)
        requests[request_id] = sequence
        self.request_order.append(request_id)
        if self.unsaved is not None:
            self.unsaved.request(request_id, sequence)
        if len(requests) > REQUEST_MEMORY:
            del requests[self.request_order.popleft()]

    def working_orders(self) -> list[Order]:
        """Those that may still be filled at their venues, oldest first."""
        return self.reservations.orders()

    def open_orders(self) -> list[Order]:
        """The working ones, and those that the engine holds, oldest first."""
        working = self.reservations.orders()
        return working if not self.held else sorted([*working, *self.held.values()], key=lambda o: o.order_id)

    def instruments(self) -> Iterable[Instrument]:
        return self.tables.instruments.values()

    def instrument(self, instrument: str) -> Instrument | None:
        return self.tables.instruments.get(instrument)

    def order(self, order_id: int) -> Order | None:
        return self.tables.orders.get(order_id)

    def group(self, group_id: int) -> Group | None:
        return self.tables.groups.get(group_id)

    def groups(self) -> Iterable[Group]:
        return self.tables.groups.values()

    def is_group_open(self, group: Group) -> bool:
        orders = (self.tables.orders[order_id] for order_id in group.members)
        return any(lifecycle.may_trade(order) for order in orders)

    def orders(self) -> Iterable[Order]:
        return self.tables.orders.values()

    def positions(self) -> Iterable[Position]:
        return self.tables.positions.values()

    def position(self, account: str, instrument: str) -> Position | None:
        return self.tables.positions.get(position_key(account, instrument))

    def strategy_positions(self, strategy: str, account: str) -> list[Position]:
        """What the strategy's own fills add up to, per instrument; the account's positions are everybody's."""
        mine: dict[str, list[Order]] = {}
        for order in self.tables.orders.values():
            if order.strategy == strategy and order.account == account and order.executions:
                mine.setdefault(order.instrument, []).append(order)
        return [
            booked(account, self.tables.instruments[name], orders, self.tables.accounting.splits.get(name, ()))
            for name, orders in mine.items()
        ]

    def limits(self) -> Iterable[tuple[Limits, int]]:
        return self.tables.limits.values()

    def kill_switches(self) -> Iterable[KillSwitch]:
        return self.tables.kill_switches.values()

    def breakers(self) -> Iterable[BreakerState]:
        return self.tables.breakers.values()

    def marks(self) -> Iterable[MarkState]:
        return self.tables.marks.values()

    def credit(self) -> Iterable[CreditState]:
        return self.tables.credit.values()

    def day_began_ns(self) -> int:
        return self.tables.day_began_ns

    def day_profits(self) -> Iterable[DayProfit]:
        rejects = self.tables.rejects
        return [
            DayProfit(account=name, pnl_nanos=self.worth.day_nanos(name), rejects_in_row=rejects.get(name, 0))
            for name in self.tables.accounts
        ]

    def proposals(self) -> Iterable[Proposal]:
        return self.tables.proposals.values()


def position_key(account: str, instrument: str) -> str:
    return f"{account}|{instrument}"


def execution_key(venue: str, account: str, execution_id: str) -> str:
    return f"{venue}|{account}|{execution_id}"
