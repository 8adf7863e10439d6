"""Asks the venues what is so: at the start, before any strategy runs, and then on and on; brings the answers in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from meltica.app.gateway import LiveGateway
from meltica.domain.errors import NotAcceptingError
from meltica.domain.inputs import Record
from meltica.domain.ports import StatementSource, StatingVenue, VenueSession
from meltica.domain.statements import RequestStatement, StatementRequested, VenueStatement

LOG = logging.getLogger("meltica.reconciler")

ACTOR: Final = "system:reconciliation"
START_WAIT_S: Final = 10.0
"""How long the start waits for the first statements. An account whose has not come takes no new risk until it has."""
POLL_S: Final = 0.02
LOOK_EVERY_S: Final = 1.0
"""Whether statements stay away: that takes minutes to be so."""
SECOND_LOOK_S: Final = 1.5
"""Longer than any report is on its way (``FLIGHT_NS``): then what was only suspected is looked at again."""

OVERDUE_INTERVALS: Final = 3
"""Statements that did not come in a row, after which somebody should look."""
PARTS_MOST: Final = 50
"""Parts of one venue between two rounds of all venues."""

Booked = Callable[[str, str, str], tuple[int, int] | None]
"""(venue, account, currency) -> (what the ledger says is there, in nanos; the time of the newest journal entry in it);
None: it can't tell now, and the balance is not compared this time."""
NoSource = Callable[[str, str], str]
"""(venue, account) -> why the venue can't say what is so; empty: it can."""
Told = Callable[[bool], None]
"""Are statements coming as they should?"""


def _always(_venue: str, _account: str) -> str:
    return ""


def _nobody(_well: bool) -> None:
    return


class Reconciler:
    """A ``Keeper``: whoever asks for a statement asks through the journal, and this is who hears it."""

    def __init__(
        self,
        gateway: LiveGateway,
        venues: Iterable[VenueSession],
        *,
        every_s: float,
        booked: Booked | None = None,
        no_source: NoSource = _always,
        poll_s: float = POLL_S,
    ) -> None:
        self._gateway = gateway
        self._venues = {venue.venue: venue for venue in venues if isinstance(venue, StatingVenue)}
        self._others = [venue.venue for venue in venues if not isinstance(venue, StatingVenue)]
        self._every_s = every_s
        self._poll_s = poll_s
        self._booked = booked
        self._why_not = no_source
        self._since_ns = gateway.clock.now_ns()
        self._overdue: set[tuple[str, str]] = set()
        """(venue, account), as it was said last."""
        self.told: Told = _nobody
        for name in self._others:
            LOG.warning("%s gives no statements: its orders and positions are not reconciled", name)

    def sources(self) -> Sequence[StatementSource]:
        """Of every account at every venue, those included of which nobody says what is so."""
        every_ns, now_ns = int(self._every_s * 1e9), self._gateway.clock.now_ns()
        compared = {(row.venue, row.account): row.compared_ns for row in self._gateway.state.standings()}
        found = []
        for account in self._gateway.state.tables.accounts:
            for venue in (*self._venues, *self._others):
                why = "the venue gives no statements" if venue in self._others else self._why_not(venue, account)
                newest_ns = max(compared.get((venue, account), 0), self._since_ns)
                late = not why and now_ns - newest_ns > OVERDUE_INTERVALS * every_ns
                found.append(StatementSource(venue, account, every_ns, why, late))
        return found

    def look(self) -> None:
        """Say it, once, when statements stay away and when they come again."""
        late = {(source.venue, source.account) for source in self.sources() if source.overdue}
        for venue, account in sorted(late - self._overdue):
            LOG.error("%s at %s: no statement for more than %d intervals", account, venue, OVERDUE_INTERVALS)
        for venue, account in sorted(self._overdue - late):
            LOG.info("%s at %s: statements come again", account, venue)
        if bool(late) != bool(self._overdue):
            self.told(not late)
        self._overdue = late

    def take(self, sequence: int, time_ns: int, record: Record) -> None:  # noqa: ARG002 - a keeper's form
        """A statement was asked for, and that is durable."""
        for event in record.events:
            if isinstance(event, StatementRequested):
                venue = self._venues.get(event.venue)
                if venue is None or self._why_not(event.venue, event.account):
                    LOG.warning(
                        "%s gives no statements of %s: %s asked for one", event.venue, event.account, event.actor
                    )
                else:
                    venue.statement(event.account, self._gateway.clock.now_ns())

    async def start(self, wait_s: float = START_WAIT_S) -> bool:
        """Every account is guarded until its first statement has come and was compared. Have all come in time?"""
        accounts = list(self._gateway.state.tables.accounts)
        for venue in self._venues:
            for account in accounts:
                if why := self._why_not(venue, account):
                    LOG.warning("%s at %s is not reconciled: %s", account, venue, why)
                else:
                    self._ask(venue, account, "the gateway starts", guard=True)
        loop = asyncio.get_running_loop()
        end = loop.time() + wait_s
        while (waiting := self._guarded()) and loop.time() < end:
            await self._bring()
            await asyncio.sleep(self._poll_s)
        for name in waiting:
            LOG.error("%s is not reconciled after %g s: it takes no new risk until it is", name, wait_s)
        return not waiting

    async def run(self) -> None:
        """Until cancelled, or until the gateway has failed."""
        loop = asyncio.get_running_loop()
        next_s = loop.time() + self._pause_s()
        look_s = loop.time()
        while True:
            await asyncio.sleep(self._poll_s)
            try:
                await self._bring()
                if loop.time() >= look_s:
                    self.look()
                    look_s = loop.time() + min(LOOK_EVERY_S, self._every_s)
                if loop.time() >= next_s:
                    self._ask_all()
                    next_s = loop.time() + self._every_s
                next_s = min(next_s, loop.time() + self._pause_s())
            except NotAcceptingError:
                return

    def _pause_s(self) -> float:
        suspected = any(not found.difference_id for found in self._gateway.state.differences())
        return min(SECOND_LOOK_S, self._every_s) if suspected else self._every_s

    def _ask_all(self) -> None:
        for standing in list(self._gateway.state.standings()):
            if standing.venue in self._venues and not self._why_not(standing.venue, standing.account):
                self._venues[standing.venue].statement(standing.account, self._gateway.clock.now_ns())

    def _ask(self, venue: str, account: str, reason: str, *, guard: bool) -> None:
        self._gateway.take(
            RequestStatement(request_id="", actor=ACTOR, venue=venue, account=account, reason=reason, guard=guard)
        )

    def _guarded(self) -> list[str]:
        standings = self._gateway.state.standings()
        return [f"{row.account} at {row.venue}" for row in standings if row.guarded and row.venue in self._venues]

    async def _bring(self) -> None:
        """What has come by now, a part at a time: a large statement must not hold up whoever trades."""
        for venue in self._venues.values():
            for _ in range(PARTS_MOST):
                parts = venue.stated(self._gateway.clock.now_ns())
                for part in parts:
                    self._gateway.take(self._with_books(part))
                    await asyncio.sleep(0)
                if not parts:
                    break

    def _with_books(self, part: VenueStatement) -> VenueStatement:
        """The ledger's balances beside the venue's: they are journaled together, so a replay compares the same."""
        if self._booked is None or not part.balances:
            return part
        balances = tuple(
            msgspec.structs.replace(balance, booked_nanos=booked[0], booked_ns=booked[1])
            for balance in part.balances
            if (booked := self._booked(part.venue, part.account, balance.currency)) is not None
        )
        return msgspec.structs.replace(part, balances=balances)
