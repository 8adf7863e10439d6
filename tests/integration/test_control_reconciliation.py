"""ReconciliationService over mutual TLS: how far it is, where the two differ, and what persons decide."""

from __future__ import annotations

import time
from pathlib import Path

import grpc
import msgspec
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from meltica.control.health import RECONCILED
from meltica.domain.ports import StatementSource
from meltica.domain.statements import StatedBalance, StatedPosition, VenueStatement
from meltica.v1 import reconciliation_service_pb2 as api
from meltica.v1 import risk_service_pb2
from tests.engines import BTC
from tests.unit.control.serving import refusal, request_id, serving


@pytest.fixture
async def running(tmp_path: Path):
    async with serving(tmp_path / "certificates") as found:
        yield found


def differ(running, lots=30, looks=2, **told):
    """The venue says something else, often enough."""
    now_ns = max(time.time_ns(), running.gateway.state.tables.time_ns)
    table = running.gateway.state.tables.reconciliation
    for look in range(looks):
        known = table.differences
        for key, found in known.items():
            known[key] = msgspec.structs.replace(found, last_ns=1)  # Long ago: nobody waits in a test.
        facts = {"positions": (StatedPosition(instrument=BTC, lots=lots),), "positions_complete": True, **told}
        number = len(running.gateway.journal)
        running.gateway.step(
            VenueStatement(
                venue="BINANCE", account="main", statement_id=f"s{number}", asked_ns=now_ns - looks + look, **facts
            )
        )


def settle(number="1", action=api.DIFFERENCE_ACTION_ACCEPT_VENUE, **fields):
    facts = {"request_id": request_id(), "reason": "asked by telephone"}
    return api.SettleDifferenceRequest(**{**facts, "difference_id": number, "action": action, **fields})


async def listed(stubs, **fields):
    return (await stubs.reconciliation.ListDifferences(api.ListDifferencesRequest(**fields))).differences


async def test_a_difference_is_listed_and_settled_by_two_persons(running):
    tara, olivia, ravi = await running.be("tara"), await running.be("olivia"), await running.be("ravi")
    differ(running, looks=1)
    assert (len(await listed(tara)), len(await listed(tara, include_suspected=True))) == (0, 1)
    differ(running, looks=1)
    (found,) = await listed(tara)
    assert (found.difference_id, found.kind, found.account) == ("1", api.DIFFERENCE_KIND_POSITION, "main")
    assert (found.ours, found.theirs, found.instrument) == ("0.00000", "0.00030", BTC)
    assert found.proposed_action == api.DIFFERENCE_ACTION_ACCEPT_VENUE
    (row,) = (await tara.reconciliation.GetReconciliation(api.GetReconciliationRequest())).reconciliations
    assert (row.venue, row.account, row.differences, row.suspected, row.statements) == ("BINANCE", "main", 1, 0, 2)
    answer = await olivia.reconciliation.SettleDifference(settle(price="60000.00"))
    assert (answer.proposal.difference_id, answer.proposal.verdict) == ("1", "accept the venue's word")
    approve = {"request_id": request_id(), "proposal_id": answer.proposal.proposal_id}
    await ravi.risk.ApproveProposal(risk_service_pb2.ApproveProposalRequest(**approve))
    assert not await listed(tara)
    assert running.gateway.state.position("main", BTC).lots == 30


async def test_pages_and_filters(running):
    tara, olivia = await running.be("tara"), await running.be("olivia")
    balances = tuple(StatedBalance(currency=name, nanos=5, booked_nanos=4) for name in ("EUR", "USD", "USDT"))
    differ(running, balances=balances)
    first = await tara.reconciliation.ListDifferences(api.ListDifferencesRequest(page_size=3))
    rest = api.ListDifferencesRequest(page_size=3, page_token=first.next_page_token)
    second = await tara.reconciliation.ListDifferences(rest)
    assert (len(first.differences), len(second.differences), second.next_page_token) == (3, 1, "")
    money = [d for d in (*first.differences, *second.differences) if d.kind == api.DIFFERENCE_KIND_BALANCE]
    assert {(d.subject, d.ours, d.theirs) for d in money} == {
        (name, "0.000000004", "0.000000005") for name in ("EUR", "USD", "USDT")
    }
    assert not await listed(tara, account="other")
    ignored = await olivia.reconciliation.SettleDifference(settle(money[0].difference_id, api.DIFFERENCE_ACTION_IGNORE))
    assert not ignored.HasField("proposal")
    assert (len(await listed(tara)), len(await listed(tara, include_ignored=True))) == (3, 4)


