"""Breaking any one check in any one of the three gates makes the conformance run fail.

MELTICA_MUTANTS=all    every mutant (`make mutants`); else a sample of each kind, chosen by SEED, which is printed
"""

import faulthandler
import os
import signal
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from random import Random, SystemRandom
from types import ModuleType
from typing import Any

import pytest

from meltica.hot import Check, load
from meltica.hot.gate_twin import Gate as Twin
from meltica.hot.intent_twin import OrderIntent
from sim.verilated.rtl_gate import RtlGate
from tests.conformance.gate_mutants import (
    ALWAYS,
    NEVER,
    PLAIN,
    broken_twin,
    cython_with_mutants,
    rtl_with_mutants,
)
from tests.conformance.gate_replay import Part, by_software, differences, operations_of, replayed_in_rtl
from tests.conformance.gate_volume import SHAPE, Episode, episode

CYTHON = load("cython")
ALL = os.environ.get("MELTICA_MUTANTS") == "all"
SEED = int(os.environ.get("SEED") or SystemRandom().randrange(2**31))
SAMPLE = 8
EPISODES, COUNT, PART, STEP = 6, 8_000, 1_000, 20
PATIENCE_S = 60
NOTICED, SURVIVED = 3, 0
# Bounds of the plain path that only keep it from reading beyond a table.
EQUIVALENT = {
    "order.account_id >= t.max_accounts": "what lies behind the table decides what becomes of it",
    "order.strategy_id >= t.max_strategies": "the row behind the last is of zeros, whose limit no value keeps",
}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1_200)]


@cache
def day(number: int) -> Episode:
    return episode(SEED + number, COUNT)


@cache
def right(number: int) -> list[Part]:
    """What the gate that is not broken makes of a day."""
    gate = CYTHON.Gate(**day(number).arguments)
    parts = []
    for low in range(0, COUNT, PART):
        outcomes = by_software(gate, CYTHON.OrderIntent.from_bytes, operations_of(day(number), low, low + PART))
        parts.append(Part(outcomes, gate.export_state()))
    return parts


def chosen(names: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    names = list(names)
    return names if ALL else Random(SEED).sample(names, min(SAMPLE, len(names)))


def of_checks() -> list[tuple[str, int]]:
    words = {"never": NEVER, "always": ALWAYS}
    return chosen((f"{check.name} {word}", offset + check) for word, offset in words.items() for check in Check)


def software_notices(make: Callable[..., Any], intent: Callable[[bytes], Any]) -> bool:
    """Whether a gate differs from the right one; stops at the first difference, before it does any harm."""
    for number in range(EPISODES):
        gate = make(**day(number).arguments)
        for part, (outcomes, state) in enumerate(right(number)):
            for low in range(0, PART, STEP):
                begin = part * PART + low
                ours = by_software(gate, intent, operations_of(day(number), begin, begin + STEP))
                if differences(ours, outcomes[low : low + STEP]):
                    return True
            if gate.export_state() != state:
                return True
    return False


def rtl_notices(module: ModuleType, mutant: int) -> bool:
    for number in range(EPISODES):
        gate = RtlGate(**day(number).arguments, module=module, mutant_i=mutant)
        parts = replayed_in_rtl(gate, day(number), PART)
        try:
            if any(
                differences(a.outcomes, b.outcomes) or a.state != b.state
                for a, b in zip(parts, right(number), strict=True)
            ):
                return True
        except RuntimeError:  # an answer that never came
            return True
    return False


def report(survivors: list[str], tried: int) -> None:
    assert not survivors, f"SEED={SEED}: {len(survivors)} of {tried} mutants were not noticed: {', '.join(survivors)}"


def test_mutants_of_the_twin_are_noticed() -> None:
    survivors = []
    for name, number in of_checks():
        always = number >= ALWAYS
        with broken_twin(Check(number - (ALWAYS if always else NEVER)), always=always):
            if not software_notices(Twin, OrderIntent.from_bytes):
                survivors.append(name)
    report(survivors, len(of_checks()))


def test_the_twin_that_is_not_broken_passes() -> None:
    assert not software_notices(Twin, OrderIntent.from_bytes), f"SEED={SEED}"


@pytest.fixture(scope="module")
def cython(tmp_path_factory: pytest.TempPathFactory) -> tuple[ModuleType, list[str]]:
    return cython_with_mutants(tmp_path_factory.mktemp("mutants"))


def test_mutants_of_cython_are_noticed(cython: tuple[ModuleType, list[str]]) -> None:
    """Each check, and each bound of the path that most orders take."""
    module, bounds = cython
    assert len(bounds) > 25
    assert set(EQUIVALENT) <= set(bounds)
    numbered = [
        (f"plain path without {bound}", PLAIN + at) for at, bound in enumerate(bounds) if bound not in EQUIVALENT
    ]
    plain = chosen(numbered)
    mutants = [*of_checks(), *plain]
    for number in range(EPISODES):
        right(number)  # before the children, which would each work it out again
    assert in_a_child(module, 0) == SURVIVED, f"SEED={SEED}: the copy without a mutant differs"
    report([name for name, number in mutants if in_a_child(module, number) == SURVIVED], len(mutants))


def in_a_child(module: ModuleType, mutant: int) -> int:
    """A broken gate may write where it should not, or never come back: that is noticed too."""
    child = os.fork()
    if child == 0:
        try:
            faulthandler.disable()  # a crash is an answer here
            signal.alarm(PATIENCE_S)
            module.set_mutant(mutant)
            noticed = software_notices(module.Gate, CYTHON.OrderIntent.from_bytes)
        except BaseException:  # noqa: BLE001 - whatever it is, this process ends here
            os._exit(NOTICED)
        os._exit(NOTICED if noticed else SURVIVED)
    return os.waitpid(child, 0)[1]


@pytest.fixture(scope="module")
def rtl() -> ModuleType:
    folder = Path(__file__).resolve().parents[2] / ".cache/mutants"
    folder.mkdir(parents=True, exist_ok=True)
    bounds = day(0).bounds
    parameters = {
        "Instruments": SHAPE.instruments,
        "Accounts": SHAPE.accounts,
        "Strategies": SHAPE.strategies,
        "Ports": bounds.ports,
        "WorkingOrders": SHAPE.working_orders,
        "DuplicateDepth": SHAPE.duplicate_depth,
        "FutureToleranceNs": SHAPE.tolerance_ns,
    }
    return rtl_with_mutants(folder, parameters)


def test_mutants_of_the_rtl_are_noticed(rtl: ModuleType) -> None:
    assert not rtl_notices(rtl, 0), f"SEED={SEED}: the copy without a mutant differs"
    report([name for name, number in of_checks() if not rtl_notices(rtl, number)], len(of_checks()))
