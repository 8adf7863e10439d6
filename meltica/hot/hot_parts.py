"""The parts of the hot process, as the wiring in ``meltica.app`` gets them.

There is no Python twin of a process that spins: the loops are compiled or not at all.
"""

from cython_ext.broadcast_ring import BroadcastWriter
from cython_ext.gate import Gate
from cython_ext.hot_drops import DropStore
from cython_ext.hot_journal import EntryKind, HotJournal
from cython_ext.hot_market import MarketLoop
from cython_ext.hot_orders import OrderLoop
from cython_ext.hot_status import HotStatus, LoopState, Stage, Word
from cython_ext.hot_uses import uses
from cython_ext.itch_book import ItchBook
from cython_ext.kill_word import KillWord
from cython_ext.mpsc_ring import MpscRing
from cython_ext.ouch import OuchPort
from cython_ext.shared_memory import SegmentError
from cython_ext.spsc_ring import SpscRing
from cython_ext.top_of_book import TopOfBookReader, TopOfBookWriter

__all__ = [
    "BroadcastWriter",
    "DropStore",
    "EntryKind",
    "Gate",
    "HotJournal",
    "HotStatus",
    "ItchBook",
    "KillWord",
    "LoopState",
    "MarketLoop",
    "MpscRing",
    "OrderLoop",
    "OuchPort",
    "SegmentError",
    "SpscRing",
    "Stage",
    "TopOfBookReader",
    "TopOfBookWriter",
    "Word",
    "uses",
]
