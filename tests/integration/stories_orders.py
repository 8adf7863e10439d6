"""Sound requests of OrderService and AlgoService."""

from __future__ import annotations

import time
from typing import Any, Final

from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from meltica.v1 import algo_service_pb2 as algo_api
from meltica.v1 import order_pb2
from meltica.v1 import order_service_pb2 as api
from tests.engines import BTC
from tests.integration.request_story import Story
from tests.unit.control.serving import Running, order, request_id

UNKNOWN: Final = {
    "account": "UNKNOWN_ACCOUNT",
    "strategy": "UNKNOWN_STRATEGY",
    "instrument": "UNKNOWN_INSTRUMENT",
    "order_id": "UNKNOWN_ORDER",
}
FILTER: Final = "a filter: nothing is of that name, so nothing is cancelled"
GTC, BUY, SELL = order_pb2.TIME_IN_FORCE_GTC, order_pb2.SIDE_BUY, order_pb2.SIDE_SELL


def leg(**fields: Any) -> api.SubmitOrderRequest:
    return order(**{"request_id": "", "strategy": "a", **fields})


def item_story(at: str) -> dict[str, str]:
    """What an unknown name does in an item of a list."""
    return {
        f"{at}.account": "UNKNOWN_ACCOUNT",
        f"{at}.strategy": "UNKNOWN_STRATEGY",
        f"{at}.instrument": "INVALID_REQUEST",
    }


async def limit(_running: Running) -> Message:
    terms = order_pb2.OrderTerms(display_quantity="0.1", display_spread="0.1")
    return order(strategy="a", client_order_id="mine", terms=terms)


async def trailing(_running: Running) -> Message:
    terms = order_pb2.OrderTerms(
        trigger_source=order_pb2.TRIGGER_SOURCE_LAST, trailing_offset="500", limit_offset="1", activation_price="61000"
    )
    kind = order_pb2.ORDER_TYPE_TRAILING_STOP_LIMIT
    return order(side=SELL, type=kind, price="", terms=terms)


async def stop_until(_running: Running) -> Message:
    expires = Timestamp(seconds=int(time.time()) + 3600)
    terms = order_pb2.OrderTerms(trigger_price="59000", expire_time=expires)
    facts = {"type": order_pb2.ORDER_TYPE_STOP, "time_in_force": order_pb2.TIME_IN_FORCE_GTD}
    return order(side=SELL, price="", terms=terms, **facts)


async def pegged(_running: Running) -> Message:
    terms = order_pb2.OrderTerms(peg=order_pb2.PEG_PRIMARY, peg_offset="-1", peg_limit_price="60000")
    return order(type=order_pb2.ORDER_TYPE_PEGGED, price="", terms=terms)


async def _working(running: Running, **fields: Any) -> str:
    tara = await running.be("tara")
    return (await tara.orders.SubmitOrder(order(price="59000", **fields))).order.order_id


async def _held(running: Running) -> str:
    terms = order_pb2.OrderTerms(trigger_price="59000")
    tara = await running.be("tara")
    stop = order(side=SELL, type=order_pb2.ORDER_TYPE_STOP, price="", terms=terms)
    return (await tara.orders.SubmitOrder(stop)).order.order_id


async def amendment(running: Running) -> Message:
    return api.AmendOrderRequest(order_id=await _working(running), quantity="0.4", price="58000", client_order_id="x")


async def held_amendment(running: Running) -> Message:
    terms = order_pb2.OrderTerms(trigger_price="58000")
    return api.AmendOrderRequest(order_id=await _held(running), quantity="0.4", terms=terms)


async def cancel(running: Running) -> Message:
    return api.CancelOrderRequest(order_id=await _working(running), client_order_id="x")


async def cancel_all(running: Running) -> Message:
    await _working(running, strategy="a")
    return api.CancelAllOrdersRequest(account="main", strategy="a", instrument=BTC)


async def together(_running: Running) -> Message:
    return api.SubmitOrdersRequest(
        all_or_none=True, orders=[leg(), leg(price="59000", terms=order_pb2.OrderTerms(display_quantity="0.1"))]
    )


async def amend_together(running: Running) -> Message:
    first, second = await _working(running), await _held(running)
    terms = order_pb2.OrderTerms(trigger_price="58000")
    return api.AmendOrdersRequest(
        all_or_none=True,
        amendments=[
            api.Amendment(order_id=first, quantity="0.4", price="58000", client_order_id="x"),
            api.Amendment(order_id=second, quantity="0.4", terms=terms),
        ],
    )


