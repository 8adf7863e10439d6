"""What leaves for the venues: commands whose entry is durable, and a kill switch's cancels before that."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from meltica.app.sights import Sights
from meltica.app.unsent import refused
from meltica.domain import lifecycle
from meltica.domain.events import Event
from meltica.domain.order_events import CancelRequested, OrderReleased, OrderSubmitted, ReplaceRequested
from meltica.domain.outcomes import QueryRequested
from meltica.domain.ports import QueryableVenue, VenueCommand, VenueSession
from meltica.domain.reports import VenueReport
from meltica.engine.risk.kill_switch import switches_of
from meltica.engine.state import EngineState

Leaving = OrderReleased | OrderSubmitted | ReplaceRequested | CancelRequested | QueryRequested


class Sender:
    """``take`` hears of each order that was let in and does not leave, as if the venue had refused it."""

    def __init__(
        self, state: EngineState, sights: Sights, now_ns: Callable[[], int], take: Callable[[VenueReport], object]
    ) -> None:
        self._state = state
        self._sights = sights
        self._now_ns = now_ns
        self._take = take
        self._venues: dict[str, VenueSession] = {}
        self._unsent: set[int] = set()
        """Orders whose submission waits to be durable: nobody outside knows them yet."""
        self._sent_first: set[str] = set()
        """Cancels of the kill switch that left before they were durable, by their client order id."""
        self.durable_ns = 0
        """When the journal was last heard to be durable."""

    def add(self, venue: VenueSession) -> None:
        self._venues[venue.venue] = venue

    def stepped(self, events: Iterable[Event]) -> None:
        """These were let in; their entry is not durable yet."""
        for event in events:
            if isinstance(event, OrderSubmitted | OrderReleased):
                self._unsent.add(event.order_id)

    def cancel_first(self, events: Iterable[Event]) -> None:
        """The kill switch's cancels leave before its entry is durable, and also when the journal takes nothing more.

        Orders that never left need none.
        """
        for event in events:
            if isinstance(event, CancelRequested) and (venue := self._venue_of(event)) is not None:
                self._sent_first.add(event.client_order_id)
                if event.order_id not in self._unsent:
                    venue.send(event, self._now_ns())

    def act_on(self, event: Leaving) -> None:
        """Its entry is durable: send it, unless it left before or may not leave any more."""
        match event:
            case OrderReleased():
                self._let_go(lifecycle.submission(self._state.tables.orders[event.order_id], event))
            case OrderSubmitted() | ReplaceRequested():
                self._let_go(event)
            case CancelRequested() if event.client_order_id in self._sent_first:
                self._sent_first.remove(event.client_order_id)
            case CancelRequested():
                self._send(event)
            case QueryRequested():
                self._query(event)

    def _let_go(self, event: OrderSubmitted | ReplaceRequested) -> None:
        if lifecycle.is_withdrawn(self._state.tables.orders[event.order_id], event):
            self._unsent.discard(event.order_id)  # In the entry that let it in: another one of its list was refused.
            self._sights.withheld(event.order_id)
        elif self._killed(event):
            self._withhold(event)
        else:
            self._send(event)

    def _killed(self, event: OrderSubmitted | ReplaceRequested) -> bool:
        order = self._state.tables.orders[event.order_id]
        switches = self._state.tables.kill_switches
        return any(
            (switch := switches.get(name)) is not None and switch.engaged and switch.changed_ns >= event.time_ns
            for name in switches_of(order)
        )

    def _withhold(self, event: OrderSubmitted | ReplaceRequested) -> None:
        """It passed the gate, then the switch was engaged: it does not leave, and the books say so."""
        self._unsent.discard(event.order_id)
        self._sights.withheld(event.order_id)
        self._take(refused(event, self._venue_code(event), "not sent: the kill switch was engaged first"))

    def _send(self, command: VenueCommand) -> None:
        self._unsent.discard(command.order_id)
        if gate := self._state.tables.orders[command.order_id].gate:
            text = f"it works at gate {gate}: the strategy there cancels it, and so does the kill switch"
            self._take(refused(command, self._venue_code(command), text))
        elif (venue := self._venue_of(command)) is not None:
            venue.send(command, self._now_ns())
            self._sights.sent(command.order_id, self.durable_ns)
        else:
            self._sights.withheld(command.order_id)
            code = self._venue_code(command)
            self._take(refused(command, code, f"no session with venue {code}"))

    def _query(self, asked: QueryRequested) -> None:
        """Nothing is sent again; the venue says what it knows."""
        venue = self._venue_of(asked)
        if isinstance(venue, QueryableVenue):
            venue.query(asked, self._now_ns())

    def _venue_of(self, command: VenueCommand | QueryRequested) -> VenueSession | None:
        if self._state.tables.orders[command.order_id].gate:
            return None  # Its session is the gate's own
        return self._venues.get(self._venue_code(command))

    def _venue_code(self, command: VenueCommand | QueryRequested) -> str:
        order = self._state.tables.orders[command.order_id]
        return self._state.tables.instruments[order.instrument].venue
