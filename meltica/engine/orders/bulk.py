"""Commands about many orders: one input, one journal entry, one answer for each item."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import msgspec

from meltica.domain import lifecycle
from meltica.domain.commands import CancelOrders, SubmitOrder, SubmitOrders
from meltica.domain.errors import GateUnreachableError
from meltica.domain.events import GateStateChanged
from meltica.domain.many import ITEMS_MOST, Item, ManyAnswered, Outcome, Unreadable
from meltica.domain.order import Ended, Order
from meltica.domain.order_events import OrderDenied
from meltica.domain.reports import ExecType
from meltica.engine.desk import Desk
from meltica.engine.held import held
from meltica.engine.orders import orders
from meltica.engine.orders.cancels import Ways, foreign_fault, is_foreign, is_over, make_way, request_cancel_once

Fault = tuple[str, str, str]
Asked = TypeVar("Asked")


def submit_orders(desk: Desk, command: SubmitOrders) -> None:
    if not counted(desk, command.actor, "orders", len(command.orders) + len(command.unreadable)):
        return
    asked = [as_asked(order, command.actor) for order in command.orders]
    if not command.all_or_none:
        items = [_submit_one(desk, order, command.accounts) for order in asked]
    elif command.unreadable:
        items = [Item(outcome=Outcome.NOT_JUDGED)] * len(asked)
    else:
        items = _all_or_none(desk, asked)
    answer(desk, command.actor, items, command.unreadable)


def as_asked(order: SubmitOrder, actor: str) -> SubmitOrder:
    """An item as if it had come by itself."""
    return msgspec.structs.replace(order, actor=actor)


def counted(desk: Desk, actor: str, field: str, number: int) -> bool:
    if 0 < number <= ITEMS_MOST:
        return True
    desk.refuse(actor, "ITEMS_OUT_OF_RANGE", field, f"{number} items; one command has 1 to {ITEMS_MOST}")
    return False


def not_yours(account: str, accounts: Sequence[str] | None, field: str) -> Item | None:
    """The answer to an item about an account that the caller does not act for."""
    if accounts is None or account in accounts:
        return None
    text = f"is about account {account!r}; yours: {', '.join(accounts) or 'none'}"
    return Item(outcome=Outcome.REFUSED, reason="NOT_YOUR_ACCOUNT", field=field, text=text)


def _submit_one(desk: Desk, order: SubmitOrder, accounts: Sequence[str] | None) -> Item:
    if (foreign := not_yours(order.account, accounts, "account")) is not None:
        return foreign
    if (fault := orders.fault_of(desk, order)) is not None:
        return faulty(fault)
    return _let_in(beside_others(desk, partial(orders.admit, desk, order)), desk)


def beside_others(desk: Desk, ask: Callable[[], Asked]) -> Asked:
    """Ask the gate about one of many. Should it not answer any more, what it let out before has gone out all the same:
    so the step goes on, and this one and those after it hear that the gate is lost.

    :raises GateUnreachableError: nothing has happened yet in this step, so the driver may take it again.
    """
    try:
        return ask()
    except GateUnreachableError as error:
        if not desk.said():
            raise
        reason = str(error) or "no answer"
        desk.emit(GateStateChanged(lost=True, reason=reason, time_ns=desk.now_ns))
        return ask()


def faulty(fault: Fault) -> Item:
    reason, field, text = fault
    return Item(outcome=Outcome.REFUSED, reason=reason, field=field, text=text)


def _let_in(order: Order, desk: Desk) -> Item:
    if order.ended is not Ended.REJECTED:
        return Item(outcome=Outcome.DONE, order_id=order.order_id)
    denied = next(event for event in reversed(desk.said()) if isinstance(event, OrderDenied))
    return Item(
        outcome=Outcome.REFUSED,
        order_id=order.order_id,
        reason=denied.reason,
        text=denied.text,
        fired_mask=denied.fired_mask,
    )


def _all_or_none(desk: Desk, asked: Sequence[SubmitOrder]) -> list[Item]:
    faults = faults_of(desk, asked)
    if any(faults):
        return [Item(outcome=Outcome.NOT_JUDGED) if fault is None else faulty(fault) for fault in faults]
    opened, denied = let_all_in(desk, asked)
    if denied is None:
        return [Item(outcome=Outcome.DONE, order_id=order.order_id) for order in opened]
    items = [Item(outcome=Outcome.WITHDRAWN, order_id=order.order_id) for order in opened]
    return [*items, _let_in(denied, desk), *[Item(outcome=Outcome.NOT_JUDGED)] * (len(asked) - len(items) - 1)]


def faults_of(desk: Desk, asked: Sequence[SubmitOrder]) -> list[Fault | None]:
    """Of each by itself, and of ids that two of them share."""
    faults: list[Fault | None] = []
    taken: set[tuple[str, str]] = set()
    for order in asked:
        fault = orders.fault_of(desk, order)
        key = order.instrument.rpartition("@")[2], order.client_order_id
        if fault is None and order.client_order_id and key in taken:
            text = f"{order.client_order_id!r} is the id of another order of this list"
            fault = "DUPLICATE_CLIENT_ORDER_ID", "client_order_id", text
        taken.add(key)
        faults.append(fault)
    return faults


def let_all_in(desk: Desk, asked: Sequence[SubmitOrder], *, group_id: int = 0) -> tuple[list[Order], Order | None]:
    """Let all in, or none: (those that were let in, the one that was refused; then the others are withdrawn).

    What went through the gate stays counted there as it does for any order that ends: its reservation is given back,
    its token and its part of the day's quantity are not. So a recovery, which asks the gate again, comes to the same.
    Own orders that would trade with them are only told to make way once all are in.
    """
    opened: list[Order] = []
    ways: Ways = []
    for order in asked:
        one = beside_others(desk, partial(orders.admit, desk, order, group_id=group_id, ways=ways))
        if one.ended is Ended.REJECTED:
            withdraw(desk, opened, f"not sent: order {len(opened) + 1} of the list was refused")
            return opened, one
        opened.append(one)
    for matches, order_id in ways:
        make_way(desk, matches, order_id, desk.state.tables.orders[order_id].actor)
    return opened, None


def withdraw(desk: Desk, opened: Sequence[Order], why: str) -> None:
    """The driver sends nothing of what has ended before its entry is durable."""
    for order in opened:
        held.end(desk, order, ExecType.REJECTED, why)


def cancel_orders(desk: Desk, command: CancelOrders) -> None:
    """No check refuses a cancel. Ids that can't be cancelled are answered one by one."""
    named = (command.account, command.strategy, command.instrument, command.side, command.older_than_ns)
    by_number = len(command.order_ids) + len(command.unreadable)
    if not (by_number or command.group_id or any(named)):
        text = "name these, an account, strategy, instrument, side, age or group; CancelAllOrders cancels everything"
        desk.refuse(command.actor, "NOTHING_TO_CANCEL", "order_ids", text)
        return
    if command.older_than_ns < 0:
        desk.refuse(command.actor, "AGE_OUT_OF_RANGE", "older_than", "an age is 0 or more")
        return
    if by_number and not counted(desk, command.actor, "order_ids", by_number):
        return
    items = [_cancel_one(desk, command, each) for each in dict.fromkeys(command.order_ids)]
    if not by_number:
        for order in desk.state.open_orders():
            if _wanted(desk, command, order) and not is_foreign(order, command.actor):
                request_cancel_once(desk, order, command.actor)
                items.append(Item(outcome=Outcome.DONE, order_id=order.order_id))
    answer(desk, command.actor, items, command.unreadable)


