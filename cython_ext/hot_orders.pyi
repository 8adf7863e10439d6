from cython_ext.broadcast_ring import BroadcastWriter
from cython_ext.gate import Gate
from cython_ext.hot_journal import HotJournal
from cython_ext.hot_session import OrderSession
from cython_ext.hot_status import HotStatus
from cython_ext.kill_word import KillWord
from cython_ext.mpsc_ring import MpscRing
from cython_ext.ouch import OuchPort
from cython_ext.spsc_ring import SpscRing
from cython_ext.top_of_book import TopOfBookReader

class OrderLoop(OrderSession):
    def __init__(
        self,
        *,
        gate: Gate,
        port: OuchPort,
        intents: MpscRing,
        control: SpscRing,
        drops: BroadcastWriter,
        kill: KillWord,
        status: HotStatus,
        journal: HotJournal,
        tops: TopOfBookReader | None = None,
        port_id: int = 0,
        leased: bool = True,
        cancel_after_ms: int = 1_000,
        idle_us: int = 0,
        offset_ns: int = 0,
        asks: bool = True,
    ) -> None: ...
    def run(self) -> None: ...
    def turns(self, count: int) -> int: ...
    def open(self, on: bool = True) -> None: ...
    def stop(self, *, at_once: bool = False) -> None: ...
    def offer_session(self, fd: int) -> int: ...
    @property
    def session_lost(self) -> int: ...
    def went_before(self, order_id: int, action: int) -> None: ...
    def warm(self, scratch: OuchPort, rounds: int) -> int: ...
    def name(self, symbol: bytes, *, journaled: bool = False) -> None: ...
