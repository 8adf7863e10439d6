"""Orders that contradict themselves: each is refused with the field and the reason, and nothing changes."""

from __future__ import annotations

from typing import Any

import pytest

from meltica.domain.commands import SubmitOrder
from meltica.domain.order import OrderType, Side, TimeInForce
from meltica.domain.terms import OffsetUnit, Peg, Terms, TriggerSource
from tests.engines import BTC, SECOND, START_NS
from tests.unit.engine.held_orders import MID, HeldBench
from tests.unit.engine.watch import SYSTEM, refused

STOP, STOP_LIMIT, TRAIL, PEG = (
    OrderType.STOP,
    OrderType.STOP_LIMIT,
    OrderType.TRAILING_STOP,
    OrderType.PEGGED,
)
GTD, IOC, FOK, OPEN, CLOSE = (
    TimeInForce.GTD,
    TimeInForce.IOC,
    TimeInForce.FOK,
    TimeInForce.AT_THE_OPEN,
    TimeInForce.AT_THE_CLOSE,
)
BIG = 100_000_001
SOON = START_NS + 3600 * SECOND

WRONG: list[tuple[OrderType, dict[str, Any], dict[str, Any], str, str]] = [
    # Triggers
    (STOP, {}, {}, "TRIGGER_REQUIRED", "terms.trigger_price"),
    (OrderType.MARKET_IF_TOUCHED, {}, {}, "TRIGGER_REQUIRED", "terms.trigger_price"),
    (OrderType.LIMIT_IF_TOUCHED, {"price": MID}, {}, "TRIGGER_REQUIRED", "terms.trigger_price"),
    (STOP, {}, {"trigger_ticks": 0}, "PRICE_OUT_OF_RANGE", "terms.trigger_price"),
    (STOP, {}, {"trigger_ticks": -5}, "PRICE_OUT_OF_RANGE", "terms.trigger_price"),
    (STOP, {}, {"trigger_ticks": BIG}, "PRICE_OUT_OF_RANGE", "terms.trigger_price"),
    (OrderType.LIMIT, {"price": MID}, {"trigger_ticks": MID}, "TRIGGER_NOT_ALLOWED", "terms.trigger_price"),
    (PEG, {}, {"peg": Peg.MID, "trigger_ticks": MID}, "TRIGGER_NOT_ALLOWED", "terms.trigger_price"),
    (TRAIL, {}, {"trail_offset": 5, "trigger_ticks": MID}, "TRIGGER_NOT_ALLOWED", "terms.trigger_price"),
    (
        OrderType.MARKET,
        {"tif": IOC},
        {"trigger_source": TriggerSource.LAST},
        "TRIGGER_NOT_ALLOWED",
        "terms.trigger_source",
    ),
    (
        STOP,
        {},
        {"trigger_ticks": MID, "trigger_source": TriggerSource.MARK},
        "NO_MARK_PRICE",
        "terms.trigger_source",
    ),
    (STOP, {}, {"trigger_ticks": MID, "activation_ticks": MID}, "TRIGGER_NOT_ALLOWED", "terms.activation_price"),
    (TRAIL, {}, {"trail_offset": 5, "activation_ticks": BIG}, "PRICE_OUT_OF_RANGE", "terms.activation_price"),
    # Prices
    (STOP, {"price": MID}, {"trigger_ticks": MID}, "PRICE_NOT_ALLOWED", "price"),
    (STOP_LIMIT, {}, {"trigger_ticks": MID}, "PRICE_REQUIRED", "price"),
    (OrderType.LIMIT_IF_TOUCHED, {}, {"trigger_ticks": MID}, "PRICE_REQUIRED", "price"),
    (OrderType.TRAILING_STOP_LIMIT, {"price": MID}, {"trail_offset": 5}, "PRICE_NOT_ALLOWED", "price"),
    (PEG, {"price": MID}, {"peg": Peg.MID}, "PRICE_NOT_ALLOWED", "price"),
    (STOP_LIMIT, {"price": 2**63}, {"trigger_ticks": MID}, "PRICE_OUT_OF_RANGE", "price"),
    # Trails
    (TRAIL, {}, {}, "TRAIL_REQUIRED", "terms.trailing_offset"),
    (TRAIL, {}, {"trail_offset": -1}, "OFFSET_OUT_OF_RANGE", "terms.trailing_offset"),
    (
        TRAIL,
        {},
        {"trail_offset": 10_000, "trail_unit": OffsetUnit.BASIS_POINTS},
        "OFFSET_OUT_OF_RANGE",
        "terms.trailing_offset",
    ),
    (STOP, {}, {"trigger_ticks": MID, "trail_offset": 5}, "TRAIL_NOT_ALLOWED", "terms.trailing_offset"),
    (
        STOP,
        {},
        {"trigger_ticks": MID, "trail_unit": OffsetUnit.BASIS_POINTS},
        "TRAIL_NOT_ALLOWED",
        "terms.trailing_offset",
    ),
    (TRAIL, {}, {"trail_offset": 5, "limit_offset_ticks": 1}, "TRAIL_NOT_ALLOWED", "terms.limit_offset"),
    (
        OrderType.TRAILING_STOP_LIMIT,
        {},
        {"trail_offset": 5, "limit_offset_ticks": -1},
        "OFFSET_OUT_OF_RANGE",
        "terms.limit_offset",
    ),
    # Pegs
    (PEG, {}, {}, "PEG_REQUIRED", "terms.peg"),
    (OrderType.LIMIT, {"price": MID}, {"peg": Peg.MID}, "PEG_NOT_ALLOWED", "terms.peg"),
    (OrderType.LIMIT, {"price": MID}, {"peg_offset_ticks": 1}, "PEG_NOT_ALLOWED", "terms.peg_offset"),
    (OrderType.LIMIT, {"price": MID}, {"peg_limit_ticks": 1}, "PEG_NOT_ALLOWED", "terms.peg_limit_price"),
    (PEG, {}, {"peg": Peg.MID, "peg_offset_ticks": -BIG}, "OFFSET_OUT_OF_RANGE", "terms.peg_offset"),
    (PEG, {}, {"peg": Peg.MID, "peg_limit_ticks": 0}, "PRICE_OUT_OF_RANGE", "terms.peg_limit_price"),
    *((PEG, {"tif": tif}, {"peg": Peg.MID}, "PEG_NOT_RESTING", "time_in_force") for tif in (IOC, FOK, OPEN, CLOSE)),
    # Time
    (STOP, {"tif": GTD}, {"trigger_ticks": MID}, "EXPIRE_TIME_REQUIRED", "terms.expire_time"),
    (STOP, {}, {"trigger_ticks": MID, "expire_ns": SOON}, "EXPIRE_TIME_NOT_ALLOWED", "terms.expire_time"),
    (
        STOP,
        {"tif": GTD},
        {"trigger_ticks": MID, "expire_ns": START_NS},
        "EXPIRE_TIME_PAST",
        "terms.expire_time",
    ),
    (STOP, {"tif": GTD}, {"trigger_ticks": MID, "expire_ns": -1}, "EXPIRE_TIME_OUT_OF_RANGE", "terms.expire_time"),
    (STOP, {"tif": GTD}, {"trigger_ticks": MID, "expire_ns": 2**63}, "EXPIRE_TIME_OUT_OF_RANGE", "terms.expire_time"),
    (OrderType.MARKET, {"tif": GTD}, {"expire_ns": SOON}, "MARKET_ORDER_CANNOT_REST", "time_in_force"),
    (OrderType.LIMIT, {"price": MID, "tif": GTD}, {}, "EXPIRE_TIME_REQUIRED", "terms.expire_time"),
    (STOP, {"tif": OPEN}, {"trigger_ticks": MID}, "CROSS_WITH_TRIGGER", "time_in_force"),
    (OrderType.LIMIT, {"price": MID, "tif": CLOSE}, {}, "CLOSE_TIME_UNKNOWN", "time_in_force"),
    # Shown and least quantity
    (OrderType.LIMIT, {"price": MID}, {"display_lots": 101}, "DISPLAY_OUT_OF_RANGE", "terms.display_quantity"),
    (OrderType.LIMIT, {"price": MID}, {"display_lots": -1}, "DISPLAY_OUT_OF_RANGE", "terms.display_quantity"),
    (OrderType.LIMIT, {"price": MID}, {"display_spread_ppm": 5}, "DISPLAY_NOT_ALLOWED", "terms.display_spread"),
    (
        OrderType.LIMIT,
        {"price": MID},
        {"display_lots": 5, "display_spread_ppm": 1_000_000},
        "DISPLAY_OUT_OF_RANGE",
        "terms.display_spread",
    ),
    (OrderType.LIMIT, {"price": MID, "tif": IOC}, {"display_lots": 5}, "DISPLAY_NOT_ALLOWED", "terms.display_quantity"),
    (STOP, {}, {"trigger_ticks": MID, "display_lots": 5}, "DISPLAY_NOT_ALLOWED", "terms.display_quantity"),
    (
        OrderType.LIMIT,
        {"price": MID, "tif": IOC},
        {"min_lots": 5},
        "MIN_QUANTITY_NOT_SUPPORTED",
        "terms.min_quantity",
    ),
    (OrderType.LIMIT, {"price": MID}, {"min_lots": 101}, "MIN_QUANTITY_OUT_OF_RANGE", "terms.min_quantity"),
    # What holds for every order
    (STOP, {"lots": 0}, {"trigger_ticks": MID}, "QUANTITY_NOT_POSITIVE", "quantity"),
    (STOP, {"lots": 2**63}, {"trigger_ticks": MID}, "QUANTITY_OUT_OF_RANGE", "quantity"),
    (STOP, {"post_only": True}, {"trigger_ticks": MID}, "POST_ONLY_NOT_RESTING", "post_only"),
    (
        STOP_LIMIT,
        {"price": MID, "post_only": True, "tif": IOC},
        {"trigger_ticks": MID},
        "POST_ONLY_NOT_RESTING",
        "post_only",
    ),
    (STOP, {"iso": True}, {"trigger_ticks": MID}, "ISO_WITHOUT_PRICE", "intermarket_sweep"),
    (STOP, {"short": True}, {"trigger_ticks": MID}, "SHORT_NOT_A_SALE", "short_sale"),
    (STOP, {"short_exempt": True}, {"trigger_ticks": MID}, "SHORT_EXEMPT_NOT_SHORT", "short_exempt"),
    (STOP, {"account": "nobody"}, {"trigger_ticks": MID}, "UNKNOWN_ACCOUNT", "account"),
    (STOP, {"instrument": "X/Y@NOWHERE"}, {"trigger_ticks": MID}, "UNKNOWN_INSTRUMENT", "instrument"),
]


