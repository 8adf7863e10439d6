"""Days in volume, in step and racing, beside the twin; then what must meet in the pipeline."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
import os
import random
from functools import partial
from typing import Any

import cocotb

from meltica.hot import layout_gen as lay
from meltica.hot.layout_gen import Action, KillScope, Side
from meltica.hot.rulebook_gen import Check
from sim.rtl import report_cycles
from sim.rtl.coverage import Cover
from sim.rtl.risk_gate.alone import CASES
from sim.rtl.risk_gate.bins import BINS
from sim.rtl.risk_gate.desk import RATE, Desk
from sim.rtl.risk_gate.harness import Bench
from sim.rtl.risk_gate.shapes import SHAPES
from sim.rtl.risk_gate.words import key_of, market_of, named, whole
from sim.rtl.runner import seed
from tests.conformance.gate_volume import Episode, episode

NAME = os.environ["SHAPE"]
SHAPE = SHAPES[NAME]
FROM_THE_FEED = {number.to_bytes(2, "little") for number in (6, 7, 25, 26)}  # types of rows
DAYS, OPERATIONS = (3, 2_000) if NAME == "usual" else (2, 1_000)
COVER = Cover(f"risk_gate {NAME}", BINS)


async def begun(dut: Any, unit_nanos: int = 100_000, *, leased: bool = False) -> Bench:
    bench = Bench(dut, SHAPE, COVER, unit_nanos, leased=leased)
    await bench.start()
    return bench


async def ended(bench: Bench) -> None:
    await bench.require_same_state()
    bench.clock.cancel()
    report_cycles("risk_gate", bench.cycles)


@cocotb.test()
async def a_day_in_step(dut: Any) -> None:
    """Each operation waits for the one before it, as the generator meant it."""
    for day in range(DAYS):
        one = episode(seed() + day, OPERATIONS)
        bench = await begun(dut, one.scale.unit, leased=one.leased)
        for at in range(len(one)):
            data = one.record(at)
            if one.is_order[at]:
                await bench.cycle(trig=data)
            else:
                bench.told.append(whole(data))
                while bench.told or bench.told_inside:
                    await bench.cycle()
        await ended(bench)


@cocotb.test()
async def a_day_racing(dut: Any) -> None:
    """Trigger, host, feed and told rows all at once; the twin follows the order in which they enter."""
    rng = random.Random(seed())
    for day in range(DAYS):
        one = episode(seed() + 100 + day, OPERATIONS)
        bench = await begun(dut, one.scale.unit, leased=one.leased)
        await race(bench, one, rng)
        await ended(bench)


async def race(bench: Bench, one: Episode, rng: random.Random) -> None:
    at, burst, trigger = 0, 0, []
    while at < len(one) or bench.host or trigger:
        while at < len(one) and len(bench.told) + len(bench.market) < 2 and len(bench.host) + len(trigger) < 8:
            data = one.record(at)
            if one.is_order[at]:
                rng.choice((bench.host, trigger)).append(data)
            elif rng.random() < 0.5 and taken_from_the_feed(bench, data):
                bench.market.append(data)
            else:
                bench.told.append(whole(data))
            at += 1
        if burst == 0 and rng.random() < 0.3:
            burst = rng.randrange(1, 6)
        key = trigger.pop(0) if burst and trigger else None
        burst -= burst > 0
        kill, release = rng.random() < 0.002, rng.random() < 0.05
        query = (rng.randrange(9) << 32 | rng.randrange(4)) << 8 | rng.randrange(32) if rng.random() < 0.05 else None
        await bench.cycle(trig=key, kill=kill, release=release, query=query)


def taken_from_the_feed(bench: Bench, data: bytes) -> bool:
    """A row that the feed could tell, and that no bound refuses."""
    if data[:2] not in FROM_THE_FEED or whole(data) != data or market_of(data) is None:
        return False
    number = int.from_bytes(data[4:8], "little")
    if number >= bench.shape["Instruments"]:
        return False
    if data[0] == 25:  # Quote: lots without a price are none of the feed's
        bid, bid_lots, ask, ask_lots = (int.from_bytes(data[8 + 8 * i : 16 + 8 * i], "little") for i in range(4))
        return not ((bid_lots and not bid) or (ask_lots and not ask))
    if data[0] == 26:  # PriceBand
        return int.from_bytes(data[8:16], "little") <= int.from_bytes(data[16:24], "little")
    return True


async def desk_of(dut: Any, unit_nanos: int = 100_000) -> tuple[Bench, Desk]:
    bench = await begun(dut, unit_nanos)
    desk = Desk(bench)
    await desk.open()
    return bench, desk


@cocotb.test()
async def each_check_alone(dut: Any) -> None:
    """An order that fires it and nothing else, and its neighbour that passes."""
    for case in CASES:
        bench = await begun(dut, leased=case.check == Check.LEASE_EXPIRED)
        desk = Desk(bench)
        await desk.open()
        case.told(desk)
        await bench.drain()
        for fields in case.first:
            await sent(bench, desk.order(**fields), 0)
        await sent(bench, desk.order(**case.order), 1 << case.check)
        if case.check != Check.KILL_SWITCH:
            await bench.cycle(kill=True)
            await sent(bench, desk.order(**case.order), 1 << case.check | 1 << Check.KILL_SWITCH)
            await bench.cycle(release=True)
        case.relief(desk)
        await bench.drain()
        await sent(bench, desk.order(**(case.order | case.spared)), 0)
        bench.clock.cancel()
        report_cycles("risk_gate", bench.cycles)
    assert {case.check for case in CASES} == set(Check) - {Check.MALFORMED}


async def sent(bench: Bench, order: bytes, mask: int) -> None:
    await bench.cycle(trig=order)
    await bench.drain()
    assert bench.twin.fired_mask == mask, f"{order.hex()} fired {named(bench.twin.fired_mask)}, not {named(mask)}"


def some_order(desk: Desk, rng: random.Random) -> bytes:
    """Of few rows, so that orders meet; some resting, some replacing, some refused."""
    fields: dict[str, Any] = {
        "account_id": rng.choice(desk.accounts),
        "instrument_id": rng.choice((0, 0, 0, desk.instruments[-1])),
        "strategy_id": rng.randrange(2),
        "port_id": rng.randrange(2),
        "side": rng.choice((Side.BUY, Side.SELL)),
        "quantity_lots": rng.choice((1, 10, 100, 1_000, 1_001)),
        "price_ticks": rng.choice((9_500, 10_000, 10_500, 12_000)),
        "tif": rng.choice((0, 3, 3, 3)),
        "action": rng.choice((Action.NEW, Action.NEW, Action.NEW, Action.REPLACE, Action.CANCEL)),
    }
    if fields["action"] == Action.REPLACE and rng.random() < 0.7:
        fields |= {"working_lots": rng.choice((1, 10, 100)), "working_price_ticks": 10_000}
    return desk.order(**fields)


@cocotb.test()
async def back_to_back(dut: Any) -> None:
    """Orders on the same rows every cycle, or with small gaps, into limits that bite in the middle of a burst."""
    rng = random.Random(seed())
    bench, desk = await desk_of(dut)
    for turn in range(40):
        limits = (
            partial(desk.position, 0, 0, max_long_lots=rng.randrange(2_000)),
            partial(desk.account, 0, max_open_value_nanos=rng.randrange(10**13), max_open_orders=rng.randrange(90)),
            partial(desk.account, 0, messages_per_second=10**8, message_burst=rng.randrange(6)),
            partial(desk.instrument, 0, messages_per_second=3 * 10**8, message_burst=rng.randrange(6)),
            partial(desk.instrument, 0, max_day_lots=rng.randrange(10**5)),
            partial(desk.firm, max_open_value_nanos=rng.randrange(10**14)),
            partial(desk.strategy, 0, messages_per_second=10**9, message_burst=3),
            partial(desk.account, 0, duplicate_window_ns=rng.randrange(20)),
            partial(desk.tell, lay.DayResetRecord),
        )
        limits[turn % len(limits)]()
        await bench.drain()
        for _ in range(30):
            for _ in range(rng.choice((0, 0, 0, 0, 1, 2, 3))):
                await bench.cycle()
            await bench.cycle(trig=some_order(desk, rng))
        await bench.drain()
        for restore in (desk.account, desk.instrument, desk.position, desk.firm, desk.strategy):
            restore()
    await ended(bench)


@cocotb.test()
async def one_a_cycle(dut: Any) -> None:
    """Plain orders on one row without a gap: each is judged by what the one before it left."""
    bench, desk = await desk_of(dut)
    desk.position(0, 0, max_long_lots=995)
    await bench.drain()
    before = bench.verdicts
    for _ in range(120):
        await bench.cycle(trig=desk.order())
    await bench.drain()
    assert bench.verdicts - before == 120
    assert bench.twin.counters()["passed"][Action.NEW] == 99
    for _ in range(120):
        bench.host.append(desk.order(instrument_id=1))
    cycles = bench.cycles
    while bench.host:
        await bench.cycle()
    assert bench.cycles - cycles <= 122, "the host's orders take a cycle each"
    await ended(bench)


@cocotb.test()
async def kill_at_every_stage(dut: Any) -> None:
    """Engaged and released at every distance from orders, by the wire and by a told row."""
    bench, desk = await desk_of(dut)
    for gap in range(3):
        for at in range(12):
            for beat in range(12):
                order = desk.order() if beat % (gap + 1) == 0 else None
                await bench.cycle(trig=order, kill=beat == at, release=beat == (at + 4) % 12)
            await bench.cycle(release=True)
            for beat in range(12):  # both at once: the engage wins
                await bench.cycle(trig=desk.order(), kill=beat == at, release=beat in {at, at + 2})
            await bench.cycle(release=True)
    for at in range(8):
        desk.tell(lay.KillRecord, scope=KillScope.GLOBAL, engage=1)
        desk.tell(lay.KillRecord, scope=KillScope.GLOBAL, engage=0)
        desk.tell(lay.KillRecord, scope=1 + at % 5, engage=1)
        desk.tell(lay.KillRecord, scope=1 + at % 5, engage=0)
        for beat in range(60):
            await bench.cycle(trig=desk.order() if beat % 3 else None, kill=beat == 20 + at, release=beat == 30)
        await bench.drain()
        await bench.cycle(release=True)
    await ended(bench)


@cocotb.test()
async def rows_told_between_orders(dut: Any) -> None:
    """Limits, fills and the market change rows while orders on them pass by."""
    rng = random.Random(seed())
    bench, desk = await desk_of(dut)
    for turn in range(150):
        account, number = rng.choice(desk.accounts), rng.choice((0, desk.instruments[-1]))
        keys = {"account_id": account, "instrument_id": number, "side": rng.choice((1, 2)), "strategy_id": 0}
        burst = {"message_burst": rng.choice((0, 1, 5, 2**31 - 1)), "messages_per_second": rng.choice((0, 10**9, 5))}
        told = (
            partial(desk.account, account, **burst, enabled=rng.randrange(4) > 0),
            partial(desk.instrument, number, **burst, restricted=rng.randrange(4) == 0),
            partial(desk.strategy, 0, **burst),
            partial(desk.firm, **burst),
            partial(desk.tell, lay.PortLimitsRecord, port_id=0, enabled=1, **(RATE | burst)),
            partial(desk.tell, lay.FillRecord, **keys, quantity_lots=10, reserved_price_ticks=10_000, closes=1),
            partial(desk.tell, lay.ReleaseRecord, **keys, quantity_lots=100, reserved_price_ticks=10_000),
            partial(desk.tell, lay.ReserveRecord, **keys, quantity_lots=5, reserved_price_ticks=9_000, opens=1),
            partial(desk.tell, lay.CreditRecord, scope=1 + account, id=0, delta_nanos=rng.randrange(-(10**13), 10**13)),
            partial(desk.tell, lay.DayResetRecord),
        )
        rng.choice(told)()
        if rng.random() < 0.5:
            price, lots = rng.choice((9_990, 10_000, 10_400)), rng.choice((0, 10, 500))
            market = (
                lay.ReferencePriceRecord(number, price, desk.now),
                lay.QuoteRecord(number, price - 1, lots, price, lots, desk.now),
                lay.MarkRecord(rng.choice((1, 2, 3)), rng.randrange(2), number, desk.now),
                lay.PriceBandRecord(number, price - 200, price + 200),
            )
            bench.market.append(rng.choice(market).to_bytes())
        for _ in range(rng.randrange(4, 40)):
            order = some_order(desk, rng) if rng.random() < 0.4 else None
            await bench.cycle(trig=order)
            if rng.random() < 0.1 and len(bench.host) < 3:
                bench.host.append(some_order(desk, rng))
        if turn % 10 == 9:
            for restore in (desk.account, desk.instrument, desk.strategy, desk.firm):
                restore()
            desk.tell(lay.PortLimitsRecord, port_id=0, enabled=1, **RATE)
            await bench.drain()
    await ended(bench)


@cocotb.test()
async def an_order_needs_its_key(dut: Any) -> None:
    """Without one, or with that of another order, or before the tables are empty: refused, and nothing moves."""
    bench, desk = await desk_of(dut)
    order = desk.order()
    for stray in (
        desk.order(),
        desk.order(instrument_id=1),
        desk.order(account_id=1),
        desk.order(strategy_id=1),
        desk.order(port_id=1),
    ):
        await bench.cycle(stray=stray)
        await bench.cycle(trig=order, trig_fields=stray if key_of(stray) != key_of(order) else None)
        await bench.cycle()
    await bench.drain()
    await bench.require_same_state()
    await bench.restart(sweep=False)
    for _ in range(2):  # the smallest tables are swept in 8 cycles
        await bench.cycle(stray=desk.order())
        await bench.cycle(trig=order, unready=True)
    while not int(dut.now_o.value) & 1:
        await bench.cycle()
    await ended(bench)


@cocotb.test()
async def limits_wait_for_what_was_reserved_without_them(dut: Any) -> None:
    """Lots that were reserved in an instrument that has no value yet keep its limits out."""
    bench, desk = await desk_of(dut)
    number = desk.instruments[-1] + 1 if SHAPE["Instruments"] > len(desk.instruments) else None
    if number is not None:
        keys = {"account_id": 1, "instrument_id": number, "side": Side.SELL, "quantity_lots": 7, "strategy_id": 1}
        desk.tell(lay.ReserveRecord, **keys, reserved_price_ticks=9_000, opens=1)
        desk.instrument(number)
        desk.tell(lay.ReleaseRecord, **(keys | {"quantity_lots": 6}))
        desk.instrument(number)
        desk.tell(lay.ReleaseRecord, **(keys | {"quantity_lots": 1}))
        desk.instrument(number)
        await bench.drain()
        assert bench.last_statuses[-6:] == [1, 3, 1, 3, 1, 1]
    await ended(bench)


@cocotb.test()
async def nonsense_is_refused(dut: Any) -> None:
    """Rows with ones in every bit, of each type id that there is and of some that there are not."""
    bench, _ = await desk_of(dut)
    for type_id in range(64):
        bench.told.append(whole(type_id.to_bytes(2, "little") + b"\xff" * 126))
        bench.market.append(lay.MarkRecord(1 + type_id % 3, 1, 0, 0).to_bytes())
    await ended(bench)


@cocotb.test()
async def nobody_starves(dut: Any) -> None:
    """With a trigger's key every third cycle - the feed can't do it every fourth - all others go on."""
    bench, desk = await desk_of(dut)
    waited = {"host": 0, "told": 0, "query": 0}
    bench.query_value = 0
    for beat in range(1_200):
        if not bench.host:
            bench.host.append(desk.order(instrument_id=1))
            waited["host"] = 0
        if not bench.told_inside and not bench.told:
            desk.account(1)
            waited["told"] = 0
        query = None
        if bench.query_value is not None:
            bench.query_value, query = None, 2 << 40
            waited["query"] = 0
        await bench.cycle(trig=desk.order() if beat % 3 == 0 else None, query=query)
        waited = {name: cycles + 1 for name, cycles in waited.items()}
        assert waited["host"] <= 8
        assert waited["query"] <= 24
        assert waited["told"] <= 120  # a division of 64 bits and its way through
    await bench.drain()
    await ended(bench)


@cocotb.test()
async def coverage_is_full(dut: Any) -> None:
    del dut
    if NAME == "usual":
        COVER.require_full()
