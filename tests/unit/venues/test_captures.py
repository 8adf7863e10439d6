"""Captures in every dress, frames in every envelope, TCP put back in order; and what damage each of them says."""

from __future__ import annotations

from itertools import pairwise
from random import Random
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meltica.venues.nasdaq.frames import Address, Datagram, FrameRefusedError, FrameTally, Segment, open_frame
from meltica.venues.nasdaq.pcap import Frame, PcapError, PcapWriter, frames, is_capture
from meltica.venues.nasdaq.tcp_flows import MAX_WAITING_BYTES, TcpFlows
from tests.unit.venues.captures import (
    A,
    B,
    block,
    classic,
    enhanced,
    ethernet,
    interface,
    ip,
    option,
    section,
    tcp,
    udp,
)

DATA = ethernet(ip(udp(b"payload")))


def read(data: bytes, size: int = 0) -> list[Frame]:
    return list(frames([data[at : at + size] for at in range(0, len(data), size)] if size else [data]))


def frame(data: bytes, link: int = 1) -> Frame:
    return Frame(1, 0, 0, link, data, len(data))


class TestCaptures:
    @pytest.mark.parametrize("order", ["<", ">"])
    @pytest.mark.parametrize(("magic", "fraction"), [(0xA1B2C3D4, 5_678), (0xA1B23C4D, 5_678_000)])
    def test_classic(self, order: str, magic: int, fraction: int):
        data = classic((1_234, fraction, b"one"), (1_235, 0, b"twoo"), order=order, magic=magic, link=113)
        assert is_capture(data)
        for size in (0, 1, 7):
            found = read(data, size)
            assert [(one.number, one.time_ns, one.link, one.data) for one in found] == [
                (1, 1_234_005_678_000, 113, b"one"),
                (2, 1_235_000_000_000, 113, b"twoo"),
            ]
            assert [one.offset for one in found] == [24, 24 + 16 + 3]

    @pytest.mark.parametrize("order", ["<", ">"])
    def test_next_generation(self, order: str):
        nanos = option(9, b"\x09", order) + option(14, pack(order + "q", 100), order) + option(0, b"", order)
        binary = option(2, b"eth0", order) + option(9, bytes([0x80 | 10]), order)
        data = section(order) + block(99, b"a name", order)
        data += interface(order) + interface(order, 101, nanos) + interface(order, 1, binary)
        data += (
            enhanced(1_234_005_678, b"micro", order) + enhanced(7, b"nano!", order, 1) + enhanced(512, b"b", order, 2)
        )
        data += block(3, pack(order + "I", 4) + b"simp", order)
        assert is_capture(data)
        for size in (0, 1, 5):
            found = [(one.number, one.time_ns, one.link, one.data) for one in read(data, size)]
            assert found == [
                (1, 1_234_005_678_000, 1, b"micro"),
                (2, 100_000_000_007, 101, b"nano!"),
                (3, 500_000_000, 1, b"b"),
                (4, 0, 1, b"simp"),
            ]

    def test_sections_may_differ_in_byte_order(self):
        data = (
            section("<")
            + interface("<")
            + enhanced(1, b"a", "<")
            + section(">")
            + interface(">")
            + enhanced(2, b"b", ">")
        )
        assert [one.data for one in read(data)] == [b"a", b"b"]

    @pytest.mark.parametrize(
        ("data", "good", "why"),
        [
            (b"", 0, "neither pcap nor pcapng"),
            (b"PNG!", 0, "neither pcap nor pcapng"),
            (classic()[:20], 0, "the file header is cut off"),
            (classic()[:4], 0, "the file header is cut off"),
            (classic((1, 2, b"abc"))[:-1], 0, "a frame is cut off"),
            (classic((1, 2, b"abc"), (1, 2, b"abc"))[:-10], 1, "a frame's header is cut off"),
            (classic((1, 2, b"abc"), (1, 2, b"abc"))[:-3], 1, "a frame is cut off"),
            (classic((1, 2, b"abc"), (1, 10**6, b"abc")), 1, "no frame"),
            (classic((1, 2, bytes((1 << 18) + 1))), 0, "no frame"),
            (section() + interface() + enhanced(1, b"a")[:-1], 0, "cut off"),
            (section() + enhanced(1, b"a"), 0, "interface 0, which was not described"),
            (section() + interface() + enhanced(1, b"a") + b"\1\0", 1, "cut off"),
            (section() + interface() + enhanced(1, b"a")[:-4] + b"\0\0\0\1", 0, "two lengths differ"),
            (section() + interface() + pack("<II", 6, 13), 0, "a block of 13 bytes"),
            (section() + interface() + pack("<II", 6, 8), 0, "a block of 8 bytes"),
            (section() + interface() + block(6, b"tiny"), 0, "without a header"),
            (section() + block(1, b"tiny"), 0, "without a header"),
            (section() + interface() + block(6, pack("<IIIII", 0, 0, 0, 50, 50) + b"few"), 0, "a packet of 50 bytes"),
            (section() + interface(options=option(9, b"\x7f")), 0, "a resolution of 127"),
            (block(0x0A0D0D0A, bytes(16)), 0, "no byte order"),
        ],
    )
    def test_damage_is_said_behind_what_was_good(self, data: bytes, good: int, why: str):
        found: list[Frame] = []
        with pytest.raises(PcapError, match=why) as error:
            found.extend(frames([data]))
        assert (len(found), error.value.frame) == (good, good)
        assert error.value.offset <= len(data)

    @settings(deadline=None, max_examples=200, print_blob=True)
    @given(st.data())
    def test_any_damage_is_an_error_of_our_own(self, draw: st.DataObject):
        whole = draw.draw(
            st.sampled_from([classic((1, 2, DATA), (3, 4, DATA)), section() + interface() + enhanced(9, DATA)])
        )
        at = draw.draw(st.integers(0, len(whole) - 1))
        data = whole[:at] + draw.draw(st.binary(max_size=4)) + whole[at + draw.draw(st.integers(0, 4)) :]
        tally = FrameTally()
        try:
            for one in frames([data]):
                tally.open(one)
        except PcapError:
            pass

    def test_what_is_written_is_read(self):
        record = PcapWriter.record(1_000_000_007, b"hello", source=(A, 7), target=(B, 8))
        (found,) = read(PcapWriter.header() + record)
        datagram = open_frame(found)
        assert isinstance(datagram, Datagram)
        assert (found.time_ns, datagram.payload) == (1_000_000_007, b"hello")
        assert (str(datagram.source), str(datagram.target)) == ("10.0.0.1:7", "239.1.1.1:8")
        assert found.data[:6] == bytes.fromhex("01005e010101")
        words = [int.from_bytes(found.data[14:34][at : at + 2], "big") for at in range(0, 20, 2)]
        assert sum(words) % 0xFFFF == 0, "the IPv4 checksum"


