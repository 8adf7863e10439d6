"""The least that Python must do for the same order: the engine's floor.

Plain slotted objects in dicts. An order is made and kept; twelve comparisons of ints stand for the gate's checks; the
venue takes one level, makes an acknowledgement and a fill; both are looked up by client order id, the execution id is
remembered, order and position are changed. No events, no journal, no statuses, no replaces, no late fills, no reasons.
"""

from __future__ import annotations

from dataclasses import dataclass

LIMIT = 10**12


@dataclass(slots=True)
class PlainOrder:
    order_id: int
    client_order_id: str
    side: int
    lots: int
    price: int | None
    status: str = "sent"
    filled: int = 0


@dataclass(slots=True)
class PlainReport:
    client_order_id: str
    kind: str
    execution_id: str = ""
    lots: int = 0
    price: int = 0


class PlainTrading:
    """The same two calls as ``PaperTrading``."""

    def __init__(self) -> None:
        self.orders: dict[int, PlainOrder] = {}
        self.by_client_id: dict[str, int] = {}
        self.executions: dict[str, int] = {}
        self.position = self.cost = 0
        self.open_lots = self.open_orders = 0
        self.reference, self.now_ns, self.tokens = 6_000_000, 0, LIMIT

    def market_orders(self, count: int) -> None:
        for number in range(count):
            order = self._submit(2 if number & 1 else 1, 100, None)
            price = self.reference + (1 if order.side == 1 else -1)
            self._report(PlainReport(order.client_order_id, "new"))
            self._report(PlainReport(order.client_order_id, "trade", f"0-{order.order_id}", order.lots, price))

    def limits_and_cancels(self, count: int) -> None:
        for _ in range(count):
            order = self._submit(1, 100, 5_900_000)
            self._report(PlainReport(order.client_order_id, "new"))
            cancel_id = f"{order.client_order_id}.1"
            self.by_client_id[cancel_id] = order.order_id
            self._report(PlainReport(cancel_id, "canceled"))

    def _submit(self, side: int, lots: int, price: int | None) -> PlainOrder:
        self.now_ns += 1_000
        order_id = len(self.orders) + 1
        order = PlainOrder(order_id, f"m{order_id}", side, lots, price)
        self._check(order)
        self.orders[order_id] = order
        self.by_client_id[order.client_order_id] = order_id
        self.open_lots += lots
        self.open_orders += 1
        self.tokens -= 1
        return order

    def _check(self, order: PlainOrder) -> None:
        price = self.reference if order.price is None else order.price
        value = price * order.lots
        passed = (
            order.lots > 0
            and price > 0
            and order.side in (1, 2)
            and order.lots <= LIMIT
            and value <= LIMIT
            and price * 20 <= self.reference * 21
            and price * 20 >= self.reference * 19
            and self.position + self.open_lots + order.lots <= LIMIT
            and self.open_lots * self.reference + value <= LIMIT
            and self.open_orders < LIMIT
            and self.tokens > 0
            and order.client_order_id not in self.by_client_id
        )
        if not passed:
            raise AssertionError(order)

    def _report(self, report: PlainReport) -> None:
        order = self.orders[self.by_client_id[report.client_order_id]]
        if report.kind == "new":
            order.status = "new"
            return
        if report.kind == "canceled":
            order.status = "canceled"
        else:
            if report.execution_id in self.executions:
                return
            self.executions[report.execution_id] = order.order_id
            order.filled += report.lots
            order.status = "filled" if order.filled == order.lots else "partial"
            sign = 1 if order.side == 1 else -1
            self.position += sign * report.lots
            self.cost += sign * report.lots * report.price
        self.open_lots -= order.lots
        self.open_orders -= 1
