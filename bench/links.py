"""What it costs to ask a gate in another process: one check there and back, with its verdict compared with the books.

Floor: the same two messages (96 bytes there, 64 back) through a pyzmq ROUTER that echoes, in a process of its own, over
the same kind of socket with CURVE. Wall-clock time, since a round trip is mostly two threads waking each other.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter_ns
from typing import Final

import zmq

from bench.measure import Row, Series, in_turn, row
from meltica.hot import OrderIntent
from meltica.links.gate_process import GateProcess
from meltica.links.keys import KeyRing
from meltica.links.remote_gate import RemoteGate

ROUND_TRIPS: Final = 2_000
NOTICES: Final = 20_000
PERCENT: Final = 100
REQUEST: Final = bytes(32 + 64)
ANSWER_BYTES: Final = 32 + 32
ECHO: Final = f"""
import sys, zmq
context = zmq.Context()
router = context.socket(zmq.ROUTER)
router.curve_server = True
router.curve_secretkey = sys.argv[2].encode()
router.bind(sys.argv[1])
print("ready", flush=True)
while True:
    who, message = router.recv_multipart()
    router.send_multipart([who, message[:{ANSWER_BYTES}]])
"""


def rows(runs: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with _gate(folder) as gate, _echo(folder) as echo:
            order = OrderIntent(action=1, side=1, instrument_id=0, account_id=0, order_id=1, quantity_lots=1, time_ns=1)
            sides: dict[str, Callable[[], object]] = {"ours": lambda: gate.check(order), "floor": echo}
            trips: dict[str, list[list[float]]] = {"ours": [], "floor": []}
            in_turn({side: _keeping(trips[side], call) for side, call in sides.items()}, runs)
            told = in_turn({"told": lambda: _told(gate)}, runs)["told"]
    return [
        _row("check in another process, p50", trips, median),
        _row("check in another process, p99", trips, lambda taken: quantiles(taken, n=PERCENT)[-1]),
        row("fill told to another process", "µs/call", told),
    ]


def _row(name: str, trips: dict[str, list[list[float]]], figure: Callable[[list[float]], float]) -> Row:
    floor = Series("pyzmq echo, CURVE, ipc", [figure(taken) for taken in trips["floor"]])
    return row(name, "µs", [figure(taken) for taken in trips["ours"]], floor=floor)


def _keeping(kept: list[list[float]], call: Callable[[], object]) -> Callable[[], float]:
    """A contender that also keeps each round trip, since both the median and the tail are shown."""

    def taken() -> float:
        kept.append([_microseconds(call) for _ in range(ROUND_TRIPS)])
        return median(kept[-1])

    return taken


def _microseconds(call: Callable[[], object]) -> float:
    begin = perf_counter_ns()
    call()
    return (perf_counter_ns() - begin) / 1000


def _told(gate: RemoteGate) -> float:
    """With the answer to the last one, so that nothing is left on its way."""
    begin = perf_counter_ns()
    for _ in range(NOTICES):
        gate.fill(0, 0, 1, 1, 1, closes=False)
    gate.gate_killed()
    return (perf_counter_ns() - begin) / 1000 / NOTICES


@contextmanager
def _gate(folder: Path) -> Iterator[RemoteGate]:
    with (
        GateProcess(f"ipc://{folder}/run/gate.sock", folder / "keys") as process,
        RemoteGate(process.endpoint, KeyRing(folder / "keys")) as gate,
    ):
        gate.reconnect()
        yield gate


@contextmanager
def _echo(folder: Path) -> Iterator[Callable[[], object]]:
    endpoint = f"ipc://{folder}/run/echo.sock"
    ring = KeyRing(folder / "keys")
    command = [sys.executable, "-c", ECHO, endpoint, ring.gate().secret.decode()]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child, zmq.Context() as context:
        try:
            assert child.stdout is not None
            child.stdout.readline()
            with context.socket(zmq.DEALER) as dealer:
                dealer.linger = 0
                dealer.curve_publickey, dealer.curve_secretkey = ring.client()
                dealer.curve_serverkey = ring.gate_public()
                dealer.connect(endpoint)

                def there_and_back() -> bytes:
                    dealer.send(REQUEST)
                    return dealer.recv()

                there_and_back()
                yield there_and_back
        finally:
            child.kill()
