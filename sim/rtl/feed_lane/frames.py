"""Frames of a feed, built byte by byte, each header field free to be wrong."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, field, replace

from meltica.venues.nasdaq.itch_messages import LAYOUTS, ItchMessage, Value, encode

SESSION = b"000010059B"
DESTINATION = bytes([233, 54, 12, 111])
SOURCE = bytes([206, 200, 12, 7])
PORT = 26477
TAGS: dict[int, tuple[int, ...]] = {0: (), 1: (0x8100,), 2: (0x88A8, 0x8100)}
"""By how many VLAN tags: the ethertypes in front of IPv4's."""
REVISION = "2026"
KINDS = tuple(LAYOUTS[REVISION])
LETTERS = {"buy_sell_indicator": "BS", "printable": "YN", "market_code": "QBX", "operational_halt_action": "HT"}


def ones_complement(data: bytes) -> int:
    data += bytes(len(data) % 2)
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


@dataclass(frozen=True)
class Shape:
    """What a frame is made with; None: the right value."""

    tags: tuple[int, ...] = ()
    options: bytes = b""
    ethertype: int = 0x0800
    version: int = 4
    header_words: int | None = None
    total: int | None = None
    flags: int = 0x4000
    protocol: int = 17
    ip_checksum: int | None = None
    source: bytes = SOURCE
    destination: bytes = DESTINATION
    port: int = PORT
    udp_length: int | None = None
    udp_checksum: int | None = 0
    """0: none is sent; None: the right one."""
    session: bytes = SESSION
    count: int | None = None
    behind: bytes = b""
    """Bytes behind the last block, still of the datagram."""
    padding: bytes = b""
    """Behind the datagram."""
    addresses: bytes = field(default=b"\x01\x00\x5e\x36\x0c\x6f\x00\x1c\x73\x11\x22\x33")

    def but(self, **changes: object) -> Shape:
        return replace(self, **changes)  # type: ignore[arg-type]


def block(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


def build(sequence: int, blocks: list[bytes], shape: Shape = Shape()) -> bytes:
    """A frame of ready blocks (length and message), as long as Ethernet wants it at least."""
    count = len(blocks) if shape.count is None else shape.count
    payload = struct.pack(">10sQH", shape.session, sequence, count) + b"".join(blocks) + shape.behind
    udp_length = 8 + len(payload) if shape.udp_length is None else shape.udp_length
    udp = struct.pack(">HHHH", 18000, shape.port, udp_length, 0) + payload
    pseudo = shape.source + shape.destination + struct.pack(">HH", 17, udp_length)
    right = 0xFFFF ^ ones_complement(pseudo + udp) or 0xFFFF
    udp = udp[:6] + struct.pack(">H", right if shape.udp_checksum is None else shape.udp_checksum) + udp[8:]
    header = 20 + len(shape.options)
    words = header // 4 if shape.header_words is None else shape.header_words
    total = header + len(udp) if shape.total is None else shape.total
    ip = struct.pack(">BBHHHBBH", shape.version << 4 | words, 0, total, 7, shape.flags, 5, shape.protocol, 0)
    ip += shape.source + shape.destination + shape.options
    right = 0xFFFF ^ ones_complement(ip)
    ip = ip[:10] + struct.pack(">H", right if shape.ip_checksum is None else shape.ip_checksum) + ip[12:]
    types = [*shape.tags, shape.ethertype]
    link = shape.addresses + b"\x00\x64".join(struct.pack(">H", kind) for kind in types)
    frame = link + ip + udp
    return frame + (shape.padding or bytes(max(0, 60 - len(frame))))


def random_message(rng: random.Random, kind: str, *, longer: int = 0) -> bytes:
    """A message of a type with every field at random, and so many bytes behind that a later revision may have put."""
    layout = LAYOUTS[REVISION][kind]
    values: dict[str, Value] = {}
    for one in layout.fields:
        if one.name == "message_type":
            values[one.name] = kind
        elif one.kind == "alpha" and one.length == 1:
            values[one.name] = rng.choice(LETTERS.get(one.name, "ABCHPQTYN 012"))
        elif one.kind == "alpha":
            values[one.name] = "".join(
                rng.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ.") for _ in range(rng.randint(1, one.length))
            )
        else:
            bits = rng.choice((8 * one.length, 8 * one.length, 8, 1))
            values[one.name] = rng.getrandbits(bits)
    return encode(ItchMessage(layout, values)) + rng.randbytes(longer)


def unknown_message(rng: random.Random, length: int) -> bytes:
    return bytes([rng.choice(b"zTMG\x00\xff1")]) + rng.randbytes(length - 1)
