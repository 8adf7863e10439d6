"""top_of_book and everything that is not plain order flow: the host's rows, gaps, the day, full tables, questions."""

from __future__ import annotations

import os
from random import Random
from typing import Any

import cocotb

from sim.rtl.coverage import Cover
from sim.rtl.runner import seed
from sim.rtl.top_of_book.churn import Churn, Covers
from sim.rtl.top_of_book.judge import GAPPED, MARK, Answers, Script, judge_market, judge_updates, play
from sim.rtl.top_of_book.stream import Message

LEVELS = int(os.environ["WINDOW_LEVELS"])
INSTRUMENTS, SLOTS = 256, 4
QUEUE = int(os.environ["QUEUE_DEPTH"])
SYMBOLS = (3, 5, 8, 13)


def add(locate: int, ref: int, price: int = 100_000, shares: int = 100, *, sell: bool = False) -> Message:
    return Message("A", locate, ref, sell=sell, shares=shares, price=price)


def watching(*symbols: int, trusted: bool = True) -> Script:
    script = Script(LEVELS)
    for slot, locate in enumerate(symbols):
        script.watch(slot, locate, trusted=trusted)
    return script


def ask_all(script: Script) -> None:
    script.add("60 N")
    for locate in range(INSTRUMENTS):
        script.add(f"40 Q {locate}")


def judge_replies(script: Script, answers: Answers, *, event: str = "\0") -> None:
    """Every symbol's status, as the model has it."""
    assert [reply["instrument"] for reply in answers.replies] == list(range(INSTRUMENTS))
    for locate, reply in enumerate(answers.replies):
        symbol, book = script.symbols[locate], script.books.get(locate)
        usable = book is not None and book.trusted and book.known() and not script.gap
        bid, bid_shares, ask, ask_shares = script.software.best(locate) if usable else (0, 0, 0, 0)
        both = bool(bid_shares and ask_shares)
        expected = {
            "watched": book is not None,
            "slot": script.slots.get(locate, 0) if book is not None else 0,
            "usable": usable,
            "gapped": script.gap or (book is not None and not usable),
            "stale": symbol.seen == 0,
            "halted": symbol.halted,
            "short_restricted": symbol.restricted,
            "trading_state": ord(symbol.state),
            "short_sale_state": ord(symbol.short_sale),
            "market_event": ord(event),
            "trade_price": symbol.trade_price,
            "trade_timestamp_ns": symbol.trade_timestamp_ns,
        }
        if usable:
            expected |= {"bid_ticks": bid, "bid_shares": bid_shares, "ask_ticks": ask, "ask_shares": ask_shares}
            expected |= {"crossed": both and bid > ask, "locked": both and bid == ask}
        assert {name: reply[name] for name in expected} == expected, f"symbol {locate}: {reply}"


@cocotb.test()
async def questions(dut: Any) -> None:
    """After random flow the card knows of each of its symbols what the model knows."""
    script = watching(*SYMBOLS)
    flow = Churn(script, Random(seed()), Covers())
    for _ in range(3000):
        flow.step((2, 3, 4))
    script.take(Message("S", 0, state="Q"))
    ask_all(script)
    answers = await play(dut, script)
    judge_updates(script, answers)
    judge_replies(script, answers, event="Q")
    assert answers.replies[-1]["live"] == sum(len(book.orders) for book in script.books.values())


