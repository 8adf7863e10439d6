"""What the paper venue does by itself; the rest is the engine's."""

from __future__ import annotations

from meltica.domain.capabilities import Capabilities
from meltica.domain.order import TimeInForce


def capabilities(venue: str, close_ns: int | None = None) -> Capabilities:
    """``close_ns``: when the market that it trades closes, in nanoseconds after midnight UTC, where it does."""
    return Capabilities(venue=venue, min_quantity=(TimeInForce.IOC,), close_ns=close_ns)
