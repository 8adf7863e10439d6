"""A command that was sent and whose outcome nobody knows: doubt, a fact of its own beside the order's FIX status.

The order stays live in the exposure. The venue is asked, with growing pauses and not for ever; nothing is sent again
by itself. Whatever the venue says of it later settles the doubt. If it says that it has no such thing, often enough
and later than anything could still arrive by its own word, it never arrived; else a person decides.
"""

from __future__ import annotations

import enum

import msgspec


class Sent(enum.IntEnum):
    """What was sent."""

    NEW = 1
    CANCEL = 2
    REPLACE = 3


class Doubt(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """One command without a known outcome."""

    sent: Sent
    client_order_id: str
    since_ns: int
    text: str = ""
    """Why nobody knows: the time-out, the connection that was lost."""
    queries: int = 0
    """How often the venue was asked."""
    not_found: int = 0
    """How often it said that it has no such order or request."""
    query_ns: int = 0
    """When it is asked next; 0: not any more, a person decides."""


class Verdict(enum.Enum):
    """What a person found out at the venue."""

    CARRIED_OUT = "carried out"
    """The venue has the order; it cancelled it; it replaced it."""
    NEVER_ARRIVED = "never arrived"


class ResolveOutcome(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Settle a doubt by hand. Takes effect at once unless it lowers the exposure: then a second person approves."""

    request_id: str
    actor: str
    reason: str
    order_id: int
    client_order_id: str
    """Of the order, or of the cancel or replace, whose outcome is unknown."""
    verdict: Verdict


class DoubtUnanswered(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """A driver's first word after a restart: whoever waited for the answers is gone, so all that has none is in doubt.

    What is in the journal may have left; that it did is written nowhere. What is not in the journal never left, but for
    the cancels of a kill switch.
    """

    request_id: str
    actor: str


class DoubtRaised(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Sent, outcome unknown."""

    order_id: int
    sent: Sent
    client_order_id: str
    text: str
    query_ns: int
    time_ns: int


class QueryRequested(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """Ask the venue what became of it."""

    order_id: int
    sent: Sent
    client_order_id: str
    number: int
    """The first query is 1."""
    query_ns: int
    """When the next one is due, should this one bring nothing; 0: it was the last."""
    time_ns: int


class DoubtGrew(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """The venue says that it has no such order or request; it may still be on its way."""

    order_id: int
    client_order_id: str
    not_found: int
    text: str
    time_ns: int


class OutcomeResolved(msgspec.Struct, frozen=True, tag=True, kw_only=True, gc=False, omit_defaults=True):
    """A doubt ended without a report that says so itself; what follows from it is in the next event."""

    order_id: int
    sent: Sent
    client_order_id: str
    verdict: Verdict
    reason: str
    actor: str
    time_ns: int
    approver: str = ""


DoubtEvent = DoubtRaised | QueryRequested | DoubtGrew | OutcomeResolved
