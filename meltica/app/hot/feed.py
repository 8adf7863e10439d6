"""The market thread of the hot process: a feed from wherever the settings say, into the market loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from meltica.app.feed.live import open_feed, open_lines
from meltica.app.hot.settings import FeedSettings
from meltica.hot.hot_parts import HotStatus, LoopState, MarketLoop, Word
from meltica.hot.live import LiveSource
from meltica.venues.nasdaq.feed import NasdaqFeed
from meltica.venues.nasdaq.feed_sources import ItchFileSource, PcapSource
from meltica.venues.nasdaq.mold_events import FILE_LIMITS, GapLost, GapOpened, Messages, MoldEvent
from meltica.venues.nasdaq.mold_session import MoldSession

PIECE: Final = 1 << 20
LONGEST_SLEEP_NS: Final = 50_000_000


class FeedThread:
    """``run`` in a thread of its own, after it was placed. Ends with the loop, or with the feed."""

    def __init__(
        self,
        settings: FeedSettings,
        loop: MarketLoop,
        status: HotStatus,
        *,
        tell: Callable[[str], None],
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """``say``: what an operator must see at the start.

        :raises MelticaError: lines that can't be opened.
        """
        self._settings, self._loop, self._status, self._tell = settings, loop, status, tell
        self._heard_ns = time.monotonic_ns()
        self._lost = False
        self._packets = 0
        self.feed = _open(settings, say)
        self._source = self.feed.source.status()  # How it was opened; the sockets may be closed when it is asked for

    def run(self) -> None:
        self._status.put(Word.MARKET_STATE, LoopState.RUNNING)
        self._loop.condition_is(stale=True, gapped=False)  # Until the first packet
        try:
            if isinstance(self.feed.source, LiveSource):
                self._run_live(self.feed.source)
            else:
                self._run_recorded()
            self._tell("the feed has ended" if self.feed.ended else "stopped")
        except Exception as error:
            self._tell(f"the feed failed: {error}")
            raise
        finally:
            self._loop.condition_is(stale=True, gapped=True)
            self._status.put(Word.MARKET_STATE, LoopState.ENDED)
            self.feed.close()

    def session_counts(self) -> dict[str, Any]:
        """For people; from another thread."""
        session = self.feed.session
        if isinstance(self.feed.source, LiveSource):
            drops = sum(one.receiver.counters()["kernel_drops"] for one in self.feed.source.sockets)
            self._status.put(Word.FEED_DROPS, drops)
        return {"session": session.session, "gap": session.gap, "counts": dict(session.counts), "source": self._source}

    # --- live ---

    def _run_live(self, source: LiveSource) -> None:
        one: Any = source.sockets[0].receiver
        other: Any = source.sockets[1].receiver if len(source.sockets) > 1 else None
        session = self.feed.session
        while not self._loop.is_stopped() and not session.ended:
            before = session.gate.expected
            line, at = self._loop.spin(one, other, session.gate)
            if session.gate.expected != before:
                self._heard(session.passed(time.time_ns()))  # What the compiled path moved the session past
            if line >= 0:
                self._think(one if line == 0 else other, line, at)
            self._take(self.feed.poll(0))  # Answers to requests, deadlines, and what came meanwhile
            self._watch()

    def _think(self, receiver: Any, line: int, at: int) -> None:
        """Packets that the compiled gate did not take, through the session. ``line``: the receiver's first."""
        session = self.feed.session
        while at < receiver.received:
            self._status.add(Word.FEED_SLOW)
            self._heard(session.receive(line + receiver.line(at), receiver.packet(at), receiver.time_ns(at)))
            at = self._loop.resume(receiver, session.gate, line, at + 1)

    # --- files, at their own speed or another ---

    def _run_recorded(self) -> None:
        begin_ns, first_ns = time.monotonic_ns(), 0
        speed = self._settings.speed
        while not self._loop.is_stopped() and not self.feed.ended:
            for event in self.feed.poll(0):
                if isinstance(event, Messages) and speed:
                    first_ns = first_ns or event.time_ns
                    self._wait_until(begin_ns + int((event.time_ns - first_ns) / speed))
                if self._loop.is_stopped():
                    return
                self._heard([event])
        while not self._loop.is_stopped() and not self._lost:
            # A recording that is over: its last book stands, and is as fresh as a quiet feed's.
            self._status.put(Word.FEED_TIME_NS, self._status.get(Word.CLOCK_OFFSET_NS) + time.monotonic_ns())
            time.sleep(0.05)

    def _wait_until(self, when_ns: int) -> None:
        while (left_ns := when_ns - time.monotonic_ns()) > 0 and not self._loop.is_stopped():
            self._watch()
            time.sleep(min(left_ns, LONGEST_SLEEP_NS) / 1e9)

    # --- both ---

    def _take(self, events: Sequence[MoldEvent]) -> None:
        if events:
            self._heard(events)

    def _heard(self, events: Sequence[MoldEvent]) -> None:
        """In order. A block that the books can't take makes them useless until the process starts anew."""
        for event in events:
            if isinstance(event, Messages):
                live = isinstance(self.feed.source, LiveSource)
                if not self._loop.apply(event.block, event.time_ns if live else 0):
                    self._status.add(Word.FEED_BAD)
                    self._lost = True
                    self._tell("the books could not take a message: every instrument is GAPPED until a restart")
            elif isinstance(event, GapOpened):
                self._status.add(Word.FEED_GAPS)
            elif isinstance(event, GapLost):
                self._status.add(Word.FEED_LOST, event.count)
                self._lost = True
                self._tell(f"{event.count} messages from {event.sequence} on are lost: every instrument is GAPPED")
        self._heard_ns = time.monotonic_ns()
        self._condition()
        # A heartbeat moves no book, and says that the books are as they should be.
        self._status.put(Word.FEED_TIME_NS, self._heard_ns + self._status.get(Word.CLOCK_OFFSET_NS))

    def _watch(self) -> None:
        gate = self.feed.session.gate
        packets = sum(gate.counters()["packets"])
        if packets != self._packets:
            self._packets = packets
            self._status.put(Word.FEED_PACKETS, packets)
            self._status.put(Word.FEED_SEQUENCE, gate.expected)
            self._heard(())
        self._condition()

    def _condition(self) -> None:
        silent_ns = time.monotonic_ns() - self._heard_ns
        stale = self.feed.session.gate.expected == 0 or silent_ns > self._settings.stale_after_ms * 1_000_000
        self._loop.condition_is(stale=stale, gapped=self._lost or self.feed.session.gap is not None)


def _open(settings: FeedSettings, say: Callable[[str], None]) -> NasdaqFeed:
    if settings.source == "udp":
        targets = [target for target in (settings.a, settings.b) if target]
        lines = open_lines(
            targets,
            interface=settings.interface,
            interface_b=settings.interface_b,
            receive=settings.receive,
            xdp_queue=settings.xdp_queue,
            xdp_queue_b=settings.xdp_queue_b,
            say=say,
            source=settings.sender,
            timestamps=settings.timestamps,
            busy_poll_us=settings.busy_poll_us,
        )
        return open_feed(lines, count=len(targets), rerequest=settings.rerequest)
    pieces = _pieces(settings.path)
    source = PcapSource(pieces) if settings.source == "pcap" else ItchFileSource(pieces)
    return NasdaqFeed(source, MoldSession(limits=FILE_LIMITS, can_request=False))


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            yield piece
