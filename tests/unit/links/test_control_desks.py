"""The control link's two desks against each other, on a virtual clock: every timeout, gap, restart and impostor."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meltica.links.control_link_arming import REARMS_PER_MINUTE, Arming
from meltica.links.control_link_desk import PULSE_WITHIN_NS, ControlDesk
from meltica.links.control_link_messages import HEADER, FaultCode, Kind, Use, pack, unpack
from meltica.links.control_link_session import Changed, Seat, Standing
from meltica.links.control_link_stream import KEPT_ENTRIES, KEPT_EVENTS
from meltica.links.hot_link_desk import SILENCE_LEASES
from meltica.links.hot_link_phase import Phase
from tests.unit.links.control_world import KEYS, LEASE_NS, MS, HotSide, Store, World, adjust, price

BEAT_NS = LEASE_NS // 5


def armed_world(**options: object) -> World:
    world = World("a", **options)
    world.desk.tell("a", [price(0, 100), price(1, 200)])
    world.until(world.armed)
    return world


# The usual course


def test_a_gate_joins_gets_the_state_and_is_armed() -> None:
    world = armed_world()
    assert world.gates["a"].told == [price(0, 100), price(1, 200)]
    assert world.changes() == [Standing.JOINING, Standing.ADMITTED, Standing.READY, Standing.ARMED]


def test_records_come_in_order_each_once() -> None:
    world = armed_world()
    told = [price(n % 3, 300 + n) for n in range(50)]
    for n in range(0, 50, 5):
        world.desk.tell("a", told[n : n + 5])
        world.run(3 * MS)
    assert world.gates["a"].told[2:] == told


def test_a_row_that_says_nothing_new_is_not_told_again() -> None:
    world = armed_world()
    world.desk.tell("a", [price(0, 100)])
    world.run(BEAT_NS)
    assert world.gates["a"].told == [price(0, 100), price(1, 200)]


def test_the_lease_is_extended_with_each_beat_and_never_reaches_further_than_its_length() -> None:
    world = armed_world()
    gate = world.gates["a"]
    for _ in range(20):
        world.run(BEAT_NS)
        assert world.now_ns < gate.desk.lease_until_ns <= world.now_ns + LEASE_NS
    assert gate.leases == sorted(gate.leases)
    assert not gate.desk.lapsed


def test_a_late_joiner_has_the_current_state_within_a_beat() -> None:
    world = World("a", "b")
    late = world.gates.pop("b")
    for n in range(1, 200):
        world.desk.tell("b", [price(n % 5, n)])
    world.run(500 * MS)
    world.gates["b"] = late
    took_ns = world.until(lambda: bool(late.told))
    assert took_ns <= BEAT_NS
    assert sorted(late.told) == sorted(price(n % 5, n) for n in range(195, 200))


def test_a_subscription_is_answered_with_the_state_at_once() -> None:
    world = armed_world()
    world.desk.subscribed(b"gate/a/")
    (published,) = world.desk.outbox
    header, _ = unpack(published.message)
    assert header.kind == Kind.STATE
    assert header.number == 2
    world.desk.subscribed(b"gate/nobody/")
    assert len(world.desk.outbox) == 1


def test_a_gate_that_is_not_admitted_is_sent_no_state() -> None:
    world = World("a")
    world.admits = False
    world.desk.tell("a", [price(0, 1)])
    world.run(600 * MS)
    world.desk.subscribed(b"gate/a/")
    assert not world.desk.outbox
    assert world.standing() is Standing.JOINING
    assert world.gates["a"].told == []


def test_two_gates_hear_their_own_stream_alone() -> None:
    world = World("a", "b")
    world.desk.tell("a", [price(0, 1)])
    world.desk.tell("b", [price(0, 2)])
    world.until(lambda: world.armed("a") and world.armed("b"))
    assert world.gates["a"].told == [price(0, 1)]
    assert world.gates["b"].told == [price(0, 2)]


def test_a_report_says_what_the_gate_holds() -> None:
    world = armed_world()
    world.gates["a"].store.write(3)
    world.gates["a"].desk.report([Use(7, 1, 2, 30)])
    world.run(MS)
    (report,) = world.reports()
    assert (report.number, report.applied, report.drops_next, report.uses) == (1, 2, 4, (Use(7, 1, 2, 30),))


# Silence


def test_a_silent_gateway_ends_the_lease_by_its_own_time() -> None:
    world = armed_world()
    gate, heard_ns = world.gates["a"], world.now_ns
    world.gateway_stopped = True
    world.until(lambda: not gate.passes(world.now_ns))
    assert LEASE_NS - BEAT_NS <= world.now_ns - heard_ns <= LEASE_NS + MS
    world.run(2 * MS)
    assert gate.desk.lapsed
    assert gate.leases[-1] == 0


def test_the_gate_trips_even_when_its_side_thread_stands_still() -> None:
    """Nobody runs the desk: the last Lease record that was handed out is all that the gate has."""
    world = armed_world()
    gate = world.gates["a"]
    gate.stopped = True
    last_ns = gate.leases[-1]
    world.run(LEASE_NS + MS)
    assert world.now_ns > last_ns


def test_a_silent_gate_is_marked_dead_when_its_lease_is_over() -> None:
    world = armed_world()
    gate = world.gates["a"]
    gate.stopped = True
    took_ns = world.until(lambda: world.standing() is Standing.DEAD)
    assert not gate.passes(world.now_ns)
    assert took_ns <= LEASE_NS + 2 * MS
    dead = [n for n in world.notices if isinstance(n, Changed) and n.standing is Standing.DEAD]
    assert "silent for 25" in dead[0].why
    assert dead[0].silent_ns > LEASE_NS


def test_a_gate_that_was_stopped_for_a_moment_is_armed_again_by_itself_with_the_same_state() -> None:
    world = armed_world()
    gate = world.gates["a"]
    gate.stopped = True
    world.run(LEASE_NS * 2)
    world.desk.tell("a", [price(0, 555)])
    gate.stopped = False
    gate.desk.due(world.now_ns)
    assert gate.desk.lapsed
    world.until(world.armed)
    assert gate.told[2:] == [price(0, 555)]
    assert gate.desk.health().arming == 2


def test_after_a_long_silence_it_takes_a_person() -> None:
    world = armed_world()
    world.gates["a"].stopped = True
    world.run(2_300 * MS)
    world.gates["a"].stopped = False
    world.run(1_000 * MS)
    assert world.standing() is Standing.READY
    assert not world.gates["a"].passes(world.now_ns)
    world.desk.arm("a")
    world.until(world.armed)


def test_arming_by_persons_alone() -> None:
    world = World("a", arming=Arming(first=False, within_ns=0))
    world.run(1_000 * MS)
    assert world.standing() is Standing.READY
    world.desk.arm("a")
    world.until(world.armed)
    world.gateway_stopped = True
    world.run(LEASE_NS + 2 * MS)
    world.gateway_stopped = False
    world.run(1_000 * MS)
    assert world.standing() is Standing.READY


def test_a_person_disarms_and_nobody_but_a_person_arms_again() -> None:
    world = armed_world()
    world.desk.disarm("a")
    assert world.standing() is Standing.READY
    world.run(BEAT_NS + 2 * MS)
    assert world.gates["a"].desk.lease_until_ns == 0
    world.run(1_000 * MS)
    assert world.standing() is Standing.READY
    world.desk.arm("a")
    world.until(world.armed)


def test_a_gate_that_trips_all_the_time_needs_a_person() -> None:
    world = armed_world()
    gate = world.gates["a"]
    for _ in range(REARMS_PER_MINUTE):
        gate.deaf = True
        world.until(lambda: gate.desk.lapsed)
        gate.deaf = False
        world.until(world.armed)
    gate.deaf = True
    world.until(lambda: gate.desk.lapsed)
    gate.deaf = False
    world.run(2_000 * MS)
    assert world.standing() is Standing.READY


def test_no_lease_while_the_engine_gives_no_sign_of_life() -> None:
    world = armed_world()
    gate = world.gates["a"]
    world.desk.pulse = lambda _now_ns: None  # The engine hangs; the link's thread goes on answering
    world.run(PULSE_WITHIN_NS + LEASE_NS + 2 * MS)
    assert not gate.passes(world.now_ns)
    assert world.standing() is not Standing.DEAD


def test_a_lapse_on_one_side_alone_stops_the_lease_until_the_next_arming() -> None:
    """Answers get lost for longer than a lease, beats arrive: the gateway notices by the beats' flag."""
    world = armed_world()
    gate = world.gates["a"]
    gate.deaf = True
    world.until(lambda: gate.desk.lapsed)
    assert world.standing() is Standing.ARMED or world.standing() is Standing.READY
    gate.deaf = False
    world.until(world.armed)
    assert Standing.READY in world.changes()[4:]
    assert world.desk.counts["lapses"] == 1


