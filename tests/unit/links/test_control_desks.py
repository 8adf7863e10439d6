"""The control link's two desks against each other, on a virtual clock: the usual course, silence, arming."""

from __future__ import annotations

from meltica.links.control_link_arming import REARMS_PER_MINUTE, Arming
from meltica.links.control_link_desk import PULSE_WITHIN_NS
from meltica.links.control_link_messages import BEAT_ANSWER, Kind, Use, pack, unpack
from meltica.links.control_link_session import Changed, Standing
from meltica.links.hot_link_desk import SILENCE_LEASES
from meltica.links.hot_link_phase import Phase
from tests.unit.links.control_world import (
    BEAT_NS,
    LEASE_NS,
    MS,
    World,
    armed_world,
    price,
)

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


def test_a_late_answer_gives_a_lease_from_when_its_beat_left() -> None:
    world = armed_world()
    gate = world.gates["a"]
    gate.desk.due(gate.desk.next_due_ns())
    left_ns = world.now_ns = gate.desk._next_beat_ns - BEAT_NS
    beat = gate.desk.outgoing.pop()
    world.desk.receive(b"a", gate.key, beat, left_ns + 10 * MS)
    for message in world.desk.outbox:
        gate.desk.receive(message.message, left_ns + 30 * MS)
    assert gate.desk.lease_until_ns == left_ns + LEASE_NS


def test_after_a_lapse_no_answer_of_the_same_arming_gives_a_lease() -> None:
    world = armed_world()
    gate = world.gates["a"]
    gate.stopped = True
    world.run(LEASE_NS + 2 * MS)
    gate.desk.due(world.now_ns)
    assert gate.desk.lapsed
    for arming, lease in ((1, False), (2, True)):
        body = BEAT_ANSWER.pack(world.now_ns, 2, 1, 250, arming)
        gate.desk.receive(pack(Kind.BEAT_ANSWER, body, gate_epoch=1, stream_epoch=1, number=1), world.now_ns)
        assert (gate.desk.lease_until_ns > 0) is lease
