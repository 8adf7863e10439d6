"""Random searches and pushes, one a cycle, beside the rings and the comparison of the twin."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
import os
import random
from collections import deque
from types import SimpleNamespace
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge

from meltica.hot.layout_gen import Action, OrderIntentRecord, OrderType
from meltica.hot.rules_twin import Recent, duplicate_order, recent_of
from sim.rtl import report_cycles
from sim.rtl.coverage import Cover
from sim.rtl.runner import seed

ACCOUNTS, DEPTH = int(os.environ["ACCOUNTS"]), int(os.environ["DEPTH"])
CYCLES = 12_000
FUTURE = 2**64 - 1

DIFFERENCES = ("another instrument", "another side", "other lots", "another price")
BINS = [
    *("duplicate", "no duplicate", "a MARKET order twice", "an account that is none", "window 0", "nothing asked"),
    *DIFFERENCES,
    *(
        "an instrument that is the same in 16 bits",
        "just within the window",
        "just outside the window",
        "time went backwards",
    ),
    *("push", "push into a full ring", "the oldest fell out", "the longest window"),
    *("query of an order", "query of nothing", "query of an account that is none"),
]


class Bench:
    def __init__(self, dut: Any, cover: Cover) -> None:
        self.dut, self.cover = dut, cover
        self.rings: list[deque[Recent]] = [deque(maxlen=DEPTH) for _ in range(ACCOUNTS)]
        self.fallen: list[Recent] = []
        self.asked: tuple[int, int, Recent | None] | None = None
        self.cycles = 0

    async def start(self) -> None:
        for name in ("find_valid_i", "push_i", "query_account_i", "query_slot_i"):
            getattr(self.dut, name).value = 0
        self.dut.rst_ni.value = 0
        cocotb.start_soon(Clock(self.dut.clk_i, 6400, "ps").start())
        await RisingEdge(self.dut.clk_i)
        await RisingEdge(self.dut.clk_i)
        self.dut.rst_ni.value = 1

    async def cycle(
        self, order: OrderIntentRecord | None, window_ns: int, query: tuple[int, int], *, push: bool
    ) -> None:
        """One cycle: drives, compares what is combinational and the answer to the last query, moves the twin."""
        dut = self.dut
        await RisingEdge(dut.clk_i)
        dut.find_valid_i.value, dut.push_i.value, dut.window_i.value = int(order is not None), int(push), window_ns
        dut.query_account_i.value, dut.query_slot_i.value = query
        if order is not None:
            instrument_id, side, lots, price_ticks, time_ns = recent_of(order)
            dut.find_account_i.value, dut.find_instrument_i.value = order.account_id, instrument_id
            dut.find_side_i.value, dut.find_lots_i.value = side, lots
            dut.find_price_i.value, dut.find_time_i.value = price_ticks, time_ns
        await FallingEdge(dut.clk_i)
        self.judge(order, window_ns)
        self.judge_query()
        self.asked = (*query, self.at(*query))
        if push and order is not None:
            self.push(order)
        self.cycles += 1

    def ring(self, account_id: int) -> deque[Recent]:
        return self.rings[account_id] if account_id < ACCOUNTS else deque()

    def judge(self, order: OrderIntentRecord | None, window_ns: int) -> None:
        found = int(self.dut.duplicate_o.value)
        if order is None:
            self.cover.hit("nothing asked")
            assert not found
            return
        recent = list(self.ring(order.account_id))
        case: Any = SimpleNamespace(order=order, account=SimpleNamespace(duplicate_window_ns=window_ns), recent=recent)
        expected = duplicate_order(case)
        assert found == expected, f"{order} within {window_ns} ns of {recent}: {found}"
        self.cover_search(order, window_ns, recent, expected=expected)

    def cover_search(self, order: OrderIntentRecord, window_ns: int, recent: list[Recent], *, expected: bool) -> None:
        hit, this = self.cover.hit, recent_of(order)
        hit("duplicate" if expected else "no duplicate")
        if expected and order.order_type == OrderType.MARKET:
            hit("a MARKET order twice")
        if order.account_id >= ACCOUNTS:
            hit("an account that is none")
        if window_ns == FUTURE and expected:
            hit("the longest window")
        if not expected and window_ns and this[:4] in [before[:4] for before in self.fallen]:
            hit("the oldest fell out")
        for before in recent:
            differ = [at for at in range(4) if before[at] != this[at]]
            if not differ:
                self.cover_time(this[4] - before[4], window_ns)
            elif len(differ) == 1:
                hit(DIFFERENCES[differ[0]])
            if differ == [0] and (before[0] ^ this[0]) & 0xFFFF == 0:
                hit("an instrument that is the same in 16 bits")

    def cover_time(self, elapsed_ns: int, window_ns: int) -> None:
        if window_ns == 0:
            self.cover.hit("window 0")
        elif elapsed_ns < 0:
            self.cover.hit("time went backwards")
        elif elapsed_ns in {window_ns - 1, window_ns}:
            self.cover.hit("just within the window" if elapsed_ns < window_ns else "just outside the window")

    def push(self, order: OrderIntentRecord) -> None:
        ring = self.rings[order.account_id]
        self.cover.hit("push into a full ring" if len(ring) == DEPTH else "push")
        if len(ring) == DEPTH:
            self.fallen = [*self.fallen[-3:], ring[0]]
        ring.append(recent_of(order))

    def at(self, account_id: int, slot: int) -> Recent | None:
        """As export_state has them: the oldest first."""
        ring = self.ring(account_id)
        self.cover.hit("query of an order" if slot < len(ring) else "query of nothing")
        if account_id >= ACCOUNTS:
            self.cover.hit("query of an account that is none")
        return ring[slot] if slot < len(ring) else None

    def judge_query(self) -> None:
        if self.asked is None:
            return
        bits = int(self.dut.query_o.value)
        fields = []
        for width in (64, 31, 20, 2, 16, 1):
            fields.append(bits & (1 << width) - 1)
            bits >>= width
        time_ns, price, lots, side, instrument, valid = fields
        found = (instrument, side, lots, price, time_ns) if valid else None
        assert found == self.asked[2], f"slot {self.asked[1]} of account {self.asked[0]}: {found}, not {self.asked[2]}"


class Stream:
    """Few values of each kind, so that orders repeat; the clock goes on, stands, and at times goes back."""

    def __init__(self, bench: Bench, dice: random.Random) -> None:
        self.bench, self.dice = bench, dice
        self.now_ns = 2**62

    def order(self) -> tuple[OrderIntentRecord, int]:
        dice = self.dice
        self.now_ns += dice.choice([0, 1, 1, 2, 50])
        instrument, side, lots, price = dice.choice([1, 65_535]), dice.choice([1, 2]), dice.choice([1, 2**20 - 1]), 5
        account = dice.randrange(ACCOUNTS)
        time_ns, window_ns = self.now_ns, dice.choice([0, 1, 100, 100, FUTURE])
        ring = self.bench.rings[account]
        if ring and dice.random() < 0.5:
            instrument, side, lots, price, then_ns = dice.choice(list(ring))
            time_ns = max(0, then_ns + dice.choice([-1, 0, 1, 99, 100, 101, dice.randrange(300)]))
            field = dice.randrange(8)
            instrument ^= (1 << dice.randrange(32)) if field == 0 else 0
            side = 3 - side if field == 1 else side
            lots ^= (1 << dice.randrange(20)) if field == 2 else 0
            price ^= (1 << dice.randrange(31)) if field == 3 else 0
        elif self.bench.fallen and dice.random() < 0.2:
            instrument, side, lots, price, time_ns = dice.choice(self.bench.fallen)
        if dice.random() < 0.05:
            account = dice.choice([ACCOUNTS, 65_535, dice.randrange(2**16)])
        kind = OrderType.LIMIT if price else OrderType.MARKET
        if dice.random() < 0.2:
            kind = OrderType.MARKET
        keys = {"instrument_id": instrument, "account_id": account, "strategy_id": 0, "time_ns": time_ns}
        return make_order(side=side, order_type=kind, price_ticks=price, quantity_lots=lots, **keys), window_ns


def make_order(**values: int) -> OrderIntentRecord:
    plain = dict.fromkeys(("side", "flags", "port_id", "tif", "order_id", "working_lots", "working_price_ticks"), 0)
    return OrderIntentRecord(action=Action.NEW, **(plain | values))


@cocotb.test()
async def random_stream(dut: Any) -> None:
    dice = random.Random(seed())
    cover = Cover("recent orders", BINS)
    bench = Bench(dut, cover)
    await bench.start()
    stream = Stream(bench, dice)
    slots = max(2, 1 << (DEPTH - 1).bit_length())
    for _ in range(CYCLES):
        query = dice.choice([dice.randrange(ACCOUNTS)] * 15 + [dice.randrange(2**16)]), dice.randrange(slots)
        order, window_ns = stream.order()
        asked = order if dice.random() < 0.9 else None
        fits = order.account_id < ACCOUNTS and order.instrument_id < 2**16
        await bench.cycle(asked, window_ns, query, push=fits and dice.random() < 0.3)
    cover.require_full()
    report_cycles("recent_orders", bench.cycles)
