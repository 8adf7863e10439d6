"""RiskService and KillSwitchService over mutual TLS: tighten alone, loosen by two, stop by one, release by two."""

from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from meltica.control.authority import ensure_authority
from meltica.domain.approvals import PROPOSAL_LIFETIME_NS
from meltica.domain.gates import AdmitGate, LoseGate, RegisterGate
from meltica.domain.inputs import Input
from meltica.domain.leases import GateFacts, Share
from meltica.v1 import kill_switch_service_pb2 as kill_api
from meltica.v1 import limits_pb2
from meltica.v1 import risk_service_pb2 as api
from tests.engines import BTC
from tests.unit.control.memory_gateway import STRATEGIES
from tests.unit.control.serving import Running, order, refusal, request_id, serving

NAME = f"instruments/{BTC}"


@pytest.fixture
async def running(tmp_path: Path):
    async with serving(tmp_path / "certificates") as found:
        yield found


async def limits_of(running: Running, name: str = NAME) -> limits_pb2.Limits:
    stubs = await running.be("victor")
    return (await stubs.risk.GetLimits(api.GetLimitsRequest(name=name))).limits


def change(limits: limits_pb2.Limits) -> api.SetLimitsRequest:
    return api.SetLimitsRequest(request_id=request_id(), limits=limits)


async def test_limits_are_shown_in_decimals(running):
    limits = await limits_of(running)
    assert (limits.name, limits.etag) == (NAME, "1")
    assert limits.instrument.max_quantity == "100.00000"
    assert limits.instrument.reference_max_age == Duration(seconds=10)
    stubs = await running.be("ada")
    listed = await stubs.risk.ListLimits(api.ListLimitsRequest(page_size=2))
    assert [row.name for row in listed.limits] == ["accounts/main", f"accounts/main/positions/{BTC}"]
    rest = await stubs.risk.ListLimits(api.ListLimitsRequest(page_size=20, page_token=listed.next_page_token))
    names = [row.name for row in rest.limits]
    assert names[:3] == ["firm", NAME, "ports/paper"]
    assert set(names[3:]) == {f"strategies/{name}" for name in ("manual", *STRATEGIES)}
    assert not rest.next_page_token


async def test_one_person_may_tighten(running):
    ravi = (await running.be("ravi")).risk
    limits = await limits_of(running)
    limits.instrument.max_quantity = "0.4"
    request = change(limits)
    answer = await ravi.SetLimits(request)
    assert answer.WhichOneof("result") == "limits"
    assert (answer.limits.etag, answer.limits.instrument.max_quantity) == ("2", "0.40000")
    assert await ravi.SetLimits(request) == answer
    error = await refusal((await running.be("tara")).orders.SubmitOrder(order(quantity="0.5")))
    assert error.reason == "MAX_QUANTITY"


async def test_a_stale_etag_is_aborted(running):
    ravi = (await running.be("ravi")).risk
    limits = await limits_of(running)
    limits.instrument.max_quantity = "50"
    await ravi.SetLimits(change(limits))
    limits.instrument.max_quantity = "40"
    error = await refusal(ravi.SetLimits(change(limits)))
    assert (error.code, error.reason) == (grpc.StatusCode.ABORTED, "REVISION_MISMATCH")
    assert "GetLimits" in error.message
    limits.etag = ""
    error = await refusal(ravi.SetLimits(change(limits)))
    assert (error.reason, error.violations[0][0]) == ("INVALID_REQUEST", "limits.etag")


async def test_loosening_takes_two(running):
    olivia, ravi = (await running.be("olivia")).risk, (await running.be("ravi")).risk
    limits = await limits_of(running)
    limits.instrument.max_quantity = "200"
    answer = await olivia.SetLimits(change(limits))
    assert answer.WhichOneof("result") == "proposal"
    assert list(answer.proposal.loosened_fields) == ["max_quantity"]
    assert answer.proposal.limits.instrument.max_quantity == "200.00000"
    assert (await limits_of(running)).instrument.max_quantity == "100.00000"
    (listed,) = (await ravi.ListProposals(api.ListProposalsRequest(open_only=True))).proposals
    assert listed == answer.proposal
    approve = api.ApproveProposalRequest(request_id=request_id(), proposal_id=answer.proposal.proposal_id)
    approved = await ravi.ApproveProposal(approve)
    assert (approved.limits.etag, approved.limits.instrument.max_quantity) == ("2", "200.00000")
    assert await ravi.ApproveProposal(approve) == approved
    assert (await limits_of(running)).instrument.max_quantity == "200.00000"
    assert not (await ravi.ListProposals(api.ListProposalsRequest(open_only=True))).proposals
    (closed,) = (await ravi.ListProposals(api.ListProposalsRequest())).proposals
    assert closed.state == limits_pb2.PROPOSAL_STATE_APPROVED


