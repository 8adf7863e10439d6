"""What the OUCH host says of our orders, as execution reports in FIX terms.

Execution ids are ``<session>-<match number><B or S>``: match numbers begin again every day, and a trade between two of
our own orders has one number on both sides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from meltica.domain.instrument import Instrument
from meltica.domain.order import OrderType, Side
from meltica.domain.reports import ExecType, ExecutionReport, OrderCancelReject, VenueReport
from meltica.hot.ouch_wire_twin import order_id_of
from meltica.venues.nasdaq.ouch50 import (
    BROKEN_TRADE_REASONS,
    CANCEL_REASONS,
    MAKER_FLAGS,
    RESTATED_REASONS,
    TAKER_FLAGS,
    RejectReason,
)
from meltica.venues.nasdaq.ouch_codec import OuchMessage
from meltica.venues.nasdaq.ouch_orders import OrderBook, OuchOrder, Request, RequestKind, wire_per_tick

PPM: Final = 1_000_000
EXPIRY_REASONS: Final = frozenset("ET")
"""Cancelled by the clock: FIX calls it expired."""
NEVER_ARRIVED: Final = "it never reached the venue"


class Reporter:
    """Moves the orders of a book by the messages of the host, and says what that means."""

    def __init__(self, venue: str, book: OrderBook, midnight_ns: int = 0) -> None:
        self._venue = venue
        self._book = book
        self._midnight_ns = midnight_ns
        self._happened_ns = 0
        """What is being read, by the venue's clock; 0: nothing that it said, or its day is not known."""
        self.session = ""
        """Of SoupBinTCP; part of the execution ids."""
        self.strays = 0
        """Messages about orders that nobody here knows."""
        self._readers: dict[str, Callable[[OuchMessage, OuchOrder], list[VenueReport]]] = {
            "A": self._accepted,
            "U": self._replaced,
            "C": self._canceled,
            "D": self._self_match,
            "E": self._executed,
            "B": self._broken,
            "F": self._corrected,
            "J": self._rejected,
            "P": self._pending,
            "I": self._cancel_rejected,
            "T": self._moved,
            "M": self._modified,
            "R": self._restated,
        }

    def read(self, message: OuchMessage) -> list[VenueReport]:
        """Nothing for what is not about an order, and for orders of others."""
        reader = self._readers.get(message.type)
        if reader is None:
            return []
        number = message.number("OrigUserRefNum" if message.type == "U" else "UserRefNum")
        order = self._book.by_ref(number) or self._remembered(message)
        if order is None:
            self.strays += 1
            return []
        self._happened_ns = self._midnight_ns and self._midnight_ns + message.number("Timestamp")
        try:
            return reader(message, order)
        finally:
            self._happened_ns = 0

    def _remembered(self, message: OuchMessage) -> OuchOrder | None:
        """An order of before a restart: the id that we gave it leads to it, and its number is learned."""
        found = order_id_of(message.text("ClOrdID")) if "ClOrdID" in message.fields else None
        order = None if found is None else self._book.by_order_id(found)
        if order is not None and message.type in ("A", "J", "U") and not order.user_ref_num:
            order.user_ref_num = message.number("UserRefNum")
            self._book.number(order, order.user_ref_num)
        return order

    def replayed(self) -> list[VenueReport]:
        """The replay is through. What was sent before a restart and has no answer in it never arrived, and can't any
        more: the connection that it was sent on is gone. (Cancels are sent again.)
        """
        found: list[VenueReport] = []
        for order in self._book:
            if order.awaited and not order.done and order.user_ref_num == 0:
                found += self.never_arrived(order, NEVER_ARRIVED)
                continue
            for request in list(order.requests):
                if request.kind is RequestKind.REPLACE and request.user_ref_num == 0:
                    found.append(self.refuse(order, request, NEVER_ARRIVED))
        return found

    def never_arrived(self, order: OuchOrder, why: str) -> list[VenueReport]:
        return self._ended(order, ExecType.REJECTED, why)

    # Each message that concerns an order

    def _accepted(self, message: OuchMessage, order: OuchOrder) -> list[VenueReport]:
        self._book.unanswered.pop(message.number("UserRefNum"), None)
        order.accepted = True
        order.venue_order_id = str(message.number("Order Reference Number"))
        order.leaves_lots = _lots(order.instrument, message.number("Quantity"))
        order.quantity_lots = order.leaves_lots
        reports: list[VenueReport] = [self._report(order, ExecType.NEW)]
        price = self._price(order, message)
        repriced = price != order.price_ticks and not order.restored
        order.price_ticks = price
        if repriced:
            reports.append(self._report(order, ExecType.RESTATED, price_ticks=price, text="accepted at another price"))
        if message["Order State"] == "D":
            reports += self._ended(order, ExecType.CANCELED, "accepted and cancelled at once")
        return reports

    def _replaced(self, message: OuchMessage, order: OuchOrder) -> list[VenueReport]:
        number = message.number("UserRefNum")
        waiting = self._book.unanswered.pop(number, None)
        order.user_ref_num, order.was_replaced = number, True
        self._book.number(order, number)
        order.venue_order_id = str(message.number("Order Reference Number"))
        order.leaves_lots = _lots(order.instrument, message.number("Quantity"))
        order.quantity_lots = order.leaves_lots + order.cumulative_lots
        order.price_ticks = self._price(order, message)
        request = waiting.request if waiting is not None else self._replayed(order)
        reports: list[VenueReport] = [self._requested(order, request)]
        if message["Order State"] == "D":
            reports += self._ended(order, ExecType.CANCELED, "replaced and cancelled at once")
        return reports

    def _replayed(self, order: OuchOrder) -> Request | None:
        """After a restart: is this the replacement that was on its way then? Its terms say."""
        request = order.request(RequestKind.REPLACE)
        same = request is not None and request.user_ref_num == 0 and request.price_ticks == order.price_ticks
        return request if request is not None and same and request.quantity_lots == order.quantity_lots else None

    def _canceled(self, message: OuchMessage, order: OuchOrder) -> list[VenueReport]:
        reason = message.text("Reason")
        order.leaves_lots = max(0, order.leaves_lots - _lots(order.instrument, message.number("Quantity")))
        quantity, order.quantity_lots = order.quantity_lots, order.leaves_lots + order.cumulative_lots
        reduction = (order.request(RequestKind.REDUCE) or self._replayed(order)) if reason == "U" else None
        text = CANCEL_REASONS.get(reason, f"reason {reason!r}")
        if order.leaves_lots == 0 and reduction is None:
            order.quantity_lots = quantity
            kind = ExecType.EXPIRED if reason in EXPIRY_REASONS else ExecType.CANCELED
            return self._ended(order, kind, text)
        if reduction is not None and order.quantity_lots > 0:
            reports: list[VenueReport] = [self._requested(order, reduction)]
            return reports + (self._closed(order, "nothing is left of it") if order.leaves_lots == 0 else [])
        if order.leaves_lots == 0:
            return self._ended(order, ExecType.CANCELED, text)
        return [self._report(order, ExecType.RESTATED, order_quantity_lots=order.quantity_lots, text=text)]

    def _self_match(self, message: OuchMessage, order: OuchOrder) -> list[VenueReport]:
        lots = _lots(order.instrument, message.number("Decrement Shares"))
        order.self_match_lots += lots
        order.leaves_lots = max(0, order.leaves_lots - lots)
        text = f"{CANCEL_REASONS['Q']}, {message['Quantity prevented from trading']} shares would have traded"
        if order.leaves_lots == 0:
            return self._ended(order, ExecType.CANCELED, text)
        order.quantity_lots = order.leaves_lots + order.cumulative_lots
        return [self._report(order, ExecType.RESTATED, order_quantity_lots=order.quantity_lots, text=text)]

    def _executed(self, message: OuchMessage, order: OuchOrder) -> list[VenueReport]:
        flag = message.text("Liquidity Flag")
        lots, price = _lots(order.instrument, message.number("Quantity")), self._ticks(order, message.number("Price"))
        order.cumulative_lots += lots
        order.leaves_lots = max(0, order.leaves_lots - lots)
        maker = True if flag in MAKER_FLAGS else False if flag in TAKER_FLAGS else None
        report = self._report(
            order,
            ExecType.TRADE,
            execution_id=self._execution_id(order, message),
            last_quantity_lots=lots,
            last_price_ticks=price,
            fee_nanos=fee_nanos(order.instrument, price, lots, maker=maker),
            maker=maker,
        )
        return [report, *(self._closed(order, "filled") if order.leaves_lots == 0 else [])]

    def _broken(self, message: OuchMessage, order: OuchOrder) -> list[VenueReport]:
        broken = self._execution_id(order, message)
        why = message.text("Reason")
        return [
            self._report(
                order,
                ExecType.TRADE_CANCEL,
                execution_id=f"{broken}-bust",
                reference_execution_id=broken,
                text=BROKEN_TRADE_REASONS.get(why, f"reason {why!r}"),
            )
        ]

    def _corrected(self, message: OuchMessage, order: OuchOrder) -> list[VenueReport]:
        corrected = self._execution_id(order, message)
        flag = message.text("Liquidity Flag")
        maker = True if flag in MAKER_FLAGS else False if flag in TAKER_FLAGS else None
        lots, price = _lots(order.instrument, message.number("Quantity")), self._ticks(order, message.number("Price"))
        return [
            self._report(
                order,
                ExecType.TRADE_CORRECT,
                execution_id=f"{corrected}-{message.number('Timestamp')}",
                reference_execution_id=corrected,
                last_quantity_lots=lots,
                last_price_ticks=price,
                fee_nanos=fee_nanos(order.instrument, price, lots, maker=maker),
                maker=maker,
            )
        ]

    def _rejected(self, message: OuchMessage, order: OuchOrder) -> list[VenueReport]:
        number, code = message.number("UserRefNum"), message.number("Reason")
        waiting = self._book.unanswered.pop(number, None)
        known = RejectReason(code).name if code in RejectReason.__members__.values() else "unknown"
        text = f"0x{code:04X} {known}"
        if waiting is not None and waiting.request is not None:
            return [self.refuse(order, waiting.request, text)]
        if order.accepted:
            request = order.request(RequestKind.REPLACE)
            return [] if request is None else [self.refuse(order, request, text)]
        return self._ended(order, ExecType.REJECTED, text)

    def _pending(self, _message: OuchMessage, order: OuchOrder) -> list[VenueReport]:
        request = order.request(RequestKind.CANCEL, RequestKind.REDUCE)
        if request is None:
            return []
        return [
            self._report(
                order,
                ExecType.PENDING_CANCEL,
                client_order_id=request.client_order_id,
                original_client_order_id=order.client_order_id,
                text="cancelled when the cross is done",
            )
        ]

    def _cancel_rejected(self, _message: OuchMessage, order: OuchOrder) -> list[VenueReport]:
        request = order.request(RequestKind.REDUCE, RequestKind.CANCEL)
        return [] if request is None else [self.refuse(order, request, "the cross is too near to reduce the order")]

    def _moved(self, message: OuchMessage, order: OuchOrder) -> list[VenueReport]:
        order.venue_order_id = str(message.number("Order Reference Number"))
        order.price_ticks = self._price(order, message)
        return [self._report(order, ExecType.RESTATED, price_ticks=order.price_ticks, text="priority update")]

    def _modified(self, message: OuchMessage, order: OuchOrder) -> list[VenueReport]:
        order.leaves_lots = _lots(order.instrument, message.number("Quantity"))
        order.quantity_lots = order.leaves_lots + order.cumulative_lots
        return [self._report(order, ExecType.RESTATED, order_quantity_lots=order.quantity_lots, text="modified")]

    def _restated(self, message: OuchMessage, order: OuchOrder) -> list[VenueReport]:
        why = message.text("Reason")
        return [self._report(order, ExecType.RESTATED, text=RESTATED_REASONS.get(why, f"reason {why!r}"))]

    # What they have in common

    def refuse(self, order: OuchOrder, request: Request, text: str) -> OrderCancelReject:
        """The request is answered with no; the order lives on as it was."""
        if request in order.requests:
            order.requests.remove(request)
        return OrderCancelReject(
            venue=self._venue,
            client_order_id=request.client_order_id,
            original_client_order_id=order.client_order_id,
            text=text,
        )

    def _requested(self, order: OuchOrder, request: Request | None) -> ExecutionReport:
        """REPLACED, under the id of the request."""
        original = order.client_order_id
        if request is not None:
            if request in order.requests:
                order.requests.remove(request)
            order.client_order_id = request.client_order_id
        return self._report(
            order,
            ExecType.REPLACED,
            original_client_order_id=original if request is not None else "",
            order_quantity_lots=order.quantity_lots,
            price_ticks=order.price_ticks,
        )

    def _ended(self, order: OuchOrder, how: ExecType, text: str) -> list[VenueReport]:
        """The order is over; a cancel that asked for it is answered with that, any other request with no."""
        order.leaves_lots = 0
        request = order.request(RequestKind.CANCEL) if how is ExecType.CANCELED else None
        if request is None:
            report = self._report(order, how, text=text)
        else:
            order.requests.remove(request)
            report = self._report(
                order,
                how,
                client_order_id=request.client_order_id,
                original_client_order_id=order.client_order_id,
                text=text,
            )
        return [report, *self._closed(order, how.value.lower())]

    def _closed(self, order: OuchOrder, how: str) -> list[VenueReport]:
        """Nothing works any more: what was still asked for comes too late (the host says nothing to that)."""
        order.done = True
        found: list[VenueReport] = []
        for request in list(order.requests):
            self._book.unanswered.pop(request.user_ref_num, None)
            found.append(self.refuse(order, request, f"too late to {request.kind.value}: it is {how}"))
        return found

    def _report(self, order: OuchOrder, kind: ExecType, **fields: object) -> ExecutionReport:
        fields.setdefault("client_order_id", order.client_order_id)
        return ExecutionReport(
            venue=self._venue,
            exec_type=kind,
            venue_order_id=order.venue_order_id,
            venue_time_ns=self._happened_ns,
            **fields,  # type: ignore[arg-type]  # names and types are ExecutionReport's own
        )

    def _execution_id(self, order: OuchOrder, message: OuchMessage) -> str:
        return f"{self.session}-{message.number('Match Number')}{'B' if order.side is Side.BUY else 'S'}"

    def _price(self, order: OuchOrder, message: OuchMessage) -> int | None:
        if order.order_type is not OrderType.LIMIT:
            return order.price_ticks  # Of a peg it is the limit, wherever the venue has it now.
        return self._ticks(order, message.number("Price"))

    def _ticks(self, order: OuchOrder, wire: int) -> int:
        """Rounded against us where a price is not on the grid (midpoint): a buy up, a sell down."""
        unit = wire_per_tick(order.instrument)
        return -(-wire // unit) if order.side is Side.BUY else wire // unit


def _lots(instrument: Instrument, shares: int) -> int:
    return int(shares // instrument.lot_size)


def fee_nanos(instrument: Instrument, price_ticks: int, lots: int, *, maker: bool | None) -> int:
    """OUCH tells no fees: the instrument's rate, rounded against us; a cross pays as a taker."""
    ppm = instrument.maker_fee_ppm if maker else instrument.taker_fee_ppm
    return -(-instrument.value_nanos(price_ticks, lots) * ppm // PPM)
