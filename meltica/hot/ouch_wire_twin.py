"""Bytes of OUCH 5.0 in SoupBinTCP as the twin of the port writes and reads them, and what a ClOrdID of ours is."""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final

from meltica.hot.layout_gen import OrderType, Side, SymbolRecord, TimeInForce

MAX_SHARES: Final = 999_999
MAX_PRICE: Final = 1_999_999_900
MARKET_PRICE: Final = 0x7FFF_FFFF
SEQUENCE_DIGITS: Final = 19
FLAG_ISO: Final = 4
FLAG_SHORT: Final = 8
FLAG_SHORT_EXEMPT: Final = 16
ANY_SHORT: Final = FLAG_SHORT | FLAG_SHORT_EXEMPT
_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
ID_SIZE: Final = 14

Facts = tuple[int, int, int, int, int, int, int, int, int, int]
"""fill_lots, release_lots, reserved_price_ticks, reserve_lots, reserve_price_ticks, instrument_id, account_id, side,
fill_closes, release_closes: what the gate must be told."""
NO_FACTS: Final[Facts] = (0,) * 10
LEAST_SIZES: Final = {
    "E": 34, "A": 64, "C": 18, "U": 68, "J": 29, "D": 32, "B": 36, "F": 49, "P": 13, "I": 13, "Q": 13, "T": 30, "M": 18,
    "R": 16, "X": 27, "G": 19, "K": 19, "S": 10,
}  # fmt: skip
CLORDID_AT: Final = {"A": 48, "U": 52, "J": 15, "B": 22, "F": 35}
COUNTERS: Final = (
    "sent", "decoded", "ignored", "bad_packets", "unknown_refs", "overfills", "inexact_prices", "odd_shares",
    "surprises",
)  # fmt: skip


class OuchRefusal(IntEnum):
    """Why encode or decode gave nothing; cython_ext/ouch.pxd says more."""

    NO_ROOM = -1
    UNKNOWN_SYMBOL = -2
    UNKNOWN_ORDER = -3
    TABLE_FULL = -4
    BAD_QUANTITY = -5
    BAD_PRICE = -6
    BAD_TIF = -7
    DUPLICATE_ORDER = -8
    REPLACE_PENDING = -9
    BAD_ACTION = -10
    BAD_SIDE = -11
    EXHAUSTED = -12
    BAD_FRAME = -13
    BAD_PACKET = -14


def cl_ord_id(order_id: int) -> str:
    """Our order id as a ClOrdID: M and thirteen digits of base 32. :raises ValueError: more than 64 bits."""
    if not 0 <= order_id < 1 << 64:
        raise ValueError(f"order_id {order_id} does not fit 64 bits")
    return "M" + "".join(_DIGITS[order_id >> 5 * digit & 31] for digit in range(12, -1, -1))


def order_id_of(text: str) -> int | None:
    """The order id in a ClOrdID; None: not one of ours."""
    if len(text) != ID_SIZE or text[0] != "M" or any(c not in _DIGITS for c in text[1:]):
        return None
    found = int(text[1:], 32)
    return found if found < 1 << 64 else None


def terms(symbol: SymbolRecord | None, order_type: int, price_ticks: int, lots: int) -> int | OuchRefusal:
    """The price on the wire, or why the symbol's units don't allow this price or quantity."""
    if symbol is None:
        return OuchRefusal.UNKNOWN_SYMBOL
    if not (0 < lots <= MAX_SHARES and lots * symbol.shares_per_lot <= MAX_SHARES):
        return OuchRefusal.BAD_QUANTITY
    if order_type == OrderType.MARKET:
        return MARKET_PRICE
    wire = price_ticks * symbol.wire_price_per_tick
    return wire if order_type == OrderType.LIMIT and 0 < wire <= MAX_PRICE else OuchRefusal.BAD_PRICE


def side_code(side: int, flags: int) -> bytes:
    if side == Side.BUY:
        return b"B"
    return b"E" if flags & FLAG_SHORT_EXEMPT else b"T" if flags & FLAG_SHORT else b"S"


def tif_code(tif: int) -> bytes:
    return b"3" if tif == TimeInForce.IOC else b"0"


def unsequenced(message: bytes) -> bytes:
    return struct.pack(">Hc", len(message) + 1, b"U") + message


def big_endian(body: bytes, at: int, size: int) -> int:
    return int.from_bytes(body[at : at + size], "big")


def code(name: str, text: str, least: int, most: int) -> bytes:
    if not (least <= len(text) <= most and text.isascii() and text.isprintable()):
        raise ValueError(f"{name} {text!r} is not {least} to {most} printable characters")
    return text.encode("ascii")
