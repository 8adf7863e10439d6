"""Held orders whose price is reached."""

from __future__ import annotations

from meltica.domain.commands import SeeMarket
from meltica.engine.desk import Desk


def see_market(_desk: Desk, _command: SeeMarket) -> None:
    """No held order waits for a price yet."""
