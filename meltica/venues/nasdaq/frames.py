"""What is inside a captured frame: Ethernet, VLAN tags, Linux cooked, IPv4, then UDP or TCP.

``open_frame`` is one function from bytes to a result: it raises ``FrameRefusedError`` for what it can't use, and says
why in a few words that can be counted.
"""

from __future__ import annotations

from collections import Counter
from struct import Struct
from typing import Final

import msgspec

from meltica.domain.errors import MelticaError
from meltica.venues.nasdaq.pcap import ETHERNET, Frame

RAW_IP, COOKED, COOKED_2, IPV4_ONLY = 101, 113, 276, 228
_IPV4, _VLAN_TAGS = 0x0800, (0x8100, 0x88A8, 0x9100)
_MAX_TAGS = 4
_UDP, _TCP = 17, 6
_IP: Final = Struct(">BBHHHBBH4s4s")
_UDP_HEADER: Final = Struct(">HHHH")
_TCP_HEADER: Final = Struct(">HHIIBBHHH")
_MORE_FRAGMENTS, _FRAGMENT_OFFSET = 0x2000, 0x1FFF
FIN, SYN, RST = 1, 2, 4


class FrameRefusedError(MelticaError):
    """A frame that holds nothing for us, or is damaged. ``reason`` is one of few, for counting."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


class Address(msgspec.Struct, frozen=True):
    ip: bytes
    port: int

    def __str__(self) -> str:
        return f"{'.'.join(map(str, self.ip))}:{self.port}"


class Datagram(msgspec.Struct, frozen=True):
    frame: Frame
    source: Address
    target: Address
    vlans: tuple[int, ...]
    """VLAN ids, the outer one first."""
    payload: bytes


class Segment(msgspec.Struct, frozen=True):
    frame: Frame
    source: Address
    target: Address
    vlans: tuple[int, ...]
    sequence: int
    flags: int
    payload: bytes


class FrameTally:
    """Counts what was refused, and keeps the first example of each reason."""

    def __init__(self) -> None:
        self.frames = 0
        self.refused: Counter[str] = Counter()
        self.examples: dict[str, str] = {}
        self.last = ("", "")
        """Reason and words of the last refusal."""

    def open(self, frame: Frame) -> Datagram | Segment | None:
        """What is in the frame; None if it was refused, which is counted."""
        self.frames += 1
        try:
            return open_frame(frame)
        except FrameRefusedError as error:
            self.refused[error.reason] += 1
            self.last = (error.reason, str(error))
            self.examples.setdefault(error.reason, f"frame {frame.number} at byte {frame.offset}: {error}")
            return None


def open_frame(frame: Frame) -> Datagram | Segment:
    """The UDP datagram or TCP segment in a frame.

    :raises FrameRefusedError: another protocol, a fragment, a frame cut by the capture, or lengths that contradict.
    """
    kind, at, vlans = _link(frame)
    if kind != _IPV4:
        raise FrameRefusedError("not IPv4", f"ethertype {kind:#06x}")
    data = frame.data
    if len(data) < at + _IP.size:
        raise FrameRefusedError("cut off", f"{len(data) - at} bytes of an IPv4 header")
    first, _, total, _, fragment, _, protocol, _, source, target = _IP.unpack_from(data, at)
    header = (first & 0x0F) * 4
    if first >> 4 != 4 or header < _IP.size or total < header:  # noqa: PLR2004 - version 4
        raise FrameRefusedError("bad IPv4 header", f"first byte {first:#04x}, total length {total}")
    if fragment & (_MORE_FRAGMENTS | _FRAGMENT_OFFSET):
        raise FrameRefusedError("IPv4 fragment", f"offset {(fragment & _FRAGMENT_OFFSET) * 8}")
    if at + total > len(data):
        raise FrameRefusedError("cut off", f"IPv4 says {total} bytes, {len(data) - at} were captured")
    body = data[at + header : at + total]  # What is behind it is the padding of a short frame.
    if protocol == _UDP:
        return _datagram(frame, vlans, body, source, target)
    if protocol == _TCP:
        return _segment(frame, vlans, body, source, target)
    raise FrameRefusedError("neither UDP nor TCP", f"protocol {protocol}")


def _datagram(frame: Frame, vlans: tuple[int, ...], body: bytes, source: bytes, target: bytes) -> Datagram:
    if len(body) < _UDP_HEADER.size:
        raise FrameRefusedError("bad UDP length", f"{len(body)} bytes of a UDP header")
    from_port, to_port, length, _ = _UDP_HEADER.unpack_from(body)
    if not _UDP_HEADER.size <= length <= len(body):
        raise FrameRefusedError("bad UDP length", f"UDP says {length} bytes, IPv4 has {len(body)}")
    payload = body[_UDP_HEADER.size : length]
    return Datagram(frame, Address(source, from_port), Address(target, to_port), vlans, payload)


def _segment(frame: Frame, vlans: tuple[int, ...], body: bytes, source: bytes, target: bytes) -> Segment:
    if len(body) < _TCP_HEADER.size:
        raise FrameRefusedError("bad TCP header", f"{len(body)} bytes")
    from_port, to_port, sequence, _, offset, flags, *_ = _TCP_HEADER.unpack_from(body)
    header = (offset >> 4) * 4
    if not _TCP_HEADER.size <= header <= len(body):
        raise FrameRefusedError("bad TCP header", f"{header} bytes of header in {len(body)}")
    addresses = Address(source, from_port), Address(target, to_port)
    return Segment(frame, *addresses, vlans, sequence, flags, body[header:])


def _link(frame: Frame) -> tuple[int, int, tuple[int, ...]]:
    """(ethertype, where the network header begins, VLAN ids)."""
    data = frame.data
    if frame.link == ETHERNET:
        at = 12
    elif frame.link == COOKED:
        at = 14
    elif frame.link == COOKED_2:
        return _word(data, 0), 20, ()
    elif frame.link in (RAW_IP, IPV4_ONLY):
        return (_IPV4 if data[:1] and data[0] >> 4 == 4 else 0), 0, ()  # noqa: PLR2004 - version 4
    else:
        raise FrameRefusedError("unknown link type", str(frame.link))
    vlans: list[int] = []
    kind = _word(data, at)
    while kind in _VLAN_TAGS and len(vlans) < _MAX_TAGS:
        vlans.append(_word(data, at + 2) & 0x0FFF)
        at += 4
        kind = _word(data, at)
    return kind, at + 2, tuple(vlans)


def _word(data: bytes, at: int) -> int:
    if len(data) < at + 2:
        raise FrameRefusedError("cut off", f"{len(data)} bytes of a link header")
    return int.from_bytes(data[at : at + 2], "big")
