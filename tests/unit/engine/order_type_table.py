"""Who does what, venue by venue: asked of engine and OUCH session, for the table in docs/guides/order_types.md.

``python -m tests.unit.engine.order_type_table`` prints it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from meltica.domain.capabilities import Capabilities
from meltica.domain.events import CommandRefused
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.order_events import OrderHeld, OrderSubmitted
from meltica.domain.reports import ExecType
from meltica.domain.terms import OffsetUnit, Peg, Terms, TriggerSource
from meltica.venues.nasdaq import ouch_terms
from meltica.venues.paper.capabilities import capabilities as paper
from tests.engines import BTC, SECOND
from tests.unit.engine.held_orders import MID, HeldBench

VENUE: Final = "BINANCE"
"""Of the bench's instrument: it plays each venue in turn."""
HOUR_NS: Final = 3_600 * SECOND
CLOSE_NS: Final = 21 * HOUR_NS
VENUES: Final[dict[str, Capabilities]] = {
    "paper": paper(VENUE, CLOSE_NS, display=True, mark_prices=(BTC,)),
    "paper, `native_stops`": paper(VENUE, CLOSE_NS, stops=True, display=True, mark_prices=(BTC,)),
    "paper, no `closes`, `native_display = false`, no mark": paper(VENUE),
    "Nasdaq (OUCH 5.0)": ouch_terms.capabilities(VENUE, CLOSE_NS),
    "one that nobody described": Capabilities(venue=VENUE),
}
OUCH: Final = "Nasdaq (OUCH 5.0)"
GTC, DAY, IOC, FOK = TimeInForce.GTC, TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK


def _row(kind: OrderType, tif: TimeInForce, price: int | None = None, **fields: Any) -> dict[str, Any]:
    flags = {name: fields.pop(name) for name in ("post_only", "reduce_only") if name in fields}
    terms = Terms(**fields) if fields else None
    return {"order_type": kind, "time_in_force": tif, "price_ticks": price, "terms": terms, **flags}


def _stop(source: TriggerSource) -> dict[str, Any]:
    return _row(OrderType.STOP, DAY, trigger_ticks=MID + 10, trigger_source=source)


LIMIT, MARKET, PEGGED = OrderType.LIMIT, OrderType.MARKET, OrderType.PEGGED
ROWS: Final[dict[str, dict[str, Any]]] = {
    "MARKET, DAY": _row(MARKET, DAY),
    "LIMIT, DAY": _row(LIMIT, DAY, MID),
    "LIMIT, GTC": _row(LIMIT, GTC, MID),
    "LIMIT, GTD of today": _row(LIMIT, TimeInForce.GTD, MID, expire_ns=1),
    "LIMIT, GTD of another day": _row(LIMIT, TimeInForce.GTD, MID, expire_ns=24),
    "LIMIT, IOC": _row(LIMIT, IOC, MID),
    "LIMIT, FOK": _row(LIMIT, FOK, MID),
    "AT_THE_OPEN": _row(LIMIT, TimeInForce.AT_THE_OPEN, MID),
    "AT_THE_CLOSE": _row(LIMIT, TimeInForce.AT_THE_CLOSE, MID),
    "STOP by BID_ASK": _stop(TriggerSource.BID_ASK),
    "STOP by LAST": _stop(TriggerSource.LAST),
    "STOP by MID": _stop(TriggerSource.MID),
    "STOP by MARK": _stop(TriggerSource.MARK),
    "STOP_LIMIT by BID_ASK": _row(OrderType.STOP_LIMIT, GTC, MID, trigger_ticks=MID + 10),
    "MARKET_IF_TOUCHED": _row(OrderType.MARKET_IF_TOUCHED, DAY, trigger_ticks=MID - 10),
    "LIMIT_IF_TOUCHED": _row(OrderType.LIMIT_IF_TOUCHED, GTC, MID, trigger_ticks=MID - 10),
    "TRAILING_STOP by price, ticks": _row(OrderType.TRAILING_STOP, DAY, trail_offset=5),
    "TRAILING_STOP by basis points": _row(
        OrderType.TRAILING_STOP, DAY, trail_offset=5, trail_unit=OffsetUnit.BASIS_POINTS
    ),
    "TRAILING_STOP_LIMIT": _row(OrderType.TRAILING_STOP_LIMIT, DAY, trail_offset=5),
    "PEGGED to PRIMARY, with a limit": _row(PEGGED, DAY, peg=Peg.PRIMARY, peg_limit_ticks=MID),
    "PEGGED to MARKET, with a limit": _row(PEGGED, DAY, peg=Peg.MARKET, peg_limit_ticks=MID),
    "PEGGED to MID, with a limit": _row(PEGGED, DAY, peg=Peg.MID, peg_limit_ticks=MID),
    "the same, GTC": _row(PEGGED, GTC, peg=Peg.MID, peg_limit_ticks=MID),
    "PEGGED without a limit, or with an offset": _row(PEGGED, DAY, peg=Peg.MID),
    "iceberg, round lots": _row(LIMIT, DAY, MID, display_lots=100),
    "the same, GTC or GTD": _row(LIMIT, GTC, MID, display_lots=100),
    "iceberg, other quantities": _row(LIMIT, DAY, MID, display_lots=70),
    "iceberg with a random reserve": _row(LIMIT, DAY, MID, display_lots=100, display_spread_ppm=200_000),
    "minimum quantity, IOC": _row(LIMIT, IOC, MID, min_lots=100),
    "minimum quantity, DAY": _row(LIMIT, DAY, MID, min_lots=100),
    "post-only": _row(LIMIT, DAY, MID, post_only=True),
    "reduce-only": _row(LIMIT, DAY, MID, reduce_only=True),
}


