"""Lists and groups in the live driver: one entry, the prices that they are judged by, and what does not leave."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from meltica.domain.commands import (
    Amendment,
    AmendOrders,
    CancelOrders,
    EngageKillSwitch,
    SubmitOrder,
    SubmitOrderList,
    SubmitOrders,
)
from meltica.domain.errors import NotAcceptingError, RequestReusedError
from meltica.domain.groups import Link, Sizing
from meltica.domain.many import ManyAnswered, Outcome, Unreadable
from meltica.domain.order import Side
from meltica.domain.order_events import CancelRequested, OrderReleased, OrderSubmitted, ReplaceRequested
from meltica.domain.reports import ExecType, ExecutionReport
from tests.engines import MARK_TICKS, SECOND
from tests.unit.app.live import TARA, VENUE, Live, book
from tests.unit.engine.group_day import leg, stop_loss, take_profit


@pytest.fixture
async def live(tmp_path: Path) -> Live:
    found = Live(tmp_path)
    found.open_up()
    return found


def many(request_id: str, *orders: SubmitOrder, all_or_none: bool = True) -> SubmitOrders:
    return SubmitOrders(request_id=request_id, actor=TARA, orders=orders, all_or_none=all_or_none)


def sent(live: Live) -> list[int]:
    return [command.order_id for command in live.venue.told if isinstance(command, OrderSubmitted)]


async def test_a_list_is_one_entry_and_leaves_once_it_is_durable(live: Live) -> None:
    before = len(live.journal.entries)
    live.gateway.take(many("r1", leg(lots=10), leg(lots=20), stop_loss(lots=5)))
    assert len(live.journal.entries) == before + 1
    assert live.venue.told == []
    live.journal.commit()
    assert sent(live) == [1, 2]


async def test_what_was_withdrawn_never_leaves(live: Live) -> None:
    live.gateway.take(many("r1", leg(lots=10), leg(lots=20), leg(lots=10, price=3 * MARK_TICKS)))
    live.journal.commit()
    assert live.venue.told == []
    live.gateway.take(many("r2", leg(lots=10)))
    live.journal.commit()
    assert sent(live) == [4]


async def test_a_kill_before_the_list_is_durable_holds_all_of_it_back(live: Live) -> None:
    live.gateway.take(many("r1", leg(lots=10), leg(lots=20)))
    live.gateway.take(EngageKillSwitch(request_id="k", actor=TARA, reason="test"))
    live.journal.commit()
    assert sent(live) == []
    assert live.gateway.state.open_orders() == []


async def test_the_same_request_gives_the_first_answer_and_sends_nothing_twice(live: Live) -> None:
    live.gateway.take(many("r1", leg(lots=10), leg(lots=20)))
    live.journal.commit()
    answer = await live.gateway.execute(many("r1", leg(lots=10), leg(lots=20)))
    assert [event.order_id for event in answer.events if isinstance(event, OrderSubmitted)] == [1, 2]
    assert sent(live) == [1, 2]


async def test_whom_the_caller_acts_for_by_then_does_not_change_the_first_answer(live: Live) -> None:
    live.gateway.take(many("r1", leg(lots=10)))
    live.journal.commit()
    cancel = CancelOrders(request_id="c", actor=TARA, order_ids=(1,), accounts=("other",))
    live.gateway.take(cancel)
    live.journal.commit()
    again = msgspec.structs.replace(cancel, accounts=("main",))
    (answered,) = (await live.gateway.execute(again)).events
    assert isinstance(answered, ManyAnswered)
    assert [item.reason for item in answered.items] == ["NOT_YOUR_ACCOUNT"]
    with pytest.raises(RequestReusedError):
        await live.gateway.execute(msgspec.structs.replace(again, order_ids=(2,)))


async def test_cancels_pass_while_the_gateway_closes(live: Live) -> None:
    live.gateway.take(many("r1", leg(lots=10)))
    live.journal.commit()
    live.journal.has_room = False
    with pytest.raises(NotAcceptingError):
        await live.gateway.execute(many("r2", leg(lots=10)))
    live.gateway.take(CancelOrders(request_id="c", actor=TARA, account="main"))
    live.journal.commit()
    assert [type(command) for command in live.venue.told] == [OrderSubmitted, CancelRequested]


async def test_a_child_is_judged_by_the_price_that_came_with_the_fill(live: Live) -> None:
    """An hour after its list, with the book as fresh as the fill."""
    orders = (leg(), take_profit(), stop_loss())
    bracket = SubmitOrderList(request_id="b", actor=TARA, link=Link.BRACKET, orders=orders, sizing=Sizing.PARTIAL)
    live.gateway.take(bracket)
    live.journal.commit()
    live.clock.time_ns += 3600 * SECOND
    live.gateway.on_market(book(0, MARK_TICKS - 1, MARK_TICKS + 1))
    fill = ExecutionReport(
        venue=VENUE,
        client_order_id="m1",
        exec_type=ExecType.TRADE,
        execution_id="x1",
        last_quantity_lots=30,
        last_price_ticks=MARK_TICKS,
    )
    live.gateway.reported([fill])
    live.journal.commit()
    entry = live.journal.records()[-1]
    assert [mark.instrument for mark in entry.input.marks] == [orders[0].instrument]
    (released,) = [event for event in entry.events if isinstance(event, OrderReleased)]
    assert (released.order_id, released.quantity_lots) == (2, 30)
    assert sent(live) == [1, 2]
    told = live.venue.told[-1]
    assert isinstance(told, OrderSubmitted)
    assert (told.side, told.group_id) == (Side.SELL, 1)


async def test_amendments_that_were_withdrawn_never_leave(live: Live) -> None:
    live.gateway.take(many("r1", leg(lots=10), leg(lots=20)))
    live.journal.commit()
    too_dear = Amendment(order_id=2, price_ticks=3 * MARK_TICKS)
    facts = {"actor": TARA, "all_or_none": True}
    live.gateway.take(
        AmendOrders(request_id="r2", amendments=(Amendment(order_id=1, quantity_lots=12), too_dear), **facts)
    )
    live.journal.commit()
    assert [type(command) for command in live.venue.told] == [OrderSubmitted, OrderSubmitted]
    live.gateway.take(AmendOrders(request_id="r3", amendments=(Amendment(order_id=1, quantity_lots=12),), **facts))
    live.journal.commit()
    assert [type(command) for command in live.venue.told[2:]] == [ReplaceRequested]


async def test_a_mixed_list_has_the_same_answer_in_the_next_life(live: Live, tmp_path: Path) -> None:
    unreadable = (Unreadable(place=1, reason="INVALID_REQUEST", field="price", text="no number"),)
    mixed = SubmitOrders(request_id="r1", actor=TARA, orders=(leg(lots=10), leg(lots=20)), unreadable=unreadable)
    entries = len(live.journal.entries)
    live.gateway.take(mixed)
    live.journal.commit()
    assert len(live.journal.entries) == entries + 1
    answer = await live.gateway.execute(mixed)
    assert [item.outcome for item in answer.events[-1].items] == [Outcome.DONE, Outcome.REFUSED, Outcome.DONE]
    next_life = Live(tmp_path, before=live.journal)
    assert await next_life.gateway.execute(mixed) == answer
    with pytest.raises(RequestReusedError):
        await next_life.gateway.execute(msgspec.structs.replace(mixed, unreadable=()))
