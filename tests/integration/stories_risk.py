"""Sound requests of RiskService, KillSwitchService, OutcomeService and ReconciliationService."""

from __future__ import annotations

import time
from typing import Any, Final

import msgspec
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message

from meltica.domain.gates import AdmitGate, LoseGate, RegisterGate
from meltica.domain.leases import GateFacts, Share
from meltica.domain.limits import OWN_PORT
from meltica.domain.reports import ExecType, OutcomeUnknown
from meltica.domain.statements import StatedPosition, VenueStatement
from meltica.v1 import kill_switch_service_pb2 as kill_api
from meltica.v1 import limits_pb2
from meltica.v1 import outcome_service_pb2 as outcome_api
from meltica.v1 import reconciliation_service_pb2 as reconciliation_api
from meltica.v1 import risk_service_pb2 as api
from tests.engines import BTC
from tests.integration.request_story import Make, Story
from tests.unit.control.serving import Running, order, request_id

SYSTEM: Final = "system:test"
DAY: Final = Duration(seconds=86_400)


def limits(name: str, **changes: Any) -> Make:
    """Those that stand, tightened a little so that one person may."""

    async def make(running: Running) -> Message:
        olivia = await running.be("olivia")
        found = (await olivia.risk.GetLimits(api.GetLimitsRequest(name=name))).limits
        scope = getattr(found, found.WhichOneof("scope"))
        for field, value in changes.items():
            setattr(scope, field, value)
        found.name = ""  # It may be left out; one that contradicts the rest is a case of its own.
        return api.SetLimitsRequest(limits=found)

    return make


def limits_story(name: str, scope: str, *, also: tuple[tuple[str, Any, str], ...] = (), **changes: Any) -> Story:
    at = f"limits.{scope}"
    return Story(
        method="RiskService/SetLimits",
        person="olivia",
        make=limits(name, **changes),
        unknown={
            f"{at}.instrument": "UNKNOWN_INSTRUMENT",
            f"{at}.account": "UNKNOWN_ACCOUNT" if scope == "position" else "REVISION_MISMATCH",
            f"{at}.strategy": "REVISION_MISMATCH",
            f"{at}.port": "REVISION_MISMATCH",
        },
        also=(*also, ("limits.etag", "7", "REVISION_MISMATCH"), ("limits.name", f"{name}x", "INVALID_REQUEST")),
    )


async def _raise_limit(running: Running) -> str:
    request = await limits("instruments/" + BTC, max_quantity="150")(running)
    assert isinstance(request, api.SetLimitsRequest)
    request.request_id = request_id()
    olivia = await running.be("olivia")
    return (await olivia.risk.SetLimits(request)).proposal.proposal_id


async def approve(running: Running) -> Message:
    return api.ApproveProposalRequest(proposal_id=await _raise_limit(running))


async def reject(running: Running) -> Message:
    return api.RejectProposalRequest(proposal_id=await _raise_limit(running))


async def rearm(running: Running) -> Message:
    request = await limits("accounts/main", max_consecutive_rejects=1)(running)
    assert isinstance(request, api.SetLimitsRequest)
    request.request_id = request_id()
    olivia, tara = await running.be("olivia"), await running.be("tara")
    await olivia.risk.SetLimits(request)
    submitted = (await tara.orders.SubmitOrder(order())).order
    running.gateway.report(submitted.client_order_id, ExecType.REJECTED)
    kind = limits_pb2.BREAKER_KIND_CONSECUTIVE_REJECTS
    return api.RearmBreakerRequest(breaker=kind, account="main", reason="the venue is well")


async def credit(_running: Running) -> Message:
    return api.ChangeCreditRequest(name="accounts/main", delta="-5", reason="a quiet day")


async def mark(_running: Running) -> Message:
    return api.SetMarkRequest(mark=limits_pb2.MARK_KIND_MISMATCHED, name="main", set=True, reason="differs")


async def mark_instrument(_running: Running) -> Message:
    return api.SetMarkRequest(mark=limits_pb2.MARK_KIND_GAPPED, name=BTC, set=True, reason="news")


