"""The gate in a process of its own before the one judge. The judge sees the process, not the books beside it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from meltica.hot import OrderIntent
from meltica.hot.ports import GateState
from meltica.links.frames import GateShape
from meltica.links.gate_process import GateProcess
from meltica.links.keys import KeyRing
from meltica.links.remote_gate import RemoteGate
from tests.conformance.gate_machine import lockstep
from tests.conformance.gate_suite import GateKind, GateStories

PATIENT_MS = 20_000  # The judge looks at verdicts; deadlines are judged in tests/integration


class JudgedGate(RemoteGate):
    """What looks inside asks the other process, which goes back to the pool when the judge is done."""

    process: GateProcess

    def counters(self) -> dict[str, Any]:
        found: dict[str, Any] = self.gate_counters()["gate"]
        return found

    def state_digest(self) -> str:
        return self.gate_digest()

    def export_state(self) -> GateState:
        return self.gate_state()

    @property
    def killed(self) -> bool:
        return self.gate_killed()

    def close(self) -> None:
        super().close()
        Pool.idle.setdefault(self.shape, []).append(self.process)


class Pool:
    """Processes are used again: a new session brings a new state, so each gate is a fresh one."""

    folder: ClassVar[Path]
    started: ClassVar[list[GateProcess]] = []
    idle: ClassVar[dict[GateShape, list[GateProcess]]] = {}

    @classmethod
    def make(cls, **sizes: int) -> RemoteGate:
        shape = GateShape(**sizes)
        process = cls.idle[shape].pop() if cls.idle.get(shape) else cls.start(shape)
        gate = JudgedGate(process.endpoint, KeyRing(cls.folder / "keys"), shape, deadline_ms=PATIENT_MS)
        gate.process = process
        gate.reconnect()
        return gate

    @classmethod
    def start(cls, shape: GateShape) -> GateProcess:
        endpoint = f"ipc://{cls.folder}/run/{len(cls.started)}.sock"
        cls.started.append(GateProcess(endpoint, cls.folder / "keys", shape, lease_ms=PATIENT_MS))
        return cls.started[-1]


@pytest.fixture(scope="module", autouse=True)
def _pool() -> Iterator[None]:
    with tempfile.TemporaryDirectory() as folder:  # Not tmp_path: its name is too long for a UNIX socket
        Pool.folder = Path(folder)
        yield
        statuses = [process.stop() for process in Pool.started]
        Pool.started.clear()
        Pool.idle.clear()
    assert not any(statuses)


class TestRemoteGate(GateStories):
    kind = GateKind("remote", make=Pool.make, intent=OrderIntent.from_bytes)


TestRemoteGateLockstep = lockstep(TestRemoteGate.kind, count=10, steps=20)
