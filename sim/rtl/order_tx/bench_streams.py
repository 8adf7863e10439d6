"""Stalls, kills in every cycle, a full queue, the venue's answers, and long random streams of everything at once."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
import os
import random
from dataclasses import replace
from typing import Any

import cocotb

from meltica.hot.layout_gen import Action, DropKind, Flag, OrderIntentRecord, OrderType, Side, TimeInForce
from meltica.hot.ouch_orders_twin import ORDER_FIELDS
from sim.rtl import report_cycles
from sim.rtl.coverage import Cover
from sim.rtl.order_tx.frames import payload_of
from sim.rtl.order_tx.harness import DEPTH, IN_FLIGHT, Bench, a_symbol, a_template, an_order, from_venue, heard
from sim.rtl.order_tx.judge import Cause, Port
from sim.rtl.runner import seed

PORTS, ORDERS, INSTRUMENTS = (int(os.environ[name]) for name in ("PORTS", "ORDERS", "INSTRUMENTS"))
STREAM_CYCLES = 40_000
KILL_LATEST = 34
FROZEN = 12  # cycles in which an order that the venue spoke of is left alone


async def started(dut: Any, ports: int = 1) -> Bench:
    bench = Bench(dut, ports=PORTS, orders=ORDERS, instruments=INSTRUMENTS)
    await bench.start()
    await bench.tell(*(a_symbol(number) for number in range(4)))
    for port_id in range(ports):
        await bench.open_port(a_template(port_id, vlan=0x6007 * (port_id % 2)))
    return bench


def done(bench: Bench) -> None:
    assert not bench.waiting
    assert not bench.expected
    report_cycles("order_tx", bench.cycle)


async def make_room(bench: Bench) -> None:
    for port_id, port in bench.judge.open.items():
        await bench.tell(heard(port.template, port_id=port_id, acknowledged=port.sequence_number))


@cocotb.test()
async def a_stall_at_every_word(dut: Any) -> None:
    """Each word of each kind of frame held for 1, 2 and 7 cycles, alone and together."""
    bench = await started(dut, ports=2)
    cover = Cover("stalls", [(at, length) for at in range(14) for length in (1, 2, 7)])
    number = 0
    for at, length in cover.bins:
        for port_id in (0, 1):
            number += 1
            for action in (Action.NEW, Action.REPLACE, Action.CANCEL):
                await bench.step(an_order(number, action=action, port_id=port_id), ready=at != 0)
                left = length
                while bench.waiting or bench.expected or bench.words:
                    stall = len(bench.words) == at and left > 0
                    left -= stall
                    await bench.step(ready=not stall)
                if left == 0:
                    cover.hit((at, length))
                await bench.step()
    assert not bench.purged
    cover.require_full()
    done(bench)


@cocotb.test()
async def a_kill_in_every_cycle(dut: Any) -> None:
    """NEW, NEW, CANCEL, REPLACE one after the other; the switch for one cycle, or for good, in every cycle."""
    bench = await started(dut)
    cover = Cover("kills", [*range(-1, 13), "between frames", "verdict's own cycle", "first word held"])
    number = 0
    for pattern in ("always", "late", "every other"):
        for at in range(KILL_LATEST):
            for length in (1, 200):
                number += 1
                base = number * 8
                await bench.send(an_order(base + 4))
                await bench.send(an_order(base + 5))
                orders = [
                    an_order(base), an_order(base + 1), an_order(base + 4, action=Action.CANCEL),
                    an_order(base + 5, action=Action.REPLACE),
                ]  # fmt: skip
                for cycle in range(at + length):
                    order = orders[cycle] if cycle < len(orders) else None
                    ready = {"always": True, "late": cycle >= 20, "every other": cycle % 2 == 0}[pattern]
                    kill = at <= cycle < at + length
                    if kill and cycle == at:
                        cover.hit(len(bench.words) if bench.words or bench.held >= 0 else -1)
                        if cycle < len(orders):
                            cover.hit("verdict's own cycle")
                        elif not bench.words and bench.waiting:
                            cover.hit("between frames")
                        if bench.held >= 0 and not bench.words:
                            cover.hit("first word held")
                    await bench.step(order, ready=ready, kill=kill)
                await bench.quiet()
        await make_room(bench)
    assert {cause for _, cause in bench.purged} == {Cause.KILLED}
    assert len(bench.frames) > KILL_LATEST * 6
    cover.require_full()
    done(bench)


@cocotb.test()
async def the_queue_fills(dut: Any) -> None:
    """almost_full in time for what is in the gate; beyond the last place: told, and what is inside is unharmed."""
    bench = await started(dut)
    bench_full = [int(dut.almost_full_o.value)]
    for number in range(1, DEPTH + 5):
        await bench.step(an_order(number), ready=False)
        bench_full.append(int(dut.almost_full_o.value))
    await bench.idle(3, ready=False)
    # One at the head, the others wait; the flag is seen in the cycle after the entry that raises it.
    assert bench_full.index(1) == DEPTH - IN_FLIGHT + 2, bench_full
    assert [cause for _, cause in bench.purged] == [Cause.OVERFLOW] * 3
    assert [order.order_id for order, _ in bench.purged] == [18, 19, 20]
    await bench.quiet()
    assert [order.order_id for order, _ in bench.frames] == list(range(1, DEPTH + 2))
    # Full again, and killed: all that wait are told one after the other, a cancel among them leaves.
    for number in range(101, 118):
        await bench.step(an_order(number) if number != 110 else an_order(17, action=Action.CANCEL), ready=False)
    await bench.step(kill=True, ready=False)
    before = bench.cycle
    await bench.quiet()
    assert bench.cycle - before < 60
    assert len(bench.purged) == 3 + 15
    # Over the edge while the head is purged, too: nothing is lost and nothing told twice.
    for number in range(201, 218):
        await bench.step(an_order(number), ready=False)
    for number in range(218, 240):
        await bench.step(an_order(number), kill=True, ready=number > 221)
    await bench.quiet()
    done(bench)


@cocotb.test()
async def what_the_venue_says(dut: Any) -> None:
    """Replace chains, fills and cancels: the numbers and totals that the software's port would send."""
    bench = await started(dut)
    symbol = {"Symbol": "MELT", "Price": 1_234_500, "Time In Force": "0", "Display": "Y", "Capacity": "P"}
    rest = {"InterMarket Sweep Eligibility": "N", "CrossType": "N", "Order State": "L", "ClOrdID": "M"}
    await bench.send(an_order(5, quantity_lots=100))
    await bench.venue_says(0, "E", UserRefNum=1, Quantity=30, Price=5, Liquidity_Flag="A", Match_Number=1)
    await bench.send(an_order(5, action=Action.REPLACE, quantity_lots=50))
    assert payload_of(bench.frames[-1][1])[12:16] == (80).to_bytes(4, "big")
    await bench.send(an_order(5, action=Action.REPLACE, quantity_lots=60))
    assert bench.purged[-1][1] == Cause.REPLACE_PENDING
    await bench.venue_says(0, "J", UserRefNum=2, Reason=1, ClOrdID="M")
    await bench.send(an_order(5, action=Action.REPLACE, quantity_lots=60))
    assert payload_of(bench.frames[-1][1])[4:12] == bytes([0, 0, 0, 1, 0, 0, 0, 3])
    await bench.venue_says(
        0, "U", OrigUserRefNum=1, UserRefNum=3, Side="B", Quantity=60, Order_Reference_Number=9,
        **{name.replace(" ", "_"): value for name, value in (symbol | rest).items()},
    )  # fmt: skip
    await bench.send(an_order(5, action=Action.CANCEL))
    assert payload_of(bench.frames[-1][1]) == bytes.fromhex("000a 5558 00000003 00000000")
    await bench.send(an_order(5, action=Action.REPLACE))
    assert bench.purged[-1][1] == Cause.UNKNOWN_ORDER
    await bench.venue_says(0, "I", UserRefNum=3)
    assert await bench.send(an_order(5, action=Action.REPLACE, quantity_lots=7))
    await bench.send(an_order(5))
    assert bench.purged[-1][1] == Cause.DUPLICATE_ORDER
    await bench.venue_says(0, "C", UserRefNum=3, Quantity=60, Reason="U")
    await bench.send(an_order(5, action=Action.CANCEL))
    assert bench.purged[-1][1] == Cause.UNKNOWN_ORDER
    # The newest order wins a place of the table; the older one is unknown from then on.
    await bench.send(an_order(6))
    assert bench.evicted == 0
    await bench.send(an_order(6 + ORDERS))
    assert bench.evicted == bench.judge.evicted == 1
    await bench.send(an_order(6, action=Action.CANCEL))
    assert bench.purged[-1][1] == Cause.UNKNOWN_ORDER
    assert await bench.send(an_order(6 + ORDERS, action=Action.CANCEL))
    # An answer for another port's order of this id changes nothing.
    row = bench.judge.hears(0, from_venue("C", {"UserRefNum": 6, "Quantity": 100, "Reason": "U"}))
    assert (row.kind, row.leaves_lots) == (DropKind.CANCELED, 0)
    await bench.step(raw=replace(row, port_id=1).to_bytes())
    await bench.idle(5)
    # Rows faster than they can be worked are told, not mixed up.
    bad = bench.bad_rows
    for _ in range(3):
        await bench.step(raw=row.to_bytes())
    await bench.idle(5)
    assert bench.bad_rows == bad + 2
    done(bench)


