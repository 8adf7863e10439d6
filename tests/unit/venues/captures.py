"""Frames and captures built byte by byte, apart from the code that reads them."""

from __future__ import annotations

from struct import pack

MACS = bytes(12)
A, B = bytes([10, 0, 0, 1]), bytes([239, 1, 1, 1])


def udp(payload: bytes, ports: tuple[int, int] = (1, 2), length: int | None = None) -> bytes:
    return pack(">HHHH", *ports, 8 + len(payload) if length is None else length, 0) + payload


def tcp(payload: bytes, sequence: int = 0, flags: int = 0x18, ports: tuple[int, int] = (1, 2), words: int = 5) -> bytes:
    options = bytes(4 * (words - 5)) if words > 5 else b""
    return pack(">HHIIBBHHH", *ports, sequence % 2**32, 0, words << 4, flags, 0, 0, 0) + options + payload


def ip(
    body: bytes,
    protocol: int = 17,
    *,
    options: bytes = b"",
    fragment: int = 0,
    first: int | None = None,
    total: int | None = None,
    ends: tuple[bytes, bytes] = (A, B),
) -> bytes:
    head = 0x40 | 5 + len(options) // 4 if first is None else first
    length = 20 + len(options) + len(body) if total is None else total
    return pack(">BBHHHBBH4s4s", head, 0, length, 0, fragment, 64, protocol, 0, *ends) + options + body


def ethernet(packet: bytes, *tags: tuple[int, int], kind: int = 0x0800) -> bytes:
    return MACS + b"".join(pack(">HH", *tag) for tag in tags) + pack(">H", kind) + packet


def classic(*frames: tuple[int, int, bytes], order: str = "<", magic: int = 0xA1B2C3D4, link: int = 1) -> bytes:
    """(seconds, fraction, data)"""
    out = pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65_535, link)
    for seconds, fraction, data in frames:
        out += pack(order + "IIII", seconds, fraction, len(data), len(data)) + data
    return out


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    body += bytes(-len(body) % 4)
    length = pack(order + "I", len(body) + 12)
    return pack(order + "I", kind) + length + body + length


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(order: str = "<", link: int = 1, options: bytes = b"", snap: int = 65_535) -> bytes:
    return block(1, pack(order + "HHI", link, 0, snap) + options, order)


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def enhanced(ticks: int, data: bytes, order: str = "<", number: int = 0) -> bytes:
    return block(6, pack(order + "IIIII", number, ticks >> 32, ticks % 2**32, len(data), len(data)) + data, order)
