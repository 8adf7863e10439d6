"""Nasdaq order entry over OUCH 5.0 as a pure object: our commands to messages, the host's messages to reports.

User reference numbers grow by one from what the host says is next. The host ignores a number that it has seen, so an
Enter Order or Replace whose outcome is unknown after a loss of the connection is settled without a guess: the answers
of what arrived are in the replay, the Account Query after it says up to which number that was, and what lies beyond
never arrived: it is sent again under its old number, or, when too old to be wanted any more, reported as rejected.

The driver owns the socket: ``connected``, ``take_bytes``, ``take_output``, ``disconnected``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from meltica.domain.errors import FieldError
from meltica.domain.instrument import Instrument
from meltica.domain.market import MarketEvent
from meltica.domain.order import Order, OrderType
from meltica.domain.order_events import CancelRequested, OrderSubmitted, ReplaceRequested
from meltica.domain.ports import VenueCommand
from meltica.domain.reports import ExecType, ExecutionReport, OrderCancelReject, VenueReport
from meltica.venues.nasdaq.ouch50 import CODEC
from meltica.venues.nasdaq.ouch_codec import OuchError, OuchMessage
from meltica.venues.nasdaq.ouch_orders import (
    MAX_ORDERS,
    OrderBook,
    OuchOrder,
    Request,
    RequestKind,
    Unanswered,
    remembered,
    wire_per_tick,
)
from meltica.venues.nasdaq.ouch_reports import NEVER_ARRIVED, Reporter
from meltica.venues.nasdaq.ouch_requests import Speech, cancels, sell
from meltica.venues.nasdaq.ouch_terms import TIFS, recall
from meltica.venues.nasdaq.soupbintcp import (
    Failed,
    LoggedIn,
    RemoteError,
    Sequenced,
    SessionEnded,
    SoupClient,
    SoupEvent,
)

RESEND_WITHIN_NS: Final = 5_000_000_000
"""An order that never arrived is sent again only so long after it was meant."""
LAST_REF: Final = 2**32 - 1


class OuchSession:
    """A ``VenueSession``, and the bytes of one OUCH port."""

    def __init__(
        self,
        venue: str,
        instruments: Iterable[Instrument],
        soup: SoupClient,
        *,
        firm: str = "",
        capacity: str = "P",
        display: str = "Y",
        sell_code: Callable[[OrderSubmitted], str] = sell,
        resend_within_ns: int = RESEND_WITHIN_NS,
        midnight_ns: int = 0,
    ) -> None:
        """``midnight_ns``: of the exchange's day, which its timestamps count from; 0: not known, and reports say no
        time of the venue."""
        self._venue = venue
        self._instruments = {instrument.instrument: instrument for instrument in instruments}
        self._soup = soup
        self._says = Speech(firm, capacity, display, sell_code)
        self._resend_within_ns = resend_within_ns
        self._book = OrderBook()
        self._reporter = Reporter(venue, self._book, midnight_ns)
        self._reports: deque[VenueReport] = deque()
        self._next_ref = 1
        self._surveys = False
        """After a restart: the next connection only asks where the stream stands."""
        self._old_until = 0
        """The stream's messages up to here were there before this process: no answers to its queries."""
        self.ready = False
        """Logged in, the replay is through and nothing is unknown: orders may go out."""
        self.ended = False
        """The host has ended the session: there is no more to come today."""
        self.error: RemoteError | None = None
        """Why the last connection was of no use any more."""
        self.unreadable = 0
        """Sequenced messages that are no OUCH 5.0."""

    @property
    def venue(self) -> str:
        return self._venue

    @property
    def next_user_ref_num(self) -> int:
        return self._next_ref

    def restore(self, orders: Iterable[Order]) -> None:
        """After a restart, before the first connection: the day's orders, if any. A replay from 1 tells the rest.

        Answers to the queries of earlier processes are in the replay too. So that none of them is taken for the answer
        to ours, the first connection asks where the stream stands (sequence 0), and is closed; the second one replays.
        """
        self._surveys = True
        for known in orders:
            if (instrument := self._instruments.get(known.instrument)) is not None:
                order = recall(remembered(known, instrument, TIFS.get(known.time_in_force, "0")), known)
                self._book.add(order)
                for other in known.chain:
                    self._book.name(order, other)

    # The port

    def send(self, command: VenueCommand, now_ns: int) -> None:
        match command:
            case OrderSubmitted():
                self._submit(command, now_ns)
            case CancelRequested():
                self._cancel(command, now_ns)
            case ReplaceRequested():
                self._replace(command, now_ns)

    def receive(self, _event: MarketEvent, now_ns: int) -> Sequence[VenueReport]:
        """The market's news moves no order here: the host does."""
        return self.due(now_ns)

    def due(self, now_ns: int) -> Sequence[VenueReport]:
        self._take(self._soup.due(now_ns), now_ns)
        return self._released()

    def next_deadline_ns(self) -> int | None:
        return 0 if self._reports else self._soup.next_deadline_ns()

    # The connection

    def connected(self, now_ns: int) -> None:
        self.error = None
        if self._surveys:
            self._soup.new_session(self._soup.session, 0)
        self._soup.connected(now_ns)

    def take_bytes(self, data: bytes, now_ns: int) -> Sequence[VenueReport]:
        """What the host's bytes mean for our orders, in order."""
        self._take(self._soup.receive(data, now_ns), now_ns)
        return self._released()

    def take_output(self, now_ns: int) -> bytes:
        return self._soup.take_output(now_ns)

    def disconnected(self) -> None:
        """What was under way is in doubt from now on; the next replay settles it."""
        if self.ready:
            self._reports.extend(self._book.doubts(self._venue))
        self.ready = False
        self._soup.disconnected()
        if self._surveys and self._old_until:
            self._surveys = False
            self._old_until -= self._old_until == 1  # 1 is said of an empty stream as well
            self._soup.new_session(self._soup.session, 1)

    def closing(self) -> bool:
        return self._soup.closing() or (self._surveys and self._old_until > 0)

    def logout(self, now_ns: int) -> None:
        self.ready = False
        self._soup.logout(now_ns)

    # What the host says

    def _take(self, events: Iterable[SoupEvent], now_ns: int) -> None:
        for event in events:
            match event:
                case LoggedIn() if self._surveys:
                    self._old_until = event.sequence
                case Sequenced() | SessionEnded() if self._surveys:
                    pass
                case LoggedIn():
                    self._reporter.session = event.session
                    self._soup.send(CODEC.encode(CODEC.make("inbound", "Q", {})), now_ns)
                case Sequenced():
                    self._message(event, now_ns)
                case SessionEnded():
                    self.ready, self.ended = False, True
                case Failed():
                    self.ready, self.error = False, event.error
                case _:
                    pass

    def _message(self, event: Sequenced, now_ns: int) -> None:
        try:
            message = CODEC.decode("outbound", event.payload)
        except OuchError:
            self.unreadable += 1
            return
        if message.type == "Q":
            if event.sequence > self._old_until:
                self._settle(message.number("NextUserRefNum"), now_ns)
        else:
            self._learn_number(message)
            self._reports.extend(self._reporter.read(message))

    def _learn_number(self, message: OuchMessage) -> None:
        if message.type in ("A", "U", "J"):
            self._next_ref = max(self._next_ref, message.number("UserRefNum") + 1)

    def _settle(self, host_next: int, now_ns: int) -> None:
        """Everything that the host has seen is answered now; what it has not seen goes out again, or is given up."""
        unanswered = self._book.unanswered
        for number in sorted(unanswered):
            waiting = unanswered[number]
            seen, fresh = number < host_next, now_ns - waiting.sent_ns <= self._resend_within_ns
            if not seen and fresh:
                self._soup.send(waiting.message, now_ns)
                continue
            del unanswered[number]
            self._give_up(waiting, "the venue took no notice of it" if seen else NEVER_ARRIVED)
        self._reports.extend(self._reporter.replayed())
        self._next_ref = max(self._next_ref, host_next)
        for order in self._book:
            for request in order.requests:
                if request.kind is not RequestKind.REPLACE:
                    for message in request.messages or cancels(order, 0):
                        self._soup.send(message, now_ns)
        self.ready = True

    def _give_up(self, waiting: Unanswered, why: str) -> None:
        if waiting.request is not None:
            self._reports.append(self._reporter.refuse(waiting.order, waiting.request, why))
        else:
            self._reports.extend(self._reporter.never_arrived(waiting.order, why))

    # What we say

    def _submit(self, command: OrderSubmitted, now_ns: int) -> None:
        instrument = self._instruments.get(command.instrument)
        why = self._refusal(command, instrument)
        if why or instrument is None:
            self._reject(command.client_order_id, why)
            return
        order = OuchOrder(
            order_id=command.order_id,
            client_order_id=command.client_order_id,
            instrument=instrument,
            side=command.side,
            order_type=command.order_type,
            quantity_lots=command.quantity_lots,
            price_ticks=command.price_ticks,
            wire_tif=TIFS[command.time_in_force],
            iso=command.iso,
            user_ref_num=self._next_ref,
            leaves_lots=command.quantity_lots,
        )
        try:
            message = self._says.enter(command, order, now_ns)
        except FieldError as error:
            self._reject(command.client_order_id, str(error))
            return
        self._next_ref += 1
        self._book.add(order)
        self._book.unanswered[order.user_ref_num] = Unanswered(order, None, message, now_ns)
        self._soup.send(message, now_ns)

    def _refusal(self, command: OrderSubmitted, instrument: Instrument | None) -> str:
        """Why the order does not go out; empty: it does. Nothing is queued for later: its moment would be gone."""
        if instrument is None:
            return f"unknown instrument {command.instrument}"
        if not self.ready:
            return f"not connected to {self._venue}"
        if self._book.by_client_id(command.client_order_id) is not None:
            return f"duplicate client order id {command.client_order_id}"
        if self._book.by_order_id(command.order_id) is not None:
            return f"duplicate order id {command.order_id}"
        if len(self._book) >= MAX_ORDERS:
            return f"{MAX_ORDERS} orders a day and port, no more"
        if self._next_ref > LAST_REF:
            return "the port has used all of its reference numbers"
        if command.time_in_force not in TIFS:
            return f"OUCH has no {command.time_in_force.name} orders"
        if wire_per_tick(instrument) == 0:
            return f"tick size {instrument.tick_size} can't be told in 1/10,000 dollars"
        return ""

    def _cancel(self, command: CancelRequested, now_ns: int) -> None:
        order = self._book.by_client_id(command.original_client_order_id)
        if order is None or order.done:
            self._refuse(command, "unknown order: nothing to cancel" if order is None else "too late to cancel")
            return
        messages = cancels(order, 0)
        request = Request(kind=RequestKind.CANCEL, client_order_id=command.client_order_id, messages=messages)
        self._ask(order, request, now_ns)

    def _replace(self, command: ReplaceRequested, now_ns: int) -> None:
        order = self._book.by_client_id(command.original_client_order_id)
        why = self._replace_refusal(command, order)
        if why or order is None:
            self._refuse(command, why)
            return
        price = order.price_ticks if command.price_ticks is None else command.price_ticks
        asked = Request(
            kind=RequestKind.REPLACE,
            client_order_id=command.client_order_id,
            messages=(),
            quantity_lots=command.quantity_lots,
            price_ticks=price,
        )
        try:
            if price == order.price_ticks and command.quantity_lots < order.quantity_lots and order.is_original():
                asked.kind = RequestKind.REDUCE
                asked.messages = cancels(order, command.quantity_lots)
            else:
                asked.user_ref_num = self._next_ref
                asked.messages = (self._says.replace(order, asked),)
        except FieldError as error:
            self._refuse(command, str(error))
            return
        if asked.kind is RequestKind.REPLACE:
            self._next_ref += 1
            self._book.number(order, asked.user_ref_num)
            self._book.unanswered[asked.user_ref_num] = Unanswered(order, asked, asked.messages[0], now_ns)
        self._ask(order, asked, now_ns)

    def _replace_refusal(self, command: ReplaceRequested, order: OuchOrder | None) -> str:
        if order is None or order.done:
            return "unknown order: nothing to replace" if order is None else "too late to replace"
        if not self.ready:
            return f"not connected to {self._venue}"
        if order.request(RequestKind.REPLACE, RequestKind.REDUCE) is not None:
            return "another replace of this order has no answer yet"
        if order.order_type is OrderType.MARKET and command.price_ticks is not None:
            return "a market order has no price"
        return "" if self._next_ref <= LAST_REF else "the port has used all of its reference numbers"

    def _ask(self, order: OuchOrder, request: Request, now_ns: int) -> None:
        """Cancels wait for the next connection when there is none: they only make things safer."""
        order.requests.append(request)
        self._book.name(order, request.client_order_id)
        if self.ready:
            for message in request.messages:
                self._soup.send(message, now_ns)

    # Reports of our own

    def _released(self) -> list[VenueReport]:
        released = list(self._reports)
        self._reports.clear()
        return released

    def _reject(self, client_order_id: str, why: str) -> None:
        self._reports.append(
            ExecutionReport(venue=self._venue, client_order_id=client_order_id, exec_type=ExecType.REJECTED, text=why)
        )

    def _refuse(self, command: CancelRequested | ReplaceRequested, why: str) -> None:
        self._reports.append(
            OrderCancelReject(
                venue=self._venue,
                client_order_id=command.client_order_id,
                original_client_order_id=command.original_client_order_id,
                text=why,
            )
        )
