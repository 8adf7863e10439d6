"""Nasdaq TotalView-ITCH 5.0 to columns: the decoder that both backends share around their kernels.

Framing is BinaryFILE's: a two-byte big-endian length before each message, length 0 = end of session. Nothing is
skipped silently: the decoder stops in front of what it cannot read and says where and why.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Final, Protocol, Self

import numpy as np
import numpy.typing as npt

# A message without the field has 0 there. Integers are native after decoding; prices have four decimals.
COLUMNS: Final[dict[str, str]] = {
    "type": "u1",  # ASCII
    "side": "u1",  # A F P: ASCII B or S; h: the market, Q B X
    "code": "u1",  # The letter that says most: S event, H state, Y action, C printable, Q cross type, I direction, ...
    "locate": "u2",
    "price": "u4",  # A F C U P Q; J: reference of the collar; K: of the IPO
    "timestamp_ns": "u8",  # Since midnight
    "order_ref": "u8",  # A F E C X D U P
    "second_ref": "u8",  # U: the new order; E C P Q B: the match number; J: upper price << 32 | lower
    "shares": "u8",  # A F E C X U P; Q: crossed; I: paired; J: extension; K: release, seconds since midnight
    "stock": "S8",  # Padded with spaces, as on the wire
}
# Why a kernel stopped.
MORE, END, END_OF_SESSION, TRUNCATED, UNKNOWN_TYPE, WRONG_LENGTH = range(6)
REASONS: Final = {
    TRUNCATED: "the last message is cut off",
    UNKNOWN_TYPE: "unknown message type",
    WRONG_LENGTH: "the length does not fit the message type",
}
DEFAULT_CAPACITY = 8192  # Rows of a batch: about 400 kB, stays in the second-level cache


class ItchError(ValueError):
    """The data is not ITCH 5.0 from here on (theirs); `offset` is the byte of the length field."""

    def __init__(self, reason: str, offset: int, length: int, message_type: int) -> None:
        super().__init__(f"{reason} at byte {offset}: length {length}, type {chr(message_type)!r}")
        self.reason, self.offset, self.length, self.message_type = reason, offset, length, message_type

    @classmethod
    def found(cls, reason: str, buffer: bytes | bytearray | memoryview, offset: int) -> Self:
        """With the length and the type that stand there."""
        length = int.from_bytes(buffer[offset : offset + 2], "big")
        return cls(reason, offset, length, buffer[offset + 2] if offset + 2 < len(buffer) else 0)


class ItchKernel(Protocol):
    """Fills its columns from a buffer; the columns are used again by the next call."""

    columns: dict[str, npt.NDArray[np.generic]]
    counts: npt.NDArray[np.uint64]  # By type byte, since the kernel was made

    def __init__(self, capacity: int) -> None: ...

    def decode(self, buffer: bytes, offset: int) -> tuple[int, int, int]:
        """(rows, offset of what comes next, why it stopped)"""


@dataclass(frozen=True, slots=True)
class ItchBatch:
    """Views of the decoder's columns, valid until its next decode()."""

    type: npt.NDArray[np.uint8]
    side: npt.NDArray[np.uint8]
    code: npt.NDArray[np.uint8]
    locate: npt.NDArray[np.uint16]
    price: npt.NDArray[np.uint32]
    timestamp_ns: npt.NDArray[np.uint64]
    order_ref: npt.NDArray[np.uint64]
    second_ref: npt.NDArray[np.uint64]
    shares: npt.NDArray[np.uint64]
    stock: npt.NDArray[np.bytes_]
    next_offset: int
    finished: bool  # Nothing more to decode: the buffer or the session has ended, or there is an error
    error: ItchError | None

    def __len__(self) -> int:
        return len(self.type)


class ItchDecoder:
    """Decodes a buffer batch by batch; see ItchBatch."""

    kernel_class: ClassVar[type[ItchKernel]]

    def __init__(self, capacity: int = DEFAULT_CAPACITY) -> None:
        if capacity < 1:
            raise ValueError(f"capacity {capacity} is not positive")
        self._kernel = self.kernel_class(capacity)

    def decode(self, buffer: bytes | bytearray | memoryview, offset: int = 0) -> ItchBatch:
        """As many messages as fit a batch, from the length field at `offset` on."""
        if not 0 <= offset <= len(buffer):
            raise ValueError(f"offset {offset} is not within 0..{len(buffer)}")
        rows, next_offset, stop = self._kernel.decode(buffer, offset)  # type: ignore[arg-type]
        error = ItchError.found(REASONS[stop], buffer, next_offset) if stop in REASONS else None
        columns: dict[str, Any] = {name: column[:rows] for name, column in self._kernel.columns.items()}
        return ItchBatch(**columns, next_offset=next_offset, finished=stop != MORE, error=error)

    def counts(self) -> dict[str, int]:
        """Messages by type since the decoder was made."""
        counts = self._kernel.counts
        return {chr(number): int(counts[number]) for number in np.flatnonzero(counts)}
