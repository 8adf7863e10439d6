"""A model of the rules and the engine, in lockstep through random days."""

from __future__ import annotations

import pytest
from hypothesis.stateful import run_state_machine_as_test

from tests.unit.engine.machine import MACHINE
from tests.unit.engine.machine_books import BookedMachine


class CompiledMachine(BookedMachine):
    backend = "cython"


@pytest.mark.parametrize("machine", [BookedMachine, CompiledMachine])
def test_the_engine_does_what_the_rules_say(machine):
    run_state_machine_as_test(machine, settings=MACHINE)
