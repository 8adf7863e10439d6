"""What the control link to hot processes costs: drop copies a second, and how soon a gate sees the kill switch.

Drop copies: 64 KiB blocks from one process to another, checked, numbered and acknowledged. Floor: the same blocks
through a bare pyzmq DEALER and ROUTER with CURVE, acknowledged in the same way. Kill: from the decision to the record
at a gate's side thread in another process (both by the monotonic clock of the machine).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Final
from uuid import uuid4

import zmq

from bench.measure import Row, Series, in_turn, row
from meltica.app.process import GatewayProcess
from meltica.app.settings import Settings, read_settings
from meltica.control.client import open_blocking_channel
from meltica.hot.layout_gen import DropCopyRecord, KillRecord, KillScope
from meltica.links.control_link_desk import ControlDesk
from meltica.links.control_link_messages import DROP_BYTES, MAX_DROPS
from meltica.links.control_link_server import ControlLink
from meltica.links.control_link_session import Dropped, Joined, Notice, Seat
from meltica.links.keys import KeyRing
from meltica.v1 import kill_switch_service_pb2 as api
from meltica.v1.kill_switch_service_pb2_grpc import KillSwitchServiceStub

COPIES: Final = 200 * MAX_DROPS
KILLS: Final = 300
CALLS: Final = 100
CALL_S: Final = 10.0
SCRATCH: Final = Path(__file__).parents[1] / ".cache" / "bench"  # Not /tmp, which may be memory
SETTINGS: Final = """
state = "{state}"
listen = "127.0.0.1:0"

[control]
lease_ms = 5000

[[hot_gates]]
name = "edge"
"""
PERCENT: Final = 100
SECOND_NS: Final = 1_000_000_000
LEASE_NS: Final = 5 * SECOND_NS

SENDER: Final = """
import sys, time
from pathlib import Path
from meltica.hot.layout_gen import KillRecord
from meltica.links.hot_link import HotLink
from meltica.links.keys import KeyRing

class Store:
    def __init__(self, records): self.records, self.end = records, 1
    def first(self): return 1
    def next(self): return self.end
    def read(self, first, count): return self.records[(first - 1) * 128 : (first - 1 + count) * 128]

commands, state, keys, records = sys.argv[1:]
ring = KeyRing(Path(keys))
store = Store(Path(records).read_bytes())
link = HotLink("edge", gate_epoch=time.time_ns(), keys=ring.client(), gateway_public=ring.control_public(),
               commands=commands, state=state, drops=store)
link.connect()
while link.lease_until_ns == 0:
    link.poll(5)
print("ready", flush=True)
if sys.stdin.readline().strip() == "drops":
    store.end = 1 + len(store.records) // 128
    while link.health().kept < store.end:
        link.poll(1)
    print("done", flush=True)
else:
    while True:
        for record in link.poll(1_000):
            if int.from_bytes(record[:2], "little") == KillRecord.TYPE_ID:
                print(KillRecord.from_bytes(record).engage, time.monotonic_ns(), flush=True)
"""

BARE: Final = """
import sys, zmq
from pathlib import Path
from meltica.links.keys import KeyRing
endpoint, keys, records, size = sys.argv[1:]
ring = KeyRing(Path(keys))
data, size = Path(records).read_bytes(), int(size)
dealer = zmq.Context().socket(zmq.DEALER)
dealer.curve_publickey, dealer.curve_secretkey = ring.client()
dealer.curve_serverkey = ring.control_public()
dealer.connect(endpoint)
dealer.send(b"hello")
dealer.recv()
print("ready", flush=True)
sys.stdin.readline()
for at in range(0, len(data), size):
    dealer.send(data[at : at + size])
for _ in range(0, len(data), size):
    dealer.recv()
