"""SoupBinTCP sessions: bytes typed from the specification, every cut of the stream, every loss of the connection."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meltica.domain.errors import FieldError, InvariantError
from meltica.venues.nasdaq import soupbintcp_wire as wire
from meltica.venues.nasdaq.soupbintcp import (
    Debug,
    Failed,
    Fault,
    LoggedIn,
    LoginAsked,
    Sequenced,
    SessionEnded,
    SoupClient,
    SoupServer,
    SoupStream,
    State,
    Unsequenced,
)

SECOND = 1_000_000_000
LOGIN = b"\x00\x2fLUSER01secret              " + b" " * 19 + b"1"
ACCEPTED = b"\x00\x1fA000010059B" + b" " * 19 + b"1"


def client(**changed) -> SoupClient:
    return SoupClient(**({"username": "USER01", "password": "secret"} | changed))


def live_client(**changed) -> SoupClient:
    made = client(**changed)
    made.connected(0)
    made.take_output(0)
    made.receive(ACCEPTED, 0)
    return made


def live_server(stream: SoupStream) -> SoupServer:
    made = SoupServer()
    made.connected(0)
    (asked,) = made.receive(LOGIN, 0)
    assert isinstance(asked, LoginAsked)
    assert made.accept(asked, stream, 0)
    made.take_output(0)
    return made


def failure(events) -> tuple[Fault, str]:
    (event,) = events
    assert isinstance(event, Failed)
    return event.error.fault, event.error.why


def test_a_client_logs_in_with_the_bytes_of_the_specification() -> None:
    made = client()
    made.connected(0)
    assert made.take_output(0) == LOGIN
    assert made.receive(ACCEPTED, 0) == [LoggedIn("000010059B", 1)]
    assert made.state is State.LIVE
    made.send(b"O...", 0)
    made.debug("hello", 0)
    made.logout(0)
    assert made.take_output(0) == b"\x00\x05UO..." + b"\x00\x06+hello" + b"\x00\x01O"


def test_a_server_answers_with_the_bytes_of_the_specification() -> None:
    stream = SoupStream("000010059B")
    stream.append(b"first")
    made = SoupServer()
    made.connected(0)
    (asked,) = made.receive(LOGIN, 0)
    assert asked == LoginAsked("USER01", "secret", "", 1)
    assert "secret" not in repr(asked)
    assert made.accept(asked, stream, 0)
    assert made.take_output(0) == ACCEPTED + b"\x00\x06Sfirst"
    assert made.receive(b"\x00\x03UO1\x00\x01R\x00\x03+hi\x00\x01O", 0) == [
        Unsequenced(b"O1"), Debug("hi"), SessionEnded(),
    ]  # fmt: skip
    assert made.closing()


@pytest.mark.parametrize("fields", [b"USER01secret    ", b"USER01    secret", b"  USER01secret "[2:] + b"   "])
def test_names_padded_on_either_side_are_taken(fields: bytes) -> None:
    made = SoupServer()
    made.connected(0)
    (asked,) = made.receive(b"\x00\x2fL" + fields[:16].ljust(16) + b"S1".ljust(10) + b"0042".ljust(20), 0)
    assert asked == LoginAsked("USER01", "secret", "S1", 42)


@pytest.mark.parametrize(("reason", "words"), [("A", "not authorised"), ("S", "not available")])
def test_a_rejected_login_is_our_fault(reason: str, words: str) -> None:
    made = client()
    made.connected(0)
    fault, why = failure(made.receive(b"\x00\x02J" + reason.encode(), 0))
    assert fault is Fault.OURS
    assert words in why
    assert made.closing()
    assert made.receive(b"\x00\x01H", 0) == []


@pytest.mark.parametrize(("requested", "first"), [(1, 1), (3, 3), (0, 3), (4, 4)])
def test_a_replay_begins_where_the_client_asks(requested: int, first: int) -> None:
    stream = SoupStream("D1")
    for text in (b"a", b"b", b"c"):
        stream.append(text)
    made, server = client(sequence=requested), SoupServer()
    made.connected(0)
    server.connected(0)
    (asked,) = server.receive(made.take_output(0), 0)
    assert server.accept(asked, stream, 0)
    stream.append(b"d")
    server.pump(0)
    events = made.receive(server.take_output(0), 0)
    assert events == [
        LoggedIn("D1", first), *(Sequenced(n, stream.messages[n - 1]) for n in range(first, 5)),
    ]  # fmt: skip


def test_what_is_not_there_can_not_be_asked_for() -> None:
    stream = SoupStream("D1")
    for asked in (LoginAsked("u", "p", "D2", 1), LoginAsked("u", "p", "D1", 2)):
        server = SoupServer()
        server.connected(0)
        server.receive(LOGIN, 0)
        assert not server.accept(asked, stream, 0)
        assert server.take_output(0) == b"\x00\x02JS"


def test_each_side_says_something_every_second_and_gives_up_after_fifteen() -> None:
    for made, beat in ((live_client(), b"\x00\x01R"), (live_server(SoupStream("D1")), b"\x00\x01H")):
        assert made.next_deadline_ns() == SECOND
        assert made.due(SECOND - 1) == []
        assert made.take_output(SECOND - 1) == b""
        for second in range(1, 15):
            assert made.due(second * SECOND) == []
            assert made.take_output(second * SECOND) == beat
        assert made.next_deadline_ns() == 15 * SECOND
        fault, why = failure(made.due(15 * SECOND))
        assert (fault, "15.0 s" in why) == (Fault.THEIRS, True)
        assert made.next_deadline_ns() is None


def test_what_is_heard_or_said_moves_the_deadlines() -> None:
    made = live_client()
    made.receive(b"\x00\x01H", 10 * SECOND)
    assert made.due(24 * SECOND) == []
    made.take_output(24 * SECOND)
    made.send(b"x", 24 * SECOND + 5)
    assert made.next_deadline_ns() == 25 * SECOND
    assert failure(made.due(25 * SECOND))[0] is Fault.THEIRS


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x00\x00", "length 0"),
        (b"\xff\xff", "at most 16384"),
        (b"\x00\x01?", "type '?'"),
        (b"\x00\x01L", "type 'L'"),
        (b"\x00\x02HX", "1 bytes of payload"),
        (b"\x00\x02ZX", "payload"),
        (ACCEPTED, "while live"),
        (b"GET / HTTP/1.1\r\n", "at most 16384"),
    ],
)
def test_a_live_client_hears_nonsense(data: bytes, words: str) -> None:
    made = live_client()
    events = made.receive(b"\x00\x02Sa" + data, 0)
    assert events[0] == Sequenced(1, b"a")
    fault, why = failure(events[1:])
    assert (fault, words in why) == (Fault.THEIRS, True)
    assert made.state is State.BROKEN
    assert made.receive(b"\x00\x02Sb", 0) == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x00\x02Sa", "while login sent"),
        (b"\x00\x02JX", "unknown reason 'X'"),
        (b"\x00\x03A12", "30 bytes, not 2"),
        (b"\x00\x1fA" + b"D1".rjust(10) + b"x".rjust(20), "sequence number of a login accepted is 'x'"),
        (b"\x00\x1fA" + b"D1".rjust(10) + b"0".rjust(20), "is 1, not 0"),
        (b"\x00\x1fA" + b"D1".rjust(10) + b"7".rjust(20), "asked for sequence 1"),
        (b"\x00\x1fA" + b"D\xff".rjust(10) + b"1".rjust(20), "printable ASCII"),
    ],
)
def test_a_login_is_answered_with_nonsense(data: bytes, words: str) -> None:
    made = client()
    made.connected(0)
    assert words in failure(made.receive(data, 0))[1]


def test_the_session_that_was_asked_for_must_be_given() -> None:
    made = client(session="D1")
    made.connected(0)
    assert "asked for 'D1'" in failure(made.receive(ACCEPTED, 0))[1]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\x00\x01R\x00\x01U", "while waiting"),
        (b"\x00\x03L12", "46 bytes, not 2"),
        (LOGIN[:-1] + b"x", "sequence number of a login request is 'x'"),
        (b"\x00\x02Sa", "type 'S'"),
    ],
)
def test_a_server_hears_nonsense(data: bytes, words: str) -> None:
    made = SoupServer()
    made.connected(0)
    assert words in failure([event for event in made.receive(data, 0) if isinstance(event, Failed)])[1]


def test_what_comes_behind_a_login_waits_until_it_is_judged() -> None:
    made = SoupServer()
    made.connected(0)
    (asked,) = made.receive(LOGIN + b"\x00\x02U1", 0)
    assert made.receive(b"\x00\x02U2" + LOGIN, 0) == []
    made.accept(asked, SoupStream("D1"), 0)
    events = made.receive(b"", 0)
    assert events[:2] == [Unsequenced(b"1"), Unsequenced(b"2")]
    assert "while live" in failure(events[2:])[1]
    made.disconnected()
    made.connected(0)
    made.receive(LOGIN, 0)
    assert "behind a login request" in failure(made.receive(b"\x00\x02U1" * 20_000, 0))[1]


def test_our_own_mistakes_are_ours() -> None:
    for call in (lambda: client().send(b"x", 0), lambda: client().logout(0), lambda: live_client().connected(0)):
        with pytest.raises(InvariantError):
            call()
    for fields in ({"username": "TOOLONG"}, {"password": "x" * 11}, {"session": "é"}, {"sequence": -1}):
        with pytest.raises(FieldError) as error:
            client(**fields)
        assert "x" * 11 not in str(error.value)
    with pytest.raises(FieldError, match="16383"):
        live_client().send(b"x" * 20_000, 0)
    with pytest.raises(FieldError, match="letters and digits"):
        SoupStream("a b")
    with pytest.raises(FieldError, match="less than silence"):
        client(heartbeat_ns=5, silence_ns=5)


def test_the_end_of_a_session() -> None:
    stream = SoupStream("000010059B")
    server, made = live_server(stream), live_client()
    stream.append(b"last")
    stream.ended = True
    server.pump(0)
    assert made.receive(server.take_output(0), 0) == [Sequenced(1, b"last"), SessionEnded()]
    assert made.state is server.state is State.ENDED
    made.debug("never written", 0)
    made.disconnected()
    assert made.take_output(0) == b""
    made.new_session()
    made.connected(0)
    assert made.take_output(0) == LOGIN


def test_a_long_replay_comes_in_parts_of_bounded_size() -> None:
    stream = SoupStream("000010059B")
    for number in range(1_000):
        stream.append(number.to_bytes(4, "big") * 2_500)
    made, server = client(), SoupServer()
    made.connected(0)
    server.connected(0)
    (asked,) = server.receive(made.take_output(0), 0)
    server.accept(asked, stream, 0)
    parts, heard = [], []
    while part := server.take_output(0):
        parts.append(len(part))
        heard += made.receive(part, 0)
    assert len(parts) > 1
    assert max(parts) <= wire.MAX_OUTPUT + wire.MAX_PACKET
    assert [event.sequence for event in heard[1:]] == list(range(1, 1_001))


def test_the_tables_can_be_printed_and_every_state_can_be_left() -> None:
    for table in (wire.CLIENT, wire.SERVER):
        assert len(wire.show(table).splitlines()) == len(table)
        reached = {State.IDLE} | set(table.values())
        assert all((state, wire.Trigger.DISCONNECTED) in table for state in reached)
        assert {state for state, _ in table} >= reached


PACKETS = [
    b"\x00\x02Sa", b"\x00\x01H", b"\x00\x05Sbcde", b"\x00\x03+hi", b"\x00\x01S", b"\x00\x01Z", b"\x00\x00",
    b"\x00\x01?", b"\x00\x02HX", b"\x00\x02JA",
]  # fmt: skip


@given(st.lists(st.sampled_from(PACKETS), max_size=12), st.lists(st.integers(0, 60), max_size=8))
@settings(max_examples=200, deadline=None)
def test_events_do_not_depend_on_how_the_stream_was_cut(packets: list[bytes], cuts: list[int]) -> None:
    data = b"".join(packets)
    whole = live_client().receive(data, 0)
    edges = [0, *sorted(cut for cut in cuts if cut <= len(data)), len(data)]
    made = live_client()
    pieces = [made.receive(data[a:b], 0) for a, b in pairwise(edges)]
    assert [str(event) for piece in pieces for event in piece] == [str(event) for event in whole]


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_no_bytes_break_a_session_in_any_other_way(data: bytes) -> None:
    server = SoupServer()
    server.connected(0)
    for made in (live_client(), live_server(SoupStream("D1")), server):
        events = made.receive(data, 0)
        assert sum(isinstance(event, Failed) for event in events) <= 1
        made.due(30 * SECOND)
        made.disconnected()
        assert made.state is State.IDLE


@pytest.mark.parametrize("seed", range(25))
def test_every_message_comes_once_however_often_the_connection_is_lost(seed: int) -> None:
    chance = Random(seed)
    stream, made, server, heard = SoupStream("D1"), client(), SoupServer(), []
    connected = False
    for step in range(400):
        now = step * SECOND // 2
        if not connected:
            made.connected(now)
            server.connected(now)
            connected = True
        if chance.random() < 0.5:
            stream.append(b"%d" % len(stream.messages))
        up, down = made.take_output(now), server.take_output(now)
        cut = chance.random() < 0.1
        if cut:  # only a part of what was under way arrives
            up, down = up[: chance.randrange(len(up) + 1)], down[: chance.randrange(len(down) + 1)]
        for event in server.receive(up, now):
            if isinstance(event, LoginAsked):
                assert server.accept(event, stream, now)
        server.pump(now)
        heard += [event for event in made.receive(down, now) if isinstance(event, Sequenced)]
        assert not [event for side in (made, server) for event in side.due(now)], f"seed {seed}, step {step}"
        if cut:
            made.disconnected()
            server.disconnected()
            connected = False
    assert [event.sequence for event in heard] == list(range(1, len(heard) + 1)), f"seed {seed}"
    assert [event.payload for event in heard] == stream.messages[: len(heard)], f"seed {seed}"
    assert len(heard) > 100, f"seed {seed}"
