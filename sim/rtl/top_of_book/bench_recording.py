"""The card at its full size and the recording of a Nasdaq opening, at line rate."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import cocotb

from sim.rtl.runner import seed
from sim.rtl.top_of_book.churn import Churn, Covers
from sim.rtl.top_of_book.judge import LATENCY, Script, judge_latency, judge_market, judge_updates, play
from sim.rtl.top_of_book.stream import ORDER_KINDS, Message, read

LEVELS, SLOTS = 4096, 256
CLEAR_CYCLES = 70_000
SNIPPET = Path(os.environ["SNIPPET"]).read_bytes()
BLOCK = {"A": 38, "F": 42, "E": 33, "C": 38, "X": 25, "D": 21, "U": 37, "P": 46}  # bytes with their length


def complete(messages: list[Message]) -> list[Message]:
    """Without the messages whose orders came before the recording began."""
    seen: set[int] = set()
    kept = []
    for message in messages:
        if message.kind in "AF":
            seen.add(message.ref)
        elif message.kind in ORDER_KINDS and message.ref not in seen:
            continue
        elif message.kind == "U":
            seen.add(message.new_ref)
        kept.append(message)
    return kept


@cocotb.test()
async def recording(dut: Any) -> None:
    """Every best bid and offer of the 256 busiest symbols, at 8 bytes a cycle without a pause."""
    messages = complete(read(SNIPPET))
    busiest = Counter(message.locate for message in messages if message.kind in ORDER_KINDS).most_common(SLOTS)
    script = Script(LEVELS)
    for slot, (locate, _) in enumerate(busiest):
        script.watch(slot, locate)
    sent = 0
    for message in messages:
        before, sent = sent, sent + BLOCK.get(message.kind, 40)
        script.take(message, sent // 8 - before // 8)
    answers = await play(dut, script, tail=20_000)
    judge_updates(script, answers)
    judge_market(script, answers)
    assert answers.messages[0] < CLEAR_CYCLES + 60 * SLOTS
    usable = sum(usable for _, _, usable, _ in script.expected)
    assert not answers.events["set_full"]
    cocotb.log.info(
        "%d messages, %d updates, %d usable, %d orders outside their window, %d windows moved",
        *(len(messages), len(script.expected), usable, answers.events["outside"], answers.events["window_moved"]),
    )
    assert usable > 0.95 * len(script.expected)
    cycles = judge_latency(script, answers)
    assert {kind: set(LATENCY.values()) & {min(c), max(c)} for kind, c in cycles.items()} == {
        kind: {LATENCY[kind]} for kind in cycles
    }, cycles


@cocotb.test()
async def full_size(dut: Any) -> None:
    """Random flow at the last slots, levels and sets of the full tables."""
    script = Script(LEVELS)
    for slot, locate in ((0, 65_535), (255, 1), (128, 40_000)):
        script.watch(slot, locate)
    flow = Churn(script, Random(seed()), Covers(), spread=1800)
    for _ in range(4000):
        flow.step((2, 3))
    answers = await play(dut, script, tail=5000)
    judge_updates(script, answers)
    judge_market(script, answers)