@pytest.mark.parametrize(("kind", "order", "terms", "reason", "field"), WRONG)
def test_each_contradiction_is_named_with_its_field(
    kind: OrderType, order: dict[str, Any], terms: dict[str, Any], reason: str, field: str
) -> None:
    refused(HeldBench(), asked(kind, order, terms), reason, field)


def asked(kind: OrderType, order: dict[str, Any], terms: dict[str, Any]) -> SubmitOrder:
    facts = dict(order)
    return SubmitOrder(
        request_id="r",
        actor=SYSTEM,
        account=facts.pop("account", "main"),
        strategy="manual",
        instrument=facts.pop("instrument", BTC),
        side=Side.BUY,
        order_type=kind,
        time_in_force=facts.pop("tif", TimeInForce.GTC),
        quantity_lots=facts.pop("lots", 100),
        price_ticks=facts.pop("price", None),
        terms=Terms(**terms) if terms else None,
        **facts,
    )


def test_a_used_id_is_used_for_held_orders_too() -> None:
    bench = HeldBench()
    bench.hold(STOP, trigger_ticks=MID)
    again = asked(STOP, {"client_order_id": "m1"}, {"trigger_ticks": MID})
    refused(bench, again, "DUPLICATE_CLIENT_ORDER_ID", "client_order_id")


def test_a_venue_that_can_takes_a_least_quantity_at_once() -> None:
    bench = HeldBench()
    bench.describe(min_quantity=(IOC,))
    (event,) = bench.step(asked(OrderType.LIMIT, {"price": MID, "tif": IOC}, {"min_lots": 5}))
    assert event.terms.min_lots == 5
    refused(
        bench,
        asked(OrderType.LIMIT, {"price": MID}, {"min_lots": 5}),
        "MIN_QUANTITY_NOT_SUPPORTED",
        "terms.min_quantity",
    )


def test_the_close_of_a_venue_is_a_time_of_day() -> None:
    bench = HeldBench()
    (event,) = bench.describe(close_ns=86_400 * SECOND)
    assert (event.reason, event.field) == ("LIMIT_OUT_OF_RANGE", "close")
    assert bench.engine.state.tables.venues == {}
