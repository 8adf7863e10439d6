"""A gate's stream on a virtual clock: gaps, loss, disorder, restarts of either end, lives of a gate."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from meltica.links.control_link_arming import Arming
from meltica.links.control_link_messages import Kind
from meltica.links.control_link_session import Standing
from meltica.links.control_link_stream import KEPT_ENTRIES, KEPT_EVENTS
from meltica.links.hot_link_phase import Phase
from tests.unit.links.control_world import (
    BEAT_NS,
    LEASE_NS,
    MS,
    HotSide,
    World,
    adjust,
    armed_world,
    price,
)

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
