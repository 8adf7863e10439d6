"""An order's terms as the API writes them, and back: decimal text there; ticks, lots and nanoseconds here."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from google.protobuf.timestamp_pb2 import Timestamp

from meltica.control.requests import Form
from meltica.domain.carriage import Carriage, carriage
from meltica.domain.instrument import Instrument
from meltica.domain.money import INT64_MAX, plain
from meltica.domain.order import Order
from meltica.domain.terms import Held, OffsetUnit, Peg, Terms, TriggerSource
from meltica.v1 import order_pb2

SECOND_NS: Final = 1_000_000_000
BPS: Final = 10_000
MILLIONTH: Final = Decimal("0.000001")

SOURCES: Final = {source: order_pb2.TriggerSource.Value(f"TRIGGER_SOURCE_{source.name}") for source in TriggerSource}
PEGS: Final = {peg: order_pb2.Peg.Value(f"PEG_{peg.name}") for peg in Peg}
CARRIAGES: Final = {each: order_pb2.Carriage.Value(f"CARRIAGE_{each.name}") for each in Carriage}
HELD: Final = {held: order_pb2.Held.Value(f"HELD_{held.name}") for held in Held}
_SOURCES: Final[dict[int, TriggerSource]] = {
    order_pb2.TRIGGER_SOURCE_UNSPECIFIED: TriggerSource.BID_ASK,
    **{number: source for source, number in SOURCES.items()},
}
_PEGS: Final[dict[int, Peg | None]] = {order_pb2.PEG_UNSPECIFIED: None, **{number: peg for peg, number in PEGS.items()}}
NO_TERMS: Final = Terms()


def read(form: Form, request: order_pb2.OrderTerms, instrument: Instrument | None, at: str = "terms") -> Terms | None:
    """The terms; None: nothing is asked for. What is wrong is remembered in the form, with its field."""

    def price(name: str) -> int | None:
        text = getattr(request, name)
        return form.price(f"{at}.{name}", text, instrument) if text else None

    def lots(name: str) -> int:
        text = getattr(request, name)
        return form.quantity(f"{at}.{name}", text, instrument) if text else 0

    offset, unit = _trail(form, request, instrument, at)
    source = request.trigger_source
    if source not in _SOURCES:
        form.wrong(f"{at}.trigger_source", f"{source} is no trigger source")
    if request.peg not in _PEGS:
        form.wrong(f"{at}.peg", f"{request.peg} is nothing that can be followed")
    terms = Terms(
        trigger_ticks=price("trigger_price"),
        trigger_source=_SOURCES.get(source, TriggerSource.BID_ASK),
        trail_offset=offset,
        trail_unit=unit,
        activation_ticks=price("activation_price"),
        limit_offset_ticks=price("limit_offset") or 0,
        peg=_PEGS.get(request.peg),
        peg_offset_ticks=form.price_change(f"{at}.peg_offset", request.peg_offset, instrument),
        peg_limit_ticks=price("peg_limit_price"),
        display_lots=lots("display_quantity"),
        display_spread_ppm=form.share_ppm(f"{at}.display_spread", request.display_spread),
        expire_ns=_moment(form, request.expire_time, f"{at}.expire_time") if request.HasField("expire_time") else 0,
        min_lots=lots("min_quantity"),
    )
    return None if terms == NO_TERMS else terms


def _trail(form: Form, request: order_pb2.OrderTerms, instrument: Instrument | None, at: str) -> tuple[int, OffsetUnit]:
    bps, text = request.trailing_offset_bps, request.trailing_offset
    if 0 < bps < BPS and text:
        form.wrong(f"{at}.trailing_offset", "give it as a price or in basis points (trailing_offset_bps), not as both")
    if not bps:
        return (form.price(f"{at}.trailing_offset", text, instrument) if text else 0), OffsetUnit.TICKS
    if not 0 < bps < BPS:
        form.wrong(f"{at}.trailing_offset_bps", "must be 1 to 9999")
    return bps, OffsetUnit.BASIS_POINTS


def _moment(form: Form, given: Timestamp, field: str) -> int:
    time_ns = given.seconds * SECOND_NS + given.nanos
    if not 0 <= given.nanos < SECOND_NS or not 0 < time_ns <= INT64_MAX:
        form.wrong(field, "must be a time after 1970 that fits 63 bits of nanoseconds")
        return 0
    return time_ns


def shown(terms: Terms | None, instrument: Instrument) -> order_pb2.OrderTerms | None:
    if terms is None:
        return None

    def price(ticks: int | None) -> str:
        return "" if ticks is None else instrument.price_text(ticks)

    in_bps = terms.trail_unit is OffsetUnit.BASIS_POINTS
    trail = terms.trail_offset
    return order_pb2.OrderTerms(
        trigger_price=price(terms.trigger_ticks),
        trigger_source=SOURCES[terms.trigger_source],
        trailing_offset="" if in_bps or not trail else instrument.price_text(trail),
        trailing_offset_bps=trail if in_bps else 0,
        activation_price=price(terms.activation_ticks),
        limit_offset=instrument.price_text(terms.limit_offset_ticks) if terms.limit_offset_ticks else "",
        peg=order_pb2.PEG_UNSPECIFIED if terms.peg is None else PEGS[terms.peg],
        peg_offset=instrument.price_text(terms.peg_offset_ticks) if terms.peg_offset_ticks else "",
        peg_limit_price=price(terms.peg_limit_ticks),
        display_quantity=instrument.quantity_text(terms.display_lots) if terms.display_lots else "",
        display_spread=plain(terms.display_spread_ppm * MILLIONTH) if terms.display_spread_ppm else "",
        expire_time=_timestamp(terms.expire_ns) if terms.expire_ns else None,
        min_quantity=instrument.quantity_text(terms.min_lots) if terms.min_lots else "",
    )


def _timestamp(time_ns: int) -> Timestamp:
    seconds, nanos = divmod(time_ns, SECOND_NS)
    return Timestamp(seconds=seconds, nanos=nanos)


def held(found: Held | None) -> order_pb2.Held.ValueType:
    return order_pb2.HELD_UNSPECIFIED if found is None else HELD[found]


def carried(order: Order) -> order_pb2.Carriage.ValueType:
    found = carriage(order)
    return order_pb2.CARRIAGE_UNSPECIFIED if found is None else CARRIAGES[found]
