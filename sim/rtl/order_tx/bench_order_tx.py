"""Every encoding, the captures, latency, windows, bad rows and bad orders, one at a time."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
import itertools
import os
import random
from pathlib import Path
from typing import Any

import cocotb
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Dot1Q, Ether

from meltica.hot.layout_gen import Action, Flag, OrderType, Side, TimeInForce
from meltica.venues.nasdaq.ouch50 import CODEC
from meltica.venues.nasdaq.pcap import frames as captured_frames
from sim.rtl import report_cycles
from sim.rtl.coverage import Cover
from sim.rtl.order_tx.frames import payload_of
from sim.rtl.order_tx.harness import Bench, a_symbol, a_template, an_order, heard
from sim.rtl.order_tx.judge import Cause
from sim.rtl.runner import seed

PORTS, ORDERS, INSTRUMENTS = (int(os.environ[name]) for name in ("PORTS", "ORDERS", "INSTRUMENTS"))
DATA = Path(os.environ.get("MELTICA_DATA", Path(__file__).parents[4] / "shared" / "data"))
CAPTURES = DATA / "nasdaq/ouch50_pcap"
FIRM = int.from_bytes(b"FIRM", "little")
PREFIX = int.from_bytes(b"MELTICA-", "little")


async def started(dut: Any, **template: int) -> Bench:
    bench = Bench(dut, ports=PORTS, orders=ORDERS, instruments=INSTRUMENTS)
    await bench.start()
    await bench.tell(*(a_symbol(number) for number in range(4)))
    await bench.open_port(a_template(0, **template))
    return bench


def done(bench: Bench) -> None:
    assert not bench.waiting
    assert not bench.expected
    report_cycles("order_tx", bench.cycle)


@cocotb.test()
async def every_encoding(dut: Any) -> None:
    """All sides, flags, times in force, order types and appendages, tagged or not; scapy reads the frames, too."""
    bench = await started(dut)
    cover = Cover("encodings", [
        *(("NEW", vlan, firm, prefix) for vlan in (0, 1) for firm in (0, 1) for prefix in (0, 1)),
        *((action, vlan) for action in ("REPLACE", "CANCEL", "two cancels") for vlan in (0, 1)),
        *(("side", code) for code in "BSTE"), *(("tif", code) for code in "03"), *(("iso", code) for code in "YN"),
        "post only", "no appendage", "market", "limit",
    ])  # fmt: skip
    number = 0
    for vlan, firm, prefix in itertools.product((0, 0x6007), (0, FIRM), (0, PREFIX)):
        older = bench.judge.open[0]
        await bench.open_port(a_template(
            0, vlan=vlan, firm=firm, client_order_prefix=prefix, sequence_number=older.sequence_number,
            user_ref_num=older.ouch.next_user_ref_num, cross_type=ord("O") if prefix else ord("N"),
        ))  # fmt: skip
        sides = [(Side.BUY, 0), *((Side.SELL, short) for short in (0, Flag.SHORT, Flag.SHORT | Flag.SHORT_EXEMPT))]
        for (side, short), flags, tif, kind in itertools.product(
            sides, (0, Flag.POST_ONLY, Flag.ISO, Flag.ISO | Flag.POST_ONLY),
            (TimeInForce.DAY, TimeInForce.IOC), (OrderType.LIMIT, OrderType.MARKET),
        ):  # fmt: skip
            number += 0x1_0000_0001 if number % 3 else 7
            order = an_order(number, side=side, flags=short | flags, tif=tif, order_type=kind, instrument_id=number % 4)
            frame = await bench.send(order)
            check_with_scapy(frame)
            entered = CODEC.decode("inbound", payload_of(frame)[3:], strict=prefix == 0)
            cover.hit(("NEW", int(vlan > 0), int(firm > 0), int(prefix > 0)))
            cover.hit(("side", entered["Side"]))
            cover.hit(("tif", entered["Time In Force"]))
            cover.hit(("iso", entered["InterMarket Sweep Eligibility"]))
            cover.hit("market" if kind == OrderType.MARKET else "limit")
            if flags & Flag.POST_ONLY:
                cover.hit("post only")
            if not entered.appendage:
                cover.hit("no appendage")
        await bench.send(an_order(number, action=Action.CANCEL))
        cover.hit(("CANCEL", int(vlan > 0)))
        number += 1
        await bench.send(an_order(number, flags=Flag.ISO, tif=TimeInForce.IOC))
        frame = await bench.send(an_order(number, action=Action.REPLACE, price_ticks=777, quantity_lots=3))
        check_with_scapy(frame)
        cover.hit(("REPLACE", int(vlan > 0)))
        frame = await bench.send(an_order(number, action=Action.CANCEL))
        check_with_scapy(frame)
        cover.hit(("two cancels", int(vlan > 0)))
    assert not bench.purged, bench.purged[:3]
    cover.require_full()
    done(bench)


def check_with_scapy(frame: bytes) -> None:
    packet = Ether(frame)
    for layer in (IP, TCP):
        there = packet[layer].chksum
        copy = Ether(frame)
        del copy[layer].chksum
        assert Ether(bytes(copy))[layer].chksum == there
    assert packet[TCP].flags == "PA"
    assert packet[IP].len == len(frame) - (18 if packet.haslayer(Dot1Q) else 14)


@cocotb.test()
async def the_captures(dut: Any) -> None:
    """Two orders that a member really sent, field by field; what is not ours to choose is named."""
    files = {name: CAPTURES / f"{name}Message.pcap" for name in ("EnterOrder", "CancelOrder")}
    absent = [str(path) for path in files.values() if not path.exists()]
    if absent:
        cocotb.log.warning("no captures at %s: MELTICA_DATA says where the data is", absent)
        return
    real = {name: without_trailer(next(captured_frames([path.read_bytes()])).data) for name, path in files.items()}
    bench = await started(dut)
    frame = real["EnterOrder"]
    entered = CODEC.decode("inbound", payload_of_capture(frame)[3:])
    template = template_of(frame, entered.number("UserRefNum"), firm=int.from_bytes(frame[-4:], "little"))
    await bench.open_port(template)
    await bench.tell(a_symbol(2, int.from_bytes(entered.text("Symbol").ljust(8).encode(), "little")))
    sides = {"B": (Side.BUY, 0), "S": (Side.SELL, 0), "T": (Side.SELL, Flag.SHORT), "E": (Side.SELL, 16)}
    side, flags = sides[entered.text("Side")]
    ours = await bench.send(an_order(
        9, side=side, flags=flags, instrument_id=2, quantity_lots=entered.number("Quantity"),
        price_ticks=entered.number("Price"),
        tif=TimeInForce.IOC if entered.text("Time In Force") == "3" else TimeInForce.DAY,
    ))  # fmt: skip
    differs = {at for at, (a, b) in enumerate(zip(ours, frame, strict=True)) if a != b}
    # IP: identification, time to live, checksum; TCP: checksum; OUCH: the member's own ClOrdID.
    assert differs <= {22, 23, 26, 28, 29, 54, 55, *range(58 + 3 + 31, 58 + 3 + 45)}, differs
    frame = real["CancelOrder"]
    cancel = CODEC.decode("inbound", payload_of_capture(frame)[3:])
    template = template_of(frame, cancel.number("UserRefNum"))
    await bench.open_port(template)
    await bench.send(an_order(10))
    again = template_of(frame, cancel.number("UserRefNum") + 1)
    await bench.open_port(again)
    ours = await bench.send(an_order(10, action=Action.CANCEL))
    differs = {at for at, (a, b) in enumerate(zip(ours, frame, strict=True)) if a != b}
    assert differs <= {18, 19, 22, 24, 25, 50, 51}, differs
    done(bench)


def without_trailer(frame: bytes) -> bytes:
    """The device that captured put bytes of its own behind the packet."""
    begin = 18 if frame[12:14] == b"\x81\x00" else 14
    return frame[: begin + int.from_bytes(frame[begin + 2 : begin + 4], "big")]


def payload_of_capture(frame: bytes) -> bytes:
    tagged = frame[12:14] == b"\x81\x00"
    return frame[58 if tagged else 54 :]


def template_of(frame: bytes, number: int, firm: int = 0) -> Any:
    packet = Ether(frame)
    tcp = packet[TCP]
    capacity = payload_of_capture(frame)[3:][28] if firm else ord("P")
    return a_template(
        0, destination_mac=int.from_bytes(frame[:6], "big"), source_mac=int.from_bytes(frame[6:12], "big"),
        vlan=packet[Dot1Q].vlan if packet.haslayer(Dot1Q) else 0, source_port=tcp.sport, destination_port=tcp.dport,
        source_ip=int.from_bytes(bytes(packet[IP])[12:16], "big"), sequence_number=tcp.seq, window=tcp.window,
        destination_ip=int.from_bytes(bytes(packet[IP])[16:20], "big"), acknowledgment_number=tcp.ack,
        user_ref_num=number, firm=firm, capacity=capacity,
    )  # fmt: skip


@cocotb.test()
async def latency_and_throughput(dut: Any) -> None:
    """The first word one cycle after the verdict, always; then a word a cycle; then the next frame without a hole."""
    bench = await started(dut)
    for number in range(40):
        for changes in ({}, {"action": Action.REPLACE}, {"action": Action.CANCEL}):
            await bench.send(an_order(number, **changes))
            await bench.idle(number % 5)
    assert (min(bench.latencies), max(bench.latencies), len(bench.latencies)) == (1, 1, 120)
    begun = len(bench.begun)
    for number in range(100, 112):
        await bench.step(an_order(number))
    await bench.quiet()
    starts = bench.begun[begun:]
    assert [b - a for a, b in itertools.pairwise(starts)] == [13] * 11, starts
    assert not bench.purged
    done(bench)


@cocotb.test()
async def numbers_that_wrap(dut: Any) -> None:
    """TCP sequence over 2^32, IP identification over 2^16 is left to its width, UserRefNum to its last."""
    bench = await started(dut, sequence_number=(1 << 32) - 60, user_ref_num=(1 << 32) - 2)
    for number in range(1, 4):
        await bench.send(an_order(number))
    assert [cause for _, cause in bench.purged] == [Cause.EXHAUSTED]
    assert bench.judge.open[0].sequence_number == 40
    await bench.send(an_order(1, action=Action.CANCEL))
    # The numbers begin again: what had the old ones is not known any more.
    await bench.open_port(a_template(0, user_ref_num=1))
    await bench.send(an_order(1, action=Action.CANCEL))
    assert bench.purged[-1][1] == Cause.UNKNOWN_ORDER
    await bench.send(an_order(2, action=Action.REPLACE))
    await bench.send(an_order(1))
    # The session was lost and goes on with the same numbers: its orders are known.
    await bench.open_port(a_template(0, user_ref_num=2, sequence_number=99))
    assert await bench.send(an_order(1, action=Action.CANCEL))
    done(bench)


@cocotb.test()
async def checksums_at_their_edges(dut: Any) -> None:
    """Sums that fold to 0xFFFF (a checksum of 0), and one below and above, in both headers."""
    bench = await started(dut)
    cover = Cover("checksums", [(layer, value) for layer in ("IP", "TCP") for value in (0x0000, 0x0001, 0xFFFE)])
    for layer, value in cover.bins:
        shift = 0
        for _ in range(3):
            template = a_template(
                0, sequence_number=0x1111_0000 + (shift if layer == "TCP" else 0),
                source_ip=0x0A31_0000 + (shift if layer == "IP" else 0),
            )  # fmt: skip
            await bench.open_port(template)
            frame = await bench.send(an_order(77 + ORDERS))
            at = 24 if layer == "IP" else 50
            there = int.from_bytes(frame[at : at + 2], "big")
            if there == value:
                cover.hit((layer, value))
            shift = (shift + there - value) % 0xFFFF
    cover.require_full()
    done(bench)


@cocotb.test()
async def session_and_window(dut: Any) -> None:
    bench = Bench(dut, ports=PORTS, orders=ORDERS, instruments=INSTRUMENTS)
    await bench.start()
    await bench.tell(a_symbol(1))
    await bench.send(an_order(1))  # No template yet
    template = a_template(0)
    await bench.tell(template)
    await bench.send(an_order(2))  # No word of the venue yet: no room
    await bench.tell(heard(template, peer_window=50))
    assert await bench.send(an_order(3))  # Fits exactly
    await bench.send(an_order(4))
    await bench.send(an_order(3, action=Action.REPLACE))
    assert [cause for _, cause in bench.purged] == [Cause.UNKNOWN_PORT, *[Cause.WINDOW] * 3]
    # A cancel waits, and those for other sessions go by.
    await bench.open_port(a_template(1))
    await bench.step(an_order(3, action=Action.CANCEL))
    await bench.idle(30)
    assert len(bench.waiting) == 1
    for number in (20, 21, 22):
        await bench.step(an_order(number, port_id=1))
    await bench.idle(80)
    assert len(bench.waiting) == 1
    assert len(bench.frames) == 4
    await bench.tell(heard(template, acknowledged=template.sequence_number + 50, peer_window=11))
    assert len(bench.waiting) == 1
    await bench.tell(heard(template, acknowledged=template.sequence_number + 50, peer_window=12))
    await bench.quiet()
    # Acknowledging what was never sent closes the window.
    await bench.tell(heard(template, acknowledged=template.sequence_number + 9999))
    await bench.send(an_order(5))
    assert bench.purged[-1][1] == Cause.WINDOW
    # Down: everything is told at once, a waiting cancel too.
    await bench.step(an_order(3, action=Action.CANCEL))
    await bench.idle(10)
    await bench.tell(heard(template, up=0))
    for action in (Action.NEW, Action.REPLACE, Action.CANCEL):
        await bench.send(an_order(6, action=action))
    assert [cause for _, cause in bench.purged[-4:]] == [Cause.SESSION_DOWN] * 4
    done(bench)


@cocotb.test()
async def orders_that_are_refused(dut: Any) -> None:
    """What the gate lets pass and OUCH does not have: told with the cause, and the sender goes on."""
    bench = await started(dut)
    cover = Cover("causes", [cause for cause in Cause if cause not in (Cause.NONE, Cause.OVERFLOW, Cause.EXHAUSTED)])
    wrong: list[dict[str, int]] = [
        {"quantity_lots": 0}, {"quantity_lots": 1_000_000}, {"quantity_lots": 1 << 20}, {"quantity_lots": -1},
        {"quantity_lots": (1 << 20) + 5}, {"price_ticks": 0}, {"price_ticks": 1_999_999_901}, {"price_ticks": -5},
        {"price_ticks": (1 << 31) + 5}, {"price_ticks": 1 << 62}, {"order_type": 3}, {"order_type": 0},
        {"tif": TimeInForce.GTC}, {"tif": TimeInForce.FOK}, {"tif": 9}, {"side": 0}, {"side": 3},
        {"side": Side.BUY, "flags": Flag.SHORT}, {"side": Side.BUY, "flags": Flag.SHORT_EXEMPT},
        {"instrument_id": INSTRUMENTS - 1}, {"instrument_id": INSTRUMENTS + 1}, {"instrument_id": 1 << 31},
        {"action": 0}, {"action": 4}, {"port_id": PORTS - 1}, {"port_id": PORTS}, {"port_id": 255},
    ]  # fmt: skip
    for number, changes in enumerate(wrong, 1):
        await bench.send(an_order(number, **changes))
        assert len(bench.purged) == number, changes
        cover.hit(bench.purged[-1][1])
    edge = [{"quantity_lots": 1}, {"quantity_lots": 999_999}, {"price_ticks": 1}, {"price_ticks": 1_999_999_900}]
    for number, changes in enumerate(edge, 100):
        assert await bench.send(an_order(number, **changes))
    for changes in ({}, {"action": Action.REPLACE}, {"action": Action.REPLACE}):
        await bench.send(an_order(103, **changes))
        cover.hit(bench.purged[-1][1]) if bench.purged[-1][0].order_id == 103 else None
    await bench.send(an_order(4711, action=Action.CANCEL))
    cover.hit(bench.purged[-1][1])
    await bench.step(an_order(104), kill=True)
    await bench.quiet()
    cover.hit(bench.purged[-1][1])
    await bench.step(an_order(105), reason=3)  # Refused by the gate: no business of ours
    await bench.idle(20)
    await bench.tell(heard(a_template(0), up=0))
    await bench.send(an_order(106))
    cover.hit(bench.purged[-1][1])
    await bench.tell(heard(a_template(0), peer_window=1))
    await bench.send(an_order(107))
    cover.hit(bench.purged[-1][1])
    cover.require_full()
    done(bench)


@cocotb.test()
async def bad_rows(dut: Any) -> None:
    """A row that cannot be is refused whole, and told; what there was goes on."""
    bench = await started(dut)
    good = a_template(0)
    rows = [
        a_template(PORTS), a_template(0, up=2), a_template(0, destination_mac=1 << 48), a_template(0, capacity=0),
        a_template(0, source_mac=1 << 63), a_template(0, display=0x7F), a_template(0, cross_type=0x1F),
        a_template(0, firm=0x0041_4141), a_template(0, client_order_prefix=0x41), heard(good, port_id=PORTS),
        heard(good, up=7), a_symbol(1, locate=2), a_symbol(INSTRUMENTS), a_symbol(1, wire_price_per_tick=100),
        a_symbol(1, shares_per_lot=100), a_symbol(1, 0x2020202020202020), a_symbol(1, 0x41), a_symbol(1, 1 << 63),
    ]  # fmt: skip
    for number, row in enumerate(rows, 1):
        await bench.step(raw=row.to_bytes())
        await bench.idle(5)
        assert bench.bad_rows == number, row
        await bench.send(an_order(number))
    for type_id in (0, 37, 40, 41, 65535):
        await bench.step(raw=type_id.to_bytes(2, "little") + random.Random(seed()).randbytes(126))
        await bench.idle(5)
    assert bench.bad_rows == len(rows)
    await bench.step(raw=a_symbol(1, 0).to_bytes())  # Taken away
    await bench.step(an_order(99, instrument_id=1))
    bench.judge.symbols.pop(1)
    for port in bench.judge.open.values():
        port.ouch._symbols.pop(1)
    await bench.quiet()
    assert bench.purged[-1][1] == Cause.UNKNOWN_SYMBOL
    await bench.tell(a_symbol(1))
    await bench.step(row=heard(good, acknowledged=bench.judge.open[0].sequence_number))
    assert await bench.send(an_order(500))
    done(bench)
