from collections.abc import Iterator
from enum import IntEnum
from typing import Any

HEADER_BYTES: int
MAX_PAYLOAD: int

class EntryKind(IntEnum):
    ENCODED = 1
    DECODED = 2
    SESSION = 3
    SETTLED = 4
    NAMED = 5

class HotJournal:
    def __init__(self, buffer: Any) -> None: ...
    def write(
        self,
        kind: int,
        payload: bytes,
        *,
        time_ns: int = 0,
        drops_next: int = 0,
        allowed_lots: int = 0,
        reserved_price_ticks: int = 0,
    ) -> None: ...
    def entries(self) -> Iterator[tuple[int, bytes, int, int, int, int]]: ...
    @property
    def count(self) -> int: ...
    @property
    def bytes_used(self) -> int: ...
    @property
    def bytes_left(self) -> int: ...
