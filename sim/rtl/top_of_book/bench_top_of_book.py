"""top_of_book against ItchBook: random streams on a small card, the tables' limits, the rows of the host."""

from __future__ import annotations

import os
from random import Random
from typing import Any

import cocotb

from sim.rtl.runner import seed
from sim.rtl.top_of_book.churn import Churn, Covers
from sim.rtl.top_of_book.judge import (
    LATENCY,
    Script,
    judge_latency,
    judge_market,
    judge_updates,
    play,
)

LEVELS = int(os.environ["WINDOW_LEVELS"])
STEPS = int(os.environ["STEPS"])
SYMBOLS = (3, 5, 8, 13)


def script_of(*, trusted: bool = True) -> Script:
    script = Script(LEVELS)
    for slot, locate in enumerate(SYMBOLS):
        script.watch(slot, locate, trusted=trusted)
    return script


@cocotb.test()
async def churn(dut: Any) -> None:
    """Random flow at every spacing; trust that was lost is given back by ClearGap from time to time."""
    rng, covers = Random(seed()), Covers()
    script = script_of()
    flow = Churn(script, rng, covers)
    waits = ((2,), (2, 3), (3,), (1, 2, 3, 4, 5), (1, 1, 2, 9), (40,))
    while len(script.messages) < STEPS:
        chosen = rng.choice(waits)
        for _ in range(rng.randrange(20, 100)):
            flow.step(chosen)
        ready = rng.choice((100, 100, 60, 10))
        script.add(f"400 R {ready}")
        for locate, book in script.books.items():
            if not book.trusted and rng.random() < 0.9:
                script.trust(locate)
    script.add("1 R 100")
    answers = await play(dut, script, tail=20_000)
    judge_updates(script, answers)
    judge_market(script, answers)
    for name, count in script.failures.items():
        assert answers.events[name] == count, f"{name}: {answers.events[name]} counted, {count} happened"
    assert not any(answers.events[name] for name in ("lost", "set_full", "table_full"))
    usable = sum(usable for _, _, usable, _ in script.expected)
    assert usable > len(script.expected) / 6, f"only {usable} of {len(script.expected)} updates could be judged"
    covers.require_full()


@cocotb.test()
async def latency(dut: Any) -> None:
    """With an empty queue each kind has one latency, whatever came before it."""
    rng = Random(seed() + 1)
    script = script_of()
    flow = Churn(script, rng, Covers())
    before = ""
    for _ in range(STEPS // 4):
        least = 4 if before == "U" else 2
        flow.step((least, least, least + 1, least + 2, 9))
        before = script.messages[-1][0].kind
    answers = await play(dut, script)
    judge_updates(script, answers)
    cycles = judge_latency(script, answers)
    assert {kind: {LATENCY[kind]} for kind in cycles} == dict(cycles), cycles
    assert set(cycles) == set(LATENCY), cycles
    cocotb.log.info("latency in cycles, least = most: %s", {kind: min(seen) for kind, seen in cycles.items()})