async def _gate(running: Running, *, dead: bool) -> None:
    facts = {"request_id": "", "actor": SYSTEM, "gate": "edge"}
    running.gateway.step(RegisterGate(facts=GateFacts(Share(1_000, 2_000)), **facts))
    if dead:
        running.gateway.step(AdmitGate(gate_epoch=1, **facts))
        running.gateway.step(LoseGate(gate_epoch=1, reason="silent", **facts))


async def arm(running: Running) -> Message:
    await _gate(running, dead=False)
    return api.ArmGateRequest(gate="edge", armed=True, reason="looked at it")


async def retire(running: Running) -> Message:
    await _gate(running, dead=True)
    return api.RetireGateRequest(gate="edge", reason="reconciled")


async def engage(_running: Running) -> Message:
    return kill_api.EngageKillSwitchRequest(account="main", reason="runaway strategy")


async def engage_target(_running: Running) -> Message:
    return kill_api.EngageKillSwitchRequest(target="strategies/a", reason="runaway strategy")


async def propose(running: Running) -> Message:
    olivia = await running.be("olivia")
    await olivia.kill.EngageKillSwitch(
        kill_api.EngageKillSwitchRequest(request_id=request_id(), account="main", reason="runaway strategy")
    )
    return kill_api.ProposeReleaseRequest(account="main", reason="cause found and removed")


async def propose_target(running: Running) -> Message:
    olivia = await running.be("olivia")
    stop = kill_api.EngageKillSwitchRequest(request_id=request_id(), target="strategies/a", reason="runaway")
    await olivia.kill.EngageKillSwitch(stop)
    return kill_api.ProposeReleaseRequest(target="strategies/a", reason="cause found and removed")


async def _proposed_release(running: Running) -> str:
    request = await propose(running)
    assert isinstance(request, kill_api.ProposeReleaseRequest)
    request.request_id = request_id()
    olivia = await running.be("olivia")
    return (await olivia.kill.ProposeRelease(request)).proposal.proposal_id


async def approve_release(running: Running) -> Message:
    return kill_api.ApproveReleaseRequest(proposal_id=await _proposed_release(running))


async def reject_release(running: Running) -> Message:
    return kill_api.RejectReleaseRequest(proposal_id=await _proposed_release(running))


async def resolve(running: Running) -> Message:
    tara = await running.be("tara")
    await tara.orders.SubmitOrder(order())
    running.gateway.step(OutcomeUnknown(venue="BINANCE", client_order_id="m1", text="connection lost"))
    facts = {"verdict": outcome_api.VERDICT_CARRIED_OUT, "reason": "asked by telephone"}
    return outcome_api.ResolveOutcomeRequest(order_id="1", client_order_id="m1", **facts)


async def drop(running: Running) -> Message:
    tara = await running.be("tara")
    await tara.orders.SubmitOrder(order())
    running.gateway.report("m1", ExecType.TRADE_CANCEL, execution_id="b1", reference_execution_id="e1")
    return outcome_api.DropCorrectionRequest(order_id="1", execution_id="b1", reason="withdrawn")


async def statement(_running: Running) -> Message:
    return reconciliation_api.RequestStatementRequest(venue="BINANCE", account="main", reason="fills look odd")


async def settle(running: Running) -> Message:
    """The venue says twice, long enough apart, that there is a position."""
    table = running.gateway.state.tables.reconciliation
    for look in range(2):
        for key, found in table.differences.items():
            table.differences[key] = msgspec.structs.replace(found, last_ns=1)
        told = {"positions": (StatedPosition(instrument=BTC, lots=30),), "positions_complete": True}
        asked = max(time.time_ns(), running.gateway.state.tables.time_ns) - 2 + look
        running.gateway.step(
            VenueStatement(venue="BINANCE", account="main", statement_id=f"s{look}", asked_ns=asked, **told)
        )
    return reconciliation_api.SettleDifferenceRequest(
        difference_id="1",
        action=reconciliation_api.DIFFERENCE_ACTION_ACCEPT_VENUE,
        price="60000.00",
        reason="asked by telephone",
    )


