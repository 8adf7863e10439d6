"""The hot process: its parts, made in the order in which they need each other, its threads, and its end.

Three kinds of threads. The two loops spin on cores of their own without Python. The session's thread connects and logs
in. The tender, the main thread, has everything else that is slow: control link, clock, signals, texts of the status.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Self

from meltica.app.hot.feed import FeedThread
from meltica.app.hot.link import ControlLink
from meltica.app.hot.session import SessionKeeper
from meltica.app.hot.settings import HotSettings
from meltica.domain.errors import MelticaError
from meltica.hot.hot_files import CONTROL_BYTES, CONTROL_SLOTS, DROP_SLOTS, INTENT_LANES, INTENT_SLOTS, HotFiles
from meltica.hot.hot_gate import exposure, recover_exposure
from meltica.hot.hot_journal import JournalError, JournalFile, Recovered, last_intent, recover, set_aside
from meltica.hot.hot_limits import LimitsError, read_records
from meltica.hot.hot_parts import (
    BroadcastWriter,
    DropStore,
    Gate,
    ItchBook,
    KillWord,
    LoopState,
    MarketLoop,
    MpscRing,
    OrderLoop,
    OuchPort,
    SegmentError,
    SpscRing,
    TopOfBookReader,
    TopOfBookWriter,
    Word,
)
from meltica.hot.hot_status import StatusWriter
from meltica.hot.layout_gen import SymbolRecord
from meltica.hot.placement import Placement, PlacementError, check_cores

WARM_ROUNDS: Final = 200
TEND_EVERY_S: Final = 0.02
TELL_EVERY_S: Final = 0.25
CLOCK_STEP_NS: Final = 1_000_000
"""The system clock this far from ours has been set: leases and stamps stay with ours, and the status says so."""
DRAIN_WITHIN_S: Final = 5.0


class HotProcessError(MelticaError):
    """The hot process can't start; the message says which part and why."""


