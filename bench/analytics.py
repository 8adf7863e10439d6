"""What an order costs on its way to its execution figures: three records (submitted, acknowledged, filled), and groups.

The records are those of a paper session, with what the driver journals beside them. Floor: the same figures of one
group in plain objects (``floors/plain_figures.py``). CPU time; reading the journal is not part of it. A start is
measured twice: from a checkpoint, and from the records.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import msgspec

from bench.floors.plain_figures import PlainFigures
from bench.measure import Row, Series, cpu_microseconds, in_turn, row
from bench.paper_trading import ACCOUNT, BTC, LOTS, MARK_TICKS, STRATEGY, openings, request_ids, submission
from meltica.analytics import checkpoint
from meltica.analytics.executions import Executions
from meltica.domain.commands import RegisterInstrument
from meltica.domain.events import InstrumentRegistered
from meltica.domain.execution import ExecutionFilter, GroupBy
from meltica.domain.inputs import Input, Record, decode_record, encode_record
from meltica.domain.market import Mark
from meltica.domain.order import Side
from meltica.domain.order_events import OrderFilled, OrderReported, OrderSubmitted
from meltica.domain.reports import ExecType, ExecutionReport
from meltica.domain.sight import Dispatch, Sight

SIZES: Final = (1_000, 100_000)
SLICE: Final = 32
"""Entries between two pieces of a checkpoint, as where the gateway is busy."""
FLOOR: Final = "plain Python objects"
UNIT: Final = "µs/order"
START_NS: Final = 1_700_000_000 * 10**9
QUOTE: Final = ((MARK_TICKS - 1, 500), (MARK_TICKS + 1, 500))


def rows(runs: int, sizes: tuple[int, ...] = SIZES) -> list[Row]:
    """Microseconds of CPU an order; growth with their number; bytes that a sight adds to the journal."""
    records = _records(sizes[-1])
    contenders: dict[str, Callable[[], float]] = {}
    for size in sizes:
        contenders[f"ours {size}"] = partial(_ours, records, size)
        contenders[f"floor {size}"] = partial(_floor, records, size)
    taken = in_turn(contenders, runs)
    found = [
        row(f"analytics: order to its figures, {size:,}", UNIT, taken[f"ours {size}"], floor=_series(taken, size))
        for size in sizes
    ]
    return [*found, _growth(taken, sizes[0], sizes[-1]), _bytes(records), *_checkpoints(records, sizes[-1], runs)]


def _series(taken: dict[str, list[float]], size: int) -> Series:
    return Series(FLOOR, taken[f"floor {size}"])


def _growth(taken: dict[str, list[float]], small: int, large: int) -> Row:
    ours, floor = (
        [last / first for first, last in zip(taken[f"{who} {small}"], taken[f"{who} {large}"], strict=True)]
        for who in ("ours", "floor")
    )
    name = f"analytics: cost of an order at {large:,} to that at {small:,}"
    return row(name, "ratio", ours, floor=Series(FLOOR, floor))


def _bytes(records: Sequence[Record]) -> Row:
    """Of an order's three records: what is beside them, as bytes of the journal; the floor is the records without."""
    order = records[1:4]
    whole = sum(len(encode_record(record)) for record in order)
    bare = sum(len(encode_record(msgspec.structs.replace(r, sights=(), dispatches=()))) for r in order)
    return row("analytics: journal of an order with its sights", "bytes", [whole], floor=Series("without", [bare]))


def _checkpoints(records: Sequence[Record], size: int, runs: int) -> list[Row]:
    """A start with one and without; and what an order costs while one is taken, a piece each 32 entries."""
    stored = [encode_record(record) for record in records]
    data = checkpoint.encode(_folded(stored))
    contenders: dict[str, Callable[[], float]] = {
        "with": lambda: cpu_microseconds(lambda: checkpoint.decode(data), size),
        "without": lambda: cpu_microseconds(lambda: _folded(stored), size),
        "taken": partial(_while_taken, records, size),
        "alone": partial(_while_taken, records, size, pieces=False),
    }
    taken = in_turn(contenders, runs)
    name = "analytics: start from a checkpoint"
    return [
        row(f"{name}, {size:,} orders", UNIT, taken["with"], floor=Series("from the records", taken["without"])),
        row(f"{name}: its size", "bytes/order", [len(data) / size]),
        row(
            "analytics: order to its figures while a checkpoint is taken",
            UNIT,
            taken["taken"],
            floor=Series("none is taken", taken["alone"]),
        ),
    ]


