"""The judge: what must be so after each moment, after each death, and when everything has been told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from meltica import hot
from meltica.app.replay import is_gates_end
from meltica.app.settings import GATE_ACCOUNTS, GATE_INSTRUMENTS
from meltica.domain import lifecycle
from meltica.domain.commands import Command
from meltica.domain.inputs import Record, decode_record
from meltica.domain.limits import MANUAL
from meltica.domain.order import Order
from meltica.domain.order_events import CancelRequested, ReplaceRequested
from meltica.domain.ports import Answer, VenueCommand
from meltica.engine.engine import Engine
from meltica.engine.fold.fold import worst_case
from meltica.engine.snapshot import snapshot
from meltica.hot.state import COLUMNS
from meltica.journal.port import JournalSource
from meltica.journal.reader import entries
from meltica.ledger.ledger import Ledger

if TYPE_CHECKING:
    from sim.world.actors import Promise
    from sim.world.exchange import Fill
    from sim.world.life import Life
    from sim.world.world import World


ADJUSTMENT: Final = "adjustment-"
"""With which the execution ids of what persons booked begin."""


ASKED_MOST: Final = 150
"""Cancels and replaces of one order between two inspections: more is one that follows from its own refusal."""
ALL_EVERY: Final = 12
"""Inspections until those orders are looked at again to which nothing happens any more."""
MADE_MOST: Final = 300
"""Orders made between two inspections: more is one that follows from the end of the one before."""


class BrokenInvariantError(AssertionError):
    """The message begins with the seed and the moment; the same seed shows it again."""


def fresh_engine() -> Engine:
    rows: dict[str, Any] = {"max_instruments": GATE_INSTRUMENTS, "max_accounts": GATE_ACCOUNTS}
    return Engine(hot.Gate(**rows), **rows)


class Oracle:
    """Knows the journal entry by entry (a shadow engine absorbs them) and the venues' own books."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._shadow = fresh_engine()
        self.sent: set[str] = set()
        """Client order ids of all that ever left for a venue."""
        self.durable = 0
        """The newest entry that somebody was told of."""
        self.events: Counter[str] = Counter()
        self._asked: dict[int, int] = {}
        """Order -> how often its venue had been asked something about it at the last inspection."""
        self._touched: set[int] = set()
        """Orders of which something became durable since the last inspection."""
        self._turns = 0
        self._made = 1
        self._fresh = True
        """There was no inspection in this life yet."""

    def broken(self, what: str) -> None:
        world = self._world
        moment = (world.clock.now_ns - world.clock.began_ns) / 1e9
        raise BrokenInvariantError(f"seed {world.seed}, second {moment:.6f}: {what}")

    # While it runs

    def take(self, sequence: int, time_ns: int, record: Record) -> None:  # noqa: ARG002 - a keeper's form
        """A durable record."""
        if sequence <= self.durable:
            self.broken(f"entry {sequence} became durable after {self.durable}")
        self.durable = sequence
        for event in record.events:
            self.events[type(event).__name__] += 1
            if number := getattr(event, "order_id", 0):
                self._touched.add(number)

    def answered(self, command: Command, answer: Answer, before: Promise | None) -> None:
        """Somebody was told that this is so, and durable."""
        if before is not None and before.answer != answer:
            self.broken(f"{command.request_id} was answered with {before.answer}, and now with {answer}")

    def leaves(self, command: VenueCommand) -> None:
        """Nothing new goes out under an engaged kill switch."""
        life = self._world.life
        if life is None:
            return
        killed = any(switch.engaged for switch in life.gateway.state.kill_switches())
        if not killed or not isinstance(command, CancelRequested):
            self.sent.add(command.client_order_id)  # Cancels of a kill leave first, and are written down after.
        if isinstance(command, CancelRequested):
            return
        if isinstance(command, ReplaceRequested) and command.gate_lots == 0:
            return  # It only makes the order smaller.
        tables = life.gateway.state.tables
        order = tables.orders[command.order_id]
        names = ("", order.account, f"strategies/{order.strategy or MANUAL}", f"instruments/{order.instrument}")
        for name in names:
            if (switch := tables.kill_switches.get(name)) is not None and switch.engaged:
                self.broken(f"{command.client_order_id} leaves under the kill switch {name or 'of everything'}")

    def inspect(self, life: Life) -> None:
        """Between two steps of the engine."""
        engine = life.gateway._engine  # noqa: SLF001 - the judge looks at everything
        made = engine.state.tables.next_order_id - self._made
        if made > MADE_MOST and not self._fresh:
            self.broken(f"{made} orders were made in a moment")
        self._made = engine.state.tables.next_order_id
        self._inspect_orders(engine)
        self._fresh = False
        self._inspect_gate(engine)
        self._inspect_money(engine)
        self._world.judge.inspect(life)

    def _inspected(self, engine: Engine) -> Iterable[Order]:
        """What works, what something happened to, and now and then all."""
        self._turns = (self._turns + 1) % ALL_EVERY
        if self._fresh or self._turns == 0:
            self._touched.clear()
            return list(engine.state.tables.orders.values())
        found = {order.order_id: order for order in engine.state.open_orders()}
        found |= {number: engine.state.tables.orders[number] for number in self._touched}
        self._touched.clear()
        return list(found.values())

    def _inspect_orders(self, engine: Engine) -> None:
        for order in self._inspected(engine):
            parent = order.order_id in engine.state.tables.parents  # It has what its children have.
            done = sum(x.quantity_lots for x in order.executions.values()) + order.restated_lots
            if not parent and order.cumulative_lots != done:
                self.broken(f"order {order.order_id} has filled {order.cumulative_lots}, its executions {done}")
            fees = sum(x.fee_nanos for x in order.executions.values())
            if not parent and order.fees_nanos != fees:
                self.broken(f"order {order.order_id} has paid {order.fees_nanos}, by its executions {fees}")
            leaves, over = lifecycle.leaves_lots(order), lifecycle.overfill_lots(order)
            open_ended = order.ended is None and not order.done_for_day
            if open_ended and order.cumulative_lots + leaves - over != order.quantity_lots:
                self.broken(f"order {order.order_id}: {order.cumulative_lots} + {leaves} of {order.quantity_lots}")
            asked = order.last_request - self._asked.get(order.order_id, order.last_request if self._fresh else 0)
            if asked > ASKED_MOST:
                self.broken(f"order {order.order_id} was to be cancelled or replaced {asked} times in a moment")
            if order.last_request:
                self._asked[order.order_id] = order.last_request
            lots, _, _ = worst_case(order)
            if order.reserved_lots != lots:
                self.broken(f"order {order.order_id} may become {lots} lots, the gate holds {order.reserved_lots}")

    def _inspect_gate(self, engine: Engine) -> None:
        """The gate holds what the working orders may become: no more, no less."""
        tables, state = engine.state.tables, engine.gate.export_tables()
        lots: Counter[tuple[int, int, str]] = Counter()
        value: Counter[int] = Counter()
        count: Counter[int] = Counter()
        for order in engine.state.working_orders():
            if order.gate:
                continue  # Its own gate holds it.
            account, instrument = tables.accounts[order.account], tables.instruments[order.instrument]
            lots[account, instrument.handle, order.side.name.lower()] += order.reserved_lots
            value[account] += instrument.value_nanos(order.reserved_price_ticks, order.reserved_lots)
            count[account] += 1
        for row in _rows(state, "positions"):
            at = row["account_id"], row["instrument_id"]
            for side in ("buy", "sell"):
                if row[f"open_{side}_lots"] != lots[*at, side]:
                    self.broken(f"the gate holds {row[f'open_{side}_lots']} {side} at {at}, not {lots[*at, side]}")
            if row["position_lots"] != (ours := self._position(engine, *at)):
                self.broken(f"the gate's position at {at} is {row['position_lots']}, the books have {ours}")
        for row in _rows(state, "accounts"):
            held = row["open_value_nanos"], row["open_orders"]
            if held != (value[row["account_id"]], count[row["account_id"]]):
                expected = value[row["account_id"]], count[row["account_id"]]
                self.broken(f"the gate holds (value, orders) {held} for {row['account_id']}, not {expected}")

    @staticmethod
    def _position(engine: Engine, account_row: int, handle: int) -> int:
        tables = engine.state.tables
        account = next(name for name, row in tables.accounts.items() if row == account_row)
        name = next(each.instrument for each in tables.instruments.values() if each.handle == handle)
        found = engine.state.position(account, name)
        hot_lots = sum(lots for at, lots in tables.hot_lots.items() if at.split("|")[1:] == [account, name])
        return 0 if found is None else found.lots - hot_lots

    def _inspect_money(self, engine: Engine) -> None:
        """Position, cash and fees from the executions alone."""
        tables = engine.state.tables
        lots: Counter[tuple[str, str]] = Counter()
        cash: Counter[tuple[str, str]] = Counter()
        fees: Counter[tuple[str, str]] = Counter()
        for order in tables.orders.values():
            at, unit = (order.account, order.instrument), tables.instruments[order.instrument].value_per_tick_lot_nanos
            for x in order.executions.values():
                lots[at] += order.side.sign * x.quantity_lots
                cash[at] -= order.side.sign * x.quantity_lots * x.price_ticks * unit
                fees[at] += x.fee_nanos
        for position in engine.state.positions():
            at = position.account, position.instrument
            have = position.lots, position.realised_nanos - position.cost_nanos, position.fees_nanos
            if have != (lots[at], cash[at], fees[at]):
                self.broken(f"{at}: (lots, cash, fees) {have}, by the executions {(lots[at], cash[at], fees[at])}")
            if position.lots == 0 and position.cost_nanos:
                self.broken(f"{at} is flat and costs {position.cost_nanos}")

    # After a death

    def recovered(self, engine: Engine, source: JournalSource) -> None:
        """The engine that came back is the one that the journal tells of, and knows all that ever left."""
        tables = self._shadow.state.tables
        head = source.head().seq
        if head < self.durable:
            self.broken(f"entry {self.durable} was durable, the journal ends at {head}")
        for entry in entries(source, tables.sequence + 1):
            self._shadow.absorb(entry.seq, decode_record(entry.payload))
        if snapshot.digest(engine) != snapshot.digest(self._shadow):
            self.broken(f"the engine that came back at entry {head} is not the one that the journal tells of")
        known = {name for _, name in engine.state.by_client_id}
        if forgotten := sorted(self.sent - known):
            self.broken(f"sent and forgotten: {', '.join(forgotten[:5])}")

    def started(self, life: Life) -> None:
        self._fresh = True
        self._world.actors.gateway_is_back(life)

    # When all is quiet

    def unsettled(self, life: Life) -> str:
        """What is still open in a world where nothing goes wrong any more; empty: nothing."""
        state = life.gateway.state
        if life.gateway._outbox:  # noqa: SLF001 - as above
            return "something waits to be durable"
        for order in state.orders():
            if order.doubts:
                return f"order {order.order_id} is in doubt: {order.doubts}"
            if order.pending and order.ended is None:
                return f"order {order.order_id} waits for an answer: {order.pending}"
        for found in state.differences():
            return f"a difference stands: {found}"
        for standing in state.standings():
            if standing.guarded:
                return f"{standing.account} is not reconciled with {standing.venue}"
        return self._world.judge.unsettled(life) or self._unlike(life)

    def _unlike(self, life: Life) -> str:
        """Where the books are not the venues'; empty: nowhere."""
        state = life.gateway.state
        for exchange in self._world.exchanges:
            venue, book, ids = exchange.venue, exchange.book, state.by_client_id
            ours = [o for o in state.orders() if state.tables.instruments[o.instrument].venue == venue]
            known = {name: fill for name, fill in book.fills.items() if (venue, fill.order) in ids}
            found = (
                _fills_differ(known, ours)
                or _positions_differ(book.fills.values(), ours)
                or self._working_differ(book.open_orders(), ours, ids, venue)
            )
            if found:
                return f"{venue}: {found}"
        return ""

    @staticmethod
    def _working_differ(theirs: Any, ours: Iterable[Order], ids: Any, venue: str) -> str:
        working = {o.order_id: o for o in ours if o.held is None and lifecycle.is_working(o)}
        there = {ids.get((venue, order.chain[0]), order.chain[0]): order for order in theirs}
        if working.keys() != there.keys():
            here, gone = there.keys() - working.keys(), working.keys() - there.keys()
            return f"orders that work there alone {sorted(map(str, here))[:3]}, here alone {sorted(gone)[:3]}"
        for number, order in working.items():
            like = there[number]
            terms = like.quantity_lots, like.cumulative_lots, like.client_order_id
            if (order.quantity_lots, order.cumulative_lots, order.client_order_id) != terms:
                return f"order {number} is {terms} there, {order.quantity_lots, order.cumulative_lots} here"
        return ""

    # At the end

    def judge_end(self, life: Life, source: JournalSource) -> None:
        """Nothing is open: nothing is held. The journal alone tells the same story, to the engine and to the ledger."""
        engine = life.gateway._engine  # noqa: SLF001 - as above
        self.inspect(life)
        if working := engine.state.working_orders():
            self.broken(f"orders still work: {[order.order_id for order in working][:5]}")
        for row in _rows(engine.gate.export_tables(), "accounts"):
            if row["open_value_nanos"] or row["open_orders"]:
                self.broken(f"nothing is open, and the gate holds {row['open_value_nanos']} for {row['account_id']}")
        self._judge_journal(engine, source)

    def _judge_journal(self, engine: Engine, source: JournalSource) -> None:
        again, ledger = fresh_engine(), Ledger()
        asked: dict[str, tuple[int, Record]] = {}
        for entry in entries(source):
            record = decode_record(entry.payload)
            if is_gates_end(record):
                again.absorb(entry.seq, record)
            elif (events := again.step(record.input)) != record.events:
                self.broken(f"entry {entry.seq}, run again, gives {events}, not {record.events}")
            ledger.apply(entry.seq, entry.time_ns, record)
            if request_id := getattr(record.input.body, "request_id", ""):
                asked[request_id] = entry.seq, record
        if snapshot.digest(again) != snapshot.digest(engine):
            self.broken("a second run from the journal ends in another state")
        self._judge_promises(asked)
        self._judge_ledger(engine, ledger)

    def _judge_promises(self, asked: dict[str, tuple[int, Record]]) -> None:
        for name, (command, answer) in self._world.actors.promises.items():
            found = asked.get(name)
            if found is None:
                self.broken(f"{name} was answered and is not in the journal")
            elif (found[0], found[1].input.body, found[1].events) != (answer.sequence, command, answer.events):
                self.broken(f"{name} was answered otherwise than entry {found[0]} says")

    def _judge_ledger(self, engine: Engine, ledger: Ledger) -> None:
        for account, currencies in ledger.tables.balances.items():
            for currency, balance in currencies.items():
                if sum(balance):
                    self.broken(f"the ledger's books of {account} in {currency} add up to {sum(balance)}")
        for position in engine.state.positions():
            sums = ledger.stream(position.account, position.instrument).sums
            booked = sums.lots, sums.realised - sums.cost
            if booked != (position.lots, position.realised_nanos - position.cost_nanos):
                self.broken(f"the ledger has {booked} of {position}")


