"""A venue as a machine of its own: the paper venue's session with its books, behind a network, up or down."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from functools import partial
from typing import Any, Final, NamedTuple

import msgspec

from meltica.domain.instrument import Instrument
from meltica.domain.market import MarketEvent
from meltica.domain.order import Side
from meltica.domain.order_events import CancelRequested, OrderSubmitted
from meltica.domain.ports import VenueCommand
from meltica.domain.reports import ExecType, ExecutionReport, OrderNotFound, VenueReport
from meltica.venues.paper.order import PaperOrder
from meltica.venues.paper.stating import StatingPaperSession
from sim.world.clock import MINUTE, MS, SECOND, Clock
from sim.world.network import (
    HORIZON_NS,
    Commanded,
    Connection,
    LoggedOn,
    Logon,
    Queried,
    Stated,
    StatementAsked,
    Told,
)
from sim.world.numbers import Numbers

LATE_ANSWERS: Final = 0.05
"""How many queries a lying venue answers after a minute."""


class Fill(NamedTuple):
    """An execution that stands, as the venue has it."""

    account: str
    strategy: str
    instrument: str
    side: Side
    lots: int
    price_ticks: int
    fee_nanos: int
    order: str
    """The first client order id of its order."""


class VenueBook(StatingPaperSession):
    """The venue's own books: what has happened, whatever is told of it."""

    def __init__(self, venue: str, instruments: Iterable[Instrument]) -> None:
        super().__init__(venue, instruments)
        self.asked: dict[str, OrderSubmitted] = {}
        """Every order that arrived, by its first client order id."""
        self.fills: dict[str, Fill] = {}
        """By the first execution id that they had, those that stand."""
        self._newest: dict[str, str] = {}
        """First execution id -> the newest that a correction gave."""

    def statement(self, account: str, now_ns: int) -> None:
        """It tells all of its fills each time: this one has no window."""
        self._asked.pop(account, None)
        super().statement(account, now_ns)

    def open_orders(self) -> list[PaperOrder]:
        return list({id(order): order for order in self._orders.values() if not order.finished}.values())

    def ended_orders(self) -> list[PaperOrder]:
        return list(self._finished)

    def known_as(self, client_order_id: str) -> PaperOrder | None:
        return self._orders.get(client_order_id)

    def names(self) -> list[str]:
        return list(self._instruments)

    def _submit(self, command: OrderSubmitted) -> None:
        self.asked.setdefault(command.client_order_id, command)
        super()._submit(command)

    def _traded(self, order: PaperOrder, report: ExecutionReport) -> None:
        super()._traded(order, report)
        asked = self.asked[order.chain[0]]
        self.fills[report.execution_id] = Fill(
            asked.account,
            asked.strategy,
            order.instrument,
            order.side,
            report.last_quantity_lots,
            report.last_price_ticks,
            report.fee_nanos,
            order.chain[0],
        )

    # What it takes back, or adds afterwards

    def fill_late(self, order: PaperOrder, lots: int, price_ticks: int, now_ns: int) -> None:
        """An execution of an order that is over: it crossed with the end on the way."""
        self._advance(now_ns)
        self._at_ns = self._now_ns
        first = order.chain[0]
        self._account_of[first] = self.asked[first].account
        order.cumulative_lots += lots
        self._executions_made += 1
        self._report(
            ExecutionReport(
                venue=self._venue,
                client_order_id=order.client_order_id,
                exec_type=ExecType.TRADE,
                venue_order_id=order.venue_order_id,
                execution_id=f"{self._epoch}-{self._executions_made}",
                last_quantity_lots=lots,
                last_price_ticks=price_ticks,
                fee_nanos=lots,
                maker=True,
            )
        )
        del self._account_of[first]

    def correct(self, execution_id: str, lots: int, price_ticks: int, now_ns: int) -> None:
        """Other numbers for an execution (its first id); 0 lots bust it. An order that had ended stays ended."""
        self._advance(now_ns)
        self._at_ns = self._now_ns
        fill = self.fills.pop(execution_id)
        order = self._orders[fill.order]
        filled = order.cumulative_lots >= order.quantity_lots
        self._executions_made += 1
        name = f"{self._epoch}-c{self._executions_made}"
        self._book(fill, -1)
        if lots:
            self.fills[execution_id] = fill._replace(lots=lots, price_ticks=price_ticks)
            self._book(self.fills[execution_id], 1)
        order.cumulative_lots += lots - fill.lots
        self._state_again(execution_id, lots, price_ticks)
        self._report(
            ExecutionReport(
                venue=self._venue,
                client_order_id=order.client_order_id,
                exec_type=ExecType.TRADE_CORRECT if lots else ExecType.TRADE_CANCEL,
                venue_order_id=order.venue_order_id,
                execution_id=name,
                reference_execution_id=self._newest.get(execution_id, execution_id),
                last_quantity_lots=lots,
                last_price_ticks=price_ticks if lots else 0,
                fee_nanos=fill.fee_nanos if lots else 0,
            )
        )
        self._newest[execution_id] = name
        if order.finished and filled and order.leaves_lots > 0:
            order.finished = "canceled"
            self.tell_end(order, "the rest of a busted order is not worked")

    def tell_end(self, order: PaperOrder, why: str) -> None:
        """Say that it was cancelled, whatever is so."""
        self._report(
            ExecutionReport(
                venue=self._venue,
                client_order_id=order.client_order_id,
                exec_type=ExecType.CANCELED,
                venue_order_id=order.venue_order_id,
                text=why,
            )
        )

    def _book(self, fill: Fill, sign: int) -> None:
        at, currency = (fill.account, fill.instrument), self._instruments[fill.instrument].quote_currency
        signed = sign * fill.side.sign * fill.lots
        self._lots[at] = self._lots.get(at, 0) + signed
        value = signed * fill.price_ticks * self._instruments[fill.instrument].value_per_tick_lot_nanos
        cash = fill.account, currency
        self._nanos[cash] = self._nanos.get(cash, 0) - value - sign * fill.fee_nanos

    def _state_again(self, execution_id: str, lots: int, price_ticks: int) -> None:
        """Statements name an execution by its first id, with the numbers of now; a busted one not at all."""
        for made in list(self._made):
            if made.fill is not None and made.fill.execution_id == execution_id:
                if lots:
                    changed = {"quantity_lots": lots, "price_ticks": price_ticks}
                    made.fill = msgspec.structs.replace(made.fill, **changed)
                else:
                    self._made.remove(made)
                return


