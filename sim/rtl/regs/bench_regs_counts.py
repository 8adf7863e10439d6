"""Counters over the carry, the last reject, histograms and words, read through the bus while all of it moves."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
from collections import Counter
from typing import Any

import cocotb
from cocotb.triggers import RisingEdge

from meltica.hot import card_regs_gen as regs
from meltica.hot.layout_gen import REASON_PASS, Action, AuditKind, AuditRecord, OrderIntentRecord, VerdictRecord
from sim.rtl import report_cycles
from sim.rtl.coverage import Cover
from sim.rtl.regs.card import Card
from sim.rtl.regs.test_regs import SIZES

START = 0xFFFFFFFD
EVENTS, WORDS, SEGMENTS = SIZES["EventCounters"], SIZES["StatusWords"], SIZES["Segments"]
SETTLED = 500
BINS = [
    *(f"event {number}" for number in range(EVENTS)),
    *("over 2^32", "high word kept while it counts", "beyond the entries", "rejects read", "last reject kept"),
    *("words", "high word of a word kept", "histogram", "frozen", "cleared", "status bits", "init not done", "purged"),
]


@cocotb.test()
async def counting(dut: Any) -> None:
    card = Card(dut, Cover("regs_counts", BINS))
    await card.start()
    await card.idle(SETTLED)
    await events(card)
    await rejects(card)
    await words(card)
    await histograms(card)
    await status(card)
    report_cycles("regs", card.cycles)
    card.cover.require_full()


async def events(card: Card) -> None:
    dut, rng, counts = card.dut, card.random, Counter[int]()
    for _ in range(60):
        now = rng.getrandbits(EVENTS)
        dut.event_i.value = now
        await RisingEdge(dut.clk_i)
        counts.update(number for number in range(EVENTS) if now >> number & 1)
    dut.event_i.value = 0
    await card.idle(SETTLED)
    for number in range(EVENTS):
        value = await card.read_entry(regs.EVENT_COUNTS, number)
        assert value == START + counts[number]
        card.cover.hit(f"event {number}")
        if value >= 2**32:
            card.cover.hit("over 2^32")
    for entry in (EVENTS, EVENTS + 1, 255):
        assert await card.read_entry(regs.EVENT_COUNTS, entry) == 0
        card.cover.hit("beyond the entries")
    before = await card.read(regs.EVENT_COUNTS, 0)
    dut.event_i.value = 1
    await card.idle(300)
    high = await card.read(regs.EVENT_COUNTS, 1)
    assert before | high << 32 == START + counts[0]
    card.cover.hit("high word kept while it counts")
    dut.event_i.value = 0


async def rejects(card: Card) -> None:
    dut, rng, counts = card.dut, card.random, Counter[int]()
    last = b""
    for number in range(40):
        mask = rng.choice((0, rng.getrandbits(37)))
        reason = (mask & -mask).bit_length() - 1 if mask else REASON_PASS
        action = rng.choice(list(Action))
        order = OrderIntentRecord(action, 1, 0, 2, 2, 0, 7, 8, 9, rng.getrandbits(64), 10, 11, 12, 0, 0)
        verdict = VerdictRecord(reason, action, order.order_id, mask, 13)
        dut.verdict_i.value = int.from_bytes(verdict.to_bytes(), "little")
        dut.verdict_order_i.value = int.from_bytes(order.to_bytes(), "little")
        dut.verdict_value_i.value = number
        dut.verdict_valid_i.value = 1
        await RisingEdge(dut.clk_i)
        dut.verdict_valid_i.value = 0
        counts.update(64 + check for check in range(37) if mask >> check & 1)
        counts[128 + action if reason == REASON_PASS else reason] += 1
        if mask:
            refused = sum(counts[check] for check in range(64))
            time_ns = int(dut.now_ns_i.value)
            fields = (
                AuditKind.REFUSED,
                reason,
                action,
                1,
                2,
                2,
                7,
                8,
                9,
                refused,
                time_ns,
                order.order_id,
                10,
                11,
                mask,
                13,
            )
            last = AuditRecord(*fields, number).to_bytes()
    await card.idle(SETTLED)
    for entry in (*range(37), *range(64, 101), *range(128, 132)):
        assert await card.read_entry(regs.REJECT_COUNTS, entry) == START + counts[entry], entry
    card.cover.hit("rejects read")
    told = await last_reject(card)
    assert told[:24] == last[:24]
    assert told[32:] == last[32:]  # the time is the cycle's before
    first = await card.read(regs.REJECTS_LAST, 0)
    dut.verdict_i.value = int.from_bytes(VerdictRecord(0, 3, 99, 1, 0).to_bytes(), "little")
    dut.verdict_order_i.value = 0
    dut.verdict_valid_i.value = 1
    await RisingEdge(dut.clk_i)
    dut.verdict_valid_i.value = 0
    rest = [await card.read(regs.REJECTS_LAST, index) for index in range(1, 20)]
    kept = b"".join(word.to_bytes(4, "little") for word in [first, *rest])
    assert kept == told
    assert await last_reject(card) != told
    card.cover.hit("last reject kept")


async def last_reject(card: Card) -> bytes:
    return b"".join([(await card.read(regs.REJECTS_LAST, index)).to_bytes(4, "little") for index in range(20)])


async def words(card: Card) -> None:
    dut, rng = card.dut, card.random
    values = [rng.getrandbits(64) for _ in range(WORDS)]
    dut.word_i.value = sum(value << 64 * n for n, value in enumerate(values))
    await card.idle(1)
    for n, value in enumerate(values):
        assert await card.read_entry(regs.WORD_VALUES, n) == value
    card.cover.hit("words")
    assert await card.read_entry(regs.WORD_VALUES, WORDS) == 0
    low = await card.read(regs.WORD_VALUES, 2)
    dut.word_i.value = 0
    await card.idle(2)
    assert low | await card.read(regs.WORD_VALUES, 3) << 32 == values[1]
    card.cover.hit("high word of a word kept")


async def histograms(card: Card) -> None:
    rng = card.random
    samples: list[list[int]] = [[] for _ in range(SEGMENTS)]
    await feed(card, samples, 200)
    await compare(card, samples)
    card.cover.hit("histogram")
    await card.write(regs.LATENCY_CTRL, 1)
    left_out: list[list[int]] = [[] for _ in range(SEGMENTS)]
    await feed(card, left_out, 10)
    await compare(card, samples)
    assert await card.read(regs.LATENCY_DROPPED) == sum(map(len, left_out))
    card.cover.hit("frozen")
    await card.write(regs.LATENCY_CTRL, 0)
    await card.write(regs.LATENCY_CLEAR, rng.getrandbits(32))
    while await card.field(regs.LATENCY_STATUS_CLEARING):
        pass
    await compare(card, [[] for _ in range(SEGMENTS)])
    card.cover.hit("cleared")


async def feed(card: Card, samples: list[list[int]], cycles: int) -> None:
    dut, rng = card.dut, card.random
    for _ in range(cycles):
        now = {n: rng.randrange(80) for n in range(SEGMENTS) if rng.random() < 0.7}
        dut.latency_valid_i.value = sum(1 << n for n in now)
        dut.latency_cycles_i.value = sum(value << 16 * n for n, value in now.items())
        await RisingEdge(dut.clk_i)
        for n, value in now.items():
            samples[n].append(value)
    dut.latency_valid_i.value = 0
    await card.idle(3)


async def compare(card: Card, samples: list[list[int]]) -> None:
    for n, taken in enumerate(samples):
        for entry in (0, 1, 40, 62, 63):
            expected = sum(min(value, 63) == entry for value in taken)
            assert await card.read_entry(regs.LATENCY_COUNTS, 128 * n + entry) == expected
        told = [await card.read_entry(regs.LATENCY_COUNTS, 128 * n + entry) for entry in range(64, 68)]
        assert told == [len(taken), sum(taken), min(taken, default=65535), max(taken, default=0)]


async def status(card: Card) -> None:
    dut = card.dut
    dut.status_i.value = 0xA5C3
    await card.idle(1)
    assert await card.field(regs.CONTROL_STATUS_TOP) == 0xA5C3
    card.cover.hit("status bits")
    assert await card.field(regs.CONTROL_STATUS_INIT_DONE)
    dut.init_done_i.value = 0
    await card.idle(1)
    assert not await card.field(regs.CONTROL_STATUS_INIT_DONE)
    card.cover.hit("init not done")
    lost = await card.read(regs.AUDIT_LOST)
    level = await card.read(regs.AUDIT_LEVEL)
    dut.purged_order_i.value, dut.purged_valid_i.value = 0, 1
    await RisingEdge(dut.clk_i)
    dut.purged_valid_i.value = 0
    await card.idle(5)
    assert await card.read(regs.AUDIT_LEVEL) + await card.read(regs.AUDIT_LOST) == level + lost + 1
    card.cover.hit("purged")
