"""What a feed could tell the gate, and the record that it stands for."""

import random
from typing import Any, NamedTuple

from meltica.hot import layout_gen as lay
from sim.rtl.gate_tell.rows import DISPLAYED, ROW_BYTES, Sizes
from sim.rtl.gate_tell.scoreboard import Scoreboard

REFERENCE, QUOTE, MARK, BAND = range(4)
FEED_MARKS = (lay.Mark.HALTED, lay.Mark.SHORT_RESTRICTED, lay.Mark.GAPPED)
WIDTHS = (2, 16, 31, 32, 31, 32, 8, 1, 64)


class Update(NamedTuple):
    """market_update_t, its fields in their order."""

    kind: int
    instrument: int
    bid_ticks: int = 0
    bid_lots: int = 0
    ask_ticks: int = 0
    ask_lots: int = 0
    mark: int = 0
    on: int = 0
    time_ns: int = 0

    @property
    def bits(self) -> int:
        found = 0
        for value, width in zip(self, WIDTHS, strict=True):
            found = found << width | value
        return found

    @property
    def record(self) -> Any:
        if self.kind == REFERENCE:
            return lay.ReferencePriceRecord(self.instrument, self.bid_ticks, self.time_ns)
        if self.kind == QUOTE:
            sides = (self.bid_ticks, self.bid_lots, self.ask_ticks, self.ask_lots)
            return lay.QuoteRecord(self.instrument, *sides, self.time_ns)
        if self.kind == MARK:
            return lay.MarkRecord(self.mark, self.on, self.instrument, self.time_ns)
        return lay.PriceBandRecord(self.instrument, self.bid_ticks, self.ask_ticks)

    def row(self, scoreboard: Scoreboard) -> bytes | None:
        """As the host would have told it; None when no gate would take it."""
        if self.kind == MARK and self.mark not in FEED_MARKS:
            return None
        try:
            scoreboard.empty().tell(self.record)
        except ValueError:
            return None
        data = self.record.to_bytes()
        return data + bytes(ROW_BYTES - len(data))

    def fault(self, sizes: Sizes) -> str:
        """Why no gate would take it, in the words of the coverage."""
        if self.instrument >= sizes.instruments:
            return "an instrument beyond the table"
        return {QUOTE: "lots without a price", MARK: "a mark of no instrument", BAND: "a band upside down"}[self.kind]


FAULTS = ["an instrument beyond the table", "lots without a price", "a mark of no instrument", "a band upside down"]


def random_update(sizes: Sizes, dice: random.Random) -> Update:
    instrument = dice.randrange(min(sizes.instruments, 3))
    if dice.random() < 0.1:
        instrument = dice.choice([dice.randrange(sizes.instruments), dice.randrange(2**16)])
    ticks = [dice.choice([dice.randrange(1 << dice.randrange(1, 32)), dice.randrange(1, 2**31)]) for _ in range(2)]
    lots = [dice.choice([0, dice.randrange(1 << dice.randrange(1, 33)), dice.choice(DISPLAYED)]) for _ in range(2)]
    kind = dice.randrange(4)
    if kind == BAND and dice.random() < 0.9:
        ticks.sort()
    mark = dice.choice(FEED_MARKS) if dice.random() < 0.9 else dice.getrandbits(8)
    return Update(kind, instrument, ticks[0], lots[0], ticks[1], lots[1], mark, dice.randrange(2), dice.getrandbits(64))
