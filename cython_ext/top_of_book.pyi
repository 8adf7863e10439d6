from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from typing_extensions import Buffer

from cython_ext.shared_memory import Segment

class TornRowError(ValueError): ...

class TopOfBookWriter:
    segment: Segment

    @staticmethod
    def create(
        path: str | Path,
        *,
        exist_ok: bool = False,
        huge_pages: bool = False,
        lock: bool = False,
        numa_node: int | None = None,
    ) -> TopOfBookWriter: ...
    @staticmethod
    def attach(
        path: str | Path, *, huge_pages: bool = False, lock: bool = False, numa_node: int | None = None
    ) -> TopOfBookWriter: ...
    def detach(self) -> None: ...
    def put(self, locate: int, record: Buffer) -> None: ...
    def counters(self) -> dict[str, int | None]: ...

class TopOfBookReader:
    segment: Segment
    retries: int

    @classmethod
    def attach(
        cls, path: str | Path, *, huge_pages: bool = False, lock: bool = False, numa_node: int | None = None
    ) -> Self: ...
    def read_bytes(self, locate: int) -> bytes: ...
    def read_rows(self, locates: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]: ...
    def changed_since(self, mark: int) -> tuple[npt.NDArray[np.uint16], int]: ...
    def writer_pid(self) -> int | None: ...
    def counters(self) -> dict[str, int | None]: ...
