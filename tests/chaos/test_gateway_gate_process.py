"""The gate in a process of its own, under a whole gateway: killed, frozen, and left behind by its gateway."""

from __future__ import annotations

import asyncio
import functools
import os
import random
import signal
from pathlib import Path

import grpc
import pytest

from meltica.v1 import order_pb2
from tests.integration.gateway_judge import assert_kept, judge
from tests.integration.gateway_person import Person, eventually
from tests.integration.gateway_running import Gateway, gateway
from tests.integration.gateway_traffic import Traffic

SETTINGS = (
    'gate = "process"\n[limits]\nmessages_per_second = 100_000\nmessage_burst = 100_000\nmax_open_orders = 10_000\n'
)
NO_GATE = frozenset({"GATE_LOST", "GATE_UNREACHABLE"})


@pytest.fixture
def running(tmp_path: Path):
    with gateway(tmp_path, SETTINGS) as found:
        yield found


def gate_pid(running: Gateway) -> int:
    """The one child of the gateway, whichever of its threads started it."""
    threads = Path(f"/proc/{running.pid}/task").glob("*/children")
    children = [pid for thread in threads for pid in thread.read_text().split()]
    (child,) = [int(pid) for pid in children if b"gate" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return child


async def _passes(person: Person) -> bool:
    try:
        await person.submit()
    except grpc.aio.AioRpcError:
        return False
    return True


async def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=str)
async def test_a_lost_gate_lets_nothing_out_but_cancels_and_comes_back(
    running: Gateway, number: signal.Signals
) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - a failed run can be repeated
    traffic = Traffic(random.Random(seed))
    async with Person(running) as olivia:
        await olivia.open_for_business()
        mine = await olivia.submit()
        await olivia.order_in(mine.order.order_id, order_pb2.ORDER_STATUS_NEW)
        flow = asyncio.create_task(traffic.run(olivia, in_flight=4, calls=400))
        await asyncio.sleep(0.1)
        lost = gate_pid(running)
        os.kill(lost, number)
        await olivia.cancel(mine.order.order_id)
        await olivia.order_in(mine.order.order_id, order_pb2.ORDER_STATUS_CANCELED)
        await asyncio.wait_for(flow, 60)
        reasons = {answer[0] for answer in traffic.answered.values() if isinstance(answer, tuple)}
        assert reasons & NO_GATE, f"nobody noticed: {reasons}"
        await eventually(lambda: _passes(olivia), "orders pass again", timeout_s=30)
        assert gate_pid(running) != lost, "one that hangs is replaced"
    assert running.stop() == 0
    verdict = judge(running.journal)
    assert_kept(verdict.records, traffic.answered)


@pytest.mark.slow
async def test_a_gateway_that_is_killed_leaves_no_gate_behind(running: Gateway) -> None:
    for _ in range(3):
        async with Person(running) as olivia:
            await olivia.open_for_business()
            await olivia.submit()
        left = gate_pid(running)
        running.kill()
        await eventually(functools.partial(_gone, left), "the gate's process has ended")
        running.start()
    async with Person(running) as olivia:
        assert len(await olivia.all_orders(working_only=True)) == 3
    assert running.stop() == 0
    judge(running.journal)