class TestFrames:
    @pytest.mark.parametrize(
        ("data", "link", "vlans"),
        [
            (DATA, 1, ()),
            (ethernet(ip(udp(b"payload")), (0x8100, 0x208D)), 1, (0x8D,)),
            (ethernet(ip(udp(b"payload")), (0x88A8, 100), (0x8100, 7)), 1, (100, 7)),
            (bytes(14) + b"\x08\x00" + ip(udp(b"payload")), 113, ()),
            (b"\x08\x00" + bytes(18) + ip(udp(b"payload")), 276, ()),
            (ip(udp(b"payload")), 101, ()),
            (ip(udp(b"payload")), 228, ()),
            (ethernet(ip(udp(b"payload"), options=bytes(12))), 1, ()),
            (DATA + b"padding of a short frame", 1, ()),
            (ethernet(ip(udp(b"payload") + b"behind UDP")), 1, ()),
            (ethernet(ip(udp(b"payload"), fragment=0x4000)), 1, ()),
        ],
    )
    def test_envelopes(self, data: bytes, link: int, vlans: tuple[int, ...]):
        found = open_frame(frame(data, link))
        assert isinstance(found, Datagram)
        assert (found.payload, found.vlans) == (b"payload", vlans)
        assert (found.source, found.target) == (Address(A, 1), Address(B, 2))

    def test_tcp(self):
        found = open_frame(frame(ethernet(ip(tcp(b"data", 77, words=8), 6))))
        assert isinstance(found, Segment)
        assert (found.payload, found.sequence, found.flags) == (b"data", 77, 0x18)

    @pytest.mark.parametrize(
        ("data", "link", "reason"),
        [
            (b"short", 1, "cut off"),
            (ethernet(b"", kind=0x0806), 1, "not IPv4"),
            (ethernet(b"", *[(0x8100, 1)] * 5), 1, "not IPv4"),
            (ethernet(ip(udp(b"x")))[:30], 1, "cut off"),
            (ethernet(ip(udp(b"x")))[:-1], 1, "cut off"),
            (ethernet(ip(udp(b"x"), first=0x65)), 1, "bad IPv4 header"),
            (ethernet(ip(udp(b"x"), first=0x44)), 1, "bad IPv4 header"),
            (ethernet(ip(udp(b"x"), total=19)), 1, "bad IPv4 header"),
            (ethernet(ip(udp(b"x"), fragment=0x2000)), 1, "IPv4 fragment"),
            (ethernet(ip(udp(b"x"), fragment=0x0001)), 1, "IPv4 fragment"),
            (ethernet(ip(udp(b"x", length=10))), 1, "bad UDP length"),
            (ethernet(ip(udp(b"x", length=7))), 1, "bad UDP length"),
            (ethernet(ip(b"1234567")), 1, "bad UDP length"),
            (ethernet(ip(b"", 1)), 1, "neither UDP nor TCP"),
            (ethernet(ip(tcp(b"")[:19], 6)), 1, "bad TCP header"),
            (ethernet(ip(tcp(b"", words=4), 6)), 1, "bad TCP header"),
            (ethernet(ip(tcp(b"", words=6)[:22], 6)), 1, "bad TCP header"),
            (DATA, 12_345, "unknown link type"),
            (b"\x60" + bytes(40), 101, "not IPv4"),
        ],
    )
    def test_what_is_refused_and_why(self, data: bytes, link: int, reason: str):
        with pytest.raises(FrameRefusedError) as error:
            open_frame(frame(data, link))
        assert error.value.reason == reason
        tally = FrameTally()
        assert tally.open(frame(data, link)) is None
        assert tally.refused == {reason: 1}
        assert tally.examples[reason].startswith(f"frame 1 at byte 0: {reason}")

    @settings(deadline=None, max_examples=300, print_blob=True)
    @given(st.binary(max_size=80), st.sampled_from([1, 101, 113, 228, 276]))
    def test_any_bytes_are_opened_or_refused(self, data: bytes, link: int):
        FrameTally().open(frame(data, link))


