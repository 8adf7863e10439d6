"""What every backend's top-of-book reader adds to bytes: records and arrays with names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from meltica.hot.layout_gen import TopOfBookRecord


class _Rows(Protocol):
    def read_bytes(self, locate: int) -> bytes: ...
    def read_rows(self, locates: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint8]: ...


class TopOfBookRecords:
    """Beside a class that has ``read_bytes`` and ``read_rows``. TornRowError when a row's writer stopped within it."""

    def read(self: _Rows, locate: int) -> TopOfBookRecord | None:
        """None as long as nothing was stored. ``update_count`` is the number of stores of this locate."""
        row = self.read_bytes(locate)
        return TopOfBookRecord.from_bytes(row) if any(row) else None

    def read_many(self: _Rows, locates: Iterable[int]) -> npt.NDArray[Any]:
        """Structured array with the fields of TopOfBookRecord; rows that were never stored are zeros."""
        rows = self.read_rows(np.ascontiguousarray(list(locates), np.uint16))
        return rows.view(TopOfBookRecord.DTYPE)[:, 0]
