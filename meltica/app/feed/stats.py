"""``meltica feed stats``: rates, gaps, arbitration, drops and delays of a feed, live or out of a file."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from meltica.app.feed.live import line_counts
from meltica.app.feed.replay import open_file
from meltica.hot import ItchDecoder
from meltica.ticks.errors import RecordingError
from meltica.venues.nasdaq.feed import NasdaqFeed
from meltica.venues.nasdaq.itch_messages import ItchMessageError
from meltica.venues.nasdaq.mold_events import FILE_LIMITS, GapLost, Messages, MoldEvent
from meltica.venues.nasdaq.mold_session import LINE_NAMES, MoldSession
from meltica.venues.nasdaq.pcap import PcapError

NEW_YORK: Final = ZoneInfo("America/New_York")
POLL_NS: Final = 50_000_000
NEVER_NS: Final = 1 << 62
SHOWN_GAPS: Final = 20
DELAY_BOUND_NS: Final = 3_600 * 10**9
"""A delay of more than an hour is a file's, or a wrong clock's: not shown as one."""


class Delay:
    """From the exchange's timestamp to our receive time; both clocks must be right for it to mean anything."""

    def __init__(self) -> None:
        self.count = self.sum_ns = 0
        self.min_ns = NEVER_NS
        self.max_ns = -NEVER_NS

    def add(self, delay_ns: int) -> None:
        if abs(delay_ns) < DELAY_BOUND_NS:
            self.count += 1
            self.sum_ns += delay_ns
            self.min_ns, self.max_ns = min(self.min_ns, delay_ns), max(self.max_ns, delay_ns)

    def shown(self) -> dict[str, int] | None:
        if not self.count:
            return None
        mean = round(self.sum_ns / self.count)
        return {"min_ns": self.min_ns, "mean_ns": mean, "max_ns": self.max_ns, "packets": self.count}


class FeedStats:
    def __init__(self, feed: NasdaqFeed) -> None:
        self.feed = feed
        self.messages = self.bytes = self.batches = 0
        self.lost: list[dict[str, Any]] = []
        self.bad_blocks = 0
        self.first_bad = ""
        self.first_ns = self.last_ns = 0
        self._delays = [Delay() for _ in LINE_NAMES]
        self._decoder = ItchDecoder()
        self._midnight: tuple[int, int] = (0, 0)

    def take(self, event: MoldEvent) -> None:
        if isinstance(event, Messages):
            self._count(event)
        elif isinstance(event, GapLost) and len(self.lost) < SHOWN_GAPS:
            self.lost.append({"sequence": event.sequence, "count": event.count, "why": event.why})

    def summary(self) -> dict[str, Any]:
        counts = self.feed.session.counts
        malformed = {k.removeprefix("malformed: "): v for k, v in sorted(counts.items()) if k.startswith("malformed: ")}
        return {
            "session": self.feed.session.session,
            "ended": self.feed.session.ended,
            "next_sequence": self.feed.session.gate.expected,
            "messages": self.messages,
            "bytes": self.bytes,
            "types": dict(sorted(self._decoder.counts().items())),
            "span_s": round((self.last_ns - self.first_ns) / 1e9, 3),
            "gaps": counts["gaps"],
            "gaps_lost": counts["gaps_lost"],
            "messages_lost": counts["messages_lost"],
            "messages_recovered": counts["recovered"],
            "requests": counts["requests"],
            "lost": self.lost,
            "heartbeats": counts["heartbeats"],
            "malformed": malformed,
            "first_malformed": self.feed.session.first_malformed or None,
            "unreadable_blocks": self.bad_blocks,
            "first_unreadable": self.first_bad or None,
            "silent_lines": [LINE_NAMES[line] for line in self.feed.session.silent_lines],
            "lines": line_counts(self.feed),
            "delay": {LINE_NAMES[n]: delay.shown() for n, delay in enumerate(self._delays) if delay.count},
            "source": self.feed.source.status(),
        }

    def _count(self, event: Messages) -> None:
        self.messages += event.count
        self.bytes += len(event.block)
        self.first_ns = self.first_ns or event.time_ns
        self.last_ns = event.time_ns
        offset, finished = 0, False
        while not finished:
            batch = self._decoder.decode(event.block, offset)
            offset, finished = batch.next_offset, batch.finished
            if len(batch):
                stamp = int(batch.timestamp_ns[-1])
            if batch.error is not None:
                self.bad_blocks += 1
                self.first_bad = self.first_bad or f"{batch.error}, behind sequence number {event.sequence}"
                return
        self._delays[event.line].add(event.time_ns - self._midnight_ns(event.time_ns) - stamp)

    def _midnight_ns(self, time_ns: int) -> int:
        """The exchange's midnight before ``time_ns``."""
        begin, end = self._midnight
        if not begin <= time_ns < end:
            day = dt.datetime.fromtimestamp(time_ns / 1e9, NEW_YORK).replace(hour=0, minute=0, second=0, microsecond=0)
            begin = int(day.timestamp()) * 10**9
            self._midnight = (begin, begin + 82_800 * 10**9)
        return begin


def of_file(path: Path) -> dict[str, Any]:
    """The whole file's; ``error`` is empty when it was read to its end.

    :raises RecordingError: it can't be read at all.
    """
    feed = NasdaqFeed(open_file(path), MoldSession(limits=FILE_LIMITS))
    stats = FeedStats(feed)
    error = ""
    try:
        while not feed.source.ended:
            for event in feed.poll():
                stats.take(event)
    except (RecordingError, PcapError, ItchMessageError) as problem:
        error = str(problem)
    return {"file": path.name, **stats.summary(), "error": error}


class Watch:
    """The live feed: a summary now and then with the rates since the last one, and at the end one of the whole time."""

    def __init__(self, feed: NasdaqFeed, say: Callable[[dict[str, Any]], None]) -> None:
        self.stop = False
        self._stats = FeedStats(feed)
        self._feed, self._say = feed, say

    def run(self, seconds: float, every_s: float) -> None:
        """Until the session ends, ``stop`` is set, or so many seconds have passed (0: for ever)."""
        begin = shown = time.monotonic()
        before = _totals(self._stats)
        while not self.stop and not self._feed.ended and (not seconds or time.monotonic() - begin < seconds):
            for event in self._feed.poll(POLL_NS):
                self._stats.take(event)
            now = time.monotonic()
            if now - shown >= every_s:
                self._say(_interval(self._stats, before, now - shown))
                before, shown = _totals(self._stats), now
        self._say({"seconds": round(time.monotonic() - begin, 3), **self._stats.summary()})


def _totals(stats: FeedStats) -> tuple[int, int, int]:
    packets = stats.feed.session.gate.counters()["packets"]
    return stats.messages, stats.bytes, sum(packets)


def _interval(stats: FeedStats, before: tuple[int, int, int], seconds: float) -> dict[str, Any]:
    messages, size, packets = (now - then for now, then in zip(_totals(stats), before, strict=True))
    rates = {
        "messages_per_second": round(messages / seconds),
        "megabits_per_second": round(size * 8 / seconds / 1e6, 3),
        "packets_per_second": round(packets / seconds),
    }
    return {**rates, **stats.summary()}