class Exchange:
    """The machine: takes what arrives, tells what happens to whoever is logged on."""

    def __init__(
        self, venue: str, instruments: Iterable[Instrument], clock: Clock, dice: random.Random, *, tells_again: bool
    ) -> None:
        """``tells_again``: it numbers its reports, and tells them again from any number on after a reconnect. Without
        that what was said while nobody listened is found by queries and statements alone."""
        self.venue, self.tells_again = venue, tells_again
        self.book = VenueBook(venue, instruments)
        self.stream: list[VenueReport] = []
        """All that it ever said."""
        self.up = True
        self.slow = False
        """Does it answer some queries after a minute?"""
        self.received: set[str] = set()
        """Client order ids of all commands that arrived."""
        self.numbers = Numbers()
        """Of the gateway's session with it."""
        self._by_name: dict[str, list[VenueReport]] = defaultdict(list)
        self._session: Connection | None = None
        self._clock, self._dice = clock, dice

    # What arrives

    def heard(self, connection: Connection, message: Any) -> None:
        if not self.up:
            return
        match message:
            case Logon():
                self._log_on(connection, message)
            case Commanded():
                self.obey(message.command)
            case Queried():
                self._answer(connection, message)
            case StatementAsked():
                self.book.statement(message.account, self._clock.now_ns)
                while parts := self.book.stated(self._clock.now_ns):
                    for part in parts:
                        connection.down.send(Stated(msgspec.structs.replace(part, asked_ns=message.asked_ns)))

    def dropped(self, connection: Connection) -> None:
        if self._session is connection:
            self._session = None

    def _log_on(self, connection: Connection, asked: Logon) -> None:
        self._session = connection
        connection.down.send(LoggedOn())
        missed = tuple(self.stream[asked.next_number - 1 :]) if asked.next_number else ()
        if self.tells_again and missed:
            connection.down.send(Told(asked.next_number, missed))

    def obey(self, command: VenueCommand) -> None:
        self.received.add(command.client_order_id)
        self.book.send(command, self._clock.now_ns)
        self.say(self.book.due(self._clock.now_ns))

    def _answer(self, connection: Connection, asked: Queried) -> None:
        """All that was said of it, once more; or that there is no such thing."""
        known: tuple[VenueReport, ...] = tuple(self._by_name.get(asked.client_order_id, ()))
        answer = known or (
            OrderNotFound(
                venue=self.venue, client_order_id=asked.client_order_id, horizon_ns=HORIZON_NS, text="not found"
            ),
        )
        late = self.slow and self._dice.random() < LATE_ANSWERS
        wait_ns = MINUTE if late else self._dice.randrange(MS, 20 * MS)
        self._clock.after(wait_ns, partial(connection.down.send, Told(0, answer)))

    def carried_out(self, client_order_id: str) -> bool:
        """What one hears by telephone: was this order or request taken, and not refused?"""
        said = self._by_name.get(client_order_id, [])
        kinds = {each.exec_type for each in said if isinstance(each, ExecutionReport)}
        return bool(kinds) and ExecType.REJECTED not in kinds

    # What happens here

    def say(self, reports: Iterable[VenueReport]) -> None:
        for report in reports:
            self.stream.append(report)
            self._by_name[report.client_order_id].append(report)
            if self._session is not None:
                self._session.down.send(Told(len(self.stream), (report,)))

    def market(self, event: MarketEvent) -> None:
        if self.up:
            self.say(self.book.receive(event, self._clock.now_ns))

    def end_day(self) -> None:
        self.say(self.book.end_session(self._clock.now_ns))

    def go_down(self) -> None:
        self.up = False
        if self._session is not None:
            self._session.cut()
        self._clock.after(self._dice.randrange(2 * SECOND, 30 * SECOND), self._come_back)

    def _come_back(self) -> None:
        self.up = True
        if self._dice.random() < 0.3:  # noqa: PLR2004 - some cancel what rests when they restart
            for number, order in enumerate(self.book.open_orders()):
                self.cancel(order, f"restart-{self._clock.now_ns}-{number}")

    def telephone(self, order: OrderSubmitted) -> None:
        """An order that did not come through any gateway."""
        self.book.send(order, self._clock.now_ns)
        self.say(self.book.due(self._clock.now_ns))

    def cancel(self, order: PaperOrder, name: str) -> None:
        """Of its own accord."""
        self.book.send(
            CancelRequested(
                order_id=0,
                client_order_id=name,
                original_client_order_id=order.client_order_id,
                actor=self.venue,
                time_ns=self._clock.now_ns,
            ),
            self._clock.now_ns,
        )
        self.say(self.book.due(self._clock.now_ns))
