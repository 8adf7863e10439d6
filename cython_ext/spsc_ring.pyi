from pathlib import Path
from typing import Literal, TypeAlias

from typing_extensions import Buffer

from cython_ext.shared_memory import Segment

Role: TypeAlias = Literal["producer", "consumer", "observer"]

class SpscRing:
    segment: Segment
    role: str
    slots: int
    slot_size: int

    @staticmethod
    def create(
        path: str | Path,
        *,
        slots: int,
        slot_size: int = 64,
        role: Role,
        exist_ok: bool = False,
        huge_pages: bool = False,
        lock: bool = False,
        numa_node: int | None = None,
    ) -> SpscRing: ...
    @staticmethod
    def attach(
        path: str | Path,
        *,
        role: Role,
        huge_pages: bool = False,
        lock: bool = False,
        numa_node: int | None = None,
    ) -> SpscRing: ...
    def detach(self) -> None: ...
    def push(self, record: Buffer) -> bool: ...
    def pop(self) -> bytes | None: ...
    def first(self) -> bytes | None: ...
    def let_go(self) -> None: ...
    def push_many(self, records: Buffer) -> int: ...
    def pop_many(self, limit: int | None = None) -> bytes: ...
    def discard(self) -> int: ...
    def __len__(self) -> int: ...
    @property
    def position(self) -> int: ...
    def counters(self) -> dict[str, int | None]: ...
