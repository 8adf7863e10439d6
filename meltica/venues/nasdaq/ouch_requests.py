"""What an OUCH session says: our orders, replaces and cancels as bytes."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from meltica.domain.order import Side
from meltica.domain.order_events import OrderSubmitted
from meltica.hot.ouch_wire_twin import cl_ord_id
from meltica.venues.nasdaq.ouch50 import CODEC, Tag
from meltica.venues.nasdaq.ouch_codec import TagValue
from meltica.venues.nasdaq.ouch_orders import OuchOrder, Request, RequestKind, whole_shares, wire_price
from meltica.venues.nasdaq.ouch_terms import CROSSES, REPEATED, hides, tags_of


def sell(_command: OrderSubmitted) -> str:
    """The side code of a sale: ``S``; a firm that sells short brings its own rule (``T``, ``E``)."""
    return "S"


class Speech(msgspec.Struct, frozen=True):
    """What all messages of a session have in common."""

    firm: str = ""
    capacity: str = "P"
    display: str = "Y"
    sell_code: Callable[[OrderSubmitted], str] = sell

    def enter(self, command: OrderSubmitted, order: OuchOrder, now_ns: int) -> bytes:
        """:raises FieldError: OUCH has no such order."""
        shares = whole_shares(order.instrument, command.quantity_lots)
        said = tags_of(command, order.instrument, now_ns)
        tags = [TagValue(Tag.FIRM, self.firm), *said] if self.firm else said
        order.display = "N" if hides(command) else self.display
        order.repeated = tuple(tag for tag in said if tag.tag in REPEATED)
        fields: dict[str, int | str] = {
            "UserRefNum": order.user_ref_num,
            "Side": "B" if command.side is Side.BUY else self.sell_code(command),
            "Quantity": shares,
            "Symbol": order.instrument.venue_symbol,
            "Price": wire_price(order.instrument, command.order_type, command.price_ticks),
            "Time In Force": order.wire_tif,
            "Display": order.display,
            "Capacity": self.capacity,
            "InterMarket Sweep Eligibility": "Y" if order.iso else "N",
            "CrossType": CROSSES.get(command.time_in_force, "N"),
            "ClOrdID": cl_ord_id(order.order_id),
        }
        return CODEC.encode(CODEC.make("inbound", "O", fields, tuple(tags)))

    def replace(self, order: OuchOrder, asked: Request) -> bytes:
        """:raises FieldError: OUCH can't say it."""
        # The chain's total: what self-match prevention took away is inside as well.
        total = asked.quantity_lots + order.self_match_lots
        fields: dict[str, int | str] = {
            "OrigUserRefNum": order.user_ref_num,
            "UserRefNum": asked.user_ref_num,
            "Quantity": whole_shares(order.instrument, total),
            "Price": wire_price(order.instrument, order.order_type, asked.price_ticks),
            "Time In Force": order.wire_tif,
            "Display": order.display or self.display,
            "InterMarket Sweep Eligibility": "Y" if order.iso else "N",
            "ClOrdID": cl_ord_id(order.order_id),
        }
        return CODEC.encode(CODEC.make("inbound", "U", fields, order.repeated or None))


def cancels(order: OuchOrder, quantity_lots: int) -> tuple[bytes, ...]:
    """For the order and for the replacement on its way: whichever of them works then, it is meant."""
    replacement = order.request(RequestKind.REPLACE)
    numbers = [order.user_ref_num, replacement.user_ref_num if replacement is not None else 0]
    shares = whole_shares(order.instrument, quantity_lots)
    return tuple(
        CODEC.encode(CODEC.make("inbound", "X", {"UserRefNum": number, "Quantity": shares}))
        for number in numbers
        if number
    )
