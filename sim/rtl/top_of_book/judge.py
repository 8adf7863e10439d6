"""Plays a script to the card's top of book and judges the answers: ItchBook for prices, the model for the rest."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

from cocotb.clock import Clock
from cocotb.triggers import ClockCycles

from meltica.hot import ItchBook
from sim.rtl import report_cycles
from sim.rtl.top_of_book.model import Book, Symbol
from sim.rtl.top_of_book.stream import ORDER_KINDS, Message

SCRIPT, ANSWERS = Path("script.txt"), Path("answers.txt")  # in the folder of the run
EVENTS = (
    *("table_full", "set_full", "duplicate", "unknown_order", "over_reduction", "too_large", "slot_taken", "lost"),
    *("empty_order", "outside", "window_moved", "bad_row", "bad_locate"),
)
REFERENCE, QUOTE, MARK = 0, 1, 2
HALTED, RESTRICTED, GAPPED = 1, 2, 3
STATUS = (
    *("instrument", "watched", "slot", "usable", "gapped", "stale", "halted", "short_restricted", "crossed", "locked"),
    *("trading_state", "short_sale_state", "market_event", "trade_price", "trade_timestamp_ns"),
    *("bid_ticks", "bid_shares", "ask_ticks", "ask_shares", "live"),
)
LATENCY = {"A": 3, "F": 3, "E": 4, "C": 4, "X": 4, "D": 4, "U": 5}


class Script:
    """Commands for the player, and what must come of them."""

    def __init__(self, levels: int) -> None:
        self.levels = levels
        self.lines: list[str] = []
        self.messages: list[tuple[Message, bool]] = []  # and whether an update must follow
        self.expected: list[tuple[Message, tuple[int, int, int, int], bool, tuple[str, ...]]] = []
        self.books: dict[int, Book] = {}
        self.slots: dict[int, int] = {}
        self.symbols: dict[int, Symbol] = defaultdict(Symbol)
        self.software = ItchBook(1 << 17, queues=False)
        self.now_ns = 34_200_000_000_000
        self.gap = False
        self.tops: dict[int, list[tuple[int, int, int, int]]] = defaultdict(list)
        self.failures: dict[str, int] = defaultdict(int)

    def add(self, text: str) -> None:
        self.lines.append(text)

    def watch(self, slot: int, locate: int, *, trusted: bool = True, wait: int = 20) -> None:
        """A free slot watches a symbol. The script waits until it does; a ClearGap follows if it is to be trusted."""
        self.add(f"{wait} W {slot} {locate} 1\n1 B")
        self.slots[locate] = slot
        self.books[locate] = Book(self.levels)
        if trusted:
            self.trust(locate)

    def write(self, tail: int) -> None:
        """For the player; `tail` cycles after the last command it ends."""
        SCRIPT.write_text("\n".join((*self.lines, f"{tail} E", "")), "ascii")

    def forget(self, locate: int) -> None:
        """The card forgets the orders of a symbol, so its judge does."""
        for ref in self.books.pop(locate).orders:
            self.software.apply_bytes(Message("D", locate, ref).framed())
        self.tops[locate].clear()

    def trust(self, locate: int) -> None:
        self.add(f"8 C {locate} 0\n1 B")
        self.books[locate].trusted = True

    def take(self, message: Message, wait: int = 2) -> None:
        """A message, `wait` cycles after the last command."""
        self.now_ns += 7
        message = message.at(self.now_ns)
        self.add(message.command(wait))
        book = self.books.get(message.locate)
        order = book.orders.get(message.ref) if book is not None and message.kind in "ECX" else None
        self.symbols[message.locate].take(message, order.price if order is not None else None)
        ours = book is not None and message.kind in ORDER_KINDS
        self.messages.append((message, ours))
        if book is None or not ours:
            return
        book.take(message)
        if "too_large" not in book.failures:
            self.software.apply_bytes(message.framed())
        elif message.kind == "U":  # the card has not taken the new order: the judge must not either
            self.software.apply_bytes(replace(message, kind="D").framed())
        for failure in book.failures:
            self.failures[failure] += 1
        best = self.software.best(message.locate)
        usable = book.trusted and book.known() and not self.gap
        self.tops[message.locate].append(best)
        self.expected.append((message, best, usable, tuple(book.failures)))


class Answers:
    """What the player wrote down."""

    def __init__(self, path: Path) -> None:
        self.messages: list[int] = []
        self.updates: list[list[int]] = []
        self.market: list[list[int]] = []
        self.events: dict[str, int] = defaultdict(int)
        self.replies: list[dict[str, int]] = []
        for line in path.read_text("ascii").splitlines():
            letter, *rest = line.split()
            self._take(letter, [int(value) for value in rest])

    def _take(self, letter: str, values: list[int]) -> None:
        match letter:
            case "m":
                self.messages.append(values[0])
            case "u":
                self.updates.append(values)
            case "k":
                self.market.append(values)
            case "e":
                for at, name in enumerate(reversed(EVENTS)):
                    self.events[name] += values[1] >> at & 1
            case "q":
                self.replies.append(dict(zip(STATUS, values[1:], strict=True)))


async def play(dut: Any, script: Script, *, tail: int = 2000, limit: int = 3_000_000) -> Answers:
    """Runs the script from reset to its end."""
    script.write(tail)
    dut.rst_ni.value = 0
    clock = Clock(dut.clk_i, 6400, "ps")
    clock.start()
    await ClockCycles(dut.clk_i, 5)
    dut.rst_ni.value = 1
    for _ in range(limit // 1000):
        await ClockCycles(dut.clk_i, 1000)
        if int(dut.done_o.value):
            break
    else:
        raise AssertionError("the script did not come to its end")
    report_cycles("top_of_book", int(dut.cycle.value))
    clock.stop()
    return Answers(ANSWERS)


def judge_updates(script: Script, answers: Answers, *, exact: bool = True) -> None:
    """Every message of a watched symbol, in order: the same best prices as the software. exact: and exactly as usable
    as the model says; else it may be less usable (the tables of a small card overflow), never more."""
    assert len(answers.messages) == len(script.messages)
    came = {update[-1] for update in answers.updates}
    missing = [message for message, *_ in script.expected if message.timestamp_ns not in came]
    assert len(answers.updates) == len(script.expected), f"no update of {missing[:3]}"
    for at, (update, expected) in enumerate(zip(answers.updates, script.expected, strict=True)):
        message, best, usable, _ = expected
        _, slot, locate, bid, bid_shares, ask, ask_shares, locked, crossed, said, _, time_ns = update
        where = f"update {at} of {message}: {update}, software {best}, model usable={usable}"
        assert (slot, locate, time_ns) == (script.slots[message.locate], message.locate, message.timestamp_ns), where
        assert said == usable if exact else said <= usable, where
        if said:
            assert (bid, bid_shares, ask, ask_shares) == best, where
        both = bool(bid_shares and ask_shares)
        assert (locked, crossed) == (both and bid == ask, both and bid > ask), where


def judge_latency(script: Script, answers: Answers) -> dict[str, set[int]]:
    """Cycles from a message to its update for each kind."""
    cycles: dict[str, set[int]] = defaultdict(set)
    ours = [(m, cycle) for (m, follows), cycle in zip(script.messages, answers.messages, strict=True) if follows]
    for (message, cycle), update in zip(ours, answers.updates, strict=True):
        cycles[message.kind].add(update[0] - cycle)
    return cycles


def judge_market(script: Script, answers: Answers) -> None:
    """The gate hears the newest state of everything at last, and on the way only states that were."""
    told: dict[tuple[int, int, int], list[int]] = {}
    updates: dict[int, list[tuple[int, ...]]] = defaultdict(list)
    for update in answers.updates:
        updates[update[2]].append(tuple(update[3:7]))
    seen: dict[int, int] = defaultdict(int)
    trades: dict[int, int] = defaultdict(int)
    for _, kind, locate, bid, bid_lots, ask, ask_lots, mark, on, time_ns in answers.market:
        told[kind, locate, mark] = [bid, bid_lots, ask, ask_lots, on, time_ns]
        if kind == QUOTE:
            quote = (bid, bid_lots, ask, ask_lots)
            history = updates[locate]
            if quote != (0, 0, 0, 0) or seen[locate]:
                assert quote in history[seen[locate] :], f"{locate} was never {quote} after change {seen[locate]}"
                seen[locate] = history.index(quote, seen[locate])
        elif kind == REFERENCE:
            history_of_trades = script.symbols[locate].trades
            where = f"{locate} never traded at {bid} after trade {trades[locate]} of {history_of_trades}"
            assert bid in history_of_trades[trades[locate] :], where
            trades[locate] = history_of_trades.index(bid, trades[locate])
    for locate, book in script.books.items():
        gapped = script.gap or not (book.trusted and book.known())
        assert told.get((MARK, locate, GAPPED), [0] * 6)[4] == gapped, f"{locate}: the gate believes otherwise"
        if not gapped and script.tops[locate]:
            assert tuple(told[QUOTE, locate, 0][:4]) == script.tops[locate][-1], f"{locate}: the last quote is old"
    for locate, symbol in script.symbols.items():
        assert told.get((MARK, locate, HALTED), [0] * 6)[4] == symbol.halted, f"{locate}: halted?"
        assert told.get((MARK, locate, RESTRICTED), [0] * 6)[4] == symbol.restricted, f"{locate}: restricted?"
        if symbol.trades:
            assert told[REFERENCE, locate, 0][0] == symbol.trades[-1], f"{locate}: the last trade is old"
