"""Working reduce-only orders stay within the position: what another order closes meanwhile is taken off them.

The gate has judged each when it went out. A fill of another order, a bust or a correction may leave less to close; then
the newest ones are reduced, and cancelled where nothing is left. They don't grow again.
"""

from __future__ import annotations

from typing import Final

from meltica.domain.order import Order, PendingKind, Side
from meltica.domain.order_events import ReplaceRequested
from meltica.engine.desk import Desk
from meltica.engine.orders.cancels import next_client_id, request_cancel_once
from meltica.engine.orders.intents import leaves_after

ACTOR: Final = "system:reduce-only"


def look(desk: Desk) -> None:
    """At the positions that changed in this step, and at reductions that were refused."""
    while shrunk := desk.fold.shrunk:
        (account, instrument), refused = shrunk.popitem()
        for side in Side:
            if working := desk.state.reservations.reducing.get((account, instrument, side)):
                position = desk.state.position(account, instrument)
                left = 0 if position is None else max(-position.lots * side.sign, 0)
                _bring(desk, [working[order_id] for order_id in sorted(working)], left, refused)


def _bring(desk: Desk, working: list[Order], left: int, refused: dict[int, None]) -> None:
    """The oldest have what there is."""
    for order in working:
        lots = leaves_after(order)
        if lots > left:
            _reduce(desk, order, left, refused=order.order_id in refused)
        left = max(left - lots, 0)


def _reduce(desk: Desk, order: Order, left: int, *, refused: bool) -> None:
    """What its venue does not reduce is cancelled; if it refuses that too, the next fill asks again."""
    why = f"reduce-only: {desk.quantity(order.instrument, left)} is left to close"
    if left == 0 or refused:
        request_cancel_once(desk, order, ACTOR, why)
        return
    asked = [request for request in order.pending if request.kind is PendingKind.REPLACE]
    desk.emit(
        ReplaceRequested(
            order_id=order.order_id,
            client_order_id=next_client_id(desk, order),
            original_client_order_id=order.client_order_id,
            quantity_lots=order.cumulative_lots + left,
            price_ticks=asked[-1].price_ticks if asked else order.price_ticks,
            gate_lots=0,
            reserved_price_ticks=0,
            actor=ACTOR,
            time_ns=desk.now_ns,
            reason=why,
        )
    )