def test_an_answer_that_was_queued_while_the_gate_stood_still_gives_no_lease() -> None:
    world = armed_world()
    gate = world.gates["a"]
    world.until(lambda: not gate.desk.outgoing)
    gate.desk.due(gate.desk.next_due_ns())
    beat = gate.desk.outgoing.pop()
    world.desk.receive(b"a", gate.key, beat, world.now_ns)
    answers = [m.message for m in world.desk.outbox]
    later_ns = gate.desk.lease_until_ns + LEASE_NS
    for answer in answers:
        gate.desk.receive(answer, later_ns)
    assert gate.desk.lapsed
    assert gate.desk.lease_until_ns == 0


def test_a_gate_that_hears_nothing_says_hello_again() -> None:
    world = armed_world()
    gate = world.gates["a"]
    gate.deaf = True
    world.until(lambda: gate.desk.phase is Phase.ALONE, within_ns=(SILENCE_LEASES + 1) * LEASE_NS)
    gate.deaf = False
    world.until(world.armed)


# The stream's gaps


def test_a_lost_entry_is_asked_for_and_comes_in_its_place() -> None:
    world = armed_world()
    gate = world.gates["a"]
    gate.unsubscribed = True
    world.desk.tell("a", [price(0, 1)])
    world.settle()
    gate.unsubscribed = False
    world.desk.tell("a", [price(0, 2)])
    world.run(MS)
    assert gate.told[2:] == [price(0, 1), price(0, 2)]
    assert gate.desk.counts["gaps"] == 1
    assert gate.desk.phase is Phase.IN_STEP


