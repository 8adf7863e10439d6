"""What a slice of a parent order costs: its alarm, through the gate, acknowledged, filled, in its parent's sums.

Floor: an order in plain Python dicts (``floors/plain_orders.py``), with no parent. Beside it stands the same order of
this engine without a parent, so that the ratio says what the schedule costs. CPU time; no journal.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from bench.floors.plain_orders import PlainTrading
from bench.measure import Row, Series, cpu_microseconds, in_turn, row
from bench.paper_trading import ACCOUNT, ACTOR, BTC, LOTS, MARK_TICKS, QUOTE, STRATEGY, PaperTrading
from meltica.domain.algo_commands import SubmitAlgo
from meltica.domain.commands import Wake
from meltica.domain.inputs import Input
from meltica.domain.market import Mark
from meltica.domain.order import Side
from meltica.domain.order_events import OrderSubmitted
from meltica.domain.schedule import ChildStyle, Schedule, ScheduleKind

SLICES: Final = 1_000
"""Of a long parent: the most that there may be."""
SHORT: Final = 10
ALIVE: Final = 1_000
"""Other parents that run, far from their next slice."""
SECOND_NS: Final = 1_000_000_000
UNIT: Final = "µs/slice"
FLOOR: Final = "plain Python dicts, an order"
ALONE: Final = "the same orders without a parent"


def rows(runs: int, slices: int = SLICES, alive: int = ALIVE) -> list[Row]:
    """Microseconds of CPU a slice; how that grows with a parent's slices, and with the parents beside it."""
    taken = in_turn(
        {
            "long": partial(_sliced, slices, slices),
            "short": partial(_sliced, slices, SHORT),
            "beside": partial(_sliced, slices, slices, alive),
            "alone": partial(_alone, slices),
            "floor": partial(_floor, slices),
        },
        runs,
    )
    floor, alone = Series(FLOOR, taken["floor"]), Series(ALONE, taken["alone"])
    return [
        row(f"parents: a slice of a TWAP of {slices:,}", UNIT, taken["long"], floor=floor, peer=alone),
        row(
            f"parents: a slice of a TWAP of {SHORT}, its parent's beginning and end included",
            UNIT,
            taken["short"],
            floor=floor,
            peer=alone,
        ),
        row(
            f"parents: a slice of {slices:,} beside {alive:,} other parents",
            UNIT,
            taken["beside"],
            floor=Series("beside none", taken["long"]),
        ),
    ]


def _sliced(count: int, each: int, beside: int = 0) -> float:
    """``count`` slices, ``each`` of one parent after the other."""
    trading = _Slicing()
    for _ in range(beside):
        trading.begin(SHORT, SHORT * 1_000_000 * SECOND_NS // 5)
        trading.until_filled(1)
    trading.filled_slices = 0

    def work() -> None:
        for _ in range(count // each):
            trading.begin(each, each * SECOND_NS)
            trading.until_filled(each)

    taken = cpu_microseconds(work, count)
    if trading.filled_slices != count:
        raise AssertionError(f"{trading.filled_slices} slices of {count} were filled")
    return taken


def _alone(count: int) -> float:
    trading = PaperTrading()
    return cpu_microseconds(partial(trading.market_buys, count), count)


def _floor(count: int) -> float:
    trading = PlainTrading()
    return cpu_microseconds(partial(trading.market_orders, count), count)


class _Slicing(PaperTrading):
    def __init__(self) -> None:
        super().__init__()
        self.filled_slices = 0

    def begin(self, slices: int, length_ns: int) -> None:
        self.now_ns += 1_000
        schedule = Schedule(
            kind=ScheduleKind.TWAP,
            start_ns=self.now_ns,
            end_ns=self.now_ns + length_ns,
            slices=slices,
            style=ChildStyle.MARKET,
        )
        command = SubmitAlgo(
            request_id=next(self._request_ids),
            actor=ACTOR,
            account=ACCOUNT,
            strategy=STRATEGY,
            instrument=BTC.instrument,
            side=Side.BUY,
            quantity_lots=slices * LOTS,
            schedule=schedule,
        )
        self._take(Input(self.now_ns, command, self._marks()))

    def until_filled(self, slices: int) -> None:
        """The newest parent."""
        state, wanted = self.engine.state, self.filled_slices + slices
        while self.filled_slices < wanted and (due_ns := state.next_due_ns()) is not None:
            self.now_ns = max(self.now_ns, due_ns)
            self._take(Input(self.now_ns, Wake(request_id="", actor="system:clock"), self._marks()))

    def _take(self, happened: Input) -> None:
        for event in self.engine.step(happened):
            if isinstance(event, OrderSubmitted):
                self.venue.send(event, self.now_ns)
                self.filled_slices += 1
        for report in self.venue.due(self.now_ns):
            self.engine.step(Input(self.now_ns, report))

    def _marks(self) -> tuple[Mark, ...]:
        return (Mark(BTC.instrument, self.now_ns, MARK_TICKS, *QUOTE),)
