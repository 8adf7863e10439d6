"""Drop copies and strangers on a virtual clock: each copy once and in order; slow, wrong and garbled peers."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meltica.links.control_link_desk import ControlDesk
from meltica.links.control_link_messages import HEADER, FaultCode, Kind, pack, unpack
from meltica.links.control_link_session import Changed, Seat, Standing
from meltica.links.hot_link_phase import Phase
from tests.unit.links.control_world import (
    BEAT_NS,
    KEYS,
    LEASE_NS,
    MS,
    HotSide,
    Store,
    World,
    adjust,
    armed_world,
    price,
)

HELLO_NUMBERS = ("gate_epoch", "stream_epoch", "applied", "origin", "drops_first", "drops_next", "pid")

# Drop copies


def test_drop_copies_arrive_once_and_in_order() -> None:
    world = armed_world()
    gate = world.gates["a"]
    for count in (1, 5, 511, 512, 513, 3_000):
        gate.desk.send_drop_copies(*gate.store.write(count), world.now_ns)
        world.run(MS)
    world.until(lambda: len(world.copies()) == 4_542)
    assert world.copies() == list(range(1, 4_543))
    assert gate.desk.health().kept == 4_543


def test_lost_drop_copies_are_sent_again() -> None:
    world = armed_world()
    gate = world.gates["a"]
    gate.mute = True
    gate.desk.send_drop_copies(*gate.store.write(3), world.now_ns)
    world.run(MS)
    gate.mute = False
    gate.desk.send_drop_copies(*gate.store.write(2), world.now_ns)
    world.run(MS)
    assert world.copies() == [1, 2, 3, 4, 5]
    assert world.desk.counts["gaps"] == 1


def test_lost_last_drop_copies_are_sent_again_after_a_while() -> None:
    world = armed_world()
    gate = world.gates["a"]
    gate.mute = True
    gate.desk.send_drop_copies(*gate.store.write(3), world.now_ns)
    world.run(MS)
    gate.mute = False
    world.until(lambda: world.copies() == [1, 2, 3], within_ns=2 * LEASE_NS)


def test_doubled_drop_copies_count_once() -> None:
    world = armed_world()
    gate = world.gates["a"]
    gate.desk.send_drop_copies(*gate.store.write(4), world.now_ns)
    (message,) = [m for m in gate.desk.outgoing if unpack(m)[0].kind == Kind.DROPS]
    gate.desk.outgoing += [message, message]
    world.run(MS)
    assert world.copies() == [1, 2, 3, 4]


def test_of_a_block_that_overlaps_the_new_ones_alone_count() -> None:
    world = armed_world()
    gate = world.gates["a"]
    gate.desk.send_drop_copies(*gate.store.write(4), world.now_ns)
    world.run(MS)
    gate.store.write(2)
    block = pack(Kind.DROPS, gate.store.read(3, 4), extra=4, gate_epoch=1, stream_epoch=1, number=3)
    world.desk.receive(b"a", gate.key, block, world.now_ns)
    world.settle()
    assert world.copies() == [1, 2, 3, 4, 5, 6]


def test_what_is_not_durable_is_not_acknowledged_and_comes_again_after_a_restart() -> None:
    world = armed_world()
    gate = world.gates["a"]
    world.keeps = False
    gate.desk.send_drop_copies(*gate.store.write(4), world.now_ns)
    world.run(MS)
    assert gate.desk.health().kept == 1
    world.keeps = True
    world.restart_gateway(down_ns=10 * MS)
    world.desk.tell("a", [price(0, 100), price(1, 200)])
    world.until(world.armed)
    assert world.copies() == [1, 2, 3, 4]


def test_a_gate_is_not_armed_while_drop_copies_are_missing() -> None:
    world = armed_world()
    gate = world.gates["a"]
    gate.stopped = True
    world.run(2 * LEASE_NS)
    gate.store.write(10)  # Fills that came while the link was down
    world.keeps = False
    gate.stopped = False
    world.run(500 * MS)
    assert world.standing() is Standing.JOINING
    world.keeps = True
    world.desk.notices.extend(n for n in world.notices if type(n).__name__ == "Dropped")
    world.until(world.armed)
    assert world.copies() == list(range(1, 11))


def test_the_gateway_takes_no_more_than_it_can_hold_and_gets_the_rest_later() -> None:
    world = armed_world()
    gate = world.gates["a"]
    world.keeps = False
    gate.store.write(100_000)
    world.run(400 * MS)
    on_the_way = gate.desk._drops.sent - gate.desk._drops.kept
    assert on_the_way <= 16 * 512
    world.keeps = True
    world.notices.clear()
    world.restart_gateway(down_ns=MS)
    world.desk.tell("a", [price(0, 100), price(1, 200)])
    world.until(lambda: len(world.copies()) == 100_000)
    assert world.copies() == list(range(1, 100_001))


def test_after_a_person_has_retired_a_gate_its_next_life_begins_with_an_empty_store() -> None:
    world = armed_world()
    gate = world.gates["a"]
    gate.desk.send_drop_copies(*gate.store.write(5), world.now_ns)
    world.run(MS)
    gate.stopped = True
    world.until(lambda: world.standing() is Standing.DEAD)
    world.desk.retire("a")
    world.kept["a"] = b""
    gate.stopped = False
    world.run(1_000 * MS)
    assert gate.desk.phase is Phase.TURNED_AWAY
    assert "OLD_EPOCH" in gate.desk.why
    world.gates["a"] = HotSide("a", 2, Store())
    world.until(world.armed)
    world.gates["a"].desk.send_drop_copies(*world.gates["a"].store.write(2), world.now_ns)
    world.run(MS)
    assert world.copies() == [1, 2]


@pytest.mark.parametrize("forgotten", [True, False])
def test_a_store_that_lost_drop_copies_is_turned_away(forgotten: bool) -> None:
    world = armed_world()
    gate = world.gates["a"]
    gate.desk.send_drop_copies(*gate.store.write(5), world.now_ns)
    world.run(MS)
    store = gate.store if forgotten else Store()
    if forgotten:
        store.write(5)
        store.forget(9)
    world.gates["a"] = new = HotSide("a", 2, store)
    world.run(500 * MS)
    assert new.desk.phase is Phase.TURNED_AWAY
    assert "reconcile" in new.desk.why
    assert not new.passes(world.now_ns)


def test_a_ring_that_overran_turns_the_gate_away_even_in_the_middle_of_a_session() -> None:
    world = armed_world()
    gate = world.gates["a"]
    gate.mute = True
    gate.store.write(10)
    gate.store.forget(6)
    world.run(5 * MS)
    assert gate.desk.phase is Phase.TURNED_AWAY
    assert "no longer in the store" in gate.desk.why


# Slow, wrong, garbled


def test_a_slow_subscriber_is_named_and_counts_as_dead() -> None:
    world = World("a", "b")
    world.until(lambda: world.armed("a") and world.armed("b"))
    world.desk.unsent(b"gate/b/", world.now_ns)
    assert world.standing("b") is Standing.DEAD
    assert world.standing("a") is Standing.ARMED
    world.settle()
    assert any(isinstance(n, Changed) and n.gate == "b" and "queue is full" in n.why for n in world.notices)
    world.until(lambda: world.armed("b"))


def test_a_key_that_is_no_gates_is_refused_and_told_with_its_fingerprint() -> None:
    world = armed_world()
    stranger = HotSide("b", 1)
    stranger.desk.due(world.now_ns)
    world.desk.receive(b"x", stranger.key, stranger.desk.outgoing[0], world.now_ns)
    (answer,) = [m for m in world.desk.outbox if m.peer == b"x"]
    stranger.desk.receive(answer.message, world.now_ns)
    assert stranger.desk.phase is Phase.TURNED_AWAY
    refused = world.desk.notices[-1]
    assert len(refused.key) == 16
    assert "WRONG_KEY" in refused.why


def test_a_gate_cannot_say_that_it_is_another() -> None:
    world = World("a", "b")
    world.run(MS)
    liar = HotSide("b", 9)
    liar.desk.due(world.now_ns)
    world.desk.receive(b"x", KEYS["a"].decode(), liar.desk.outgoing[0], world.now_ns)
    assert "WRONG_KEY" in world.desk.notices[-1].why
    assert world.desk._sessions["b"].gate_epoch == 1


def test_another_layout_is_refused() -> None:
    world = World("a")
    gate = world.gates["a"]
    gate.desk.due(world.now_ns)
    hello = gate.desk.outgoing.pop().replace(b'"layout_version":', b'"layout_version":9')
    world.desk.receive(b"a", gate.key, hello, world.now_ns)
    assert FaultCode.MISFIT.name in world.desk.notices[-1].why


@pytest.mark.parametrize("field", HELLO_NUMBERS)
@pytest.mark.parametrize("value", [-1, 2**63, 2**64, 10**30])
def test_a_hello_with_a_number_that_no_frame_can_hold_is_refused(field: str, value: int) -> None:
    """An allowed key's own gate may be broken too; the desk answers, and the other gates go on."""
    world = armed_world()
    gate = HotSide("a", 2)
    gate.desk.due(world.now_ns)
    hello = json.loads(unpack(gate.desk.outgoing[0])[1])
    body = json.dumps(hello | {field: value}).encode()
    before = world.desk.status()
    world.desk.receive(b"a", gate.key, pack(Kind.HELLO, body, gate_epoch=2), world.now_ns)
    assert world.desk.counts["malformed"] == 1
    assert unpack(world.desk.outbox[-1].message)[0].kind == Kind.FAULT
    assert world.desk.status() == before


