"""Hellos and welcomes that come a second time, or after later ones: two connections of one gate can do that."""

from __future__ import annotations

import msgspec
import pytest

from meltica.links.control_link_messages import Kind, Welcome, pack, unpack
from meltica.links.control_link_session import Standing
from meltica.links.hot_link_drops import DropSender, DropsLostError
from meltica.links.hot_link_phase import Phase
from tests.unit.links.control_world import MS, Store, World, armed_world, price


def test_a_hello_that_was_overtaken_neither_stops_nor_refuses_the_gate() -> None:
    world = World("a")
    gate = world.gates["a"]
    gate.desk.due(world.now_ns)
    hello = gate.desk.outgoing[0]
    assert unpack(hello)[0].kind == Kind.HELLO
    world.desk.tell("a", [price(0, 100)])
    world.until(world.armed)
    world.desk.receive(b"a", gate.key, hello, world.now_ns)
    world.run(1)
    assert world.standing() is Standing.ARMED
    assert world.refusals() == []
    assert gate.desk.phase is Phase.IN_STEP


@pytest.mark.parametrize("number", [1, 2])
def test_a_welcome_that_was_overtaken_asks_for_no_drop_copies_of_long_ago(number: int) -> None:
    """Also the answer to a hello that went out twice: it comes after what the first answer began."""
    world = armed_world()
    gate = world.gates["a"]
    gate.desk.send_drop_copies(*gate.store.write(5), world.now_ns)
    world.until(lambda: gate.desk.health().kept == 6)
    gate.store.forget(6)
    body = msgspec.json.encode(Welcome(lease_ms=250, beat_ms=50, kept=1))
    welcome = pack(Kind.WELCOME, body, gate_epoch=1, stream_epoch=world.stream_epoch, number=number)
    gate.desk.receive(welcome, world.now_ns)
    assert gate.desk.phase is (Phase.IN_STEP if number == 1 else Phase.JOINING)
    gate.desk.send_drop_copies(*gate.store.write(1), world.now_ns)
    world.until(lambda: gate.desk.health().kept == 7)
    world.until(world.armed)
    assert world.copies() == [1, 2, 3, 4, 5, 6]


def test_a_gate_that_is_asked_for_what_it_let_go_says_hello_and_is_told_what_is_lost() -> None:
    world = armed_world()
    gate = world.gates["a"]
    gate.desk.send_drop_copies(*gate.store.write(5), world.now_ns)
    world.until(lambda: gate.desk.health().kept == 6)
    gate.store.forget(6)
    world.desk._sessions["a"].kept = world.desk._sessions["a"].expected = 3  # Its journal is an older one.
    gate.desk.send_drop_copies(*gate.store.write(1), world.now_ns)
    world.until(lambda: gate.desk.phase is Phase.TURNED_AWAY)
    assert "LOST_DROPS: drop copies from 3 on are wanted" in gate.desk.why


def test_a_later_hello_of_the_same_life_begins_the_session_anew() -> None:
    """The gateway was silent for it, so it greeted again: that one counts."""
    world = armed_world()
    gate = world.gates["a"]
    gate.deaf = True
    world.until(lambda: gate.desk.phase is Phase.ALONE)
    gate.deaf = False
    world.until(lambda: gate.desk.phase is Phase.IN_STEP)
    assert gate.desk.health().counts["hellos"] > 1
    world.until(world.armed)


def test_what_nobody_kept_and_the_store_let_go_is_lost_and_said_so() -> None:
    store = Store()
    store.write(8)
    store.forget(6)
    sender = DropSender(store)
    sender.begin(3, MS, 0)
    with pytest.raises(DropsLostError, match="drop copy 3 is no longer in the store, which begins with 6"):
        list(sender.waiting(1))