print("done", flush=True)
"""


def rows(runs: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        records = folder / "records"
        records.write_bytes(b"".join(_drop(number) for number in range(1, COPIES + 1)))
        sides: dict[str, Callable[[], float]] = {
            "ours": lambda: _ours(folder, records),
            "floor": lambda: _bare(folder, records),
        }
        taken = in_turn(sides, runs)
        kills = [_kills(folder, records) for _ in range(runs)]
        calls = [_calls(records) for _ in range(runs)]
    floor = Series("pyzmq blocks, CURVE, ipc", taken["floor"])
    return [
        row("drop copy to the gateway", "ns/copy", taken["ours"], floor=floor),
        row("kill record to a gate's process, p50", "µs", [median(times) for times in kills]),
        row("kill record to a gate's process, p99", "µs", [quantiles(times, n=PERCENT)[-1] for times in kills]),
        row("gRPC EngageKillSwitch to a gate's process, p50", "µs", [median(times) for times in calls]),
        row("gRPC EngageKillSwitch to a gate's process, p99", "µs", [quantiles(t, n=PERCENT)[-1] for t in calls]),
    ]


def _drop(number: int) -> bytes:
    fields = dict.fromkeys(DropCopyRecord.__slots__, 0) | {"type_id": DropCopyRecord.TYPE_ID, "kind": 1}
    return DropCopyRecord(**(fields | {"sequence_number": number, "order_id": number})).to_bytes()


class _Gateway:
    """Admits the gate, and acknowledges what came at once."""

    def __init__(self, folder: Path) -> None:
        ring = KeyRing(folder / "keys")
        key = ring.client().public
        self.came = 0
        self.link = ControlLink(
            lambda now_ns: ControlDesk([Seat("edge", key)], stream_epoch=1, now_ns=now_ns, lease_ns=LEASE_NS),
            commands=f"ipc://{folder}/run/commands.sock",
            state=f"ipc://{folder}/run/state.sock",
            keys=ring,
            told=self._told,
        )

    def _told(self, notices: Sequence[Notice]) -> None:
        for notice in notices:
            if isinstance(notice, Joined):
                self.link.admit("edge", notice.gate_epoch)
            elif isinstance(notice, Dropped):
                self.came = notice.first - 1 + len(notice.records) // DROP_BYTES
                self.link.keep("edge", self.came + 1)


@contextmanager
def _sender(folder: Path, records: Path) -> Iterator[tuple[_Gateway, subprocess.Popen[bytes]]]:
    gateway = _Gateway(folder)
    link = gateway.link
    command = [sys.executable, "-c", SENDER, link.commands, link.state, str(folder / "keys"), str(records)]
    pulsing = threading.Event()

    def pulse() -> None:
        while not pulsing.wait(0.2):
            link.pulse()

    thread = threading.Thread(target=pulse)
    thread.start()
    try:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
            try:
                assert child.stdout is not None
                child.stdout.readline()
                yield gateway, child
            finally:
                child.kill()
    finally:
        pulsing.set()
        thread.join()
        link.close()


def _ours(folder: Path, records: Path) -> float:
    with _sender(folder, records) as (gateway, child):
        took = _timed(child, b"drops\n")
        assert gateway.came == COPIES
    return took / COPIES


def _timed(child: subprocess.Popen[bytes], start: bytes) -> float:
    assert child.stdin is not None
    assert child.stdout is not None
    begin = time.perf_counter_ns()
    child.stdin.write(start)
    child.stdin.flush()
    child.stdout.readline()
    return time.perf_counter_ns() - begin


def _bare(folder: Path, records: Path) -> float:
    endpoint, ring = f"ipc://{folder}/run/bare.sock", KeyRing(folder / "keys")
    (folder / "run").mkdir(mode=0o700, exist_ok=True)
    with zmq.Context() as context, context.socket(zmq.ROUTER) as router:
        router.linger = 0
        router.curve_server = True
        router.curve_secretkey = ring.control().secret
        router.sndhwm = router.rcvhwm = 4_096
        router.bind(endpoint)

        def serve() -> None:
            for _ in range(1 + COPIES // MAX_DROPS):
                peer, _block = router.recv_multipart()
                router.send_multipart([peer, b"kept"])

        thread = threading.Thread(target=serve)
        thread.start()
        words = [endpoint, str(ring.folder), str(records), str(MAX_DROPS * DROP_BYTES)]
        with subprocess.Popen([sys.executable, "-c", BARE, *words], stdin=-1, stdout=-1) as child:
            assert child.stdout is not None
            child.stdout.readline()
            took = _timed(child, b"go\n")
            thread.join()
    return took / COPIES


def _kills(folder: Path, records: Path) -> list[float]:
    """Microseconds from ``tell`` to the record in the other process."""
    with _sender(folder, records) as (gateway, child):
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"kills\n")
        child.stdin.flush()
        times = []
        for number in range(KILLS):
            time.sleep(0.002)
            record = KillRecord(KillScope.GLOBAL, number % 2, 0, number).to_bytes()
            begin = time.monotonic_ns()
            gateway.link.tell("edge", [record])
            times.append((_seen(child, number % 2) - begin) / 1000)
    return times


def _seen(child: subprocess.Popen[bytes], engage: int) -> int:
    """When the gate had the record; ones about the other state before it are let go."""
    assert child.stdout is not None
    while True:
        state, at = child.stdout.readline().split()
        if int(state) == engage:
            return int(at)


def _calls(records: Path) -> list[float]:
    """Microseconds from the start of the gRPC call to the record in the gate's process; two persons release between."""
    SCRATCH.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=SCRATCH) as name:
        folder, settings = Path(name), Path(name) / "meltica.toml"
        settings.write_text(SETTINGS.format(state=folder / "state"), "utf-8")
        wanted = read_settings(settings)
        process = GatewayProcess(wanted.state_folder)
        address = process.start(settings)
        try:
            return _called(wanted, address, records)
        finally:
            process.stop()


def _called(settings: Settings, address: str, records: Path) -> list[float]:
    state, control = settings.state_folder, settings.control
    ends = [control.commands_at(state), control.state_at(state), str(control.key_folder(state)), str(records)]
    with (
        subprocess.Popen([sys.executable, "-c", SENDER, *ends], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child,
        open_blocking_channel(settings.authority, "olivia", address) as olivia,
        open_blocking_channel(settings.authority, "ravi", address) as ravi,
    ):
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            child.stdout.readline()
            child.stdin.write(b"kills\n")
            child.stdin.flush()
            first, second = KillSwitchServiceStub(olivia), KillSwitchServiceStub(ravi)
            return [_call(first, second, child) for _ in range(CALLS)]
        finally:
            child.kill()


def _call(first: KillSwitchServiceStub, second: KillSwitchServiceStub, child: subprocess.Popen[bytes]) -> float:
    engage = api.EngageKillSwitchRequest(request_id=str(uuid4()), reason="bench")
    begin = time.monotonic_ns()
    first.EngageKillSwitch(engage, timeout=CALL_S)
    took = (_seen(child, 1) - begin) / 1000
    propose = api.ProposeReleaseRequest(request_id=str(uuid4()), reason="bench")
    proposal = first.ProposeRelease(propose, timeout=CALL_S).proposal.proposal_id
    second.ApproveRelease(api.ApproveReleaseRequest(request_id=str(uuid4()), proposal_id=proposal), timeout=CALL_S)
    _seen(child, 0)
    return took
