"""The gateway's end of its way to a venue: a session that waits for answers, notices silence, and connects again."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, Final

from meltica.app.gateway import LiveGateway
from meltica.domain.errors import NotAcceptingError
from meltica.domain.market import MarketEvent
from meltica.domain.order_events import OrderSubmitted
from meltica.domain.outcomes import QueryRequested
from meltica.domain.ports import VenueCommand
from meltica.domain.reports import ExecType, ExecutionReport, OrderCancelReject, OutcomeUnknown, VenueReport
from meltica.domain.statements import VenueStatement
from sim.world.clock import MS, SECOND, Clock
from sim.world.exchange import Exchange
from sim.world.loop import VirtualLoop
from sim.world.network import Commanded, Connection, LoggedOn, Logon, Queried, Stated, StatementAsked, Told

TIMEOUT_NS: Final = 2 * SECOND
"""How long an answer is waited for."""
OVERLAP: Final = 3
"""At most so many reports are asked for a second time after a reconnect."""
FORGETS: Final = 0.15
"""How often a new process has lost the number, and hears the venue's whole day once more."""


class Line:
    """A ``QueryableVenue`` and ``StatingVenue``. Dies with the process."""

    def __init__(  # noqa: PLR0917 - made in one place
        self,
        exchange: Exchange,
        gateway: LiveGateway,
        loop: VirtualLoop,
        clock: Clock,
        dice: random.Random,
        leaves: Callable[[VenueCommand], None],
    ) -> None:
        """``leaves`` is told each command that goes out: the oracle's ear."""
        self._exchange, self._gateway, self._loop, self._clock, self._dice = exchange, gateway, loop, clock, dice
        self.leaves = leaves
        self.connection: Connection | None = None
        self.dead = False
        self._logged_on = False
        self._numbers = exchange.numbers
        kept = self._numbers.next_after(gateway.state.tables.sequence)
        self._next_number = 1 if dice.random() < FORGETS else kept
        self._waiting: dict[str, tuple[VenueCommand, int]] = {}
        """Client order id -> (what was sent, until when an answer is waited for)."""
        self._asked: list[str] = []
        """Accounts of which a statement is wanted."""
        self._statements: list[VenueStatement] = []
        self.is_asked = False
        """What was heard is not handed over: a lossy line in front of this one comes for it with ``due``."""
        self._heard: list[VenueReport] = []
        self._connect()

    # The ports

    @property
    def venue(self) -> str:
        return self._exchange.venue

    def send(self, command: VenueCommand, now_ns: int) -> None:
        if self.dead:
            return
        self.leaves(command)
        if self.connection is None or not self._logged_on:
            self._soon([_unsent(self.venue, command)])
            return
        self._waiting[command.client_order_id] = command, now_ns + TIMEOUT_NS
        self.connection.up.send(Commanded(command))

    def receive(self, event: MarketEvent, now_ns: int) -> Sequence[VenueReport]:  # noqa: ARG002 - the port's form
        """The venue hears the market itself."""
        return ()

    def due(self, now_ns: int) -> Sequence[VenueReport]:
        if self.dead:
            return ()
        late = [command for command, until_ns in self._waiting.values() if until_ns <= now_ns]
        heard, self._heard = self._heard, []
        return [*heard, *(self._unknown(command, "no answer in time") for command in late)]

    def next_deadline_ns(self) -> int | None:
        if self._heard and not self.dead:
            return 0
        return None if self.dead else min((until_ns for _, until_ns in self._waiting.values()), default=None)

    def query(self, asked: QueryRequested, now_ns: int) -> None:  # noqa: ARG002 - the port's form
        if self._logged_on and self.connection is not None:
            self.connection.up.send(Queried(asked.client_order_id))

    def statement(self, account: str, now_ns: int) -> None:  # noqa: ARG002 - the port's form
        self._asked.append(account)
        self._ask()

    def stated(self, now_ns: int) -> Sequence[VenueStatement]:  # noqa: ARG002 - the port's form
        parts, self._statements = self._statements, []
        return parts

    def end_session(self, now_ns: int) -> Sequence[VenueReport]:  # noqa: ARG002 - as the paper venue's
        """The venue ends its day itself."""
        return ()

    def _ask(self) -> None:
        """For statements; without a connection the wish waits for one."""
        if self._logged_on and self.connection is not None:
            for account in dict.fromkeys(self._asked):
                self.connection.up.send(StatementAsked(account, self._gateway.clock.now_ns()))
            self._asked.clear()

    # The connection

    def heard(self, connection: Connection, message: Any) -> None:
        if self.dead or connection is not self.connection:
            return
        match message:
            case LoggedOn():
                self._logged_on = True
                self._ask()
            case Told():
                if message.first:
                    self._next_number = message.first + len(message.reports)
                for report in message.reports:
                    self._waiting.pop(report.client_order_id, None)
                self._soon(message.reports, self._next_number)
            case Stated():
                self._statements.append(message.part)

    def dropped(self, connection: Connection) -> None:
        """Of what has no answer nobody knows what became."""
        if self.dead or connection is not self.connection:
            return
        self.connection, self._logged_on = None, False
        self._soon([self._unknown(command, "the connection was lost") for command, _ in list(self._waiting.values())])
        self._clock.after(self._dice.randrange(SECOND, 3 * SECOND), self._connect)

    def die(self) -> None:
        self.dead = True
        if self.connection is not None:
            self.connection.cut()

    def _connect(self) -> None:
        if self.dead:
            return
        if not self._exchange.up:
            self._clock.after(self._dice.randrange(500 * MS, 2 * SECOND), self._connect)
            return
        self.connection = Connection(self._clock, self._dice, self, self._exchange)
        again = self._dice.randrange(OVERLAP + 1)
        number = max(1, self._next_number - again) if self._exchange.tells_again else 0
        self.connection.up.send(Logon(number))

    def _unknown(self, command: VenueCommand, why: str) -> OutcomeUnknown:
        del self._waiting[command.client_order_id]
        original = "" if isinstance(command, OrderSubmitted) else command.original_client_order_id
        return OutcomeUnknown(
            venue=self.venue, client_order_id=command.client_order_id, original_client_order_id=original, text=why
        )

    def _soon(self, reports: Sequence[VenueReport], next_number: int = 0) -> None:
        """``next_number``: of the venue's stream, once these are taken; 0: they are not of it."""
        if reports:
            self._loop.call_soon(self._hand_over, reports, next_number)

    def _hand_over(self, reports: Sequence[VenueReport], next_number: int) -> None:
        if not self.dead:
            if self.is_asked:
                self._heard += reports
                reports = ()
            try:
                self._gateway.reported(reports)
            except NotAcceptingError:
                return  # It has failed and says so itself.
            if next_number:
                self._numbers.note(self._gateway.state.tables.sequence, next_number)


def _unsent(venue: str, command: VenueCommand) -> VenueReport:
    text = f"not sent: no connection to {venue}"
    if isinstance(command, OrderSubmitted):
        return ExecutionReport(
            venue=venue, client_order_id=command.client_order_id, exec_type=ExecType.REJECTED, text=text, unsent=True
        )
    return OrderCancelReject(
        venue=venue,
        client_order_id=command.client_order_id,
        original_client_order_id=command.original_client_order_id,
        text=text,
    )
