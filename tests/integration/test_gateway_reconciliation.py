"""A real gateway and its paper venue: balances agree, also after a restart; a fee that no report told of is found,
listed, and booked by a person's decision."""

from __future__ import annotations

import uuid
from decimal import Decimal
from pathlib import Path

import pytest

from meltica.v1 import accounting_service_pb2 as accounting
from meltica.v1 import reconciliation_service_pb2 as api
from meltica.v1.accounting_service_pb2_grpc import AccountingServiceStub
from meltica.v1.order_pb2 import ORDER_STATUS_FILLED
from meltica.v1.reconciliation_service_pb2_grpc import ReconciliationServiceStub
from tests.integration.gateway_person import CALL_S, Person, eventually
from tests.integration.gateway_running import gateway

SETTINGS = 'reconcile_every_s = 0.5\nadjust_alone_up_to = "50"\n'
FEE = "[paper.faults]\nunreported_fee_ppm = 1000\n"


async def differences(person: Person) -> list[api.Difference]:
    request = api.ListDifferencesRequest(include_suspected=True)
    answer = await ReconciliationServiceStub(person.channel).ListDifferences(request, timeout=CALL_S)
    return list(answer.differences)


async def confirmed(person: Person) -> bool:
    return any(each.difference_id for each in await differences(person))


async def compared(person: Person) -> int:
    """How many statements were compared."""
    request = api.GetReconciliationRequest(account="main")
    answer = await ReconciliationServiceStub(person.channel).GetReconciliation(request, timeout=CALL_S)
    (row,) = answer.reconciliations
    assert (row.no_source, row.overdue, row.interval.ToMilliseconds()) == ("", False, 500)
    return row.statements


async def after_two_more(person: Person) -> list[api.Difference]:
    seen = await compared(person)

    async def enough() -> bool:
        return await compared(person) >= seen + 2

    await eventually(enough, "two more statements")
    return await differences(person)


async def booked(person: Person, kind: accounting.CashKind, amount: str) -> None:
    request = accounting.BookCashRequest(
        request_id=str(uuid.uuid4()),
        account="main",
        kind=kind,
        currency="USDT",
        amount=amount,
        reason="wired",
        venue="PAPER",
    )
    await AccountingServiceStub(person.channel).BookCash(request, timeout=CALL_S)


async def filled(person: Person) -> None:
    order = (await person.submit(quantity="0.004", price="60900")).order.order_id
    await person.order_in(order, ORDER_STATUS_FILLED)


@pytest.mark.slow
async def test_balances_agree_while_it_trades_when_money_comes_and_after_a_restart(tmp_path: Path) -> None:
    with gateway(tmp_path, SETTINGS) as running:
        async with Person(running) as olivia:
            await olivia.open_for_business()
            await filled(olivia)
            await booked(olivia, accounting.CASH_KIND_DEPOSIT, "1000")
            await booked(olivia, accounting.CASH_KIND_WITHDRAWAL, "12.5")
            assert await after_two_more(olivia) == []
        assert running.stop() == 0
        running.start()
        async with Person(running) as olivia:
            await olivia.open_for_business()
            await filled(olivia)
            assert await after_two_more(olivia) == []


@pytest.mark.slow
async def test_a_fee_that_no_report_told_of_is_found_listed_and_booked_by_a_person(tmp_path: Path) -> None:
    with gateway(tmp_path, SETTINGS + FEE) as running:
        async with Person(running) as olivia:
            await olivia.open_for_business()
            await filled(olivia)
            await eventually(lambda: confirmed(olivia), "a difference")
        assert running.stop() == 0
        running.start()
        async with Person(running) as olivia:
            difference, *others = await after_two_more(olivia)
            assert not others, "what the venue charged is not forgotten"
            assert difference.kind == api.DIFFERENCE_KIND_BALANCE
            assert difference.proposed_action == api.DIFFERENCE_ACTION_ACCEPT_VENUE
            gap = Decimal(difference.theirs) - Decimal(difference.ours)
            assert Decimal("-0.25") < gap < Decimal("-0.22"), "a thousandth of some 240 dollars"
            request = api.SettleDifferenceRequest(
                request_id=str(uuid.uuid4()),
                difference_id=difference.difference_id,
                action=api.DIFFERENCE_ACTION_ACCEPT_VENUE,
                reason="their invoice",
            )
            answer = await ReconciliationServiceStub(olivia.channel).SettleDifference(request, timeout=CALL_S)
            assert not answer.HasField("proposal"), "less than one person may decide alone"
            stub = AccountingServiceStub(olivia.channel)
            entries = (await stub.ListLedgerEntries(accounting.ListLedgerEntriesRequest(), timeout=CALL_S)).entries
            assert entries[-1].reference == f"difference {difference.difference_id}: their invoice"
            amounts = {posting.book: Decimal(posting.amount) for posting in entries[-1].postings}
            assert sorted(amounts.values()) == [gap, -gap]
            assert await after_two_more(olivia) == []
