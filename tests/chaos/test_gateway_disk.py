"""The journal's disk fails under a whole gateway: it ends, says why, and what it had answered is true."""

from __future__ import annotations

import asyncio
import random
import resource
from pathlib import Path

import pytest

from tests.chaos.journal_disk import build_shim
from tests.chaos.test_journal_disk_faults import may_mount, small_disk
from tests.integration.gateway_judge import assert_kept, judge
from tests.integration.gateway_person import Person
from tests.integration.gateway_running import Gateway, gateway
from tests.integration.gateway_traffic import Traffic

GROWTH_BYTES = 600_000
WIDE = "[limits]\nmessages_per_second = 100_000\nmessage_burst = 100_000\nmax_open_orders = 10_000\n"


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_shim(tmp_path_factory.mktemp("shim"))


@pytest.fixture
def traffic() -> Traffic:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - a failed run can be repeated
    return Traffic(random.Random(seed))


async def trade_until_it_ends(running: Gateway, traffic: Traffic, calls: int = 5_000) -> int:
    """The exit code. Traffic that outlasts the calls is a fault that never came."""
    async with Person(running) as olivia:
        await olivia.open_for_business()
        await traffic.run(olivia, in_flight=6, calls=calls)
    return await asyncio.to_thread(running.ended)


async def assert_goes_on(running: Gateway, traffic: Traffic) -> None:
    """With the disk repaired: the answers hold, and what got none can be asked again."""
    judged = judge(running.journal)
    assert_kept(judged.records, traffic.answered)
    running.start()
    async with Person(running) as olivia:
        await olivia.open_for_business()
        assert await traffic.ask_again_what_got_no_answer(olivia) > 0
        await traffic.compare_again(olivia, 20)
    assert running.stop() == 0
    assert_kept(judge(running.journal).records, traffic.answered)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ({"SHIM_SYNC_FAILS": "journal.db-wal:40"}, "disk I/O error"),
        ({"SHIM_SYNC_FAILS": "journal.db:2"}, "disk I/O error"),  # The WAL moves into the file, for a snapshot
        ({"SHIM_FULL": "journal.db-wal:300"}, "full"),
    ],
    ids=str,
)
async def test_a_failed_flush_ends_the_gateway(
    tmp_path: Path, shim: Path, traffic: Traffic, fault: dict[str, str], why: str
) -> None:
    settings = "snapshot_every = 100\n" + WIDE
    with gateway(tmp_path, settings) as running:
        assert running.stop() == 0
        running.start({"LD_PRELOAD": str(shim), **fault})
        assert await trade_until_it_ends(running, traffic) == 1
        assert f"meltica: stopped: journal {running.journal} failed" in running.said()
        assert why in running.said()
        assert "Repair the disk" in running.said()
        assert len(traffic.answered) > 3
        await assert_goes_on(running, traffic)


def test_a_disk_that_fails_at_once_is_no_start(tmp_path: Path, shim: Path) -> None:
    found = Gateway(tmp_path)
    code, said = found.refuses_to_start({"LD_PRELOAD": str(shim), "SHIM_SYNC_FAILS": "journal.db-wal:1"})
    assert code == 1, said
    assert "failed (OperationalError: disk I/O error)" in said
    found.start()
    assert found.stop() == 0
    judge(found.journal)


@pytest.mark.slow
async def test_a_journal_that_may_not_grow_ends_the_gateway(tmp_path: Path, traffic: Traffic) -> None:
    with gateway(tmp_path, WIDE) as running:
        resource.prlimit(running.pid, resource.RLIMIT_FSIZE, (GROWTH_BYTES, GROWTH_BYTES))
        assert await trade_until_it_ends(running, traffic) == 1
        assert f"meltica: stopped: journal {running.journal} failed" in running.said()
        await assert_goes_on(running, traffic)


if may_mount():

    @pytest.mark.slow
    async def test_a_really_full_disk_ends_the_gateway(tmp_path: Path, traffic: Traffic) -> None:
        with small_disk(tmp_path / "disk") as resize:
            resize("2m")
            found = Gateway(tmp_path, WIDE)
            found.state = tmp_path / "disk" / "state"
            found.journal = found.state / "journal.db"
            found.configure(WIDE)
            try:
                found.start()
                assert await trade_until_it_ends(found, traffic) == 1
                assert "full" in found.said()
                code, said = found.refuses_to_start()
                assert code == 1, said
                assert "full" in said or "No space left" in said
                assert "Traceback" not in said
                resize("64m")
                await assert_goes_on(found, traffic)
            finally:
                found.reap()
