"""Files as packet sources, and the feed over a source that somebody else wrote."""

from __future__ import annotations

import time

import pytest

from meltica.hot.mold import IN_ORDER
from meltica.hot.packets import Packet
from meltica.venues.nasdaq.feed import NasdaqFeed
from meltica.venues.nasdaq.feed_sources import ItchFileSource, PcapSource, file_messages, message_time_ns
from meltica.venues.nasdaq.frames import Address
from meltica.venues.nasdaq.itch_messages import ItchMessageError
from meltica.venues.nasdaq.mold_events import GapLost, LineBack, LineSilent, Messages, MoldLimits
from meltica.venues.nasdaq.mold_session import MoldSession
from meltica.venues.nasdaq.moldudp64 import encode_packet
from tests.conformance.itch_messages import framed, message
from tests.unit.venues.captures import classic, ethernet, ip, udp

SESSION = b"DAY1      "


class ScriptedSource:
    """Live: gives its packets at once, then nothing."""

    live = True
    ended = False

    def __init__(self, *payloads: bytes) -> None:
        self._packets = [Packet(time.time_ns(), 0, payload) for payload in payloads]

    def receive(self, timeout_ns: int = 0) -> list[Packet]:
        packets, self._packets = self._packets, []
        return packets

    def status(self) -> dict[str, object]:
        return {}

    def close(self) -> None:
        self.ended = True


def test_a_gap_is_looked_after_although_no_line_can_be_silent_yet():
    source = ScriptedSource(encode_packet(SESSION, 1, [b"a"]), encode_packet(SESSION, 3, [b"c"]))
    feed = NasdaqFeed(source, MoldSession(limits=MoldLimits(idle_ns=3_600 * 10**9)))
    events, end = [], time.monotonic() + 10
    while not any(isinstance(event, GapLost) for event in events) and time.monotonic() < end:
        events += feed.poll(1_000_000)
    assert [event.sequence for event in events if isinstance(event, Messages)] == [1, 3]
    feed.close()
    assert feed.ended


def test_a_line_whose_packets_go_past_the_session_is_back():
    session = MoldSession(start=1, limits=MoldLimits(idle_ns=1_000))
    session.receive(0, encode_packet(SESSION, 1, [b"a"]), 0)
    assert session.tick(1_000) == [LineSilent(0, 0, 1_000), LineSilent(1, 0, 1_000)]
    assert session.gate.take(encode_packet(SESSION, 2, [b"b"]), 1, 1_500) == IN_ORDER
    assert session.tick(1_600) == [LineBack(1, 1_600)]
    assert session.silent_lines == [0]


def test_the_end_of_a_file_and_of_its_session():
    data = framed(message("A"), message("D"))
    for size in (1, 5, len(data) + 2):
        whole = data + b"\0\0" + framed(message("S"))
        pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
        assert list(file_messages(pieces)) == [message("A"), message("D")]
    with pytest.raises(ItchMessageError, match="cut off, at byte 38"):
        list(file_messages([data[:-1]]))
    assert message_time_ns(message("A")) == 0x0A0B0C0D0E0F
    assert message_time_ns(b"short", 7) == 7


def test_a_file_becomes_packets():
    source = ItchFileSource([framed(*[message("D")] * 50)])
    packets = source.receive()
    assert [packet.line for packet in packets] == [0, 0, 0]
    assert {packet.time_ns for packet in packets} == {0x0A0B0C0D0E0F}
    assert (source.ended, source.receive(), source.ended) == (False, [], True)
    assert source.status() == {"messages": 50}


def test_the_lines_of_a_capture_are_its_targets():
    def to(port: int) -> tuple[int, int, bytes]:
        return 1, port, ethernet(ip(udp(b"%d" % port, (9, port))))

    data = classic(to(5), to(6), to(7), to(5), (1, 0, ethernet(b"", kind=0x0806)))
    source = PcapSource([data])
    assert [(packet.line, packet.payload) for packet in source.receive()] == [(0, b"5"), (1, b"6"), (0, b"5")]
    assert source.status()["other_targets"] == 1
    assert source.status()["refused"] == {"not IPv4": 1}
    chosen = PcapSource([data], [Address(bytes([239, 1, 1, 1]), 7)])
    assert [(packet.line, packet.payload) for packet in chosen.receive()] == [(0, b"7")]
