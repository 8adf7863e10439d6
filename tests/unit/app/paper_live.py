"""A live gateway over the real paper venue, which can be ended and started again from its journal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from meltica import hot
from meltica.app.gateway import LiveGateway
from meltica.app.kill_latch import KillLatch
from meltica.app.measured_gate import MeasuredGate
from meltica.app.recovery import recover
from meltica.app.settings import GATE_ACCOUNTS, GATE_INSTRUMENTS
from meltica.domain.capabilities import Capabilities
from meltica.domain.commands import DescribeVenue, RegisterInstrument, SetLimits
from meltica.domain.events import Event
from meltica.domain.limits import SelfMatch
from meltica.domain.market import BookInvalid, BookUpdate, MarketEvent, MarketTrade, MarkPrice
from meltica.domain.order import Order
from meltica.domain.terms import Terms
from meltica.journal.port import JournalSource
from meltica.journal.writer import GroupCommitWriter
from meltica.venues.paper.capabilities import capabilities
from meltica.venues.paper.session import PaperSession
from tests.engines import BTC, MARK_TICKS, instrument, wide_limits
from tests.unit.app.live import VENUE, HeldJournal, SettableClock, submit


class PaperLive:
    """``start`` again is a restart: another engine from the same journal, another venue with the orders that it had."""

    def __init__(self, folder: Path, known: Capabilities | None = None, **limits: Any) -> None:
        self.folder = folder
        self.journal = HeldJournal()
        self.clock = SettableClock()
        self.failures: list[BaseException] = []
        self._known = known or capabilities(VENUE, mark_prices=(BTC,))
        self._limits = {"max_open_orders": 1_000, "self_match": SelfMatch.CANCEL_OLDEST, **limits}
        self._requests = 0
        self.start()
        for row in (
            RegisterInstrument(request_id="setup", actor="system:test", instrument=instrument()),
            *(
                SetLimits(request_id=f"setup-{number}", actor="system:test", limits=limits, revision=0)
                for number, limits in enumerate(wide_limits(**self._limits))
            ),
        ):
            self.gateway.take(row)
        self.venue.add_instrument(self.gateway.state.tables.instruments[BTC])
        self.book()

    def start(self) -> None:
        self.journal.commit()
        module = hot.load("cython")
        raw = module.Gate(max_instruments=GATE_INSTRUMENTS, max_accounts=GATE_ACCOUNTS)
        gate = MeasuredGate(raw, "cython")
        engine = recover(cast("JournalSource", self.journal), cast("hot.RiskGate", gate), module.OrderIntent)
        self.gateway = LiveGateway(
            engine,
            gate=gate,
            writer=cast("GroupCommitWriter", self.journal),
            source=cast("JournalSource", self.journal),
            latch=KillLatch(self.folder / "kill"),
            clock=cast("Any", self.clock),
            fail=self.failures.append,
        )
        self.journal.on_durable = self.gateway.on_durable
        state = self.gateway.state
        described = DescribeVenue(request_id=self._request(), actor="system:test", capabilities=self._known)
        self.gateway.take(described)
        self.venue = PaperSession(VENUE, state.instruments(), epoch=state.tables.sequence)
        self.gateway.add_venue(self.venue)
        self.gateway.reported(self.venue.restore(state.working_orders(), self.clock.now_ns()))
        self.gateway.open()
        self.settle()

    def settle(self) -> None:
        """Everything becomes durable, leaves, and is answered."""
        self.journal.commit()
        while reports := self.venue.due(self.clock.now_ns()):
            self.gateway.reported(reports)
            self.journal.commit()
        assert self.failures == []

    def market(self, event: MarketEvent) -> list[Event]:
        """What came of it, in the journal's order."""
        return self._events_of(lambda: self.gateway.on_market(event))

    def book(self, bid: int = MARK_TICKS - 1, ask: int = MARK_TICKS + 1, lots: int = 1_000) -> list[Event]:
        return self.market(BookUpdate(BTC, 0, ((bid, lots),), ((ask, lots),), snapshot=True))

    def trade(self, price: int, lots: int = 1) -> list[Event]:
        return self.market(MarketTrade(BTC, 0, price, lots))

    def mark(self, price: int, *, between: bool = False) -> list[Event]:
        return self.market(MarkPrice(BTC, 0, price, between))

    def gap(self) -> list[Event]:
        return self.market(BookInvalid(BTC, 0, "a gap"))

    def submit(self, terms: Terms | None = None, **fields: Any) -> Order:
        """The order as the engine has it now; a copy that moves on with it until the next restart."""
        number = self.gateway.state.tables.next_order_id
        command = submit(self._request(), terms=terms, **{"price_ticks": None, **fields})
        events = self._events_of(lambda: self.gateway.take(command))
        assert number in self.gateway.state.tables.orders, events
        return self.gateway.state.tables.orders[number]

    def order(self, order_id: int) -> Order:
        return self.gateway.state.tables.orders[order_id]

    def _events_of(self, act: Callable[[], object]) -> list[Event]:
        before = len(self.journal.entries)
        act()
        self.settle()
        return [event for record in self.journal.records()[before:] for event in record.events]

    def _request(self) -> str:
        self._requests += 1
        return f"q{self._requests}"
