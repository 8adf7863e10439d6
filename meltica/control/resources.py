"""The domain's things as the API shows them: ticks, lots and nanos become decimal text, times become timestamps."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from meltica.control import outcome_views, terms
from meltica.domain import lifecycle
from meltica.domain.approvals import KillSwitch
from meltica.domain.instrument import Instrument
from meltica.domain.lifecycle import OrderStatus
from meltica.domain.market import Level, Mark
from meltica.domain.money import nanos_text, plain
from meltica.domain.order import Order, OrderType, Pending, PendingKind, Side, TimeInForce
from meltica.domain.position import Position
from meltica.v1 import (
    kill_switch_service_pb2,
    market_data_service_pb2,
    order_pb2,
    portfolio_service_pb2,
)

SECOND_NS: Final = 1_000_000_000
AVERAGE_PLACES: Final = 9
_EXACT: Final = Context(prec=60)

SIDES: Final = {Side.BUY: order_pb2.SIDE_BUY, Side.SELL: order_pb2.SIDE_SELL}
ORDER_TYPES: Final = {kind: order_pb2.OrderType.Value(f"ORDER_TYPE_{kind.name}") for kind in OrderType}
TIMES_IN_FORCE: Final = {tif: order_pb2.TimeInForce.Value(f"TIME_IN_FORCE_{tif.name}") for tif in TimeInForce}
PENDING_KINDS: Final = {
    PendingKind.CANCEL: order_pb2.PendingRequest.KIND_CANCEL,
    PendingKind.REPLACE: order_pb2.PendingRequest.KIND_REPLACE,
}
STATUSES: Final = {status: order_pb2.OrderStatus.Value(f"ORDER_STATUS_{status.name}") for status in OrderStatus}


def timestamp(time_ns: int) -> Timestamp:
    seconds, nanos = divmod(time_ns, SECOND_NS)
    return Timestamp(seconds=seconds, nanos=nanos)


def duration(length_ns: int) -> Duration:
    seconds, nanos = divmod(length_ns, SECOND_NS)
    return Duration(seconds=seconds, nanos=nanos)


def price_text(instrument: Instrument, price_ticks: int | None) -> str:
    return "" if price_ticks is None else instrument.price_text(price_ticks)


def average_text(numerator: int, denominator: int, tick_size: Decimal) -> str:
    """``numerator / denominator`` ticks as a price, half to even at 9 places, or more where the tick has more."""
    exponent = tick_size.as_tuple().exponent
    places = max(AVERAGE_PLACES, -exponent if isinstance(exponent, int) else 0)
    exact = _EXACT.divide(_EXACT.multiply(Decimal(numerator), tick_size), Decimal(denominator))
    return plain(exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN, _EXACT))


def order(found: Order, instrument: Instrument) -> order_pb2.Order:
    status = lifecycle.status(found)
    average = ""
    if found.cumulative_lots:
        average = average_text(found.cumulative_value, found.cumulative_lots, instrument.tick_size)
    return order_pb2.Order(
        order_id=str(found.order_id),
        client_order_id=found.client_order_id,
        account=found.account,
        strategy=found.strategy,
        instrument=found.instrument,
        side=SIDES[found.side],
        type=ORDER_TYPES[found.order_type],
        time_in_force=TIMES_IN_FORCE[found.time_in_force],
        quantity=instrument.quantity_text(found.quantity_lots),
        price=price_text(instrument, found.price_ticks),
        post_only=found.post_only,
        reduce_only=found.reduce_only,
        intermarket_sweep=found.iso,
        short_sale=found.short,
        short_exempt=found.short_exempt,
        status=STATUSES[status],
        working=lifecycle.is_working(found),
        cumulative_quantity=instrument.quantity_text(found.cumulative_lots),
        leaves_quantity=instrument.quantity_text(lifecycle.leaves_lots(found)),
        average_price=average,
        fees=nanos_text(found.fees_nanos),
        currency=instrument.quote_currency,
        pending_requests=[pending_request(request, instrument) for request in found.pending],
        reason=found.refusal,
        venue_order_id=found.venue_order_id,
        actor=found.actor,
        create_time=timestamp(found.created_ns),
        update_time=timestamp(found.updated_ns),
        terms=terms.shown(found.terms, instrument),
        held=terms.held(found.held),
        carriage=terms.carried(found),
        group_id=str(found.group_id) if found.group_id else "",
        parent_order_id=str(found.parent_id) if found.parent_id else "",
        doubts=[outcome_views.doubt(doubt) for doubt in found.doubts],
        uncertain=lifecycle.is_uncertain(found),
        overfilled_quantity=instrument.quantity_text(over) if (over := lifecycle.overfill_lots(found)) else "",
    )


def pending_request(pending: Pending, instrument: Instrument) -> order_pb2.PendingRequest:
    replace = pending.kind is PendingKind.REPLACE
    return order_pb2.PendingRequest(
        kind=PENDING_KINDS[pending.kind],
        client_order_id=pending.client_order_id,
        original_client_order_id=pending.original_client_order_id,
        quantity=instrument.quantity_text(pending.quantity_lots) if replace else "",
        price=price_text(instrument, pending.price_ticks) if replace else "",
        acknowledged=pending.acknowledged,
    )


def kill_switch(found: KillSwitch) -> kill_switch_service_pb2.KillSwitch:
    return kill_switch_service_pb2.KillSwitch(
        account=found.account,
        target=found.target,
        engaged=found.engaged,
        epoch=found.epoch,
        reason=found.reason,
        actor=found.actor,
        change_time=timestamp(found.changed_ns) if found.changed_ns else None,
    )


def position(found: Position, instrument: Instrument, mark: Mark | None) -> portfolio_service_pb2.Position:
    unit = instrument.value_per_tick_lot_nanos
    average = "" if found.lots == 0 else average_text(found.cost_nanos, found.lots * unit, instrument.tick_size)
    return portfolio_service_pb2.Position(
        account=found.account,
        instrument=found.instrument,
        currency=instrument.quote_currency,
        quantity=instrument.quantity_text(found.lots),
        average_price=average,
        mark_price="" if mark is None else instrument.price_text(mark.price_ticks),
        mark_time=None if mark is None else timestamp(mark.time_ns),
        realised=nanos_text(found.realised_nanos),
        unrealised="" if mark is None else nanos_text(found.unrealised_nanos(mark.price_ticks, unit)),
        fees=nanos_text(found.fees_nanos),
        traded_value=nanos_text(found.traded_value_nanos),
    )


def instrument_facts(found: Instrument) -> market_data_service_pb2.Instrument:
    return market_data_service_pb2.Instrument(
        instrument=found.instrument,
        venue=found.venue,
        venue_symbol=found.venue_symbol,
        quote_currency=found.quote_currency,
        tick_size=plain(found.tick_size),
        lot_size=plain(found.lot_size),
        min_quantity=found.quantity_text(found.min_quantity_lots),
        max_quantity=found.quantity_text(found.max_quantity_lots),
        max_price=found.price_text(found.max_price_ticks),
        min_value=nanos_text(found.min_value_nanos),
        maker_fee_ppm=found.maker_fee_ppm,
        taker_fee_ppm=found.taker_fee_ppm,
    )


def price_level(level: Level, instrument: Instrument) -> market_data_service_pb2.PriceLevel:
    return market_data_service_pb2.PriceLevel(
        price=instrument.price_text(level[0]), quantity=instrument.quantity_text(level[1])
    )
