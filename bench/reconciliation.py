"""What a venue's statement of a full book costs: the longest time that the engine waits for a part, and all parts.

100,000 open orders on the compiled gate, told in pages of 200 as venues do; every order agrees, as it does all day.
Stops are CPU time of the thread that runs the engine; the largest of all parts is taken, and that includes the last
one, which looks for orders that the venue does not have. Floor: the same statement compared with plain dicts in one go,
which is also what a stop would cost without parts.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence
from time import thread_time
from typing import Final, NamedTuple

from bench.measure import Row, Series, row
from bench.paper_trading import ACCOUNT, BTC, FAR_TICKS, PaperTrading
from meltica.domain.inputs import Input
from meltica.domain.order import Order
from meltica.domain.statements import StatedOrder, StatementCompared, VenueStatement

OPEN: Final = 100_000
WORKING_ORDERS: Final = 131_072
PAGE: Final = 200
APART_NS: Final = 3 * 10**9
MS: Final = 1_000
FLOOR: Final = "plain dicts, in one go"


class Taken(NamedTuple):
    """Milliseconds."""

    longest_stop: float
    whole: float
    floor: float


def rows(runs: int, open_orders: int = OPEN) -> list[Row]:
    trading = PaperTrading(max_working_orders=WORKING_ORDERS)
    trading.rest(open_orders, FAR_TICKS)
    gc.collect()
    gc.freeze()  # As the gateway does after its start
    try:
        taken = [_compared(trading, number) for number in range(runs)]
    finally:
        gc.unfreeze()
    what, floor = f"statement of {open_orders:,} open orders", Series(FLOOR, [one.floor for one in taken])
    longest, whole = [one.longest_stop for one in taken], [one.whole for one in taken]
    return [
        row(f"reconciliation: longest stop of the engine, {what}", "ms", longest, floor=floor),
        row(f"reconciliation: all parts, {what}", "ms", whole, floor=floor),
    ]


def _compared(trading: PaperTrading, number: int) -> Taken:
    """One more statement, asked for long after the last."""
    engine = trading.engine
    trading.now_ns += APART_NS
    stated = [_stated(order) for order in engine.state.working_orders()]
    parts = _parts(stated, trading.now_ns, f"s{number}")
    stops = []
    for part in parts:
        happened = Input(trading.now_ns, part)
        began = thread_time()
        events = engine.step(happened)
        stops.append((thread_time() - began) * MS)
    if not isinstance(events[-1], StatementCompared) or len(events) != 1:
        raise AssertionError(events)
    return Taken(max(stops), sum(stops), _plain(stated))


def _stated(order: Order) -> StatedOrder:
    return StatedOrder(
        client_order_id=order.client_order_id,
        instrument=order.instrument,
        side=order.side,
        quantity_lots=order.quantity_lots,
        cumulative_lots=order.cumulative_lots,
        price_ticks=order.price_ticks,
        venue_order_id=order.venue_order_id,
    )


def _parts(stated: Sequence[StatedOrder], now_ns: int, name: str) -> list[VenueStatement]:
    pages = [stated[at : at + PAGE] for at in range(0, len(stated), PAGE)]
    return [
        VenueStatement(
            venue=BTC.venue,
            account=ACCOUNT,
            statement_id=name,
            part=number,
            parts=len(pages),
            asked_ns=now_ns,
            taken_ns=now_ns,
            orders_complete=True,
            positions_complete=True,
            orders=tuple(page),
        )
        for number, page in enumerate(pages, 1)
    ]


def _plain(stated: Sequence[StatedOrder]) -> float:
    """The same question of plain dicts: what differs, and what is not there; milliseconds."""
    ours = {s.client_order_id: (s.quantity_lots, s.cumulative_lots, s.price_ticks) for s in stated}
    theirs = {
        s.client_order_id: {"lots": s.quantity_lots, "done": s.cumulative_lots, "at": s.price_ticks} for s in stated
    }
    began = thread_time()
    found = [name for name, told in theirs.items() if ours.get(name) != (told["lots"], told["done"], told["at"])]
    gone = ours.keys() - theirs.keys()
    taken = (thread_time() - began) * MS
    if found or gone:
        raise AssertionError(found)
    return taken