async def test_two_operators_are_one_risk_officer_too_few(tmp_path):
    authority, _ = ensure_authority(tmp_path, datetime.now(UTC))
    people = 'olivia = ["operator"]\ntara = ["operator"]\nvictor = ["viewer"]\n'
    authority.policy.write_text(f'trust_domain = "meltica.example"\n[people]\n{people}')
    async with serving(tmp_path) as running:
        olivia, tara = (await running.be("olivia")).risk, (await running.be("tara")).risk
        limits = await limits_of(running)
        limits.instrument.max_quantity = "200"
        made = (await olivia.SetLimits(change(limits))).proposal.proposal_id
        error = await refusal(
            tara.ApproveProposal(api.ApproveProposalRequest(request_id=request_id(), proposal_id=made))
        )
        assert (error.code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "RISK_OFFICER_REQUIRED")


async def test_nobody_approves_alone(running):
    olivia, ravi = (await running.be("olivia")).risk, (await running.be("ravi")).risk
    limits = await limits_of(running)
    limits.instrument.max_quantity = "200"
    first = (await ravi.SetLimits(change(limits))).proposal.proposal_id
    error = await refusal(ravi.ApproveProposal(api.ApproveProposalRequest(request_id=request_id(), proposal_id=first)))
    assert (error.code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "SAME_PERSON")
    second = (await olivia.SetLimits(change(limits))).proposal.proposal_id
    error = await refusal(
        olivia.ApproveProposal(api.ApproveProposalRequest(request_id=request_id(), proposal_id=second))
    )
    assert (error.code, error.reason) == (grpc.StatusCode.PERMISSION_DENIED, "SAME_PERSON")
    assert "olivia proposed it" in error.message
    # The operator may approve what a risk officer proposed; then what was proposed against the old limits is void.
    await olivia.ApproveProposal(api.ApproveProposalRequest(request_id=request_id(), proposal_id=first))
    error = await refusal(ravi.ApproveProposal(api.ApproveProposalRequest(request_id=request_id(), proposal_id=second)))
    assert (error.code, error.reason) == (grpc.StatusCode.ABORTED, "PROPOSAL_OVERTAKEN")


async def test_a_proposal_can_be_rejected_once(running):
    olivia, ravi = (await running.be("olivia")).risk, (await running.be("ravi")).risk
    limits = await limits_of(running)
    limits.instrument.collar_bps = 2000
    proposal = (await olivia.SetLimits(change(limits))).proposal.proposal_id
    await ravi.RejectProposal(api.RejectProposalRequest(request_id=request_id(), proposal_id=proposal))
    error = await refusal(
        ravi.ApproveProposal(api.ApproveProposalRequest(request_id=request_id(), proposal_id=proposal))
    )
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "PROPOSAL_CLOSED")
    error = await refusal(ravi.ApproveProposal(api.ApproveProposalRequest(request_id=request_id(), proposal_id="77")))
    assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_PROPOSAL")


async def test_an_account_begins_with_its_limits(running):
    olivia, ravi = (await running.be("olivia")).risk, (await running.be("ravi")).risk
    error = await refusal(olivia.GetLimits(api.GetLimitsRequest(name="accounts/second")))
    assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_LIMITS")
    account = limits_pb2.AccountLimits(account="second", enabled=True, max_open_value="1000000", max_open_orders=10)
    account.max_daily_loss = account.max_drawdown = "1000"
    account.self_match = limits_pb2.SELF_MATCH_MODE_DECREMENT
    account.duplicate_window.SetInParent()
    account.rearm_after.SetInParent()
    proposed = await olivia.SetLimits(change(limits_pb2.Limits(etag="0", account=account)))
    await ravi.ApproveProposal(
        api.ApproveProposalRequest(request_id=request_id(), proposal_id=proposed.proposal.proposal_id)
    )
    assert (await limits_of(running, "accounts/second")).account == account


