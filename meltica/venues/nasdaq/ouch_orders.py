"""What an OUCH session knows of its orders: by user reference number, by every client order id, by order id."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Final

import msgspec

from meltica.domain.errors import FieldError
from meltica.domain.instrument import Instrument
from meltica.domain.order import Order, OrderType, PendingKind, Side
from meltica.domain.reports import OutcomeUnknown
from meltica.venues.nasdaq.ouch_codec import MARKET_PRICE, TagValue

MAX_ORDERS: Final = 1_000_000
"""Of one day and port; a venue may bust a trade in the evening, so none is forgotten before."""

WIRE_PER_DOLLAR: Final = 10_000


class RequestKind(enum.Enum):
    CANCEL = "cancel"
    REPLACE = "replace"
    REDUCE = "reduce"
    """A replace that only takes quantity away: OUCH's Cancel, which keeps the place in the queue."""


class Request(msgspec.Struct, kw_only=True):
    """A cancel or replace that has no answer yet."""

    kind: RequestKind
    client_order_id: str
    messages: tuple[bytes, ...]
    """As they went out; sent again after a loss of the connection."""
    user_ref_num: int = 0
    """REPLACE: of the replacement."""
    quantity_lots: int = 0
    price_ticks: int | None = None


class OuchOrder(msgspec.Struct, kw_only=True):
    """One order, from its Enter Order through all replacements."""

    order_id: int
    client_order_id: str
    """The newest that the venue took."""
    instrument: Instrument
    side: Side
    order_type: OrderType
    quantity_lots: int
    price_ticks: int | None
    wire_tif: str
    iso: bool = False
    display: str = ""
    """As it was entered; empty: as the session's orders are."""
    repeated: tuple[TagValue, ...] = ()
    """What a Replace says again of how it works."""
    user_ref_num: int = 0
    """0: known from before a restart, its number will come with the replay."""
    venue_order_id: str = ""
    leaves_lots: int = 0
    cumulative_lots: int = 0
    self_match_lots: int = 0
    """Taken away by self-match prevention; a replace counts them as done."""
    was_replaced: bool = False
    restored: bool = False
    """Known from before a restart: its first messages are told again and are older than what is known."""
    awaited: bool = False
    """Restored without an acknowledgement: nobody knows whether it arrived before the replay is through."""
    accepted: bool = False
    done: bool = False
    requests: list[Request] = msgspec.field(default_factory=list)

    def request(self, *kinds: RequestKind) -> Request | None:
        """The oldest of these kinds."""
        return next((request for request in self.requests if request.kind in kinds), None)

    def is_original(self) -> bool:
        """Nothing but executions has changed its quantity: then an intended size means the same to both ends."""
        return not self.was_replaced and self.self_match_lots == 0 and self.user_ref_num != 0


class Unanswered(msgspec.Struct, frozen=True):
    """An Enter Order or Replace that the venue has not answered."""

    order: OuchOrder
    request: Request | None
    message: bytes
    sent_ns: int


class OrderBook:
    """The session's orders, and the numbers that lead to them."""

    def __init__(self) -> None:
        self._by_ref: dict[int, OuchOrder] = {}
        self._by_client_id: dict[str, OuchOrder] = {}
        self._by_order_id: dict[int, OuchOrder] = {}
        self.unanswered: dict[int, Unanswered] = {}
        """By user reference number."""

    def __len__(self) -> int:
        return len(self._by_order_id)

    def __iter__(self) -> Iterator[OuchOrder]:
        return iter(self._by_order_id.values())

    def add(self, order: OuchOrder) -> None:
        self._by_order_id[order.order_id] = order
        self.name(order, order.client_order_id)
        if order.user_ref_num:
            self.number(order, order.user_ref_num)

    def name(self, order: OuchOrder, client_order_id: str) -> None:
        """One more id under which requests may name the order."""
        self._by_client_id[client_order_id] = order

    def number(self, order: OuchOrder, user_ref_num: int) -> None:
        """One more number under which messages may name it."""
        self._by_ref[user_ref_num] = order

    def doubts(self, venue: str) -> Iterator[OutcomeUnknown]:
        """Everything that was sent and has no answer, as told when the connection is lost."""
        text = "the connection was lost before the answer"
        for waiting in self.unanswered.values():
            if waiting.request is None:
                name = waiting.order.client_order_id
                yield OutcomeUnknown(venue=venue, client_order_id=name, text=text)
        for order in self._by_order_id.values():
            for request in order.requests:
                yield OutcomeUnknown(
                    venue=venue,
                    client_order_id=request.client_order_id,
                    original_client_order_id=order.client_order_id,
                    text=text,
                )

    def by_ref(self, user_ref_num: int) -> OuchOrder | None:
        return self._by_ref.get(user_ref_num)

    def by_client_id(self, client_order_id: str) -> OuchOrder | None:
        return self._by_client_id.get(client_order_id)

    def by_order_id(self, order_id: int) -> OuchOrder | None:
        return self._by_order_id.get(order_id)


def remembered(known: Order, instrument: Instrument, wire_tif: str) -> OuchOrder:
    """An order of before a restart; the replay brings its number and what became of it."""
    order = OuchOrder(
        order_id=known.order_id,
        client_order_id=known.client_order_id,
        instrument=instrument,
        side=known.side,
        order_type=known.order_type if at_venue_as_is(known) else known.order_type.sent_as,
        quantity_lots=known.quantity_lots,
        price_ticks=known.price_ticks,
        wire_tif=wire_tif,
        iso=known.iso,
        restored=True,
        awaited=not known.acknowledged,
    )
    for pending in known.pending:
        kind = RequestKind.CANCEL if pending.kind is PendingKind.CANCEL else RequestKind.REPLACE
        order.requests.append(
            Request(
                kind=kind,
                client_order_id=pending.client_order_id,
                messages=(),
                quantity_lots=pending.quantity_lots,
                price_ticks=pending.price_ticks,
            )
        )
    return order


def at_venue_as_is(known: Order) -> bool:
    """Does the venue follow the market for it?"""
    return known.order_type is OrderType.PEGGED and not known.released


def wire_per_tick(instrument: Instrument) -> int:
    """How many 1/10,000 dollars a tick is; 0: no whole number, or none."""
    unit = instrument.tick_size * WIRE_PER_DOLLAR
    return int(unit) if unit == unit.to_integral_value() else 0


def whole_shares(instrument: Instrument, lots: int) -> int:
    """:raises FieldError: not a whole number of shares."""
    shares = lots * instrument.lot_size
    if shares != shares.to_integral_value():
        raise FieldError("quantity", str(shares), "whole shares")
    return int(shares)


def wire_price(instrument: Instrument, order_type: OrderType, price_ticks: int | None) -> int:
    """:raises FieldError: a limit order without a price."""
    if order_type is OrderType.MARKET:
        return MARKET_PRICE
    if price_ticks is None or price_ticks < 1:
        raise FieldError("price", price_ticks, "a limit order has a price")
    return price_ticks * wire_per_tick(instrument)