def _folded(stored: Sequence[bytes]) -> Executions:
    figures = Executions()
    for sequence, payload in enumerate(stored, 1):
        record = decode_record(payload)
        figures.apply(sequence, record.input.time_ns, record)
    return figures


def _while_taken(records: Sequence[Record], size: int, *, pieces: bool = True) -> float:
    """The second half of the orders, while the first is taken."""
    figures, half = Executions(), 1 + 3 * (size // 2)
    for sequence, record in enumerate(records[:half], 1):
        figures.apply(sequence, record.input.time_ns, record)
    parts = checkpoint.pieces(figures) if pieces else iter(())

    def work() -> None:
        for sequence, record in enumerate(records[half:], half + 1):
            figures.apply(sequence, record.input.time_ns, record)
            if sequence % SLICE == 0:
                next(parts, None)

    return cpu_microseconds(work, size - size // 2)


def _ours(records: Sequence[Record], size: int) -> float:
    figures = Executions()

    def work() -> None:
        for sequence, record in enumerate(records[: 1 + 3 * size], 1):
            figures.apply(sequence, record.input.time_ns, record)
        (found,) = figures.summaries(GroupBy.STRATEGY, ExecutionFilter())
        if found.filled != size:
            raise AssertionError(found)

    return cpu_microseconds(work, size)


def _floor(records: Sequence[Record], size: int) -> float:
    figures = PlainFigures(BTC.value_per_tick_lot_nanos)

    def work() -> None:
        for sequence, record in enumerate(records[: 1 + 3 * size], 1):
            figures.apply(sequence, record.input.time_ns, record)
        if figures.sums[0] != size:
            raise AssertionError(figures.sums)

    return cpu_microseconds(work, size)


def _records(count: int) -> list[Record]:
    """An instrument, then three records an order."""
    opening = next(each for each in openings(request_ids()) if isinstance(each, RegisterInstrument))
    registered = InstrumentRegistered(instrument=opening.instrument, actor="bench", time_ns=START_NS)
    found, names = [Record(Input(START_NS, opening), (registered,))], request_ids()
    for number in range(1, count + 1):
        found += _order(number, next(names))
    return found


def _order(number: int, request_id: str) -> list[Record]:
    now_ns = START_NS + number * 1_000_000
    side = Side.SELL if number & 1 else Side.BUY
    price = QUOTE[side is Side.BUY][0]
    client_order_id = f"m{number}"
    submitted = OrderSubmitted(
        order_id=number,
        client_order_id=client_order_id,
        account=ACCOUNT,
        strategy=STRATEGY,
        instrument=BTC.instrument,
        side=side,
        order_type=(command := submission(request_id, side, None)).order_type,
        time_in_force=command.time_in_force,
        quantity_lots=LOTS,
        price_ticks=None,
        post_only=False,
        reduce_only=False,
        reserved_price_ticks=MARK_TICKS,
        actor=command.actor,
        time_ns=now_ns,
    )
    mark = Mark(BTC.instrument, now_ns - 1000, MARK_TICKS, *QUOTE)
    left = Dispatch(order_id=number, stepped_ns=now_ns + 30_000, durable_ns=now_ns + 400_000, sent_ns=now_ns + 410_000)
    accepted = OrderReported(
        order_id=number, exec_type=ExecType.NEW, client_order_id=client_order_id, time_ns=now_ns, venue_order_id="v"
    )
    filled = OrderFilled(
        order_id=number,
        account=ACCOUNT,
        strategy=STRATEGY,
        instrument=BTC.instrument,
        side=side,
        execution_id=f"0-{number}",
        quantity_lots=LOTS,
        price_ticks=price,
        fee_nanos=240_000,
        maker=False,
        cumulative_lots=LOTS,
        leaves_lots=0,
        sequence=number,
        time_ns=now_ns,
    )
    new = ExecutionReport(venue=BTC.venue, client_order_id=client_order_id, exec_type=ExecType.NEW, venue_order_id="v")
    trade = ExecutionReport(
        venue=BTC.venue,
        client_order_id=client_order_id,
        exec_type=ExecType.TRADE,
        execution_id=f"0-{number}",
        last_quantity_lots=LOTS,
        last_price_ticks=price,
        fee_nanos=240_000,
        maker=False,
    )
    sight = Sight(instrument=BTC.instrument, bid=QUOTE[0], ask=QUOTE[1])
    return [
        Record(Input(now_ns, command, (mark,)), (submitted,)),
        Record(Input(now_ns + 600_000, new), (accepted,), (), (left,)),
        Record(Input(now_ns + 700_000, trade), (filled,), (sight,)),
    ]
