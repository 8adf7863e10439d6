"""Asks the venues what is so: at the start, before any strategy runs, and then on and on; brings the answers in."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from meltica.app.gateway import LiveGateway
from meltica.domain.errors import NotAcceptingError
from meltica.domain.inputs import Record
from meltica.domain.ports import StatingVenue, VenueSession
from meltica.domain.statements import RequestStatement, StatedBalance, StatementRequested, VenueStatement

LOG = logging.getLogger("meltica.reconciler")

ACTOR: Final = "system:reconciliation"
START_WAIT_S: Final = 10.0
"""How long the start waits for the first statements. An account whose has not come takes no new risk until it has."""
POLL_S: Final = 0.02
SECOND_LOOK_S: Final = 1.5
"""Longer than any report is on its way (``FLIGHT_NS``): then what was only suspected is looked at again."""

Booked = Callable[[str, str, str], int | None]
"""(venue, account, currency) -> the ledger's balance in nanos; None: it keeps none."""


class Reconciler:
    """A ``Keeper``: whoever asks for a statement asks through the journal, and this is who hears it."""

    def __init__(
        self,
        gateway: LiveGateway,
        venues: Iterable[VenueSession],
        *,
        every_s: float,
        booked: Booked | None = None,
    ) -> None:
        self._gateway = gateway
        self._venues = {venue.venue: venue for venue in venues if isinstance(venue, StatingVenue)}
        self._every_s = every_s
        self._booked = booked
        for venue in venues:
            if not isinstance(venue, StatingVenue):
                LOG.warning("%s gives no statements: its orders and positions are not reconciled", venue.venue)

    def take(self, sequence: int, time_ns: int, record: Record) -> None:  # noqa: ARG002 - a keeper's form
        """A statement was asked for, and that is durable."""
        for event in record.events:
            if isinstance(event, StatementRequested):
                if (venue := self._venues.get(event.venue)) is not None:
                    venue.statement(event.account, self._gateway.clock.now_ns())
                else:
                    LOG.warning("%s gives no statements: %s asked for one", event.venue, event.actor)

    async def start(self, wait_s: float = START_WAIT_S) -> bool:
        """Every account is guarded until its first statement has come and was compared. Have all come in time?"""
        accounts = list(self._gateway.state.tables.accounts)
        for venue in self._venues:
            for account in accounts:
                self._ask(venue, account, "the gateway starts", guard=True)
        loop = asyncio.get_running_loop()
        end = loop.time() + wait_s
        while (waiting := self._guarded()) and loop.time() < end:
            self._bring()
            await asyncio.sleep(POLL_S)
        for name in waiting:
            LOG.error("%s is not reconciled after %g s: it takes no new risk until it is", name, wait_s)
        return not waiting

    async def run(self) -> None:
        """Until cancelled, or until the gateway has failed."""
        loop = asyncio.get_running_loop()
        next_s = loop.time() + self._pause_s()
        while True:
            await asyncio.sleep(POLL_S)
            try:
                self._bring()
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
            if standing.venue in self._venues:
                self._venues[standing.venue].statement(standing.account, self._gateway.clock.now_ns())

    def _ask(self, venue: str, account: str, reason: str, *, guard: bool) -> None:
        self._gateway.take(
            RequestStatement(request_id="", actor=ACTOR, venue=venue, account=account, reason=reason, guard=guard)
        )

    def _guarded(self) -> list[str]:
        standings = self._gateway.state.standings()
        return [f"{row.account} at {row.venue}" for row in standings if row.guarded and row.venue in self._venues]

    def _bring(self) -> None:
        for venue in self._venues.values():
            for part in venue.stated(self._gateway.clock.now_ns()):
                self._gateway.take(self._with_books(part))

    def _with_books(self, part: VenueStatement) -> VenueStatement:
        """The ledger's balances beside the venue's: they are journaled together, so a replay compares the same."""
        if self._booked is None or not part.balances:
            return part
        balances = tuple(self._with_booked(part, balance) for balance in part.balances)
        return msgspec.structs.replace(part, balances=balances)

    def _with_booked(self, part: VenueStatement, balance: StatedBalance) -> StatedBalance:
        booked = None if self._booked is None else self._booked(part.venue, part.account, balance.currency)
        return msgspec.structs.replace(balance, booked_nanos=booked)
