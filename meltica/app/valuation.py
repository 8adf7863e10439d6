"""What is held is valued as the market moves, so that a breaker trips without waiting for the next order."""

from __future__ import annotations

import asyncio
from typing import Final

from meltica.app.gateway import LiveGateway
from meltica.domain.errors import NotAcceptingError

VALUE_EVERY_S: Final = 1.0
"""A journal entry each time that a price of something held has changed: some 20 MB on a day that never rests."""


async def value_positions(gateway: LiveGateway, every_s: float = VALUE_EVERY_S) -> None:
    """Until cancelled, or until the gateway has failed."""
    while True:
        await asyncio.sleep(every_s)
        try:
            gateway.revalue()
        except NotAcceptingError:
            return