class HotProcess:
    """Made, run, closed. ``standalone``: limits from the settings' file, no lease; never by default."""

    def __init__(
        self, settings: HotSettings, *, standalone: bool = False, require: Sequence[str] = (), new_day: bool = False
    ) -> None:
        """:raises HotProcessError: a part can't be made."""
        self.settings, self.standalone = settings, standalone
        if not standalone and not settings.linked:
            raise HotProcessError(
                "no control link is in the settings: name link.commands and link.state, or say --standalone"
            )
        self.files = HotFiles(settings.folder)
        settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if new_day:
            set_aside(self.files.journal)
        try:
            check_cores((settings.cores.orders, settings.cores.market))
            self._make(require)
        except (JournalError, LimitsError, PlacementError, SegmentError, OSError, ValueError) as error:
            raise HotProcessError(str(error)) from error

    def _make(self, require: Sequence[str]) -> None:
        settings, files = self.settings, self.files
        self._ended = threading.Event()
        self._restored = False
        self.placement = Placement()
        self._require = tuple(require)
        # The journal first: it is locked, so from here on this process is the only one in the folder.
        self._journal = JournalFile(files.journal, settings.journal_mib, self._port_facts())
        self.status = StatusWriter(files.status)
        self.offset_ns = time.time_ns() - time.monotonic_ns()
        self.status.words.put(Word.CLOCK_OFFSET_NS, self.offset_ns)
        self.intents = MpscRing.create(
            files.intents, slots=INTENT_SLOTS, lanes=INTENT_LANES, role="consumer", exist_ok=True
        )
        self._control = SpscRing.create(
            files.control, slots=CONTROL_SLOTS, slot_size=CONTROL_BYTES, role="consumer", exist_ok=True
        )
        self._control.discard()  # What a gate that is no more was told: this one is told everything anew
        self.drops = BroadcastWriter.create(files.drops, slots=DROP_SLOTS, slot_size=128, exist_ok=True)
        self.kill = self._kill_word()
        shape = settings.gate
        self.gate = Gate(
            shape.max_instruments,
            shape.max_accounts,
            shape.duplicate_depth,
            max_strategies=shape.max_strategies,
            max_working_orders=settings.venue.max_orders,
            leased=not self.standalone,
        )
        self.port = self._port()
        self._records = read_records(settings.limits) if self.standalone else []
        self.tops = self._tops()
        self.loop = OrderLoop(
            gate=self.gate,
            port=self.port,
            intents=self.intents,
            control=self._control,
            drops=self.drops,
            kill=self.kill,
            status=self.status.words,
            journal=self._journal.entries,
            tops=self.tops,
            port_id=settings.venue.port_id,
            leased=not self.standalone,
            cancel_after_ms=settings.link.cancel_after_ms,
            idle_us=settings.cores.idle_us,
            offset_ns=self.offset_ns,
            asks=settings.venue.account_query,
        )
        self.recovered = self._recover()
        self.market, self.feed = self._market()
        self.link = self._link()
        self.session = SessionKeeper(
            settings.venue,
            self.loop,
            self.port,
            self._journal.entries,
            session=self.recovered.session,
            tell=lambda text: self.status.tell(session=text),
        )

    # --- parts ---

    def _port_facts(self) -> dict[str, Any]:
        venue = self.settings.venue
        names = ("firm", "capacity", "display", "locates_shares", "max_orders", "username")
        return {name: getattr(venue, name) for name in names} | {"instruments": self.settings.gate.max_instruments}

    def _port(self) -> OuchPort:
        venue = self.settings.venue
        return OuchPort(
            max_orders=venue.max_orders,
            max_instruments=self.settings.gate.max_instruments,
            firm=venue.firm,
            capacity=venue.capacity,
            display=venue.display,
            locates_shares=venue.locates_shares,
        )

    def _kill_word(self) -> KillWord:
        """One that is missing is made, and a new one is engaged: somebody must release it."""
        path = self.files.kill if self.settings.kill == Path() else self.settings.kill
        if path.exists():
            return KillWord.attach(path, gate=self.settings.name)
        return KillWord.create(path, gate=self.settings.name)

    def _tops(self) -> TopOfBookReader | None:
        if self.settings.feed.source == "none":
            return None
        self._tops_writer = TopOfBookWriter.create(self.files.tops, exist_ok=True)
        return TopOfBookReader.attach(self.files.tops)

    def _recover(self) -> Recovered:
        """The journal into port and gate; then what the settings name, so that what worked keeps its units."""
        found = recover(
            self._journal.entries,
            self.port,
            drops_next=self.drops.position + 1,
            port_id=self.settings.venue.port_id,
        )
        for copy in found.missing:
            self.drops.push(copy)
        if last := last_intent(DropStore(self.files.drops)):
            self.loop.went_before(last.order_id, last.action)
        for symbol in found.symbols:
            self.loop.name(symbol, journaled=True)
        for record in self._records:
            if isinstance(record, SymbolRecord):
                self.port.set_symbol(record)
                self.loop.name(record.to_bytes())
            else:
                self.gate.tell(record)
        if self.standalone:  # Else when the control plane has told the limits
            recover_exposure(self.gate, self.port, found)
        return found

    def _market(self) -> tuple[MarketLoop | None, FeedThread | None]:
        feed = self.settings.feed
        if feed.source == "none":
            return None, None
        market = MarketLoop(
            book=ItchBook(feed.max_orders),
            tops=self._tops_writer,
            status=self.status.words,
            offset_ns=self.offset_ns,
            idle_us=self.settings.cores.idle_us,
        )
        return market, FeedThread(
            feed,
            market,
            self.status.words,
            tell=lambda text: self.status.tell(feed=text),
            say=lambda text: print(f"meltica: {text}", file=sys.stderr, flush=True),
        )

    def _link(self) -> ControlLink | None:
        if self.standalone:
            return None
        return ControlLink(
            self.settings,
            control=SpscRing.attach(self.files.control, role="producer"),
            gate=self.gate,
            port=self.port,
            drops=DropStore(self.files.drops),
            status=self.status,
            clock=self.now_ns,
        )

    def now_ns(self) -> int:
        """The clock that orders are stamped with."""
        return self.offset_ns + time.monotonic_ns()

    # --- life ---

    def run(self, ready: Callable[[str], None] = lambda _: None) -> None:
        """Until ``end``. ``ready`` is called once, when everything is placed, warm and running."""
        cores = self.settings.cores
        self.warm()
        gates = [threading.Event() for _ in range(2)]
        threads = [threading.Thread(target=self._run_orders, args=(gates[0],), name="orders")]
        if self.feed is not None:
            threads.append(threading.Thread(target=self._run_market, args=(gates[1],), name="market"))
        else:
            gates[1].set()
        for thread in threads:
            thread.start()
        for gate in gates:
            gate.wait()
        try:
            self.placement.place_thread("tender", cores.tender)
            memory = self.settings.memory
            self.placement.place_process(lock=memory.lock, huge=memory.huge_pages, latency=memory.cpu_latency)
            self.status.tell(placement=[measure.row() for measure in self.placement.report])
            self.placement.require(self._require)
            if self.link is None:
                self.session.start()
            self.loop.open()
            ready(f"pid {os.getpid()} name {self.settings.name}")
            self._tend()
        except PlacementError as error:
            raise HotProcessError(str(error)) from error
        finally:
            self._drain(threads)

    def end(self) -> None:
        """From a signal handler, or another thread: no new order leaves, what is in the out buffer does."""
        self._ended.set()

    def warm(self) -> None:
        """Orders that are certain to be refused, through every table and path, before any session is there."""
        scratch = self._port()
        for record in self._records:
            if isinstance(record, SymbolRecord):
                scratch.set_symbol(record)
        self.status.tell(warmed=self.loop.warm(scratch, WARM_ROUNDS))

    def close(self) -> None:
        self.placement.close()
        for part in (self.intents, self._control, self.drops, self.kill):
            part.detach()
        self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run_orders(self, placed: threading.Event) -> None:
        cores = self.settings.cores
        self.placement.place_thread("orders", cores.orders, cores.realtime_priority)
        placed.set()
        self.loop.run()

    def _run_market(self, placed: threading.Event) -> None:
        cores = self.settings.cores
        self.placement.place_thread("market", cores.market, cores.realtime_priority)
        placed.set()
        assert self.feed is not None  # noqa: S101 - the thread is made for it
        self.feed.run()

    def _tend(self) -> None:
        words = self.status.words
        told = 0.0
        while not self._ended.is_set():
            if self.link is not None:
                self.link.tend(int(TEND_EVERY_S * 1_000))
                self._begin_session(self.link)
            else:
                self._ended.wait(TEND_EVERY_S)
            words.put(Word.TENDER_BEAT_NS, time.monotonic_ns())
            words.put(Word.RECONNECTS, max(0, self.session.connections - 1))
            self._watch_clock()
            if time.monotonic() - told > TELL_EVERY_S:
                told = time.monotonic()
                self._tell()

    def _begin_session(self, link: ControlLink) -> None:
        """Only when the gate has its limits and what the journal says is open: a fill may be the first word."""
        if not self._restored and link.in_step():
            link.tell(exposure(self.port, self.recovered))
            self._restored = True
        if self._restored and link.in_step() and not self.session.ident:
            self.session.start()

    def _watch_clock(self) -> None:
        """Two's complement, because the system clock may be behind."""
        words = self.status.words
        ahead_ns = time.time_ns() - self.now_ns()
        before = words.get(Word.CLOCK_AHEAD_NS)
        before -= (before >> 63) << 64
        if abs(ahead_ns - before) > CLOCK_STEP_NS:
            words.add(Word.CLOCK_STEPS)
        words.put(Word.CLOCK_AHEAD_NS, ahead_ns % 2**64)

    def _tell(self) -> None:
        """What is no number: who engaged the kill word, what the feed and the link say."""
        self.kill.verify()
        self.intents.recover()
        facts: dict[str, Any] = {"kill": self.kill.status()}
        if self.feed is not None:
            facts["feed_counts"] = self.feed.session_counts()
        if self.link is not None:
            facts["link"] = self.link.describe()
        self.status.tell(**facts)

    def _drain(self, threads: Sequence[threading.Thread]) -> None:
        """No order is taken any more; what passed is sent; the venue is told goodbye; then the feed stops."""
        self.loop.open(False)
        self.loop.stop()
        threads[0].join(DRAIN_WITHIN_S)
        if threads[0].is_alive():
            self.loop.stop(at_once=True)
            threads[0].join()
        if self.session.is_alive():
            self.session.end()
        if self.market is not None:
            self.market.stop()
        for thread in threads[1:]:
            thread.join()
        if self.link is not None:
            self.link.close()
        self.status.words.put(Word.ORDER_STATE, LoopState.ENDED)
        self._tell_end()

    def _tell_end(self) -> None:
        self.status.tell(ended_ns=time.time_ns())
