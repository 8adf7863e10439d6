"""Plays market data into the gateway at the pace at which it happened."""

from __future__ import annotations

import asyncio
import logging

from meltica.app.bootstrap import Bootstrap
from meltica.app.feed.sources import MarketSource
from meltica.app.gateway import LiveGateway

LOG = logging.getLogger("meltica.market")

EVENTS_PER_TURN = 64
"""When the market is ahead of us, at most this many events before everybody else gets a turn."""
SLEEP_LEAST_S = 0.0005
"""A shorter wait costs more than it gives."""


async def pump(source: MarketSource, gateway: LiveGateway, bootstrap: Bootstrap, *, speed: float) -> None:
    """Returns at the end of a recording; the books then stay as they are, and go stale."""
    loop = asyncio.get_running_loop()
    begin_s, first_ns, turn, count = loop.time(), source.start_ns, 0, 0
    for event in source.events:
        wait_s = begin_s + (event.time_ns - first_ns) / 1e9 / speed - loop.time()
        turn += 1
        if wait_s > SLEEP_LEAST_S or turn >= EVENTS_PER_TURN:
            turn = 0
            await asyncio.sleep(max(wait_s, 0))
        if not bootstrap.done:
            bootstrap.look(event)  # Before anybody trades on it: without limits every order is refused.
        gateway.on_market(event)
        count += 1
    LOG.info("%s ended after %d events; its prices are stale from now on", source.name, count)
