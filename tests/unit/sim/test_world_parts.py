"""The pieces that worlds are made of: time, connections, the disk."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from sim.world.__main__ import main
from sim.world.clock import MS, SECOND, Clock
from sim.world.disk import SECTOR_BYTES, torn
from sim.world.faults import GROUPS, Faults, chosen
from sim.world.frames import NEAR_NS, Wire
from sim.world.hot_machine import Ring
from sim.world.loop import VirtualLoop
from sim.world.network import STUCK_MOST_NS, Connection
from sim.world.numbers import Numbers


def test_things_happen_in_the_order_of_their_moments_and_then_as_they_were_asked_for() -> None:
    clock, seen = Clock(100), []
    for name, wait in (("c", 5), ("a", 2), ("d", 5), ("b", 2)):
        clock.after(wait, lambda name=name: seen.append((clock.now_ns, name)))
    clock.at(0, lambda: seen.append((clock.now_ns, "late")))
    while clock.next_ns is not None:
        clock.turn()
    assert seen == [(100, "late"), (102, "a"), (102, "b"), (105, "c"), (105, "d")]


def test_the_loop_sleeps_in_simulated_time_and_lets_the_world_go_on() -> None:
    clock, seen = Clock(1_700_000_000 * SECOND), []

    def idle(until_ns: int | None) -> None:
        while not loop.is_busy:
            if until_ns is not None and (clock.next_ns is None or clock.next_ns > until_ns):
                clock.now_ns = until_ns
                return
            clock.turn()

    async def sleeper() -> int:
        await asyncio.sleep(3600.5)
        seen.append("woken")
        return await asyncio.to_thread(lambda: clock.now_ns)

    loop = VirtualLoop(clock, idle)
    clock.after(1800 * SECOND, lambda: seen.append("world"))
    try:
        woken_ns = loop.run_until_complete(sleeper())
    finally:
        loop.close()
    assert seen == ["world", "woken"]
    assert woken_ns - clock.began_ns == 3600 * SECOND + 500 * MS


class End:
    """One end of a connection: remembers what it heard, and when."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.got, self.lost = clock, [], 0

    def heard(self, connection: Connection, message: Any) -> None:
        self.got.append((message, self.clock.now_ns))

    def dropped(self, connection: Connection) -> None:
        self.lost += 1


@pytest.fixture
def ends() -> tuple[Clock, End, End, Connection]:
    clock = Clock(0)
    line, exchange = End(clock), End(clock)
    return clock, line, exchange, Connection(clock, random.Random(7), line, exchange)


def let_all_happen(clock: Clock) -> None:
    while clock.next_ns is not None:
        clock.turn()


def test_a_connection_keeps_the_order_also_when_it_is_stuck(ends: tuple[Clock, End, End, Connection]) -> None:
    clock, line, exchange, connection = ends
    for number in range(50):
        clock.after(number * MS, lambda number=number: (connection.up.send(number), connection.down.send(number)))
    clock.after(20 * MS, connection.get_stuck)
    let_all_happen(clock)
    for end in (line, exchange):
        assert [message for message, _ in end.got] == list(range(50))
    assert SECOND < line.got[-1][1] < STUCK_MOST_NS + SECOND


def test_a_connection_that_breaks_loses_what_comes_back_and_some_of_what_goes(
    ends: tuple[Clock, End, End, Connection],
) -> None:
    clock, line, exchange, connection = ends
    for number in range(100):
        connection.up.send(number)
        connection.down.send(number)
    connection.cut()
    connection.cut()
    connection.up.send("never")
    let_all_happen(clock)
    assert line.got == []
    assert 20 < len(exchange.got) < 80
    assert (line.lost, exchange.lost) == (1, 1)


def test_a_silent_connection_is_noticed_in_the_end(ends: tuple[Clock, End, End, Connection]) -> None:
    clock, line, exchange, connection = ends
    connection.fall_silent()
    connection.up.send(1)
    connection.down.send(1)
    let_all_happen(clock)
    assert len(line.got) + len(exchange.got) < 2
    assert (line.lost, exchange.lost) == (1, 1)


def wire(clock: Clock, got: list[bytes], bad: float, told: Counter[str]) -> Wire:
    return Wire(clock, random.Random(7), got.append, bad, told, NEAR_NS)


def test_a_good_wire_keeps_the_order_and_one_that_is_cut_carries_nothing() -> None:
    clock, got, told = Clock(0), [], Counter()
    line = wire(clock, got, 0.0, told)
    for number in range(100):
        line.cut = number >= 60
        line.send(bytes([number]))
    let_all_happen(clock)
    assert got == [bytes([number]) for number in range(60)]
    assert not told


def test_a_bad_wire_loses_doubles_and_delays_frames_and_says_how_many() -> None:
    clock, got, told = Clock(0), [], Counter()
    line = wire(clock, got, 0.3, told)
    sent = [number.to_bytes(2) for number in range(2_000)]
    for frame in sent:
        line.send(frame)
    let_all_happen(clock)
    assert min(told["frames lost"], told["frames doubled"], told["frames late"]) > 100
    assert len(got) == len(sent) - told["frames lost"] + told["frames doubled"]
    assert len(set(got)) == len(sent) - told["frames lost"]
    assert got != sorted(got)


def test_a_session_knows_after_a_death_how_far_the_journal_has_what_it_heard() -> None:
    numbers = Numbers()
    assert numbers.next_after(0) == 1
    for entry, next_number in ((3, 5), (4, 6), (9, 7)):
        numbers.note(entry, next_number)
    assert numbers.next_after(8) == 6
    numbers.note(9, 8)
    assert numbers.next_after(9) == 8


def test_a_ring_lets_go_of_what_was_kept_and_of_nothing_else() -> None:
    ring = Ring()
    ring.records += [b"a", b"b", b"c"]
    ring.forget(3)
    ring.forget(2)
    assert (ring.first(), ring.next()) == (3, 4)
    assert (ring.read(2, 5), ring.read(3, 5)) == (b"", b"c")


def test_a_power_cut_leaves_what_was_flushed_and_pieces_of_the_rest() -> None:
    before = bytes([1]) * (10 * SECTOR_BYTES + 100)
    after = before[: 5 * SECTOR_BYTES + 50] + bytes([2]) * (20 * SECTOR_BYTES)
    kinds = set()
    for seed in range(200):
        image = torn(before, after, random.Random(seed))
        assert image[: 5 * SECTOR_BYTES + 50] == before[: 5 * SECTOR_BYTES + 50]
        kinds |= {"old"} if image == before else {"new"} if image == after else {"torn"}
    assert kinds == {"old", "new", "torn"}


def test_faults_are_chosen_by_name() -> None:
    assert chosen("none") == chosen("") == Faults()
    assert chosen("disk,network").power_s == GROUPS["disk"].power_s
    assert chosen("all").lie_s > 0
    with pytest.raises(ValueError, match="faults fire: known are all, none, process"):
        chosen("fire,disk")


def test_a_world_tells_how_it_went(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "3", "--seconds", "5", "--faults", "none"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("seed 3: as it must be\n  went wrong  nothing\n")
    assert "times real time" in said
    with pytest.raises(SystemExit):
        main(["--faults", "fire"])
    assert "known are all" in capsys.readouterr().err
