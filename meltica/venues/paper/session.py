"""The paper venue: takes orders, matches them against a real or synthetic market, reports as a real venue does.

Deterministic: no clock, no randomness, no I/O. The same commands and market events at the same times give the same
reports, ids included.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from meltica.domain.errors import InvariantError
from meltica.domain.instrument import Instrument
from meltica.domain.market import BookInvalid, BookUpdate, MarketEvent, MarketTrade, TradingStatus
from meltica.domain.order import Order, OrderType, Pending, PendingKind, TimeInForce
from meltica.domain.order_events import CancelRequested, OrderSubmitted, ReplaceRequested
from meltica.domain.ports import VenueCommand
from meltica.domain.reports import ExecType, ExecutionReport, OrderCancelReject, VenueReport
from meltica.domain.terms import NO_TERMS
from meltica.venues.paper import rules
from meltica.venues.paper.latency import NO_LATENCY, Latency
from meltica.venues.paper.matching import Matcher
from meltica.venues.paper.order import PaperOrder

MAX_WORKING_ORDERS = 200_000
"""Twice the largest load that the gateway is tested with; beyond it new orders are refused."""
MAX_COMMANDS_IN_FLIGHT = 100_000
"""Commands that have not arrived yet; beyond it new orders are refused at once."""
MAX_REPORTS_WAITING = 1_000_000
"""Reports on their way back. Losing one is losing money, so reaching this stops the gateway instead."""
FINISHED_REMEMBERED = 100_000
"""Finished orders that a late cancel or a repeated id still finds; older ones are unknown."""

_LIMIT, _NEW, _TRADE = OrderType.LIMIT, ExecType.NEW, ExecType.TRADE


class PaperSession:
    """A ``VenueSession``. ``epoch`` grows with every start of the process, so that no id is ever given twice."""

    def __init__(
        self, venue: str, instruments: Iterable[Instrument] = (), *, epoch: int = 0, latency: Latency = NO_LATENCY
    ) -> None:
        self._venue = venue
        self._epoch = epoch
        self._latency = latency
        self._instruments: dict[str, Instrument] = {}
        self._matchers: dict[str, Matcher] = {}
        self._orders: dict[str, PaperOrder] = {}
        """By every client order id that an order was known under."""
        self._finished: deque[PaperOrder] = deque()
        self._working = 0
        self._commands: deque[tuple[int, VenueCommand]] = deque()
        self._reports: deque[tuple[int, VenueReport]] = deque()
        self._now_ns = 0
        self._at_ns = 0
        """The time of what is being handled; reports leave from there."""
        self._orders_made = 0
        self._sequence = 0
        self._executions_made = 0
        for instrument in instruments:
            self.add_instrument(instrument)

    @property
    def venue(self) -> str:
        return self._venue

    @property
    def working_orders(self) -> int:
        return self._working

    def add_instrument(self, instrument: Instrument) -> None:
        """Trade this instrument too; one that is known gets its new facts (fees, limits)."""
        self._instruments[instrument.instrument] = instrument
        self._matchers.setdefault(instrument.instrument, Matcher(self._on_fill, self._on_cancel))

    # The port

    def send(self, command: VenueCommand, now_ns: int) -> None:
        self._advance(now_ns)
        if len(self._commands) >= MAX_COMMANDS_IN_FLIGHT:
            self._at_ns = self._now_ns
            self._refuse(command, "the venue's input queue is full")
            return
        self._commands.append((self._now_ns + self._latency.entry_ns, command))

    def receive(self, event: MarketEvent, now_ns: int) -> Sequence[VenueReport]:
        self._advance(now_ns)
        self._take_commands()
        self._at_ns = self._now_ns
        if (matcher := self._matchers.get(event.instrument)) is not None:
            match event:
                case BookUpdate():
                    matcher.update(event)
                case MarketTrade():
                    matcher.trade(event)
                case BookInvalid():
                    matcher.invalidate()
                case TradingStatus():
                    matcher.set_halted(event.halted)
        return self._released()

    def due(self, now_ns: int) -> Sequence[VenueReport]:
        self._advance(now_ns)
        self._take_commands()
        return self._released()

    def next_deadline_ns(self) -> int | None:
        first = [queue[0][0] for queue in (self._commands, self._reports) if queue]
        return min(first, default=None)

    # Beyond the port

    def end_session(self, now_ns: int) -> Sequence[VenueReport]:
        """The trading day is over: DAY orders expire."""
        self._advance(now_ns)
        self._take_commands()
        self._at_ns = self._now_ns
        for matcher in self._matchers.values():
            for order in matcher.working():
                if order.time_in_force is TimeInForce.DAY:
                    matcher.withdraw(order)
                    self._end(order, ExecType.EXPIRED, "end of the trading day")
        return self._released()

    def restore(self, orders: Iterable[Order], now_ns: int) -> Sequence[VenueReport]:
        """After a restart: the working orders as the gateway remembers them, oldest first.

        Resting orders go to the end of their queues. What had no acknowledgement gets one. Market, IOC and FOK orders
        are cancelled: the moment they were meant for is gone. Cancels and replaces under way are carried out, and come
        too late for what is filled.
        """
        self._advance(now_ns)
        self._at_ns = self._now_ns
        for known in orders:
            if known.cumulative_lots < known.quantity_lots:
                self._restore(known)
            else:
                self._restore_filled(known)
        return self._released()

    def _restore_filled(self, known: Order) -> None:
        for request in known.pending:
            text = f"too late to {request.kind.name.lower()}: the order is filled"
            self._reject_request(request.client_order_id, request.original_client_order_id, text)

    def _restore(self, known: Order) -> None:
        order = rules.remembered(known, known.venue_order_id or self._next_venue_order_id(), self._next_sequence())
        if order.client_order_id in self._orders:
            raise InvariantError(f"paper venue {self._venue}: {order.client_order_id} is known already, not restored")
        self._admit(order, acknowledge=not known.acknowledged)
        self._know_by(order, known)
        matcher = self._matchers.get(order.instrument)
        if matcher is None:
            self._end(order, ExecType.CANCELED, f"unknown instrument {order.instrument} since the venue restarted")
        elif order.trigger is not None:
            matcher.enter(order)
        elif order.immediate:
            self._end(order, ExecType.CANCELED, "the venue restarted before it was done")
        else:
            matcher.rest(order)
        for request in known.pending:
            self._restore_request(request)

    def _know_by(self, order: PaperOrder, known: Order) -> None:
        """A request names the order as it was called when it was made: perhaps by an id that a replace has given up."""
        asked = {request.client_order_id for request in known.pending}
        names = [name for name in known.chain if name not in asked and name not in self._orders]
        order.chain = (*order.chain, *names)
        self._orders |= dict.fromkeys(names, order)

    def _restore_request(self, request: Pending) -> None:
        ids = request.client_order_id, request.original_client_order_id
        if request.kind is PendingKind.CANCEL:
            return self._cancel(*ids)
        return self._replace(*ids, request.quantity_lots, request.price_ticks)

    # Time

    def _advance(self, now_ns: int) -> None:
        if now_ns > self._now_ns:  # noqa: PLR1730 - a clock that steps back reorders nothing
            self._now_ns = now_ns

    def _take_commands(self) -> None:
        while self._commands and self._commands[0][0] <= self._now_ns:
            self._at_ns, command = self._commands.popleft()
            match command:
                case OrderSubmitted():
                    self._submit(command)
                case CancelRequested():
                    self._cancel(command.client_order_id, command.original_client_order_id)
                case ReplaceRequested():
                    self._replace(
                        command.client_order_id,
                        command.original_client_order_id,
                        command.quantity_lots,
                        command.price_ticks,
                    )

    def _released(self) -> list[VenueReport]:
        reports, now = self._reports, self._now_ns
        released = []
        while reports and reports[0][0] <= now:
            released.append(reports.popleft()[1])
        return released

    # Commands

    def _submit(self, command: OrderSubmitted) -> None:
        if why := self._refusal(command):
            self._reject(command.client_order_id, why)
            return
        order = PaperOrder(
            client_order_id=command.client_order_id,
            venue_order_id=self._next_venue_order_id(),
            instrument=command.instrument,
            side=command.side,
            order_type=command.order_type.sent_as,
            time_in_force=command.time_in_force,
            quantity_lots=command.quantity_lots,
            price_ticks=command.price_ticks,
            post_only=command.post_only,
            sequence=self._next_sequence(),
            trigger=None if command.terms is None else rules.trigger(command.order_type, command.terms),
            min_lots=(command.terms or NO_TERMS).min_lots,
            display_lots=(command.terms or NO_TERMS).display_lots,
        )
        self._admit(order, acknowledge=True)
        self._matchers[order.instrument].enter(order)

    def _refusal(self, command: OrderSubmitted) -> str:
        """Why the venue does not take the order; empty: it does."""
        if command.client_order_id in self._orders:
            return f"duplicate client order id {command.client_order_id}"
        if self._working >= MAX_WORKING_ORDERS:
            return f"the venue has {MAX_WORKING_ORDERS} working orders and takes no more"
        instrument = self._instruments.get(command.instrument)
        if instrument is None:
            return f"unknown instrument {command.instrument}"
        priced = command.order_type.sent_as is _LIMIT
        return rules.malformed(instrument, command.quantity_lots, command.price_ticks, priced=priced) or rules.untimely(
            self._matchers[command.instrument], command
        )

    def _cancel(self, client_order_id: str, original_client_order_id: str) -> None:
        order = self._orders.get(original_client_order_id)
        if order is None or order.finished:
            self._reject_request(client_order_id, original_client_order_id, rules.too_late("cancel", order))
            return
        self._matchers[order.instrument].withdraw(order)
        self._end(order, ExecType.CANCELED, "", request_id=client_order_id)

    def _replace(
        self, client_order_id: str, original_client_order_id: str, quantity_lots: int, price_ticks: int | None
    ) -> None:
        order = self._orders.get(original_client_order_id)
        if order is None or order.finished:
            self._reject_request(client_order_id, original_client_order_id, rules.too_late("replace", order))
            return
        price = order.price_ticks if price_ticks is None else price_ticks
        quantity = max(quantity_lots, order.cumulative_lots)  # FIX C.3.c: not below what is done.
        matcher = self._matchers[order.instrument]
        why = rules.bad_replace(self._instruments[order.instrument], matcher, order, quantity, price)
        if quantity < 1:
            why = "a quantity of nothing is a cancel: ask for that"
        if client_order_id in self._orders:
            why = f"duplicate client order id {client_order_id}"
        if why:
            self._reject_request(client_order_id, original_client_order_id, why)
            return
        keeps_place = price == order.price_ticks and quantity <= order.quantity_lots
        if not keeps_place or quantity == order.cumulative_lots:
            matcher.withdraw(order)
        order.quantity_lots, order.price_ticks = quantity, price
        self._rename(order, client_order_id)
        if quantity == order.cumulative_lots:
            self._finish(order, "filled")
        elif not keeps_place:
            order.sequence = self._next_sequence()
            matcher.enter(order)

    def _rename(self, order: PaperOrder, client_order_id: str) -> None:
        original, order.client_order_id = order.client_order_id, client_order_id
        order.chain = (*order.chain, client_order_id)
        self._orders[client_order_id] = order
        self._report(
            ExecutionReport(
                venue=self._venue,
                client_order_id=client_order_id,
                exec_type=ExecType.REPLACED,
                original_client_order_id=original,
                venue_order_id=order.venue_order_id,
                order_quantity_lots=order.quantity_lots,
                price_ticks=order.price_ticks,
                venue_time_ns=self._at_ns,
            )
        )

    # What happens to orders

    def _admit(self, order: PaperOrder, *, acknowledge: bool) -> None:
        self._orders[order.client_order_id] = order
        self._working += 1
        if acknowledge:
            self._report(
                ExecutionReport(
                    venue=self._venue,
                    client_order_id=order.client_order_id,
                    exec_type=_NEW,
                    venue_order_id=order.venue_order_id,
                    venue_time_ns=self._at_ns,
                )
            )

    def _on_fill(self, order: PaperOrder, lots: int, price_ticks: int, maker: bool) -> None:
        self._executions_made += 1
        self._report(
            ExecutionReport(
                venue=self._venue,
                client_order_id=order.client_order_id,
                exec_type=_TRADE,
                venue_order_id=order.venue_order_id,
                execution_id=f"{self._epoch}-{self._executions_made}",
                last_quantity_lots=lots,
                last_price_ticks=price_ticks,
                fee_nanos=rules.fee_nanos(self._instruments[order.instrument], price_ticks, lots, maker=maker),
                maker=maker,
                venue_time_ns=self._at_ns,
            )
        )
        if order.leaves_lots == 0:
            self._finish(order, "filled")

    def _on_cancel(self, order: PaperOrder, why: str) -> None:
        self._end(order, ExecType.CANCELED, why)

    def _end(self, order: PaperOrder, how: ExecType, why: str, *, request_id: str = "") -> None:
        self._report(
            ExecutionReport(
                venue=self._venue,
                client_order_id=request_id or order.client_order_id,
                exec_type=how,
                original_client_order_id=order.client_order_id if request_id else "",
                venue_order_id=order.venue_order_id,
                text=why,
                venue_time_ns=self._at_ns,
            )
        )
        self._finish(order, how.value.lower())

    def _finish(self, order: PaperOrder, how: str) -> None:
        order.finished = how
        self._working -= 1
        self._finished.append(order)
        if len(self._finished) > FINISHED_REMEMBERED:
            for client_order_id in self._finished.popleft().chain:
                del self._orders[client_order_id]

    # Reports

    def _reject(self, client_order_id: str, why: str) -> None:
        self._report(
            ExecutionReport(venue=self._venue, client_order_id=client_order_id, exec_type=ExecType.REJECTED, text=why)
        )

    def _reject_request(self, client_order_id: str, original_client_order_id: str, why: str) -> None:
        self._report(
            OrderCancelReject(
                venue=self._venue,
                client_order_id=client_order_id,
                original_client_order_id=original_client_order_id,
                text=why,
            )
        )

    def _refuse(self, command: VenueCommand, why: str) -> None:
        if isinstance(command, OrderSubmitted):
            self._reject(command.client_order_id, why)
        else:
            self._reject_request(command.client_order_id, command.original_client_order_id, why)

    def _report(self, report: VenueReport) -> None:
        if len(self._reports) >= MAX_REPORTS_WAITING:
            raise InvariantError(f"paper venue {self._venue}: {len(self._reports)} reports wait; is `due` ever called?")
        self._reports.append((self._at_ns + self._latency.response_ns, report))

    def _next_venue_order_id(self) -> str:
        self._orders_made += 1
        return f"{self._epoch}-{self._orders_made}"

    def _next_sequence(self) -> int:
        self._sequence += 1
        return self._sequence
