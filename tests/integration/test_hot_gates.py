"""A gateway's engine with hot gates: slices, the kill switch, drop copies, and what is left after each kind of end."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from meltica import hot
from meltica.app.hot.gate_words import KillWords
from meltica.app.hot.gates import HotGates
from meltica.app.settings import ControlSettings, HotGateSettings, Settings
from meltica.domain.commands import ApproveProposal, ProposeKillSwitchRelease, SetLimits
from meltica.domain.errors import FieldError
from meltica.domain.gates import ArmGate
from meltica.domain.limits import PositionLimits
from meltica.domain.ports import HotGateStatus
from meltica.engine.snapshot import snapshot
from meltica.hot import Check
from meltica.hot.layout_gen import DropKind, PositionLimitsRecord
from meltica.hot.shared import KillWord
from meltica.links.keys import KeyRing, private_folder
from tests.engines import BTC, MARK_TICKS, instrument
from tests.integration.hot_gate import HotGate, MemoryStore
from tests.unit.app.live import OLIVIA, TARA, Live, engage, submit

PATIENCE_S = 20.0
HANDLE = instrument().handle
LIMIT = 1_000
LONG = f"accounts/main/positions/{BTC}/max_long_lots"


class Floor:
    """A gateway, its link, and a hot gate; everything runs while ``until`` waits."""

    def __init__(self, folder: Path, backend: str) -> None:
        self.folder, self.backend = folder, hot.load(backend)
        self.live = Live(folder)
        self.live.open_up()
        lower = PositionLimits(account="main", instrument=BTC, max_long_lots=LIMIT, max_short_lots=LIMIT)
        self.live.gateway.take(SetLimits(request_id="lower", actor=OLIVIA, limits=lower, revision=1))
        control = ControlSettings(lease_ms=250, auto_rearm_ms=60_000)
        gate = HotGateSettings(name="edge", first_percent=40, most_percent=60)
        self.settings = Settings(state=str(folder), control=control, hot_gates=(gate,))
        private_folder(folder / "control")
        self.ring = KeyRing(control.key_folder(folder))
        self.ring.client()
        self.gates: HotGates
        self.store = MemoryStore()
        self.hot: HotGate | None = None

    def start(self) -> None:
        self.gates = HotGates(self.live.gateway, self.settings)
        self.tending = asyncio.create_task(self.gates.tend())

    def start_hot(self) -> HotGate:
        self.hot = HotGate(self.backend, self.ring, (self.gates.link.commands, self.gates.link.state), self.store)
        return self.hot

    async def until(self, condition: Callable[[], bool]) -> None:
        begin = time.monotonic()
        while not condition():
            assert not self.live.failures, self.live.failures
            assert time.monotonic() - begin < PATIENCE_S, f"it did not happen in time: {self.status()}"
            self.live.journal.commit()
            await asyncio.sleep(0.001)

    def status(self) -> HotGateStatus:
        return self.live.gateway.gate_status().hot_gates[0]

    async def armed(self) -> HotGate:
        gate = self.start_hot()
        await self.until(lambda: self.status().standing == "ARMED" and gate.link.lease_until_ns > 0)
        assert gate.refused == []
        return gate

    async def order(self, gate: HotGate, lots: int) -> tuple[Check | None, int]:
        """A lease is short: on a busy machine it may have run out just now; the next one lets the order pass."""
        begin = time.monotonic()
        while (answer := gate.order(HANDLE, lots, MARK_TICKS))[0] is Check.LEASE_EXPIRED:
            assert time.monotonic() - begin < PATIENCE_S, f"no lease: {self.status()}"
            await asyncio.sleep(0.01)
        return answer

    async def close(self) -> None:
        if self.hot is not None:
            self.hot.close()
        self.tending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.tending
        self.gates.close()


@pytest.fixture(params=["python", "cython"])
async def floor(request: pytest.FixtureRequest) -> AsyncIterator[Floor]:
    with tempfile.TemporaryDirectory() as name:
        floor = Floor(Path(name), request.param)
        floor.start()
        try:
            yield floor
        finally:
            await floor.close()


async def test_a_hot_gate_trades_within_its_slices_and_the_books_have_it_all(floor: Floor) -> None:
    gate = await floor.armed()
    reason, order = await floor.order(gate, 100)
    assert reason is None
    gate.fill(order, HANDLE, 60, MARK_TICKS, left=40)
    state = floor.live.gateway.state
    await floor.until(lambda: state.position("main", BTC) is not None and state.tables.leases.kept.get("edge") == 3)
    position = state.position("main", BTC)
    assert position is not None
    assert position.lots == 60
    (booked,) = [each for each in state.orders() if each.gate == "edge"]
    assert (booked.strategy, booked.quantity_lots, booked.cumulative_lots) == ("manual", 100, 60)
    await floor.until(lambda: gate.link.health().kept == 3)  # Acknowledged when it was durable
    assert floor.status().drops_kept == 2
    assert floor.status().slices["firm/max_open_orders"] > 0


async def test_the_kill_switch_reaches_the_hot_gate_before_the_journal_is_durable(floor: Floor) -> None:
    gate = await floor.armed()
    floor.live.gateway.take(engage("k1"))  # And nothing is committed
    begin = time.monotonic()
    while gate.order(HANDLE, 1, MARK_TICKS)[0] is not Check.KILL_SWITCH:
        assert time.monotonic() - begin < PATIENCE_S
        await asyncio.sleep(0.001)


async def test_nothing_but_the_kill_switch_is_told_before_it_is_durable(floor: Floor) -> None:
    gate = await floor.armed()
    floor.live.journal.commit()

    def rows() -> list[int]:
        return [record.max_long_lots for record in gate.told if isinstance(record, PositionLimitsRecord)]

    before = rows()
    lower = PositionLimits(account="main", instrument=BTC, max_long_lots=100, max_short_lots=100)
    floor.live.gateway.take(SetLimits(request_id="lower-2", actor=OLIVIA, limits=lower, revision=2))
    floor.gates._stale = True
    await asyncio.sleep(0.4)  # It looks every tenth of a second
    assert rows() == before
    await floor.until(lambda: rows()[len(before) :] == [40])


async def test_own_gate_and_hot_gate_together_never_exceed_a_limit(floor: Floor) -> None:
    gate = await floor.armed()
    state = floor.live.gateway.state
    granted = state.leases.claimed(LONG)
    assert granted == 400
    assert (await floor.order(gate, granted + 1))[0] is Check.POSITION_LIMIT
    assert (await floor.order(gate, granted))[0] is None
    floor.live.gateway.take(submit("o1", quantity_lots=LIMIT - granted + 1))
    floor.live.gateway.take(submit("o2", quantity_lots=LIMIT - granted))
    assert [order.refusal for order in state.orders() if not order.gate] == ["POSITION_LIMIT", ""]
    await floor.until(lambda: state.tables.leases.kept.get("edge") == 2)
    await asyncio.sleep(0.3)  # It asks for more, and there is nothing
    assert floor.status().slices[LONG] == 400


async def test_a_nearly_used_slice_grows(floor: Floor) -> None:
    gate = await floor.armed()
    first = floor.status().slices[LONG]
    reason, _ = await floor.order(gate, first * 9 // 10)
    assert reason is None
    await floor.until(lambda: floor.status().slices[LONG] > first)
    await floor.until(lambda: gate.order(HANDLE, first * 2 // 10, MARK_TICKS)[0] is None)


async def test_a_silent_gate_is_dead_in_the_journal_and_comes_back(floor: Floor) -> None:
    gate = await floor.armed()
    gate.paused.set()
    await floor.until(lambda: floor.status().standing == "DEAD")
    book = floor.live.gateway.state.tables.leases.gates["edge"]
    await floor.until(lambda: not book.alive)
    reason, _ = gate.order(HANDLE, 1, MARK_TICKS)
    assert reason is Check.LEASE_EXPIRED
    gate.paused.clear()
    await floor.until(lambda: floor.status().standing == "ARMED")
    assert book.alive
    await floor.until(lambda: gate.order(HANDLE, 1, MARK_TICKS)[0] is None)


async def test_a_person_disarms_and_arms(floor: Floor) -> None:
    gate = await floor.armed()
    take = floor.live.gateway.take
    take(ArmGate(request_id="a1", actor=OLIVIA, gate="edge", armed=False, reason="maintenance"))
    await floor.until(lambda: gate.order(HANDLE, 1, MARK_TICKS)[0] is Check.LEASE_EXPIRED)
    await asyncio.sleep(0.3)
    assert floor.status().standing == "READY"
    take(ArmGate(request_id="a2", actor=OLIVIA, gate="edge", armed=True, reason="done"))
    await floor.until(lambda: gate.order(HANDLE, 1, MARK_TICKS)[0] is None)


async def test_a_new_life_without_a_journal_gets_its_positions_and_orders(floor: Floor) -> None:
    gate = await floor.armed()
    _, order = await floor.order(gate, 100)
    gate.fill(order, HANDLE, 60, MARK_TICKS, left=40)
    before = gate.gate.export_state()["positions"]
    await floor.until(lambda: gate.link.health().kept == 3)
    gate.close()
    gate = await floor.armed()
    after = gate.gate.export_state()["positions"]
    assert [row[5:] for row in after] == [row[5:] for row in before] == [[60, 40, 0]]
    assert floor.live.gateway.state.leases.revoking() == []


async def test_a_gateway_that_starts_again_knows_what_is_out(floor: Floor) -> None:
    gate = await floor.armed()
    _, order = await floor.order(gate, 100)
    await floor.until(lambda: gate.link.health().kept == 2)
    floor.live.journal.commit()
    slices = dict(floor.status().slices)
    engine = floor.live.gateway._engine
    digest = snapshot.digest(engine)
    await _end_link(floor)
    gate.fill(order, HANDLE, 10, MARK_TICKS, left=90)  # While nobody listens
    floor.live.gateway._watchers.clear()
    floor.start()
    await floor.until(lambda: floor.status().standing == "ARMED")
    await floor.until(lambda: gate.link.health().kept == 3)
    assert floor.status().slices == slices
    position = floor.live.gateway.state.position("main", BTC)
    assert position is not None
    assert position.lots == 10
    assert digest != snapshot.digest(engine)


async def _end_link(floor: Floor) -> None:
    floor.tending.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await floor.tending
    floor.gates.close()


async def test_a_hot_order_cannot_be_cancelled_from_here_and_says_so(floor: Floor) -> None:
    gate = await floor.armed()
    await floor.order(gate, 100)
    state = floor.live.gateway.state
    await floor.until(lambda: any(order.gate for order in state.orders()))
    floor.live.gateway.take(engage("k1"))
    await floor.until(lambda: any("works at gate edge" in line.payload.decode() for line in floor.live.journal.entries))
    assert floor.live.venue.told == []


async def test_the_kill_word_of_a_gate_on_this_machine_is_engaged_first_and_let_go_by_two(floor: Floor) -> None:
    path = floor.folder / "edge.kill"
    word = KillWord.create(path)
    if word.is_engaged():
        assert word.release(int(word.status()["epoch"]))
    floor.gates._words = KillWords([str(path), str(floor.folder / "missing.kill")])
    take = floor.live.gateway.take
    take(engage("k1"))
    assert word.is_engaged()
    take(ProposeKillSwitchRelease(request_id="p1", actor=OLIVIA, reason="it is over"))
    take(ApproveProposal(request_id="p2", actor=TARA, proposal_id=1))
    assert word.is_engaged()  # Not durable yet
    await floor.until(lambda: not word.is_engaged())
    word.detach()


async def test_drop_copies_that_make_no_sense_are_kept_as_ignored_and_stop_nothing(floor: Floor) -> None:
    gate = await floor.armed()
    for kind, fields in (
        (99, {"order_id": 1}),
        (DropKind.EXECUTED, {"order_id": 2, "instrument_id": 9, "last_lots": 5}),
        (DropKind.EXECUTED, {"order_id": 3, "instrument_id": HANDLE, "account_id": 3, "side": 7}),
        (DropKind.SENT, {"order_id": 4, "instrument_id": HANDLE, "side": 1, "quantity_lots": -5}),
        (DropKind.REFUSED, {"order_id": 5, "reason": 9}),
    ):
        gate._drop(kind, **fields)
    await floor.until(lambda: gate.link.health().kept == 6)
    assert not list(floor.live.gateway.state.orders())
    assert (await floor.order(gate, 1))[0] is None


def test_settings_that_make_no_sense(tmp_path: Path) -> None:
    edge = HotGateSettings(name="edge")
    for gates, text in (
        ((edge, edge), "same name"),
        ((edge, HotGateSettings(name="other")), "same key"),
        ((HotGateSettings(name="a", first_percent=60, most_percent=50),), "most_percent"),
        (tuple(HotGateSettings(name=n, key=n, first_percent=40) for n in "abc"), "more than 100"),
    ):
        with pytest.raises(ValueError, match=text):
            Settings(hot_gates=gates)


async def test_a_gate_whose_key_is_not_there_is_the_operators_fault(tmp_path: Path) -> None:
    live = Live(tmp_path)
    settings = Settings(state=str(tmp_path), hot_gates=(HotGateSettings(name="edge", key="edge"),))
    with pytest.raises(FieldError, match=r"edge\.public"):
        HotGates(live.gateway, settings)
