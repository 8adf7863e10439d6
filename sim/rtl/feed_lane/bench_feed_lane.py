"""A lane against the model: every alignment, every cut, every lie, line rate, and the cycle of every message."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
import random
from typing import Any

import cocotb

from sim.rtl.axis import KEEP_AT, words
from sim.rtl.coverage import Cover
from sim.rtl.feed_lane.frames import (
    KINDS,
    PORT,
    SESSION,
    SOURCE,
    TAGS,
    Shape,
    block,
    build,
    random_message,
    unknown_message,
)
from sim.rtl.feed_lane.lane import bench_of, done, filter_row
from sim.rtl.feed_lane.model import MAX_FRAME, Filter, Judged, judge
from sim.rtl.feed_lane.twins import judge_by_twins

OPTIONS = bytes([1] * 4)
RANDOM_CYCLES = 60_000
REASONS = (
    *("", "bad_fcs", "runt", "giant", "not_udp", "truncated", "bad_header", "bad_ip_checksum", "fragment"),
    *("wrong_address", "bad_length", "bad_udp_checksum", "bad_sequence", "wrong_session", "bad_block", "count_lies"),
    *("heartbeat", "end_of_session"),
)


@cocotb.test()
async def every_type_in_every_alignment_behind_every_tag(dut: Any) -> None:
    """A filler of the right length puts each message's first byte in each lane; frames follow without an idle cycle."""
    bench = await bench_of(dut)
    rng, number = bench.rng, 1
    cover = Cover(
        "first lane x tags x type", [(lane, tags, kind) for lane in range(8) for tags in TAGS for kind in (*KINDS, "?")]
    )
    for tags, found in TAGS.items():
        for lane in range(8):
            kinds = [*KINDS, "?"]
            rng.shuffle(kinds)
            shape = Shape(tags=found, udp_checksum=rng.choice((0, None)))
            while kinds:
                blocks, at, base = [], 14 + 4 * tags + 20 + 28, number
                while kinds and at < 1300:
                    filler = 12 + (lane - (at + 2 + 12 + 2)) % 8
                    kind = kinds.pop()
                    message = unknown_message(rng, rng.randint(12, 60)) if kind == "?" else random_message(rng, kind)
                    blocks += [block(unknown_message(rng, filler)), block(message)]
                    at += 2 + filler + 2 + len(message)
                    number += 2
                judged = await bench.send(build(base, blocks, shape))
                assert not judged.reason
                for out, kind in zip(judged.messages[1::2], [chr(b[2]) for b in blocks[1::2]], strict=True):
                    cover.hit((out.begin % 8, tags, kind if kind in KINDS else "?"))
    cover.require_full()
    await done(bench)


@cocotb.test()
async def frames_of_nine_thousand_bytes_back_to_back(dut: Any) -> None:
    """Line rate with the densest messages and the shortest frames; then messages that a revision made longer."""
    bench = await bench_of(dut)
    rng, number, begun = bench.rng, 1, bench.cycle
    sent = 0
    for kinds in ("D", "S", "AUFDEXCP", "".join(KINDS)):
        for longer in (0, 7):
            blocks: list[bytes] = []
            while sum(map(len, blocks)) < 8_900:
                blocks.append(block(random_message(rng, rng.choice(kinds), longer=rng.randint(0, longer))))
            frame = build(number, blocks, Shape(tags=TAGS[len(kinds) % 3], udp_checksum=None, options=OPTIONS * longer))
            number += len(blocks)
            await bench.send(frame)
            await bench.send(build(number, []))
            sent += len(words(frame)) + 8
    assert bench.cycle - begun == sent, "a cycle was lost: the lane must take a word in each"
    await done(bench)


@cocotb.test()
async def idle_cycles_inside_frames(dut: Any) -> None:
    bench = await bench_of(dut)
    rng, number = bench.rng, 1
    for _ in range(120):
        blocks = [block(random_message(rng, rng.choice(KINDS))) for _ in range(rng.randint(0, 12))]
        shape = Shape(tags=TAGS[rng.randrange(3)], udp_checksum=rng.choice((0, None)))
        await bench.send(build(number, blocks, shape), idle=rng.choice((0.1, 0.5, 0.9)))
        number += len(blocks)
    await done(bench)