async def test_the_gate_status(running):
    status = await (await running.be("victor")).risk.GetGateStatus(api.GetGateStatusRequest())
    assert (status.backend, status.passed, status.latency_p99_ns) == ("python", 7, 400)
    assert [(row.reason, row.count) for row in status.refusals] == [("KILL_SWITCH", 2)]
    (gate,) = status.hot_gates
    assert (gate.gate, gate.standing, gate.why) == ("edge", api.GATE_STANDING_DEAD, "silent for 251 ms")
    assert (gate.gate_epoch, gate.pid, gate.lapses, gate.drop_copies_kept) == (3, 77, 2, 41)
    assert (gate.entries_published, gate.entries_applied, gate.silence.ToMilliseconds()) == (9, 8, 1_500)
    assert [(s.line, s.granted, s.claimed, s.revoking) for s in gate.slices] == [
        ("accounts/main/max_open_orders", 0, 4, False),
        ("firm/max_open_orders", 10, 12, True),
    ]


async def test_a_person_arms_and_retires_hot_gates(running):
    olivia, tara = (await running.be("olivia")).risk, (await running.be("tara")).risk
    arm = api.ArmGateRequest(request_id=request_id(), gate="edge", armed=True, reason="looked at it")
    assert (await refusal(tara.ArmGate(arm))).code == grpc.StatusCode.PERMISSION_DENIED
    error = await refusal(olivia.ArmGate(arm))
    assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_GATE")
    facts = GateFacts(Share(1_000, 2_000))
    await running.gateway.execute(RegisterGate(request_id=request_id(), actor="system:t", gate="edge", facts=facts))
    arm.request_id = request_id()
    answer = await olivia.ArmGate(arm)
    assert answer.sequence > 0
    assert await olivia.ArmGate(arm) == answer
    retire = api.RetireGateRequest(request_id=request_id(), gate="edge", reason="reconciled")
    error = await refusal(olivia.RetireGate(retire))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "GATE_NOT_DEAD")
    await running.gateway.execute(AdmitGate(request_id=request_id(), actor="system:t", gate="edge", gate_epoch=1))
    lost = LoseGate(request_id=request_id(), actor="system:t", gate="edge", gate_epoch=1, reason="silent")
    await running.gateway.execute(lost)
    retire.request_id = request_id()
    assert (await olivia.RetireGate(retire)).sequence > answer.sequence
    nameless = api.ArmGateRequest(request_id=request_id(), reason="x")
    assert (await refusal(olivia.ArmGate(nameless))).code == grpc.StatusCode.INVALID_ARGUMENT


def engage(**fields: str) -> kill_api.EngageKillSwitchRequest:
    return kill_api.EngageKillSwitchRequest(**{"request_id": request_id(), "reason": "runaway strategy", **fields})


async def test_one_call_stops_everything(running):
    tara, olivia = await running.be("tara"), await running.be("olivia")
    await tara.orders.SubmitOrder(order())
    await tara.orders.SubmitOrder(order())
    request = engage()
    answer = await olivia.kill.EngageKillSwitch(request)
    assert (answer.kill_switch.engaged, answer.kill_switch.epoch) == (True, 1)
    assert answer.kill_switch.actor == "spiffe://meltica.example/person/olivia"
    assert list(answer.canceled_order_ids) == ["1", "2"]
    assert await olivia.kill.EngageKillSwitch(request) == answer
    again = await tara.kill.EngageKillSwitch(engage(reason="me too"))
    assert (again.kill_switch.epoch, again.kill_switch.reason) == (1, "runaway strategy")
    error = await refusal(tara.orders.SubmitOrder(order()))
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "KILL_SWITCH")
    assert "runaway strategy" in error.message
    shown = (await tara.kill.GetKillSwitch(kill_api.GetKillSwitchRequest())).kill_switch
    assert shown == answer.kill_switch