def segment(payload: bytes, sequence: int, flags: int = 0x18, number: int = 1) -> Segment:
    data = ethernet(ip(tcp(payload, sequence, flags), 6))
    found = open_frame(Frame(number, 0, 0, 1, data, len(data)))
    assert isinstance(found, Segment)
    return found


def streamed(flows: TcpFlows, *segments: Segment) -> list[tuple[int, int, bytes]]:
    return [(one.offset, one.missing, one.data) for part in segments for one in flows.take(part)]


class TestTcpFlows:
    def test_in_order_repeated_and_overlapping(self):
        flows = TcpFlows()
        assert streamed(flows, segment(b"", 99, 0x02), segment(b"abc", 100), segment(b"abc", 100)) == [(0, 0, b"abc")]
        assert streamed(flows, segment(b"bcde", 101)) == [(3, 0, b"de")]
        assert flows.retransmitted_bytes == 5

    def test_overtaken(self):
        flows = TcpFlows()
        late = segment(b"bc", 101)
        assert streamed(flows, segment(b"a", 100), segment(b"de", 103), segment(b"d", 103), late) == [
            (0, 0, b"a"),
            (1, 0, b"bc"),
            (3, 0, b"de"),
        ]

    def test_around_the_end_of_the_numbers(self):
        flows = TcpFlows()
        begin = 2**32 - 2
        parts = [segment(b"ab", begin), segment(b"ef", 2), segment(b"cd", 0)]
        assert b"".join(data for *_, data in streamed(flows, *parts)) == b"abcdef"

    def test_a_hole_that_stays_is_said_at_the_end(self):
        flows = TcpFlows()
        assert streamed(flows, segment(b"a", 100), segment(b"de", 103)) == [(0, 0, b"a")]
        assert [(one.offset, one.missing, one.data) for one in flows.finish()] == [(3, 2, b"de")]
        assert flows.missing_bytes == 2

    def test_a_hole_is_given_up_when_too_much_waits(self):
        flows = TcpFlows()
        size = 60_000
        parts = [segment(bytes(size), 200 + number * size) for number in range(MAX_WAITING_BYTES // size + 2)]
        found = streamed(flows, segment(b"a", 100), *parts)
        assert found[1][:2] == (100, 99)
        assert sum(len(data) for *_, data in found) == 1 + size * len(parts)

    def test_a_new_connection_between_the_same_ends(self):
        flows = TcpFlows()
        first = streamed(flows, segment(b"a", 100), segment(b"c", 102))
        assert first == [(0, 0, b"a")]
        assert streamed(flows, segment(b"", 4_999, 0x02)) == [(2, 1, b"c")]
        assert streamed(flows, segment(b"new", 5_000)) == [(0, 0, b"new")]

    @settings(deadline=None, print_blob=True)
    @given(st.integers(0, 2**32 - 1), st.integers(0, 2**32), st.binary(min_size=1, max_size=200))
    def test_any_order_and_repetition_gives_the_stream(self, begin: int, seed: int, stream: bytes):
        chance = Random(seed)
        cuts = sorted({0, len(stream), *(chance.randint(0, len(stream)) for _ in range(6))})
        parts = [(a, stream[a : min(b + chance.randint(0, 3), len(stream))]) for a, b in pairwise(cuts)]
        chance.shuffle(parts)
        parts += chance.sample(parts, len(parts) // 2)
        flows = TcpFlows()
        found = streamed(flows, segment(b"", begin - 1, 0x02), *(segment(data, begin + at) for at, data in parts))
        assert b"".join(data for *_, data in found) == stream
        assert list(flows.finish()) == []
