from pathlib import Path
from typing import Literal

from typing_extensions import Buffer

from cython_ext.shared_memory import Segment

class BroadcastWriter:
    segment: Segment
    slots: int
    slot_size: int

    @staticmethod
    def create(
        path: str | Path,
        *,
        slots: int,
        slot_size: int = 64,
        exist_ok: bool = False,
        huge_pages: bool = False,
        lock: bool = False,
        numa_node: int | None = None,
    ) -> BroadcastWriter: ...
    @staticmethod
    def attach(
        path: str | Path, *, huge_pages: bool = False, lock: bool = False, numa_node: int | None = None
    ) -> BroadcastWriter: ...
    def detach(self) -> None: ...
    def push(self, record: Buffer) -> None: ...
    def push_many(self, records: Buffer) -> None: ...
    @property
    def position(self) -> int: ...
    def counters(self) -> dict[str, int | None]: ...

class BroadcastReader:
    segment: Segment
    slots: int
    slot_size: int
    lost: int
    received: int

    @staticmethod
    def attach(
        path: str | Path,
        *,
        start: Literal["oldest", "newest", "next"] = "newest",
        huge_pages: bool = False,
        lock: bool = False,
        numa_node: int | None = None,
    ) -> BroadcastReader: ...
    def pop(self) -> bytes | None: ...
    def pop_many(self, limit: int | None = None) -> bytes: ...
    @property
    def position(self) -> int: ...
    def __len__(self) -> int: ...
    def counters(self) -> dict[str, int | None]: ...
