"""What a lane must make of a frame: which messages come out, what is counted. Written from the contract, in bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from meltica.venues.nasdaq.itch_messages import LAYOUTS, decode
from sim.rtl.feed_lane.frames import DESTINATION, PORT, REVISION, ones_complement

LENGTHS = {kind: layout.length for kind, layout in LAYOUTS[REVISION].items()}
ACTING = frozenset("SRHYJhAFECXDUPQB")
TRIGGERING = frozenset("AFECXDUP")
MAX_FRAME = 9_624
LEAST = 12

EVENTS = (
    *("frame", "bad_fcs", "runt", "giant", "not_udp", "truncated", "bad_header", "bad_ip_checksum", "fragment"),
    *("wrong_address", "bad_length", "bad_udp_checksum", "bad_sequence", "wrong_session", "bad_block", "count_lies"),
    *("heartbeat", "end_of_session", "poisoned", "message", "unknown_type"),
    *("duplicate", "out_of_order", "overflow", "late_session", "gap", "session_change"),
)
"""feed_events_t, from the top bit."""

MESSAGE = {
    "market": 8,
    "sequence_number": 64,
    "kind": 8,
    "locate": 16,
    "timestamp_ns": 48,
    "order_ref": 64,
    "new_order_ref": 64,
    "is_sell": 1,
    "shares": 32,
    "price": 32,
    "printable": 1,
    "match_number": 64,
    "stock": 64,
    "state": 8,
    "upper_price": 32,
    "lower_price": 32,
}
"""market_message_t, from the top bit."""
PACKET = {"session": 80, "first_number": 64, "next_number": 64, "done": 1, "clean": 1, "poisoned": 1}
PACKET |= {"heartbeat": 1, "ends": 1}
"""feed_packet_t, from the top bit."""


def unpack(widths: dict[str, int], bits: int) -> dict[str, int]:
    found = {}
    for name, width in reversed(widths.items()):
        found[name] = bits & (1 << width) - 1
        bits >>= width
    return found


def pack(widths: dict[str, int], values: dict[str, int]) -> int:
    bits = 0
    for name, width in widths.items():
        bits = bits << width | values.get(name, 0)
    return bits


def events_of(bits: int) -> list[str]:
    return [name for at, name in enumerate(EVENTS) if bits >> (len(EVENTS) - 1 - at) & 1]


@dataclass(frozen=True)
class Filter:
    """What the lane is told to take."""

    enabled: bool = True
    destination: bytes = DESTINATION
    port: int = PORT
    source: bytes = bytes(4)
    session: bytes = bytes(10)


@dataclass(frozen=True)
class Out:
    """A message that comes out: its number, its bytes, where in the frame it begins and where its last byte is."""

    number: int
    data: bytes
    begin: int
    last: int

    @property
    def kind(self) -> str:
        return chr(self.data[0])


@dataclass
class Judged:
    reason: str = ""
    messages: list[Out] = field(default_factory=list)
    poisoned: bool = False
    count: int = -1
    first_number: int = 0
    session: bytes = b""
    begin: int = 0
    """Where the first block would begin."""

    @property
    def clean(self) -> bool:
        return self.reason in ("", "heartbeat", "end_of_session") or (
            self.reason in ("bad_block", "count_lies") and bool(self.messages)
        )


def judge(frame: bytes, taken: Filter, *, error: bool = False) -> Judged:
    """The first reason of the contract's list, and what was let through before it could be known."""
    found = Judged()
    walk_reason = ""
    header_reason, at = _headers(frame, taken, found)
    if not header_reason:
        walk_reason = _walk(frame, at, found)
    for reason, true in (
        ("bad_fcs", error),
        ("runt", len(frame) < 60),
        ("giant", len(frame) > MAX_FRAME or header_reason == "giant"),
        (header_reason, header_reason),
        ("truncated", walk_reason == "truncated"),
        ("bad_udp_checksum", not header_reason and not _udp_good(frame, found.begin)),
        (walk_reason, walk_reason),
        ("end_of_session", found.count == 0xFFFF),
        ("heartbeat", found.count == 0),
    ):
        if true:
            found.reason = reason
            break
    found.poisoned = bool(found.messages) and found.reason in ("bad_fcs", "giant", "truncated", "bad_udp_checksum")
    return found


