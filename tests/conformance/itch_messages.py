"""ITCH 5.0 messages typed from the specification, and the fields that a reader of the specification finds in them."""

from typing import Any

HEADER = "0102 0304 0A0B0C0D0E0F"  # locate 258, tracking 772, timestamp
COMMON = {"locate": 0x0102, "timestamp_ns": 0x0A0B0C0D0E0F}
REF, NEW, MATCH = "1122334455667788", "99AABBCCDDEEFF00", "0000000000BEEF01"
REFS = {"order_ref": 0x1122334455667788}
AAPL = "4141504C20202020"
# type: (body behind the header, fields)
BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "S": ("51", {"code": "Q"}),
    "R": (
        AAPL + "51 4E 00000064 4E 43 5A20 50 4E 31 31 4E 00000001 4E",
        {"stock": b"AAPL    ", "code": "Q"},
    ),
    "H": (AAPL + "48 20 54312020", {"stock": b"AAPL    ", "code": "H"}),
    "Y": (AAPL + "31", {"stock": b"AAPL    ", "code": "1"}),
    "L": ("41424344" + AAPL + "59 4E 41", {"stock": b"AAPL    ", "code": "N"}),
    "V": ("0000000000000001 0000000000000002 0000000000000003", {}),
    "W": ("33", {"code": "3"}),
    "K": (AAPL + "00008CA0 41 0001E240", {"stock": b"AAPL    ", "code": "A", "shares": 36_000, "price": 123_456}),
    "J": (
        AAPL + "000186A0 00018000 00019000 00000001",
        {"stock": b"AAPL    ", "price": 0x186A0, "second_ref": 0x18000_00019000, "shares": 1},
    ),
    "h": (AAPL + "51 48", {"stock": b"AAPL    ", "side": "Q", "code": "H"}),
    "A": (
        REF + "42 000003E8" + AAPL + "001E8480",
        REFS | {"side": "B", "shares": 1_000, "stock": b"AAPL    ", "price": 2_000_000},
    ),
    "F": (
        REF + "53 FFFFFFFF" + AAPL + "FFFFFFFF 4E534451",
        REFS | {"side": "S", "shares": 2**32 - 1, "stock": b"AAPL    ", "price": 2**32 - 1},
    ),
    "E": (REF + "00000064" + MATCH, REFS | {"shares": 100, "second_ref": 0xBEEF01}),
    "C": (
        REF + "00000064" + MATCH + "59 001E8481",
        REFS | {"shares": 100, "second_ref": 0xBEEF01, "code": "Y", "price": 2_000_001},
    ),
    "X": (REF + "00000007", REFS | {"shares": 7}),
    "D": (REF, REFS),
    "U": (
        REF + NEW + "000000C8 001E8482",
        REFS | {"second_ref": 0x99AABBCCDDEEFF00, "shares": 200, "price": 2_000_002},
    ),
    "P": (
        "0000000000000000 42 0000000A" + AAPL + "001E8483" + MATCH,
        {"side": "B", "shares": 10, "stock": b"AAPL    ", "price": 2_000_003, "second_ref": 0xBEEF01},
    ),
    "Q": (
        "0000000100000002" + AAPL + "001E8484" + MATCH + "4F",
        {"shares": 2**32 + 2, "stock": b"AAPL    ", "price": 2_000_004, "second_ref": 0xBEEF01, "code": "O"},
    ),
    "B": (MATCH, {"second_ref": 0xBEEF01}),
    "I": (
        "0000000200000003 0000000000000005 42" + AAPL + "001E8485 001E8486 001E8487 43 4C",
        {"shares": 2**33 + 3, "stock": b"AAPL    ", "code": "B"},
    ),
    "N": (AAPL + "42", {"stock": b"AAPL    ", "code": "B"}),
    "O": (
        AAPL + "59 000186A0 00018000 00019000 0A0B0C0D0E0F1011 00000001 00000002",
        {"stock": b"AAPL    ", "code": "Y"},
    ),
}


def message(kind: str) -> bytes:
    return kind.encode() + bytes.fromhex(HEADER) + bytes.fromhex(BODIES[kind][0])


def framed(*messages: bytes) -> bytes:
    return b"".join(len(one).to_bytes(2, "big") + one for one in messages)


def expected(kind: str) -> dict[str, Any]:
    """Column: value; letters as letters, all columns that the message does not have as 0."""
    empty = {"side": 0, "code": 0, "price": 0, "order_ref": 0, "second_ref": 0, "shares": 0, "stock": b""}
    return empty | COMMON | BODIES[kind][1] | {"type": kind}


def add(ref: int, side: str, shares: int, price: int, locate: int = 1) -> bytes:
    return b"A" + _header(locate) + _big(ref, 8) + side.encode() + _big(shares, 4) + b"TEST    " + _big(price, 4)


def execute(ref: int, shares: int) -> bytes:
    return b"E" + _header(1) + _big(ref, 8) + _big(shares, 4) + _big(7, 8)


def execute_at(ref: int, shares: int, price: int) -> bytes:
    return b"C" + _header(1) + _big(ref, 8) + _big(shares, 4) + _big(7, 8) + b"Y" + _big(price, 4)


def cancel(ref: int, shares: int) -> bytes:
    return b"X" + _header(1) + _big(ref, 8) + _big(shares, 4)


def delete(ref: int) -> bytes:
    return b"D" + _header(1) + _big(ref, 8)


def replace(ref: int, new_ref: int, shares: int, price: int) -> bytes:
    return b"U" + _header(1) + _big(ref, 8) + _big(new_ref, 8) + _big(shares, 4) + _big(price, 4)


def trading_action(locate: int, state: str) -> bytes:
    return b"H" + _header(locate) + b"TEST    " + state.encode() + b" " + b"    "


def _header(locate: int) -> bytes:
    return _big(locate, 2) + _big(0, 2) + _big(0, 6)


def _big(value: int, width: int) -> bytes:
    return value.to_bytes(width, "big")
