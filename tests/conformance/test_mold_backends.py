"""Both MoldUDP64 gates: the same verdicts, sequence, counts and lead times for any packets."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meltica.hot import load
from meltica.hot.mold import DUPLICATE, IN_ORDER, SLOW
from meltica.venues.nasdaq.moldudp64 import encode_heartbeat, encode_packet
from tests.conformance.examples import examples

SESSION = b"000010059B"
# Sequence number 7, two messages "ab" and "c", typed from the specification's table.
TWO = bytes.fromhex("30303030313030353942 0000000000000007 0002 0002 6162 0001 63")
BACKENDS = ("python", "cython")


def packet(sequence: int, *messages: bytes) -> bytes:
    return encode_packet(SESSION, sequence, messages)


@pytest.mark.parametrize("backend", BACKENDS)
def test_verdicts(backend: str):
    gate = load(backend).MoldGate()
    assert gate.take(TWO, 0, 1) == SLOW, "not open"
    gate.open(SESSION, 7)
    assert (gate.session, gate.expected, gate.last_ns(0)) == (SESSION, 7, 1)
    story = [
        (TWO[:-1], 0, 2, SLOW, "cut off"),
        (TWO, 0, 10, IN_ORDER, "the next one"),
        (TWO, 1, 14, DUPLICATE, "the other line's copy"),
        (TWO, 0, 15, DUPLICATE, "the same line's again: no lead"),
        (packet(8, b"c", b"d"), 0, 16, SLOW, "partly known"),
        (packet(10, b"d"), 0, 17, SLOW, "a gap"),
        (packet(9, b"d") + b"!", 0, 18, SLOW, "something behind the last message"),
        (encode_heartbeat(SESSION, 9), 0, 19, SLOW, "a heartbeat"),
        (b"ANOTHER..." + TWO[10:], 0, 20, SLOW, "another session"),
        (packet(9, b"d"), 1, 21, IN_ORDER, "the next one"),
        (packet(9, b"d"), 0, 20, DUPLICATE, "a clock that went back: no lead"),
    ]
    for payload, line, time_ns, verdict, why in story:
        assert gate.take(payload, line, time_ns) == verdict, why
    gate.pending = True
    assert gate.take(packet(10, b"e"), 0, 22) == SLOW
    assert gate.take(TWO, 0, 23) == DUPLICATE
    counters = gate.counters()
    assert {name: values[:2] for name, values in counters.items()} == {
        "packets": [12, 2],
        "wins": [1, 1],
        "messages": [2, 1],
        "duplicates": [3, 1],
        "last_ns": [23, 21],
        "leads": [1, 0],
        "lead_sum_ns": [4, 0],
        "lead_max_ns": [4, 0],
    }
    assert gate.lead_histogram(0)[3] == 1
    assert sum(gate.lead_histogram(0)) == 1


payloads = st.one_of(
    st.builds(packet, st.integers(1, 30), st.binary(min_size=1, max_size=5), st.binary(min_size=1, max_size=5)),
    st.builds(encode_heartbeat, st.just(SESSION), st.integers(0, 2**64 - 1)),
    st.binary(max_size=40),
    st.integers(0, 25).map(lambda end: TWO[:end]),
)


@settings(deadline=None, max_examples=examples(200), print_blob=True)
@given(st.lists(st.tuples(payloads, st.integers(0, 3), st.integers(0, 2**50), st.booleans()), max_size=40))
def test_both_gates_judge_alike(story: list[tuple[bytes, int, int, bool]]):
    gates = [load(name).MoldGate() for name in BACKENDS]
    for gate in gates:
        gate.open(SESSION, 1)
    for payload, line, time_ns, pending in story:
        seen = []
        for gate in gates:
            gate.pending = pending
            seen.append((gate.take(payload, line, time_ns), gate.expected, gate.session))
        assert seen[0] == seen[1]
    assert gates[0].counters() == gates[1].counters()
    assert [gates[0].lead_histogram(n) for n in range(4)] == [gates[1].lead_histogram(n) for n in range(4)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_wrong_arguments_of_a_gate(backend: str):
    gate = load(backend).MoldGate()
    for session, expected in ((b"short", 1), (SESSION, 2**63 + 1)):
        with pytest.raises(ValueError, match=r"session|sequence"):
            gate.open(session, expected)
    for line in (-1, 4):
        with pytest.raises(ValueError, match="line"):
            gate.take(TWO, line, 0)
