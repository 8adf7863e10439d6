"""Whose money a command is about, for callers who act for some accounts alone (``[accounts]`` of the policy).

One place for all methods, by their descriptors: a new command is shut for such callers until it tells an account or an
order. Reading is not restricted, and the kill switch is for everybody whose role has it.

Items of a list that are not wanted together are judged each by itself, by the engine (``accounts`` of the command), so
that one of somebody else's takes none of the others with it. A filter that names no account means the caller's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from google.protobuf.message import Message

from meltica.control.errors import RefusedError
from meltica.domain.ports import State

EVERYBODYS: Final = frozenset({"EngageKillSwitchRequest"})
"""Stopping more than one's own is never wrong."""
BY_ITEM: Final = {
    "SubmitOrdersRequest": "orders",
    "AmendOrdersRequest": "amendments",
    "CancelOrdersRequest": "order_ids",
}
"""Requests whose items are answered one by one, unless ``all_or_none``: the field that has them."""
FILTERS: Final = frozenset({"strategy", "instrument", "side", "older_than", "group_id"})
"""Of CancelOrders."""
_SHOWN: Final = 200
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)


def refuse_others(request: Message, accounts: frozenset[str], state: State) -> None:
    """:raises RefusedError: NOT_YOUR_ACCOUNT, naming each field that is about an account of somebody else."""
    if request.DESCRIPTOR.name in EVERYBODYS:
        return
    mine = ", ".join(sorted(accounts)) or "none"
    by_item = "" if getattr(request, "all_or_none", False) else BY_ITEM.get(request.DESCRIPTOR.name, "")
    told = bool(by_item) and any(field.name in (by_item, *FILTERS) for field, _ in request.ListFields())
    foreign: list[tuple[str, str]] = []
    for field, account in _told(request, "", state, by_item):
        told = True
        if account is not None and account not in accounts:
            foreign.append((field, f"is about account {ascii(account)[:_SHOWN]}; yours: {mine}"))
    if not told:
        foreign.append(("account", f"names none of your accounts ({mine}), so it would be about others' too"))
    if foreign:
        first, why = foreign[0]
        raise RefusedError("NOT_YOUR_ACCOUNT", f"{first} {why}", violations=foreign[:16])


def _told(message: Message, at: str, state: State, but: str = "") -> Iterator[tuple[str, str | None]]:
    """(field, the account that it is about; None: nobody's, because there is no such order, as the method will say)."""
    for field, value in message.ListFields():
        name, path = field.name, at + field.name
        if path == but:
            continue
        if field.message_type is not None:
            for place, each in enumerate(value) if field.is_repeated else ((None, value),):
                yield from _told(each, f"{path}." if place is None else f"{path}[{place}].", state)
        elif name == "account":
            yield path, value
        elif name in ("order_id", "group_id"):
            yield from _of_order(path, value, state)
        elif name == "order_ids":
            for place, each in enumerate(value):
                yield from _of_order(f"{path}[{place}]", each, state)


def _of_order(path: str, text: str, state: State) -> Iterator[tuple[str, str | None]]:
    """A group has the number of its first order. What is no number names nothing, and 0 as a filter means all."""
    if _NUMBER.fullmatch(text):
        order = state.order(int(text))
        yield path, None if order is None else order.account