@cocotb.test()
async def a_frame_cut_at_every_byte(dut: Any) -> None:
    """What was whole comes out, nothing else does, and the next frame is as good as ever."""
    bench = await bench_of(dut)
    rng = bench.rng
    for tags in TAGS.values():
        blocks = [block(random_message(rng, kind)) for kind in "SDAXEP"]
        frame = build(77, blocks, Shape(tags=tags, udp_checksum=None))
        for length in range(1, len(frame) + 1):
            judged = await bench.send(frame[:length])
            assert judged.reason == ("" if length == len(frame) else "runt" if length < 60 else "truncated")
            if length % 16 == 0:
                assert not (await bench.send(frame)).reason
    await done(bench)


HEADERS: list[tuple[str, Shape]] = [
    ("not_udp", Shape(ethertype=0x86DD)),
    ("not_udp", Shape(ethertype=0x0806)),
    ("not_udp", Shape(tags=(0x8100, 0x8100, 0x8100))),
    ("not_udp", Shape(version=6)),
    ("not_udp", Shape(protocol=6)),
    ("bad_header", Shape(header_words=4)),
    ("bad_header", Shape(header_words=0)),
    ("bad_header", Shape(total=27)),
    ("truncated", Shape(total=9_000)),
    ("giant", Shape(total=MAX_FRAME - 13)),
    ("giant", Shape(total=0xFFFF)),
    ("bad_ip_checksum", Shape(ip_checksum=0)),
    ("bad_ip_checksum", Shape(ip_checksum=0xFFFF, options=OPTIONS)),
    ("bad_ip_checksum", Shape(header_words=6)),
    ("fragment", Shape(flags=0x2000)),
    ("fragment", Shape(flags=0x0001)),
    ("fragment", Shape(flags=0x1000)),
    ("", Shape(flags=0x8000)),
    ("wrong_address", Shape(port=PORT + 1)),
    ("wrong_address", Shape(port=PORT ^ 0x8000)),
    ("wrong_address", Shape(destination=bytes([233, 54, 12, 110]))),
    ("wrong_address", Shape(destination=bytes([232, 54, 12, 111]))),
    ("wrong_address", Shape(source=SOURCE[:3] + b"\x08")),
    ("bad_length", Shape(udp_length=8)),
    ("bad_length", Shape(udp_length=0)),
    ("bad_length", Shape(udp_length=0xFFFF)),
    ("bad_length", Shape(total=20 + 27, udp_length=27)),
    ("bad_udp_checksum", Shape(udp_checksum=1)),
    ("wrong_session", Shape(session=b"000010059C")),
    ("wrong_session", Shape(session=b"100010059B")),
    ("wrong_session", Shape(session=bytes(10))),
    ("", Shape(udp_checksum=None)),
    ("", Shape(options=OPTIONS * 10, udp_checksum=None)),
    ("", Shape(padding=b"\xff" * 37, udp_checksum=None)),
    ("", Shape(tags=(0x9100,))),
]


@cocotb.test()
async def every_header_field_wrong(dut: Any) -> None:
    taken = Filter(source=SOURCE, session=SESSION)
    bench = await bench_of(dut, taken)
    rng = bench.rng
    for tags in ((), (0x8100,)):
        for reason, wrong in HEADERS:
            blocks = [block(random_message(rng, kind)) for kind in "ADX"]
            shape = wrong if wrong.tags else wrong.but(tags=tags)
            judged = await bench.send(build(9, blocks, shape))
            assert judged.reason == reason, (judged, reason, shape)
            assert not (await bench.send(build(9, blocks, Shape(tags=tags)))).reason
    for number in (0, 2**63, 2**64 - 1):
        assert (await bench.send(build(number, [block(random_message(rng, "A"))]))).reason == "bad_sequence"
    assert (await bench.send(build(1, [block(random_message(rng, "A"))]), error=True)).reason == "bad_fcs"
    await done(bench)


