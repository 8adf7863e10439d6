"""One gateway and one venue in simulated time. The same seed gives the same world, event by event.

The engine, the records of its journal and the paper venue are the real ones; the loop, the disk and the network between
them are this file. Faults: reports that come late, twice, out of order or not at all until the link is made anew (then
the venue tells everything again, as a resend does); commands that are on their way when the process dies, and arrive or
don't; a process that dies at any moment and comes back from the entries that were durable; a clock that jumps ahead.

Judged after each step: no fill that the venue did not make, and the position is the sum of the fills that stand. After
each death: the engine that comes back has the digest of the one that was, at its last durable entry, and knows every
order that was sent. At the end, when everything has been told: the books are the venue's, fill by fill.

Not in it: the asyncio driver (``app/gateway.py``), gRPC, the sockets of real venues, hot gates.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final

from bench.paper_trading import ACCOUNT, ACTOR, BTC, MARK_TICKS, QUOTE, START_NS, openings, submission
from meltica import hot
from meltica.domain import lifecycle
from meltica.domain.commands import AmendOrder, CancelOrder
from meltica.domain.events import Event
from meltica.domain.inputs import Input, Record, decode_record, encode_record
from meltica.domain.market import BookUpdate, Mark
from meltica.domain.order import Side
from meltica.domain.order_events import CancelRequested, OrderSubmitted, ReplaceRequested
from meltica.domain.reports import ExecType, ExecutionReport, OrderCancelReject, VenueReport
from meltica.engine.engine import Engine
from meltica.engine.snapshot import snapshot
from meltica.venues.paper.session import PaperSession

ROWS: Final[dict[str, Any]] = {"max_instruments": 16, "max_accounts": 4}
MS: Final = 1_000_000
WEIGHTS: Final = (35, 15, 12, 30, 3, 2, 1)
"""How often: an order, a change of one, a market move, a flush, a death, a resend, a jump of the clock."""
COPIES: Final = (10, 80, 10)
"""Of a hundred reports: lost, told once, told twice."""
SENT: Final = (OrderSubmitted, CancelRequested, ReplaceRequested)


class BrokenInvariantError(AssertionError):
    """The message begins with the seed and the step: ``World(seed).run(step)`` shows it again."""


class World:
    def __init__(self, seed: int) -> None:
        self.seed, self.dice = seed, random.Random(seed)
        self.now_ns = self.began_ns = START_NS
        self.steps = 0
        self.faults: Counter[str] = Counter()
        self.venue = PaperSession(BTC.venue, [BTC])
        self.sent: list[OrderSubmitted] = []
        self.told: list[VenueReport] = []
        """All that the venue ever said: the truth."""
        self._wire: list[tuple[int, int, Any]] = []
        """Heap of (when, tie, command or report)."""
        self._ties, self._names = count(), (f"r{number}" for number in count(1))
        self.journal: list[bytes] = []
        self.durable = 0
        self._digests: dict[int, str] = {}
        self._waiting: list[tuple[int, Event]] = []
        """Effects that wait for their entry to be durable."""
        self.engine = self._fresh()
        for command in openings(self._names):
            self._take(command)
        self._flush()
        self._market()

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.steps += 1
            self.now_ns += self.dice.randrange(1, 200 * MS)
            self._one()
            self._judge_step()
        self._reunite()
        self._judge_end()

    # What happens

    def _one(self) -> None:
        self._deliver()
        acts = (self._order, self._change_one, self._market, self._flush, self._die, self._tell_again, self._jump)
        self.dice.choices(acts, WEIGHTS)[0]()

    def _order(self) -> None:
        self._take(submission(next(self._names), self._side(), self._price()))

    def _jump(self) -> None:
        self.faults["clock jumps"] += 1
        self.now_ns += self.dice.randrange(60_000 * MS)

    def _side(self) -> Side:
        return self.dice.choice([Side.BUY, Side.SELL])

    def _price(self) -> int | None:
        return self.dice.choice([None, MARK_TICKS, MARK_TICKS - 30, MARK_TICKS + 30])

    def _change_one(self) -> None:
        working = self.engine.state.working_orders()
        if not working:
            return
        who: dict[str, Any] = {
            "request_id": next(self._names),
            "actor": ACTOR,
            "order_id": self.dice.choice(working).order_id,
        }
        if self.dice.choice((True, False)):
            self._take(CancelOrder(**who))
        else:
            self._take(AmendOrder(**who, quantity_lots=self.dice.randrange(1, 300)))

    def _market(self) -> None:
        middle = MARK_TICKS + self.dice.randrange(-40, 40)
        bids, asks = ((middle - 1, self.dice.randrange(1, 500)),), ((middle + 1, self.dice.randrange(1, 500)),)
        self._said(self.venue.receive(BookUpdate(BTC.instrument, self.now_ns, bids, asks, snapshot=True), self.now_ns))

    # The process

    @staticmethod
    def _fresh() -> Engine:
        return Engine(hot.Gate(**ROWS), **ROWS)

    def _take(self, body: Any) -> None:
        happened = Input(self.now_ns, body, (Mark(BTC.instrument, self.now_ns, MARK_TICKS, *QUOTE),))
        events = self.engine.step(happened)
        self.journal.append(encode_record(Record(happened, events)))
        self._waiting += [(len(self.journal), event) for event in events if isinstance(event, SENT)]

    def _flush(self) -> None:
        """The journal is durable: now its effects may leave."""
        self.durable = len(self.journal)
        self._digests[self.durable] = snapshot.digest(self.engine)
        for _, event in self._waiting:
            self._send(event)
        self._waiting.clear()

    def _die(self) -> None:
        """Entries that were flushed are there; of the others the disk kept some, from the front."""
        self.faults["deaths"] += 1
        del self.journal[self.dice.randint(self.durable, len(self.journal)) :]
        self._waiting.clear()
        self._wire = [one for one in self._wire if self.dice.choice((True, False)) or not isinstance(one[2], SENT)]
        self._wire.sort()
        self.engine = self._fresh()
        for sequence, payload in enumerate(self.journal, 1):
            self.engine.absorb(sequence, decode_record(payload))
            if sequence == self.durable and snapshot.digest(self.engine) != self._digests[sequence]:
                self._broken("the engine that came back is not the one that was")
        orders = self.engine.state.tables.orders
        for event in self.sent:
            order = orders.get(event.order_id)
            if order is None or (order.side, order.created_ns) != (event.side, event.time_ns):
                self._broken(f"order {event.client_order_id} was sent and is forgotten")
        self._reunite()

    # The link

    def _send(self, event: Event) -> None:
        if isinstance(event, OrderSubmitted):
            self.sent.append(event)
        heappush(self._wire, (self.now_ns + self.dice.randrange(300 * MS), next(self._ties), event))

    def _said(self, reports: Iterable[VenueReport]) -> None:
        for report in reports:
            self.told.append(report)
            copies = self.dice.choices((0, 1, 2), COPIES)[0]
            self.faults[("lost", "told once", "twice")[copies]] += 1
            for _ in range(copies):
                late = self.dice.choice([0, 0, 50 * MS, 2_000 * MS])
                heappush(self._wire, (self.now_ns + late, next(self._ties), report))

    def _deliver(self) -> None:
        while self._wire and self._wire[0][0] <= self.now_ns:
            _, _, what = heappop(self._wire)
            if isinstance(what, SENT):
                self.venue.send(what, self.now_ns)
                self._said(self.venue.due(self.now_ns))
            else:
                self._take(what)

    def _tell_again(self) -> None:
        """The link is made anew: the venue says everything once more, in its order."""
        self.faults["resends"] += 1
        for report in self.told:
            self._take(report)

    def _reunite(self) -> None:
        """All that is on its way arrives, then the venue is asked for everything, and for what it never heard of."""
        self._flush()
        while self._wire:
            self.now_ns = max(self.now_ns, self._wire[0][0])
            self._deliver()
            self._flush()
        self._tell_again()
        heard = {report.client_order_id for report in self.told}
        for order in self.engine.state.working_orders():
            for request in order.pending:
                if request.client_order_id not in heard:
                    self._take(_unheard(request.client_order_id, order.client_order_id))
            if order.client_order_id not in heard:
                self._take(_never_arrived(order.client_order_id))
        self._flush()

    # Judgement

    def _judge_step(self) -> None:
        position = self.engine.state.position(ACCOUNT, BTC.instrument)
        orders = self.engine.state.tables.orders.values()
        booked = sum(o.side.sign * x.quantity_lots for o in orders for x in o.executions.values())
        if (position.lots if position else 0) != booked:
            self._broken(f"the position is {position}, the fills add up to {booked}")
        said = _fills(self.told)
        invented = [x for o in orders for x in o.executions if x not in said]
        if invented:
            self._broken(f"fills that the venue never made: {invented}")

    def _judge_end(self) -> None:
        fills = _fills(self.told)
        orders = self.engine.state.tables.orders.values()
        ours = {x.execution_id: x.quantity_lots for o in orders for x in o.executions.values()}
        if ours != fills:
            self._broken(f"the venue made {len(fills)} fills, the books have {len(ours)}")
        working = [o for o in orders if lifecycle.is_working(o)]
        if len(working) != self.venue.working_orders:
            self._broken(f"{len(working)} orders work by the books, {self.venue.working_orders} at the venue")

    def _broken(self, what: str) -> None:
        raise BrokenInvariantError(f"seed {self.seed}, step {self.steps}: {what}")


def _fills(told: Iterable[VenueReport]) -> dict[str, int]:
    """Execution id -> lots."""
    trades = [one for one in told if isinstance(one, ExecutionReport) and one.exec_type is ExecType.TRADE]
    return {trade.execution_id: trade.last_quantity_lots for trade in trades}


def _never_arrived(client_order_id: str) -> ExecutionReport:
    return ExecutionReport(
        venue=BTC.venue, client_order_id=client_order_id, exec_type=ExecType.REJECTED, text="never arrived", unsent=True
    )


def _unheard(client_order_id: str, original: str) -> VenueReport:
    return OrderCancelReject(
        venue=BTC.venue, client_order_id=client_order_id, original_client_order_id=original, text="never arrived"
    )
