"""Shared memory from the backend `cython`: compiled, the default."""

from cython_ext.broadcast_ring import BroadcastReader, BroadcastWriter
from cython_ext.kill_word import KillWord
from cython_ext.mpsc_ring import MpscRing
from cython_ext.shared_memory import SegmentError
from cython_ext.spsc_ring import SpscRing
from cython_ext.top_of_book import TopOfBookReader as _Reader
from cython_ext.top_of_book import TopOfBookWriter, TornRowError
from meltica.hot.top_of_book import TopOfBookRecords


class TopOfBookReader(TopOfBookRecords, _Reader):
    """``read``, ``read_many``, ``changed_since``; see meltica/hot/top_of_book.py."""


__all__ = [
    "BroadcastReader",
    "BroadcastWriter",
    "KillWord",
    "MpscRing",
    "SegmentError",
    "SpscRing",
    "TopOfBookReader",
    "TopOfBookWriter",
    "TornRowError",
]
