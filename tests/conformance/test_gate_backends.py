"""Both backends of the gate before the one judge."""

from meltica.hot import load
from tests.conformance.gate_machine import lockstep
from tests.conformance.gate_suite import GateKind, GateStories

PYTHON, CYTHON = load("python"), load("cython")


class TestPythonGate(GateStories):
    kind = GateKind("python", make=PYTHON.Gate, intent=PYTHON.OrderIntent.from_bytes)


class TestCythonGate(GateStories):
    kind = GateKind("cython", make=CYTHON.Gate, intent=CYTHON.OrderIntent.from_bytes)


TestCythonGateLockstep = lockstep(TestCythonGate.kind)