@cocotb.test()
async def questions_in_traffic(dut: Any) -> None:
    """Questions and rows between messages change nothing for the messages."""
    rng = Random(seed() + 3)
    script = watching(*SYMBOLS)
    flow = Churn(script, rng, Covers())
    for at in range(3000):
        flow.step((2, 2, 3))
        if at % 11 == 0:
            script.add(f"0 Q {rng.choice((*SYMBOLS, rng.randrange(INSTRUMENTS)))}")
        if at % 97 == 0:
            script.add("1 C 99 0\n1 W 1 5000 1")
    answers = await play(dut, script)
    judge_updates(script, answers)
    assert len(answers.replies) > 200
    assert answers.events["bad_row"] == 2 * (3000 // 97 + 1)


@cocotb.test()
async def another_symbol(dut: Any) -> None:
    """A slot goes to another symbol while orders live: they are forgotten, and the new symbol starts empty."""
    rng = Random(seed() + 5)
    script, covers = watching(*SYMBOLS), Covers()
    taken = 0
    for turn in range(6):
        flow = Churn(script, rng, covers)
        for _ in range(400):
            flow.step((2, 3))
        old = rng.choice(list(script.books))
        taken += bool(script.books[old].orders)
        fresh = [locate for locate in range(100, 140) if locate not in script.books]
        slot, new = script.slots[old], old if turn == 3 else rng.choice(fresh)
        script.forget(old)
        script.watch(slot, new, trusted=False)
        script.take(add(new, flow.new_ref()))
        script.trust(new)
        script.take(add(new, flow.new_ref(), 100_100, sell=True))
    script.add("9 W 0 0 0\n1 B")
    script.forget(next(locate for locate, slot in script.slots.items() if slot == 0 and locate in script.books))
    ask_all(script)
    answers = await play(dut, script, tail=20_000)
    judge_updates(script, answers)
    judge_replies(script, answers)
    assert taken <= answers.events["slot_taken"] <= taken + 1
    assert answers.replies[-1]["live"] == sum(len(book.orders) for book in script.books.values())


@cocotb.test()
async def bad_rows(dut: Any) -> None:
    """A row that names what is not there, or a symbol twice, is counted and changes nothing."""
    script = watching(*SYMBOLS)
    for row in ("W 4 9 1", "W 65535 9 1", "W 0 256 1", "W 0 4294967295 1", "C 256 0", "C 77 0", "C 4294967295 0"):
        script.add(f"60 {row}")
    script.add("60 C 77 1\n60 C 4294967295 1")  # for the feed: not for the book
    script.take(add(3, 1))
    script.add("60 W 1 3 1\n1 B")  # slot 1 leaves symbol 5, but 3 has a slot
    script.forget(5)
    script.take(add(3, 2, 100_100, sell=True), 60)
    for locate in (256, 65_535):
        script.take(Message("P", locate, shares=1, price=7), 9)
        script.symbols.pop(locate)
    ask_all(script)
    answers = await play(dut, script)
    judge_updates(script, answers)
    judge_replies(script, answers)
    assert answers.events["bad_row"] == 8, dict(answers.events)
    assert answers.events["bad_locate"] == 2


@cocotb.test()
async def the_day(dut: Any) -> None:
    """The day's first message makes an empty slot usable; one with orders waits for ClearGap."""
    script = watching(3, 5, trusted=False)
    script.take(add(5, 1))
    script.take(Message("S", 0, state="O"), 20)
    script.books[3].trusted = True
    for at, locate in enumerate((3, 5, 3)):
        script.take(add(locate, 10 + at, sell=True), 20)
    script.trust(5)
    script.take(add(5, 20))
    ask_all(script)
    answers = await play(dut, script)
    judge_updates(script, answers)
    judge_market(script, answers)
    judge_replies(script, answers, event="O")


@cocotb.test()
async def gaps(dut: Any) -> None:
    """While the feed has a gap nothing is usable, and the gate hears it of every symbol."""
    rng = Random(seed() + 7)
    script = watching(*SYMBOLS)
    flow = Churn(script, rng, Covers())
    for gap in (1, 0, 1):
        script.add(f"30 G {gap}\n4 N")
        script.gap = bool(gap)
        for _ in range(300):
            flow.step((2, 3))
        for locate in SYMBOLS:
            script.trust(locate)
        script.add("4000 N")
    ask_all(script)
    answers = await play(dut, script)
    judge_updates(script, answers)
    judge_market(script, answers)
    judge_replies(script, answers)
    marks = {row[2]: row[8] for row in answers.market if row[1] == MARK and row[7] == GAPPED}
    assert marks == dict.fromkeys(range(INSTRUMENTS), 1)


@cocotb.test()
async def too_fast(dut: Any) -> None:
    """A burst that the queue holds is applied whole; one that it does not costs every watched symbol its trust."""
    script = watching(*SYMBOLS)
    script.take(add(3, 1))
    for ref in range(1, QUEUE):
        script.take(Message("U", 3, ref, ref + 1, shares=100, price=100_000 + ref % 7 * 100), 1)
    script.add(f"{4 * QUEUE} N")
    script.take(add(3, 1_000_000, 100_100, sell=True))
    whole = len(script.expected)
    for ref in range(4 * QUEUE):
        script.take(add(5, 2_000_000 + ref, 100_000), 1)
    answers = await play(dut, script, tail=20_000)
    assert answers.events["lost"] > 0
    lost = len(script.expected) - len(answers.updates)
    assert lost == answers.events["lost"], (lost, answers.events)
    for update, expected in zip(answers.updates[:whole], script.expected, strict=False):
        assert update[9] == 1
        assert tuple(update[3:7]) == expected[1]
    assert not answers.updates[-1][9]
    marks = {row[2]: row[8] for row in answers.market if row[1] == MARK and row[7] == GAPPED}
    assert marks == dict.fromkeys(SYMBOLS, 1)


@cocotb.test()
async def moves_run_out(dut: Any) -> None:
    """A window moves off live orders 255 times; then a better order outside makes the best unknown, until it goes."""
    script, cover = watching(3), Cover("a window that can move no more", ["moved", "outside", "known again"])
    for move in range(260):
        script.take(add(3, move + 1, 100_000 + move * 100 * LEVELS))
        cover.hit(script.books[3].told if script.books[3].told in {"moved", "outside"} else "moved")
    for move in (*range(259, 200, -1), *range(201)):
        was = script.books[3].known()
        script.take(Message("D", 3, move + 1))
        if script.books[3].known() and not was:
            cover.hit("known again")
    script.take(add(3, 1000))
    answers = await play(dut, script)
    judge_updates(script, answers)
    judge_market(script, answers)
    assert answers.events["window_moved"] == 255
    cover.require_full()


@cocotb.test()
async def before_the_tables_are_clear(dut: Any) -> None:
    """Messages that come too early wait."""
    script = Script(LEVELS)
    for locate in (7, 9):
        script.take(Message("P", locate, shares=5, price=1000 + locate), 0)
        script.take(Message("H", locate, state="H"), 0)
    ask_all(script)
    answers = await play(dut, script)
    judge_replies(script, answers)
    judge_market(script, answers)
