"""kill -9 of a whole gateway, over and over, while orders flow: what was answered is true afterwards."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import grpc
import pytest

from meltica.v1 import kill_switch_service_pb2, order_pb2, order_service_pb2
from tests.integration.gateway_judge import assert_kept, judge
from tests.integration.gateway_person import Person, eventually, request_id
from tests.integration.gateway_running import Gateway, gateway
from tests.integration.gateway_traffic import Traffic

KILLS = 32
IN_FLIGHT = 8
CALLS = 150
"""In one life at most: the judges read the whole journal after each."""

SETTINGS = """
snapshot_every = 60
[limits]
max_order_value = 1_000_000
max_position_value = 1_000_000_000
max_open_value = 1_000_000_000
max_open_orders = 100_000
messages_per_second = 100_000
message_burst = 100_000
"""


@pytest.mark.slow
async def test_thirty_kills_while_orders_flow(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - a failed run can be repeated
    dice = random.Random(seed)
    traffic = Traffic(dice)
    unanswered = snapshots = engaged = 0
    with gateway(tmp_path, SETTINGS) as running:
        for life in range(KILLS):
            with_switch = life % 4 == 3
            told = await _live_and_die(running, traffic, dice, with_switch=with_switch)
            latched = (running.state / "kill" / "all.json").exists()
            assert latched or not told, "the switch was answered and not latched"
            verdict = judge(running.journal)
            assert_kept(verdict.records, traffic.answered)
            snapshots = max(snapshots, verdict.snapshots)
            engaged += latched
            running.start()
            unanswered += await _ask_afterwards(running, traffic, must_be_engaged=latched)
        assert running.stop() == 0
    verdict = judge(running.journal)
    assert_kept(verdict.records, traffic.answered)
    print(f"{verdict.entries} entries, {len(traffic.answered)} answers, {unanswered} asked again, {engaged} engaged")  # noqa: T201
    assert snapshots > 0
    assert unanswered > KILLS / 2, "the kills did not fall into calls"
    assert engaged > 0


async def _live_and_die(running: Gateway, traffic: Traffic, dice: random.Random, *, with_switch: bool) -> bool:
    """Traffic, perhaps the kill switch, SIGKILL. True: the engagement of the kill switch was answered."""
    async with Person(running) as olivia:
        await olivia.open_for_business()
        flow = asyncio.create_task(traffic.run(olivia, in_flight=IN_FLIGHT, calls=CALLS))
        await asyncio.sleep(dice.uniform(0.02, 0.3))
        told = False
        if with_switch:
            engage = asyncio.create_task(_engage(olivia))
            if dice.random() < 0.5:
                await asyncio.sleep(dice.uniform(0, 0.006))
            else:
                await engage
            running.kill()
            told = await engage
        else:
            running.kill()
        await flow
        return told


async def _engage(person: Person) -> bool:
    request = kill_switch_service_pb2.EngageKillSwitchRequest(request_id=request_id(), reason="a rehearsal")
    try:
        await person.switch.EngageKillSwitch(request, timeout=5)
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.UNAVAILABLE:
            raise
        return False
    return True


async def _ask_afterwards(running: Gateway, traffic: Traffic, *, must_be_engaged: bool) -> int:
    """A new life: the answers of the old ones hold, and what got none can be asked again."""
    async with Person(running) as olivia, Person(running, "ravi") as ravi:
        await olivia.open_for_business()
        assert (await olivia.kill_switch()).engaged == must_be_engaged
        orders = {found.order_id: found for found in await olivia.all_orders()}
        assert_as_answered(traffic, orders)
        again = await traffic.ask_again_what_got_no_answer(olivia)
        await traffic.compare_again(olivia, 10)
        if must_be_engaged:
            await eventually(lambda: _nothing_works(olivia), "the kill switch's cancels are through")
            await _release(ravi, olivia)
        return again


def assert_as_answered(traffic: Traffic, orders: dict[str, order_pb2.Order]) -> None:
    for name, answer in traffic.answered.items():
        match answer:
            case order_service_pb2.SubmitOrderResponse():
                found, asked = orders[answer.order.order_id], answer.order
                for field in ("account", "strategy", "instrument", "side", "type", "time_in_force", "actor"):
                    assert getattr(found, field) == getattr(asked, field), name
                assert found.create_time == asked.create_time
            case order_service_pb2.CancelOrderResponse():
                # The venue took it, or it is still asked for; it is not forgotten
                found = orders[answer.order_id]
                assert not found.working or found.pending_requests, name


async def _nothing_works(person: Person) -> bool:
    return not await person.all_orders(working_only=True)


async def _release(proposer: Person, approver: Person) -> None:
    service = kill_switch_service_pb2
    proposed = await proposer.switch.ProposeRelease(
        service.ProposeReleaseRequest(request_id=request_id(), reason="it was a rehearsal")
    )
    proposal_id = proposed.proposal.proposal_id
    await approver.switch.ApproveRelease(
        service.ApproveReleaseRequest(request_id=request_id(), proposal_id=proposal_id)
    )
