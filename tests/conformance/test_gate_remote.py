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
    """What looks inside asks the other process."""

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


class Processes:
    """One process per shape for the whole module: a new session brings a new state, so each gate is a fresh one."""

    running: ClassVar[dict[GateShape, tuple[GateProcess, Path]]] = {}
    folders: ClassVar[list[tempfile.TemporaryDirectory[str]]] = []

    @classmethod
    def make(cls, **sizes: int) -> RemoteGate:
        shape = GateShape(**sizes)
        if shape not in cls.running:
            cls.folders.append(tempfile.TemporaryDirectory())
            folder = Path(cls.folders[-1].name)
            process = GateProcess(f"ipc://{folder}/run/gate.sock", folder / "keys", shape, lease_ms=PATIENT_MS)
            cls.running[shape] = (process, folder)
        process, folder = cls.running[shape]
        gate = JudgedGate(process.endpoint, KeyRing(folder / "keys"), shape, deadline_ms=PATIENT_MS)
        gate.reconnect()
        return gate

    @classmethod
    def stop(cls) -> None:
        for process, _ in cls.running.values():
            assert process.stop() == 0
        cls.running.clear()
        while cls.folders:
            cls.folders.pop().cleanup()


@pytest.fixture(scope="module", autouse=True)
def _processes() -> Iterator[None]:
    yield
    Processes.stop()


class TestRemoteGate(GateStories):
    kind = GateKind("remote", make=Processes.make, intent=OrderIntent.from_bytes)


TestRemoteGateLockstep = lockstep(TestRemoteGate.kind, examples=10, steps=20)
