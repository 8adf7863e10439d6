"""The ITCH kernel in plain Python: each message as NQTVITCHspecification.pdf, 1.1-1.8, lists it."""

from struct import Struct
from typing import Final

import numpy as np
import numpy.typing as npt

from meltica.hot.itch import COLUMNS, END, END_OF_SESSION, MORE, TRUNCATED, UNKNOWN_TYPE, WRONG_LENGTH

_HEADER = Struct(">HHHI")  # locate, tracking, timestamp (high 16 bits, low 32)
_HEADER_SIZE = 11  # with the type byte


def _message(body: str, *names: str) -> tuple[Struct, tuple[str, ...]]:
    return Struct(">" + body), names


# The fields behind the header, in order. "" = not kept.
MESSAGES: Final[dict[str, tuple[Struct, tuple[str, ...]]]] = {
    "S": _message("B", "code"),
    "R": _message("8sBBIBB2sBBBBBIB", "stock", "code", *[""] * 12),
    "H": _message("8sBB4s", "stock", "code", "", ""),
    "Y": _message("8sB", "stock", "code"),
    "L": _message("4s8sBBB", "", "stock", "", "code", ""),
    "V": _message("QQQ", "", "", ""),
    "W": _message("B", "code"),
    "K": _message("8sIBI", "stock", "shares", "code", "price"),
    "J": _message("8sIQI", "stock", "price", "second_ref", "shares"),
    "h": _message("8sBB", "stock", "side", "code"),
    "A": _message("QBI8sI", "order_ref", "side", "shares", "stock", "price"),
    "F": _message("QBI8sI4s", "order_ref", "side", "shares", "stock", "price", ""),
    "E": _message("QIQ", "order_ref", "shares", "second_ref"),
    "C": _message("QIQBI", "order_ref", "shares", "second_ref", "code", "price"),
    "X": _message("QI", "order_ref", "shares"),
    "D": _message("Q", "order_ref"),
    "U": _message("QQII", "order_ref", "second_ref", "shares", "price"),
    "P": _message("QBI8sIQ", "order_ref", "side", "shares", "stock", "price", "second_ref"),
    "Q": _message("Q8sIQB", "shares", "stock", "price", "second_ref", "code"),
    "B": _message("Q", "second_ref"),
    "I": _message("QQB8sIIIBB", "shares", "", "code", "stock", "", "", "", "", ""),
    "N": _message("8sB", "stock", "code"),
    "O": _message("8sBIIIQII", "stock", "code", *[""] * 6),
}


class ItchColumns:
    """See meltica.hot.itch.ItchKernel."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.columns: dict[str, npt.NDArray[np.generic]] = {
            name: np.zeros(capacity, dtype) for name, dtype in COLUMNS.items()
        }
        self.counts = np.zeros(256, np.uint64)

    def decode(self, buffer: bytes, offset: int) -> tuple[int, int, int]:
        row = 0
        while row < self.capacity:
            if offset == len(buffer):
                return row, offset, END
            if offset + 2 > len(buffer):
                return row, offset, TRUNCATED
            length = int.from_bytes(buffer[offset : offset + 2], "big")
            if length == 0:
                return row, offset + 2, END_OF_SESSION
            if offset + 3 > len(buffer):
                return row, offset, TRUNCATED
            message = MESSAGES.get(chr(buffer[offset + 2]))
            if message is None:
                return row, offset, UNKNOWN_TYPE
            if length != _HEADER_SIZE + message[0].size:
                return row, offset, WRONG_LENGTH
            if offset + 2 + length > len(buffer):
                return row, offset, TRUNCATED
            self._store(row, bytes(buffer[offset + 2 : offset + 2 + length]), *message)
            row += 1
            offset += 2 + length
        return row, offset, MORE

    def _store(self, row: int, data: bytes, body: Struct, names: tuple[str, ...]) -> None:
        locate, _, high, low = _HEADER.unpack_from(data, 1)
        fields = {"type": data[0], "locate": locate, "timestamp_ns": high << 32 | low}
        fields |= dict(zip(names, body.unpack_from(data, _HEADER_SIZE), strict=True))
        for name, column in self.columns.items():
            column[row] = fields.get(name, b"" if name == "stock" else 0)
        self.counts[data[0]] += 1
