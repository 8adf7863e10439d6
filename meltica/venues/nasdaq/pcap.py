"""Captures of packets: classic pcap (both byte orders, micro- and nanoseconds) and pcapng, read as a stream of frames.

Pure: bytes in pieces of any size in, frames out. What is inside a frame is ``frames``' business.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from struct import Struct
from typing import Final

import msgspec

from meltica.domain.errors import MelticaError

MAX_FRAME: Final = 1 << 18
"""Longer than any frame of any link; a longer one is damage."""
MAX_BLOCK: Final = 1 << 24
"""Of pcapng; the same."""
MICROSECONDS: Final = 1_000
ETHERNET: Final = 1

_CLASSIC: Final = {
    b"\xa1\xb2\xc3\xd4": (">", MICROSECONDS),
    b"\xd4\xc3\xb2\xa1": ("<", MICROSECONDS),
    b"\xa1\xb2\x3c\x4d": (">", 1),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
}
_FILE_HEADER: Final = Struct("<IHHiIII")
_RECORD: Final = Struct("<IIII")
_SECTION: Final = b"\x0a\x0d\x0d\x0a"
_BYTE_ORDERS: Final = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
_INTERFACE, _SIMPLE, _ENHANCED = 1, 3, 6
_RESOLUTION_OPTION, _OFFSET_OPTION, _END_OPTION = 9, 14, 0


class PcapError(MelticaError):
    """Theirs: the capture is damaged from here on; ``offset`` is the byte, ``frame`` how many were good."""

    def __init__(self, why: str, offset: int, frame: int) -> None:
        super().__init__(f"{why}, at byte {offset}, behind frame {frame}")
        self.why, self.offset, self.frame = why, offset, frame


class Frame(msgspec.Struct, frozen=True):
    number: int
    """Counts from 1."""
    offset: int
    """Of its record in the capture."""
    time_ns: int
    link: int
    """LINKTYPE_ number: 1 Ethernet, 113 and 276 Linux cooked, 101 raw IP."""
    data: bytes
    length: int
    """On the wire; more than ``data`` has when the capture was cut to a snap length."""


class _Bytes:
    """The capture in pieces, asked for by length."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = b""
        self._at = 0
        self.offset = 0
        self.frame = 0

    def take(self, length: int, what: str) -> bytes:
        """The next ``length`` bytes; empty at the very end.

        :raises PcapError: the capture ends within them.
        """
        while len(self._rest) - self._at < length:
            piece = next(self._pieces, b"")
            if not piece:
                left = len(self._rest) - self._at
                if left:
                    raise PcapError(f"{what} is cut off ({left} of {length} bytes)", self.offset, self.frame)
                return b""
            self._rest, self._at = self._rest[self._at :] + piece, 0
        taken = self._rest[self._at : self._at + length]
        self._at += length
        self.offset += length
        return taken

    def error(self, why: str, offset: int | None = None) -> PcapError:
        return PcapError(why, self.offset if offset is None else offset, self.frame)


def is_capture(head: bytes) -> bool:
    """Do these first bytes begin a capture?"""
    return head[:4] in _CLASSIC or head[:4] == _SECTION


def frames(pieces: Iterable[bytes]) -> Iterator[Frame]:
    """The frames of a capture, in order.

    :raises PcapError: after the last good frame before the damage.
    """
    source = _Bytes(pieces)
    magic = source.take(4, "the file header")
    if magic in _CLASSIC:
        return _classic(source, *_CLASSIC[magic])
    if magic == _SECTION:
        return _next_generation(source)
    raise PcapError(f"neither pcap nor pcapng (begins with {magic.hex() or 'nothing'})", 0, 0)


def _classic(source: _Bytes, order: str, unit: int) -> Iterator[Frame]:
    header = source.take(20, "the file header")
    if not header:
        raise source.error("the file header is cut off")
    link = Struct(order + "HHiIII").unpack(header)[5] & 0x0FFF_FFFF
    record = Struct(order + "IIII")
    while head := source.take(record.size, "a frame's header"):
        seconds, fraction, captured, length = record.unpack(head)
        begin = source.offset - record.size
        if captured > MAX_FRAME or fraction * unit >= 10**9:
            raise source.error(f"no frame: {captured} bytes, {fraction} x {unit} ns", begin)
        data = source.take(captured, "a frame")
        if len(data) != captured:
            raise source.error("a frame is cut off", begin)
        source.frame += 1
        yield Frame(source.frame, begin, seconds * 10**9 + fraction * unit, link, data, length)


class _Interface(msgspec.Struct):
    link: int
    snap_bytes: int
    ticks: int = 10**6
    """A second."""
    offset_s: int = 0


def _next_generation(source: _Bytes) -> Iterator[Frame]:
    order = "<"
    interfaces: list[_Interface] = []
    kind_bytes = _SECTION
    while kind_bytes:
        begin = source.offset - 4
        if kind_bytes == _SECTION:
            order, body = _section(source, begin)
            interfaces = []
            kind = 0
        else:
            kind = int.from_bytes(kind_bytes, "big" if order == ">" else "little")
            body = _block(source, order, source.take(4, "a block's length"), begin)
        if kind == _INTERFACE:
            interfaces.append(_interface(source, body, order, begin))
        elif kind in (_ENHANCED, _SIMPLE):
            found = _packet(source, body, order, interfaces, begin, enhanced=kind == _ENHANCED)
            source.frame += 1
            yield found
        kind_bytes = source.take(4, "a block")