class Stream:
    """Random orders, rows, stalls and kills; Bench judges all that comes out."""

    def __init__(self, bench: Bench, dice: random.Random) -> None:
        self.bench, self.dice = bench, dice
        self.frozen: dict[int, int] = {}
        self.stall = self.burst = 0.0
        self.full: list[int] = [0] * IN_FLIGHT
        self.newest = 100
        self.killed_left = 0
        self.cover = Cover("streams", [
            *((action.name, port) for action in Action for port in range(PORTS - 1)),
            *(cause for cause in Cause if cause not in (Cause.NONE, Cause.EXHAUSTED, Cause.OVERFLOW)),
            *(("answer", kind) for kind in "UJECDI"), *("down", "up", "restart", "same numbers", "almost full", "kill"),
            *("stalled", "always ready", "waiting cancel overtaken"),
        ])  # fmt: skip

    def order(self) -> OrderIntentRecord:
        dice = self.dice
        port_id = dice.choice((0, 0, 1, 2, 2, 2, PORTS - 1 if dice.random() < 0.05 else 0))
        action = dice.choices((1, 2, 3, 0), (60, 25, 25, 0.5))[0]
        if action == Action.NEW:
            self.newest += 1
            number = self.newest
        else:
            number = max(1, self.newest - dice.randrange(ORDERS + 3))
        number |= dice.choice((0, 0, 1 << 40)) if action == Action.NEW else 0
        known = [row[0] for port in self.bench.judge.open.values() for row in port.ouch.export_state()["orders"]]
        if known and dice.random() < (0.05 if action == Action.NEW else 0.9):
            number = dice.choice(known)
            port_id = next(
                p for p, port in self.bench.judge.open.items()
                if any(row[0] == number for row in port.ouch.export_state()["orders"])
            )  # fmt: skip
        side = dice.choice((Side.BUY, Side.SELL))
        flags = dice.choice((0, Flag.POST_ONLY, Flag.ISO, Flag.SHORT if side == Side.SELL else 0))
        made = an_order(
            number, action=action, port_id=port_id, side=side, flags=flags, instrument_id=dice.randrange(4),
            tif=dice.choice((TimeInForce.DAY, TimeInForce.IOC)), price_ticks=dice.randrange(1, 1_999_999_901),
            quantity_lots=dice.choice((dice.randrange(1, 200), dice.randrange(1, 1_000_000))),
            order_type=dice.choice((OrderType.LIMIT, OrderType.LIMIT, OrderType.MARKET)), time_ns=dice.getrandbits(63),
        )  # fmt: skip
        if dice.random() < 0.04:
            name, value = dice.choice((
                ("quantity_lots", 1_000_001), ("price_ticks", 2_000_000_000), ("tif", TimeInForce.GTC), ("side", 7),
                ("instrument_id", 9), ("port_id", PORTS + 1),
            ))  # fmt: skip
            made = replace(made, **{name: value})
        return made

    def row(self) -> Any:
        dice, judge = self.dice, self.bench.judge
        port_id = dice.choice(sorted(judge.open))
        port = judge.open[port_id]
        roll = dice.random()
        if roll < 0.5:
            return self.answer(port_id, port)
        if roll < 0.97 or any(order.port_id == port_id for order, _ in self.bench.waiting):
            up = int(dice.random() < 0.9)
            self.cover.hit("up" if up else "down")
            behind = dice.choice((0, 0, 0, 50, 5000))
            return heard(
                port.template, port_id=port_id, up=up, acknowledged=(port.sequence_number - behind) % (1 << 32),
                peer_window=dice.choice((0, 30, 60, 300, 5000, 0xFFFF)), acknowledgment_number=dice.getrandbits(32),
                window=dice.getrandbits(16),
            )  # fmt: skip
        again = dice.random() < 0.5
        self.cover.hit("same numbers" if again else "restart")
        return a_template(
            port_id, vlan=dice.choice((0, 0x6007)), sequence_number=dice.getrandbits(32), user_ref_num=1 if not again
            else port.ouch.next_user_ref_num, firm=dice.choice((0, int.from_bytes(b"MELT", "little"))),
        )  # fmt: skip

    def answer(self, port_id: int, port: Port) -> Any:
        """Of a random working order that nobody asks for right now; None: there is none."""
        rows = [dict(zip(ORDER_FIELDS, row, strict=True)) for row in port.ouch.export_state()["orders"]]
        asked = {order.order_id for order, _ in self.bench.waiting}
        rows = [row for row in rows if row["order_id"] not in asked]
        if not rows:
            return None
        row = self.dice.choice(rows)
        number, leaves = row["user_ref_num"], row["leaves_lots"]
        choices = ["E", "C", "D"]
        if row["is_canceling"]:
            choices += ["I", "I"]
        if row["pending_user_ref_num"]:
            choices += ["J", "U", "U", "U"]
        kind = self.dice.choice(choices)
        lots = self.dice.randrange(1, leaves + 1)
        new_leaves = row["pending_quantity_lots"] - row["cum_lots"] - row["self_match_lots"]
        fields: dict[str, dict[str, int | str]] = {
            "E": {"UserRefNum": number, "Quantity": lots, "Price": 5, "Liquidity Flag": "A", "Match Number": 1},
            "C": {"UserRefNum": number, "Quantity": leaves, "Reason": "U"},
            "D": {"UserRefNum": number, "Decrement Shares": lots, "Reason": "Q", "Liquidity Flag": "A",
                  "Quantity prevented from trading": lots, "Execution Price": 5, "AIQ Strategy": "X"},
            "I": {"UserRefNum": number},
            "J": {"UserRefNum": row["pending_user_ref_num"], "Reason": 1, "ClOrdID": "M"},
            "U": {"OrigUserRefNum": number, "UserRefNum": row["pending_user_ref_num"], "Side": "B",
                  "Quantity": max(1, new_leaves), "Symbol": "MELT", "Price": 5, "Time In Force": "0", "Display": "Y",
                  "Order Reference Number": 1, "Capacity": "P", "InterMarket Sweep Eligibility": "N",
                  "CrossType": "N", "Order State": "L" if new_leaves > 0 else "D", "ClOrdID": "M"},
        }  # fmt: skip
        self.cover.hit(("answer", kind))
        self.frozen[row["order_id"]] = self.bench.cycle + FROZEN
        return self.bench.judge.hears(port_id, from_venue(kind, fields[kind]))

    async def run(self, cycles: int) -> None:
        bench, dice = self.bench, self.dice
        next_row = 0
        for cycle in range(cycles):
            if cycle % 400 == 0:
                self.stall, self.burst = dice.choice((0, 0.2, 0.5, 0.9)), dice.choice((0.02, 0.08, 0.3, 1.0))
                self.cover.hit("stalled" if self.stall else "always ready")
            order = None
            # The gate stops when it sees the flag; IN_FLIGHT orders may be inside it by then.
            if not self.full[-IN_FLIGHT] and dice.random() < self.burst:
                order = self.order()
                if self.frozen.get(order.order_id, 0) > bench.cycle:
                    order = None
            row = None
            if bench.cycle >= next_row:
                row, next_row = self.row(), bench.cycle + dice.choice((8, 20, 60))
            if not self.killed_left and dice.random() < 0.002:
                self.killed_left = dice.choice((1, 1, 5, 40))
                self.cover.hit("kill")
            frames, purged = len(bench.frames), len(bench.purged)
            await bench.step(order, row, ready=dice.random() >= self.stall, kill=self.killed_left > 0)
            self.killed_left = max(0, self.killed_left - 1)
            self.full.append(int(bench.dut.almost_full_o.value))
            self._count(frames, purged)
        await self.finish()

    def _count(self, frames: int, purged: int) -> None:
        if self.full[-1]:
            self.cover.hit("almost full")
        for order, _ in self.bench.frames[frames:]:
            self.cover.hit((Action(order.action).name, order.port_id))
        for order, cause in self.bench.purged[purged:]:
            assert cause != Cause.OVERFLOW, order
            self.cover.hit(cause)
        waiting = self.bench.waiting
        if len(waiting) > 1 and waiting[0][0].action == Action.CANCEL and self.bench.frames[frames:]:
            self.cover.hit("waiting cancel overtaken")

    async def finish(self) -> None:
        bench = self.bench
        for _ in range(40):
            if not bench.waiting:
                break
            await make_room(bench)
            await bench.idle(200)
        await bench.quiet()


@cocotb.test()
async def random_streams(dut: Any) -> None:
    bench = await started(dut, ports=PORTS - 1)
    stream = Stream(bench, random.Random(seed()))
    await stream.run(STREAM_CYCLES)
    stream.cover.require_full()
    assert set(bench.latencies) == {1}, set(bench.latencies)
    done(bench)
