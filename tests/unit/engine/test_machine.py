"""A model of the rules and the engine, in lockstep through random days."""

from __future__ import annotations

import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.unit.engine.machine import MACHINE
from tests.unit.engine.machine_doubts import DoubtfulMachine


class CompiledMachine(DoubtfulMachine):
    backend = "cython"


@pytest.mark.parametrize("machine", [DoubtfulMachine, CompiledMachine])
def test_the_engine_does_what_the_rules_say(machine):
    run_state_machine_as_test(machine, settings=MACHINE)