@cocotb.test()
async def counts_and_lengths_that_lie(dut: Any) -> None:
    bench = await bench_of(dut)
    rng = bench.rng
    good = [block(random_message(rng, kind)) for kind in "DAU"]
    cases: list[tuple[str, list[bytes], Shape]] = [
        ("count_lies", good, Shape(count=2)),
        ("count_lies", good, Shape(count=4)),
        ("count_lies", good, Shape(count=0xFFFE)),
        ("count_lies", good, Shape(count=0)),
        ("count_lies", good, Shape(count=0xFFFF)),
        ("count_lies", [], Shape(count=1)),
        ("count_lies", good, Shape(behind=b"\0")),
        ("count_lies", good, Shape(behind=b"\0" * 9)),
        ("count_lies", good, Shape(count=4, padding=b"\0" * 40)),
        ("bad_block", good, Shape(count=4, behind=b"\0")),
        ("bad_block", good, Shape(count=4, behind=b"\0", padding=b"\x20" * 50)),
        ("bad_block", good, Shape(count=4, behind=b"\0\x13")),
        ("bad_block", good, Shape(count=4, behind=b"\0\x13D" + bytes(17))),
        ("bad_block", good, Shape(count=4, behind=b"\0\x13D" + bytes(17), padding=bytes(60))),
        ("bad_block", good, Shape(count=4, behind=b"\xff\xffD" + bytes(60))),
        ("heartbeat", [], Shape(udp_checksum=None)),
        ("end_of_session", [], Shape(count=0xFFFF, udp_checksum=None)),
        ("bad_udp_checksum", good, Shape(count=2, udp_checksum=3)),
        ("bad_udp_checksum", [], Shape(udp_checksum=3)),
    ]
    cases += [("bad_block", [*good, length.to_bytes(2, "big") + b"S" * length], Shape()) for length in range(12)]
    for kind in KINDS:
        short = random_message(rng, kind)[:-1]
        cases.append(("bad_block", [*good[: rng.randint(0, 3)], block(short), *good], Shape()))
    lanes = Cover("a short block's lane", range(8))
    for tags in TAGS.values():
        for reason, blocks, shape in cases:
            for filler in range(8):
                moved = [block(unknown_message(rng, 12 + filler)), *blocks]
                count = shape.count if shape.count in (None, 0, 0xFFFF, 0xFFFE) else shape.count + 1
                blocks_sent = moved if reason not in ("heartbeat", "end_of_session") and blocks else blocks
                changed = shape.but(tags=tags, count=count if blocks else shape.count)
                judged = await bench.send(build(400, blocks_sent, changed))
                assert judged.reason == reason, (judged, reason, changed)
                if reason == "bad_block" and judged.messages:
                    lanes.hit((judged.messages[-1].last + 1) % 8)
    lanes.require_full()
    await done(bench)


@cocotb.test()
async def runts_giants_and_words_with_holes(dut: Any) -> None:
    bench = await bench_of(dut)
    rng = bench.rng
    blocks = [block(random_message(rng, kind)) for kind in "DAU"]
    whole = build(3, blocks)
    for length in range(1, 64):
        await bench.send(build(3, [])[:length])
    for length in (MAX_FRAME - 1, MAX_FRAME, MAX_FRAME + 1, MAX_FRAME + 8, MAX_FRAME + 9, 70_000):
        frame = build(3, blocks, Shape(padding=bytes(length - len(whole))))
        judged = await bench.send(frame)
        assert judged.reason == ("giant" if length > MAX_FRAME else ""), (length, len(frame))
    for at, keep in ((3, 0x7F), (3, 0), (8, 0xFE), (-1, 0x00), (-1, 0x05), (-1, 0x80)):
        packed = words(whole)
        packed[at] = packed[at] & ~(0xFF << KEEP_AT) | keep << KEEP_AT
        judged = judge(whole, bench.taken)
        place = at % len(packed)
        # A hole forbids what comes behind it, and the frame is as good as one with a bad check sequence.
        passed = [
            out
            for out in judged.messages
            if out.last // 8 < place or (out.last // 8 == place and keep >> out.last % 8 & 1)
        ]
        await bench.send_words(packed, Judged("bad_fcs", passed, bool(passed), 3, 3, SESSION))
    await done(bench)