async def test_a_statement_is_asked_for(running):
    tara = await running.be("tara")
    facts = {"venue": "BINANCE", "account": "main", "reason": "fills look odd"}
    answer = await tara.reconciliation.RequestStatement(api.RequestStatementRequest(request_id=request_id(), **facts))
    assert answer.sequence == len(running.gateway.journal)
    (row,) = (await tara.reconciliation.GetReconciliation(api.GetReconciliationRequest())).reconciliations
    assert (row.statement_id, row.HasField("request_time"), row.HasField("compare_time")) == ("", True, False)


@pytest.mark.parametrize(
    ("call", "fields", "reason", "named"),
    [
        ("RequestStatement", {"venue": ""}, "INVALID_REQUEST", {"venue"}),
        ("RequestStatement", {"account": "", "reason": " "}, "INVALID_REQUEST", {"account", "reason"}),
        ("RequestStatement", {"request_id": "x"}, "INVALID_REQUEST", {"request_id"}),
        ("RequestStatement", {"account": "nobody"}, "UNKNOWN_ACCOUNT", set()),
        ("RequestStatement", {"venue": "NOWHERE"}, "UNKNOWN_VENUE", set()),
        ("SettleDifference", {"difference_id": "x"}, "INVALID_REQUEST", {"difference_id"}),
        ("SettleDifference", {"difference_id": "0"}, "UNKNOWN_DIFFERENCE", set()),
        ("SettleDifference", {"difference_id": "99"}, "UNKNOWN_DIFFERENCE", set()),
        ("SettleDifference", {"action": 0, "reason": ""}, "INVALID_REQUEST", {"action", "reason"}),
        ("SettleDifference", {"action": 77}, "INVALID_REQUEST", {"action"}),
        ("SettleDifference", {"price": "1.001"}, "INVALID_REQUEST", {"price"}),
        ("SettleDifference", {"price": "-1"}, "INVALID_REQUEST", {"price"}),
    ],
    ids=str,
)
async def test_bad_input_names_the_field_and_changes_nothing(running, call, fields, reason, named):
    olivia = await running.be("olivia")
    differ(running)
    facts = {"request_id": request_id(), "reason": "asked by telephone"}
    more = {"venue": "BINANCE", "account": "main"}
    if call == "SettleDifference":
        more = {"difference_id": "1", "action": api.DIFFERENCE_ACTION_ACCEPT_VENUE}
    request = getattr(api, f"{call}Request")(**{**facts, **more, **fields})
    error = await refusal(getattr(olivia.reconciliation, call)(request))
    assert error.reason == reason
    assert {field for field, _ in error.violations} >= named
    assert len(await listed(olivia)) == 1


async def test_who_may(running):
    differ(running)
    viewer, trader = await running.be("victor"), await running.be("tara")
    assert await listed(viewer)
    for stubs, call in ((viewer, api.RequestStatementRequest()), (trader, settle())):
        name = type(call).__name__.removesuffix("Request")
        error = await refusal(getattr(stubs.reconciliation, name)(call))
        assert error.code is grpc.StatusCode.PERMISSION_DENIED


async def test_statements_that_stay_away_are_a_condition_of_the_health_service(running):
    tara = await running.be("tara")
    health = health_pb2_grpc.HealthStub(tara.channel)
    asked = health_pb2.HealthCheckRequest(service=RECONCILED)
    watching = health.Watch(asked)
    assert (await watching.read()).status == health_pb2.HealthCheckResponse.SERVING
    running.server.report(RECONCILED, well=False)
    running.server.report(RECONCILED, well=False)
    assert (await watching.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
    assert (await health.Check(asked)).status == health_pb2.HealthCheckResponse.NOT_SERVING
    whole = await health.Check(health_pb2.HealthCheckRequest())
    assert whole.status == health_pb2.HealthCheckResponse.SERVING, "nobody restarts a gateway for that"
    running.server.report(RECONCILED, well=True)
    assert (await watching.read()).status == health_pb2.HealthCheckResponse.SERVING
    watching.cancel()


async def test_where_no_statements_come_from_is_said(running):
    tara = await running.be("tara")
    sources = [
        StatementSource("BINANCE", "main", 1_500_000_000, overdue=True),
        StatementSource("OKX", "main", 0, "it is traded elsewhere"),
    ]
    running.server._servicers["ReconciliationService"]._sources = lambda: sources
    rows = (await tara.reconciliation.GetReconciliation(api.GetReconciliationRequest())).reconciliations
    assert [(row.venue, row.no_source, row.overdue, row.HasField("interval")) for row in rows] == [
        ("BINANCE", "", True, True),
        ("OKX", "it is traded elsewhere", False, False),
    ]
    assert rows[0].interval.ToNanoseconds() == 1_500_000_000
    differ(running)
    (row,) = (await tara.reconciliation.GetReconciliation(api.GetReconciliationRequest(venue="OKX"))).reconciliations
    assert row.venue == "OKX"
