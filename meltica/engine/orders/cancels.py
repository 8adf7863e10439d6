"""Cancels: asked for by somebody, or because an order must make way. No check refuses one."""

from __future__ import annotations

from collections.abc import Iterable

from meltica.domain import lifecycle
from meltica.domain.commands import CancelAllOrders, CancelOrder
from meltica.domain.order import Order, Pending, PendingKind
from meltica.domain.order_events import CancelRequested, ReplaceRequested
from meltica.domain.reports import ExecType
from meltica.domain.terms import Held
from meltica.engine.desk import Desk
from meltica.engine.held import held


def cancel(desk: Desk, command: CancelOrder) -> None:
    order = desk.state.tables.orders.get(command.order_id)
    if order is None:
        refuse_unknown(desk, command.actor, command.order_id)
    elif (fault := foreign_fault(order, command.actor)) is not None:
        desk.refuse(command.actor, *fault)
    elif is_over(order):
        text = f"order {order.order_id} is {lifecycle.status(order).value}: there is nothing left to cancel"
        desk.refuse(command.actor, "ORDER_TERMINAL", "order_id", text)
    elif order.held is not None:
        held.end(desk, order, ExecType.CANCELED, _given_up(order, command.actor))
    elif not used_before(
        desk, desk.state.tables.instruments[order.instrument].venue, command.actor, command.client_order_id
    ):
        request_cancel(desk, order, command.actor, command.client_order_id)


def is_over(order: Order) -> bool:
    """Is there nothing left to cancel? A filled order that a replace on its way may reopen is not over."""
    return order.ended is not None or (lifecycle.leaves_lots(order) == 0 and order.reserved_lots == 0)


def cancel_all(desk: Desk, command: CancelAllOrders) -> None:
    """Each working order that matches and has no cancel on its way gets one. A strategy's own, if a strategy asks."""
    for order in desk.state.open_orders():
        wanted = (
            command.account in ("", order.account)
            and command.strategy in ("", order.strategy)
            and command.instrument in ("", order.instrument)
            and not is_foreign(order, command.actor)
        )
        if wanted:
            request_cancel_once(desk, order, command.actor)


def request_cancel_once(desk: Desk, order: Order, actor: str, reason: str = "") -> None:
    if order.held is not None:
        held.end(desk, order, ExecType.CANCELED, reason or _given_up(order, actor))
    elif not any(request.kind is PendingKind.CANCEL and not _in_doubt(order, request) for request in order.pending):
        request_cancel(desk, order, actor, reason=reason)


def _given_up(order: Order, actor: str) -> str:
    """Of a parent slices may have traded: only what waited for its moment did not go out."""
    return f"cancelled by {actor}" + ("" if order.held is Held.SLICES else " before it went out")


def _in_doubt(order: Order, request: Pending) -> bool:
    """A cancel that may never have arrived is none to rely on: whoever wants the order gone sends another."""
    return any(doubt.client_order_id == request.client_order_id for doubt in order.doubts)


def request_cancel(desk: Desk, order: Order, actor: str, client_order_id: str = "", *, reason: str = "") -> None:
    """No check refuses a cancel: it passes under the kill switch, without a gate, and at any rate."""
    desk.emit(
        CancelRequested(
            order_id=order.order_id,
            client_order_id=client_order_id or next_client_id(desk, order),
            original_client_order_id=order.client_order_id,
            actor=actor,
            time_ns=desk.now_ns,
            reason=reason,
        )
    )


def make_way(desk: Desk, matches: Iterable[tuple[int, int]], order_id: int, actor: str) -> None:
    """Self-match prevention: working orders that the new one would trade with are cancelled, or reduced."""
    why = f"self-match prevention: order {order_id} would trade with it"
    for own_id, leaves in matches:
        order = desk.state.tables.orders[own_id]
        if leaves == 0:
            request_cancel_once(desk, order, actor, why)
            continue
        quantity = order.cumulative_lots + leaves
        asked = [request for request in order.pending if request.kind is PendingKind.REPLACE]
        if any(request.kind is PendingKind.CANCEL for request in order.pending):
            continue
        if asked and asked[-1].quantity_lots <= quantity:
            continue  # It is being reduced as far already.
        desk.emit(
            ReplaceRequested(
                order_id=own_id,
                client_order_id=next_client_id(desk, order),
                original_client_order_id=order.client_order_id,
                quantity_lots=quantity,
                price_ticks=asked[-1].price_ticks if asked else order.price_ticks,
                gate_lots=0,
                reserved_price_ticks=0,
                actor=actor,
                time_ns=desk.now_ns,
                reason=why,
            )
        )


Ways = list[tuple[list[tuple[int, int]], int]]
"""(own working orders that must make way, for which order)."""


def give_way(desk: Desk, matches: list[tuple[int, int]], order_id: int, actor: str, ways: Ways | None) -> None:
    """At once; with ``ways`` it is noted there and not told yet: the order, or its amendment, may be withdrawn."""
    if ways is None:
        make_way(desk, matches, order_id, actor)
    else:
        ways.append((matches, order_id))


def next_client_id(desk: Desk, order: Order) -> str:
    """``m17``, then ``m17.1``, ``m17.2``, … : made before the send and journaled with it."""
    venue = desk.state.tables.instruments[order.instrument].venue
    return free_id(desk, venue, f"m{order.order_id}", order.last_request + 1)


def free_id(desk: Desk, venue: str, stem: str, number: int) -> str:
    """``m17``, or with a number ``m17.1``; the next that no caller has taken for itself (at most all ids ever used)."""
    made = f"{stem}.{number}" if number else stem
    while (venue, made) in desk.state.by_client_id:
        number += 1
        made = f"{stem}.{number}"
    return made


def used_before(desk: Desk, venue: str, actor: str, client_order_id: str) -> bool:
    """Refuse an id that any order or request had at the venue: its reports could not be told apart."""
    if (fault := id_fault(desk, venue, client_order_id)) is None:
        return False
    desk.refuse(actor, *fault)
    return True


def id_fault(desk: Desk, venue: str, client_order_id: str) -> tuple[str, str, str] | None:
    if (venue, client_order_id) not in desk.state.by_client_id:
        return None
    text = f"{client_order_id!r} was used before at {venue}; each order and each request needs an id of its own"
    return "DUPLICATE_CLIENT_ORDER_ID", "client_order_id", text


def refuse_unknown(desk: Desk, actor: str, order_id: int) -> None:
    text = f"no order {order_id}; OrderService.ListOrders has those that there are"
    desk.refuse(actor, "UNKNOWN_ORDER", "order_id", text)


STRATEGY = "strategy:"
"""Actors that are strategies; their name follows."""


def is_foreign(order: Order, actor: str) -> bool:
    """Strategies change and cancel their own orders alone; what people may, their roles say."""
    return actor.startswith(STRATEGY) and actor != STRATEGY + order.strategy


def foreign_fault(order: Order, actor: str) -> tuple[str, str, str] | None:
    if not is_foreign(order, actor):
        return None
    return "NOT_YOUR_ORDER", "order_id", f"order {order.order_id} is not an order of {actor}"
