"""The control link between processes that are stopped, killed and started again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from struct import Struct

import pytest

from meltica.hot.layout_gen import DropCopyRecord
from meltica.links.control_link_messages import DROP_BYTES
from meltica.links.keys import KeyRing
from tests.unit.links.control_world import MS, price

LEASE_MS = 250
PATIENCE_S = 20.0  # The machine may be busy; a hang would be far longer
NANOS = Struct("<q")


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:  # Not tmp_path: its name may be too long for a UNIX socket
        yield Path(name)


def within(condition: Callable[[], bool], seconds: float = PATIENCE_S) -> float:
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds, "it did not happen in time"
        time.sleep(0.002)
    return time.monotonic() - begin


# Two processes


class Processes:
    """A gateway and a hot process, each of which may be stopped, killed and started again."""

    def __init__(self, folder: Path, lease_ms: int = LEASE_MS) -> None:
        self.folder, self.lease_ms = folder, lease_ms
        self.ring = KeyRing(folder / "keys")
        self.key = self.ring.client().public.decode()
        self.ring.control()
        self.children: list[subprocess.Popen[bytes]] = []
        self.gateway, self.hot = self.start_gateway(), self.start_hot()

    def start(self, module: str, *words: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"tests.integration.{module}", str(self.folder), *words]
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.children.append(child)
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        return child

    def start_gateway(self) -> subprocess.Popen[bytes]:
        return self.start("control_side", str(self.ring.folder), str(self.lease_ms), f"a={self.key}")

    def start_hot(self) -> subprocess.Popen[bytes]:
        return self.start("hot_side", "a", str(self.ring.folder))

    def close(self) -> None:
        for child in self.children:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                if pipe is not None:
                    pipe.close()

    def tell(self, *records: bytes) -> None:
        with (self.folder / "tell").open("a") as file:
            file.writelines(record.hex() + "\n" for record in records)

    def told(self) -> bytes:
        path = self.folder / "a.told"
        return path.read_bytes() if path.exists() else b""

    def passes(self) -> list[int]:
        """Monotonic times of the orders that went out."""
        path = self.folder / "a.passed"
        data = path.read_bytes() if path.exists() else b""
        return [at for (at,) in NANOS.iter_unpack(data[: len(data) // 8 * 8])]

    def trading(self) -> bool:
        before = len(self.passes())
        time.sleep(0.02)
        return len(self.passes()) > before

    def let_out(self) -> bytes:
        data = (self.folder / "a.drops").read_bytes()
        return data[: len(data) // DROP_BYTES * DROP_BYTES]

    def kept(self) -> bytes:
        return (self.folder / "a.kept").read_bytes()

    def notices(self) -> str:
        return (self.folder / "notices").read_text()

    def all_kept(self) -> bool:
        """Nothing lost, nothing doubled: the gateway has the gate's own file, byte for byte, or its beginning."""
        kept, out = self.kept(), self.let_out()
        assert kept == out[: len(kept)]
        return len(kept) == len(out)


@pytest.fixture
def processes(folder: Path) -> Iterator[Processes]:
    processes = Processes(folder)
    try:
        within(processes.trading)
        yield processes
    finally:
        processes.close()


def quiet(processes: Processes) -> int:
    """When the last order went out, once none does any more."""
    within(lambda: not processes.trading())
    return processes.passes()[-1]


def test_a_stopped_gateway_trips_the_gate_within_its_lease_and_it_recovers(processes: Processes) -> None:
    os.kill(processes.gateway.pid, signal.SIGSTOP)
    stopped_ns = time.monotonic_ns()
    last_ns = quiet(processes)
    # No tolerance: every lease was given before the stop, and counts from an even earlier moment
    assert last_ns <= stopped_ns + LEASE_MS * MS
    out = len(processes.passes())
    time.sleep(0.3)
    assert len(processes.passes()) == out
    os.kill(processes.gateway.pid, signal.SIGCONT)
    within(processes.trading)
    os.kill(processes.gateway.pid, signal.SIGSTOP)
    quiet(processes)
    os.kill(processes.gateway.pid, signal.SIGCONT)
    within(processes.all_kept)


def test_a_stopped_gate_is_marked_dead_and_comes_back_without_lost_or_doubled_drop_copies(
    processes: Processes,
) -> None:
    os.kill(processes.hot.pid, signal.SIGSTOP)
    within(lambda: "Standing.DEAD" in processes.notices())
    processes.tell(price(3, 333))
    stopped = processes.passes()
    os.kill(processes.hot.pid, signal.SIGCONT)
    within(processes.trading)
    assert processes.passes()[: len(stopped)] == stopped
    assert processes.told().count(price(3, 333)) == 1
    within(lambda: len(processes.kept()) > len(stopped) * DROP_BYTES)
    processes.all_kept()


def test_a_killed_gateway_and_its_successor(processes: Processes) -> None:
    for _ in range(2):
        before = len(processes.passes())
        processes.gateway.kill()
        killed_ns = time.monotonic_ns()
        assert quiet(processes) <= killed_ns + LEASE_MS * MS
        processes.gateway = processes.start_gateway()
        within(processes.trading)
        assert len(processes.passes()) > before
        processes.all_kept()


def test_a_killed_gate_and_its_successor_which_waits_for_the_old_lease(processes: Processes) -> None:
    processes.tell(price(1, 11))
    within(lambda: processes.told().count(price(1, 11)) == 1)
    for _ in range(2):
        processes.hot.kill()
        processes.hot.wait()
        last_ns = processes.passes()[-1]
        processes.hot = processes.start_hot()
        within(lambda last_ns=last_ns: processes.passes()[-1] > last_ns)
        first_ns = next(at for at in processes.passes() if at > last_ns)
        assert first_ns > last_ns
    assert processes.told().count(price(1, 11)) == 3  # Each life gets the state
    processes.gateway.stdin.close()  # The gateway ends; the gate trips, and all that went out is known
    quiet(processes)
    assert processes.gateway.wait(PATIENCE_S) == 0
    processes.gateway = processes.start_gateway()
    within(lambda: len(processes.kept()) > 0 and processes.trading())
    sequence = [
        DropCopyRecord.from_bytes(processes.kept()[at : at + DROP_BYTES]).sequence_number
        for at in range(0, len(processes.kept()), DROP_BYTES)
    ]
    assert sequence == list(range(1, len(sequence) + 1))


@pytest.mark.slow
def test_many_stops_and_kills_at_random_moments(processes: Processes) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - to run it again
    draw = random.Random(seed)
    for _ in range(12):
        time.sleep(draw.random() * 0.3)
        match draw.randrange(4):
            case 0:
                os.kill(processes.gateway.pid, signal.SIGSTOP)
                time.sleep(draw.random() * 0.6)
                os.kill(processes.gateway.pid, signal.SIGCONT)
            case 1:
                os.kill(processes.hot.pid, signal.SIGSTOP)
                time.sleep(draw.random() * 0.6)
                os.kill(processes.hot.pid, signal.SIGCONT)
            case 2:
                processes.gateway.kill()
                processes.gateway.wait()
                processes.gateway = processes.start_gateway()
            case _:
                processes.hot.kill()
                processes.hot.wait()
                processes.hot = processes.start_hot()
        processes.all_kept()
    os.kill(processes.gateway.pid, signal.SIGSTOP)
    quiet(processes)
    os.kill(processes.gateway.pid, signal.SIGCONT)
    within(lambda: processes.trading() and len(processes.kept()) > 0)
    processes.all_kept()
