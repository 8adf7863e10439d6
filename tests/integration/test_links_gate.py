"""The gate's process and its client over real sockets: who gets in, what is noticed, and how fast."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import zmq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meltica.domain.errors import GateUnreachableError, InvariantError
from meltica.hot import PASS, Action, Check, OrderIntent, Side, load
from meltica.hot.layout_gen import KillScope
from meltica.links.endpoint import EndpointError, check
from meltica.links.frames import GateShape, Kind, pack
from meltica.links.gate_process import GateProcess, GateProcessError
from meltica.links.keys import KeyRing
from meltica.links.remote_gate import RemoteGate
from tests.unit.links.test_gate_desk import T, halted, open_gate

SHAPE = GateShape(max_instruments=4, max_accounts=2)
PATIENT_MS = 20_000  # Where a test is not about time, a busy machine must not make it so
LEASE_MS = 1_000
DEADLINE_MS = 500
SLACK_S = 3.0  # The machine may be busy; a hang would be far longer


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:  # Not tmp_path: its name may be too long for a UNIX socket
        yield Path(name)


@pytest.fixture
def process(folder: Path) -> Iterator[GateProcess]:
    with started(folder) as process:
        yield process


@pytest.fixture
def gate(folder: Path, process: GateProcess) -> Iterator[RemoteGate]:
    with connected(folder, process) as gate:
        yield gate


@pytest.fixture
def strict_process(folder: Path) -> Iterator[GateProcess]:
    """With a lease short enough to wait for."""
    with started(folder, lease_ms=LEASE_MS) as process:
        yield process


@pytest.fixture
def strict_gate(folder: Path, strict_process: GateProcess) -> Iterator[RemoteGate]:
    with connected(folder, strict_process, deadline_ms=DEADLINE_MS) as gate:
        yield gate


def started(folder: Path, *, lease_ms: int = PATIENT_MS) -> GateProcess:
    return GateProcess(f"ipc://{folder}/run/gate.sock", folder / "keys", SHAPE, lease_ms=lease_ms)


def client(folder: Path, process: GateProcess, keys: str = "keys", *, deadline_ms: int = PATIENT_MS) -> RemoteGate:
    ring = KeyRing(folder / keys)
    return RemoteGate(process.endpoint, ring, SHAPE, deadline_ms=deadline_ms, connect_within_ms=PATIENT_MS)


def connected(folder: Path, process: GateProcess, *, deadline_ms: int = PATIENT_MS) -> RemoteGate:
    gate = client(folder, process, deadline_ms=deadline_ms)
    gate.reconnect(open_gate().export_state())
    return gate


_ids = iter(range(1, 10**9))


def order(**fields: int) -> OrderIntent:
    usual = {"action": 1, "side": 1, "instrument_id": 0, "account_id": 0, "quantity_lots": 1, "price_ticks": 100}
    return OrderIntent(**(usual | {"order_id": next(_ids), "time_ns": T} | fields))


def within(seconds: float, condition: Callable[[], bool]) -> float:
    """How long it took."""
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds, "it did not happen in time"
        time.sleep(0.005)
    return time.monotonic() - begin


def refused(gate: RemoteGate, match: str) -> float:
    begin = time.monotonic()
    with pytest.raises(GateUnreachableError, match=match):
        gate.check(order())
    return time.monotonic() - begin


# What works


def test_orders_fills_and_limits_reach_the_gate_in_order(gate: RemoteGate) -> None:
    assert gate.check(order(quantity_lots=10)) == PASS
    assert gate.reserved_price_ticks == 100
    gate.fill(0, 0, Side.BUY, 4, 100, closes=False)
    gate.release(0, 0, Side.BUY, 6, 100, closes=True)
    gate.tell(halted())
    assert gate.check(order()) == Check.HALTED
    assert gate.fired_mask == 1 << Check.HALTED
    assert gate.gate_state() == gate.export_state()
    assert gate.gate_state()["positions"] == [[0, 0, 1_000, 1_000, 0, 4, 0, 0]]
    assert gate.alive()


def test_a_bad_call_raises_at_once_and_nothing_is_sent(gate: RemoteGate) -> None:
    for call in (
        lambda: gate.fill(9, 0, Side.BUY, 1, 1, closes=False),
        lambda: gate.fill(0, 0, Side.BUY, 2**60 + 1, 1, closes=False),
        lambda: gate.set_reference(0, -1, T),
        lambda: gate.set_quote(0, 1, -1, 0, 0, T),
        lambda: gate.set_profit(9, 0, T),
        lambda: gate.tell(halted(instrument_id=4)),
        lambda: gate.adjust_position(0, 0, 2**62),
        lambda: gate.import_state({"version": 77}),
    ):
        with pytest.raises((ValueError, OverflowError)):
            call()
    gate.verify()
    assert gate.alive()


def test_more_notices_than_fit_on_the_way_are_all_applied(gate: RemoteGate) -> None:
    """Many times the bound on unanswered messages, with nobody asking in between."""
    for n in range(40_000):
        gate.set_reference(n % 4, 1 + n % 900, T)
        gate.set_quote(n % 4, 1 + n % 900, n % 7, 2 + n % 900, n % 5, T)
        gate.set_profit(0, n % 300 - 150, T)
    for _ in range(1_000):
        gate.kill()
        gate.unkill()
    gate.verify()
    assert gate.gate_counters()["link"]["gaps"] == 0


def test_over_tcp(folder: Path) -> None:
    with (
        GateProcess("tcp://127.0.0.1:*", folder / "keys", SHAPE) as process,
        connected(folder, process) as gate,
    ):
        assert re.fullmatch(r"tcp://127\.0\.0\.1:\d+", process.endpoint)
        assert gate.check(order()) == PASS


def test_a_large_batch_is_cut_and_put_together_again(gate: RemoteGate) -> None:
    records = [order(price_ticks=100 + n % 2 * 500) for n in range(2_500)]
    twin = open_gate()
    data = b"".join(record.to_bytes() for record in records)
    for ours, theirs in zip(gate.check_batch(data), twin.check_batch(data), strict=True):
        assert ours.tolist() == theirs.tolist()
    gate.verify()


@pytest.mark.parametrize("backend", ["python", "cython"])
def test_intents_of_any_backend(gate: RemoteGate, backend: str) -> None:
    assert gate.check(load(backend).OrderIntent.from_bytes(order().to_bytes())) == PASS


# Before and between connections


def test_nothing_passes_before_the_gate_is_connected(folder: Path, process: GateProcess) -> None:
    gate = client(folder, process)
    assert refused(gate, "not connected yet") < SLACK_S
    assert not gate.alive()
    gate.close()


def test_recovery_fills_the_books_and_then_the_gate_has_them(folder: Path, process: GateProcess) -> None:
    with client(folder, process) as gate:
        gate.import_state(open_gate().export_state())
        with gate.recovering():
            assert gate.check(order(quantity_lots=7)) == PASS
            assert gate.check(order(quantity_lots=0)) == Check.FIELD_SANITY
        gate.fill(0, 0, Side.BUY, 2, 100, closes=False)
        refused(gate, "not connected")
        gate.reconnect()
        assert gate.gate_state() == gate.export_state()
        assert gate.gate_state()["positions"][0][5:] == [2, 5, 0]
        with pytest.raises(InvariantError), gate.recovering():
            pass


def test_fills_of_a_lost_gate_are_in_the_books_and_come_with_reconnect(
    folder: Path, strict_gate: RemoteGate, strict_process: GateProcess
) -> None:
    assert strict_gate.check(order(quantity_lots=10)) == PASS
    os.kill(strict_process.pid, signal.SIGKILL)
    refused(strict_gate, "lost|deadline")
    strict_gate.fill(0, 0, Side.BUY, 10, 100, closes=True)
    strict_gate.kill(KillScope.ACCOUNT, 0)
    assert strict_gate.check(order(action=Action.CANCEL)) == PASS
    refused(strict_gate, "lost|deadline")
    strict_process.stop()
    with started(folder) as second:
        assert second.endpoint == strict_process.endpoint
        strict_gate.reconnect()
        assert strict_gate.gate_state()["positions"][0][5:] == [10, 0, 0]
        assert strict_gate.check(order()) == Check.KILL_SWITCH
        strict_gate.unkill(KillScope.ACCOUNT, 0)
        assert strict_gate.check(order()) == PASS
        strict_gate.close()


# Faults of the process


def test_killed_in_the_middle_of_a_stream(strict_gate: RemoteGate, strict_process: GateProcess) -> None:
    for _ in range(50):
        strict_gate.check(order())
    os.kill(strict_process.pid, signal.SIGKILL)
    assert refused(strict_gate, "lost|deadline") < DEADLINE_MS / 1e3 + SLACK_S
    assert refused(strict_gate, "lost|deadline") < 0.1, "a lost gate is not asked again"
    assert not strict_gate.alive()
    assert strict_gate.why()


def test_killed_while_nobody_asks(strict_gate: RemoteGate, strict_process: GateProcess) -> None:
    assert strict_gate.alive()
    os.kill(strict_process.pid, signal.SIGKILL)
    within(LEASE_MS / 1e3 + SLACK_S, lambda: not strict_gate.alive())
    assert "lost" in strict_gate.why()


def test_stopped_and_continued(folder: Path, strict_gate: RemoteGate, strict_process: GateProcess) -> None:
    assert strict_gate.check(order()) == PASS
    state = strict_gate.export_state()
    os.kill(strict_process.pid, signal.SIGSTOP)
    try:
        assert DEADLINE_MS / 1e3 * 0.9 < refused(strict_gate, "before the deadline") < DEADLINE_MS / 1e3 + SLACK_S
        assert strict_gate.export_state() == state, "an order without a verdict left a trace"
    finally:
        os.kill(strict_process.pid, signal.SIGCONT)
    refused(strict_gate, "before the deadline")
    strict_gate.reconnect()
    assert strict_gate.gate_state() == state, "the order that waited in the stopped process was not undone"
    assert strict_gate.check(order()) == PASS


def test_stopped_while_nobody_asks(strict_gate: RemoteGate, strict_process: GateProcess) -> None:
    os.kill(strict_process.pid, signal.SIGSTOP)
    try:
        within(2 * LEASE_MS / 1e3 + SLACK_S, lambda: not strict_gate.alive())
        assert "no heartbeat" in strict_gate.why()
    finally:
        os.kill(strict_process.pid, signal.SIGCONT)


def test_started_anew_behind_our_back(folder: Path, strict_gate: RemoteGate, strict_process: GateProcess) -> None:
    os.kill(strict_process.pid, signal.SIGKILL)
    strict_process.stop()
    with started(folder):
        time.sleep(0.3)  # libzmq connects again by itself
        refused(strict_gate, "lost|anew|NO_SESSION")
        strict_gate.reconnect()
        assert strict_gate.check(order()) == PASS
        strict_gate.close()


def test_a_gate_that_lost_something_is_found_out(gate: RemoteGate) -> None:
    gate.books.kill()  # Past the link, as if a message had been lost on the way
    with pytest.raises(GateUnreachableError, match="is not that of the books"):
        gate.verify()
    refused(gate, "is not that of the books")


def test_a_gate_that_lets_out_what_the_books_refuse_stops_everything(gate: RemoteGate) -> None:
    gate.books.kill()
    with pytest.raises(InvariantError, match="the gate and the books disagree"):
        gate.check(order())
    refused(gate, "disagree")


# Faults of the client


def test_a_silent_client_trips_the_gate_until_it_arms_it(folder: Path, strict_process: GateProcess) -> None:
    code = f"""