async def test_a_release_takes_two_persons(running):
    olivia, ravi, tara = await running.be("olivia"), await running.be("ravi"), await running.be("tara")
    error = await refusal(
        olivia.kill.ProposeRelease(kill_api.ProposeReleaseRequest(request_id=request_id(), reason="x"))
    )
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "NOT_ENGAGED")
    await olivia.kill.EngageKillSwitch(engage())
    proposed = await olivia.kill.ProposeRelease(
        kill_api.ProposeReleaseRequest(request_id=request_id(), reason="the strategy is off")
    )
    number = proposed.proposal.proposal_id
    assert proposed.proposal.kind == limits_pb2.PROPOSAL_KIND_KILL_SWITCH_RELEASE
    error = await refusal(
        olivia.kill.ApproveRelease(kill_api.ApproveReleaseRequest(request_id=request_id(), proposal_id=number))
    )
    assert error.code is grpc.StatusCode.PERMISSION_DENIED
    error = await refusal(
        ravi.risk.ApproveProposal(api.ApproveProposalRequest(request_id=request_id(), proposal_id=number))
    )
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "PROPOSAL_KIND_MISMATCH")
    assert "ApproveRelease" in error.message
    released = await ravi.kill.ApproveRelease(
        kill_api.ApproveReleaseRequest(request_id=request_id(), proposal_id=number)
    )
    assert (released.kill_switch.engaged, released.kill_switch.epoch) == (False, 2)
    assert (await tara.orders.SubmitOrder(order())).order.working


async def test_an_expired_release_is_refused(running):
    olivia, ravi = await running.be("olivia"), await running.be("ravi")
    await olivia.kill.EngageKillSwitch(engage())
    proposed = await olivia.kill.ProposeRelease(
        kill_api.ProposeReleaseRequest(request_id=request_id(), reason="the strategy is off")
    )
    gateway = running.gateway
    made = gateway.state.tables.proposals[int(proposed.proposal.proposal_id)].made
    gateway.state.tables.proposals[made.proposal_id].made = type(made)(
        **{**{name: getattr(made, name) for name in made.__struct_fields__}, "expires_ns": made.time_ns}
    )
    assert made.expires_ns - made.time_ns == PROPOSAL_LIFETIME_NS
    error = await refusal(
        ravi.kill.ApproveRelease(
            kill_api.ApproveReleaseRequest(request_id=request_id(), proposal_id=proposed.proposal.proposal_id)
        )
    )
    assert (error.code, error.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "PROPOSAL_EXPIRED")
    (shown,) = (await ravi.risk.ListProposals(api.ListProposalsRequest())).proposals
    assert shown.state == limits_pb2.PROPOSAL_STATE_EXPIRED
    assert not (await ravi.risk.ListProposals(api.ListProposalsRequest(open_only=True))).proposals


async def test_a_release_can_be_rejected(running):
    olivia, ravi = await running.be("olivia"), await running.be("ravi")
    await olivia.kill.EngageKillSwitch(engage(account="main"))
    proposed = await olivia.kill.ProposeRelease(
        kill_api.ProposeReleaseRequest(request_id=request_id(), reason="please", account="main")
    )
    rejected = await ravi.kill.RejectRelease(
        kill_api.RejectReleaseRequest(request_id=request_id(), proposal_id=proposed.proposal.proposal_id)
    )
    assert rejected.proposal_id == proposed.proposal.proposal_id
    switches = (await ravi.kill.ListKillSwitches(kill_api.ListKillSwitchesRequest())).kill_switches
    assert [(switch.account, switch.engaged) for switch in switches] == [("", False), ("main", True)]
    error = await refusal(olivia.kill.EngageKillSwitch(engage(account="nobody")))
    assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "UNKNOWN_ACCOUNT")


async def test_every_change_names_its_author_in_the_journal(running):
    olivia = await running.be("olivia")
    await olivia.kill.EngageKillSwitch(engage())
    _, record = running.gateway.journal[-1]
    assert isinstance(record.input, Input)
    assert record.input.body.actor == "spiffe://meltica.example/person/olivia"
