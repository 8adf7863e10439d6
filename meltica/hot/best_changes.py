"""Best bids and offers as columns: one row for each message that changed them. The same for both backends."""

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from meltica.hot.itch import MORE, REASONS, ItchError


class ChangesBook(Protocol):
    """What this needs of an ItchBook."""

    @property
    def changes(self) -> dict[str, npt.NDArray[np.generic]]: ...

    def take_changes(
        self, buffer: bytes | bytearray | memoryview, offset: int = 0, receive_time_ns: int = 0
    ) -> tuple[int, int, int]: ...


class BestBatch(NamedTuple):
    """Views of the book's columns, valid until its next read; prices in 1e-4 dollars, 0 for an empty side."""

    locate: npt.NDArray[np.uint16]
    timestamp_ns: npt.NDArray[np.uint64]
    bid_price: npt.NDArray[np.uint32]
    bid_shares: npt.NDArray[np.uint64]
    ask_price: npt.NDArray[np.uint32]
    ask_shares: npt.NDArray[np.uint64]
    next_offset: int
    finished: bool
    """Nothing more to read: the buffer or the session has ended, or there is an error."""
    error: ItchError | None


class BestChanges:
    """Applies framed messages to a book and says what became of the best bids and offers."""

    def __init__(self, book: ChangesBook) -> None:
        self.book = book

    def read(self, buffer: bytes | bytearray | memoryview, offset: int = 0, receive_time_ns: int = 0) -> BestBatch:
        """As many messages as fit a batch of rows; OverflowError or MemoryError when the book can't take the first."""
        rows, next_offset, stop = self.book.take_changes(buffer, offset, receive_time_ns)
        error = ItchError.found(REASONS[stop], buffer, next_offset) if stop in REASONS else None
        columns = [column[:rows] for column in self.book.changes.values()]
        return BestBatch(*columns, next_offset=next_offset, finished=stop != MORE, error=error)  # type: ignore[arg-type, misc]
