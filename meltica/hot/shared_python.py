"""Shared memory from the backend `python`: the twins."""

from meltica.hot.shared_broadcast_twin import BroadcastReader, BroadcastWriter
from meltica.hot.shared_kill_word_twin import KillWord
from meltica.hot.shared_mpsc_twin import MpscRing
from meltica.hot.shared_rings_twin import SpscRing
from meltica.hot.shared_segment_twin import SegmentError
from meltica.hot.shared_top_of_book_twin import TopOfBookReader as _Reader
from meltica.hot.shared_top_of_book_twin import TopOfBookWriter, TornRowError
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
