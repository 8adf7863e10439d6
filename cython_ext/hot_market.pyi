from typing import Any

from cython_ext.hot_status import HotStatus
from cython_ext.itch_book import ItchBook
from cython_ext.top_of_book import TopOfBookWriter

class MarketLoop:
    def __init__(
        self,
        *,
        book: ItchBook,
        tops: TopOfBookWriter,
        status: HotStatus,
        offset_ns: int = 0,
        idle_us: int = 0,
    ) -> None: ...
    def stop(self) -> None: ...
    def is_stopped(self) -> bool: ...
    def condition_is(self, *, stale: bool, gapped: bool) -> None: ...
    def apply(self, block: Any, time_ns: int = 0) -> bool: ...
    def spin(
        self,
        one: Any,
        other: Any,
        gate: Any,
        first_line: int = 0,
        second_line: int = 1,
    ) -> tuple[int, int]: ...
    def resume(self, receiver: Any, gate: Any, line: int, first: int) -> int: ...