def _fills_differ(theirs: Mapping[str, Fill], ours: Iterable[Order]) -> str:
    """Of orders that are known here, each execution: none lost, none invented, none twice."""
    booked = {
        name: (o.account, o.strategy, o.instrument, o.side, x.quantity_lots, x.price_ticks, x.fee_nanos)
        for o in ours
        for name, x in o.executions.items()
        if not name.startswith(ADJUSTMENT)
    }
    made = {name: tuple(fill[:7]) for name, fill in theirs.items()}
    if booked == made:
        return ""
    lost, invented = made.keys() - booked.keys(), booked.keys() - made.keys()
    other = [name for name in made.keys() & booked.keys() if made[name] != booked[name]]
    said = [f"{other[0]}: {made[other[0]]}, here {booked[other[0]]}"] if other else []
    return f"fills lost {sorted(lost)[:3]}, invented {sorted(invented)[:3]}, different {said}"


def _positions_differ(theirs: Iterable[Fill], ours: Iterable[Order]) -> str:
    """With what persons booked on the venue's word for orders that nobody here knew."""
    lots: Counter[tuple[str, str]] = Counter()
    for fill in theirs:
        lots[fill.account, fill.instrument] += fill.side.sign * fill.lots
    for order in ours:
        for x in order.executions.values():
            lots[order.account, order.instrument] -= order.side.sign * x.quantity_lots
    apart = {at: more for at, more in lots.items() if more}
    return f"the venue has more than the books by {apart}" if apart else ""


def _rows(state: Any, table: str) -> Iterable[dict[str, Any]]:
    return [dict(zip(COLUMNS[table], row, strict=True)) for row in state[table]]
