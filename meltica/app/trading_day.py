"""The trading day: at its end the paper venue's DAY orders expire, and profit and loss count from 0 again."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from typing import Final

from meltica.app.gateway import LiveGateway
from meltica.domain.errors import FieldError
from meltica.venues.paper.session import PaperSession

LOG = logging.getLogger("meltica.trading_day")

DAY_NS: Final = 86_400 * 1_000_000_000
LONGEST_SLEEP_S: Final = 60.0
"""A sleep over hours drifts, and a suspended machine sleeps through it: look again at least this often."""


def parse_time_of_day(field: str, text: str) -> int:
    """``HH:MM`` or ``HH:MM:SS`` in UTC as nanoseconds since midnight. :raises FieldError: it is neither."""
    try:
        parsed = dt.time.fromisoformat(text)
    except ValueError:
        raise FieldError(field, text, "must be a time of day in UTC, such as 00:00 or 21:30:00") from None
    if parsed.tzinfo is not None:
        raise FieldError(field, text, "is in UTC already; leave the offset out")
    return ((parsed.hour * 60 + parsed.minute) * 60 + parsed.second) * 1_000_000_000


def next_end_ns(now_ns: int, end_of_day_ns: int) -> int:
    """The first end of a trading day after ``now_ns``."""
    today = now_ns - now_ns % DAY_NS + end_of_day_ns
    return today if today > now_ns else today + DAY_NS


async def end_days(gateway: LiveGateway, venue: PaperSession, end_of_day_ns: int) -> None:
    """Expire the venue's DAY orders at the end of each day, and begin the next one. Until cancelled."""
    end_ns = next_end_ns(gateway.clock.now_ns(), end_of_day_ns)
    if gateway.state.tables.day_began_ns < end_ns - DAY_NS:
        LOG.info("the trading day of %s ended while nobody was here", venue.venue)
        gateway.reported(venue.end_session(gateway.clock.now_ns()))
        gateway.begin_day()
    while True:
        left_s = (end_ns - gateway.clock.now_ns()) / 1e9
        if left_s > 0:
            await asyncio.sleep(min(left_s, LONGEST_SLEEP_S))
            continue
        LOG.info("the trading day of %s is over", venue.venue)
        gateway.reported(venue.end_session(gateway.clock.now_ns()))
        gateway.begin_day()
        end_ns = next_end_ns(gateway.clock.now_ns(), end_of_day_ns)
