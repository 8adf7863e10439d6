"""The Verilated card as a process, behind its driver and as a gateway's gate."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from meltica.domain.errors import GateUnreachableError
from meltica.hot import PASS, Action, Check, OrderIntent, OrderType, Side
from meltica.hot import layout_gen as lay
from meltica.hot.card import Card
from meltica.hot.card_bus import CardError, SharedBus
from meltica.hot.layout_gen import KillScope, Mark, Record, TimeInForce
from meltica.links.card_gate import CardGate
from sim.device.top import LIVE
from sim.verilated import build

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # The model is built first: two minutes of a core

UNIT_NANOS = 100_000
REFERENCE = 1_000_000
NOW_NS = 1_700_000_000 * 10**9
INSTRUMENTS, ACCOUNT, STRATEGY, PORT = (3, 17), 2, 5, 1
PATIENCE_S = 60.0
PLENTY = {"messages_per_second": 2**31, "message_burst": 2**20}


def record(kind: type[Record], **values: int) -> Record:
    """All fields that are not named are 0."""
    return kind(**(dict.fromkeys((name for name in kind.__slots__ if name != "type_id"), 0) | values))


def rows() -> Iterator[Record]:
    """Limits that some orders of ``draw`` pass and others do not."""
    yield record(lay.FirmLimitsRecord, max_open_orders=400, max_open_value_nanos=2**60, **PLENTY)
    yield record(
        lay.AccountLimitsRecord, account_id=ACCOUNT, enabled=1, max_open_orders=300, max_consecutive_rejects=9,
        max_open_value_nanos=2**60, max_daily_loss_nanos=2**60, max_drawdown_nanos=2**60, duplicate_window_ns=50,
        self_match=1, **PLENTY,
    )  # fmt: skip
    yield record(
        lay.StrategyLimitsRecord, strategy_id=STRATEGY, enabled=1, max_open_value_nanos=2**58, max_executions=2**40,
        **PLENTY,
    )  # fmt: skip
    yield record(lay.PortLimitsRecord, port_id=PORT, enabled=1, **PLENTY)
    yield lay.MarkRecord(Mark.CONNECTED, 1, PORT, NOW_NS)
    for number in INSTRUMENTS:
        yield record(
            lay.InstrumentLimitsRecord, instrument_id=number, enabled=1, short_sale=1, collar_bps=500,
            value_per_tick_lot_nanos=UNIT_NANOS, max_price_ticks=2**31 - 1, max_quantity_lots=900,
            max_value_nanos=2**56, reference_max_age_ns=2**62, session_close_ns=2**64 - 1, max_day_lots=2**40, **PLENTY,
        )  # fmt: skip
        yield lay.PositionLimitsRecord(ACCOUNT, number, 20_000, 20_000, 0)
        yield lay.ReferencePriceRecord(number, REFERENCE, NOW_NS)


def order(order_id: int, **changes: int) -> OrderIntent:
    usual = {
        "action": Action.NEW, "side": Side.BUY, "flags": 0, "port_id": PORT, "order_type": OrderType.LIMIT,
        "tif": TimeInForce.IOC, "instrument_id": INSTRUMENTS[0], "account_id": ACCOUNT, "strategy_id": STRATEGY,
        "order_id": order_id, "price_ticks": REFERENCE, "quantity_lots": 100, "time_ns": NOW_NS + order_id,
    }  # fmt: skip
    return OrderIntent(**(usual | changes))


def draw(rng: random.Random, order_id: int) -> OrderIntent:
    return order(
        order_id,
        side=rng.choice([Side.BUY, Side.SELL]),
        tif=rng.choice([TimeInForce.DAY, TimeInForce.IOC]),
        instrument_id=rng.choice(INSTRUMENTS),
        quantity_lots=rng.choice([1, 10, 900, 901, 2**20]),
        price_ticks=REFERENCE + rng.choice([0, -1, 1, 40_000, 60_000, 2**31]),
        time_ns=NOW_NS + rng.choice([order_id, 10 * order_id]),
    )


class Device:
    def __init__(self, folder: Path) -> None:
        build("meltica_top", parameters=LIVE)
        self.folder = folder
        self.process = subprocess.Popen([sys.executable, "-m", "sim.device", "serve", str(folder)])

    def bus(self) -> SharedBus:
        return SharedBus(self.folder, patience_s=PATIENCE_S)

    def gate(self, **changes: int) -> CardGate:
        gate = CardGate(self.bus, unit_nanos=UNIT_NANOS, **({"watchdog_us": 2**31} | changes))  # type: ignore[arg-type]
        gate.reconnect()
        return gate

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()


@pytest.fixture(scope="module")
def device() -> Iterator[Device]:
    folder = Path(tempfile.mkdtemp(prefix="meltica-card-", dir="/dev/shm"))
    device = Device(folder)
    yield device
    device.close()
    shutil.rmtree(folder)


@pytest.fixture
def gate(device: Device) -> Iterator[CardGate]:
    gate = device.gate()
    for row in rows():
        gate.tell(row)
    assert gate.alive(), gate.why()
    yield gate
    gate.close()


def until(there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not there():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_card_and_books_agree_on_a_day_in_small(gate: CardGate) -> None:
    """CardGate raises when they do not; here also what the card counted is what the books counted."""
    seed = random.SystemRandom().randrange(2**32)
    sys.stdout.write(f"seed {seed}\n")
    rng = random.Random(seed)
    passed: list[OrderIntent] = []
    reasons = set()
    for number in range(1, 400):
        intent = draw(rng, number)
        reason = gate.check(intent)
        reasons.add(reason)
        if reason == PASS:
            passed.append(intent)
        if passed and rng.random() < 0.4:
            settle(gate, rng, passed.pop(rng.randrange(len(passed))))
        if rng.random() < 0.05:
            gate.set_reference(rng.choice(INSTRUMENTS), REFERENCE + rng.randrange(-500, 500), NOW_NS)
    assert {PASS, Check.FIELD_SANITY, Check.MAX_QUANTITY, Check.PRICE_COLLAR} <= reasons
    counters = gate.counters()
    until(lambda: gate.card.passed()["NEW"] == counters["passed"][Action.NEW])
    assert gate.card.rejected() == {Check(n).name: count for n, count in enumerate(counters["rejected"]) if count}
    assert gate.card.fired() == {Check(n).name: count for n, count in enumerate(counters["fired"]) if count}
    assert gate.card.latency(3).least == gate.card.latency(3).most > 0, "every order takes as long as any other"


def settle(gate: CardGate, rng: random.Random, intent: OrderIntent) -> None:
    lots = rng.randint(1, intent.quantity_lots)
    keys = (intent.account_id, intent.instrument_id, intent.side)
    facts = {"order_id": intent.order_id, "strategy_id": intent.strategy_id}
    (gate.fill if rng.random() < 0.5 else gate.release)(*keys, lots, intent.price_ticks, closes=False, **facts)
    if rest := intent.quantity_lots - lots:
        gate.release(*keys, rest, intent.price_ticks, closes=True, **facts)


def test_what_the_card_does_not_take_is_a_value_error_and_changes_nothing(gate: CardGate) -> None:
    before = gate.state_digest()
    with pytest.raises(ValueError, match="value_per_tick_lot_nanos"):
        gate.tell(record(lay.InstrumentLimitsRecord, instrument_id=3, value_per_tick_lot_nanos=7))
    with pytest.raises(ValueError, match="BAD_ARGUMENT"):
        gate.card.commit(record(lay.InstrumentLimitsRecord, instrument_id=3, value_per_tick_lot_nanos=7))
    with pytest.raises(ValueError, match="BAD_RECORD"):
        gate.card.commit(lay.HeartbeatRecord(1, 1, 1))
    assert gate.state_digest() == before
    assert gate.check(order(1)) == PASS
    with pytest.raises(CardError, match="the card is armed"):
        gate.card.set_up(unit_nanos=1, leased=False)


def test_the_kill_switch_of_the_engine_and_its_release(gate: CardGate) -> None:
    gate.kill()
    assert gate.check(order(1)) == Check.KILL_SWITCH
    assert gate.check(order(2, action=Action.CANCEL)) == PASS
    assert gate.alive(), "stopped by us is not lost"
    gate.unkill()
    assert gate.check(order(3)) == PASS
    gate.kill(KillScope.INSTRUMENT, INSTRUMENTS[1])
    assert gate.check(order(4, instrument_id=INSTRUMENTS[1])) == Check.KILL_SWITCH
    assert gate.check(order(5, quantity_lots=5)) == PASS


def test_a_card_that_stops_by_itself_is_lost_until_it_is_armed_again(device: Device) -> None:
    gate = device.gate(watchdog_us=200_000)
    for row in rows():
        gate.tell(row)
        assert gate.alive(), gate.why()
    assert gate.check(order(1)) == PASS
    with pytest.raises(GateUnreachableError, match="watchdog"):
        check_for_ever(gate)
    assert not gate.alive()
    assert gate.check(order(10**6 + 1, action=Action.CANCEL)) == PASS
    gate.rearm()
    assert gate.alive()
    gate.close()


def check_for_ever(gate: CardGate) -> None:
    for number in range(2, 10**6):
        gate.check(order(number, quantity_lots=1))


def test_a_card_takes_over_a_state_in_which_nothing_is_open(device: Device) -> None:
    first = device.gate()
    for row in rows():
        first.tell(row)
    assert first.check(order(7, quantity_lots=500)) == PASS
    state = first.export_state()
    first.close()
    second = CardGate(device.bus, unit_nanos=UNIT_NANOS, watchdog_us=2**31)
    second.import_state(state)
    with pytest.raises(GateUnreachableError, match="orders are open"):
        second.reconnect()
    keys = (ACCOUNT, INSTRUMENTS[0], Side.BUY)
    second.fill(*keys, 500, REFERENCE, closes=True, order_id=7, strategy_id=STRATEGY)
    second.reconnect()
    assert second.check(order(7)) == Check.ORDER_ID_NOT_INCREASING, "the books remember what the card can't"
    assert second.differed == 1
    assert second.check(order(8, quantity_lots=901)) == Check.MAX_QUANTITY
    assert second.check(order(9, quantity_lots=9)) == PASS
    second.close()


def test_a_device_that_dies_is_a_gate_that_is_lost(tmp_path: Path) -> None:
    folder = tmp_path / "card"
    device = Device(folder)
    try:
        gate = CardGate(lambda: SharedBus(folder, patience_s=20.0), unit_nanos=UNIT_NANOS, watchdog_us=2**31)
        gate.reconnect()
        assert isinstance(gate.card, Card)
        gate.card.bus._patience_s = 0.5  # type: ignore[attr-defined]
        os.kill(device.process.pid, signal.SIGKILL)
        device.process.wait()
        with pytest.raises(GateUnreachableError):
            gate.check(order(1))
        assert not gate.alive()
        assert gate.check(order(2, action=Action.CANCEL)) == PASS
        gate.close()
    finally:
        device.process.kill()
        device.process.wait()


def test_the_demo_on_a_card(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sim.device.demo", "--seconds", "4", "--state", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    for line in (
        "one lot more is refused: MAX_QUANTITY",
        "the card stopped by itself",
        "the card is armed again",
        "a new order is refused: FAILED_PRECONDITION KILL_SWITCH",
        "the same",
    ):
        assert line in done.stdout, done.stdout
