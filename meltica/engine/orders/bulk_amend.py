"""Many amendments in one command: each by itself, or all of them or none."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from meltica.domain.commands import AmendOrder, AmendOrders
from meltica.domain.events import CommandRefused, Event
from meltica.domain.many import Item, Outcome
from meltica.domain.order_events import AmendDenied, ReplaceRequested, RequestRejected
from meltica.engine.desk import Desk
from meltica.engine.orders import amends
from meltica.engine.orders.bulk import Fault, answer, beside_others, counted, faulty, not_yours
from meltica.engine.orders.cancels import Ways, id_fault, make_way


def amend_orders(desk: Desk, command: AmendOrders) -> None:
    if not counted(desk, command.actor, "amendments", len(command.amendments) + len(command.unreadable)):
        return
    asked = _asked(command)
    if not command.all_or_none:
        items = _each(desk, asked, command.accounts)
    elif command.unreadable:
        items = [Item(outcome=Outcome.NOT_JUDGED)] * len(asked)
    else:
        items = _all_or_none(desk, asked)
    answer(desk, command.actor, items, command.unreadable)


def _asked(command: AmendOrders) -> list[AmendOrder]:
    """Each as if it had come by itself."""
    return [
        AmendOrder(
            request_id="",
            actor=command.actor,
            order_id=each.order_id,
            quantity_lots=each.quantity_lots,
            price_ticks=each.price_ticks,
            client_order_id=each.client_order_id,
            terms=each.terms,
        )
        for each in command.amendments
    ]


def _each(desk: Desk, asked: Sequence[AmendOrder], accounts: Sequence[str] | None) -> list[Item]:
    items: list[Item] = []
    seen: set[int] = set()
    for each in asked:
        if each.order_id in seen:
            items.append(faulty(_twice(each)))
            continue
        seen.add(each.order_id)
        order = desk.state.tables.orders.get(each.order_id)
        foreign = None if order is None else not_yours(order.account, accounts, "order_id")
        if foreign is not None:
            items.append(msgspec.structs.replace(foreign, order_id=each.order_id))
        else:
            items.append(_amend_one(desk, each)[0])
    return items


def _all_or_none(desk: Desk, asked: Sequence[AmendOrder]) -> list[Item]:
    """What the engine holds itself changes last: only the gate can still say no by then."""
    faults = _faults(desk, asked)
    if any(faults):
        return [Item(outcome=Outcome.NOT_JUDGED) if fault is None else faulty(fault) for fault in faults]
    items = [Item(outcome=Outcome.NOT_JUDGED)] * len(asked)
    ways: Ways = []
    sent: list[tuple[int, ReplaceRequested]] = []
    for place in sorted(
        range(len(asked)), key=lambda at: desk.state.tables.orders[asked[at].order_id].held is not None
    ):
        items[place], said = _amend_one(desk, asked[place], ways)
        if items[place].outcome is Outcome.REFUSED:
            _take_back(desk, sent, place)
            for before, event in sent:
                items[before] = Item(outcome=Outcome.WITHDRAWN, order_id=event.order_id)
            return items
        sent.extend((place, event) for event in said if isinstance(event, ReplaceRequested))
    for matches, order_id in ways:
        make_way(desk, matches, order_id, asked[0].actor)
    return items


def _faults(desk: Desk, asked: Sequence[AmendOrder]) -> list[Fault | None]:
    """Of each by itself, and of orders and ids that two of them share."""
    faults: list[Fault | None] = []
    seen: set[int] = set()
    taken: set[str] = set()
    for each in asked:
        if each.order_id in seen:
            faults.append(_twice(each))
        else:
            faults.append(_fault(desk, each, taken))
        seen.add(each.order_id)
        taken.add(each.client_order_id)
    return faults


def _fault(desk: Desk, asked: AmendOrder, taken: set[str]) -> Fault | None:
    order = desk.state.tables.orders.get(asked.order_id)
    if order is None:
        return (
            "UNKNOWN_ORDER",
            "order_id",
            f"no order {asked.order_id}; OrderService.ListOrders has those that there are",
        )
    if asked.client_order_id and asked.client_order_id in taken:
        text = f"{asked.client_order_id!r} is the id of another amendment of this list"
        return "DUPLICATE_CLIENT_ORDER_ID", "client_order_id", text
    venue = desk.state.tables.instruments[order.instrument].venue
    return amends.no_amending(desk, order, asked) or id_fault(desk, venue, asked.client_order_id)


def _twice(asked: AmendOrder) -> Fault:
    return "NAMED_TWICE", "order_id", f"order {asked.order_id} is in this command before"


def _take_back(desk: Desk, sent: Sequence[tuple[int, ReplaceRequested]], refused: int) -> None:
    """The driver sends no replace that has been answered in the entry that asked for it."""
    for _, event in sent:
        desk.emit(
            RequestRejected(
                order_id=event.order_id,
                client_order_id=event.client_order_id,
                text=f"not sent: amendment {refused + 1} of the list was refused",
                time_ns=desk.now_ns,
            )
        )


def _amend_one(desk: Desk, asked: AmendOrder, ways: Ways | None = None) -> tuple[Item, Sequence[Event]]:
    before = len(desk.said())
    beside_others(desk, partial(amends.amend, desk, asked, ways=ways))
    said = desk.take_back_refusals(before)
    return _answered(asked.order_id, said), said


def _answered(order_id: int, said: Sequence[Event]) -> Item:
    for event in said:
        match event:
            case CommandRefused():
                return faulty((event.reason, event.field, event.text))
            case AmendDenied():
                return Item(
                    outcome=Outcome.REFUSED,
                    order_id=order_id,
                    reason=event.reason,
                    text=event.text,
                    fired_mask=event.fired_mask,
                )
    return Item(outcome=Outcome.DONE, order_id=order_id)
