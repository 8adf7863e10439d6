"""MoldUDP64: packets typed by hand, arbitration, gaps, re-requests, sessions, and a world that loses and reorders."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meltica.venues.nasdaq.mold_events import (
    GapFilled,
    GapLost,
    GapOpened,
    LineBack,
    LineSilent,
    Messages,
    MoldLimits,
    SessionEnded,
    SessionStarted,
)
from meltica.venues.nasdaq.mold_session import RETRANSMISSION, MoldSession
from meltica.venues.nasdaq.moldudp64 import (
    MoldError,
    MoldPublisher,
    MoldRequest,
    MoldStore,
    RerequestServer,
    decode_packet,
    decode_request,
    encode_end,
    encode_heartbeat,
    encode_packet,
    encode_request,
    session_bytes,
)
from tests.unit.venues.mold_world import Line, World

SESSION = b"000010059B"
# From the specification's tables, by hand: session, sequence 7, two messages "ab" and "c".
TWO = bytes.fromhex("30303030313030353942 0000000000000007 0002 0002 6162 0001 63")
MS = 1_000_000


def packet(sequence: int, *messages: bytes) -> bytes:
    return encode_packet(SESSION, sequence, messages)


def opened(*, can_request: bool = False, start: int | None = 1, **limits: int) -> MoldSession:
    session = MoldSession(start=start, can_request=can_request, limits=MoldLimits(**limits))
    session.receive(0, packet(1, b"one"), 0)
    return session


def blocks(events: list) -> list[tuple[int, int, bytes]]:
    return [(one.sequence, one.count, one.block) for one in events if isinstance(one, Messages)]


class TestPackets:
    def test_typed_by_hand(self):
        assert encode_packet(SESSION, 7, [b"ab", b"c"]) == TWO
        found = decode_packet(TWO)
        assert (found.session, found.sequence, found.count, found.ends) == (SESSION, 7, 2, False)
        assert found.block == b"\0\2ab\0\1c"
        assert encode_heartbeat(SESSION, 7) == TWO[:18] + b"\0\0"
        assert encode_end(SESSION, 7) == TWO[:18] + b"\xff\xff"
        assert decode_packet(TWO[:18] + b"\xff\xff").ends
        assert not decode_packet(TWO[:18] + b"\0\0").ends

    def test_requests(self):
        request = MoldRequest(SESSION, 7, 300)
        assert encode_request(request) == TWO[:18] + b"\x01\x2c"
        assert decode_request(encode_request(request)) == request
        for bad in (b"", TWO, TWO[:18] + b"\0\0", SESSION + bytes(8) + b"\0\1"):
            with pytest.raises(MoldError, match="no request"):
                decode_request(bad)

    @pytest.mark.parametrize(
        ("payload", "reason"),
        [
            (b"", "too short"),
            (TWO[:19], "too short"),
            (TWO[:10] + bytes(8) + TWO[18:], "no sequence number"),
            (TWO[:10] + b"\xff" * 8 + TWO[18:], "no sequence number"),
            (TWO[:-1], "cut off"),
            (TWO + b"!", "bytes behind the end"),
            (TWO[:20], "cut off"),
            (TWO[:18] + b"\0\1\0\0", "empty message"),
            (TWO[:18] + b"\0\0!", "bytes behind the end"),
        ],
    )
    def test_malformed(self, payload: bytes, reason: str):
        with pytest.raises(MoldError) as error:
            decode_packet(payload)
        assert error.value.reason == reason

    @settings(deadline=None, print_blob=True)
    @given(st.binary(max_size=80) | st.binary(max_size=60).map(lambda tail: TWO[:19] + tail))
    def test_any_bytes_are_a_packet_or_an_error(self, payload: bytes):
        try:
            found = decode_packet(payload)
        except MoldError:
            return
        again = (
            encode_end(found.session, found.sequence) if found.ends else encode_heartbeat(found.session, found.sequence)
        )
        assert payload == (payload[:20] + found.block if found.count else again)

    def test_names(self):
        assert session_bytes("AB") == b"AB        "
        for bad in ("", "  ", "12345678901", "Ä"):
            with pytest.raises(MoldError):
                session_bytes(bad)
        for bad_messages in ([], [b""], [b"x" * 65_536]):
            with pytest.raises(MoldError):
                encode_packet(SESSION, 1, bad_messages)


class TestPublisher:
    def test_packets_are_full_and_in_sequence(self):
        publisher = MoldPublisher("S", max_payload=50)
        packets = publisher.publish([b"x" * 8] * 7, 0)
        assert [(one.sequence, one.count) for one in map(decode_packet, packets)] == [(1, 3), (4, 3), (7, 1)]
        assert max(map(len, packets)) == 50
        assert publisher.next_sequence == 8
        with pytest.raises(MoldError, match="can't hold it"):
            publisher.publish([b"x" * 29], 0)
        assert publisher.next_sequence == 8

    def test_heartbeats_and_the_end(self):
        publisher = MoldPublisher("S", heartbeat_ns=1_000)
        assert publisher.next_deadline_ns() is None
        assert decode_packet(publisher.tick(0)[0]).sequence == 1
        publisher.publish([b"a"], 500)
        assert (publisher.tick(1_499), publisher.next_deadline_ns()) == ([], 1_500)
        assert decode_packet(publisher.tick(1_500)[0]).sequence == 2
        assert decode_packet(publisher.end(1_600)).ends
        assert decode_packet(publisher.tick(2_600)[0]).ends
        with pytest.raises(MoldError, match="ended"):
            publisher.publish([b"b"], 3_000)

    def test_the_store_is_bounded_and_answers_one_packet(self):
        store = MoldStore(SESSION, capacity=3)
        for number in range(1, 6):
            store.append(b"%d" % number)
        assert (store.first, store.next_sequence) == (3, 6)
        server = RerequestServer(store, max_payload=26)
        answers = [server.answer(encode_request(MoldRequest(SESSION, begin, 9))) for begin in (2, 3, 5, 6)]
        assert answers == [None, packet(3, b"3", b"4"), packet(5, b"5"), None]
        assert server.answer(encode_request(MoldRequest(b"ANOTHER...", 3, 9))) is None
        assert server.answer(b"junk") is None
        assert server.counts == {"requests": 6, "answered": 2, "refused": 3, "malformed": 1, "messages": 3}
        assert store.packet(3, 1) == packet(3, b"3")
        assert store.packet(3, 2, max_payload=20) == packet(3, b"3"), "one message always goes"


class TestArbitration:
    def test_the_first_copy_wins(self):
        session = opened()
        assert blocks(session.receive(0, packet(2, b"two"), 10)) == [(2, 1, b"\0\3two")]
        assert session.receive(1, packet(2, b"two"), 25) == []
        assert blocks(session.receive(1, packet(3, b"three"), 30)) == [(3, 1, b"\0\5three")]
        assert session.receive(0, packet(3, b"three"), 34) == []
        counters = session.gate.counters()
        assert (counters["wins"][:2], counters["duplicates"][:2]) == ([2, 1], [1, 1])
        assert (counters["lead_sum_ns"][:2], counters["leads"][:2]) == ([15, 4], [1, 1])

    def test_one_line_covers_for_the_other(self):
        session = opened()
        assert session.receive(0, packet(3, b"three"), 1) == [GapOpened(2, 1, 1)]
        assert session.gap == (2, 1)
        events = session.receive(1, packet(2, b"two"), 2)
        assert blocks(events) == [(2, 1, b"\0\3two"), (3, 1, b"\0\5three")]
        assert events[-1] == GapFilled(2, 2, 2)
        assert (session.gap, session.waiting, session.counts["gaps_lost"]) == (None, 0, 0)
        assert blocks(session.receive(0, packet(4, b"four"), 3)) == [(4, 1, b"\0\4four")]

    def test_a_packet_that_is_partly_known_is_cut(self):
        session = opened()
        assert blocks(session.receive(0, packet(1, b"one", b"two"), 1)) == [(2, 1, b"\0\3two")]
        session.receive(0, packet(4, b"four", b"five"), 2)
        assert blocks(session.receive(1, packet(3, b"three", b"four"), 3)) == [
            (3, 2, b"\0\5three\0\4four"),
            (5, 1, b"\0\4five"),
        ]

    def test_a_longer_packet_replaces_the_shorter_that_waits(self):
        session = opened()
        session.receive(0, packet(3, b"three"), 1)
        session.receive(0, packet(3, b"three", b"four"), 1)
        session.receive(1, packet(3, b"three"), 1)
        assert session.counts["early_duplicates"] == 1
        assert blocks(session.receive(1, packet(2, b"two"), 2)) == [(2, 1, b"\0\3two"), (3, 2, b"\0\5three\0\4four")]


class TestGaps:
    def test_without_anybody_to_ask_it_is_declared_and_gone_past(self):
        session = opened(wait_ns=1_000)
        session.receive(0, packet(5, b"five"), 10)
        assert session.next_deadline_ns() == 1_010
        assert session.tick(1_009) == []
        lost, messages = session.tick(1_010)
        assert lost == GapLost(2, 3, 1_010, "no one to ask")
        assert (messages.sequence, messages.block) == (5, b"\0\4five")
        assert session.counts["messages_lost"] == 3
        assert session.requests_to_send() == []
        assert session.receive(1, packet(2, b"two"), 2_000) == []  # Too late now.
        assert blocks(session.receive(1, packet(6, b"six"), 2_000)) == [(6, 1, b"\0\3six")]

    def test_asked_again_with_backoff_until_it_is_given_up(self):
        session = opened(can_request=True, wait_ns=100, retry_ns=1_000, retry_max_ns=3_000, attempts=4)
        session.receive(0, packet(4, b"four"), 0)
        asked = []
        for _ in range(4):
            asked.append(session.next_deadline_ns())
            assert session.tick(asked[-1]) == []
            assert session.requests_to_send() == [encode_request(MoldRequest(SESSION, 2, 2))]
        assert asked == [100, 1_100, 3_100, 6_100]
        assert session.next_deadline_ns() == 9_100
        assert session.tick(9_100)[0] == GapLost(2, 2, 9_100, "no answer to 4 requests")

    def test_an_answer_in_parts_is_asked_on_at_once(self):
        session = opened(can_request=True, wait_ns=100, retry_ns=1_000)
        session.receive(0, packet(5, b"five"), 0)
        session.tick(100)
        session.requests_to_send()
        assert blocks(session.receive(RETRANSMISSION, packet(2, b"two"), 200)) == [(2, 1, b"\0\3two")]
        assert session.next_deadline_ns() == 200
        session.tick(200)
        assert session.requests_to_send() == [encode_request(MoldRequest(SESSION, 3, 2))]
        events = session.receive(RETRANSMISSION, packet(3, b"three", b"four"), 300)
        assert [one[0] for one in blocks(events)] == [3, 5]
        assert events[-1] == GapFilled(2, 4, 300)
        assert (session.counts["requests"], session.counts["recovered"]) == (2, 3)

    def test_heartbeats_tell_of_a_tail_that_was_lost(self):
        session = opened(can_request=True)
        assert session.receive(0, encode_heartbeat(SESSION, 2), 5) == []
        assert session.receive(1, encode_heartbeat(SESSION, 4), 6) == [GapOpened(2, 2, 6)]
        session.tick(6 + session.limits.wait_ns)
        assert session.requests_to_send() == [encode_request(MoldRequest(SESSION, 2, 2))]
        assert session.counts["heartbeats"] == 2

    @pytest.mark.parametrize("door", ["passed", "tick"])
    def test_what_went_past_the_session_closes_its_gap(self, door: str):
        session = opened(can_request=True)
        session.receive(0, encode_end(SESSION, 3), 5)
        assert session.gate.take(packet(2, b"two"), 0, 6) == 0
        assert getattr(session, door)(10**9) == [GapFilled(2, 1, 10**9), SessionEnded("000010059B", 3, 10**9)]
        assert session.requests_to_send() == []

    def test_the_buffer_is_bounded_and_what_did_not_fit_is_asked_for(self):
        session = opened(can_request=True, reorder_packets=2, wait_ns=100)
        for number in (3, 4, 5, 6):
            session.receive(0, packet(number, b"%d" % number), 0)
        assert (session.waiting, session.counts["reorder_overflow"]) == (2, 2)
        events = session.receive(1, packet(2, b"2"), 10)
        assert [one[0] for one in blocks(events)] == [2, 3, 4]
        assert session.gap == (5, 2)
        session = opened(reorder_bytes=10)
        session.receive(0, packet(3, b"x" * 8), 0)
        session.receive(0, packet(4, b"x"), 0)
        assert (session.waiting, session.counts["reorder_overflow"]) == (1, 1)

    def test_what_was_passed_on_leaves_the_buffer(self):
        session = opened(reorder_bytes=20, reorder_packets=2)
        for number in range(2, 60, 3):
            session.receive(0, packet(number + 1, b"x" * 8), 0)
            session.receive(0, packet(number + 2, b"x" * 8), 0)
            assert session.waiting == 2
            assert len(blocks(session.receive(1, packet(number, b"x" * 8), 0))) == 3
        assert session.counts["reorder_overflow"] == 0

    def test_a_huge_gap_is_lost_at_once_but_only_when_confirmed(self):
        session = opened(can_request=True, gap_messages=1_000)
        assert session.receive(0, packet(5_000_000, b"broken?"), 1) == []
        assert blocks(session.receive(0, packet(2, b"two"), 2)) == [(2, 1, b"\0\3two")]
        assert session.receive(0, packet(9_000, b"a"), 3) == []
        events = session.receive(0, packet(9_001, b"b"), 4)
        assert events[0] == GapOpened(3, 8_998, 4)
        assert events[1].why == "8998 messages are more than are asked for again"
        assert blocks(events) == [(9_001, 1, b"\0\1b")]
        assert session.counts["suspect"] == 2


class TestSessions:
    def test_joins_where_the_feed_is(self):
        session = MoldSession()
        assert session.next_deadline_ns() is None
        events = session.receive(1, packet(70, b"x"), 3)
        assert events[0] == SessionStarted("000010059B", 70, 3)
        assert blocks(events) == [(70, 1, b"\0\1x")]

    def test_or_at_the_beginning(self):
        session = MoldSession(start=1, can_request=True)
        assert session.receive(1, packet(3, b"x"), 3)[1] == GapOpened(1, 2, 3)

    def test_the_end(self):
        session = opened()
        assert session.receive(0, encode_end(SESSION, 2), 9) == [SessionEnded("000010059B", 2, 9)]
        assert session.receive(1, encode_end(SESSION, 2), 9) == []
        assert session.ended

    def test_the_end_waits_for_what_is_missing(self):
        session = opened()
        assert session.receive(0, encode_end(SESSION, 3), 9) == [GapOpened(2, 1, 9)]
        assert not session.ended
        events = session.receive(1, packet(2, b"two"), 10)
        assert events[-1] == SessionEnded("000010059B", 3, 10)

    def test_another_session_needs_a_second_packet_unless_this_one_has_ended(self):
        other = encode_packet(b"NEXT......", 1, [b"n1"])
        session = opened()
        assert session.receive(0, other, 5) == []
        assert blocks(session.receive(0, packet(2, b"two"), 6)) == [(2, 1, b"\0\3two")]
        events = session.receive(1, other, 7)
        assert events[:2] == [SessionEnded("000010059B", 3, 7), SessionStarted("NEXT......", 1, 7)]
        assert blocks(events) == [(1, 1, b"\0\2n1")]
        assert session.receive(0, packet(3, b"late"), 8) == []
        assert (session.counts["late_session"], session.session) == (1, "NEXT......")
        session = opened()
        session.receive(0, encode_end(SESSION, 2), 5)
        assert blocks(session.receive(0, other, 6)) == [(1, 1, b"\0\2n1")]

    def test_what_is_missing_of_an_old_session_is_lost(self):
        session = opened(can_request=True)
        session.receive(0, packet(4, b"four"), 1)
        other = encode_packet(b"NEXT......", 2, [b"n2"])
        session.receive(0, other, 2)
        events = session.receive(1, other, 3)
        assert events[0] == GapLost(2, 2, 3, "another session began")
        assert blocks(events) == [(4, 1, b"\0\4four")]
        assert GapOpened(1, 1, 2) in events
        assert session.waiting == 1

    def test_only_the_wanted_session(self):
        session = MoldSession(session=b"NEXT......")
        assert session.receive(0, packet(1, b"x"), 0) == []
        assert session.counts["foreign_session"] == 1

    def test_lines_that_fall_silent(self):
        session = opened(idle_ns=1_000)
        assert session.tick(999) == []
        session.receive(0, packet(2, b"two"), 900)
        assert session.next_deadline_ns() == 1_000
        assert session.tick(1_000) == [LineSilent(1, 0, 1_000)]
        assert (session.silent_lines, session.tick(1_001)) == ([1], [])
        assert session.tick(1_900) == [LineSilent(0, 900, 1_900)]
        assert session.receive(1, encode_heartbeat(SESSION, 3), 2_000) == [LineBack(1, 2_000)]
        assert session.silent_lines == [0]

    def test_malformed_packets_are_counted_and_the_first_is_shown(self):
        session = opened()
        assert session.receive(1, TWO[:-1], 77) == []
        session.receive(0, b"", 78)
        session.receive(0, TWO[:-1], 79)
        assert session.counts["malformed"] == 3
        assert session.counts["malformed: cut off"] == 2
        assert session.first_malformed.startswith("cut off: message 2 of 2, at byte 24, line B, at 77 ns, bytes 3030")


chances = st.floats(0, 0.6)
lines = st.builds(Line, loss=chances, doubled=chances, late=chances)


@settings(deadline=None, max_examples=120, print_blob=True)
@given(st.integers(0, 2**32), st.tuples(lines, lines), st.sampled_from(["python", "cython"]))
def test_with_somebody_to_ask_exactly_what_was_sent_arrives(seed: int, two: tuple[Line, Line], backend: str):
    world = World(seed, list(two), backend=backend, limits=MoldLimits(reorder_packets=8))
    world.run(60)
    assert world.received() == dict(enumerate(world.sent, 1))
    assert world.lost() == set()
    assert world.session.ended


@settings(deadline=None, max_examples=120, print_blob=True)
@given(st.integers(0, 2**32), st.tuples(lines, lines), st.sampled_from([0.0, 0.2]))
def test_without_what_did_not_arrive_is_declared_and_the_rest_goes_on(
    seed: int, two: tuple[Line, Line], answers: float
):
    world = World(seed, list(two), answers=answers, limits=MoldLimits(attempts=2))
    world.run(60)
    received, lost = world.received(), world.lost()
    sent = dict(enumerate(world.sent, 1))
    assert received == {number: message for number, message in sent.items() if number not in lost}
    assert world.session.counts["messages_lost"] == len(lost)
    assert world.session.ended


@pytest.mark.parametrize("dead", [0, 1])
def test_either_line_may_die(dead: int):
    lines = [Line(), Line()]
    lines[dead].dies_at_ns = 10 * MS
    world = World(7, lines, answers=0)
    world.run(60)
    assert world.received() == dict(enumerate(world.sent, 1))
    wins = world.session.gate.counters()["messages"]
    assert wins[1 - dead] > wins[dead]
