"""Random searches and writes, one a cycle, beside the twin's OwnBook."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
import os
import random
from dataclasses import replace
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from meltica.hot.layout_gen import Side
from meltica.hot.own_book_twin import OwnBook, WorkingOrder
from sim.rtl import report_cycles
from sim.rtl.coverage import Cover
from sim.rtl.runner import seed

WORKING_ORDERS, ACCOUNTS = int(os.environ["WORKING_ORDERS"]), int(os.environ["ACCOUNTS"])
CYCLES = 12_000
TICKS, LOTS = 2**31 - 1, 2**32 - 1
INPUTS = ("find_valid_i", "put_i", "remove_i", "lessen_i")

BINS = [
    *("miss", "hit", "hit with the same keys", "hit with another account", "hit with another instrument"),
    *("hit with another side", "full", "put a new one", "put over an old one", "put into the last place"),
    *("put over an old one of a full book", "remove", "remove what is not there", "lessen", "lessen to nothing"),
    *("lessen by too much", "lessen and close", "lessen what is not there", "nothing asked"),
]
CROSSING_BINS = [
    *("buy crosses", "sell crosses", "buy touches", "sell touches", "buy misses by a tick", "sell misses by a tick"),
    *("market crosses", "an order of the same side", "an instrument beyond the card", "a side that is none"),
]
MANY_BINS = ["several cross", "another group"]


class Bench:
    """The block, the twin, and which slot the block keeps each order in: the lowest that is free."""

    def __init__(self, dut: Any, cover: Cover) -> None:
        self.dut, self.cover = dut, cover
        self.book = OwnBook(WORKING_ORDERS)
        self.slots: list[int | None] = [None] * WORKING_ORDERS
        self.groups = [0] * ACCOUNTS
        self.asked: tuple[int, WorkingOrder | None] | None = None  # a query that is under way
        self.cycles = 0

    async def start(self) -> None:
        for name in INPUTS:
            getattr(self.dut, name).value = 0
        self.dut.query_slot_i.value = 0
        self.set_groups(self.groups)
        cocotb.start_soon(Clock(self.dut.clk_i, 6400, "ps").start())
        await self.reset()

    async def reset(self) -> None:
        await RisingEdge(self.dut.clk_i)
        self.dut.rst_ni.value = 0
        self.dut.find_valid_i.value = 0
        await RisingEdge(self.dut.clk_i)
        self.dut.rst_ni.value = 1
        self.book, self.slots, self.asked = OwnBook(WORKING_ORDERS), [None] * WORKING_ORDERS, None

    def set_groups(self, groups: list[int]) -> None:
        self.groups = groups
        self.dut.group_i.value = sum(group << 16 * account for account, group in enumerate(groups))

    async def cycle(self, query: int, **inputs: int) -> None:
        """One cycle: drives, compares what is combinational and the answer to the last query, moves the twin."""
        dut = self.dut
        await RisingEdge(dut.clk_i)
        driven = dict.fromkeys(INPUTS, 0) | inputs
        for name, value in driven.items():
            getattr(dut, name).value = value
        dut.query_slot_i.value = query
        await FallingEdge(dut.clk_i)
        self.judge_search(driven)
        if self.asked is not None:
            self.judge_query(*self.asked)
        self.asked = query, self.at(query)
        self.write(driven)
        self.cycles += 1

    def at(self, slot: int) -> WorkingOrder | None:
        order_id = self.slots[slot] if slot < WORKING_ORDERS else None
        order = self.book.get(order_id) if order_id is not None else None
        return None if order is None else replace(order)

    def judge_search(self, asked: dict[str, int]) -> None:
        dut, cover = self.dut, self.cover
        assert int(dut.full_o.value) == self.book.is_full
        if self.book.is_full:
            cover.hit("full")
        if not asked["find_valid_i"]:
            cover.hit("nothing asked")
            assert int(dut.crossing_o.value) == int(dut.hit_o.value) == int(dut.any_crossing_o.value) == 0
            return
        order = self.book.get(asked["find_id_i"])
        keys = asked["find_account_i"], asked["find_instrument_i"], asked["find_side_i"]
        assert int(dut.hit_o.value) == (order is not None)
        cover.hit("miss" if order is None else "hit")
        if order is not None:
            assert int(dut.hit_keys_equal_o.value) == (order.keys == keys), (order, keys)
            assert int(dut.hit_leaves_o.value) == order.leaves_lots
            for name, kept, found in zip(("account", "instrument", "side"), order.keys, keys, strict=True):
                if kept != found:
                    cover.hit(f"hit with another {name}")
            if order.keys == keys:
                cover.hit("hit with the same keys")
        self.judge_crossing(asked)

    def judge_crossing(self, asked: dict[str, int]) -> None:
        dut, side = self.dut, asked["find_side_i"]
        limit = None if asked["find_market_i"] else asked["find_limit_i"]
        expected = {
            own.order_id
            for own in self.book.crossing(asked["find_instrument_i"], side, limit)
            if self.groups[own.account_id] == asked["find_group_i"]
        }
        mask = int(dut.crossing_o.value)
        found = {self.slots[slot] for slot in range(WORKING_ORDERS) if mask >> slot & 1}
        assert found == expected, f"{asked}: {found}, not {expected}"
        assert int(dut.any_crossing_o.value) == bool(expected)
        self.cover_crossing(asked, len(expected))

    def cover_crossing(self, asked: dict[str, int], crossing: int) -> None:
        side, instrument = asked["find_side_i"], asked["find_instrument_i"]
        if crossing > 1:
            MANY.hit("several cross")
        if instrument >= 2**16:
            CROSSING.hit("an instrument beyond the card")
        if side not in {Side.BUY, Side.SELL}:
            CROSSING.hit("a side that is none")
            return
        for own in self.book.orders.values():
            if own.instrument_id != instrument:
                continue
            if own.side == side:
                CROSSING.hit("an order of the same side")
            elif self.groups[own.account_id] != asked["find_group_i"]:
                MANY.hit("another group")
            elif asked["find_market_i"]:
                CROSSING.hit("market crosses")
            else:
                beyond = (asked["find_limit_i"] - own.price_ticks) * (1 if side == Side.BUY else -1)
                cover_limit("buy" if side == Side.BUY else "sell", beyond)

    def write(self, asked: dict[str, int]) -> None:
        if not asked["find_valid_i"]:
            return
        order_id = asked["find_id_i"]
        old = self.book.get(order_id)
        if asked["put_i"]:
            self.put(asked, old)
        elif asked["remove_i"]:
            self.cover.hit("remove" if old else "remove what is not there")
            self.book.remove(order_id)
        elif asked["lessen_i"]:
            self.lessen(asked, old)
        if old is not None and self.book.get(order_id) is None:
            self.slots[self.slots.index(order_id)] = None

    def put(self, asked: dict[str, int], old: WorkingOrder | None) -> None:
        order_id, cover = asked["find_id_i"], self.cover
        cover.hit("put over an old one" if old else "put a new one")
        if old is not None and self.book.is_full:
            cover.hit("put over an old one of a full book")
        if old is None:
            self.slots[self.slots.index(None)] = order_id
        self.book.remove(order_id)
        keys = asked["find_account_i"], asked["find_instrument_i"], asked["find_side_i"]
        self.book.put(WorkingOrder(order_id, *keys, asked["put_price_i"], asked["put_leaves_i"]))
        if old is None and self.book.is_full:
            cover.hit("put into the last place")

    def lessen(self, asked: dict[str, int], old: WorkingOrder | None) -> None:
        lots, closes, cover = asked["lessen_lots_i"], asked["lessen_closes_i"], self.cover
        if old is None:
            cover.hit("lessen what is not there")
            return
        if closes:
            cover.hit("lessen and close")
        elif lots < old.leaves_lots:
            cover.hit("lessen")
        else:
            cover.hit("lessen to nothing" if lots == old.leaves_lots else "lessen by too much")
        self.book.lessen(asked["find_id_i"], lots, closes=bool(closes))

    def judge_query(self, slot: int, kept: WorkingOrder | None) -> None:
        bits = int(self.dut.query_o.value)
        fields = []
        for width in (32, 31, 2, 16, 16, 64, 1):
            fields.append(bits & (1 << width) - 1)
            bits >>= width
        leaves, price, side, instrument, account, order_id, valid = fields
        found = WorkingOrder(order_id, account, instrument, side, price, leaves) if valid else None
        assert found == kept, (slot, found, kept)


class Stream:
    """What is asked next: few ids, instruments and prices, so that they meet; now and then the edges."""

    def __init__(self, bench: Bench, dice: random.Random) -> None:
        self.bench, self.dice = bench, dice
        self.ids = [dice.getrandbits(64) for _ in range(2 * WORKING_ORDERS)] + [0, 2**64 - 1]
        self.middle = 1000

    def price(self) -> int:
        dice = self.dice
        return dice.choice([dice.randint(self.middle - 3, self.middle + 3)] * 9 + [dice.choice([0, 1, TICKS])])

    def next(self) -> dict[str, int]:
        dice, book = self.dice, self.bench.book
        order_id = dice.choice(self.ids)
        if book.orders and dice.random() < 0.3:
            order_id = dice.choice(list(book.orders))
        old = book.get(order_id)
        account, instrument, side = dice.randrange(ACCOUNTS), dice.choice([7, 7, 7, 8, 65_535]), dice.choice([1, 2])
        if old is not None and dice.random() < 0.5:
            account, instrument, side = old.keys
        asked = {
            "find_valid_i": 1,
            "find_id_i": order_id,
            "find_account_i": account,
            "find_instrument_i": instrument,
            "find_side_i": side,
            "find_limit_i": self.price(),
            "find_market_i": int(dice.random() < 0.2),
            "find_group_i": self.bench.groups[account] if dice.random() < 0.8 else dice.randrange(3),
            "put_price_i": self.price(),
            "put_leaves_i": dice.choice([1, 2, 100, LOTS]),
            "lessen_lots_i": dice.choice([0, 1, 2, 99, 100, 101, LOTS]),
            "lessen_closes_i": int(dice.random() < 0.2),
        }
        return asked | self.write(old)

    def write(self, old: WorkingOrder | None) -> dict[str, int]:
        dice, full = self.dice, self.bench.book.is_full
        kind = dice.choices(("put_i", "remove_i", "lessen_i", "none"), (4, 1, 3, 2))[0]
        if kind == "put_i" and old is None and full:
            kind = "lessen_i"
        if kind == "none":
            # Searches may hold anything; only what is written must be an order's.
            loose = {
                "find_account_i": dice.getrandbits(16),
                "find_instrument_i": dice.getrandbits(32),
                "find_side_i": dice.getrandbits(8),
            }
            return {name: value for name, value in loose.items() if dice.random() < 0.4}
        return {kind: 1}


CROSSING = Cover("own orders that cross", CROSSING_BINS)
MANY = Cover("own orders of many", MANY_BINS)


def cover_limit(side: str, beyond: int) -> None:
    if beyond >= -1:
        CROSSING.hit(f"{side} {('touches', 'crosses')[beyond > 0] if beyond >= 0 else 'misses by a tick'}")


@cocotb.test()
async def random_stream(dut: Any) -> None:
    dice = random.Random(seed())
    cover = Cover("own orders", BINS)
    bench = Bench(dut, cover)
    await bench.start()
    stream = Stream(bench, dice)
    slots = max(2, 1 << (WORKING_ORDERS - 1).bit_length())
    for number in range(CYCLES):
        if number % 500 == 0:
            bench.set_groups([dice.randrange(3) for _ in range(ACCOUNTS)])
        if number % 4000 == 3999:
            await bench.reset()
        asked = stream.next() if dice.random() < 0.9 else {"find_valid_i": 0, "put_i": 1, "remove_i": 1}
        await bench.cycle(dice.randrange(slots), **asked)
    cover.require_full()
    CROSSING.require_full()
    if WORKING_ORDERS > 1 and ACCOUNTS > 1:
        MANY.require_full()
    report_cycles("own_orders", bench.cycles)
