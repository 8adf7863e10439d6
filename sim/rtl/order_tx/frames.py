"""Frames as the specifications write them (RFC 791, 793, 1071, IEEE 802.1Q), built from bytes up, and read back."""

from __future__ import annotations

import struct
from typing import NamedTuple

ETHERNET, TAG, IP, TCP = 14, 4, 20, 20
IPV4, VLAN = b"\x08\x00", b"\x81\x00"


class Tcp(NamedTuple):
    """The numbers of one segment."""

    sequence_number: int
    acknowledgment_number: int
    window: int
    identification: int


class Ends(NamedTuple):
    """Who speaks to whom; addresses as bytes."""

    destination_mac: bytes
    source_mac: bytes
    source_ip: bytes
    destination_ip: bytes
    source_port: int
    destination_port: int
    vlan: int


def ones_complement(data: bytes) -> int:
    """RFC 1071, word by word with the carry at once: another way than the card's."""
    total = 0
    for at in range(0, len(data), 2):
        total += int.from_bytes(data[at : at + 2].ljust(2, b"\0"), "big")
        if total > 0xFFFF:
            total -= 0xFFFF
    return total


def checksum(data: bytes) -> int:
    return 0xFFFF - ones_complement(data)


def compose(ends: Ends, numbers: Tcp, payload: bytes) -> bytes:
    header = struct.pack(
        ">BBHHHBBH4s4s",
        0x45, 0, IP + TCP + len(payload), numbers.identification, 0x4000, 64, 6, 0, ends.source_ip, ends.destination_ip,
    )  # fmt: skip
    header = header[:10] + struct.pack(">H", checksum(header)) + header[12:]
    segment = struct.pack(
        ">HHIIBBHHH",
        ends.source_port, ends.destination_port, numbers.sequence_number, numbers.acknowledgment_number,
        0x50, 0x18, numbers.window, 0, 0,
    ) + payload  # fmt: skip
    pseudo = ends.source_ip + ends.destination_ip + struct.pack(">BBH", 0, 6, len(segment))
    segment = segment[:16] + struct.pack(">H", checksum(pseudo + segment)) + segment[18:]
    tag = VLAN + struct.pack(">H", ends.vlan) if ends.vlan else b""
    return ends.destination_mac + ends.source_mac + tag + IPV4 + header + segment


def payload_of(frame: bytes) -> bytes:
    """What is in the TCP segment; raises when a length or a checksum is wrong."""
    at = ETHERNET + (TAG if frame[12:14] == VLAN else 0)
    assert frame[at - 2 : at] == IPV4
    packet = frame[at:]
    assert int.from_bytes(packet[2:4], "big") == len(packet)
    assert ones_complement(packet[:IP]) == 0xFFFF, "IP checksum"
    segment = packet[IP:]
    pseudo = packet[12:20] + struct.pack(">BBH", 0, 6, len(segment))
    assert ones_complement(pseudo + segment) == 0xFFFF, "TCP checksum"
    return segment[TCP:]