def _cancel_one(desk: Desk, command: CancelOrders, order_id: int) -> Item:
    order = desk.state.tables.orders.get(order_id)
    if order is None:
        return faulty(("UNKNOWN_ORDER", "order_ids", f"no order {order_id}"))
    if (foreign := not_yours(order.account, command.accounts, "order_ids")) is not None:
        return msgspec.structs.replace(foreign, order_id=order_id)
    if (fault := foreign_fault(order, command.actor)) is not None:
        return faulty(fault)
    if is_over(order):
        text = f"order {order_id} is {lifecycle.status(order).value}: there is nothing left to cancel"
        return Item(outcome=Outcome.REFUSED, order_id=order_id, reason="ORDER_TERMINAL", field="order_ids", text=text)
    if not _wanted(desk, command, order):
        text = f"order {order_id} is not one to which all that was named applies"
        return Item(outcome=Outcome.REFUSED, order_id=order_id, reason="NOT_WANTED", field="order_ids", text=text)
    request_cancel_once(desk, order, command.actor)
    return Item(outcome=Outcome.DONE, order_id=order_id)


def _wanted(desk: Desk, command: CancelOrders, order: Order) -> bool:
    return (
        command.account in ("", order.account)
        and command.strategy in ("", order.strategy)
        and command.instrument in ("", order.instrument)
        and command.side in (None, order.side)
        and command.group_id in (0, order.group_id)
        and (command.accounts is None or order.account in command.accounts)
        and order.created_ns <= desk.now_ns - command.older_than_ns
    )


def answer(desk: Desk, actor: str, items: Sequence[Item], unreadable: Sequence[Unreadable] = ()) -> None:
    """To each item, those that could not be read in their places among the others."""
    found = list(items)
    for each in unreadable:
        found.insert(each.place, faulty((each.reason, each.field, each.text)))
    desk.emit(ManyAnswered(items=tuple(found), actor=actor, time_ns=desk.now_ns))