import sys, time
from pathlib import Path
from tests.integration.test_links_gate import connected, order
from types import SimpleNamespace
gate = connected(Path({str(folder)!r}), SimpleNamespace(endpoint={strict_process.endpoint!r}))
print("first", gate.check(order()), flush=True)
sys.stdin.readline()
second = gate.check(order())
time.sleep(0.3)
print("second", second, gate.alive(), gate.gate_counters()["link"]["trips"], flush=True)
print("cancel", gate.check(order(action=3)), gate.check(order()), flush=True)
gate.rearm()
print("third", gate.check(order()), gate.alive(), flush=True)
gate.verify()
gate.close()
"""
    pipe = subprocess.PIPE
    child = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code], stdin=pipe, stdout=pipe, text=True, cwd=_root()
    )
    assert child.stdin is not None
    assert child.stdout is not None
    with child:
        assert child.stdout.readline() == "first -1\n"
        os.kill(child.pid, signal.SIGSTOP)
        time.sleep(2.5 * LEASE_MS / 1e3)
        os.kill(child.pid, signal.SIGCONT)
        child.stdin.write("go\n")
        child.stdin.flush()
        assert child.stdout.readline() == f"second {Check.KILL_SWITCH:d} False 1\n"
        assert child.stdout.readline() == f"cancel -1 {Check.KILL_SWITCH:d}\n"
        assert child.stdout.readline() == "third -1 True\n"
    assert child.returncode == 0


def test_a_heartbeat_keeps_an_idle_client_armed(strict_gate: RemoteGate) -> None:
    time.sleep(2.5 * LEASE_MS / 1e3)
    assert strict_gate.alive()
    assert strict_gate.check(order()) == PASS
    assert strict_gate.gate_counters()["link"]["trips"] == 0


def test_a_lost_message_is_a_gap(gate: RemoteGate) -> None:
    assert gate._link is not None
    gate._link._sent += 1
    refused(gate, "GAP: message")
    gate.reconnect()
    assert gate.check(order()) == PASS


def test_a_second_client_is_refused_and_does_not_disturb_the_first(
    folder: Path, gate: RemoteGate, process: GateProcess
) -> None:
    with client(folder, process) as second:
        with pytest.raises(GateUnreachableError, match="another client is in control"):
            second.reconnect()
        assert gate.check(order()) == PASS
        gate.close()
        second.reconnect(open_gate().export_state())
        assert second.check(order()) == PASS


# Who gets in


def test_a_key_that_is_not_allowed_is_refused_and_told_what_to_do(folder: Path, process: GateProcess) -> None:
    ring = KeyRing(folder / "other")
    (ring.folder / "gate.public").write_bytes((folder / "keys" / "gate.public").read_bytes())
    with client(folder, process, keys="other") as gate:
        with pytest.raises(GateUnreachableError, match=re.escape(ring.client().public.decode())):
            gate.reconnect()
        allowed = folder / "keys" / "allowed" / "other.public"
        allowed.write_bytes(ring.client().public)
        gate.reconnect(open_gate().export_state())  # Without a restart of the gate
        assert gate.check(order()) == PASS
        allowed.unlink()
        with pytest.raises(GateUnreachableError, match="refused our key"):
            gate.reconnect()


def test_a_gate_with_another_key_is_not_believed(folder: Path, process: GateProcess) -> None:
    ring = KeyRing(folder / "other")  # Its gate.public is of another gate
    (folder / "keys" / "allowed" / "other.public").write_bytes(ring.client().public)
    gate = client(folder, process, keys="other")
    with gate, pytest.raises(GateUnreachableError, match="no CURVE handshake"):
        gate.reconnect()


@pytest.mark.parametrize("mechanism", ["null", "plain"])
def test_without_curve_nothing_gets_in(folder: Path, process: GateProcess, gate: RemoteGate, mechanism: str) -> None:
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        if mechanism == "plain":
            socket.plain_username, socket.plain_password = b"meltica", b"meltica"
        socket.connect(process.endpoint)
        with suppress(zmq.Again):  # libzmq may already have given the connection up
            socket.send(pack(Kind.HELLO, b"{}"), zmq.DONTWAIT)
        assert not socket.poll(300)
    assert gate.gate_counters()["link"]["malformed"] == 0, "it reached the gate"
    assert gate.check(order()) == PASS


def test_nobody_listens(folder: Path) -> None:
    KeyRing(folder / "keys").gate()
    with RemoteGate(f"ipc://{folder}/nothing.sock", KeyRing(folder / "keys"), SHAPE) as gate:
        begin = time.monotonic()
        with pytest.raises(GateUnreachableError, match="nobody listens"):
            gate.reconnect()
        assert time.monotonic() - begin < SLACK_S


def test_tables_of_another_size(folder: Path, process: GateProcess) -> None:
    gate = RemoteGate(process.endpoint, KeyRing(folder / "keys"), GateShape())
    with gate, pytest.raises(GateUnreachableError, match="start both with the same sizes"):
        gate.reconnect()


# Garbage


@settings(max_examples=60, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    frames=st.lists(st.binary(max_size=300), min_size=1, max_size=4),
    message=st.builds(pack, st.integers(0, 255), st.binary(max_size=200)),
)
def test_garbage_of_an_allowed_key_is_answered(
    folder: Path, process: GateProcess, gate: RemoteGate, frames: list[bytes], message: bytes
) -> None:
    ring = KeyRing(folder / "keys")
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        socket.curve_publickey, socket.curve_secretkey = ring.client()
        socket.curve_serverkey = ring.gate_public()
        socket.connect(process.endpoint)
        socket.send_multipart(frames)
        socket.send(message)
        for _ in range(2):
            assert socket.poll(5_000)
            assert socket.recv()[3] == Kind.FAULT
    assert process.running()
    assert gate.check(order()) != Check.KILL_SWITCH
    assert gate.alive()


# The process


def test_it_says_that_it_is_ready_and_ends_cleanly(folder: Path) -> None:
    process = started(folder)
    assert re.fullmatch(
        rf"gate ready endpoint=ipc://\S+ pid={process.pid} backend=\w+ lease_ms={PATIENT_MS}", process.ready_line
    )
    assert process.stop() == 0
    assert process.stop() == 0


def test_two_gates_do_not_share_an_endpoint(folder: Path, process: GateProcess, gate: RemoteGate) -> None:
    with pytest.raises(GateProcessError, match="ended before it was ready"):
        started(folder)
    assert gate.check(order()) == PASS


def test_it_ends_with_the_process_that_started_it(folder: Path) -> None:
    code = (
        "import os, signal; from pathlib import Path; from tests.integration.test_links_gate import started;"
        f"print(started(Path({str(folder)!r})).pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    parent = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=_root(), check=False)
    orphan = int(parent.stdout)
    within(5, lambda: not Path(f"/proc/{orphan}/cmdline").exists() or not Path(f"/proc/{orphan}/cmdline").read_bytes())


def test_an_open_folder_is_refused(folder: Path) -> None:
    (folder / "run").mkdir(mode=0o755)
    with pytest.raises(GateProcessError):
        started(folder)
    assert list((folder / "run").iterdir()) == []


@pytest.mark.parametrize("text", ["", "udp://x", "ipc://relative", "ipc:///" + "x" * 108, "inproc://x"])
def test_endpoints_that_cannot_be(text: str) -> None:
    with pytest.raises(EndpointError):
        check(text)


def _root() -> Path:
    return Path(__file__).parents[2]
