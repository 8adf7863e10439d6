"""Two lines of a feed with everything that lines do: skew, losses, damage, gaps, heartbeats, new sessions."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
from typing import Any

import cocotb

from sim.rtl.coverage import Cover
from sim.rtl.feed_lane.frames import SESSION, Shape, build
from sim.rtl.feed_merge.pair import PairBench, close, pair_of

NEXT_SESSION = b"000010060A"
END = 0xFFFF
WAIT_NS = 20_000
WAIT_CYCLES = WAIT_NS // 6


def heartbeat(bench: PairBench, number: int, session: bytes = SESSION, *, ends: bool = False) -> bytes:
    return build(number, [], Shape(session=session, count=END if ends else 0))


def packets(bench: PairBench, first: int, count: int, most: int) -> list[tuple[int, int]]:
    """Numbers first..first+count-1 cut into packets: (first number, messages)."""
    found, number = [], first
    while number < first + count:
        size = min(bench.rng.randint(1, most), first + count - number)
        found.append((number, size))
        number += size
    return found


@cocotb.test()
async def the_same_on_both_lines_at_the_same_time(dut: Any) -> None:
    """Both lanes show each message in the same cycle: exactly one passes."""
    bench = await pair_of(dut)
    for number, count in packets(bench, 1, 300, 12):
        for line in (0, 1):
            bench.queue(line, bench.frame(number, count))
    await bench.drain()
    assert bench.passed == list(range(1, 301))
    # The first packet begins the session, and is parked till its end; the lines catch up within a few packets.
    assert bench.together >= 200
    assert bench.seen[0]["duplicate"] == 0
    assert bench.seen[1]["duplicate"] == 300 - bench.seen[1]["out_of_order"]
    assert not int(dut.gap_o.value)
    close(bench)


@cocotb.test()
async def skewed_lines_that_lose_what_the_other_has(dut: Any) -> None:
    """Either line loses packets, never the same: nothing is missing, nothing comes twice, whatever the skew."""
    bench = await pair_of(dut)
    rng, number = bench.rng, 1
    for skew in (0, 1, 2, 3, 5, 9, 40, 150):
        for line in (0, 1):
            bench.queue(line, heartbeat(bench, number), wait=20 + skew * line)
        begin = number
        for first, count in packets(bench, begin, 250, rng.choice((1, 3, 12))):
            lost_by = rng.choice((0, 1, None, None, None, None))
            for line in (0, 1):
                wait = rng.choice((0, 0, 0, 4, 30))
                if line != lost_by:
                    bench.queue(line, bench.frame(first, count), wait=wait)
            number = first + count
        for line in (0, 1):
            bench.queue(line, heartbeat(bench, number), wait=10)
        await bench.drain(600)
        assert int(dut.expected_o.value) == number
    assert bench.passed == list(range(1, number))
    assert not bench.jumps
    assert not int(dut.gap_o.value)
    assert not int(dut.waiting_o.value)
    for line in (0, 1):
        assert bench.seen[line]["out_of_order"], line
        assert bench.seen[line]["duplicate"], line
        assert bench.live_passes[line], line
    close(bench)


@cocotb.test()
async def what_both_lines_lose_is_a_gap_after_the_wait(dut: Any) -> None:
    bench = await pair_of(dut, timeout_ns=WAIT_NS, number=1)
    lost = 0
    for first, missing, following in ((1, 3, 10), (10, 1, 30), (30, 25, 70)):
        bench.queue(0, bench.frame(first, 2))
        bench.queue(1, bench.frame(first + 2 + missing, 1), wait=3)
        bench.queue(0, bench.frame(first + 2 + missing, 2))
        await bench.drain()
        assert int(dut.waiting_o.value)
        assert not int(dut.gap_o.value)
        for _ in range(WAIT_CYCLES - 150):
            await bench.tick()
        assert not int(dut.gap_o.value), "the wait was cut short"
        for _ in range(250):
            await bench.tick()
        lost += missing
        assert int(dut.gap_o.value)
        assert not int(dut.waiting_o.value)
        assert int(dut.gap_begin_o.value) == first + 2
        assert int(dut.gap_end_o.value) == first + 2 + missing
        assert int(dut.lost_o.value) == lost
        await bench.clear_gap(everything=False)
        await bench.drain()
        assert int(dut.gap_o.value), "one instrument is not the feed"
        await bench.clear_gap()
        await bench.drain()
        assert not int(dut.gap_o.value)
        number = first + 4 + missing
        bench.queue(1, bench.frame(number, max(1, following - number)))
        await bench.drain()
    assert bench.jumps == [(3, 6), (12, 13), (32, 57)]
    assert bench.seen[0]["gap"] == 3
    close(bench)


@cocotb.test()
async def heartbeats_and_the_end_show_what_is_missing(dut: Any) -> None:
    bench = await pair_of(dut, timeout_ns=WAIT_NS)
    bench.queue(0, bench.frame(100, 5))
    bench.queue(0, heartbeat(bench, 105))
    await bench.drain(40)
    assert not int(dut.waiting_o.value)
    bench.queue(1, heartbeat(bench, 107))
    await bench.drain()
    assert int(dut.waiting_o.value)
    bench.queue(0, bench.frame(105, 1))
    await bench.drain(WAIT_CYCLES - 100)
    assert not int(dut.gap_o.value), "some of it came: the wait begins anew"
    await bench.drain(200)
    assert int(dut.gap_o.value)
    assert bench.jumps == [(106, 107)]
    await bench.clear_gap()
    bench.queue(0, heartbeat(bench, 109, ends=True))
    await bench.drain()
    assert not int(dut.ended_o.value)
    bench.queue(1, bench.frame(107, 2))
    bench.queue(1, heartbeat(bench, 109, ends=True))
    await bench.drain()
    assert int(dut.ended_o.value)
    assert not int(dut.gap_o.value)
    assert bench.seen[0]["end_of_session"] == bench.seen[1]["end_of_session"] == 1
    bench.queue(0, heartbeat(bench, 50))
    await bench.drain()
    assert not int(dut.waiting_o.value), "an old heartbeat says nothing"
    close(bench)


@cocotb.test()
async def damaged_frames(dut: Any) -> None:
    """One that won marks the feed, one that lost does not; what was parked of one is forgotten, and comes later."""
    bench = await pair_of(dut, number=1)
    bench.queue(0, bench.frame(1, 4))
    bench.queue(1, bench.frame(1, 4), error=True, wait=40)
    await bench.drain()
    assert not int(dut.gap_o.value), "it was a duplicate"
    assert bench.seen[1]["poisoned"] == 1
    bench.queue(1, bench.frame(7, 3), error=True)
    await bench.drain()
    assert not int(dut.waiting_o.value)
    bench.queue(1, bench.frame(7, 3), wait=5)
    bench.queue(0, bench.frame(5, 2), wait=60)
    await bench.drain(40)
    assert bench.passed == list(range(1, 10))
    assert not int(dut.gap_o.value)
    bench.queue(0, bench.frame(10, 2), error=True)
    await bench.drain()
    assert int(dut.gap_o.value)
    assert bench.seen[0]["gap"] == 1
    await bench.clear_gap()
    torn = bytearray(bench.frame(12, 2))
    torn[50] ^= 1  # the session: it must not become the current one
    bench.queue(0, bytes(torn))
    torn = bytearray(bench.frame(12, 2))
    torn[54] ^= 0x40  # the sequence number
    bench.queue(1, bytes(torn))
    bench.queue(1, bench.frame(12, 2), wait=9)
    await bench.drain()
    assert bench.passed == list(range(1, 14))
    assert bench.expected == (SESSION, 14)
    assert not int(dut.gap_o.value)
    assert not int(dut.waiting_o.value)
    close(bench)


@cocotb.test()
async def another_session(dut: Any) -> None:
    """It begins with its number 1, the feed is marked, and what comes late of the old one is dropped."""
    bench = await pair_of(dut)
    bench.queue(0, bench.frame(40, 3))
    bench.queue(1, bench.frame(50, 2), wait=30)
    await bench.drain()
    bench.queue(0, bench.frame(1, 3, NEXT_SESSION))
    bench.queue(1, bench.frame(43, 2), wait=1)
    bench.queue(1, bench.frame(45, 2), wait=200)
    bench.queue(1, heartbeat(bench, 60), wait=5)
    bench.queue(1, bench.frame(4, 3, NEXT_SESSION), wait=5)
    await bench.drain(60)
    assert bench.expected == (NEXT_SESSION, 7)
    assert int(dut.gap_o.value)
    assert bench.seen[0]["session_change"] == 1
    assert bench.seen[1]["late_session"] == 2
    assert not int(dut.waiting_o.value)
    await bench.clear_gap()
    third = b"000010061X"
    for line in (0, 1):
        bench.queue(line, bench.frame(1, 5, third))
    await bench.drain(60)
    assert bench.expected == (third, 6)
    assert bench.seen[0]["session_change"] == 2
    bench.queue(1, heartbeat(bench, 9, SESSION))
    await bench.drain()
    assert bench.expected is not None
    assert bench.expected[0] == SESSION, "only the last session is remembered as past"
    close(bench)


@cocotb.test()
async def parking_that_is_full(dut: Any) -> None:
    """A gap is declared at once; nothing that was parked is lost, and what did not fit is missed by its number."""
    bench = await pair_of(dut, number=1, timeout_ns=2**32 - 1)
    places = len(dut.u_merge.gen_lane[0].u_parked.memory)
    bench.queue(0, bench.frame(1, 2))
    await bench.drain()
    count = places + 40
    for first, size in packets(bench, 5, count, 30):
        bench.queue(0, bench.frame(first, size))
    await bench.drain(4 * places)
    assert int(dut.gap_o.value)
    assert bench.jumps == [(3, 5)]
    assert bench.expected == (SESSION, 5 + count)
    assert bench.passed == [1, 2, *range(5, 5 + count)]
    # One frame with more messages than there are places, all of them parked before its end.
    await bench.clear_gap()
    first = 5 + count + 2
    size = places + 60
    bench.messages(first, size, kinds="S")
    bench.queue(1, bench.frame(first, size))
    bench.queue(0, heartbeat(bench, first + size), wait=4 * size)
    await bench.drain(4 * places)
    assert int(dut.gap_o.value)
    # What did not fit left holes, and those behind the last of them wait for the other lane, or the time.
    await bench.configure(timeout_ns=60)
    await bench.drain(4_000)
    assert bench.expected == (SESSION, first + size)
    passed = {number for number in bench.passed if number >= first}
    lost = {missing for begin, end in bench.jumps for missing in range(begin, end)} - {3, 4, first - 2, first - 1}
    assert len(lost) == bench.seen[1]["overflow"] > 0
    assert passed | lost == set(range(first, first + size))
    assert not passed & lost
    close(bench)


@cocotb.test()
async def lanes_that_are_switched_off_and_on(dut: Any) -> None:
    bench = await pair_of(dut, number=7)
    bench.queue(0, bench.frame(5, 4))
    await bench.drain(40)
    assert bench.passed == [7, 8]
    await bench.configure(enabled=(0,), number=100)  # B goes: the sequence stays
    bench.queue(0, bench.frame(9, 1))
    bench.queue(1, bench.frame(10, 1), wait=40)
    await bench.drain()
    assert bench.passed == [7, 8, 9]
    await bench.configure(enabled=(), number=100)
    await bench.drain()
    assert bench.expected is None
    bench.queue(0, bench.frame(10, 1))
    await bench.drain()
    await bench.configure(number=0)
    bench.queue(1, bench.frame(20, 3))
    await bench.drain(40)
    assert bench.passed == [7, 8, 9, 20, 21, 22]
    assert not bench.jumps
    close(bench)


@cocotb.test()
async def a_day_of_trouble(dut: Any) -> None:
    """Random skew, losses on one line and on both, damage, gaps cleared: every number passes or is declared lost."""
    bench = await pair_of(dut, timeout_ns=8_000, number=1)
    rng, number, ever = bench.rng, 1, Cover("trouble", TROUBLE)
    while bench.cycle < 45_000:
        number = trouble(bench, number, ever)
        if rng.random() < 0.3:
            await bench.drain(rng.choice((0, 10, 100, 2_000)))
        if rng.random() < 0.1:
            await bench.clear_gap()
    for line in (0, 1):
        bench.queue(line, heartbeat(bench, number))
    await bench.drain(4_000)
    assert bench.expected == (SESSION, number)
    lost = {missing for begin, end in bench.jumps for missing in range(begin, end)}
    assert sorted([*bench.passed, *lost]) == list(range(1, number))
    assert int(dut.lost_o.value) == len(lost)
    for what in ("duplicate", "out_of_order"):
        assert bench.seen[0][what] and bench.seen[1][what], what  # noqa: PT018
    assert bench.seen[0]["gap"] >= len(bench.jumps) > 0
    assert bench.together
    ever.require_full()
    close(bench)


TROUBLE = ("both", "A alone", "B alone", "neither", "A damaged", "B damaged", "both damaged", "heartbeat", "skew")


def trouble(bench: PairBench, number: int, ever: Cover) -> int:
    rng = bench.rng
    count = rng.choice((1, 1, 2, 5, 20))
    what = rng.choices(TROUBLE, (12, 3, 3, 1, 2, 2, 0.5, 2, 3))[0]
    ever.hit(what)
    if what == "heartbeat":
        bench.queue(rng.randrange(2), heartbeat(bench, number))
        return number
    if what == "skew":
        bench.queue(rng.randrange(2), heartbeat(bench, number), wait=rng.randint(1, 300))
        return number
    if what not in ("B alone", "neither"):
        bench.queue(
            0, bench.frame(number, count), error=what in ("A damaged", "both damaged"), wait=rng.choice((0, 0, 3))
        )
    if what not in ("A alone", "neither"):
        bench.queue(
            1, bench.frame(number, count), error=what in ("B damaged", "both damaged"), wait=rng.choice((0, 0, 5))
        )
    return number + count