def _headers(frame: bytes, taken: Filter, found: Judged) -> tuple[str, int]:
    """The reason in the headers (of a whole frame: a cut one has another), and where the blocks begin."""
    at, tags = 12, 0
    while tags < 2 and frame[at : at + 2] in (b"\x81\x00", b"\x88\xa8", b"\x91\x00"):
        at, tags = at + 4, tags + 1
    ip = at + 2
    if frame[at:ip] != b"\x08\x00" or len(frame) < ip + 20:
        return "not_udp", 0
    words, total = frame[ip] & 15, int.from_bytes(frame[ip + 2 : ip + 4], "big")
    if total > MAX_FRAME - 14:
        return "giant", 0
    if frame[ip] >> 4 != 4 or frame[ip + 9] != 17:
        return "not_udp", 0
    cut = len(frame) < ip + total
    if words < 5 or total < 4 * words + 8:
        return ("truncated" if cut else "bad_header"), 0
    udp = ip + 4 * words
    reasons = (
        ("bad_ip_checksum", ones_complement(frame[ip:udp]) != 0xFFFF),
        ("fragment", int.from_bytes(frame[ip + 6 : ip + 8], "big") & 0x3FFF),
        ("wrong_address", not _ours(frame, ip, udp, taken)),
        ("bad_length", int.from_bytes(frame[udp + 4 : udp + 6], "big") != total - 4 * words or total < 4 * words + 28),
    )
    reason = next((name for name, true in reasons if true), "")
    if reason or len(frame) < udp + 28:
        return ("truncated" if cut else reason), 0
    found.begin = udp
    found.session, found.first_number, found.count = struct.unpack_from(">10sQH", frame, udp + 8)
    if not 0 < found.first_number < 2**63:
        return _late(frame, udp, "truncated" if cut else "bad_sequence"), 0
    if any(taken.session) and found.session != taken.session:
        return _late(frame, udp, "truncated" if cut else "wrong_session"), 0
    return "", udp + 28


def _late(frame: bytes, udp: int, reason: str) -> str:
    return "bad_udp_checksum" if reason != "truncated" and not _udp_good(frame, udp) else reason


def _ours(frame: bytes, ip: int, udp: int, taken: Filter) -> bool:
    source, destination = frame[ip + 12 : ip + 16], frame[ip + 16 : ip + 20]
    port = int.from_bytes(frame[udp + 2 : udp + 4], "big")
    return (
        taken.enabled
        and (destination, port) == (taken.destination, taken.port)
        and (not any(taken.source) or source == taken.source)
    )


def _udp_good(frame: bytes, udp: int) -> bool:
    if frame[udp + 6 : udp + 8] == bytes(2):
        return True
    length = int.from_bytes(frame[udp + 4 : udp + 6], "big")
    ip = 14
    while frame[ip - 2 : ip] != b"\x08\x00":
        ip += 4
    pseudo = frame[ip + 12 : ip + 20] + struct.pack(">HH", 17, length)
    return ones_complement(pseudo + frame[udp : udp + length]) == 0xFFFF


def _walk(frame: bytes, at: int, found: Judged) -> str:
    end = found.begin + int.from_bytes(frame[found.begin + 4 : found.begin + 6], "big")
    cut = "truncated" if len(frame) < end else ""
    if found.count in (0, 0xFFFF):
        return cut or ("count_lies" if at != end else "")
    for number in range(found.count):
        if at >= end:
            return cut or "count_lies"
        length = int.from_bytes(frame[at : at + 2], "big")
        data = frame[at + 2 : at + 2 + length]
        if at + 2 + length > len(frame) or at + 2 > len(frame):
            return cut or "bad_block"
        if at + 2 + length > end or length < max(LEAST, LENGTHS.get(chr((data or b"?")[0]), 0)):
            return cut or "bad_block"
        found.messages.append(Out(found.first_number + number, data, at + 2, at + 1 + length))
        at += 2 + length
    return cut or ("count_lies" if at != end else "")


def fields_of(out: Out) -> dict[str, int]:
    """market_message_t of a message, through the codec of the venue."""
    kind, data = out.kind, out.data
    common = {"sequence_number": out.number, "kind": data[0], "printable": 1}
    common |= {"locate": int.from_bytes(data[1:3], "big"), "timestamp_ns": int.from_bytes(data[5:11], "big")}
    if kind not in ACTING:
        return dict.fromkeys(MESSAGE, 0) | common
    values = decode(data[: LENGTHS[kind]], REVISION).values
    found = dict.fromkeys(MESSAGE, 0) | common
    for name, spec in NAMES.items():
        for wanted in spec.get(kind, ()):
            value = values[wanted]
            found[name] = value if isinstance(value, int) else _text(name, value)
    found["is_sell"] = int(kind in "AFP" and values["buy_sell_indicator"] == "S")
    found["printable"] = int(kind != "C" or values["printable"] == "Y")
    found["shares"] = min(found["shares"], 2**32 - 1)
    return found


def _text(name: str, value: str) -> int:
    return int.from_bytes(value.encode("latin-1").ljust(8 if name == "stock" else 1), "little")


def _all(kinds: str, name: str) -> dict[str, tuple[str, ...]]:
    return dict.fromkeys(kinds, (name,))


NAMES: dict[str, dict[str, tuple[str, ...]]] = {
    "market": _all("h", "market_code"),
    "order_ref": _all("AFECXDP", "order_reference_number") | _all("U", "original_order_reference_number"),
    "new_order_ref": _all("U", "new_order_reference_number"),
    "shares": _all("AFPUQ", "shares") | _all("EC", "executed_shares") | _all("X", "cancelled_shares"),
    "price": _all("AFPU", "price") | _all("C", "execution_price") | _all("Q", "cross_price"),
    "match_number": _all("ECPQB", "match_number"),
    "stock": _all("AFHYRPQhJ", "stock"),
    "state": _all("H", "trading_state")
    | _all("Y", "reg_sho_action")
    | _all("S", "event_code")
    | _all("h", "operational_halt_action"),
    "upper_price": _all("J", "upper_auction_collar_price"),
    "lower_price": _all("J", "lower_auction_collar_price"),
}