def test_a_lost_last_entry_is_noticed_by_the_beats_and_costs_no_trip() -> None:
    world = armed_world()
    gate = world.gates["a"]
    gate.unsubscribed = True
    world.desk.tell("a", [price(0, 1)])
    world.until(lambda: len(gate.told) == 3, within_ns=3 * BEAT_NS)
    assert gate.passes(world.now_ns)
    assert gate.desk.counts["gaps"] == 1


def test_a_gate_that_misses_an_entry_for_good_loses_its_lease() -> None:
    """It may be the one that lowers a limit."""
    world = armed_world()
    gate = world.gates["a"]
    gate.unsubscribed = True
    world.desk._takes[Kind.FETCH] = lambda *_: None  # Its questions get lost as well
    world.desk.tell("a", [price(0, 1)])
    world.until(lambda: not gate.passes(world.now_ns), within_ns=2 * LEASE_NS)


def test_more_missing_than_the_stream_keeps_brings_the_whole_state() -> None:
    world = armed_world()
    gate = world.gates["a"]
    gate.unsubscribed = True
    for n in range(KEPT_ENTRIES + 2):
        world.desk.tell("a", [price(n % 2, 1 + n)])
        world.desk.outbox.clear()
    world.until(lambda: gate.desk.phase is Phase.IN_STEP and len(gate.told) > 2)
    assert gate.desk.counts["states"] == 2
    assert len(gate.told) == 4


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_loss_doubles_and_disorder_change_nothing_of_what_the_gate_is_told(seed: int) -> None:
    """Rows may be skipped for a later value of theirs; events must come each once and in order."""
    draw = random.Random(seed)
    world = World("a", arming=Arming(within_ns=10**12))
    world.until(world.armed)
    gate = world.gates["a"]
    late: list[bytes] = []

    def touched(message: bytes) -> list[bytes]:
        fate = draw.random()
        if fate < 0.2:
            return []
        if fate < 0.4:
            late.append(message)
            return []
        out = [message] * (2 if fate < 0.5 else 1) + (late if draw.random() < 0.5 else [])
        if len(out) > 1:
            late.clear()
        return out

    world.touched = touched
    events = []
    for n in range(1, 60):
        gate.mute, gate.deaf = draw.random() < 0.1, draw.random() < 0.1
        event = adjust(n)
        events.append(event)
        world.desk.tell("a", [event, price(n % 4, n)], origin=n)
        world.run(draw.randrange(1, 60) * MS)
    gate.mute = gate.deaf = False
    world.touched = lambda message: [message]
    world.desk.arm("a")
    world.until(lambda: world.armed() and gate.desk.health().applied == 118)
    assert [record for record in gate.told if record in events] == events, f"seed {seed}"
    assert gate.desk._held.digest() == world.desk._sessions["a"].stream.digest()


