"""Messages of the feed for top_of_book: as its player reads them, and as the bytes that ItchBook reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from struct import Struct
from typing import Final

_HEAD = Struct(">cHH6s")
_LENGTHS: Final = {"S": 12, "H": 25, "Y": 20, "h": 21, "A": 36, "F": 40, "E": 31, "C": 36, "X": 23, "D": 19, "U": 35}
_LENGTHS_MORE: Final = {"P": 44, "Q": 40}
ORDER_KINDS: Final = "AFECXDU"


@dataclass(frozen=True, slots=True)
class Message:
    """One ITCH message, decoded; what its kind does not have is 0."""

    kind: str
    locate: int
    ref: int = 0
    new_ref: int = 0
    sell: bool = False
    shares: int = 0
    price: int = 0
    printable: bool = True
    state: str = "\0"
    market: str = "\0"
    timestamp_ns: int = 0

    def at(self, timestamp_ns: int) -> Message:
        return replace(self, timestamp_ns=timestamp_ns)

    def command(self, wait: int) -> str:
        """A line of the player's script."""
        return (
            f"{wait} M {ord(self.kind)} {self.locate} {self.timestamp_ns} {signed(self.ref)} {signed(self.new_ref)}"
            f" {int(self.sell)} {self.shares} {self.price} {int(self.printable)} {ord(self.state)} {ord(self.market)}"
        )

    def framed(self) -> bytes:
        """The message with its length before it."""
        length = (_LENGTHS | _LENGTHS_MORE)[self.kind]
        body = bytearray(length)
        _HEAD.pack_into(body, 0, self.kind.encode(), self.locate, 0, self.timestamp_ns.to_bytes(6, "big"))
        self._fill(body)
        return length.to_bytes(2, "big") + bytes(body)

    def _fill(self, body: bytearray) -> None:
        match self.kind:
            case "A" | "F":
                body[11:19] = self.ref.to_bytes(8, "big")
                body[19:20] = b"S" if self.sell else b"B"
                body[20:24] = self.shares.to_bytes(4, "big")
                body[24:32] = b"AAAA    "
                body[32:36] = self.price.to_bytes(4, "big")
            case "E" | "C" | "X":
                body[11:19] = self.ref.to_bytes(8, "big")
                body[19:23] = self.shares.to_bytes(4, "big")
            case "D":
                body[11:19] = self.ref.to_bytes(8, "big")
            case "U":
                body[11:19] = self.ref.to_bytes(8, "big")
                body[19:27] = self.new_ref.to_bytes(8, "big")
                body[27:31] = self.shares.to_bytes(4, "big")
                body[31:35] = self.price.to_bytes(4, "big")
            case "S":
                body[11:12] = self.state.encode()
        if self.kind == "C":
            body[31:36] = (b"Y" if self.printable else b"N") + self.price.to_bytes(4, "big")


def signed(value: int) -> int:
    """64 bits as the player's %d reads them."""
    return value - (1 << 64) if value >= 1 << 63 else value


def read(data: bytes) -> list[Message]:
    """The messages of a recording that a card's book hears; others keep their kind alone."""
    messages, at = [], 0
    while at + 2 <= len(data) and (length := int.from_bytes(data[at : at + 2], "big")):
        messages.append(_decoded(data[at + 2 : at + 2 + length]))
        at += 2 + length
    return messages


def _decoded(body: bytes) -> Message:
    kind, locate = chr(body[0]), int.from_bytes(body[1:3], "big")
    head = Message(kind, locate, timestamp_ns=int.from_bytes(body[5:11], "big"))

    def number(begin: int, end: int) -> int:
        return int.from_bytes(body[begin:end], "big")

    match kind:
        case "A" | "F" | "P":
            sell = body[19:20] == b"S"
            return replace(head, ref=number(11, 19), sell=sell, shares=number(20, 24), price=number(32, 36))
        case "E" | "X":
            return replace(head, ref=number(11, 19), shares=number(19, 23))
        case "C":
            price, printable = number(32, 36), body[31:32] == b"Y"
            return replace(head, ref=number(11, 19), shares=number(19, 23), price=price, printable=printable)
        case "D":
            return replace(head, ref=number(11, 19))
        case "U":
            shares, price = number(27, 31), number(31, 35)
            return replace(head, ref=number(11, 19), new_ref=number(19, 27), shares=shares, price=price)
        case "H" | "Y":
            return replace(head, state=chr(body[19]))
        case "h":
            return replace(head, market=chr(body[19]), state=chr(body[20]))
        case "S":
            return replace(head, state=chr(body[11]))
    return head
