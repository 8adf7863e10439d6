"""The least that Python must do for the same figures: the execution analytics' floor.

Plain slotted objects in a dict, a list of sums for one group. Per order: arrival price kept, one fill added up, delay,
impact, fees and slippage computed once and added to the group. No busts, no parents, no stages, no days, no filters.
"""

from __future__ import annotations

from dataclasses import dataclass

from meltica.domain.inputs import Record
from meltica.domain.order_events import OrderFilled, OrderReported, OrderSubmitted


@dataclass(slots=True)
class PlainCourse:
    order_id: int
    sign: int
    lots: int
    arrival: int
    received_ns: int
    filled: int = 0
    value: int = 0
    fees: int = 0
    mid_value: int = 0
    touch_value: int = 0
    acknowledged_ns: int = 0
    filled_ns: int = 0


class PlainFigures:
    """``apply`` as ``Executions`` has it."""

    def __init__(self, unit: int) -> None:
        self.unit = unit
        self.orders: dict[int, PlainCourse] = {}
        self.sums = [0] * 8

    def apply(self, _sequence: int, time_ns: int, record: Record) -> None:
        for event in record.events:
            match event:
                case OrderSubmitted():
                    mark = record.input.marks[0]
                    arrival = (
                        2 * mark.price_ticks if mark.bid is None or mark.ask is None else mark.bid[0] + mark.ask[0]
                    )
                    lots, sign = event.quantity_lots, event.side.sign
                    self.orders[event.order_id] = PlainCourse(event.order_id, sign, lots, arrival, time_ns)
                case OrderReported():
                    self.orders[event.order_id].acknowledged_ns = time_ns
                case OrderFilled():
                    self._fill(event, time_ns, record)

    def _fill(self, event: OrderFilled, time_ns: int, record: Record) -> None:
        order = self.orders[event.order_id]
        lots, value = event.quantity_lots, event.quantity_lots * event.price_ticks
        order.filled += lots
        order.value += value
        order.fees += event.fee_nanos
        order.filled_ns = time_ns
        if record.sights and (bid := record.sights[0].bid) is not None and (ask := record.sights[0].ask) is not None:
            order.mid_value += lots * (bid[0] + ask[0])
            order.touch_value += lots * (ask[0] if order.sign > 0 else bid[0])
        if order.filled >= order.lots:
            sums, unit, sign = self.sums, self.unit, order.sign
            sums[0] += 1
            sums[1] += sign * (2 * order.value - order.filled * order.arrival) * unit
            sums[2] += order.filled * order.arrival * unit
            sums[3] += 2 * order.fees
            sums[4] += sign * (2 * order.value - order.mid_value) * unit
            sums[5] += sign * 2 * (order.value - order.touch_value) * unit
            sums[6] += 2 * order.value * unit
            sums[7] += order.filled_ns - order.received_ns
