"""Who arms a gate that holds the state: the gateway by itself, within bounds, or a person."""

from __future__ import annotations

from typing import Final, NamedTuple

from meltica.links.control_link_session import Session

MILLISECOND_NS: Final = 1_000_000
MINUTE_NS: Final = 60_000 * MILLISECOND_NS
REARMS_PER_MINUTE: Final = 6
"""Automatic ones: a gate that trips more often needs a person."""


class Arming(NamedTuple):
    first: bool = True
    """A new life of a gate is armed by itself."""
    within_ns: int = 2_000 * MILLISECOND_NS
    """So is one that was without a lease for no longer than this; 0: each time it takes a person."""

    def allows(self, session: Session, now_ns: int) -> bool:
        """Asked about a gate that is READY; a yes counts."""
        if session.wanted or session.held_back:
            return session.wanted
        if session.arming == 0:
            return self.first
        while session.rearmed_ns and now_ns - session.rearmed_ns[0] > MINUTE_NS:
            session.rearmed_ns.popleft()
        if now_ns - session.stopped_ns > self.within_ns or len(session.rearmed_ns) >= REARMS_PER_MINUTE:
            return False
        session.rearmed_ns.append(now_ns)
        return True
