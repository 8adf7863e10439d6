"""top_of_book with tables that are far too small: what does not fit is counted, and nothing wrong is called usable."""

from __future__ import annotations

import os
from random import Random
from typing import Any

import cocotb

from sim.rtl.coverage import Cover
from sim.rtl.runner import seed
from sim.rtl.top_of_book.churn import Churn, Covers
from sim.rtl.top_of_book.judge import Script, judge_updates, play
from sim.rtl.top_of_book.stream import Message

LEVELS = int(os.environ["WINDOW_LEVELS"])


@cocotb.test()
async def full_tables(dut: Any) -> None:
    """Whatever overflows, a usable best is right; and a symbol that fitted all along stays usable."""
    rng, cover = Random(seed()), Cover("full tables", ["table_full", "set_full", "usable to the end", "lost its trust"])
    for _ in range(8):
        script = Script(LEVELS)
        for slot, locate in enumerate((3, 5, 8, 13)):
            script.watch(slot, locate)
        flow = Churn(script, rng, Covers())
        for _ in range(rng.choice((20, 60, 400))):
            flow.step((1, 2, 3))
        answers = await play(dut, script)
        judge_updates(script, answers, exact=False)
        for name in ("table_full", "set_full"):
            for _ in range(answers.events[name]):
                cover.hit(name)
        for locate in script.books:
            said = [update[9] for update in answers.updates if update[2] == locate]
            if said and said[-1]:
                cover.hit("usable to the end")
        if answers.events["table_full"] or answers.events["set_full"]:
            last = {update[2]: update[9] for update in answers.updates}
            assert not all(last.values()), "an order was left out, yet all symbols are usable"
            cover.hit("lost its trust")
    cover.require_full()


@cocotb.test()
async def collisions(dut: Any) -> None:
    """References of one hash value fill a set; those that fitted live on and leave it as they should."""
    script = Script(LEVELS)
    script.watch(0, 3)
    script.watch(1, 5)
    live: list[int] = []
    for turn in range(40):
        ref = turn * 0x100000001  # both hashes see the same value the halves cancel in each
        script.take(Message("A", 3, ref, shares=100 + turn, price=100_000 - turn * 100), 2)
        live.append(ref)
    script.take(Message("A", 5, 1, shares=100, price=50_000), 2)
    for ref in live:
        script.take(Message("D", 3, ref), 2)
    answers = await play(dut, script)
    judge_updates(script, answers, exact=False)
    fitted = sum(update[9] for update in answers.updates if update[2] == 3)
    assert fitted == 8  # the two sets of four
    assert answers.events["set_full"] == answers.events["unknown_order"] == len(live) - fitted
    assert not answers.events["table_full"]
    assert any(update[9] for update in answers.updates if update[2] == 5), "another set still has room"
