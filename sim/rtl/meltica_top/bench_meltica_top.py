"""From the wire to the wire: the cycles of a tick to its order, who may stop it, and what the host sees of it."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
import random
import struct
from typing import Any

import cocotb

from meltica.hot import card_regs_gen as regs
from meltica.hot import layout_gen as lay
from meltica.hot.layout_gen import Action, OrderIntentRecord, OrderType, Side, Status, TimeInForce, VerdictRecord
from meltica.hot.rulebook_gen import Check
from meltica.venues.nasdaq.itch_messages import build as message_of
from meltica.venues.nasdaq.itch_messages import encode
from sim.rtl import report_cycles
from sim.rtl.coverage import Cover
from sim.rtl.feed_lane.frames import TAGS, Shape, block, random_message
from sim.rtl.feed_lane.frames import build as frame_of
from sim.rtl.meltica_top.card import (
    ACCOUNT,
    HOST_PORT,
    LOCATE,
    NOW_NS,
    OTHER,
    REFERENCE,
    STRATEGY,
    Card,
    trigger_row,
)
from sim.rtl.order_tx.frames import payload_of
from sim.rtl.runner import seed

TICK_TO_ORDER = 4  # cycles from the last byte of the message to the first word of the frame
SETTLE = 60
WORD = 8
EVENT_SENT, EVENT_TRIGGERED = 88, 91


class Feed:
    """Frames with the next sequence numbers; knows at which byte of them a message ends."""

    def __init__(self, draw: random.Random) -> None:
        self.draw, self.sequence, self.reference = draw, 1, 1

    def add(self, locate: int, price: int, *, shares: int = 300, side: str = "S") -> bytes:
        self.reference += 1
        fields = {
            "stock_locate": locate, "tracking_number": 0, "timestamp": self.draw.randrange(10**13),
            "order_reference_number": self.reference, "buy_sell_indicator": side, "shares": shares,
            "stock": f"SYM{locate}", "price": price,
        }  # fmt: skip
        return encode(message_of("A", **fields))

    def noise(self) -> bytes:
        """A message of another symbol, of any kind and so of any length."""
        kind = self.draw.choice("AFECXDUPVLKHY")
        message = bytearray(random_message(self.draw, kind))
        message[1:3] = OTHER.to_bytes(2, "big")
        return bytes(message)

    async def open(self, card: Card) -> None:
        """The first frame of a session waits until it has ended good, so nothing in it pulls an order."""
        frame, _ = self.frame([self.noise()], 0, Shape())
        await card.lanes[0].send(frame)
        await card.idle(SETTLE)

    def frame(self, messages: list[bytes], at: int, shape: Shape) -> tuple[bytes, int]:
        """The frame, and the number of the word with the last byte of message ``at``."""
        blocks = [block(message) for message in messages]
        frame = frame_of(self.sequence, blocks, shape)
        self.sequence += len(messages)
        head = 14 + 4 * len(shape.tags) + 20 + 8 + 20
        return frame, (head + sum(map(len, blocks[: at + 1])) - 1) // WORD


def order(order_id: int, **changes: int) -> OrderIntentRecord:
    usual = {
        "action": int(Action.NEW), "side": int(Side.BUY), "flags": 0, "port_id": HOST_PORT,
        "order_type": int(OrderType.LIMIT), "tif": int(TimeInForce.IOC), "instrument_id": LOCATE,
        "account_id": ACCOUNT, "strategy_id": STRATEGY, "order_id": order_id, "price_ticks": REFERENCE,
        "quantity_lots": 100, "time_ns": NOW_NS, "working_lots": 0, "working_price_ticks": 0,
    }  # fmt: skip
    return OrderIntentRecord(**(usual | changes))


async def verdict_on(card: Card, intent: OrderIntentRecord) -> VerdictRecord:
    await card.host.send(intent.to_bytes())
    frame = await card.verdicts.recv()
    return VerdictRecord.from_bytes(bytes(frame.tdata))


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def a_tick_becomes_an_order_in_four_cycles_always(dut: Any) -> None:
    """Every alignment of the message's end, tagged or not, alone or behind others, on either lane."""
    draw = random.Random(seed())
    bins = [(tags, alignment) for tags in TAGS for alignment in range(WORD)]
    cover = Cover("tick to order: VLAN tags, last byte's place in its word", bins)
    card, feed = Card(dut), Feed(draw)
    await card.start()
    await feed.open(card)
    assert await card.commit(trigger_row()) == Status.OK
    pulled = 0
    while cover.missing():
        tags = draw.choice(list(TAGS))
        messages = [feed.noise() for _ in range(draw.randrange(4))]
        messages.append(feed.add(LOCATE, REFERENCE - draw.choice([100, 200, 50_000])))
        messages += [feed.noise() for _ in range(draw.randrange(3))]
        at = next(i for i, each in enumerate(messages) if each[1:3] == LOCATE.to_bytes(2, "big"))
        frame, word = feed.frame(messages, at, Shape(tags=TAGS[tags]))
        lane = draw.randrange(2)
        begun = len(card.words_at[lane])
        await card.lanes[lane].send(frame)
        sent = bytes((await card.tx.recv()).tdata)
        pulled += 1
        took = card.first_words[-1] - card.words_at[lane][begun + word]
        assert took == TICK_TO_ORDER, f"order {pulled} took {took} cycles: {len(messages)} messages, {tags} tags"
        head = 14 + 4 * tags + 20 + 8 + 20
        cover.hit((tags, (head + sum(len(each) + 2 for each in messages[: at + 1]) - 1) % WORD))
        payload = payload_of(sent)
        assert payload[2:4] == b"UO"
        assert struct.unpack(">I", payload[4:8])[0] == pulled, "UserRefNum"
        assert len(sent) % WORD == 0
        verdict = VerdictRecord.from_bytes(bytes((await card.verdicts.recv()).tdata))
        assert (verdict.reason, verdict.order_id) == (lay.REASON_PASS, 999 + pulled)
        assert len(card.first_words) == pulled
        await card.idle(draw.randrange(20))
    cover.require_full()
    await card.idle(200)  # A counter's memory follows its events by a microsecond
    assert await card.count(regs.EVENT_COUNTS, EVENT_TRIGGERED) == pulled
    assert await card.count(regs.EVENT_COUNTS, EVENT_SENT) == pulled
    dut._log.info("%d ticks became orders, each in %d cycles", pulled, TICK_TO_ORDER)
    report_cycles("meltica_top", card.cycle)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def no_order_begins_in_or_after_the_cycle_of_the_kill_pin(dut: Any) -> None:
    """The pin rises in every cycle around a tick; a frame that has begun is finished, whole."""
    draw = random.Random(seed())
    cover = Cover("kill pin around a tick", ["no order", "an order before it"])
    card, feed = Card(dut), Feed(draw)
    await card.start()
    await feed.open(card)
    assert await card.commit(trigger_row()) == Status.OK
    for ahead in range(2, 32):
        frame, _ = feed.frame([feed.add(LOCATE, REFERENCE - 500)], 0, Shape())
        before = len(card.first_words)
        await card.lanes[0].send(frame)
        await card.idle(ahead)
        dut.kill_pin_i.value = 1
        killed_at = card.cycle + 1  # The value is there in the next cycle
        await card.idle(SETTLE)
        begun = card.first_words[before:]
        assert all(cycle < killed_at for cycle in begun), (begun, killed_at)
        cover.hit("an order before it" if begun else "no order")
        for _ in begun:
            payload_of(bytes((await card.tx.recv()).tdata))
        assert card.tx.empty()
        assert await card.field(regs.CONTROL_STATUS_KILLED)
        dut.kill_pin_i.value = 0
        await card.idle(2)
        assert await card.field(regs.CONTROL_STATUS_KILLED), "the switch is sticky"
        while not card.verdicts.empty():
            card.verdicts.recv_nowait()
        await card.release()
    cover.require_full()
    report_cycles("meltica_top", card.cycle)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def the_host_is_judged_answered_and_audited(dut: Any) -> None:
    card = Card(dut)
    await card.start()
    passed = await verdict_on(card, order(7))
    assert (passed.reason, passed.fired_mask) == (lay.REASON_PASS, 0)
    assert payload_of(bytes((await card.tx.recv()).tdata))[2:4] == b"UO"
    refused = await verdict_on(card, order(8, quantity_lots=100_001))
    assert refused.fired_mask == 1 << Check.MAX_QUANTITY
    unknown = await verdict_on(card, order(9, instrument_id=5))
    assert unknown.reason == Check.UNKNOWN_INSTRUMENT
    # A row through the record stream, and an order that is judged by it.
    row = lay.ReferencePriceRecord(LOCATE, 2 * REFERENCE, NOW_NS)
    await card.host.send(row.to_bytes().ljust(64, b"\0"))
    await card.host.send(order(10).to_bytes())
    answer = lay.AnswerRecord.from_bytes(bytes((await card.verdicts.recv()).tdata)[:16])
    assert (answer.answered_type_id, answer.status) == (row.type_id, Status.OK)
    within = VerdictRecord.from_bytes(bytes((await card.verdicts.recv()).tdata))
    assert within.reason == lay.REASON_PASS  # 50 % away: at the collar's edge
    outside = await verdict_on(card, order(11, price_ticks=REFERENCE - 1))
    assert outside.fired_mask == 1 << Check.PRICE_COLLAR
    await card.idle(200)  # A counter's memory follows its events by a microsecond
    for check in (Check.MAX_QUANTITY, Check.UNKNOWN_INSTRUMENT, Check.PRICE_COLLAR):
        assert await card.count(regs.REJECT_COUNTS, check) == 1
    kinds = []
    while await card.read(regs.AUDIT_LEVEL):
        words = [await card.read(regs.AUDIT_RECORD, index) for index in range(regs.AUDIT_RECORD.count)]
        await card.write(regs.AUDIT_POP, 1)
        entry = lay.AuditRecord.from_bytes(struct.pack("<20I", *words))
        kinds.append((entry.kind, entry.order_id))
    assert (lay.AuditKind.PASSED, 7) in kinds
    assert (lay.AuditKind.REFUSED, 8) in kinds
    report_cycles("meltica_top", card.cycle)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def a_feed_with_a_gap_pulls_nothing_and_a_late_token_stops_all(dut: Any) -> None:
    card, feed = Card(dut), Feed(random.Random(seed()))
    await card.start()
    await feed.open(card)
    assert await card.commit(trigger_row()) == Status.OK
    feed.sequence += 5
    frame, _ = feed.frame([feed.add(LOCATE, REFERENCE - 500)], 0, Shape())
    await card.lanes[0].send(frame)
    while not regs.CONTROL_STATUS_TOP.of(await card.read(regs.CONTROL_STATUS)) & 2:
        pass
    stale = await verdict_on(card, order(19))
    assert stale.reason == Check.STALE_REFERENCE, "an order at once behind the gap waits until its symbol is marked"
    assert not card.first_words
    status = regs.CONTROL_STATUS_TOP.of(await card.read(regs.CONTROL_STATUS))
    assert status & 2, "the gap is shown"
    assert await card.commit(lay.ClearGapRecord(1, 0)) == Status.OK
    await card.idle(SETTLE * 20)  # The gate hears of every instrument, one after another
    frame, _ = feed.frame([feed.add(LOCATE, REFERENCE - 500)], 0, Shape())
    await card.lanes[1].send(frame)
    verdict = VerdictRecord.from_bytes(bytes((await card.verdicts.recv()).tdata))
    assert verdict.reason == lay.REASON_PASS, hex(verdict.fired_mask)
    await card.tx.recv()
    await card.write(regs.WATCHDOG_PERIOD_US, 300)
    await card.beat()
    await card.idle(400)
    assert await card.field(regs.CONTROL_STATUS_WATCHDOG_TRIPPED)
    while not card.verdicts.empty():
        card.verdicts.recv_nowait()
    assert (await verdict_on(card, order(20))).reason == Check.KILL_SWITCH
    cancel = await verdict_on(card, order(21, action=int(Action.CANCEL)))
    assert cancel.reason == lay.REASON_PASS, "cancels pass under the kill switch"
    report_cycles("meltica_top", card.cycle)
