"""A thousand recorded messages over two lines that each lose some packets: what comes out is the recording."""

# No `from __future__ import annotations`: cocotb looks at the signature of a test.
import os
from pathlib import Path
from typing import Any

import cocotb

from sim.rtl import report_cycles
from sim.rtl.coverage import Cover
from sim.rtl.feed_lane.frames import SESSION
from sim.rtl.feed_merge.pair import pair_of

DATA = Path(os.environ.get("MELTICA_DATA", Path(__file__).parents[4] / "shared" / "data")) / "nasdaq"


@cocotb.test()
async def a_recording_over_two_lines(dut: Any) -> None:
    bench = await pair_of(dut, number=1)
    cover = Cover("recorded type", "AUFDEXIPQSC")
    data, at = (DATA / "12302019_SNIPPET.NASDAQ_ITCH50").read_bytes(), 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "big")
        bench.sent[SESSION, len(bench.sent) + 1] = data[at + 2 : at + 2 + length]
        cover.hit(chr(data[at + 2]))
        at += 2 + length
    rng, number, last = bench.rng, 1, len(bench.sent)
    while number <= last:
        count = min(rng.randint(1, 38), last + 1 - number)
        lost_by = rng.choice((0, 1, None, None))
        for line in (0, 1):
            if line != lost_by:
                bench.queue(line, bench.frame(number, count), wait=rng.choice((0, 0, 7, 60)))
        number += count
    await bench.drain(4_000)
    assert bench.passed == list(range(1, last + 1))
    assert not bench.jumps
    cover.require_full()
    report_cycles("feed_pair", bench.cycle)