async def cancel_some(running: Running) -> Message:
    return api.CancelOrdersRequest(order_ids=[await _working(running), await _working(running)])


async def cancel_filtered(running: Running) -> Message:
    await _working(running, strategy="a")
    return api.CancelOrdersRequest(
        account="main", strategy="a", instrument=BTC, side=BUY, older_than=Duration(seconds=0), group_id="1"
    )


async def bracket(_running: Running) -> Message:
    stop = order_pb2.OrderTerms(trigger_price="58000")
    return api.SubmitOrderListRequest(
        link=order_pb2.LINK_BRACKET,
        sizing=order_pb2.GROUP_SIZING_PARTIAL,
        orders=[
            leg(price="59000"),
            leg(side=SELL, price="62000"),
            leg(side=SELL, type=order_pb2.ORDER_TYPE_STOP, price="", terms=stop),
        ],
    )


def schedule(**fields: Any) -> algo_api.Schedule:
    now = int(time.time())
    facts = {
        "start_time": Timestamp(seconds=now + 60),
        "end_time": Timestamp(seconds=now + 3600),
        "child_style": algo_api.CHILD_STYLE_LIMIT,
        "max_child_quantity": "0.1",
        "randomisation": "0.1",
        "at_end": algo_api.AT_END_CROSS,
    }
    return algo_api.Schedule(**{**facts, **fields})


def algo(**fields: Any) -> algo_api.SubmitAlgoRequest:
    facts = {"account": "main", "strategy": "a", "instrument": BTC, "side": BUY, "quantity": "0.5", "price": "60000"}
    return algo_api.SubmitAlgoRequest(request_id=request_id(), **{**facts, **fields})


async def twap(_running: Running) -> Message:
    return algo(schedule=schedule(kind=algo_api.SCHEDULE_KIND_TWAP, slices=10))


async def vwap(_running: Running) -> Message:
    return algo(schedule=schedule(kind=algo_api.SCHEDULE_KIND_VWAP, volume_curve=["0.5", "0.25", "0.25"]))


async def pov(_running: Running) -> Message:
    return algo(schedule=schedule(kind=algo_api.SCHEDULE_KIND_POV, participation_rate="0.1"))


async def shortfall(_running: Running) -> Message:
    factors = {"risk_aversion": "0.000001", "volatility": "10", "temporary_impact": "100", "permanent_impact": "0.01"}
    return algo(schedule=schedule(kind=algo_api.SCHEDULE_KIND_SHORTFALL, slices=5, **factors))


async def _parent(running: Running) -> str:
    tara = await running.be("tara")
    return (await tara.algos.SubmitAlgo(await twap(running))).algo.order.order_id


async def pause(running: Running) -> Message:
    return algo_api.PauseAlgoRequest(order_id=await _parent(running), reason="news")


async def resume(running: Running) -> Message:
    order_id = await _parent(running)
    tara = await running.be("tara")
    await tara.algos.PauseAlgo(algo_api.PauseAlgoRequest(request_id=request_id(), order_id=order_id))
    return algo_api.ResumeAlgoRequest(order_id=order_id)


async def amend_algo(running: Running) -> Message:
    end = Timestamp(seconds=int(time.time()) + 7200)
    return algo_api.AmendAlgoRequest(order_id=await _parent(running), quantity="0.6", price="59000", end_time=end)


async def cancel_algo(running: Running) -> Message:
    return algo_api.CancelAlgoRequest(order_id=await _parent(running))


LISTED: Final = {"orders": 500}
CLIENT_IDS_DIFFER: Final = ("", "an order that is sent twice is two orders")

