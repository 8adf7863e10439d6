"""A lane with what the exchange really sent."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
import os
from pathlib import Path
from typing import Any

import cocotb

from meltica.venues.nasdaq.frames import Datagram, open_frame
from meltica.venues.nasdaq.pcap import frames
from sim.rtl.feed_lane.frames import TAGS, Shape, block, build
from sim.rtl.feed_lane.lane import bench_of, done
from sim.rtl.feed_lane.model import Filter
from sim.rtl.feed_lane.twins import judge_by_twins

DATA = Path(os.environ.get("MELTICA_DATA", Path(__file__).parents[4] / "shared" / "data")) / "nasdaq"


@cocotb.test()
async def recorded_packets(dut: Any) -> None:
    """Real frames of Nasdaq, tagged, as they came."""
    bench = await bench_of(dut)
    count = 0
    for path in sorted((DATA / "moldudp64_pcap").glob("*.pcap")):
        for frame in frames([path.read_bytes()]):
            datagram = open_frame(frame)
            assert isinstance(datagram, Datagram)
            await bench.configure(Filter(destination=datagram.target.ip, port=datagram.target.port))
            judged = await bench.send(frame.data)
            assert not judged.reason, (path.name, judged)
            await bench.settle()
            judge_by_twins(bench, datagram.payload)
            count += 1
    assert count >= 8
    await done(bench)


@cocotb.test()
async def recorded_messages_in_frames_of_every_size(dut: Any) -> None:
    """A thousand real messages, packed as a publisher would, at line rate."""
    bench = await bench_of(dut)
    messages, data, at = [], (DATA / "12302019_SNIPPET.NASDAQ_ITCH50").read_bytes(), 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "big")
        messages.append(data[at : at + 2 + length])
        at += 2 + length
    for limit in (1, 2, 5, 38, 200):
        number = 1
        while number <= len(messages):
            some = messages[number - 1 : number - 1 + bench.rng.randint(1, limit)]
            frame = build(number, some, Shape(tags=TAGS[bench.rng.randrange(3)], udp_checksum=None))
            assert not (await bench.send(frame)).reason
            number += len(some)
        await bench.settle()
        assert [block(out.data) for out in bench.outs] == messages
        bench.outs.clear()
    await done(bench)