PROPOSAL: Final = {"proposal_id": "UNKNOWN_PROPOSAL"}
SWITCH: Final = {"account": "UNKNOWN_ACCOUNT", "target": "UNKNOWN_STRATEGY"}
RELEASE: Final = {"account": "NOT_ENGAGED", "target": "NOT_ENGAGED"}

RISK: Final = (
    limits_story(
        f"instruments/{BTC}",
        "instrument",
        max_quantity="90",
        also=(("limits.instrument.session_open", DAY, "INVALID_REQUEST"),),
    ),
    limits_story("accounts/main", "account", max_open_orders=999_999),
    limits_story(f"accounts/main/positions/{BTC}", "position", max_long_quantity="9000"),
    limits_story("firm", "firm", max_open_orders=999_999),
    limits_story("strategies/a", "strategy", max_open_value="1000000"),
    limits_story(f"ports/{OWN_PORT}", "port", messages_per_second=999_999),
    Story(method="RiskService/ApproveProposal", person="ravi", make=approve, unknown=PROPOSAL),
    Story(method="RiskService/RejectProposal", person="ravi", make=reject, unknown=PROPOSAL),
    Story(
        method="RiskService/RearmBreaker",
        person="olivia",
        make=rearm,
        unknown={"account": "NOT_TRIPPED", "strategy": "INVALID_REQUEST"},
    ),
    Story(method="RiskService/ChangeCredit", person="olivia", make=credit, unknown={"name": "UNKNOWN_LIMITS"}),
    Story(method="RiskService/SetMark", person="olivia", make=mark, unknown={"name": "UNKNOWN_ACCOUNT"}),
    Story(method="RiskService/SetMark", person="olivia", make=mark_instrument, unknown={"name": "UNKNOWN_INSTRUMENT"}),
    Story(method="RiskService/ArmGate", person="olivia", make=arm, unknown={"gate": "UNKNOWN_GATE"}),
    Story(method="RiskService/RetireGate", person="olivia", make=retire, unknown={"gate": "GATE_NOT_DEAD"}),
    Story(
        method="KillSwitchService/EngageKillSwitch",
        person="tara",
        make=engage,
        unknown=SWITCH,
        ignored={"target": "not named beside an account: see the next story"},
        also=(("target > target", "strategies/a", "INVALID_REQUEST"),),
    ),
    Story(
        method="KillSwitchService/EngageKillSwitch",
        person="tara",
        make=engage_target,
        unknown=SWITCH,
        ignored={"account": "not named beside a target: see the story before"},
    ),
    Story(
        method="KillSwitchService/ProposeRelease",
        person="olivia",
        make=propose,
        unknown=RELEASE,
        ignored={"target": "not named beside an account: see the next story"},
    ),
    Story(
        method="KillSwitchService/ProposeRelease",
        person="olivia",
        make=propose_target,
        unknown=RELEASE,
        ignored={"account": "not named beside a target: see the story before"},
    ),
    Story(method="KillSwitchService/ApproveRelease", person="ravi", make=approve_release, unknown=PROPOSAL),
    Story(method="KillSwitchService/RejectRelease", person="ravi", make=reject_release, unknown=PROPOSAL),
    Story(
        method="OutcomeService/ResolveOutcome",
        person="olivia",
        make=resolve,
        unknown={"order_id": "UNKNOWN_ORDER"},
        also=(("client_order_id", "whose", "NOT_UNCERTAIN"),),
    ),
    Story(
        method="OutcomeService/DropCorrection",
        person="olivia",
        make=drop,
        unknown={"order_id": "UNKNOWN_ORDER", "execution_id": "UNKNOWN_CORRECTION"},
    ),
    Story(
        method="ReconciliationService/RequestStatement",
        person="tara",
        make=statement,
        unknown={"venue": "UNKNOWN_VENUE", "account": "UNKNOWN_ACCOUNT"},
    ),
    Story(
        method="ReconciliationService/SettleDifference",
        person="olivia",
        make=settle,
        unknown={"difference_id": "UNKNOWN_DIFFERENCE"},
    ),
)