ORDERS: Final = (
    Story(
        method="OrderService/SubmitOrder",
        person="tara",
        make=limit,
        unknown=UNKNOWN,
        also=(
            ("type > price", order_pb2.ORDER_TYPE_MARKET, "PRICE_NOT_ALLOWED"),
            ("short_sale", True, "SHORT_NOT_A_SALE"),
            ("short_exempt", True, "SHORT_EXEMPT_NOT_SHORT"),
            ("terms.display_spread", "1", "INVALID_REQUEST"),
        ),
    ),
    Story(
        method="OrderService/SubmitOrder",
        person="tara",
        make=trailing,
        unknown=UNKNOWN,
        may_miss=("price",),
        also=(("terms.trailing_offset_bps > terms.trailing_offset", 10, "INVALID_REQUEST"),),
    ),
    Story(
        method="OrderService/SubmitOrder",
        person="tara",
        make=stop_until,
        unknown=UNKNOWN,
        may_miss=("price",),
        also=(
            ("terms.expire_time", Timestamp(seconds=1_000_000_000), "EXPIRE_TIME_PAST"),
            ("intermarket_sweep", True, "ISO_WITHOUT_PRICE"),
            ("post_only", True, "POST_ONLY_NOT_RESTING"),
        ),
    ),
    Story(method="OrderService/SubmitOrder", person="tara", make=pegged, unknown=UNKNOWN, may_miss=("price",)),
    Story(
        method="OrderService/AmendOrder",
        person="tara",
        make=amendment,
        unknown=UNKNOWN,
        also=(("terms", order_pb2.OrderTerms(trigger_price="1"), "TERMS_NOT_AMENDABLE"),),
    ),
    Story(
        method="OrderService/AmendOrder",
        person="tara",
        make=held_amendment,
        unknown=UNKNOWN,
        also=(("client_order_id", "x", "CLIENT_ORDER_ID_NOT_ALLOWED"), ("price", "58000", "PRICE_NOT_ALLOWED")),
    ),
    Story(method="OrderService/CancelOrder", person="olivia", make=cancel, unknown=UNKNOWN),
    Story(
        method="OrderService/CancelAllOrders",
        person="olivia",
        make=cancel_all,
        ignored=dict.fromkeys(("account", "strategy", "instrument"), FILTER),
    ),
    Story(
        method="OrderService/SubmitOrders",
        person="tara",
        make=together,
        unknown=item_story("orders[1]"),
        most=LISTED,
        twice={"orders": CLIENT_IDS_DIFFER},
        also=(("orders[1].request_id", "0b0f7c1e-5d0c-4a3e-9a53-6f6f0a2f8c11", "INVALID_REQUEST"),),
    ),
    Story(
        method="OrderService/AmendOrders",
        person="tara",
        make=amend_together,
        unknown={"amendments[1].order_id": "INVALID_REQUEST"},
        most={"amendments": 500},
        twice={"amendments": ("amendments[2].order_id", "NAMED_TWICE")},
    ),
    Story(
        method="OrderService/CancelOrders",
        person="olivia",
        make=cancel_some,
        ignored={
            "order_ids[1]": "answered as that item's result",
            **dict.fromkeys(("account", "strategy", "instrument", "group_id"), FILTER),
        },
        answered=("order_ids[1]",),
        may_miss=("side",),
        most={"order_ids": 500},
        twice={"order_ids": ("", "each order is cancelled, and answered, once")},
        also=(("order_ids", [], "NOTHING_TO_CANCEL"),),
    ),
    Story(
        method="OrderService/CancelOrders",
        person="olivia",
        make=cancel_filtered,
        ignored=dict.fromkeys(("account", "strategy", "instrument", "group_id"), FILTER),
    ),
    Story(
        method="OrderService/SubmitOrderList",
        person="tara",
        make=bracket,
        unknown=item_story("orders[2]"),
        most={"orders": 20},
        twice={"orders": ("orders", "LIST_LENGTH")},
        also=(
            ("among", order_pb2.LINK_BRACKET, "INVALID_REQUEST"),
            ("orders[2].request_id", "0b0f7c1e-5d0c-4a3e-9a53-6f6f0a2f8c11", "INVALID_REQUEST"),
        ),
    ),
)

PARENT_UNKNOWN: Final = {**UNKNOWN, "order_id": "UNKNOWN_ORDER"}
ALGOS: Final = (
    *(
        Story(
            method="AlgoService/SubmitAlgo",
            person="tara",
            make=make,
            unknown=UNKNOWN,
            most={"schedule.volume_curve": 1000},
            twice={"schedule.volume_curve": ("schedule.volume_curve", "INVALID_SCHEDULE")},
            may_miss=(() if make is vwap else ("schedule.volume_curve",)),
        )
        for make in (twap, vwap, pov, shortfall)
    ),
    Story(method="AlgoService/PauseAlgo", person="olivia", make=pause, unknown=UNKNOWN),
    Story(method="AlgoService/ResumeAlgo", person="tara", make=resume, unknown=UNKNOWN),
    Story(method="AlgoService/AmendAlgo", person="tara", make=amend_algo, unknown=UNKNOWN),
    Story(method="AlgoService/CancelAlgo", person="olivia", make=cancel_algo, unknown=UNKNOWN),
)
