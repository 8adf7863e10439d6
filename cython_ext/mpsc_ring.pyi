from pathlib import Path
from typing import Any

from typing_extensions import Buffer

from cython_ext.shared_memory import Segment
from cython_ext.spsc_ring import Role

class MpscRing:
    segment: Segment
    role: str
    slots: int
    slot_size: int
    lane_number: int

    @staticmethod
    def create(
        path: str | Path,
        *,
        slots: int,
        slot_size: int = 64,
        lanes: int = 16,
        role: Role,
        exist_ok: bool = False,
        huge_pages: bool = False,
        lock: bool = False,
        numa_node: int | None = None,
    ) -> MpscRing: ...
    @staticmethod
    def attach(
        path: str | Path,
        *,
        role: Role,
        huge_pages: bool = False,
        lock: bool = False,
        numa_node: int | None = None,
    ) -> MpscRing: ...
    def detach(self) -> None: ...
    def push(self, record: Buffer) -> bool: ...
    def push_many(self, records: Buffer) -> int: ...
    def pop(self) -> bytes | None: ...
    def first(self) -> bytes | None: ...
    def let_go(self) -> None: ...
    def pop_many(self, limit: int | None = None) -> bytes: ...
    def recover(self) -> list[dict[str, int | None]]: ...
    def __len__(self) -> int: ...
    @property
    def position(self) -> int: ...
    def counters(self) -> dict[str, Any]: ...
    def lane_counters(self) -> list[dict[str, int | None]]: ...