def test_garbage_is_counted_and_changes_nothing() -> None:
    world = armed_world()
    gate = world.gates["a"]
    good = pack(Kind.BEAT, gate_epoch=1, stream_epoch=1)
    garbage = [
        b"",
        b"x",
        bytes(HEADER.size),
        good[:2] + b"\x09" + good[3:],
        good,
        pack(Kind.WELCOME, gate_epoch=1),
        pack(Kind.HELLO, b"{}", gate_epoch=1),
        pack(Kind.DROPS, b"x", extra=1, gate_epoch=1, number=1),
        pack(Kind.DROPS, bytes(128), extra=1, gate_epoch=1, number=1),
        pack(Kind.DROPS, extra=0, gate_epoch=1, number=1),
        pack(Kind.REPORT, b"123", gate_epoch=1),
        pack(Kind.REPORT, bytes(16), extra=5, gate_epoch=1),
    ]
    for message in garbage:
        world.desk.receive(b"a", gate.key, message, world.now_ns)
    assert world.desk.counts["malformed"] == len(garbage)
    assert len([m for m in world.desk.outbox if unpack(m.message)[0].kind == Kind.FAULT]) == len(garbage)
    garbage = [
        *garbage[:4],
        pack(Kind.BEAT_ANSWER, b"1", gate_epoch=1, stream_epoch=1),
        pack(Kind.RECORDS, b"123456789012", extra=1, gate_epoch=1, stream_epoch=1, number=3),
        pack(Kind.RECORDS, bytes(8) + price(0, 1)[:-1], extra=1, gate_epoch=1, stream_epoch=1, number=3),
        pack(Kind.RECORDS, bytes(8) + price(0, 1), extra=2, gate_epoch=1, stream_epoch=1, number=3),
        pack(Kind.STATE, b"123", gate_epoch=1, stream_epoch=1, number=9),
        pack(Kind.STATE, bytes(28) + b"x", gate_epoch=1, stream_epoch=1, number=9),
        pack(Kind.HELLO, b"{}", gate_epoch=1),
        pack(Kind.FAULT, b"{", gate_epoch=1),
    ]
    for message in garbage:
        gate.desk.receive(message, world.now_ns)
    assert gate.desk.counts["malformed"] == len(garbage)
    world.desk.outbox.clear()
    world.run(2 * LEASE_NS)
    assert world.armed()
    assert world.copies() == []


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200), kind=st.sampled_from(list(Kind)), number=st.integers(0, 2**64 - 1))
def test_no_bytes_raise(data: bytes, kind: Kind, number: int) -> None:
    world = armed_world()
    gate = world.gates["a"]
    message = pack(kind, data, gate_epoch=1, stream_epoch=1, number=number)
    world.desk.receive(b"a", gate.key, message, world.now_ns)
    gate.desk.receive(message, world.now_ns)
    world.desk.receive(b"a", gate.key, data, world.now_ns)
    gate.desk.receive(data, world.now_ns)


