from collections.abc import Callable
from pathlib import Path
from typing import Any

class SegmentError(ValueError): ...
class StaleSegment(SegmentError): ...  # noqa: N818 - it says what was found, and is caught by that name

class Segment:
    path: Path
    writable: bool
    # bytes, huge_bytes, locked_bytes, numa_node (None: unknown), notes (what was asked for and not got)
    placement: dict[str, Any]

    @staticmethod
    def create(
        path: str | Path,
        kind: int,
        *,
        slot_size: int,
        slots: int,
        lanes: int,
        size: int,
        huge_pages: bool = False,
        lock: bool = False,
        numa_node: int | None = None,
    ) -> Segment: ...
    def settle(self) -> bool: ...
    @staticmethod
    def attach(
        path: str | Path,
        kind: int,
        *,
        writable: bool = True,
        huge_pages: bool = False,
        lock: bool = False,
        numa_node: int | None = None,
    ) -> Segment: ...
    def is_current(self) -> bool: ...
    @property
    def slot_size(self) -> int: ...
    @property
    def slots(self) -> int: ...
    @property
    def lanes(self) -> int: ...
    @property
    def epoch(self) -> int: ...
    @property
    def data_size(self) -> int: ...

def open_segment(
    path: str | Path,
    kind: int,
    *,
    exist_ok: bool,
    fill: Callable[[Segment], None] | None = None,
    slot_size: int,
    slots: int,
    lanes: int,
    size: int,
    huge_pages: bool = False,
    lock: bool = False,
    numa_node: int | None = None,
) -> Segment: ...
def pid_of(process: int) -> int | None: ...
def alive(process: int) -> bool: ...
