"""The venue of the hot gates: a numbered session for each, told again as SoupBinTCP has it; its books are true."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from meltica.domain.instrument import Instrument
from meltica.domain.market import MarketEvent
from meltica.domain.order_events import CancelRequested
from meltica.domain.reports import VenueReport
from sim.world.clock import Clock
from sim.world.exchange import VenueBook
from sim.world.network import Commanded, Connection, LoggedOn, Told


class HotLogon(NamedTuple):
    gate: str
    next_number: int


class HotVenue:
    """Reports go to the gate whose order it is; the session of each is the one that logged on last."""

    def __init__(self, venue: str, instruments: Iterable[Instrument], clock: Clock, dice: random.Random) -> None:
        self.venue = venue
        self.book = VenueBook(venue, instruments)
        self._streams: dict[str, list[VenueReport]] = defaultdict(list)
        self._sessions: dict[str, Connection] = {}
        self._clock, self._dice = clock, dice
        self._unasked = 0

    def heard(self, connection: Connection, message: Any) -> None:
        if isinstance(message, HotLogon):
            self._sessions[message.gate] = connection
            missed = tuple(self._streams[message.gate][message.next_number - 1 :])
            if missed:
                connection.down.send(Told(message.next_number, missed))
            connection.down.send(LoggedOn())
        elif isinstance(message, Commanded) and connection in self._sessions.values():
            self.book.send(message.command, self._clock.now_ns)
            self.say(self.book.due(self._clock.now_ns))

    def dropped(self, connection: Connection) -> None:
        self._sessions = {gate: known for gate, known in self._sessions.items() if known is not connection}

    def market(self, event: MarketEvent) -> None:
        if event.instrument in self.book.names():
            self.say(self.book.receive(event, self._clock.now_ns))

    def end_day(self) -> None:
        self.say(self.book.end_session(self._clock.now_ns))

    def cancel_unasked(self) -> None:
        """Of its own accord: one of those that rest."""
        if working := self.book.open_orders():
            self._unasked += 1
            now_ns, order = self._clock.now_ns, self._dice.choice(working)
            request = CancelRequested(
                order_id=0,
                client_order_id=f"unasked-{self._unasked}",
                original_client_order_id=order.client_order_id,
                actor=self.venue,
                time_ns=now_ns,
            )
            self.book.send(request, now_ns)
            self.say(self.book.due(now_ns))

    def say(self, reports: Iterable[VenueReport]) -> None:
        for report in reports:
            known = self.book.known_as(report.client_order_id)
            first = known.chain[0] if known is not None else report.client_order_id
            named = msgspec.structs.replace(report, client_order_id=first)  # As OUCH does: an order keeps its name.
            gate = first.partition(":")[0]
            stream = self._streams[gate]
            stream.append(named)
            if (session := self._sessions.get(gate)) is not None:
                session.down.send(Told(len(stream), (named,)))