def test_a_beat_that_was_sent_before_changes_no_lease() -> None:
    """A replayed frame: its answer echoes the old time, so the lease that it gives is over sooner, not later."""
    world = armed_world()
    gate = world.gates["a"]
    world.run(BEAT_NS)
    gate.desk.due(gate.desk.next_due_ns())
    beat = gate.desk.outgoing.pop()
    world.run(4 * BEAT_NS)
    until_ns = gate.desk.lease_until_ns
    world.desk.receive(b"a", gate.key, beat, world.now_ns)
    world.settle()
    assert gate.desk.lease_until_ns == until_ns


def test_a_gate_that_holds_something_else_loses_its_lease_and_gets_the_state_anew() -> None:
    world = armed_world()
    gate = world.gates["a"]
    gate.desk._held._rows._rows[("ReferencePriceRecord", 0)] = price(0, 666)
    gate.desk._held._rows._digest = None
    world.until(lambda: world.desk.counts["differed"] == 1, within_ns=2 * BEAT_NS)
    assert Standing.ADMITTED in world.changes()[4:]
    world.until(world.armed)
    assert gate.told[2:] == [price(0, 100)]


def test_what_is_no_record_for_a_gate_is_refused_before_it_is_sent() -> None:
    world = armed_world()
    for record in (b"", b"\xff\xff12345678", price(0, 1)[:-1], adjust(1)):
        with pytest.raises(ValueError, match=r"told to a gate|bytes, not|comes after"):
            world.desk.tell("a", [record])
    assert world.desk._sessions["a"].stream.number == 2


def test_two_gates_with_one_key_are_refused() -> None:
    with pytest.raises(ValueError, match="same key"):
        ControlDesk([Seat("a", KEYS["a"]), Seat("b", KEYS["a"])], stream_epoch=1, now_ns=0)