# Restarts


def test_a_gateway_that_restarts_keeps_the_gate_with_its_state() -> None:
    world = armed_world()
    gate = world.gates["a"]
    world.restart_gateway(down_ns=100 * MS)
    world.desk.tell("a", [price(0, 100), price(1, 999)])
    world.until(world.armed)
    assert gate.told[2:] == [price(1, 999)]
    assert gate.desk.health().arming == 2


def test_events_that_were_told_before_a_restart_do_not_count_twice() -> None:
    world = armed_world()
    gate = world.gates["a"]
    world.desk.tell("a", [adjust(5)], origin=10)
    world.run(MS)
    world.restart_gateway(down_ns=50 * MS, origin=9)
    world.desk.tell("a", [price(0, 100), price(1, 200)])
    world.desk.tell("a", [adjust(5), adjust(6)], origin=10)
    world.until(world.armed)
    assert gate.told[2:] == [adjust(5), adjust(6)]


def test_a_gate_that_may_have_missed_an_event_for_good_is_turned_away() -> None:
    world = armed_world()
    world.restart_gateway(down_ns=50 * MS, origin=77)
    world.desk.tell("a", [price(0, 100), price(1, 200)])
    world.run(1_000 * MS)
    assert world.gates["a"].desk.phase is Phase.TURNED_AWAY
    assert "missing" in world.gates["a"].desk.why
    assert world.standing() is Standing.DEAD


def test_more_events_than_a_state_carries_turn_a_gate_away() -> None:
    world = armed_world()
    gate = world.gates["a"]
    world.desk.tell("a", [adjust(1)], origin=1)
    world.run(MS)
    gate.stopped = True
    world.run(LEASE_NS * 2)
    for n in range(2, KEPT_EVENTS + 10):
        world.desk.tell("a", [adjust(n)], origin=n)
    gate.stopped = False
    world.run(1_000 * MS)
    assert gate.desk.phase is Phase.TURNED_AWAY


def test_a_state_that_lacks_rows_is_not_taken() -> None:
    world = armed_world()
    world.restart_gateway(down_ns=50 * MS)
    world.run(1_000 * MS)
    assert world.gates["a"].desk.phase is Phase.TURNED_AWAY
    assert "lacks 2 rows" in world.gates["a"].desk.why
    assert not world.gates["a"].passes(world.now_ns)


def test_a_new_life_waits_until_the_lease_of_the_old_one_is_over_and_gets_the_base() -> None:
    world = armed_world()
    old = world.gates["a"]
    world.base = [adjust(42)]
    over_ns = old.desk.lease_until_ns
    world.gates["a"] = new = HotSide("a", 2, old.store)
    world.until(lambda: bool(new.told))
    assert world.now_ns >= over_ns
    assert new.told == [price(0, 100), price(1, 200), adjust(42)]
    world.until(world.armed)


def test_an_old_life_is_turned_away_for_good() -> None:
    world = armed_world()
    old = world.gates["a"]
    world.gates["a"] = HotSide("a", 2, old.store)
    world.until(world.armed)
    old.desk.due(world.now_ns + BEAT_NS)
    for message in old.desk.outgoing:
        world.desk.receive(b"old", old.key, message, world.now_ns)
    faults = [m.message for m in world.desk.outbox if m.peer == b"old"]
    old.desk.receive(faults[0], world.now_ns)
    assert old.desk.phase is Phase.TURNED_AWAY
    assert world.standing() is Standing.ARMED
    assert "OLD_EPOCH" in world.desk.notices[-1].why


def test_a_gate_that_leaves_is_dead_at_once() -> None:
    world = armed_world()
    gate = world.gates["a"]
    gate.desk.bye()
    assert gate.desk.lease_until_ns == 0
    world.run(MS)
    assert world.standing() is Standing.DEAD


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