def _section(source: _Bytes, begin: int) -> tuple[str, bytes]:
    length, magic = source.take(4, "a section"), source.take(4, "a section")
    order = _BYTE_ORDERS.get(magic)
    if order is None:
        raise source.error(f"no byte order: {magic.hex()}", begin)
    return order, _block(source, order, length, begin, read=4)


def _block(source: _Bytes, order: str, length_bytes: bytes, begin: int, read: int = 0) -> bytes:
    """The block's body without what was ``read`` of it; its length stands in front and behind."""
    word = Struct(order + "I")
    if len(length_bytes) != word.size:
        raise source.error("a block is cut off", begin)
    (length,) = word.unpack(length_bytes)
    if not 12 + read <= length <= MAX_BLOCK or length % 4:
        raise source.error(f"a block of {length} bytes", begin)
    rest = source.take(length - 8 - read, "a block")
    if len(rest) != length - 8 - read:
        raise source.error("a block is cut off", begin)
    if word.unpack(rest[-4:])[0] != length:
        raise source.error("a block's two lengths differ", begin)
    return rest[:-4]


def _interface(source: _Bytes, body: bytes, order: str, begin: int) -> _Interface:
    header = Struct(order + "HHI")
    if len(body) < header.size:
        raise source.error("an interface without a header", begin)
    link, _, snap = header.unpack_from(body)
    found = _Interface(link, snap)
    option = Struct(order + "HH")
    at = header.size
    while at + option.size <= len(body):
        code, length = option.unpack_from(body, at)
        value = body[at + option.size : at + option.size + length]
        if code == _END_OPTION or len(value) != length:
            break
        if code == _RESOLUTION_OPTION and length == 1:
            exponent = value[0] & 0x7F
            if exponent > 63:  # noqa: PLR2004 - what fits 64 bits
                raise source.error(f"a resolution of {value[0]}", begin)
            found.ticks = 2**exponent if value[0] & 0x80 else 10**exponent
        elif code == _OFFSET_OPTION and length == Struct("q").size:
            (found.offset_s,) = Struct(order + "q").unpack(value)
        at += option.size + (length + 3) // 4 * 4
    return found


def _packet(
    source: _Bytes, body: bytes, order: str, interfaces: list[_Interface], begin: int, *, enhanced: bool
) -> Frame:
    header = Struct(order + ("IIIII" if enhanced else "I"))
    if len(body) < header.size:
        raise source.error("a packet without a header", begin)
    number, high, low, captured, length = (
        header.unpack_from(body) if enhanced else (0, 0, 0, 0, *header.unpack_from(body))
    )
    if number >= len(interfaces):
        raise source.error(f"a packet of interface {number}, which was not described", begin)
    interface = interfaces[number]
    if not enhanced:
        captured = min(length, interface.snap_bytes or length)
    data = body[header.size : header.size + captured]
    if len(data) != captured:
        raise source.error(f"a packet of {captured} bytes, its block has {len(data)}", begin)
    time_ns = interface.offset_s * 10**9 + (high << 32 | low) * 10**9 // interface.ticks
    return Frame(source.frame + 1, begin, time_ns, interface.link, data, length)


class PcapWriter:
    """Writes UDP payloads as a classic nanosecond capture: Ethernet, IPv4 and UDP headers are made up around them."""

    @staticmethod
    def header() -> bytes:
        """The file's first bytes."""
        return _FILE_HEADER.pack(0xA1B23C4D, 2, 4, 0, 0, MAX_FRAME, ETHERNET)

    @staticmethod
    def record(time_ns: int, payload: bytes, *, source: tuple[bytes, int], target: tuple[bytes, int]) -> bytes:
        """One frame. Addresses are four bytes and a port."""
        udp = Struct(">HHHH").pack(source[1], target[1], 8 + len(payload), 0) + payload
        ip = Struct(">BBHHHBBH4s4s").pack(0x45, 0, 20 + len(udp), 0, 0x4000, 64, 17, 0, source[0], target[0])
        total: int = sum(Struct(">10H").unpack(ip))
        total = (total & 0xFFFF) + (total >> 16)
        checksum: int = 0xFFFF ^ ((total & 0xFFFF) + (total >> 16))
        ip = ip[:10] + checksum.to_bytes(2, "big") + ip[12:]
        multicast: bytes = b"\x01\x00\x5e" + bytes([target[0][1] & 0x7F]) + target[0][2:]
        to = multicast if target[0][0] >> 4 == 0xE else b"\x02\0" + target[0]  # noqa: PLR2004 - 224.0.0.0/4
        frame = to + b"\x02\0" + source[0] + b"\x08\x00" + ip + udp
        return _RECORD.pack(time_ns // 10**9, time_ns % 10**9, len(frame), len(frame)) + frame