def table() -> list[str]:
    head = ["order", *VENUES]
    found = [[name, *(_asked(venue, dict(fields)) for venue in VENUES)] for name, fields in ROWS.items()]
    lines = [head, ["---"] * len(head), *found]
    return ["| " + " | ".join(line) + " |" for line in lines]


def _asked(venue: str, fields: dict[str, Any]) -> str:
    """One order, asked for at one venue."""
    known, bench = VENUES[venue], HeldBench("python")
    bench.step_to(int(datetime(2026, 3, 6, 17, 0, tzinfo=UTC).timestamp()) * SECOND)
    bench.fill(bench.submitted(Side.BUY, 500), 500)  # Something to reduce.
    if known != Capabilities(venue=VENUE):
        bench.describe(**{name: getattr(known, name) for name in known.__struct_fields__ if name != "venue"})
    terms, tif = fields["terms"], fields["time_in_force"]
    if terms is not None and terms.expire_ns:
        fields["terms"] = msgspec.structs.replace(terms, expire_ns=bench.now_ns + terms.expire_ns * HOUR_NS)
    event = bench.submit(Side.SELL, 300, **fields)[0]
    if isinstance(event, CommandRefused):
        return f"refused: `{event.reason}`"
    if isinstance(event, OrderHeld):
        return "here, in slices" if terms is not None and terms.display_lots else "here"
    assert isinstance(event, OrderSubmitted), event
    if venue == OUCH and (why := _ouch_refuses(event, bench.now_ns)):
        return f"refused by the session: {why}"
    if fields.get("reduce_only") or (tif is TimeInForce.GTD and tif not in known.times_in_force):
        return "here"
    return "native"


def _ouch_refuses(event: OrderSubmitted, now_ns: int) -> str:
    from sim.venues.nasdaq_ouch_book import Exchange
    from tests.unit.venues.ouch_line import AAPL, Line, session

    exchange = Exchange()
    line = Line(exchange, session(), exchange.open_account("OURS", "pw"))
    line.now_ns = now_ns
    line.connect()
    report, *_ = line.send(msgspec.structs.replace(event, instrument=AAPL.instrument))
    return "" if report.exec_type is ExecType.NEW else report.text.partition(":")[0]


if __name__ == "__main__":
    print("\n".join(table()))  # noqa: T201 - for the guide