@cocotb.test()
async def another_filter_in_the_middle(dut: Any) -> None:
    """The frame under way is dropped, the next is judged by the new row; rows of the other lane change nothing."""
    bench = await bench_of(dut)
    rng = bench.rng
    frame = build(3, [block(random_message(rng, "A")) for _ in range(6)])
    whole, count = judge(frame, bench.taken), len(words(frame))
    for at in range(count):
        passed = [out for out in whole.messages if out.last // 8 <= at]
        cut = Judged("wrong_address", passed, poisoned=False, count=6, first_number=3, session=SESSION)
        port = PORT + 1 + at % 2
        await bench.send_words(words(frame), cut, row=(at, filter_row(Filter(port=port))))
        await bench.tick()
        bench.dut.cfg_valid_i.value = 0
        bench.taken = Filter(port=port)
        assert (await bench.send(frame)).reason == "wrong_address"
        assert not (await bench.send(build(3, [block(random_message(rng, "D"))], Shape(port=port)))).reason
        await bench.settle()
        await bench.configure(Filter(port=PORT))
        await bench.configure(Filter(port=9), lane=1)
        await bench.configure(Filter(enabled=False), lane=2)
        assert not (await bench.send(frame)).reason
        await bench.settle()
    await bench.configure(Filter(enabled=False))
    assert (await bench.send(frame)).reason == "wrong_address"
    await done(bench)


def random_frame(rng: random.Random, number: int) -> tuple[bytes, bool]:
    """A frame, right or wrong in one way or another, and whether its frame check sequence is bad."""
    kinds = [rng.choice("AAFDDEUXCPQ" + "".join(KINDS)) for _ in range(rng.choice((0, 1, 1, 2, 5, 10, 30)))]
    blocks = [block(random_message(rng, kind, longer=rng.choice((0, 0, 0, 3)))) for kind in kinds]
    if rng.random() < 0.1:
        blocks.append(block(unknown_message(rng, rng.randint(1, 70))))
    shape = Shape(
        tags=TAGS[rng.randrange(3)], udp_checksum=rng.choice((0, None)), options=OPTIONS * rng.choice((0, 0, 1, 10))
    )
    if rng.random() < 0.1:
        shape = rng.choice(HEADERS)[1].but(udp_checksum=None)
    if rng.random() < 0.15:
        shape = shape.but(count=rng.choice((0, 0xFFFF, len(blocks) + 1, max(0, len(blocks) - 1))))
    if rng.random() < 0.05:
        shape = shape.but(padding=bytes(rng.choice((1, 30, 9_700))))
    frame = build(rng.choice((number, number, number + 3, 0)) if rng.random() < 0.2 else number, blocks, shape)
    if rng.random() < 0.1:
        frame = frame[: rng.randint(1, len(frame))]
    if rng.random() < 0.15:
        turned = bytearray(frame)
        for _ in range(rng.choice((1, 1, 2))):
            turned[rng.randrange(len(turned))] ^= 1 << rng.randrange(8)
        frame = bytes(turned)
    return frame, rng.random() < 0.03


@cocotb.test()
async def random_frames(dut: Any) -> None:
    """Frames of every shape, some with a bit or two turned; until every reason has come."""
    bench = await bench_of(dut, Filter(session=SESSION))
    rng, number = bench.rng, 1
    reasons = Cover("reason", REASONS)
    poisons = Cover("poisoned", ["bad_fcs", "giant", "truncated", "bad_udp_checksum"])
    begun = bench.cycle
    while bench.cycle - begun < RANDOM_CYCLES or (
        bench.cycle - begun < 5 * RANDOM_CYCLES and (reasons.missing() or poisons.missing())
    ):
        frame, error = random_frame(rng, number)
        judged = await bench.send(frame, error=error, idle=rng.choice((0, 0, 0, 0.2)))
        number += len(judged.messages)
        reasons.hit(judged.reason)
        if judged.poisoned:
            poisons.hit(judged.reason)
        if rng.random() < 0.2:
            await bench.tick()
    reasons.require_full()
    poisons.require_full()
    await done(bench)


@cocotb.test()
async def every_type_as_the_twins_read_it(dut: Any) -> None:
    bench = await bench_of(dut)
    rng, number = bench.rng, 1
    for _ in range(40):
        messages = [block(random_message(rng, rng.choice(KINDS))) for _ in range(rng.randint(1, 40))]
        frame = build(number, messages, Shape(udp_checksum=None))
        await bench.send(frame)
        await bench.settle()
        judge_by_twins(bench, frame[42:])
        number += len(messages)
    await done(bench)
