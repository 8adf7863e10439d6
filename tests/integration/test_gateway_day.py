"""An operator's day at a real gateway: its own process, mutual TLS, the built-in market."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import grpc
import pytest

from meltica.app.bootstrap import ACTOR
from meltica.v1 import (
    kill_switch_service_pb2,
    limits_pb2,
    market_data_service_pb2,
    order_pb2,
    order_service_pb2,
    portfolio_service_pb2,
    risk_service_pb2,
)
from tests.integration.gateway_person import BTC, Person, eventually, order, refusal, request_id
from tests.integration.gateway_running import Gateway, gateway

MAKER = """
[[strategies]]
name = "maker"
kind = "market_maker"
[strategies.parameters]
instrument = "BTC/USDT@PAPER"
quantity_lots = 20
half_spread_ticks = 5
skew_ticks_at_maximum = 5
max_position_lots = 200
requote_ticks = 2
"""


@pytest.fixture
def running(tmp_path: Path):
    with gateway(tmp_path) as found:
        yield found


async def test_what_can_be_traded_and_what_the_market_shows(running: Gateway) -> None:
    async with Person(running, "victor") as victor:
        listed = await victor.market.ListInstruments(market_data_service_pb2.ListInstrumentsRequest())
        assert [row.instrument for row in listed.instruments] == [BTC, "ETH/USDT@PAPER"]
        await victor.open_for_business()
        book = await victor.book()
        assert book.valid
        bids, asks = ([Decimal(level.price) for level in side] for side in (book.bids, book.asks))
        assert bids == sorted(bids, reverse=True)
        assert asks == sorted(asks)
        assert bids[0] < asks[0]


async def test_a_resting_order_is_amended_and_cancelled(running: Gateway) -> None:
    async with Person(running) as olivia:
        await olivia.open_for_business()
        sent = await olivia.submit(quantity="0.002", price="58500")
        assert sent.order.status == order_pb2.ORDER_STATUS_PENDING_NEW
        order_id = sent.order.order_id
        await olivia.order_in(order_id, order_pb2.ORDER_STATUS_NEW)

        asked = await olivia.amend(order_id, quantity="0.003", price="58400")
        changed = await eventually(
            lambda: _with_client_id(olivia, order_id, asked.pending_request.client_order_id), "the amended order"
        )
        assert (changed.quantity, changed.price, changed.leaves_quantity) == ("0.003", "58400.0", "0.003")
        assert [found.order_id for found in await olivia.all_orders(working_only=True)] == [order_id]

        await olivia.cancel(order_id)
        gone = await olivia.order_in(order_id, order_pb2.ORDER_STATUS_CANCELED)
        assert (gone.working, gone.leaves_quantity, gone.cumulative_quantity) == (False, "0.000", "0.000")
        assert await olivia.all_orders(working_only=True) == []
        assert (await refusal(olivia.cancel(order_id))).reason == "ORDER_TERMINAL"


async def _with_client_id(person: Person, order_id: str, client_order_id: str) -> order_pb2.Order | None:
    found = await person.order(order_id)
    return found if found.client_order_id == client_order_id else None


async def test_positions_and_profit_add_up_with_the_fills(running: Gateway) -> None:
    async with Person(running) as olivia:
        await olivia.open_for_business()
        plan = [(order_pb2.SIDE_BUY, "0.012"), (order_pb2.SIDE_SELL, "0.020"), (order_pb2.SIDE_BUY, "0.003")]
        for side, quantity in plan:
            price = "60900" if side == order_pb2.SIDE_BUY else "59100"
            answer = await olivia.submit(side=side, quantity=quantity, price=price)
            done = await olivia.order_in(answer.order.order_id, order_pb2.ORDER_STATUS_FILLED)
            assert done.cumulative_quantity == quantity
        await assert_books_follow_from_fills(olivia)


async def assert_books_follow_from_fills(person: Person) -> None:
    """Recomputed from the stream: what was paid and got, what is held, what was charged. Exact, in decimals."""

    async def positions() -> list[portfolio_service_pb2.Position]:
        request = portfolio_service_pb2.ListPositionsRequest()
        return list((await person.portfolio.ListPositions(request)).positions)

    before = await person.sequence()
    found = await positions()
    while (after := await person.sequence()) != before:  # Read between two entries
        before, found = after, await positions()
    events, _ = await person.order_events(0, before)
    cash, held, fees, turnover = (defaultdict(Decimal) for _ in range(4))
    filled = defaultdict(Decimal)
    for event in events:
        if event.WhichOneof("event") != "filled":
            continue
        fill, key = event.filled, (event.account, event.instrument)
        sign = 1 if fill.side == order_pb2.SIDE_BUY else -1
        value = Decimal(fill.quantity) * Decimal(fill.price)
        held[key] += sign * Decimal(fill.quantity)
        cash[key] -= sign * value
        fees[key] += Decimal(fill.fee)
        turnover[key] += value
        filled[event.order_id] += Decimal(fill.quantity)
        assert Decimal(fill.cumulative_quantity) == filled[event.order_id]
    assert {(row.account, row.instrument) for row in found} == set(held)
    assert held
    for row in found:
        key = (row.account, row.instrument)
        assert Decimal(row.quantity) == held[key]
        assert Decimal(row.fees) == fees[key]
        assert Decimal(row.traded_value) == turnover[key]
        worth = held[key] * Decimal(row.mark_price)
        assert Decimal(row.realised) + Decimal(row.unrealised) == cash[key] + worth
    for found_order in await person.all_orders():
        assert Decimal(found_order.cumulative_quantity) == filled[found_order.order_id]


@pytest.mark.slow
async def test_the_stream_resumes_anywhere_with_nothing_lost_or_doubled(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - a failed run can be repeated
    dice = random.Random(seed)
    with gateway(tmp_path, MAKER) as running:
        async with Person(running) as olivia:
            await olivia.open_for_business()
            pieces = asyncio.create_task(_read_in_pieces(olivia, dice, seconds=4))
            for _ in range(40):
                sent = await olivia.submit(price="58500")
                await asyncio.sleep(0.05)
                await olivia.cancel(sent.order.order_id)
            piecewise, reached = await pieces
            until = await olivia.sequence()
            whole, ends = await olivia.order_events(0, until)
            assert len(whole) > 200
            assert ends == sorted(ends)
            assert [event.sequence for event in whole] == sorted(event.sequence for event in whole)
            assert piecewise == [event for event in whole if event.sequence <= reached]
            for cut in dice.sample(range(until), 5):
                rest, _ = await olivia.order_events(cut, until)
                assert rest == [event for event in whole if event.sequence > cut], f"resumed after {cut}"
            await olivia.engage()
            await eventually(lambda: _nothing_works(olivia), "every order ended")
            await assert_books_follow_from_fills(olivia)


async def _read_in_pieces(
    person: Person, dice: random.Random, seconds: float
) -> tuple[list[order_service_pb2.OrderEvent], int]:
    """What somebody gets whose connection breaks every few frames, and up to which entry."""
    events: list[order_service_pb2.OrderEvent] = []
    position, loop = 0, asyncio.get_running_loop()
    ends_at = loop.time() + seconds
    while loop.time() < ends_at:
        request = order_service_pb2.StreamOrderEventsRequest(after_sequence=position)
        call = person.orders.StreamOrderEvents(request, timeout=10)
        frames = dice.randrange(1, 8)
        async for frame in call:
            events += frame.events
            position = frame.sequence
            frames -= 1
            if frames <= 0:
                break
        call.cancel()
    return events, position


async def _nothing_works(person: Person) -> bool:
    return not await person.all_orders(working_only=True)


async def test_tightening_a_limit_acts_at_once_and_loosening_takes_two(running: Gateway) -> None:
    async with Person(running) as olivia, Person(running, "ravi") as ravi:
        name = f"instruments/{BTC}"
        limits = await olivia.limits(name)
        await olivia.open_for_business()

        tighter = limits_pb2.Limits(etag=limits.etag)
        tighter.instrument.CopyFrom(limits.instrument)
        tighter.instrument.max_quantity = "0.005"
        answer = await olivia.risk.SetLimits(risk_service_pb2.SetLimitsRequest(request_id=request_id(), limits=tighter))
        assert answer.WhichOneof("result") == "limits"
        too_much = await refusal(olivia.submit(quantity="0.006"))
        assert (too_much.reason, too_much.code) == ("MAX_QUANTITY", grpc.StatusCode.FAILED_PRECONDITION)
        assert "0.005" in too_much.message

        looser = limits_pb2.Limits(etag=answer.limits.etag)
        looser.instrument.CopyFrom(limits.instrument)
        looser.instrument.max_quantity = "0.010"
        answer = await olivia.risk.SetLimits(risk_service_pb2.SetLimitsRequest(request_id=request_id(), limits=looser))
        assert answer.WhichOneof("result") == "proposal"
        (field,) = answer.proposal.loosened_fields
        assert field.startswith("max_quantity")
        assert (await refusal(olivia.submit(quantity="0.006"))).reason == "MAX_QUANTITY"

        def approval() -> risk_service_pb2.ApproveProposalRequest:
            proposal_id = answer.proposal.proposal_id
            return risk_service_pb2.ApproveProposalRequest(request_id=request_id(), proposal_id=proposal_id)

        assert (await refusal(olivia.risk.ApproveProposal(approval()))).reason == "SAME_PERSON"
        assert (await refusal(olivia.submit(quantity="0.006"))).reason == "MAX_QUANTITY"
        approved = await ravi.risk.ApproveProposal(approval())
        assert approved.limits.instrument.max_quantity == "0.010"
        await olivia.submit(quantity="0.006")


async def test_the_kill_switch_from_engage_over_restart_to_release(running: Gateway) -> None:
    async with Person(running) as olivia:
        await olivia.open_for_business()
        working = [(await olivia.submit(price=price)).order.order_id for price in ("58500", "58400", "58300")]
        for order_id in working:
            await olivia.order_in(order_id, order_pb2.ORDER_STATUS_NEW)
        engaged = await olivia.engage("rehearsal")
        assert sorted(engaged.canceled_order_ids) == sorted(working)
        for order_id in working:
            await olivia.order_in(order_id, order_pb2.ORDER_STATUS_CANCELED)
        assert (await refusal(olivia.submit())).reason == "KILL_SWITCH"
        repeated = await olivia.engage("again")
        assert (repeated.kill_switch.engaged, repeated.kill_switch.epoch) == (True, engaged.kill_switch.epoch)
        assert repeated.kill_switch.reason == "rehearsal"
    assert running.stop() == 0
    running.start()
    async with Person(running) as olivia, Person(running, "ravi") as ravi:
        await olivia.open_for_business()
        after_restart = await olivia.kill_switch()
        assert after_restart == engaged.kill_switch
        denied = await refusal(olivia.submit())
        assert denied.reason == "KILL_SWITCH"
        assert "rehearsal" in denied.message
        await _release(ravi, olivia)
        sent = await olivia.submit()
        await olivia.order_in(sent.order.order_id, order_pb2.ORDER_STATUS_NEW)
    assert running.stop() == 0
    running.start()
    async with Person(running) as olivia:
        assert not (await olivia.kill_switch()).engaged


async def _release(proposer: Person, approver: Person) -> None:
    """One alone may not; two may."""
    service = kill_switch_service_pb2
    proposed = await proposer.switch.ProposeRelease(
        service.ProposeReleaseRequest(request_id=request_id(), reason="it was a rehearsal")
    )
    proposal_id = proposed.proposal.proposal_id
    alone = service.ApproveReleaseRequest(request_id=request_id(), proposal_id=proposal_id)
    assert (await refusal(proposer.switch.ApproveRelease(alone))).reason == "SAME_PERSON"
    assert (await refusal(approver.submit())).reason == "KILL_SWITCH"
    together = service.ApproveReleaseRequest(request_id=request_id(), proposal_id=proposal_id)
    assert not (await approver.switch.ApproveRelease(together)).kill_switch.engaged


async def test_cancels_pass_the_kill_switch_of_an_account(running: Gateway) -> None:
    """Another account's switch touches nobody else's orders, and what it stops can still be cancelled by hand."""
    async with Person(running) as olivia:
        await olivia.open_for_business()
        unknown = kill_switch_service_pb2.EngageKillSwitchRequest(
            request_id=request_id(), reason="a slip of the pen", account="nobody"
        )
        assert (await refusal(olivia.switch.EngageKillSwitch(unknown))).reason == "UNKNOWN_ACCOUNT"
        sent = await olivia.submit()
        request = kill_switch_service_pb2.EngageKillSwitchRequest(
            request_id=request_id(), reason="this account alone", account="main"
        )
        answer = await olivia.switch.EngageKillSwitch(request)
        assert list(answer.canceled_order_ids) == [sent.order.order_id]
        assert not (await olivia.kill_switch()).engaged
        assert (await refusal(olivia.submit())).reason == "KILL_SWITCH"
        everything = order_service_pb2.CancelAllOrdersRequest(request_id=request_id())
        await olivia.orders.CancelAllOrders(everything)
        await olivia.order_in(sent.order.order_id, order_pb2.ORDER_STATUS_CANCELED)
    assert sorted(path.name for path in (running.state / "kill").iterdir()) == [f"account-{b'main'.hex()}.json"]


@pytest.mark.parametrize("end", ["stop", "kill"])
async def test_a_request_id_is_answered_once_over_a_restart(running: Gateway, end: str) -> None:
    request = order(quantity="0.002")
    async with Person(running) as olivia:
        await olivia.open_for_business()
        first = await olivia.orders.SubmitOrder(request)
        denied = order(quantity="999")
        first_denial = await refusal(olivia.orders.SubmitOrder(denied))
        await olivia.order_in(first.order.order_id, order_pb2.ORDER_STATUS_NEW)
        await olivia.cancel(first.order.order_id)
        await olivia.order_in(first.order.order_id, order_pb2.ORDER_STATUS_CANCELED)
    getattr(running, end)()
    running.start()
    async with Person(running) as olivia, Person(running, "tara") as tara:
        await olivia.open_for_business()
        assert await olivia.orders.SubmitOrder(request) == first
        again = await refusal(olivia.orders.SubmitOrder(denied))
        assert (again.reason, again.message, again.metadata) == (
            first_denial.reason,
            first_denial.message,
            first_denial.metadata,
        )
        assert (await refusal(tara.orders.SubmitOrder(request))).reason == "REQUEST_ID_REUSED"
        other = order_service_pb2.SubmitOrderRequest()
        other.CopyFrom(request)
        other.quantity = "0.003"
        assert (await refusal(olivia.orders.SubmitOrder(other))).reason == "REQUEST_ID_REUSED"
        cancel = order_service_pb2.CancelOrderRequest(request_id=request.request_id, order_id=first.order.order_id)
        assert (await refusal(olivia.orders.CancelOrder(cancel))).reason == "REQUEST_ID_REUSED"
        assert [found.order_id for found in await olivia.all_orders()] == [first.order.order_id, "2"]


async def test_settings_speak_once_and_people_afterwards(running: Gateway) -> None:
    """The first start sets limits from the settings; a second start leaves what people made of them alone."""
    async with Person(running) as olivia:
        await olivia.open_for_business()
        name = "accounts/main"
        limits = await olivia.limits(name)
        tighter = limits_pb2.Limits(etag=limits.etag)
        tighter.account.CopyFrom(limits.account)
        tighter.account.max_open_orders = 3
        await olivia.risk.SetLimits(risk_service_pb2.SetLimitsRequest(request_id=request_id(), limits=tighter))
        listed = await olivia.risk.ListLimits(risk_service_pb2.ListLimitsRequest())
    assert running.stop() == 0
    running.configure("[limits]\nmax_open_orders = 77\nmax_order_value = 5\n")
    running.start()
    async with Person(running) as olivia:
        await olivia.open_for_business()
        assert (await olivia.limits("accounts/main")).account.max_open_orders == 3
        again = await olivia.risk.ListLimits(risk_service_pb2.ListLimitsRequest())
        assert {row.name: row for row in again.limits}.items() >= {row.name: row for row in listed.limits}.items()
        assert ACTOR == "system:settings"
