"""Four eyes: what waits for a second person, and the state of the kill switch."""

from __future__ import annotations

import msgspec

from meltica.domain.events import ProposalMade

PROPOSAL_LIFETIME_NS = 15 * 60 * 1_000_000_000
"""A proposal that nobody approved in a quarter of an hour is void: the world has moved on."""


class KillSwitch(msgspec.Struct, kw_only=True):
    """One latch: of everything (both empty), an account or a target. Engaging wins; it never releases by itself."""

    account: str = ""
    target: str = ""
    """``strategies/…``, ``ports/…`` or ``instruments/…``."""
    engaged: bool = False
    epoch: int = 0
    """Grows with every engage and release."""
    reason: str = ""
    actor: str = ""
    changed_ns: int = 0

    @property
    def switch(self) -> str:
        """Its key: empty, an account's name, or a target."""
        return self.target or self.account


class Proposal(msgspec.Struct, kw_only=True):
    made: ProposalMade
    open: bool = True
    approved: bool = False
    closed_by: str = ""
    closed_why: str = ""


def person_of(actor: str) -> str:
    """The person behind an identity: ``spiffe://meltica.example/person/ada/laptop`` -> ``ada``.

    One person may hold several certificates and is still one person; anything that is not a person is itself.
    """
    _, found, rest = actor.partition("/person/")
    return rest.split("/", 1)[0] if found else actor
